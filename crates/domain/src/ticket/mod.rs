//! Ticket 工单: a customer's matter, from its opening to its end.
//!
//! The transition table is data (`transitions`); each family of rules is a leaf beside it. Claims on agents' capacity,
//! SLA clocks and timers are not decided by the rules but follow from where a ticket stands before and after (`settle`).

mod asks;
mod assign;
mod belongs;
mod command;
mod decide;
mod event;
mod explain;
mod fields;
mod links;
mod merge;
mod messages;
mod open;
mod plan;
mod reopen;
mod resolve;
mod settle;
mod sla;
mod standing;
mod state;
mod transitions;
mod wait;

pub use assign::capacity_claim;
pub(crate) use assign::{check_team, eligible};
pub(crate) use belongs::{of_customer, owned_reads};
pub use command::Command;
pub use decide::WATCHERS_MAX;
pub use event::Event;
pub use explain::{Cause, Past, Run, explain, is_of_clocks};
pub use fields::{
    Article, Body, CATEGORY_LEVELS_MAX, CategoryPath, Channel, ClosedBy, Description, ESCALATION_MAX, EscalationLevel,
    Impact, LOGGED_S_MAX, LoggedSeconds, Priority, Reason, RejectionText, ResolutionCode, ResolutionText, RootCause,
    Status, Subject, Tag, TicketType, Urgency,
};
pub use links::{LINKS_MAX, Links};
pub use messages::{MESSAGES_MAX, follow_up_id};
pub use open::TAGS_MAX;
pub(crate) use open::{Opening, opening_reads};
pub use resolve::{ARTICLES_MAX, REOPEN_WINDOW};
pub use sla::Sla;
pub use standing::Standing;
pub use state::{Matter, Ticket};
pub use wait::WAIT_MAX;
pub(crate) use wait::is_due;

use uuid::Uuid;

use crate::decider::{Aggregate, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{StreamId, TicketId};
use crate::rejection::Rejection;

impl Aggregate for Ticket {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Open { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        asks::reads(TicketId(id), command, actor, loaded)
    }

    fn claims(id: Uuid, command: &Command, loaded: &Loaded) -> Vec<ClaimQuery> {
        asks::claims(TicketId(id), command, loaded)
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
