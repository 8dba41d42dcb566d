//! Figures: what was measured, beside its yardstick, with its goal and whether that was reached.

use serde::Serialize;

use super::load::Latencies;
use super::rows::Row;
use crate::outcomes::grouped;

/// What a figure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// So many a second.
    #[serde(rename = "per second")]
    PerSecond,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Mebibytes.
    #[serde(rename = "MiB")]
    Mebibytes,
    /// A number of something.
    #[serde(rename = "count")]
    Count,
}

/// A goal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Must {
    /// The figure itself is at least this.
    AtLeast(f64),
    /// The figure itself is at most this.
    AtMost(f64),
    /// The figure divided by its yardstick is at least this.
    RatioAtLeast(f64),
    /// The figure divided by its yardstick is at most this.
    RatioAtMost(f64),
}

/// What a figure is measured against, in the same unit.
#[derive(Clone, Debug, Serialize)]
pub struct Yardstick {
    /// What it is.
    pub what: String,
    /// How much it is.
    pub value: f64,
}

/// A line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The row that it belongs to.
    pub row: Row,
    /// What was measured.
    pub what: String,
    /// How much it was.
    pub value: f64,
    /// In what it is counted.
    pub unit: Unit,
    /// How long each took, where that was measured too.
    pub latencies: Option<Latencies>,
    /// What it is measured against.
    pub yardstick: Option<Yardstick>,
    /// The figure divided by the yardstick.
    pub ratio: Option<f64>,
    /// The goal.
    pub must: Option<Must>,
    /// Whether the goal is reached.
    pub reached: Option<bool>,
    /// What else there is to know.
    pub note: Option<String>,
}

impl Figure {
    /// A figure without a goal.
    #[must_use]
    pub fn new(row: Row, what: impl Into<String>, value: f64, unit: Unit) -> Self {
        let what = what.into();
        let (latencies, yardstick, ratio, must, reached, note) = (None, None, None, None, None, None);
        Self { row, what, value, unit, latencies, yardstick, ratio, must, reached, note }
    }

    /// Adds how long each took.
    #[must_use]
    pub fn with(self, latencies: Latencies) -> Self {
        Self { latencies: Some(latencies), ..self }
    }

    /// Adds what it is measured against.
    #[must_use]
    pub fn beside(self, what: impl Into<String>, value: f64) -> Self {
        let yardstick = Some(Yardstick { what: what.into(), value });
        Self { yardstick, ratio: Some(self.value / value), ..self }
    }

    /// Adds the goal; one for the ratio comes after the yardstick.
    #[must_use]
    pub fn must(self, must: Must) -> Self {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let reached = match must {
            Must::AtLeast(goal) => self.value >= goal,
            Must::AtMost(goal) => self.value <= goal,
            Must::RatioAtLeast(goal) => ratio >= goal,
            Must::RatioAtMost(goal) => ratio <= goal,
        };
        Self { must: Some(must), reached: Some(reached), ..self }
    }

    /// Adds what else there is to know.
    #[must_use]
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }
}

/// A number of a unit, for people.
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates and sizes, never negative")]
pub fn written(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", grouped(value.round() as u64)),
        Unit::Milliseconds if value < 10.0 => format!("{value:.2} ms"),
        Unit::Milliseconds => format!("{value:.0} ms"),
        Unit::Mebibytes => format!("{value:.0} MiB"),
        Unit::Count if value.fract() == 0.0 => grouped(value as u64),
        Unit::Count => format!("{value:.2}"),
    }
}

impl Must {
    /// The goal, for people.
    #[must_use]
    pub fn written(self, unit: Unit) -> String {
        match self {
            Self::AtLeast(goal) => format!("≥ {}", written(goal, unit)),
            Self::AtMost(goal) => format!("≤ {}", written(goal, unit)),
            Self::RatioAtLeast(goal) => format!("≥ {goal} ×"),
            Self::RatioAtMost(goal) => format!("≤ {goal} ×"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_compared_with_the_figure_or_with_its_ratio() {
        let figure = || Figure::new(Row::Appends, "appends", 500.0, Unit::PerSecond).beside("INSERT", 1_000.0);
        assert_eq!(figure().ratio, Some(0.5));
        assert_eq!(figure().must(Must::RatioAtLeast(0.5)).reached, Some(true));
        assert_eq!(figure().must(Must::RatioAtMost(0.4)).reached, Some(false));
        assert_eq!(figure().must(Must::AtLeast(501.0)).reached, Some(false));
        assert_eq!(figure().must(Must::AtMost(500.0)).reached, Some(true));
    }

    #[test]
    fn a_ratio_without_a_yardstick_reaches_nothing() {
        let figure = Figure::new(Row::Get, "GET", 1.0, Unit::PerSecond);
        assert_eq!(figure.must(Must::RatioAtLeast(0.1)).reached, Some(false));
    }
}
