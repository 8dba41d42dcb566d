//! Extractors whose failures are problem details: unknown, doubled or ill-typed parameters name themselves.

use std::collections::BTreeMap;

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use read_side::models::questions;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::error::ApiError;

/// The most values of a parameter that takes several.
const VALUES_MAX: usize = 50;

/// The query string, read into a struct that denies unknown fields. All values are text; see [`number`], [`moment`]
/// and [`list`].
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::validation("query", "the query string cannot be read"))?;
        read(pairs).map(Self)
    }
}

fn read<T: DeserializeOwned>(pairs: Vec<(String, String)>) -> Result<T, ApiError> {
    let mut values = BTreeMap::new();
    for (name, value) in pairs {
        if value.contains('\0') || name.contains('\0') {
            return Err(ApiError::validation("query", "NUL is not allowed"));
        }
        if values.insert(name.clone(), Value::String(value)).is_some() {
            return Err(ApiError::validation(name, "given twice"));
        }
    }
    let object = Value::Object(values.into_iter().collect());
    serde_path_to_error::deserialize(object).map_err(|error| {
        let path = error.path().to_string();
        let parameter = if path == "." { "query".to_owned() } else { path };
        ApiError::validation(parameter, error.inner().to_string())
    })
}

/// The id in the path; where there are several parts, a struct with their names.
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let path: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        match path {
            Ok(Path(id)) => Ok(Self(id)),
            Err(rejection) => Err(ApiError::validation(part(&rejection).to_owned(), rejection.body_text())),
        }
    }
}

/// The name of the part of the path that is wrong.
fn part(rejection: &PathRejection) -> &str {
    if let PathRejection::FailedToDeserializePathParams(error) = rejection
        && let ErrorKind::ParseErrorAtKey { key, .. }
        | ErrorKind::DeserializeError { key, .. }
        | ErrorKind::InvalidUtf8InPathParam { key } = error.kind()
    {
        return key;
    }
    "id"
}

/// Reads an RFC 3339 time of the years 0001 to 9999.
#[must_use]
pub fn parse_moment(text: &str) -> Option<DateTime<Utc>> {
    // A plus sign that was not percent-encoded arrives as a space.
    questions::moment(&text.replace(' ', "+"))
}

/// Reads a time, for `deserialize_with`.
///
/// # Errors
/// The text is no RFC 3339 time of the years 0001 to 9999.
pub fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let expected = "an RFC 3339 time of the years 0001 to 9999 is expected";
    parse_moment(&text).map(Some).ok_or_else(|| D::Error::custom(expected))
}

/// Reads a whole number, for `deserialize_with`.
///
/// # Errors
/// The text is no whole number.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = text.parse().ok().filter(|number: &u64| i64::try_from(*number).is_ok());
    parsed.map(Some).ok_or_else(|| D::Error::custom("a whole number from 0 to 9223372036854775807 is expected"))
}

/// Reads `true` or `false`, for `deserialize_with`.
///
/// # Errors
/// The text is neither.
pub fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| D::Error::custom("true or false is expected"))
}

/// Reads values separated by commas, for `deserialize_with`.
///
/// # Errors
/// There are more than 50, or one is empty.
pub fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).collect();
    if values.len() > VALUES_MAX {
        return Err(D::Error::custom(format_args!("at most {VALUES_MAX} values")));
    }
    if values.iter().any(String::is_empty) {
        return Err(D::Error::custom("an empty value"));
    }
    Ok(values)
}

/// Checks that values are names of an enum as it is written; none at all do not restrict.
///
/// # Errors
/// `validation`, with the value that is none.
pub fn named<T: DeserializeOwned>(
    parameter: &'static str,
    values: Vec<String>,
) -> Result<Option<Vec<String>>, ApiError> {
    for value in &values {
        let read: Result<T, serde::de::value::Error> = T::deserialize(value.as_str().into_deserializer());
        read.map_err(|error| ApiError::validation(parameter, error.to_string()))?;
    }
    Ok(Some(values).filter(|values| !values.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        #[serde(default, deserialize_with = "number")]
        after: Option<u64>,
        #[serde(default, deserialize_with = "list")]
        kinds: Vec<String>,
        #[serde(default, deserialize_with = "moment")]
        from: Option<DateTime<Utc>>,
        id: Option<uuid::Uuid>,
    }

    fn filter(query: &[(&str, &str)]) -> Result<Filter, (String, String)> {
        let pairs = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        read(pairs).map_err(|error| {
            let text = error.to_string();
            let (parameter, detail) = text.split_once(": ").unwrap();
            (parameter.to_owned(), detail.to_owned())
        })
    }

    #[test]
    fn a_query_is_read_by_name() {
        let read =
            filter(&[("after", "7"), ("kinds", "a, b"), ("id", "00000000-0000-0000-0000-000000000001")]).unwrap();
        assert_eq!(
            (read.after, read.kinds, read.id),
            (Some(7), vec!["a".into(), "b".into()], Some(uuid::Uuid::from_u128(1)))
        );
        let at = |time| filter(&[("from", time)]).unwrap().from;
        assert_eq!(at("2026-01-02T11:04:05 08:00"), at("2026-01-02T03:04:05Z"));
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        let parameter = |query: &[(&str, &str)]| filter(query).unwrap_err().0;
        assert_eq!(parameter(&[("after", "-1")]), "after");
        assert_eq!(parameter(&[("after", "9223372036854775808")]), "after");
        for time in ["yesterday", "", "2026-01-01", "-262143-01-01T00:00:00Z", "-4800-01-01T00:00:00Z"] {
            assert_eq!(parameter(&[("from", time)]), "from", "{time}");
        }
        assert_eq!(parameter(&[("id", "x")]), "id");
        assert_eq!(parameter(&[("kinds", ",")]), "kinds");
        assert_eq!(parameter(&[("kinds", "a"), ("kinds", "b")]), "kinds");
        assert_eq!(parameter(&[("nonsense", "1")]), "nonsense");
        assert_eq!(parameter(&[("id", "\0")]), "query");
    }
}
