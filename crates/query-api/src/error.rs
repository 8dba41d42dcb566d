//! What can go wrong with a request, and the one match that turns it into RFC 9457 `application/problem+json`.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::rejection::Code;
use event_store::StoreError;
use read_side::ProjectorError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::connections::is_outdated;

/// Why a request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// A parameter, path or header is not what the contract asks for.
    #[error("{parameter}: {detail}")]
    Validation {
        /// The parameter's name, as in the URL or the header.
        parameter: Cow<'static, str>,
        /// What is wrong, in a sentence.
        detail: String,
    },
    /// There is no such resource.
    #[error("{0}")]
    NotFound(String),
    /// The resource knows other methods only.
    #[error("only GET and HEAD are possible here")]
    MethodNotAllowed,
    /// The body is larger than 64 KiB.
    #[error("the body is larger than {0} bytes")]
    PayloadTooLarge(usize),
    /// No valid bearer key came along.
    #[error("a bearer key is required")]
    Unauthorized,
    /// Without keys only this machine is served, and the request names another one.
    #[error("without bearer keys only requests to 127.0.0.1, [::1] or localhost are answered")]
    Forbidden,
    /// None of the accepted media types can be served.
    #[error("possible here: {0}")]
    NotAcceptable(&'static str),
    /// The models have not reached the position that was asked for. Ask again.
    #[error("the read models are at position {position}, asked for was {asked}")]
    NotCaughtUp {
        /// Where the models are.
        position: u64,
        /// What was asked for.
        asked: u64,
    },
    /// Too many requests at once. Ask again.
    #[error("{0}")]
    Overloaded(&'static str),
    /// A read model does not go on. Somebody has to look.
    #[error("the model {0} is blocked")]
    Blocked(String),
    /// The database cannot be reached, or did not answer in time. Ask again.
    #[error("the database does not answer")]
    Unavailable,
    /// Not the caller's fault; the log has the cause.
    #[error("the request failed; the server's log tells why")]
    Internal,
}

impl ApiError {
    /// A parameter that is not valid.
    pub fn validation(parameter: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Validation { parameter: parameter.into(), detail: detail.into() }
    }

    /// Logs a failure that is nobody's fault but ours, once, and hides it from the caller.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        Self::Internal
    }

    /// The stable code, the status and the title.
    #[must_use]
    pub fn parts(&self) -> (&'static str, StatusCode, &'static str) {
        let domain = |code: Code| {
            let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (code.as_str(), status, code.title())
        };
        match self {
            Self::Validation { .. } => (Code::Validation.as_str(), StatusCode::BAD_REQUEST, "A parameter is not valid"),
            Self::NotFound(_) => domain(Code::NotFound),
            Self::MethodNotAllowed => ("method_not_allowed", StatusCode::METHOD_NOT_ALLOWED, "Not possible here"),
            Self::PayloadTooLarge(_) => {
                (Code::PayloadTooLarge.as_str(), StatusCode::PAYLOAD_TOO_LARGE, Code::PayloadTooLarge.title())
            }
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "Not authenticated"),
            Self::Forbidden => domain(Code::Forbidden),
            Self::NotAcceptable(_) => ("not_acceptable", StatusCode::NOT_ACCEPTABLE, "No such representation"),
            Self::NotCaughtUp { .. } => {
                ("not_caught_up", StatusCode::SERVICE_UNAVAILABLE, "The read models are not there yet")
            }
            Self::Overloaded(_) => domain(Code::Overloaded),
            Self::Blocked(_) => ("model_blocked", StatusCode::SERVICE_UNAVAILABLE, "A read model is blocked"),
            Self::Unavailable => domain(Code::Unavailable),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The server failed"),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => {
                tracing::warn!(%error, "the history cannot be read");
                Self::Unavailable
            }
            StoreError::HistoryForked { .. }
            | StoreError::Unsafe(_)
            | StoreError::Refused(_)
            | StoreError::Corrupt(_) => Self::internal(&error),
        }
    }
}

impl From<ProjectorError> for ApiError {
    fn from(error: ProjectorError) -> Self {
        match error {
            ProjectorError::Store(error) => Self::from(error),
            ProjectorError::HistoryForked { .. }
            | ProjectorError::Unreadable { .. }
            | ProjectorError::Busy(_)
            | ProjectorError::UnknownModel(_)
            | ProjectorError::Defect { .. }
            | ProjectorError::Stopped(_) => Self::internal(&error),
        }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if is_yet_to_come(&error) {
            tracing::warn!(%error, "the read models are yet to be made");
            Self::Unavailable
        } else if state(&error).is_some_and(|state| state.starts_with(DATA_EXCEPTION)) {
            // Parameters are checked before; this is the net below.
            tracing::warn!(%error, "PostgreSQL refuses a parameter");
            Self::validation("query", "a value is beyond what can be asked for")
        } else {
            Self::from(StoreError::from(error))
        }
    }
}

/// The class of SQLSTATEs that say that a value does not fit.
const DATA_EXCEPTION: &str = "22";

fn state(error: &sqlx::Error) -> Option<Cow<'_, str>> {
    error.as_database_error()?.code()
}

/// Whether a model has no table or no checkpoint yet: its projector has never run; or its rows are of another revision
/// than this program's, or just became it.
fn is_yet_to_come(error: &sqlx::Error) -> bool {
    matches!(state(error).as_deref(), Some("42P01" | "42703"))
        || is_outdated(error)
        || matches!(error, sqlx::Error::RowNotFound)
}

/// RFC 9457 problem details. `code` is stable; `title` is the same for every occurrence of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The stable code, e.g. `not_caught_up`.
    #[schema(example = "validation")]
    code: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    status: u16,
    /// A short title.
    title: &'static str,
    /// What happened this time, with the values.
    detail: String,
    /// The parameters at fault, if any.
    errors: Vec<ParameterError>,
}

/// What is wrong with one parameter.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParameterError {
    /// Its name.
    #[schema(example = "limit")]
    parameter: String,
    /// What is wrong, in a sentence.
    detail: String,
}

impl From<&ApiError> for Problem {
    fn from(error: &ApiError) -> Self {
        let (code, status, title) = error.parts();
        let errors = match error {
            ApiError::Validation { parameter, detail } => {
                vec![ParameterError { parameter: parameter.to_string(), detail: detail.clone() }]
            }
            ApiError::NotFound(_)
            | ApiError::MethodNotAllowed
            | ApiError::PayloadTooLarge(_)
            | ApiError::Unauthorized
            | ApiError::Forbidden
            | ApiError::NotAcceptable(_)
            | ApiError::NotCaughtUp { .. }
            | ApiError::Overloaded(_)
            | ApiError::Blocked(_)
            | ApiError::Unavailable
            | ApiError::Internal => Vec::new(),
        };
        Self { code, status: status.as_u16(), title, detail: error.to_string(), errors }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (_, status, _) = self.parts();
        let body = serde_json::to_vec(&Problem::from(&self)).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
