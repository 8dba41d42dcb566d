//! `/v1/service-plans`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::service_plan::{Status, Unit};
use read_side::models::questions::Figure;
use read_side::models::service_plan::{ServicePlan, ServicePlanRow};
use read_side::models::service_plan_questions::{self as model, SORTS, ServicePlanFilter};
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

/// Which service plans.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServicePlansQuery {
    /// A customer; its aliases' plans count as its own.
    customer: Option<Uuid>,
    /// One or more of `draft, active, suspended, expired, terminated`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// One or more of `cases, hours, visits, unlimited`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    unit: Vec<String>,
    /// An SLA policy, whatever its revision.
    sla_policy: Option<Uuid>,
    /// Active, and with a period that contains this time.
    #[serde(default, deserialize_with = "moment")]
    active_at: Option<DateTime<Utc>>,
    /// With a period that ends at this time or later.
    #[serde(default, deserialize_with = "moment")]
    ends_from: Option<DateTime<Utc>>,
    /// With a period that ends before this time.
    #[serde(default, deserialize_with = "moment")]
    ends_to: Option<DateTime<Utc>>,
    /// With a next occurrence that is due before this time.
    #[serde(default, deserialize_with = "moment")]
    next_occurrence_to: Option<DateTime<Utc>>,
    /// `-updated_at` (default), `updated_at`, `period_end`, `-period_end`, `name` or `id`.
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

/// The service plans that match.
#[utoipa::path(get, path = "/v1/service-plans", tag = "service-plans", params(ServicePlansQuery), responses(
    (status = 200, description = "A page of service plans", body = Page<Resource<ServicePlanRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<ServicePlansQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = ServicePlanFilter {
        customer: query.customer,
        statuses: named::<Status>("status", query.status)?,
        units: named::<Unit>("unit", query.unit)?,
        sla_policy: query.sla_policy,
        active_at: query.active_at,
        ends_from: query.ends_from,
        ends_to: query.ends_to,
        next_occurrence_to: query.next_occurrence_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] =
        if filter.customer.is_some() { &["service_plan", "customer_alias"] } else { &["service_plan"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked =
        api.ask(move |connection| Box::pin(model::service_plans(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many service plans there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServicePlansSummary {
    /// All of them.
    total: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
}

impl ServicePlansSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        Self { total: by_status.values().sum(), by_status }
    }
}

/// How many service plans there are, by status.
#[utoipa::path(get, path = "/v1/service-plans/summary", tag = "service-plans", params(PointQuery), responses(
    (status = 200, description = "The counts", body = ServicePlansSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<ServicePlansSummary>, ApiError> {
    let point = api.at(&["service_plan"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::service_plan_counts(connection, point.as_of))).await?;
    answer(asked.position, point, ServicePlansSummary::of(&asked.answer))
}

/// One service plan.
#[utoipa::path(get, path = "/v1/service-plans/{id}", tag = "service-plans", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The service plan", body = Resource<ServicePlanRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such service plan", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["service_plan"], query.as_of, freshness).await?;
    one::<ServicePlan>(&api, id, point).await
}
