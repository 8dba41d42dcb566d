//! Service execution 服务执行: one piece of work at a customer's (a work order), from its plan to its end.
//!
//! The transition table is data (`transitions`). A booking keeps its resources to itself by interval claims (`booking`);
//! the times of the work are those at which things happened, in whole seconds (`course`).

mod booking;
mod command;
mod course;
mod decide;
mod end;
mod event;
mod fields;
mod plan;
mod state;
mod transitions;
mod work;

pub use booking::{BOOKING_MAX, Booking, RESOURCES_MAX, booking_claim};
pub use command::Command;
pub use course::Course;
pub(crate) use end::dropped;
pub use event::Event;
pub use fields::{
    Content, Item, ItemId, ItemResult, Note, Outcome, QTY_MILLI_MAX, QtyMilli, Reason, Site, Skill, Status, WINDOW_MAX,
    Window,
};
pub use plan::CHECKLIST_MAX;
pub(crate) use plan::{check_items, planned_by};
pub use state::{Order, ServiceExecution};
pub use work::{PARTS_MAX, PAUSES_MAX};

use uuid::Uuid;

use crate::decider::{Aggregate, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{ServiceExecutionId, StreamId};
use crate::rejection::Rejection;

impl Aggregate for ServiceExecution {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Plan { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(ServiceExecutionId(id), command, actor, loaded)
    }

    fn claims(_: Uuid, command: &Command, _: &Loaded) -> Vec<ClaimQuery> {
        booking::claims(command)
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
