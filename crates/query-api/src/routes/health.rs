//! `/livez`, `/readyz`, `/metrics`

use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use read_side::status;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::error::{ApiError, Problem};

/// How long readiness waits for the database.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the process works.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `live` or `ready`.
    status: &'static str,
}

/// The process runs.
#[utoipa::path(get, path = "/livez", tag = "operation", responses((status = 200, description = "It runs", body = Health)))]
pub async fn live() -> impl IntoResponse {
    axum::Json(Health { status: "live" })
}

/// The database answers and no model is blocked.
#[utoipa::path(get, path = "/readyz", tag = "operation", responses(
    (status = 200, description = "It can answer", body = Health),
    (status = 503, description = "It cannot, or a model is blocked", body = Problem, content_type = "application/problem+json"),
))]
pub async fn ready(State(api): State<Api>) -> Result<impl IntoResponse, ApiError> {
    if api.stop.is_cancelled() {
        return Err(ApiError::Overloaded("the process is stopping"));
    }
    // The question itself runs in a task of its own: only the waiting ends.
    let models = tokio::time::timeout(READY_TIMEOUT, status::status(&api.pool)).await;
    let models = models.map_err(|_| ApiError::Unavailable)??;
    match models.into_iter().find(|model| model.blocked.is_some()) {
        Some(model) => Err(ApiError::Blocked(model.model)),
        None => Ok(axum::Json(Health { status: "ready" })),
    }
}

/// The process's metrics in the Prometheus text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "The metrics", body = String, content_type = "text/plain"),
))]
pub async fn metrics(State(api): State<Api>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (api.render_metrics)())
}
