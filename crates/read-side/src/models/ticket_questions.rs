//! The questions about tickets.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use super::ticket::Ticket;
use crate::entity::Entity as _;

/// The orders of the list of tickets; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-opened_at", "opened_at", SortKind::Moment),
    Sort::new("opened_at", "opened_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("priority", "priority", SortKind::Text),
    Sort::new("-priority", "priority", SortKind::Text),
    Sort::new("number", "number", SortKind::Number),
    Sort::new("-number", "number", SortKind::Number),
    Sort::new("sla_due_at", "sla_due_at", SortKind::MaybeMoment),
];

/// Which tickets. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TicketFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those of one of these priorities.
    pub priorities: Option<Vec<String>>,
    /// Those of this team.
    pub team: Option<Uuid>,
    /// Those of this agent.
    pub assignee: Option<Uuid>,
    /// Those with this tag.
    pub tag: Option<String>,
    /// Those opened at this time or later.
    pub opened_from: Option<DateTime<Utc>>,
    /// Those opened before this time.
    pub opened_to: Option<DateTime<Utc>>,
    /// Those with a running clock that is due before this time, or was.
    pub due_to: Option<DateTime<Utc>>,
    /// Those with a clock that is at risk before this time, or was.
    pub at_risk_to: Option<DateTime<Utc>>,
    /// Those of which a clock was breached, or those of which none was.
    pub breached: Option<bool>,
    /// Those that are promised something by this policy.
    pub sla_policy: Option<Uuid>,
    /// Those under this service plan.
    pub plan: Option<Uuid>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("ticket_list", include_str!("ticket_list.sql"), SORTS));

/// The tickets that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn tickets(
    connection: &mut PgConnection,
    filter: TicketFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.priorities)?
        .with(filter.team)?
        .with(filter.assignee)?
        .with(filter.tag)?
        .with(filter.opened_from)?
        .with(filter.opened_to)?
        .with(filter.due_to)?
        .with(filter.at_risk_to)?
        .with(filter.breached)?
        .with(filter.sla_policy)?
        .with(filter.plan)?
        .page(connection, &LIST, slice)
        .await
}

/// How many tickets there are: the facts `status/<s>` (count) and `priority/<p>` (count, unfinished ones).
///
/// # Errors
/// The database cannot be asked.
pub async fn ticket_counts(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(connection, Ticket::NAME, &["priority/".to_owned(), "status/".to_owned()], as_of).await
}
