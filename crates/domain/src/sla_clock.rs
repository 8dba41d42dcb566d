//! SLA clocks: business time that runs towards a target, with pauses, and what becomes of it under another target.
//!
//! A clock counts whole seconds: instants are taken down to the second. Elapsed time is the business time of the running
//! segments, `E(t) = Σ B(start, end)`, each by the hours that were in force. While a clock runs it is due at
//! `A(now, T − E)`; while it is paused it has no due time. It is breached at the instant at which `E` reached `T`, which
//! is computed and never the time at which somebody looked.
//!
//! What happens to a clock is told by [`Reading`]s, which hold everything that follows from the hours: whoever folds them
//! knows the clock without any calendar.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::business_time::BusinessTime;
use crate::ids::CalendarId;
use crate::revisions::RevisionOf;

/// What a clock measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockKind {
    /// From the opening to the first answer of a person that the customer sees.
    FirstResponse,
    /// From the oldest message of the customer that is not answered to its answer.
    NextResponse,
    /// From the opening to the first resolution; it never starts again.
    FirstResolution,
    /// From the opening to the last resolution, without the time from a resolution to a reopening.
    TotalResolution,
}

impl ClockKind {
    /// All of them.
    pub const ALL: &[Self] = &[Self::FirstResponse, Self::NextResponse, Self::FirstResolution, Self::TotalResolution];

    /// The name as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstResponse => "first_response",
            Self::NextResponse => "next_response",
            Self::FirstResolution => "first_resolution",
            Self::TotalResolution => "total_resolution",
        }
    }
}

/// What becomes of a clock whose target changes while it counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retargeting {
    /// What has elapsed counts on towards the new target. One that is passed by that is breached now, never earlier.
    #[default]
    Carry,
    /// As if the new target and hours had been in force from the start, with the same pauses: a breach may lie behind.
    Retroactive,
    /// Counting begins again, now.
    Restart,
    /// The old target stays, and so do the old hours.
    Grandfather,
}

/// Whether a clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// It counts.
    Running,
    /// It waits.
    Paused,
    /// What it measures is over; that of all resolutions runs again when a ticket is reopened.
    Ended,
}

/// Where a clock stands after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// Whether it counts.
    pub motion: Motion,
    /// Since when, to the second: the instant of the change.
    pub since: DateTime<Utc>,
    /// The target, in seconds of business time.
    pub target_s: u32,
    /// What had elapsed of it at that instant, in seconds of business time.
    pub elapsed_s: i64,
    /// By which hours it counts.
    pub calendar: RevisionOf<CalendarId>,
    /// When it reaches its target if it goes on running; none unless it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it has run for 75 % of its target, if it goes on running or has done so before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_risk_at: Option<DateTime<Utc>>,
    /// When the next share of its target is reached of which notice is to be taken, or when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_threshold_at: Option<DateTime<Utc>>,
    /// When it reached its target, if that was up to that instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached_at: Option<DateTime<Utc>>,
}

/// What became of a clock under another target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retargeted {
    /// The target before, in seconds of business time.
    pub from_s: u32,
    /// What had elapsed before, by the hours of then.
    pub elapsed_s: i64,
    /// All times during which it ran, by the hours of now; only where it is replayed ([`Retargeting::Retroactive`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replayed: Vec<Segment>,
    /// Where it stands now.
    pub reading: Reading,
}

/// A time during which a clock ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// The business time in between, by the hours of then.
    pub elapsed_s: i64,
}

/// The share of a target at which a clock is at risk.
pub const AT_RISK_PERCENT: u16 = 75;
/// The share of a target that is its breach.
pub const BREACH_PERCENT: u16 = 100;

/// A clock that counts towards a target. It never goes back: what happened before its last change counts as happening
/// then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    motion: Motion,
    since: DateTime<Utc>,
    target_s: u32,
    calendar: RevisionOf<CalendarId>,
    segments: Vec<Segment>,
    /// How many of the segments do not count, because it was started again after them.
    outdated: usize,
    /// When its target was changed for the last time: what is passed by that is passed then, never earlier.
    carried_at: Option<DateTime<Utc>>,
    breached_at: Option<DateTime<Utc>>,
    /// The highest share of its target of which notice was taken, in percent.
    noticed: u16,
    next_threshold_at: Option<DateTime<Utc>>,
}

impl Clock {
    /// A clock that counts from an instant on, or waits to, towards so many seconds of business time.
    #[must_use]
    pub fn start(target_s: u32, motion: Motion, at: DateTime<Utc>, calendar: RevisionOf<CalendarId>) -> Self {
        Self {
            motion,
            since: at.trunc_subsecs(0),
            target_s,
            calendar,
            segments: Vec::new(),
            outdated: 0,
            carried_at: None,
            breached_at: None,
            noticed: 0,
            next_threshold_at: None,
        }
    }

