//! The questions about service evaluations.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind, bigint};
use super::service_evaluation::ServiceEvaluation;
use crate::entity::Entity as _;

/// The orders of the list of evaluations; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-drafted_at", "drafted_at", SortKind::Moment),
    Sort::new("drafted_at", "drafted_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("-period_start", "period_start", SortKind::Moment),
    Sort::new("period_start", "period_start", SortKind::Moment),
    Sort::new("id", "key", SortKind::Id),
];

/// Which evaluations. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceEvaluationFilter {
    /// Those of one of these kinds of subjects.
    pub subject_kinds: Option<Vec<String>>,
    /// Those of this subject.
    pub subject: Option<Uuid>,
    /// Those by this agent.
    pub evaluator: Option<Uuid>,
    /// Those of this agent's work.
    pub executor: Option<Uuid>,
    /// Those by this scorecard.
    pub scorecard: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those with one of these verdicts.
    pub verdicts: Option<Vec<String>>,
    /// Those with this result or a higher one, in hundredths.
    pub result_from: Option<u64>,
    /// Those with a lower result, in hundredths.
    pub result_to: Option<u64>,
    /// Those whose period goes on beyond this time.
    pub period_from: Option<DateTime<Utc>>,
    /// Those whose period begins before this time.
    pub period_to: Option<DateTime<Utc>>,
    /// Those drafted at this time or later.
    pub drafted_from: Option<DateTime<Utc>>,
    /// Those drafted before this time.
    pub drafted_to: Option<DateTime<Utc>>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("service_evaluation_list", include_str!("service_evaluation_list.sql"), SORTS));

/// The evaluations that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn service_evaluations(
    connection: &mut PgConnection,
    filter: ServiceEvaluationFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with_one_of(filter.subject_kinds)?
        .with(filter.subject)?
        .with(filter.evaluator)?
        .with(filter.executor)?
        .with(filter.scorecard)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.verdicts)?
        .with(filter.result_from.map(bigint))?
        .with(filter.result_to.map(bigint))?
        .with(filter.period_from)?
        .with(filter.period_to)?
        .with(filter.drafted_from)?
        .with(filter.drafted_to)?
        .page(connection, &LIST, slice)
        .await
}

/// How many evaluations there are: the facts `status/<s>` (count) and `verdict/<v>` (count, final ones).
///
/// # Errors
/// The database cannot be asked.
pub async fn counts(connection: &mut PgConnection, as_of: Option<u64>) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    let prefixes = ["status/".to_owned(), "verdict/".to_owned()];
    questions::figures(connection, ServiceEvaluation::NAME, &prefixes, as_of).await
}
