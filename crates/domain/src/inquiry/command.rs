//! What can be asked of an inquiry.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::fields::{Outcome, ProductRef, Sender};
use crate::customer::Locale;
use crate::ids::{AgentId, CustomerId, ServicePlanId, SlaPolicyId, TeamId, TicketId};
use crate::service_plan::Product;
use crate::ticket::{
    Body, CategoryPath, Channel, Description, Impact, Priority, Reason, Subject, Tag, TicketType, Urgency,
};

/// What can be asked of an inquiry. Customers may send one, write, close and reopen; everything else is for agents,
/// services, rules and systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Takes in a new inquiry.
    Receive {
        /// Who asks.
        from: Sender,
        /// How it came in.
        channel: Channel,
        /// What it is about. Personal data.
        subject: Subject,
        /// What is asked. Personal data.
        body: Description,
        /// The language in which it is written.
        #[serde(default)]
        language: Option<Locale>,
        /// The product that it is about.
        #[serde(default)]
        product_ref: Option<ProductRef>,
        /// How important it is; P3 unless said otherwise.
        #[serde(default = "usual")]
        priority: Priority,
        /// Which team it goes to.
        #[serde(default)]
        team: Option<TeamId>,
    },
    /// Says whose it is. Once known, it stays so.
    Identify {
        /// Whose.
        customer: CustomerId,
    },
    /// Gives it to an agent of its team.
    Assign {
        /// The team, if it goes to another one.
        #[serde(default)]
        team: Option<TeamId>,
        /// Who.
        agent: AgentId,
    },
    /// Writes to whoever asked. It is `answered` then, or `awaiting_customer` if something is asked back.
    Answer {
        /// The message. Personal data.
        body: Body,
        /// Whether the customer has to write back before it can go on.
        #[serde(default)]
        awaits_customer: bool,
    },
    /// Takes in what the customer wrote further. That is work for the desk: whatever was answered or closed is `assigned`
    /// again, or `received` if no agent has it.
    ReceiveCustomerReply {
        /// The message. Personal data.
        body: Body,
    },
    /// Opens a ticket for it, with its body as the description; it goes on there. Takes a customer.
    Convert {
        /// The new ticket's id.
        ticket: TicketId,
        /// What kind of matter it is; a question unless said otherwise.
        #[serde(rename = "type", default = "question")]
        ticket_type: TicketType,
        /// How many are affected; unless said, what goes with the inquiry's priority.
        #[serde(default)]
        impact: Option<Impact>,
        /// How soon it is needed; unless said, what goes with the inquiry's priority.
        #[serde(default)]
        urgency: Option<Urgency>,
        /// The category, the widest first.
        #[serde(default)]
        category: CategoryPath,
        /// Tags, at most 50.
        #[serde(default)]
        tags: BTreeSet<Tag>,
        /// Which team it goes to; unless said, the inquiry's.
        #[serde(default)]
        team: Option<TeamId>,
        /// By which policy clocks run for it, at its latest revision.
        #[serde(default)]
        sla_policy: Option<SlaPolicyId>,
        /// Under which service plan it is worked on; clocks run by the plan's policy, unless another one is given.
        #[serde(default)]
        plan: Option<ServicePlanId>,
        /// For which product the plan is to cover it.
        #[serde(default)]
        product: Option<Product>,
        /// What it is about; unless said, the inquiry's subject. Personal data.
        #[serde(default)]
        subject: Option<Subject>,
    },
    /// Ends it.
    Close {
        /// How it ended.
        outcome: Outcome,
    },
    /// Takes a closed one up again.
    Reopen {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Says that nobody asks anything. Nothing can follow.
    MarkSpam {},
}

const fn usual() -> Priority {
    Priority::P3
}

const fn question() -> TicketType {
    TicketType::Question
}

impl Command {
    /// The command's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Receive { .. } => "receive",
            Self::Identify { .. } => "identify",
            Self::Assign { .. } => "assign",
            Self::Answer { .. } => "answer",
            Self::ReceiveCustomerReply { .. } => "receive_customer_reply",
            Self::Convert { .. } => "convert",
            Self::Close { .. } => "close",
            Self::Reopen { .. } => "reopen",
            Self::MarkSpam {} => "mark_spam",
        }
    }
}
