//! `/v1/agents`

use axum::extract::State;
use domain::agent::{Availability, Role};
use read_side::models::agent::{Agent, AgentRow};
use read_side::models::agent_questions::{self as model, AGENT_SORTS, AgentFilter};
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

/// Which agents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgentsQuery {
    /// `agent`, `supervisor` or `admin`.
    #[param(value_type = Option<String>)]
    role: Option<Role>,
    /// `available`, `away` or `offline`.
    #[param(value_type = Option<String>)]
    availability: Option<Availability>,
    /// A skill.
    skill: Option<String>,
    /// The team whose members to list.
    team: Option<Uuid>,
    /// `name` (default), `-name`, `registered_at`, `-registered_at` or `id`.
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

/// The agents that match.
#[utoipa::path(get, path = "/v1/agents", tag = "people", params(AgentsQuery), responses(
    (status = 200, description = "A page of agents", body = Page<Resource<AgentRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<AgentsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let AgentsQuery { role, availability, skill, team, .. } = query;
    let slice = slice(AGENT_SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if team.is_some() { &["agent", "team"] } else { &["agent"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let filter = AgentFilter { role, availability, skill, team };
    let asked = api.ask(move |connection| Box::pin(model::agents(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// One agent.
#[utoipa::path(get, path = "/v1/agents/{id}", tag = "people", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The agent", body = Resource<AgentRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such agent", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["agent"], query.as_of, freshness).await?;
    one::<Agent>(&api, id, point).await
}
