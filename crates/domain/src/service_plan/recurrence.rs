//! When a recurrence is due.
//!
//! A rule is worked out in local time as if no clock were ever changed, and each local time that comes of it is then an
//! instant of the zone as RFC 5545 has it (3.3.5): a time that the clocks show twice is the first, and one that they skip
//! is counted with the offset before the gap, so that nothing is lost. What the period does not contain is no occurrence,
//! and the start of the period is one only where it fits the rule.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, Months, NaiveDateTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::{GapInfo, Tz};
use rrule::{Frequency, NWeekday, RRule, Unvalidated};

use super::fields::{Exclusion, Period, Recurrence};

/// The most occurrences of a plan.
pub const OCCURRENCES_MAX: usize = 1_000;
/// The most times of a day at which a rule is due.
const TIMES_OF_DAY_MAX: usize = 24;

impl Period {
    /// The zone, if the time zone database knows it.
    pub(super) fn tz(&self) -> Option<Tz> {
        self.zone.as_str().parse().ok()
    }

    /// A period as long as this one that begins where it ends: so many months by the calendar of the zone, and what is
    /// left over. `None` if that cannot be told.
    #[must_use]
    pub fn following(&self) -> Option<Self> {
        let zone = self.tz()?;
        let (start, end) = (local(zone, self.start), local(zone, self.end));
        let whole = (1..).map_while(|months| start.checked_add_months(Months::new(months)).filter(|next| *next <= end));
        let months = u32::try_from(whole.count()).ok()?;
        let left_over = end - start.checked_add_months(Months::new(months))?;
        let next = end.checked_add_months(Months::new(months))?.checked_add_signed(left_over)?;
        Some(Self { start: self.end, end: instant(zone, next)?, zone: self.zone.clone() })
    }
}

/// What the clocks of a zone show.
pub(super) fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// When the clocks of a zone show a local time.
fn instant(zone: Tz, local: NaiveDateTime) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&local).earliest() {
        Some(at) => Some(at.to_utc()),
        None => {
            let (_, before) = GapInfo::new(&local, &zone)?.begin?;
            Some((local - chrono::Offset::fix(&before)).and_utc())
        }
    }
}

/// When a recurrence is due in a period, in order and without what is left out.
///
/// # Errors
/// A sentence that says why the rule cannot be used: it is none of RFC 5545, is due more than 24 times a day, or is due in
/// the period never or more often than [`OCCURRENCES_MAX`].
pub fn occurrences(recurrence: &Recurrence, period: &Period) -> Result<Vec<DateTime<Utc>>, String> {
    let zone = period.tz().ok_or_else(|| format!("the time zone database knows no {}", period.zone))?;
    let rule = read(recurrence.rrule.as_str())?;
    let until = rule.get_until().map(DateTime::to_utc);
    let local_start = rrule::Tz::UTC.from_utc_datetime(&local(zone, period.start));
    // Local times may come in another order than their instants; a day later there is nothing of the period.
    let stop = local(zone, period.end).checked_add_days(Days::new(1)).ok_or("the period ends too late")?;
    let stopped = rule.until(rrule::Tz::UTC.from_utc_datetime(&stop));
    let rules = stopped.build(local_start).map_err(|error| error.to_string())?.limit();
    let in_force = |at: &DateTime<Utc>| period.contains(*at) && until.is_none_or(|until| *at <= until);
    let mut due = BTreeSet::new();
    for at in rules.into_iter().filter_map(|local| instant(zone, local.naive_utc())).filter(in_force) {
        due.insert(at);
        if due.len() > OCCURRENCES_MAX {
            return Err(format!("the rule is due more than {OCCURRENCES_MAX} times in the period"));
        }
    }
    if due.is_empty() {
        return Err("the rule is never due in the period".to_owned());
    }
    Ok(due.into_iter().filter(|at| !is_excluded(recurrence, zone, *at)).collect())
}

