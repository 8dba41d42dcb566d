//! Need 需求: what a customer wants, from its capture to its fulfilment or its end.
//!
//! A need rests on evidence, which is of the same customer. A merge moves nothing between the two needs, so that it can
//! be undone exactly, in any order.

mod command;
mod decide;
mod event;
mod evidence;
mod fields;
mod from_feedback;
mod merge;
mod state;

pub use command::Command;
pub use event::Event;
pub use evidence::{EVIDENCE_MAX, Evidence, EvidenceKind};
pub use fields::{
    CategorizedBy, EstimatedValue, Fulfilment, Importance, ProductRef, Satisfaction, Source, Status, Target, Title,
};
pub(crate) use from_feedback::{captured_from, evidence_attached, need_reads};
pub use merge::MERGED_MAX;
pub use state::{MergedInto, Need};

use uuid::Uuid;

use crate::decider::{Aggregate, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{NeedId, StreamId};
use crate::rejection::Rejection;

impl Aggregate for Need {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Capture { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(NeedId(id), command, actor, loaded)
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
