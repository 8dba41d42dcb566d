//! Inquiry 咨询: a question, from a customer or from somebody who is not known yet, until it is answered or becomes a
//! ticket.
//!
//! What somebody unknown wrote is sealed under a data subject of the inquiry's own. Once the inquiry is identified it
//! holds a claim on its customer, so that the customer's erasure finds it and destroys that key as well.

mod command;
mod convert;
mod decide;
mod event;
mod fields;
mod state;

pub use command::Command;
pub use decide::{IDENTIFIED_MAX, MESSAGES_MAX, identified_claim};
pub use event::Event;
pub use fields::{Anonymous, Outcome, ProductRef, Sender, Status};
pub use state::{Inquiry, Matter};

use uuid::Uuid;

use crate::decider::{Aggregate, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{InquiryId, StreamId};
use crate::rejection::Rejection;

/// The data subject under which an inquiry's personal data is sealed until it is identified: its own, and no other's.
#[must_use]
pub fn own_subject(id: InquiryId) -> Uuid {
    Uuid::new_v5(&id.0, b"inquiry.subject")
}

impl Aggregate for Inquiry {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Receive { .. })
    }

    fn reads(id: Uuid, command: &Command, _: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(InquiryId(id), command, loaded)
    }

    fn claims(_: Uuid, command: &Command, _: &Loaded) -> Vec<ClaimQuery> {
        decide::claims(command)
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
