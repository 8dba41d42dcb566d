//! Why a clock is due when it is: every time during which it ran, by which hours, and what began and ended it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::event::Event;
use crate::ids::CalendarId;
use crate::revisions::RevisionOf;
use crate::sla_clock::{ClockKind, Motion, Reading, Retargeted, Retargeting, Segment};

/// An event of a ticket's history. What is no event of its clocks is known by its type alone.
#[derive(Clone, Debug)]
pub struct Past<'a> {
    /// Which one it is.
    pub cause: Cause,
    /// The command that brought it.
    pub command_id: Uuid,
    /// The event, if it is one of the clocks' own.
    pub event: Option<&'a Event>,
}

/// An event that began or ended a run of a clock: the one that a command brought about beside those of the clocks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Its position in the history.
    pub position: u64,
    /// Its id.
    pub event_id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
}

/// A time during which a clock ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Which clock.
    pub clock: ClockKind,
    /// How many times the clock had begun by then, this one included: each message to be answered has one of its own.
    pub beginning: u32,
    /// Towards which target, in seconds of business time.
    pub target_s: u32,
    /// By which hours the time is counted.
    pub calendar: RevisionOf<CalendarId>,
    /// From when.
    pub start: DateTime<Utc>,
    /// Until when; none while it runs.
    pub end: Option<DateTime<Utc>>,
    /// The business time in between, in seconds; none while it runs.
    pub elapsed_s: Option<i64>,
    /// Whether that counts; what was before the clock was started again does not.
    pub counts: bool,
    /// What began it.
    pub began_by: Cause,
    /// What ended it.
    pub ended_by: Option<Cause>,
}

/// Where a clock stood while its history was gone through.
struct Told {
    motion: Motion,
    beginning: u32,
    /// The business time of the runs that count.
    counted_s: i64,
}

/// Whether events of a type are those of a ticket's clocks. They hold nothing personal.
#[must_use]
pub fn is_of_clocks(event_type: &str) -> bool {
    event_type.starts_with("Sla")
}

/// Every run of every clock of a ticket, by clock and in order, told from the ticket's history alone: without any
/// calendar, and so the same for ever.
#[must_use]
pub fn explain(history: &[Past<'_>]) -> Vec<Run> {
    let mut account = Account::default();
    let mut cause: Option<&Past<'_>> = None;
    for past in history {
        match past.event {
            None => cause = Some(past),
            Some(event) => {
                let by = cause.filter(|cause| cause.command_id == past.command_id).unwrap_or(past);
                account.take(event, &by.cause);
            }
        }
    }
    account.runs.into_values().flatten().collect()
}

#[derive(Default)]
struct Account {
    clocks: BTreeMap<ClockKind, Told>,
    runs: BTreeMap<ClockKind, Vec<Run>>,
}

impl Account {
    fn take(&mut self, event: &Event, by: &Cause) {
        if let Event::SlaAttached { clocks, .. } | Event::SlaClocksChanged { clocks } = event {
            for (kind, reading) in clocks {
                self.turned(*kind, reading, by);
            }
        }
        if let Event::SlaRetargeted { mode, clocks, .. } = event {
            for (kind, told) in clocks {
                self.retargeted(*kind, *mode, told, by);
            }
        }
    }

    fn turned(&mut self, kind: ClockKind, reading: &Reading, by: &Cause) {
        let known = self.clocks.get(&kind);
        let goes_on = known.filter(|told| told.motion != Motion::Ended || kind == ClockKind::TotalResolution);
        match goes_on {
            Some(told) => self.end(kind, reading.since, reading.elapsed_s - told.counted_s, by),
            None => {
                let beginning = known.map_or(0, |told| told.beginning) + 1;
                self.clocks.insert(kind, Told { motion: reading.motion, beginning, counted_s: 0 });
            }
        }
        self.begin(kind, reading, by);
    }

    fn retargeted(&mut self, kind: ClockKind, mode: Retargeting, told: &Retargeted, by: &Cause) {
        let counted_s = self.clocks.get(&kind).map_or(0, |clock| clock.counted_s);
        self.end(kind, told.reading.since, told.elapsed_s - counted_s, by);
        let beginning = self.clocks.get(&kind).map_or(1, |clock| clock.beginning);
        let before = self.runs.entry(kind).or_default().iter_mut().filter(|run| run.beginning == beginning);
        match mode {
            Retargeting::Restart => before.for_each(|run| run.counts = false),
            Retargeting::Retroactive => {
                for (run, Segment { start, end, elapsed_s }) in before.zip(&told.replayed) {
                    (run.start, run.end, run.elapsed_s, run.counts) = (*start, Some(*end), Some(*elapsed_s), true);
                    (run.calendar, run.target_s) = (told.reading.calendar, told.reading.target_s);
                }
            }
            Retargeting::Carry | Retargeting::Grandfather => {}
        }
        self.begin(kind, &told.reading, by);
    }

    /// Ends the run that a clock is in, if it runs.
    fn end(&mut self, kind: ClockKind, at: DateTime<Utc>, elapsed_s: i64, by: &Cause) {
        let running = self.runs.get_mut(&kind).and_then(|runs| runs.last_mut()).filter(|run| run.end.is_none());
        if let Some(run) = running {
            (run.end, run.elapsed_s, run.ended_by) = (Some(at), Some(elapsed_s), Some(by.clone()));
        }
    }

    /// Goes on as it is told, in a new run if the clock runs.
    fn begin(&mut self, kind: ClockKind, reading: &Reading, by: &Cause) {
        let Some(told) = self.clocks.get_mut(&kind) else { return };
        (told.motion, told.counted_s) = (reading.motion, reading.elapsed_s);
        if reading.motion == Motion::Running {
            let (beginning, start) = (told.beginning, reading.since);
            let (target_s, calendar) = (reading.target_s, reading.calendar);
            let (end, elapsed_s, ended_by) = (None, None, None);
            self.runs.entry(kind).or_default().push(Run {
                clock: kind,
                beginning,
                target_s,
                calendar,
                start,
                end,
                elapsed_s,
                counts: true,
                began_by: by.clone(),
                ended_by,
            });
        }
    }
}
