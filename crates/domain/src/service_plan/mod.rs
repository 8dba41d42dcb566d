//! Service plan 服务计划: what a customer is entitled to, for how long, and what is done for it again and again.
//!
//! A revision makes new terms; what runs by older ones goes on by those. What a plan entitles to is taken and given back by
//! whatever is served, in its own append (`entitlement`). Timers are not decided by the rules but follow from where a plan
//! stands before and after (`settle`). Numbers of occurrences count what was planned, in order: what a rule's exclusions
//! leave out, and what falls due while the plan is not in force, has none.

mod command;
mod decide;
mod entitlement;
mod event;
mod fields;
mod occurrences;
mod recurrence;
mod settle;
mod state;
mod terms;
mod transitions;

pub use command::Command;
pub use entitlement::{CONSUMERS_MAX, Matter, consume, covered, in_force, of_customer, owned_reads, release};
pub use event::Event;
pub use fields::{
    Allocation, ConsumeOn, Consumer, ConsumerKind, Content, Coverage, EXCLUSIONS_MAX, Exclusion, HOUR_S, PRODUCTS_MAX,
    Period, Product, Reason, Recurrence, SPAN_S_MAX, SpanSeconds, Status, Terms, UNITS_MAX, Unit, Units, Window,
    renewal_id,
};
pub use occurrences::{OCCURRENCES_AT_ONCE_MAX, execution_of};
pub use recurrence::{OCCURRENCES_MAX, occurrences};
pub use state::{Occurrence, ServicePlan};
pub use terms::PERIOD_END_MAX;

use uuid::Uuid;

use crate::decider::{Aggregate, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{ServicePlanId, StreamId};
use crate::rejection::Rejection;

impl Aggregate for ServicePlan {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Draft { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(ServicePlanId(id), command, actor, loaded)
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
