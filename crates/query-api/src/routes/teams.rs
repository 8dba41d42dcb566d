//! `/v1/teams`

use axum::extract::State;
use read_side::models::agent_questions::{self as model, TEAM_SORTS};
use read_side::models::team::{Team, TeamRow};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, answer, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which teams.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TeamsQuery {
    /// The agent whose teams to list.
    member: Option<Uuid>,
    /// `name` (default), `-name` or `id`.
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

/// The teams that match.
#[utoipa::path(get, path = "/v1/teams", tag = "people", params(TeamsQuery), responses(
    (status = 200, description = "A page of teams", body = Page<Resource<TeamRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<TeamsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let slice = slice(TEAM_SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&["team"], query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::teams(connection, query.member, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// One team.
#[utoipa::path(get, path = "/v1/teams/{id}", tag = "people", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The team", body = Resource<TeamRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such team", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["team"], query.as_of, freshness).await?;
    one::<Team>(&api, id, point).await
}
