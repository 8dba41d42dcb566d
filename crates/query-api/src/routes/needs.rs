//! `/v1/needs`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::need::{Source, Status};
use read_side::models::need::{Need, NeedRow};
use read_side::models::need_questions::{self as model, NeedFilter, SORTS};
use read_side::models::questions::Figure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, about, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named, number};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which needs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NeedsQuery {
    /// One or more of `captured, qualified, planned, fulfilled, declined, withdrawn, merged`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// One or more of `inquiry, ticket, feedback, survey, sales, web`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    source: Vec<String>,
    /// A category, on whatever level.
    category: Option<String>,
    /// The agent who looks after them.
    owner: Option<Uuid>,
    /// A customer; its aliases' needs count as its own.
    customer: Option<Uuid>,
    /// A product.
    product_ref: Option<String>,
    /// Of this importance or above.
    #[serde(default, deserialize_with = "number")]
    importance_from: Option<u64>,
    /// Of this importance or below.
    #[serde(default, deserialize_with = "number")]
    importance_to: Option<u64>,
    /// Wanted by this time or later.
    #[serde(default, deserialize_with = "moment")]
    wanted_from: Option<DateTime<Utc>>,
    /// Wanted before this time.
    #[serde(default, deserialize_with = "moment")]
    wanted_to: Option<DateTime<Utc>>,
    /// `-captured_at` (default), `captured_at`, `-updated_at`, `updated_at`, `-importance`, `importance`, `wanted_by`,
    /// `-wanted_by`, `-est_value_minor` or `est_value_minor`. Needs that lack what is sorted by come last.
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

/// The needs that match.
#[utoipa::path(get, path = "/v1/needs", tag = "needs", params(NeedsQuery), responses(
    (status = 200, description = "A page of needs", body = Page<Resource<NeedRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<NeedsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = NeedFilter {
        customer: query.customer,
        statuses: named::<Status>("status", query.status)?,
        sources: named::<Source>("source", query.source)?,
        category: query.category,
        owner: query.owner,
        product_ref: query.product_ref,
        importance_from: query.importance_from,
        importance_to: query.importance_to,
        wanted_from: query.wanted_from,
        wanted_to: query.wanted_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if filter.customer.is_some() { &["need", "customer_alias"] } else { &["need"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::needs(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many needs there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedsSummary {
    /// All of them.
    total: i64,
    /// Those that are captured, qualified or planned.
    unfinished: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
    /// By the top level of their category, as far as they have one; of more than 200, those with the most needs.
    #[schema(value_type = Object)]
    by_category: BTreeMap<String, NeedCategoryCount>,
}

/// How many needs of a category there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedCategoryCount {
    /// All of them.
    total: i64,
    /// Those that are captured, qualified or planned.
    unfinished: i64,
}

impl NeedsSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        let unfinished =
            Status::ALL.iter().filter(|status| status.unfinished()).filter_map(|status| by_status.get(status.name()));
        let by_category = about(figures, "category")
            .map(|(category, [total, unfinished, ..])| (category, NeedCategoryCount { total, unfinished }));
        Self {
            total: by_status.values().sum(),
            unfinished: unfinished.sum(),
            by_category: by_category.collect(),
            by_status,
        }
    }
}

/// How many needs there are, by status and by the top level of their category.
#[utoipa::path(get, path = "/v1/needs/summary", tag = "needs", params(PointQuery), responses(
    (status = 200, description = "The counts", body = NeedsSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<NeedsSummary>, ApiError> {
    let point = api.at(&["need"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::need_counts(connection, point.as_of))).await?;
    answer(asked.position, point, NeedsSummary::of(&asked.answer))
}

/// One need.
#[utoipa::path(get, path = "/v1/needs/{id}", tag = "needs", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The need", body = Resource<NeedRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such need", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["need"], query.as_of, freshness).await?;
    one::<Need>(&api, id, point).await
}
