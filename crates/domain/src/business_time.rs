//! Business time: how much working time lies between two instants, and when so much of it has passed.
//!
//! Hours say when a desk works, in the local time of its zone: split shifts, shifts over midnight, days that are
//! other than their weekday. Working time is made of half-open intervals, `[start, end)`; one that goes over midnight
//! belongs to the day that it begins on. A local time that the clocks skip is the first instant behind the gap; of one
//! that they show twice, a beginning is the first and an end the second: where midnight comes twice, a shift that ends at
//! 24:00 lasts until the second.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{
    DateTime, Datelike as _, Days, MappedLocalTime, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc, Weekday,
};
use chrono_tz::{GapInfo, Tz};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::customer::Timezone;

/// The most shifts of a day.
pub const SHIFTS_MAX: usize = 8;
/// The most days that are other than their weekday.
pub const EXCEPTIONS_MAX: usize = 500;
/// For how long from an instant on working time is looked for.
const HORIZON: Days = Days::new(20 * 366);
const DAY_MINUTES: u16 = 24 * 60;

/// A time of day to the minute, `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay {
    minutes: u16,
}

impl TimeOfDay {
    /// Reads `09:30`.
    ///
    /// # Errors
    /// It is not of that form, or later than `24:00`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let number =
            |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u16>().ok())?;
        let parts = text.split_once(':').filter(|(hours, minutes)| hours.len() == 2 && minutes.len() == 2);
        match parts.and_then(|(hours, minutes)| Some((number(hours)?, number(minutes)?))) {
            Some((hours, minutes)) if minutes < 60 && hours * 60 + minutes <= DAY_MINUTES => {
                Ok(Self { minutes: hours * 60 + minutes })
            }
            Some(_) | None => Err(format!("{text:?} is no time of day: 00:00 to 24:00 is expected")),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minutes / 60, self.minutes % 60)
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

/// When the desk works without a break. An end that is not behind the start is on the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// The first minute.
    pub start: TimeOfDay,
    /// The minute that is no longer worked.
    pub end: TimeOfDay,
}

impl Shift {
    /// The end in minutes from the beginning of the day that the shift begins on.
    const fn end_minutes(self) -> u16 {
        let end = self.end.minutes;
        if end <= self.start.minutes { end + DAY_MINUTES } else { end }
    }
}

/// The shifts of a day, in order; a day off has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Shift>")]
pub struct Shifts(Vec<Shift>);

impl TryFrom<Vec<Shift>> for Shifts {
    type Error = String;

    fn try_from(mut shifts: Vec<Shift>) -> Result<Self, String> {
        if shifts.len() > SHIFTS_MAX {
            return Err(format!("a day has at most {SHIFTS_MAX} shifts"));
        }
        shifts.sort_by_key(|shift| shift.start);
        if let Some(Shift { start, end }) = shifts.iter().find(|shift| shift.start == shift.end) {
            return Err(format!("a shift from {start} to {end} is empty: a whole day is 00:00 to 24:00"));
        }
        if shifts.iter().any(|shift| shift.start.minutes == DAY_MINUTES) {
            return Err("a shift begins at 23:59 at the latest".to_owned());
        }
        let pairs = shifts.iter().zip(shifts.iter().skip(1));
        if let Some((one, other)) = pairs.into_iter().find(|(one, other)| one.end_minutes() > other.start.minutes) {
            return Err(format!("the shifts from {} and from {} overlap", one.start, other.start));
        }
        Ok(Self(shifts))
    }
}

/// The shifts of each weekday.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the days of the week")]
pub struct Week {
    pub mon: Shifts,
    pub tue: Shifts,
    pub wed: Shifts,
    pub thu: Shifts,
    pub fri: Shifts,
    pub sat: Shifts,
    pub sun: Shifts,
}

impl Week {
    const fn on(&self, day: Weekday) -> &Shifts {
        match day {
            Weekday::Mon => &self.mon,
            Weekday::Tue => &self.tue,
            Weekday::Wed => &self.wed,
            Weekday::Thu => &self.thu,
            Weekday::Fri => &self.fri,
            Weekday::Sat => &self.sat,
            Weekday::Sun => &self.sun,
        }
    }

    fn is_worked(&self) -> bool {
        let Self { mon, tue, wed, thu, fri, sat, sun } = self;
        [mon, tue, wed, thu, fri, sat, sun].into_iter().any(|day| !day.0.is_empty())
    }
}

/// When a desk works: what is worked each week, and the days that are other than their weekday. A holiday is such a day
/// without shifts, a make-up workday 调休 one with some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// The zone whose local time the shifts are in.
    pub zone: Timezone,
    /// The shifts of each weekday.
    pub weekly: Week,
    /// The shifts of the days that are other than their weekday.
    #[serde(default, deserialize_with = "by_day")]
    pub exceptions: BTreeMap<NaiveDate, Shifts>,
}

