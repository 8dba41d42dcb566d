//! Times that commands name, beside the time at which they happened.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

use crate::envelope::OCCURRED_AT_MIN;

/// A time of the years 1900 to 9999, in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DateTime<Utc>", into = "DateTime<Utc>")]
pub struct Moment(DateTime<Utc>);

const AFTER_MOMENTS: DateTime<Utc> = match NaiveDate::from_ymd_opt(10_000, 1, 1) {
    Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
    None => DateTime::UNIX_EPOCH,
};

impl TryFrom<DateTime<Utc>> for Moment {
    type Error = &'static str;

    fn try_from(time: DateTime<Utc>) -> Result<Self, &'static str> {
        // As the store keeps it: to the microsecond, and a leap second is the first one after it.
        DateTime::from_timestamp_micros(time.timestamp_micros())
            .filter(|time| (OCCURRED_AT_MIN..AFTER_MOMENTS).contains(time))
            .map(Self)
            .ok_or("a time of the years 1900 to 9999")
    }
}

impl From<Moment> for DateTime<Utc> {
    fn from(moment: Moment) -> Self {
        moment.0
    }
}
