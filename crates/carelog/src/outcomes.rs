//! A summary of what became of many commands.

use std::collections::BTreeMap;
use std::time::Duration;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::client::Outcome;
use crate::exit;

/// How many commands had which outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Accepted now.
    pub accepted: u64,
    /// Accepted at an earlier time, and answered from the receipt.
    pub replayed: u64,
    /// Stored in the durable inbox.
    pub stored: u64,
    /// Rejected, by code.
    pub rejected: BTreeMap<String, u64>,
    /// Nobody could tell.
    pub unknown: u64,
    /// Not sent because of those.
    pub not_sent: u64,
    /// Events appended now.
    pub events: u64,
}

impl Outcomes {
    /// Counts one.
    pub fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(accepted) if accepted.replayed => self.replayed += 1,
            Outcome::Accepted(accepted) => {
                self.accepted += 1;
                self.events += accepted.events.len() as u64;
            }
            Outcome::Rejected(rejected) => self.reject(&rejected.code),
            Outcome::Stored => self.stored += 1,
            Outcome::Unknown(_) => self.unknown += 1,
            Outcome::NotSent => self.not_sent += 1,
        }
    }

    /// Counts a rejection.
    pub fn reject(&mut self, code: &str) {
        *self.rejected.entry(code.to_owned()).or_default() += 1;
    }

    /// How many were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.accepted + self.replayed + self.stored + self.rejected_total() + self.unknown + self.not_sent
    }

    /// How many were rejected.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// The exit code that scripts get: 0 all accepted, 1 some rejected, 3 some unknown.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match (self.unknown + self.not_sent, self.rejected_total()) {
            (0, 0) => exit::DONE,
            (0, _) => exit::FAILED,
            (_, _) => exit::UNKNOWN,
        }
    }

    /// The counts as a table, with the rate.
    #[must_use]
    pub fn table(&self, elapsed: Duration) -> String {
        let mut table = Table::new();
        table.load_style(UTF8_BORDERS_ONLY).set_header(["outcome", "commands"]);
        let mut row = |name: &str, count: u64| {
            table.add_row([name.to_owned(), grouped(count)]);
        };
        row("accepted", self.accepted);
        row("replayed", self.replayed);
        if self.stored > 0 {
            row("stored in the inbox", self.stored);
        }
        row("rejected", self.rejected_total());
        for (code, count) in &self.rejected {
            row(&format!("  {code}"), *count);
        }
        row("unknown", self.unknown);
        if self.not_sent > 0 {
            row("not sent because of those", self.not_sent);
        }
        if let Some(column) = table.column_mut(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        let total = self.total();
        let (seconds, rate) = (elapsed.as_secs_f64(), rate(total, elapsed));
        format!(
            "{table}\n{} commands, {} events appended, {seconds:.1} s, {} commands/s",
            grouped(total),
            grouped(self.events),
            grouped(rate)
        )
    }
}

/// So many a second.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for people"
)]
pub fn rate(count: u64, elapsed: Duration) -> u64 {
    (count as f64 / elapsed.as_secs_f64().max(0.001)).round() as u64
}

/// A number with its thousands set apart: `69,659`.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Accepted, Rejected};

    fn rejected(code: &str) -> Outcome {
        let code = code.to_owned();
        Outcome::Rejected(Rejected { code, status: 422, detail: String::new(), errors: Vec::new(), replayed: false })
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1_000, 69_659, 1_234_567].map(grouped), ["0", "999", "1,000", "69,659", "1,234,567"]);
    }

    #[test]
    fn the_exit_code_tells_the_worst_outcome() {
        let mut outcomes = Outcomes::default();
        outcomes.add(&Outcome::Accepted(Accepted::default()));
        assert_eq!(outcomes.exit_code(), 0);
        outcomes.add(&rejected("capacity"));
        assert_eq!(outcomes.exit_code(), 1);
        outcomes.add(&Outcome::Unknown("no reply".to_owned()));
        assert_eq!(outcomes.exit_code(), 3);
        assert_eq!(outcomes.total(), 3);
    }

    #[test]
    fn rejections_are_counted_by_code() {
        let mut outcomes = Outcomes::default();
        for code in ["capacity", "not_found", "capacity"] {
            outcomes.add(&rejected(code));
        }
        let table = outcomes.table(Duration::from_secs(1));
        assert!(table.contains("capacity") && table.contains("not_found"), "{table}");
        assert_eq!(outcomes.rejected.get("capacity"), Some(&2));
    }
}
