//! Identities: one newtype per aggregate, and the stream that holds an aggregate's history.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregates::Category;

macro_rules! aggregate_ids {
    ($($(#[$doc:meta])* $name:ident => $category:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The stream that holds this aggregate's events.
            #[must_use]
            pub const fn stream(self) -> StreamId {
                StreamId { category: Category::$category, id: self.0 }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

aggregate_ids! {
    /// Identifies a customer 客户.
    CustomerId => Customer;
    /// Identifies a transaction 交易.
    TransactionId => Transaction;
    /// Identifies a need 需求.
    NeedId => Need;
    /// Identifies an inquiry 咨询.
    InquiryId => Inquiry;
    /// Identifies feedback 反馈.
    FeedbackId => Feedback;
    /// Identifies a ticket 工单.
    TicketId => Ticket;
    /// Identifies a service plan 服务计划.
    ServicePlanId => ServicePlan;
    /// Identifies a service execution 服务执行.
    ServiceExecutionId => ServiceExecution;
    /// Identifies a service evaluation 服务评估.
    ServiceEvaluationId => ServiceEvaluation;
    /// Identifies an agent (a person of the support desk).
    AgentId => Agent;
    /// Identifies a team of agents.
    TeamId => Team;
    /// Identifies a business calendar.
    CalendarId => Calendar;
    /// Identifies an SLA policy.
    SlaPolicyId => SlaPolicy;
    /// Identifies a scorecard.
    ScorecardId => Scorecard;
}

/// One aggregate's stream: its category and its id. Ids are unique within a category only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The kind of aggregate.
    pub category: Category,
    /// The aggregate's id.
    pub id: Uuid,
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.category.name(), self.id)
    }
}
