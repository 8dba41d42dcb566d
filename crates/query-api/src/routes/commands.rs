//! `/v1/commands/{publisher}/{command_id}`: what came of a command.

use axum::extract::State;
use domain::envelope::Publisher;
use serde_json::Value;
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::Api;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params};
use crate::freshness::Freshness;

/// Whose command, and which.
#[derive(Debug, serde::Deserialize)]
pub struct CommandPath {
    publisher: String,
    command_id: Uuid,
}

/// No parameters.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What came of a command: the same body as its reply, `replayed` being true. Answers only for decided commands.
#[utoipa::path(get, path = "/v1/commands/{publisher}/{command_id}", tag = "history",
    params(("publisher" = String, Path), ("command_id" = Uuid, Path)), responses(
    (status = 200, description = "The outcome: `outcome` is `accepted` or `rejected`", body = Object),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The command was not decided", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn receipt(
    State(api): State<Api>,
    freshness: Freshness,
    Id(CommandPath { publisher, command_id }): Id<CommandPath>,
    Params(Nothing {}): Params<Nothing>,
) -> Result<Answer<Value>, ApiError> {
    let publisher = Publisher::parse(&publisher).map_err(|detail| ApiError::validation("publisher", detail))?;
    let (_, head) = api.in_history(None, freshness).await?;
    let undecided = || ApiError::NotFound(format!("no command {command_id} of {publisher} was decided"));
    let receipt = api.history.receipt(publisher.clone(), command_id).await?.ok_or_else(undecided)?;
    Ok(Answer { position: head, as_of: None, body: receipt.outcome.body(command_id, receipt.stream.id, true) })
}
