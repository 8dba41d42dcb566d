//! The questions about service plans.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use super::service_plan::ServicePlan;
use crate::entity::Entity as _;

/// The orders of the list of service plans; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("period_end", "period_end", SortKind::Moment),
    Sort::new("-period_end", "period_end", SortKind::Moment),
    Sort::new("name", "name", SortKind::Text),
    Sort::new("id", "key", SortKind::Id),
];

/// Which service plans. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServicePlanFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those that are counted in one of these units.
    pub units: Option<Vec<String>>,
    /// Those with this SLA policy.
    pub sla_policy: Option<Uuid>,
    /// Those that are active, and whose period contains this time.
    pub active_at: Option<DateTime<Utc>>,
    /// Those whose period ends at this time or later.
    pub ends_from: Option<DateTime<Utc>>,
    /// Those whose period ends before this time.
    pub ends_to: Option<DateTime<Utc>>,
    /// Those with a next occurrence that is due before this time.
    pub next_occurrence_to: Option<DateTime<Utc>>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("service_plan_list", include_str!("service_plan_list.sql"), SORTS));

/// The service plans that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn service_plans(
    connection: &mut PgConnection,
    filter: ServicePlanFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.units)?
        .with(filter.sla_policy)?
        .with(filter.active_at)?
        .with(filter.ends_from)?
        .with(filter.ends_to)?
        .with(filter.next_occurrence_to)?
        .page(connection, &LIST, slice)
        .await
}

/// How many service plans there are: the facts `status/<s>` (count).
///
/// # Errors
/// The database cannot be asked.
pub async fn service_plan_counts(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(connection, ServicePlan::NAME, &["status/".to_owned()], as_of).await
}
