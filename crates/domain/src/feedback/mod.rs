//! Feedback 反馈: what customers say of the service, asked for in a survey or on their own.
//!
//! A survey, a complaint and a remark (a suggestion or praise) each take their own course; the transition table is data
//! (`transitions`). Whom a survey rates is settled when it is requested.

mod command;
mod decide;
mod event;
mod fields;
mod state;
mod survey;
mod transitions;

pub use command::Command;
pub use decide::NEEDS_MAX;
pub use event::{Content, Event};
pub use fields::{
    AMEND_S_MAX, About, AmendSeconds, Body, Comment, EXPIRY_S_MAX, ExpirySeconds, Kind, Metric, Objection, Outcome,
    Reason, Remedy, Score, Severity, Status, Subject, Terms,
};
pub use state::{Answer, Course, Feedback, Matter, Survey};
pub(crate) use survey::{expiry_timer, survey_requested};

use uuid::Uuid;

use crate::decider::{Aggregate, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::StreamId;
use crate::rejection::Rejection;

impl Aggregate for Feedback {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        decide::creates(command)
    }

    fn reads(id: Uuid, command: &Command, _: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(id, command, loaded)
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        decide::decide(self, command, context)
    }

    fn evolve(&mut self, event: &Event) {
        self.fold(event);
    }
}

#[cfg(test)]
mod tests;
