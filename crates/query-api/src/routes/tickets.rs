//! `/v1/tickets`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::ids::TicketId;
use domain::ticket::{Priority, Run, Status};
use read_side::models::questions::Figure;
use read_side::models::ticket::{Ticket, TicketRow};
use read_side::models::ticket_questions::{self as model, SORTS, TicketFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, about, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named, truth};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which tickets.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketsQuery {
    /// One or more of `new, open, pending, on_hold, resolved, closed, merged, cancelled`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// One or more of `P1, P2, P3, P4`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    priority: Vec<String>,
    /// A team.
    team: Option<Uuid>,
    /// An agent.
    assignee: Option<Uuid>,
    /// A customer; its aliases' tickets count as its own.
    customer: Option<Uuid>,
    /// A tag.
    tag: Option<String>,
    /// Opened at this time or later.
    #[serde(default, deserialize_with = "moment")]
    opened_from: Option<DateTime<Utc>>,
    /// Opened before this time.
    #[serde(default, deserialize_with = "moment")]
    opened_to: Option<DateTime<Utc>>,
    /// With a running clock that is due before this time, or was.
    #[serde(default, deserialize_with = "moment")]
    sla_due_to: Option<DateTime<Utc>>,
    /// With a clock that comes to 75 % of its target before this time, or did: with the present time, those at risk now.
    #[serde(default, deserialize_with = "moment")]
    sla_at_risk_to: Option<DateTime<Utc>>,
    /// `true`: a clock was breached; `false`: none was.
    #[serde(default, deserialize_with = "truth")]
    sla_breached: Option<bool>,
    /// An SLA policy by which something is promised.
    sla_policy: Option<Uuid>,
    /// A service plan.
    plan: Option<Uuid>,
    /// `-opened_at` (default), `opened_at`, `-updated_at`, `updated_at`, `priority`, `-priority`, `number`, `-number` or `sla_due_at`
    /// (those without a running clock last).
    sort: Option<String>,
    /// 1 to 200, 50 unless said otherwise.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// A position, or an RFC 3339 time.
    #[param(value_type = Option<String>)]
    as_of: Option<AsOf>,
}

/// The tickets that match.
#[utoipa::path(get, path = "/v1/tickets", tag = "tickets", params(TicketsQuery), responses(
    (status = 200, description = "A page of tickets", body = Page<Resource<TicketRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<TicketsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = TicketFilter {
        customer: query.customer,
        statuses: named::<Status>("status", query.status)?,
        priorities: named::<Priority>("priority", query.priority)?,
        team: query.team,
        assignee: query.assignee,
        tag: query.tag,
        opened_from: query.opened_from,
        opened_to: query.opened_to,
        due_to: query.sla_due_to,
        at_risk_to: query.sla_at_risk_to,
        breached: query.sla_breached,
        sla_policy: query.sla_policy,
        plan: query.plan,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if filter.customer.is_some() { &["ticket", "customer_alias"] } else { &["ticket"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::tickets(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many tickets there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketsSummary {
    /// All of them.
    total: i64,
    /// Those that are new, open, pending or on hold.
    unfinished: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
    /// By priority.
    #[schema(value_type = Object)]
    by_priority: BTreeMap<String, PriorityCount>,
}

/// How many tickets of a priority there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct PriorityCount {
    /// All of them.
    total: i64,
    /// Those that are new, open, pending or on hold.
    unfinished: i64,
}

impl TicketsSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        let by_priority = about(figures, "priority")
            .map(|(priority, [total, unfinished, ..])| (priority, PriorityCount { total, unfinished }));
        let by_priority: BTreeMap<_, _> = by_priority.collect();
        let unfinished = by_priority.values().map(|count| count.unfinished).sum();
        Self { total: by_status.values().sum(), unfinished, by_status, by_priority }
    }
}

/// How many tickets there are, by status and priority.
#[utoipa::path(get, path = "/v1/tickets/summary", tag = "tickets", params(PointQuery), responses(
    (status = 200, description = "The counts", body = TicketsSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<TicketsSummary>, ApiError> {
    let point = api.at(&["ticket"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::ticket_counts(connection, point.as_of))).await?;
    answer(asked.position, point, TicketsSummary::of(&asked.answer))
}

/// One ticket.
#[utoipa::path(get, path = "/v1/tickets/{id}", tag = "tickets", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The ticket", body = Resource<TicketRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such ticket", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["ticket"], query.as_of, freshness).await?;
    one::<Ticket>(&api, id, point).await
}

/// When the clocks of a ticket ran.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClockRuns {
    /// By clock and in order: `clock`, `beginning` (how many times the clock had begun), `target_s`, `calendar` (`id` and
    /// `revision`), `start`, `end` (null while it runs), `elapsed_s` in business time, `counts` (false for what was before
    /// the clock was started again), and the events `began_by` and `ended_by` (`position`, `event_id`, `type`).
    #[schema(value_type = Vec<Object>)]
    items: Vec<Run>,
}

/// Why the clocks of a ticket are due when they are: every time during which each of them ran, told from the history alone.
#[utoipa::path(get, path = "/v1/tickets/{id}/clocks", tag = "tickets", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The runs", body = ClockRuns),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such ticket", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn clocks(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<ClockRuns>, ApiError> {
    let (point, position) = api.in_history(query.as_of, freshness).await?;
    let runs = api.history.clock_runs(TicketId(id), point.as_of.unwrap_or(position)).await?;
    let items = runs.ok_or_else(|| ApiError::NotFound(format!("there is no ticket {id}")))?;
    Ok(Answer { position, as_of: point.as_of, body: ClockRuns { items } })
}
