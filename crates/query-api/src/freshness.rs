//! Reading one's own writes: `Carelog-Min-Position` and how long to wait for it.

use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::error::ApiError;

/// The header that asks for a position, as given by a command's answer.
pub const MIN_POSITION: &str = "carelog-min-position";
/// How long a request waits for its position unless it says otherwise.
pub const WAIT_DEFAULT: Duration = Duration::from_secs(2);
/// The longest that a request may wait.
pub const WAIT_MAX: Duration = Duration::from_secs(10);

/// How fresh an answer has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The models must have seen this position.
    pub min_position: u64,
    /// How long to wait for that.
    pub wait: Duration,
}

impl<S: Sync> FromRequestParts<S> for Freshness {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Ok(Self { min_position: min_position(&parts.headers)?, wait: wait(&parts.headers) })
    }
}

fn min_position(headers: &HeaderMap) -> Result<u64, ApiError> {
    let Some(value) = headers.get(MIN_POSITION) else { return Ok(0) };
    let number = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    number
        .filter(|position| i64::try_from(*position).is_ok())
        .ok_or_else(|| ApiError::validation("Carelog-Min-Position", "a position, a whole number, is expected"))
}

/// The `wait` preference of RFC 7240, at most [`WAIT_MAX`]; what cannot be read is passed over, as the RFC asks.
#[must_use]
pub fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all("prefer").into_iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .filter_map(|preference| preference.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok())
        .map_or(WAIT_DEFAULT, |seconds| Duration::from_secs(seconds).min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(axum::http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_wait_is_at_most_ten_seconds_and_two_unless_said() {
        let seconds = |value: &str| wait(&headers("prefer", value)).as_secs();
        assert_eq!(seconds("wait=5"), 5);
        assert_eq!(seconds("respond-async, Wait=\"3\""), 3);
        assert_eq!(seconds("wait=3600"), 10);
        assert_eq!(seconds("wait=soon"), 2);
        assert_eq!(seconds("handling=lenient"), 2);
    }

    #[test]
    fn a_position_is_a_whole_number() {
        assert_eq!(min_position(&headers(MIN_POSITION, " 7 ")).unwrap(), 7);
        assert_eq!(min_position(&HeaderMap::new()).unwrap(), 0);
        for wrong in ["x", "-1", "1.5", "", "9223372036854775808"] {
            assert!(min_position(&headers(MIN_POSITION, wrong)).is_err(), "{wrong}");
        }
    }
}
