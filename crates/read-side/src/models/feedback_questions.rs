//! The questions about feedback.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::feedback::Metric;
use serde::Serialize;
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::feedback::Feedback;
use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use crate::entity::Entity as _;

/// The orders of the list of feedback; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-created_at", "created_at", SortKind::Moment),
    Sort::new("created_at", "created_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("id", "key", SortKind::Id),
];

/// Which feedback. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedbackFilter {
    /// That of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// That of one of these kinds.
    pub kinds: Option<Vec<String>>,
    /// That at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Surveys of one of these metrics.
    pub metrics: Option<Vec<String>>,
    /// What rates or is about this ticket.
    pub ticket: Option<Uuid>,
    /// What rates or is about this agent.
    pub agent: Option<Uuid>,
    /// What rates or is about this team.
    pub team: Option<Uuid>,
    /// Complaints of this severity.
    pub severity: Option<i64>,
    /// Answers with this score or a higher one.
    pub score_from: Option<i64>,
    /// Answers with this score or a lower one.
    pub score_to: Option<i64>,
    /// What began at this time or later.
    pub created_from: Option<DateTime<Utc>>,
    /// What began before this time.
    pub created_to: Option<DateTime<Utc>>,
    /// Surveys that were answered at this time or later.
    pub responded_from: Option<DateTime<Utc>>,
    /// Surveys that were answered before this time.
    pub responded_to: Option<DateTime<Utc>>,
    /// What rates or is about this service plan.
    pub plan: Option<Uuid>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("feedback_list", include_str!("feedback_list.sql"), SORTS));

/// The feedback that matches.
///
/// # Errors
/// The database cannot be asked.
pub async fn feedback(
    connection: &mut PgConnection,
    filter: FeedbackFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with_one_of(filter.kinds)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.metrics)?
        .with(filter.ticket)?
        .with(filter.agent)?
        .with(filter.team)?
        .with(filter.severity)?
        .with(filter.score_from)?
        .with(filter.score_to)?
        .with(filter.created_from)?
        .with(filter.created_to)?
        .with(filter.responded_from)?
        .with(filter.responded_to)?
        .with(filter.plan)?
        .page(connection, &LIST, slice)
        .await
}

/// A figure as the exact quotient of two whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Ratio {
    /// What is divided.
    pub numerator: i64,
    /// By what: the number of answers.
    pub denominator: i64,
}

/// The surveys of a metric in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct SurveyTotal {
    /// How many were requested.
    pub requested: i64,
    /// How many were answered: the `n` of the figures.
    pub responded: i64,
    /// How many expired without an answer.
    pub expired: i64,
    /// How many answers have each score.
    #[schema(value_type = Object)]
    pub scores: BTreeMap<u8, i64>,
    /// What they come to, however few; nothing without an answer. `csat`: `satisfied`, the share of 4 and 5. `nps`:
    /// `promoters`, the share of 9 and 10, `detractors`, that of 0 to 6, and `nps`, 100 times their difference. `ces`:
    /// `mean`, and `easy`, the share of 5 to 7.
    #[schema(value_type = Object)]
    pub figures: BTreeMap<&'static str, Ratio>,
}

impl SurveyTotal {
    /// What the scores come to, by the metric's definition.
    fn calculate(&mut self, metric: Metric) {
        let counted = |from: u8, to: u8| self.scores.range(from..=to).map(|(_, count)| count).sum::<i64>();
        let denominator = counted(0, u8::MAX);
        let figures = match metric {
            Metric::Csat => vec![("satisfied", counted(4, 5))],
            Metric::Nps => {
                let (promoters, detractors) = (counted(9, 10), counted(0, 6));
                let nps = promoters.saturating_sub(detractors).saturating_mul(100);
                vec![("promoters", promoters), ("detractors", detractors), ("nps", nps)]
            }
            Metric::Ces => {
                let weighed = |(score, count): (&u8, &i64)| i64::from(*score).saturating_mul(*count);
                let sum = self.scores.iter().map(weighed).fold(0, i64::saturating_add);
                vec![("mean", sum), ("easy", counted(5, 7))]
            }
        };
        if denominator > 0 {
            let ratio = |(name, numerator)| (name, Ratio { numerator, denominator });
            self.figures = figures.into_iter().map(ratio).collect();
        }
    }
}

