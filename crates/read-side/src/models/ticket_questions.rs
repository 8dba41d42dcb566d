//! The questions about tickets.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use super::questions::{self, Asked, Condition, Figure, Found, ListStatement, Slice, Sort, SortKind, bigint};
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
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("ticket_list", include_str!("ticket_list.sql"), SORTS));

/// One ticket.
///
/// # Errors
/// The database cannot be asked.
pub async fn ticket(pool: PgPool, id: Uuid, as_of: Option<u64>) -> Result<Asked<Option<Found>>, sqlx::Error> {
    questions::one::<Ticket>(&pool, id, as_of).await
}

/// The tickets that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn tickets(
    pool: PgPool,
    filter: TicketFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let TicketFilter { customer, statuses, priorities, team, assignee, tag, opened_from, opened_to } = filter;
    let (value, id) = slice.after.map(|after| (after.value, after.id)).unzip();
    let conditions = [
        (2, Condition::of(customer.as_ref())),
        (3, Condition::of_list(statuses.as_ref())),
        (4, Condition::of_list(priorities.as_ref())),
        (5, Condition::of(team.as_ref())),
        (6, Condition::of(assignee.as_ref())),
        (7, Condition::of(tag.as_ref())),
        (8, Condition::of(opened_from.as_ref())),
        (9, Condition::of(opened_to.as_ref())),
        (11, Condition::of(id.as_ref())),
    ];
    let rows = sqlx::query(LIST.by(slice.sort, as_of, &conditions)?)
        .bind(as_of.map(bigint))
        .bind(customer)
        .bind(statuses)
        .bind(priorities)
        .bind(team)
        .bind(assignee)
        .bind(tag)
        .bind(opened_from)
        .bind(opened_to)
        .bind(value)
        .bind(id)
        .bind(i64::from(slice.limit))
        .fetch_all(&pool)
        .await?;
    questions::found::<Ticket>(&rows)
}

/// How many tickets there are: the facts `status/<s>` (count) and `priority/<p>` (count, unfinished ones).
///
/// # Errors
/// The database cannot be asked.
pub async fn ticket_counts(pool: PgPool, as_of: Option<u64>) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(&pool, Ticket::NAME, &["priority/".to_owned(), "status/".to_owned()], as_of).await
}
