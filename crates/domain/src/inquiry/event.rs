//! What can have happened to an inquiry.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{Anonymous, Outcome, ProductRef, Status};
use crate::customer::Locale;
use crate::ids::{AgentId, CustomerId, TeamId, TicketId};
use crate::personal::Personal;
use crate::ticket::{Body, Channel, Description, Priority, Reason, Subject};

/// What can have happened to an inquiry. Where an event may leave it in one of several states, `status` tells which.
/// Personal values belong to the customer, but for those from before the inquiry was identified, which belong to the
/// inquiry's own subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The inquiry came in, as `received`.
    InquiryReceived {
        /// Whose it is, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        customer: Option<CustomerId>,
        /// Who asks, if it is nobody known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        anonymous: Option<Personal<Anonymous>>,
        /// How it came in.
        channel: Channel,
        /// What it is about.
        subject: Personal<Subject>,
        /// What is asked.
        body: Personal<Description>,
        /// The language in which it is written.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Locale>,
        /// The product that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product_ref: Option<ProductRef>,
        /// How important it is.
        priority: Priority,
        /// Which team it goes to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
    },
    /// It is known whose it is.
    InquiryIdentified {
        /// Whose.
        customer: CustomerId,
    },
    /// It went to an agent.
    InquiryAssigned {
        /// Its team now, if it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
        /// From whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<AgentId>,
        /// To whom.
        to: AgentId,
        /// The status now.
        status: Status,
    },
    /// The desk wrote.
    InquiryAnswered {
        /// The message's id.
        message_id: Uuid,
        /// The message.
        body: Personal<Body>,
        /// Whether it is the first that a human agent wrote.
        first: bool,
        /// Who wrote, if it was an agent and not a machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<AgentId>,
        /// The status now: answered, or awaiting the customer.
        status: Status,
    },
    /// The customer wrote further. On a closed one, `InquiryReopened` follows.
    InquiryCustomerReplied {
        /// The message's id.
        message_id: Uuid,
        /// The message.
        body: Personal<Body>,
        /// The status now.
        status: Status,
    },
    /// It goes on as a ticket (`converted`), which was opened together with this.
    InquiryConverted {
        /// Which.
        ticket: TicketId,
    },
    /// It was closed (`closed`).
    InquiryClosed {
        /// How it ended.
        outcome: Outcome,
    },
    /// It was taken up again.
    InquiryReopened {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// The status now: assigned, or received if no agent has it.
        status: Status,
    },
    /// Nobody asks anything (`spam`).
    InquiryMarkedSpam {},
}
