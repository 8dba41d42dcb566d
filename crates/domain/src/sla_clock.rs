//! SLA clocks: business time that runs towards a target, with pauses, and what becomes of it under another target.
//!
//! A clock counts whole seconds: instants are taken down to the second. Elapsed time is the business time of the running
//! segments, `E(t) = Σ B(start, end)`, each by the hours that were in force. While a clock runs it is due at
//! `A(now, T − E)`; while it is paused it has no due time. It is breached at the instant at which `E` reached `T`, which
//! is computed and never the time at which somebody looked.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::business_time::BusinessTime;

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

/// A time during which a clock ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when.
    pub end: DateTime<Utc>,
    /// The business time in between, by the hours of then.
    pub elapsed_s: i64,
}

/// A clock that counts towards a target. It never goes back: what happened before its last change counts as happening
/// then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clock {
    target_s: i64,
    segments: Vec<Segment>,
    /// How many of the segments do not count, because it was started again after them.
    outdated: usize,
    running_since: Option<DateTime<Utc>>,
    breached_at: Option<DateTime<Utc>>,
}

impl Clock {
    /// A clock that runs from an instant on, towards so many seconds of business time.
    #[must_use]
    pub fn start(target_s: u32, at: DateTime<Utc>) -> Self {
        let running_since = Some(at.trunc_subsecs(0));
        Self { target_s: target_s.into(), segments: Vec::new(), outdated: 0, running_since, breached_at: None }
    }

    /// The target, in seconds of business time.
    #[must_use]
    pub const fn target_s(&self) -> i64 {
        self.target_s
    }

    /// The times during which it ran before, without the one in which it runs.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Since when it has been running, unless it is paused.
    #[must_use]
    pub const fn running_since(&self) -> Option<DateTime<Utc>> {
        self.running_since
    }

    /// When it was breached, as far as that was noticed when it was paused or got its target.
    #[must_use]
    pub const fn breached_at(&self) -> Option<DateTime<Utc>> {
        self.breached_at
    }

    /// Elapsed business time in seconds, `E(now)`.
    #[must_use]
    pub fn elapsed_s(&self, time: BusinessTime<'_>, now: DateTime<Utc>) -> i64 {
        let running = self.running_since.map_or(0, |since| time.between(since, now.trunc_subsecs(0)).num_seconds());
        self.before_s() + running
    }

    /// When it reaches its target if it goes on running, or when it did. `None` while it is paused, and where that is
    /// beyond the horizon of business time.
    #[must_use]
    pub fn due_at(&self, time: BusinessTime<'_>) -> Option<DateTime<Utc>> {
        self.breached_at.or_else(|| self.reaches(time, self.target_s))
    }

    /// When it will have run for a share of its target, as [`Clock::due_at`]; shares of a second count as a whole one.
    /// `None` also where that was before it ran this time.
    #[must_use]
    pub fn threshold_at(&self, time: BusinessTime<'_>, percent: u16) -> Option<DateTime<Utc>> {
        self.reaches(time, (self.target_s * i64::from(percent) + 99) / 100)
    }

    /// Pauses it, or stops it for good. One that is paused stays so. A breach until then is noticed.
    pub fn pause(&mut self, time: BusinessTime<'_>, at: DateTime<Utc>) {
        let Some(start) = self.running_since else { return };
        let end = at.trunc_subsecs(0).max(start);
        self.breached_at = self.due_at(time).filter(|due_at| *due_at <= end);
        self.running_since = None;
        self.segments.push(Segment { start, end, elapsed_s: time.between(start, end).num_seconds() });
    }

    /// Lets it run again. One that runs goes on.
    pub fn resume(&mut self, at: DateTime<Utc>) {
        let last = self.segments.last().map(|segment| segment.end);
        self.running_since.get_or_insert(at.trunc_subsecs(0).max(last.unwrap_or(DateTime::<Utc>::MIN_UTC)));
    }

    /// Gives it another target, and from now on the hours of `new` in place of those of `old`. One that was breached
    /// before stays breached, unless it is replayed or started again.
    pub fn retarget(
        &mut self,
        mode: Retargeting,
        target_s: u32,
        (old, new): (BusinessTime<'_>, BusinessTime<'_>),
        now: DateTime<Utc>,
    ) {
        if mode == Retargeting::Grandfather {
            return;
        }
        let was_running = self.running_since.is_some();
        self.pause(old, now);
        let now = self.segments.last().map_or(now, |last| last.end.max(now.trunc_subsecs(0)));
        self.target_s = target_s.into();
        match mode {
            Retargeting::Carry => {
                let is_passed = self.before_s() >= self.target_s;
                self.breached_at = self.breached_at.or(is_passed.then_some(now));
            }
            Retargeting::Restart => {
                self.outdated = self.segments.len();
                self.breached_at = None;
            }
            Retargeting::Retroactive => {
                self.outdated = 0;
                for Segment { start, end, elapsed_s } in &mut self.segments {
                    *elapsed_s = new.between(*start, *end).num_seconds();
                }
                self.breached_at = self.passed_at(new);
            }
            Retargeting::Grandfather => {}
        }
        self.running_since = was_running.then_some(now);
    }

    fn counted(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter().skip(self.outdated)
    }

    /// Business time of the segments before the one in which it runs.
    fn before_s(&self) -> i64 {
        self.counted().map(|segment| segment.elapsed_s).sum()
    }

    fn reaches(&self, time: BusinessTime<'_>, elapsed_s: i64) -> Option<DateTime<Utc>> {
        let left_s = elapsed_s - self.before_s();
        time.after(self.running_since?, TimeDelta::try_seconds(left_s).filter(|left| *left > TimeDelta::zero())?)
    }

    /// In which of its segments it reached its target.
    fn passed_at(&self, time: BusinessTime<'_>) -> Option<DateTime<Utc>> {
        let mut left_s = self.target_s;
        for Segment { start, end, elapsed_s } in self.counted() {
            if left_s <= *elapsed_s {
                return time.within(*start, *end, TimeDelta::try_seconds(left_s)?);
            }
            left_s -= elapsed_s;
        }
        None
    }
}

#[cfg(test)]
#[path = "sla_clock_tests.rs"]
mod tests;
