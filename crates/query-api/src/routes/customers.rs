//! `/v1/customers`

use axum::extract::State;
use event_store::Selection;
use read_side::models::customer::{Customer, CustomerRow, Standing};
use read_side::models::customer_questions::{self as model, CustomerFilter, SORTS};
use read_side::models::questions::Figure;
use read_side::models::ticket::TicketRow;
use read_side::models::ticket_questions::{self, TicketFilter};
use read_side::models::transaction::{self, TransactionFilter, TransactionRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{ShownPage, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::{Api, Point};
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::event::EventItem;
use crate::extract::{Id, Params, list as values};
use crate::freshness::Freshness;
use crate::paging::{Cursor, Limit, Page, after, page, slice};

/// The most streams whose events a timeline shows; of more, those that changed last.
const TIMELINE_STREAMS_MAX: u32 = 1_000;

/// Which customers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CustomersQuery {
    /// One or more of `prospect, active, dormant, churned, merged, erased`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    lifecycle: Vec<String>,
    /// A tag.
    tag: Option<String>,
    /// The responsible agent.
    owner: Option<Uuid>,
    /// The other system in which the customer has `external_id`.
    external_system: Option<String>,
    /// The customer's id in `external_system`.
    external_id: Option<String>,
    /// `-updated_at` (default), `updated_at`, `registered_at`, `-registered_at` or `id`.
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

/// The customers that match.
#[utoipa::path(get, path = "/v1/customers", tag = "customers", params(CustomersQuery), responses(
    (status = 200, description = "A page of customers", body = Page<Resource<CustomerRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<CustomersQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let lifecycles = query.lifecycle.iter().map(|name| standing(name)).collect::<Result<Vec<_>, _>>()?;
    let external_ref = match (query.external_system, query.external_id) {
        (Some(system), Some(id)) => Some((system, id)),
        (None, None) => None,
        (Some(_), None) => return Err(ApiError::validation("external_id", "goes with external_system")),
        (None, Some(_)) => return Err(ApiError::validation("external_system", "goes with external_id")),
    };
    let lifecycles = Some(lifecycles).filter(|lifecycles| !lifecycles.is_empty());
    let filter = CustomerFilter { lifecycles, tag: query.tag, owner: query.owner, external_ref };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&["customer"], query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::customers(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

fn standing(name: &str) -> Result<Standing, ApiError> {
    let found = Standing::ALL.into_iter().find(|standing| standing.name() == name);
    found.ok_or_else(|| ApiError::validation("lifecycle", format!("{name} is none of the lifecycle's names")))
}

/// The point in time that is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PointQuery {
    /// A position, or an RFC 3339 time.
    #[param(value_type = Option<String>)]
    pub(crate) as_of: Option<AsOf>,
}

/// How many customers there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct CustomersSummary {
    /// Customers that are neither merged nor erased.
    total: i64,
    /// Those among them that are blocked.
    blocked: i64,
    /// By lifecycle, aliases and erased ones too.
    #[schema(value_type = Object)]
    by_lifecycle: std::collections::BTreeMap<String, i64>,
}

impl CustomersSummary {
    fn of(figures: &[Figure]) -> Self {
        let everybody = figures.iter().find(|figure| figure.fact == "total").map_or([0; 4], |figure| figure.numbers);
        let [total, blocked, ..] = everybody;
        Self { total, blocked, by_lifecycle: counted(figures, "lifecycle") }
    }
}

/// How many customers there are, by lifecycle.
#[utoipa::path(get, path = "/v1/customers/summary", tag = "customers", params(PointQuery), responses(
    (status = 200, description = "The counts", body = CustomersSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<CustomersSummary>, ApiError> {
    let point = api.at(&["customer"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::customer_counts(connection, point.as_of))).await?;
    answer(asked.position, point, CustomersSummary::of(&asked.answer))
}

/// One customer; an alias says in `merged_into` whose it is.
#[utoipa::path(get, path = "/v1/customers/{id}", tag = "customers", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The customer", body = Resource<CustomerRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such customer", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["customer"], query.as_of, freshness).await?;
    one::<Customer>(&api, id, point).await
}

/// Which part of a customer's list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartQuery {
    /// As on the list of all.
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

/// The transactions of a customer and all its aliases.
#[utoipa::path(get, path = "/v1/customers/{id}/transactions", tag = "customers", params(("id" = Uuid, Path), PartQuery), responses(
    (status = 200, description = "A page of transactions", body = Page<Resource<TransactionRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such customer", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn transactions(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PartQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let slice = slice(transaction::SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&["customer", "customer_alias", "transaction"], query.as_of, freshness).await?;
    let known = require_customer(&api, id, point).await?;
    let sort = slice.sort;
    let filter = TransactionFilter { customer: Some(id), ..TransactionFilter::default() };
    let asked =
        api.ask(move |connection| Box::pin(transaction::transactions(connection, filter, slice, point.as_of))).await?;
    answer(asked.position.min(known), point, page(asked, sort, query.limit))
}

/// The tickets of a customer and all its aliases.
#[utoipa::path(get, path = "/v1/customers/{id}/tickets", tag = "customers", params(("id" = Uuid, Path), PartQuery), responses(
    (status = 200, description = "A page of tickets", body = Page<Resource<TicketRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such customer", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn tickets(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PartQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let slice = slice(ticket_questions::SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&["customer", "customer_alias", "ticket"], query.as_of, freshness).await?;
    let known = require_customer(&api, id, point).await?;
    let sort = slice.sort;
    let filter = TicketFilter { customer: Some(id), ..TicketFilter::default() };
    let asked =
        api.ask(move |connection| Box::pin(ticket_questions::tickets(connection, filter, slice, point.as_of))).await?;
    answer(asked.position.min(known), point, page(asked, sort, query.limit))
}

/// Where the model stood in which the customer was found.
async fn require_customer(api: &Api, id: Uuid, point: Point) -> Result<u64, ApiError> {
    one::<Customer>(api, id, point).await.map(|answer| answer.position)
}

/// Which part of a timeline.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TimelineQuery {
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

/// A page of a timeline, the latest event first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Timeline {
    /// The events.
    items: Vec<EventItem>,
    /// Ask again with this `cursor` for earlier events; null on the last page.
    next_cursor: Option<String>,
    /// False if the customer has more than 1,000 tickets, inquiries, transactions and so on: those that changed last are
    /// shown.
    complete: bool,
}

/// What happened to a customer, its aliases, and whatever is theirs (transactions, needs, inquiries, feedback, tickets,
/// service plans and executions), the latest first.
#[utoipa::path(get, path = "/v1/customers/{id}/timeline", tag = "customers", params(("id" = Uuid, Path), TimelineQuery), responses(
    (status = 200, description = "A page of events", body = Timeline),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such customer", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn timeline(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<TimelineQuery>,
) -> Result<Answer<Timeline>, ApiError> {
    let before = after(query.cursor.as_deref(), "timeline", |value| value.parse::<u64>().is_ok())?;
    let before: Option<u64> = before.and_then(|cursor| cursor.value.parse().ok());
    let models = [
        "customer",
        "customer_alias",
        "transaction",
        "need",
        "inquiry",
        "feedback",
        "ticket",
        "service_plan",
        "service_execution",
    ];
    let point = api.at(&models, query.as_of, freshness).await?;
    let known = require_customer(&api, id, point).await?;
    let asked = api
        .ask(move |connection| Box::pin(model::timeline_streams(connection, id, TIMELINE_STREAMS_MAX + 1, point.as_of)))
        .await?;
    let position = asked.position.min(known);
    let mut streams = asked.answer;
    let complete = streams.len() <= TIMELINE_STREAMS_MAX as usize;
    streams.truncate(TIMELINE_STREAMS_MAX as usize);
    // Never beyond the models, so that the page and its position tell the same story.
    let until = point.as_of.unwrap_or(position).min(before.map_or(u64::MAX, |before| before.saturating_sub(1)));
    let selection = Selection { until: Some(until), streams, descending: true, ..Selection::default() };
    let mut events = api.history.select(selection, query.limit.and_one()).await?;
    let more = events.len() > query.limit.get() as usize;
    events.truncate(query.limit.get() as usize);
    let last = events.last().filter(|_| more).map(|event| event.recorded.position.to_string());
    let next_cursor = last.map(|position| Cursor::new("timeline", position, id).encode());
    let items = events.into_iter().map(EventItem::from).collect();
    answer(position, point, Timeline { items, next_cursor, complete })
}
