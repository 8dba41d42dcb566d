//! What a good answer looks like: a resource or a list, and the position it was read at.

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::{Json, http};
use read_side::models::questions::Found;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
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

/// A row as the API sends it, as the [`Resource`] that its description names.
#[derive(Debug)]
pub struct Shown(Found);

impl From<Found> for Shown {
    fn from(found: Found) -> Self {
        Self(found)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Found { id, row, stale_since } = &self.0;
        let fields = row.strip_prefix('{').and_then(|row| row.strip_suffix('}')).unwrap_or_default();
        let comma = if fields.is_empty() { "" } else { "," };
        let stale = stale_since.map(|position| format!(r#","stale_since":{position}"#)).unwrap_or_default();
        let json = RawValue::from_string(format!(r#"{{"id":"{id}"{comma}{fields}{stale}}}"#));
        json.map_err(S::Error::custom)?.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_sent_with_its_id_and_with_where_it_stopped() {
        let found = |row: &str, stale_since| Found { id: Uuid::nil(), row: row.to_owned(), stale_since };
        let sent = |found| serde_json::to_string(&Shown(found)).unwrap();
        let id = Uuid::nil();
        assert_eq!(sent(found(r#"{"n":1}"#, None)), format!(r#"{{"id":"{id}","n":1}}"#));
        assert_eq!(sent(found("{}", Some(7))), format!(r#"{{"id":"{id}","stale_since":7}}"#));
    }
}