fn is_excluded(recurrence: &Recurrence, zone: Tz, at: DateTime<Utc>) -> bool {
    let exclusions = &recurrence.exclusions;
    exclusions.contains(&Exclusion::At(at)) || exclusions.contains(&Exclusion::Day(local(zone, at).date()))
}

/// Reads a rule, and refuses what RFC 5545 forbids and what would take too long to work out.
fn read(text: &str) -> Result<RRule<Unvalidated>, String> {
    let parts = || text.split(';').map(|part| part.split_once('=').unwrap_or((part, "")));
    if text.contains(':') || parts().any(|(_, value)| value.is_empty()) {
        return Err("a rule is made of parts such as FREQ=DAILY;INTERVAL=2".to_owned());
    }
    let given = |name: &str| parts().find(|(part, _)| part.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    if given("BYWEEKDAY").is_some() {
        return Err("days of the week are BYDAY".to_owned());
    }
    // Without Z it would be read as local time of this machine.
    if given("UNTIL").is_some_and(|until| !until.ends_with(['Z', 'z']) || !until.contains(['T', 't'])) {
        return Err("UNTIL is an instant in UTC such as 20261231T160000Z".to_owned());
    }
    let rule: RRule<Unvalidated> = text.parse().map_err(|error: rrule::RRuleError| error.to_string())?;
    let number = |day: &str| day.trim_end_matches(|char: char| char.is_ascii_alphabetic()).parse::<i32>();
    let no_day = given("BYDAY").is_some_and(|days| days.split(',').any(|day| number(day) == Ok(0)));
    let by_numbered_day = rule.get_by_weekday().iter().any(|day| matches!(day, NWeekday::Nth(..)));
    let every = |times: &[u8]| times.len().max(1);
    let times_of_day = every(rule.get_by_hour()) * every(rule.get_by_minute()) * every(rule.get_by_second());
    let (forbidden, why) = match rule.get_freq() {
        Frequency::Hourly | Frequency::Minutely | Frequency::Secondly => {
            (true, "FREQ is DAILY, WEEKLY, MONTHLY or YEARLY; several times a day are BYHOUR")
        }
        Frequency::Daily | Frequency::Weekly => (by_numbered_day, "numbered days are for months and years only"),
        Frequency::Monthly => (false, ""),
        Frequency::Yearly => {
            (by_numbered_day && !rule.get_by_week_no().is_empty(), "BYWEEKNO does not go with numbered days")
        }
    };
    if forbidden {
        return Err(why.to_owned());
    }
    let is_set = |part: &str| part.get(..2).is_some_and(|head| head.eq_ignore_ascii_case("BY"));
    let sets = parts().filter(|(part, _)| is_set(part)).count();
    for (wrong, why) in [
        (no_day, "the days of a month or year are numbered from 1 and from -1"),
        (rule.get_by_month_day().contains(&0), "the days of a month are numbered from 1 and from -1"),
        (rule.get_interval() == 0, "INTERVAL is above 0"),
        (rule.get_count() == Some(0), "COUNT is above 0"),
        (rule.get_count().is_some() && rule.get_until().is_some(), "COUNT does not go with UNTIL"),
        (!rule.get_by_set_pos().is_empty() && sets == 1, "BYSETPOS chooses among what another BY part gives"),
        (times_of_day > TIMES_OF_DAY_MAX, "a rule is due 24 times a day at most"),
    ] {
        if wrong {
            return Err(why.to_owned());
        }
    }
    Ok(rule)
}

/// The day after an instant, by the calendar of a zone.
pub(super) fn day_later(zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    instant(zone, local(zone, at).checked_add_days(Days::new(1))?)
}

/// An instant some seconds before or after another.
pub(super) fn shifted(at: DateTime<Utc>, by_s: i64) -> DateTime<Utc> {
    at.checked_add_signed(TimeDelta::seconds(by_s)).unwrap_or(at)
}