/// All feedback in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedbackSummary {
    /// How much there is.
    pub total: i64,
    /// By kind.
    #[schema(value_type = Object)]
    pub by_kind: BTreeMap<String, i64>,
    /// Surveys by metric.
    #[schema(value_type = BTreeMap<String, SurveyTotal>)]
    pub surveys: BTreeMap<&'static str, SurveyTotal>,
    /// Complaints by status.
    #[schema(value_type = Object)]
    pub complaints_by_status: BTreeMap<String, i64>,
}

/// What all feedback comes to.
///
/// # Errors
/// The database cannot be asked.
pub async fn summary(connection: &mut PgConnection, as_of: Option<u64>) -> Result<Asked<FeedbackSummary>, sqlx::Error> {
    let prefixes = ["complaint/", "kind/", "score/", "survey/"].map(str::to_owned);
    let Asked { position, answer } = questions::figures(connection, Feedback::NAME, &prefixes, as_of).await?;
    Ok(Asked { position, answer: summed(answer) })
}

fn summed(figures: Vec<Figure>) -> FeedbackSummary {
    let mut summary = FeedbackSummary::default();
    for Figure { fact, numbers: [count, answered, expired, _] } in figures.into_iter().filter(|it| it.numbers[0] != 0) {
        let mut parts = fact.split('/');
        let (family, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        match family {
            "kind" => {
                summary.total = summary.total.saturating_add(count);
                summary.by_kind.insert(name.to_owned(), count);
            }
            "complaint" => _ = summary.complaints_by_status.insert(name.to_owned(), count),
            _ => {
                let Some(metric) = Metric::ALL.iter().find(|metric| metric.name() == name) else { continue };
                let total = summary.surveys.entry(metric.name()).or_default();
                match parts.next().and_then(|score| score.parse().ok()) {
                    Some(score) => _ = total.scores.insert(score, count),
                    None => (total.requested, total.responded, total.expired) = (count, answered, expired),
                }
            }
        }
    }
    for metric in Metric::ALL {
        if let Some(total) = summary.surveys.get_mut(metric.name()) {
            total.calculate(*metric);
        }
    }
    summary
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(fact: &str, numbers: [i64; 4]) -> Figure {
        Figure { fact: fact.to_owned(), numbers }
    }

    fn surveys(metric: &str, scores: &[(u8, i64)]) -> BTreeMap<&'static str, (i64, i64)> {
        let figures = scores.iter().map(|(score, count)| figure(&format!("score/{metric}/{score}"), [*count, 0, 0, 0]));
        let summary = summed(figures.collect());
        let told = summary.surveys.into_values().flat_map(|total| total.figures);
        told.map(|(name, ratio)| (name, (ratio.numerator, ratio.denominator))).collect()
    }

    #[test]
    fn satisfaction_is_the_share_of_four_and_five() {
        assert_eq!(surveys("csat", &[(1, 1), (3, 1), (4, 2), (5, 4)]), [("satisfied", (6, 8))].into());
    }

    #[test]
    fn the_net_promoter_score_is_nine_and_ten_less_nought_to_six() {
        let figures = surveys("nps", &[(0, 1), (6, 2), (7, 5), (8, 1), (9, 1), (10, 2)]);
        assert_eq!(figures, [("promoters", (3, 12)), ("detractors", (3, 12)), ("nps", (0, 12))].into());
        assert_eq!(surveys("nps", &[(6, 3), (9, 1)])["nps"], (-200, 4));
    }

    #[test]
    fn ease_is_a_mean_and_the_share_of_five_to_seven() {
        assert_eq!(surveys("ces", &[(1, 1), (4, 1), (5, 1), (7, 2)]), [("mean", (24, 5)), ("easy", (3, 5))].into());
    }

    #[test]
    fn surveys_without_an_answer_have_no_figures_and_what_is_gone_counts_for_nothing() {
        let summary = summed(vec![
            figure("complaint/closed", [2, 0, 0, 0]),
            figure("complaint/received", [0, 0, 0, 0]),
            figure("kind/complaint", [2, 0, 0, 0]),
            figure("kind/survey", [3, 0, 0, 0]),
            figure("score/nps/7", [0, 0, 0, 0]),
            figure("survey/nps", [3, 0, 1, 0]),
        ]);
        let nps = SurveyTotal { requested: 3, expired: 1, ..SurveyTotal::default() };
        let expected = FeedbackSummary {
            total: 5,
            by_kind: [("complaint".to_owned(), 2), ("survey".to_owned(), 3)].into(),
            surveys: [("nps", nps)].into(),
            complaints_by_status: [("closed".to_owned(), 2)].into(),
        };
        assert_eq!(summary, expected);
    }
}
