//! What a good answer looks like: a resource or a list, and the position it was read at.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use read_side::models::questions::Found;
use read_side::reveal::{ErasedAs, reveal};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// The header with the position that the answer was read at: the lowest of the models used.
pub const POSITION: HeaderName = HeaderName::from_static("carelog-position");
/// The header with the position that `as_of` came to.
pub const AS_OF: HeaderName = HeaderName::from_static("carelog-as-of");

/// An answer with its position.
#[derive(Debug)]
pub struct Answer<T> {
    /// Where the models stood.
    pub position: u64,
    /// What `as_of` came to, if it was asked for.
    pub as_of: Option<u64>,
    /// The body.
    pub body: T,
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.body).into_response();
        add_positions(response.headers_mut(), self.position, self.as_of);
        response
    }
}

/// Writes the positions into an answer's headers.
pub fn add_positions(headers: &mut http::HeaderMap, position: u64, as_of: Option<u64>) {
    headers.insert(POSITION, HeaderValue::from(position));
    if let Some(as_of) = as_of {
        headers.insert(AS_OF, HeaderValue::from(as_of));
    }
}

/// A resource: its id and its fields, personal values in clear, or null where they were erased.
#[derive(Debug, Serialize, ToSchema)]
pub struct Resource<T> {
    /// The id.
    pub id: Uuid,
    /// The fields.
    #[serde(flatten)]
    pub fields: T,
    /// The position of the event that could not be folded into this row; absent if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale_since: Option<u64>,
}

/// A row as the API shows it.
#[must_use]
pub fn resource(found: Found) -> Resource<Map<String, Value>> {
    let fields = match reveal(found.row, ErasedAs::Null) {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    Resource { id: found.id, fields, stale_since: found.stale_since }
}
