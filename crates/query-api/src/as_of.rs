//! Time travel: `?as_of=` names a position of the history, or a moment.

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::error::ApiError;
use crate::extract::parse_moment;

/// A point of the history, as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// After the event at this position.
    Position(u64),
    /// At this moment of recorded time.
    Moment(DateTime<Utc>),
}

impl AsOf {
    /// Reads a position or an RFC 3339 moment.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let position = text.parse().ok().filter(|position| i64::try_from(*position).is_ok());
            return position.map(Self::Position).ok_or_else(|| "the position is too large".to_owned());
        }
        let expected = "a position or an RFC 3339 time of the years 0001 to 9999 is expected";
        parse_moment(text).map(Self::Moment).ok_or_else(|| expected.to_owned())
    }

    /// Refuses moments that are yet to come: their answer would still change.
    ///
    /// # Errors
    /// `validation`.
    pub fn check(self, now: DateTime<Utc>) -> Result<Self, ApiError> {
        match self {
            Self::Moment(moment) if moment > now => Err(ApiError::validation("as_of", "the time lies in the future")),
            Self::Moment(_) | Self::Position(_) => Ok(self),
        }
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str) -> AsOf {
        AsOf::Moment(text.parse().unwrap())
    }

    #[test]
    fn a_position_or_a_moment_is_read() {
        assert_eq!(AsOf::parse("12"), Ok(AsOf::Position(12)));
        assert_eq!(AsOf::parse("2026-01-02T03:04:05Z"), Ok(moment("2026-01-02T03:04:05Z")));
        assert_eq!(AsOf::parse("2026-01-02T11:04:05 08:00"), Ok(moment("2026-01-02T03:04:05Z")));
        for wrong in ["", "-1", "1.5", "yesterday", "2026-01-02", "99999999999999999999", "-4800-01-01T00:00:00Z"] {
            assert!(AsOf::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_future_is_refused() {
        let now = "2026-01-02T00:00:00Z".parse().unwrap();
        assert!(moment("2026-01-02T00:00:01Z").check(now).is_err());
        assert!(moment("2026-01-02T00:00:00Z").check(now).is_ok());
    }
}