/// Reads days as they are written, so that none is there twice.
fn by_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<NaiveDate, Shifts>, D::Error> {
    let days = BTreeMap::<String, Shifts>::deserialize(deserializer)?.into_iter().map(|(text, shifts)| {
        let day = text.parse::<NaiveDate>().ok().filter(|day| day.to_string() == text);
        let day = day.ok_or_else(|| D::Error::custom(format_args!("{text:?} is no day such as 2026-01-31")))?;
        Ok((day, shifts))
    });
    days.collect()
}

impl Hours {
    fn on(&self, day: NaiveDate) -> &Shifts {
        self.exceptions.get(&day).unwrap_or_else(|| self.weekly.on(day.weekday()))
    }

    /// What makes them unfit for use, with a pointer to it; asked before they are recorded and never of what was.
    ///
    /// # Errors
    /// The zone is not known, no day of the week is worked, or there are too many exceptions.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let Self { zone, weekly, exceptions } = self;
        if !zone.exists() {
            return Err(("/zone", format!("the time zone database knows no {zone}")));
        }
        if !weekly.is_worked() {
            return Err(("/weekly", "a week has at least one shift: otherwise nothing would ever be due".to_owned()));
        }
        if exceptions.len() > EXCEPTIONS_MAX {
            return Err(("/exceptions", format!("at most {EXCEPTIONS_MAX} days can be other than their weekday")));
        }
        Ok(())
    }

    /// Time as it is counted by them; `None` if the time zone database dropped the zone since.
    #[must_use]
    pub fn business_time(&self) -> Option<BusinessTime<'_>> {
        Some(BusinessTime { zone: self.zone.as_str().parse().ok()?, hours: self })
    }
}

/// Counts time by hours of work.
#[derive(Clone, Copy, Debug)]
pub struct BusinessTime<'a> {
    zone: Tz,
    hours: &'a Hours,
}

/// Working time without a break, `[start, end)`, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The first instant.
    pub start: DateTime<Utc>,
    /// The first instant that no longer belongs to it.
    pub end: DateTime<Utc>,
}

impl BusinessTime<'_> {
    /// Working time from an instant up to another, `B(a, b)`; none if that is not later. Exact as the instants are, and
    /// additive.
    #[must_use]
    pub fn between(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        self.intervals(from, to).map(|Interval { start, end }| end - start).sum()
    }

    /// The first instant by which so much working time has passed since `from`, `A(a, d)`; for none, the first working
    /// instant from there on. `None` if that is more than twenty years away.
    #[must_use]
    pub fn after(&self, from: DateTime<Utc>, span: TimeDelta) -> Option<DateTime<Utc>> {
        self.within(from, from.checked_add_days(HORIZON).unwrap_or(DateTime::<Utc>::MAX_UTC), span)
    }

    /// As [`BusinessTime::after`], if that is before `to`, or is `to` itself.
    #[must_use]
    pub fn within(&self, from: DateTime<Utc>, to: DateTime<Utc>, span: TimeDelta) -> Option<DateTime<Utc>> {
        let mut left = span.max(TimeDelta::zero());
        for Interval { start, end } in self.intervals(from, to) {
            if left <= end - start {
                return Some(start + left);
            }
            left -= end - start;
        }
        None
    }

    /// Working time from an instant up to another, in order; what overlaps is one.
    pub fn intervals(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> impl Iterator<Item = Interval> {
        // A shift of the day before may last until now, and days begin at other times than in UTC.
        let (first, last) = (from.date_naive(), to.date_naive());
        let first = first.checked_sub_days(Days::new(2)).unwrap_or(first);
        let last = last.checked_add_days(Days::new(1)).unwrap_or(last);
        let mut covered = from;
        let days = first.iter_days().take_while(move |day| *day <= last);
        days.flat_map(|day| self.on(day)).filter_map(move |Interval { start, end }| {
            let (start, end) = (start.max(covered), end.min(to));
            covered = covered.max(end);
            (start < end).then_some(Interval { start, end })
        })
    }

    /// What is worked on a day, in order of its beginnings.
    fn on(&self, day: NaiveDate) -> impl Iterator<Item = Interval> {
        self.hours.on(day).0.iter().filter_map(move |shift| {
            let (start, _) = self.shown(day, shift.start.minutes)?;
            let (_, end) = self.shown(day, shift.end_minutes())?;
            Some(Interval { start, end })
        })
    }

    /// When the clocks show so many minutes after the midnight that a day begins with, for the first and for the last
    /// time; behind the gap where they never do.
    fn shown(&self, day: NaiveDate, minutes: u16) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let day = day.checked_add_days(Days::new(u64::from(minutes / DAY_MINUTES)))?;
        let local = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(i64::from(minutes % DAY_MINUTES));
        let (first, last) = match self.zone.from_local_datetime(&local) {
            MappedLocalTime::Single(at) => (at, at),
            MappedLocalTime::Ambiguous(first, last) => (first, last),
            MappedLocalTime::None => GapInfo::new(&local, &self.zone)?.end.map(|behind| (behind, behind))?,
        };
        Some((first.to_utc(), last.to_utc()))
    }
}

#[cfg(test)]
#[path = "business_time_tests.rs"]
mod tests;
