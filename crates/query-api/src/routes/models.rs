//! `/v1/models`: where the read models stand.

use axum::extract::State;
use read_side::status::{self, ModelStatus};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::commands::Nothing;
use crate::answer::Answer;
use crate::api::{Api, Point};
use crate::error::{ApiError, Problem};
use crate::extract::Params;

/// Where the models stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct Models {
    /// In order of their names.
    items: Vec<ModelStatus>,
}

/// Where the models stand: position, lag, parked rows, and why a model does not go on, if one does not.
#[utoipa::path(get, path = "/v1/models", tag = "operation", responses(
    (status = 200, description = "The models", body = Models),
    (status = 503, description = "Overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(State(api): State<Api>, Params(Nothing {}): Params<Nothing>) -> Result<Answer<Models>, ApiError> {
    let items = status::status(&api.pool).await?;
    let lowest = items.iter().map(|model| model.position).min().unwrap_or(0);
    answer(lowest, Point { as_of: None, asked: 0 }, Models { items })
}
