//! The values that inquiries are described by.

use serde::{Deserialize, Serialize};

use crate::ids::CustomerId;
use crate::named::named;
use crate::text::Name;

/// The product that it is about, as the company calls it. Never personal data.
pub type ProductRef = Name<128>;

named! {
    /// Where an inquiry stands.
    #[derive(Default)]
    Status {
        /// Received 已接收: nobody has it.
        #[default]
        Received = "received",
        /// Assigned 已分派: an agent has it.
        Assigned = "assigned",
        /// Answered 已答复: nothing is asked of anybody.
        Answered = "answered",
        /// Awaiting the customer 待客户: the answer asked something back.
        AwaitingCustomer = "awaiting_customer",
        /// Closed 已关闭: may be reopened.
        Closed = "closed",
        /// Converted 转工单: goes on as a ticket. Final.
        Converted = "converted",
        /// Spam. Nothing follows but that it is identified.
        Spam = "spam",
    }
}

impl Status {
    /// Whether it is unfinished: received, assigned, answered or awaiting the customer.
    #[must_use]
    pub const fn unfinished(self) -> bool {
        matches!(self, Self::Received | Self::Assigned | Self::Answered | Self::AwaitingCustomer)
    }

    /// The commands that are possible.
    #[must_use]
    pub const fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Received | Self::Assigned | Self::Answered | Self::AwaitingCustomer => {
                &["identify", "assign", "answer", "receive_customer_reply", "convert", "close", "mark_spam"]
            }
            Self::Closed => &["identify", "receive_customer_reply", "reopen"],
            Self::Converted => &[],
            // So that the words of whoever it was can go with the customer.
            Self::Spam => &["identify"],
        }
    }
}

named! {
    /// How an inquiry ended.
    Outcome {
        /// It was answered.
        Answered = "answered",
        /// The customer did not write back.
        NoReply = "no_reply",
        /// The customer asks no more.
        Withdrawn = "withdrawn",
        /// It is known from another inquiry or ticket.
        Duplicate = "duplicate",
        /// Anything else.
        Other = "other",
    }
}

/// Somebody who is not known yet; at least one of these is. Personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anonymous {
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name<200>>,
    /// The telephone number, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Name<320>>,
    /// The e-mail address, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Name<320>>,
}

impl Anonymous {
    /// Whether nothing is known at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.name.is_none() && self.phone.is_none() && self.email.is_none()
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sender {
    /// A customer.
    Customer(CustomerId),
    /// Somebody who is not known yet.
    Anonymous(Anonymous),
}
