//! The questions about service executions.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use super::service_execution::ServiceExecution;
use crate::entity::Entity as _;

/// The orders of the list of service executions; the first is the default. What has no time yet stands at the earliest of
/// its window.
pub const SORTS: &[Sort] = &[
    Sort::new("scheduled_start", "begins_at", SortKind::Moment),
    Sort::new("-scheduled_start", "begins_at", SortKind::Moment),
    Sort::new("-planned_at", "planned_at", SortKind::Moment),
    Sort::new("planned_at", "planned_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
];

/// Which service executions. What is absent does not restrict. A resource with a range of times tells its bookings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceExecutionFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those that this ticket asks for.
    pub ticket: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those that this agent does.
    pub resource: Option<Uuid>,
    /// Those that take this skill.
    pub skill: Option<String>,
    /// Those whose time ends after this.
    pub scheduled_from: Option<DateTime<Utc>>,
    /// Those whose time begins before this.
    pub scheduled_to: Option<DateTime<Utc>>,
    /// Those whose window ends after this.
    pub window_from: Option<DateTime<Utc>>,
    /// Those whose window begins before this.
    pub window_to: Option<DateTime<Utc>>,
    /// Those under this service plan.
    pub plan: Option<Uuid>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("service_execution_list", include_str!("service_execution_list.sql"), SORTS));

/// The service executions that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn service_executions(
    connection: &mut PgConnection,
    filter: ServiceExecutionFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with(filter.ticket)?
        .with_one_of(filter.statuses)?
        .with(filter.resource)?
        .with(filter.skill)?
        .with(filter.scheduled_from)?
        .with(filter.scheduled_to)?
        .with(filter.window_from)?
        .with(filter.window_to)?
        .with(filter.plan)?
        .page(connection, &LIST, slice)
        .await
}

/// How many service executions there are: the facts `status/<s>`.
///
/// # Errors
/// The database cannot be asked.
pub async fn service_execution_counts(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(connection, ServiceExecution::NAME, &["status/".to_owned()], as_of).await
}