    /// The clock that begins with a reading.
    #[must_use]
    pub fn begun(reading: &Reading) -> Self {
        let mut clock = Self::start(reading.target_s, reading.motion, reading.since, reading.calendar);
        clock.show(reading);
        clock
    }

    /// Whether it counts.
    #[must_use]
    pub const fn motion(&self) -> Motion {
        self.motion
    }

    /// By which hours it counts.
    #[must_use]
    pub const fn calendar(&self) -> RevisionOf<CalendarId> {
        self.calendar
    }

    /// The target, in seconds of business time.
    #[must_use]
    pub const fn target_s(&self) -> u32 {
        self.target_s
    }

    /// The times during which it ran before, without the one in which it runs.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// When it was breached, as far as that was noticed when it was paused or got its target.
    #[must_use]
    pub const fn breached_at(&self) -> Option<DateTime<Utc>> {
        self.breached_at
    }

    /// When notice is to be taken of it for the next time.
    #[must_use]
    pub const fn next_threshold_at(&self) -> Option<DateTime<Utc>> {
        self.next_threshold_at
    }

    /// Elapsed business time in seconds, `E(now)`.
    #[must_use]
    pub fn elapsed_s(&self, time: BusinessTime<'_>, now: DateTime<Utc>) -> i64 {
        let running = self.running_since().map_or(0, |since| time.between(since, now.trunc_subsecs(0)).num_seconds());
        self.before_s() + running
    }

    /// When it reaches its target if it goes on running, or when it did. `None` where it waits before that, and where
    /// that is beyond the horizon of business time.
    #[must_use]
    pub fn due_at(&self, time: BusinessTime<'_>) -> Option<DateTime<Utc>> {
        self.breached_at.or_else(|| self.reaches(time, self.target_s.into()))
    }

    /// When it will have run for a share of its target, or when it had, as [`Clock::due_at`]; shares of a second count
    /// as a whole one.
    #[must_use]
    pub fn threshold_at(&self, time: BusinessTime<'_>, percent: u16) -> Option<DateTime<Utc>> {
        if percent == BREACH_PERCENT {
            return self.due_at(time);
        }
        self.reaches(time, (i64::from(self.target_s) * i64::from(percent) + 99) / 100)
    }

    /// Of which shares of its target notice is to be taken by now, each with the instant at which it was reached.
    /// `thresholds` rise.
    #[must_use]
    pub fn notices(&self, time: BusinessTime<'_>, thresholds: &[u16], now: DateTime<Utc>) -> Vec<(u16, DateTime<Utc>)> {
        let open = thresholds.iter().filter(|percent| **percent > self.noticed);
        let reached = open.filter_map(|percent| Some((*percent, self.threshold_at(time, *percent)?)));
        reached.filter(|(_, at)| *at <= now).collect()
    }

    /// Takes notice of a share of its target that was reached; the next one is reached at `next_threshold_at`.
    pub fn notice(&mut self, percent: u16, at: DateTime<Utc>, next_threshold_at: Option<DateTime<Utc>>) {
        self.noticed = self.noticed.max(percent);
        self.next_threshold_at = next_threshold_at;
        if percent == BREACH_PERCENT {
            self.breached_at = Some(at);
        }
    }

    /// When the first of the shares above `noticed` is reached, or was. That need not be the smallest one: a breach stays
    /// under a longer target, of which less has run.
    #[must_use]
    pub fn after_notice(&self, time: BusinessTime<'_>, thresholds: &[u16], noticed: u16) -> Option<DateTime<Utc>> {
        let open = thresholds.iter().filter(|percent| **percent > noticed);
        open.filter_map(|percent| self.threshold_at(time, *percent)).min()
    }

    /// Pauses it, lets it run again, or ends it. A breach until then is noticed.
    pub fn turn(&mut self, motion: Motion, time: BusinessTime<'_>, at: DateTime<Utc>) {
        let at = self.not_before(at);
        if let Some(start) = self.running_since() {
            self.breached_at = self.due_at(time).filter(|due_at| *due_at <= at);
            self.segments.push(Segment { start, end: at, elapsed_s: time.between(start, at).num_seconds() });
        }
        (self.motion, self.since) = (motion, at);
    }

