//! `/v1/service-executions`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::service_execution::Status;
use read_side::models::questions::Figure;
use read_side::models::service_execution::{ServiceExecution, ServiceExecutionRow};
use read_side::models::service_execution_questions::{self as model, SORTS, ServiceExecutionFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which service executions. `resource` with `scheduled_from` and `scheduled_to` tells the bookings of a resource.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceExecutionsQuery {
    /// A customer; its aliases' service executions count as its own.
    customer: Option<Uuid>,
    /// The ticket that asks for it.
    ticket: Option<Uuid>,
    /// The service plan under which it is done.
    plan: Option<Uuid>,
    /// One or more of `planned, scheduled, dispatched, en_route, in_progress, paused, completed, verified,
    /// cannot_complete, cancelled, no_show`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// An agent who does it.
    resource: Option<Uuid>,
    /// A skill that it takes.
    skill: Option<String>,
    /// Its time ends after this.
    #[serde(default, deserialize_with = "moment")]
    scheduled_from: Option<DateTime<Utc>>,
    /// Its time begins before this.
    #[serde(default, deserialize_with = "moment")]
    scheduled_to: Option<DateTime<Utc>>,
    /// Its window ends after this.
    #[serde(default, deserialize_with = "moment")]
    window_from: Option<DateTime<Utc>>,
    /// Its window begins before this.
    #[serde(default, deserialize_with = "moment")]
    window_to: Option<DateTime<Utc>>,
    /// `scheduled_start` (default; what has no time yet stands at the earliest of its window), `-scheduled_start`,
    /// `-planned_at`, `planned_at`, `-updated_at` or `updated_at`.
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

/// The service executions that match.
#[utoipa::path(get, path = "/v1/service-executions", tag = "service-executions", params(ServiceExecutionsQuery), responses(
    (status = 200, description = "A page of service executions", body = Page<Resource<ServiceExecutionRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<ServiceExecutionsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = ServiceExecutionFilter {
        customer: query.customer,
        ticket: query.ticket,
        plan: query.plan,
        statuses: named::<Status>("status", query.status)?,
        resource: query.resource,
        skill: query.skill,
        scheduled_from: query.scheduled_from,
        scheduled_to: query.scheduled_to,
        window_from: query.window_from,
        window_to: query.window_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] =
        if filter.customer.is_some() { &["service_execution", "customer_alias"] } else { &["service_execution"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked =
        api.ask(move |connection| Box::pin(model::service_executions(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many service executions there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceExecutionsSummary {
    /// All of them.
    total: i64,
    /// Those that have not ended.
    unfinished: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
}

impl ServiceExecutionsSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        let unfinished =
            Status::ALL.iter().filter(|status| status.unfinished()).filter_map(|status| by_status.get(status.name()));
        Self { total: by_status.values().sum(), unfinished: unfinished.sum(), by_status }
    }
}

/// How many service executions there are, by status.
#[utoipa::path(get, path = "/v1/service-executions/summary", tag = "service-executions", params(PointQuery), responses(
    (status = 200, description = "The counts", body = ServiceExecutionsSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<ServiceExecutionsSummary>, ApiError> {
    let point = api.at(&["service_execution"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::service_execution_counts(connection, point.as_of))).await?;
    answer(asked.position, point, ServiceExecutionsSummary::of(&asked.answer))
}

/// One service execution.
#[utoipa::path(get, path = "/v1/service-executions/{id}", tag = "service-executions", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The service execution", body = Resource<ServiceExecutionRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such service execution", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["service_execution"], query.as_of, freshness).await?;
    one::<ServiceExecution>(&api, id, point).await
}
