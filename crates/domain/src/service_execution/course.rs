//! When it was travelled and worked, in whole seconds.

use chrono::{DateTime, SubsecRound as _, Utc};

use super::event::Event;
use crate::decider::Context;
use crate::rejection::Rejection;

/// When it was travelled and worked. Pauses are what is between the start and the end and was not worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// When somebody set out.
    pub travel_started_at: Option<DateTime<Utc>>,
    /// When the work began.
    pub started_at: Option<DateTime<Utc>>,
    /// Since when it goes on, unless it is paused.
    pub working_since: Option<DateTime<Utc>>,
    /// How long was worked before that, in seconds.
    pub worked_s: u64,
    /// When anything of this last happened.
    pub last_at: Option<DateTime<Utc>>,
}

impl Course {
    /// How long was worked until then, in seconds: the sum of all running intervals.
    #[must_use]
    pub fn labour_s(&self, at: DateTime<Utc>) -> u64 {
        self.worked_s.saturating_add(self.working_since.map_or(0, |since| seconds(since, at)))
    }

    /// How long was travelled, in seconds: until the work began, or until then if it has not.
    #[must_use]
    pub fn travel_s(&self, at: DateTime<Utc>) -> u64 {
        self.travel_started_at.map_or(0, |since| seconds(since, self.started_at.unwrap_or(at)))
    }

    /// When the command happens, to the second.
    ///
    /// # Errors
    /// `validation` at `/occurred_at`, where that is before what happened last.
    pub(super) fn next(&self, context: &Context<'_>) -> Result<DateTime<Utc>, Rejection> {
        let at = context.occurred_at.trunc_subsecs(0);
        match self.last_at {
            Some(last) if at < last => {
                Err(Rejection::validation("/occurred_at", format!("not before {last}, when something last happened")))
            }
            Some(_) | None => Ok(at),
        }
    }

    pub(super) fn evolve(&mut self, event: &Event) {
        match event {
            Event::TravelStarted { at } => {
                self.travel_started_at = Some(*at);
                self.last_at = Some(*at);
            }
            Event::ServiceExecutionStarted { at } => {
                self.started_at = Some(*at);
                self.working_since = Some(*at);
                self.last_at = Some(*at);
            }
            Event::ServiceExecutionResumed { at } => {
                self.working_since = Some(*at);
                self.last_at = Some(*at);
            }
            Event::ServiceExecutionPaused { at, .. }
            | Event::ServiceExecutionCompleted { at, .. }
            | Event::ServiceExecutionFailed { at, .. }
            | Event::ServiceExecutionCancelled { at, .. }
            | Event::CustomerNoShow { at, .. } => {
                self.worked_s = self.labour_s(*at);
                self.working_since = None;
                self.last_at = Some(*at);
            }
            Event::ServiceExecutionPlanned { .. }
            | Event::ServiceExecutionScheduled { .. }
            | Event::ServiceExecutionRescheduled { .. }
            | Event::ServiceExecutionDispatched {}
            | Event::ChecklistItemCompleted { .. }
            | Event::PartUsed { .. }
            | Event::CustomerSignedOff { .. }
            | Event::FollowUpScheduled { .. } => {}
        }
    }
}

/// The whole seconds from one time to a later one.
fn seconds(from: DateTime<Utc>, to: DateTime<Utc>) -> u64 {
    u64::try_from(to.signed_duration_since(from).num_seconds()).unwrap_or(0)
}