    /// Gives it another target, and from now on the hours `new` in place of `old`. One that was breached before stays
    /// breached, unless it is replayed or started again. Of one that is left as it is ([`Retargeting::Grandfather`])
    /// there is nothing to tell. `thresholds` as for [`Clock::reading`].
    pub fn retarget(
        &mut self,
        mode: Retargeting,
        target_s: u32,
        old: BusinessTime<'_>,
        (calendar, new): (RevisionOf<CalendarId>, BusinessTime<'_>),
        thresholds: &[u16],
        now: DateTime<Utc>,
    ) -> Option<Retargeted> {
        if mode == Retargeting::Grandfather {
            return None;
        }
        let from_s = self.target_s;
        self.turn(self.motion, old, now);
        let elapsed_s = self.before_s();
        (self.target_s, self.calendar) = (target_s, calendar);
        let mut replayed = Vec::new();
        match mode {
            Retargeting::Carry => {
                let is_passed = elapsed_s >= i64::from(target_s);
                self.carried_at = Some(self.since);
                self.breached_at = self.breached_at.or(is_passed.then_some(self.since));
            }
            Retargeting::Restart => self.restart(),
            Retargeting::Retroactive => {
                let again = |segment: &Segment| {
                    let elapsed_s = new.between(segment.start, segment.end).num_seconds();
                    Segment { elapsed_s, ..*segment }
                };
                replayed = self.segments.iter().map(again).collect();
                self.replay(&replayed);
                self.breached_at = self.due_at(new).filter(|due_at| *due_at <= self.since);
            }
            Retargeting::Grandfather => {}
        }
        Some(Retargeted { from_s, elapsed_s, replayed, reading: self.reading(new, thresholds) })
    }

    /// Where it stands, to be told. `thresholds` are the shares of its target of which notice is taken; they rise.
    #[must_use]
    pub fn reading(&self, time: BusinessTime<'_>, thresholds: &[u16]) -> Reading {
        Reading {
            motion: self.motion,
            since: self.since,
            target_s: self.target_s,
            elapsed_s: self.before_s(),
            calendar: self.calendar,
            due_at: self.due_at(time).filter(|_| self.motion == Motion::Running),
            at_risk_at: self.threshold_at(time, AT_RISK_PERCENT),
            next_threshold_at: self.after_notice(time, thresholds, self.noticed),
            breached_at: self.breached_at,
        }
    }

    /// Folds what was told of a turn.
    pub fn fold(&mut self, reading: &Reading) {
        self.end_segment(reading.since, reading.elapsed_s);
        self.show(reading);
    }

    /// Folds what was told of another target.
    pub fn fold_retargeted(&mut self, mode: Retargeting, told: &Retargeted) {
        self.end_segment(told.reading.since, told.elapsed_s);
        match mode {
            Retargeting::Carry => self.carried_at = Some(told.reading.since),
            Retargeting::Restart => self.restart(),
            Retargeting::Retroactive => self.replay(&told.replayed),
            Retargeting::Grandfather => {}
        }
        self.show(&told.reading);
    }

    fn show(&mut self, reading: &Reading) {
        (self.motion, self.since) = (reading.motion, reading.since);
        (self.target_s, self.calendar) = (reading.target_s, reading.calendar);
        (self.breached_at, self.next_threshold_at) = (reading.breached_at, reading.next_threshold_at);
    }

    fn end_segment(&mut self, end: DateTime<Utc>, elapsed_s: i64) {
        if let Some(start) = self.running_since() {
            let elapsed_s = elapsed_s - self.before_s();
            self.segments.push(Segment { start, end, elapsed_s });
        }
    }

    fn restart(&mut self) {
        (self.outdated, self.noticed) = (self.segments.len(), 0);
        (self.carried_at, self.breached_at) = (None, None);
    }

    fn replay(&mut self, segments: &[Segment]) {
        self.segments = segments.to_vec();
        (self.outdated, self.noticed) = (0, 0);
        (self.carried_at, self.breached_at) = (None, None);
    }

    fn running_since(&self) -> Option<DateTime<Utc>> {
        Some(self.since).filter(|_| self.motion == Motion::Running)
    }

    fn not_before(&self, at: DateTime<Utc>) -> DateTime<Utc> {
        at.trunc_subsecs(0).max(self.since)
    }

    fn counted(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().skip(self.outdated)
    }

    /// Business time of the segments before the one in which it runs.
    fn before_s(&self) -> i64 {
        self.counted().map(|segment| segment.elapsed_s).sum()
    }

    /// When so much will have elapsed if it goes on running, or when it had. In a segment that counted by other hours
    /// than those of now, it is its end at the latest.
    fn reaches(&self, time: BusinessTime<'_>, elapsed_s: i64) -> Option<DateTime<Utc>> {
        let mut left_s = elapsed_s;
        for Segment { start, end, elapsed_s } in self.counted() {
            if left_s <= *elapsed_s {
                let at = time.within(*start, *end, TimeDelta::try_seconds(left_s)?).unwrap_or(*end);
                return Some(self.carried_at.map_or(at, |carried_at| at.max(carried_at)));
            }
            left_s -= elapsed_s;
        }
        time.after(self.running_since()?, TimeDelta::try_seconds(left_s)?)
    }
}

#[cfg(test)]
#[path = "sla_clock_tests.rs"]
mod tests;
