//! What can be asked of a service execution.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fields::{Content, Item, ItemId, ItemResult, Note, Outcome, QtyMilli, Reason, Site, Skill, Window, moment};
use crate::ids::{AgentId, CustomerId, ServiceExecutionId, ServicePlanId, TicketId};
use crate::text::Name;

/// What can be asked of a service execution. Customers may sign for it; everything else is for agents, services, rules
/// and systems. Things happen at the command's `occurred_at`, to the second and never before what happened last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Plans a new one.
    Plan {
        /// What it is called.
        name: Name<200>,
        /// What is to be done.
        #[serde(default)]
        content: Option<Content>,
        /// For whom.
        customer: CustomerId,
        /// The ticket that asks for it.
        #[serde(default)]
        ticket: Option<TicketId>,
        /// The service plan under which it is done.
        #[serde(default)]
        plan: Option<ServicePlanId>,
        /// Where. Personal data.
        #[serde(default)]
        site: Option<Site>,
        /// When it is to be done.
        window: Window,
        /// What the resources must know, between them; at most 50.
        #[serde(default)]
        skills: BTreeSet<Skill>,
        /// What is to be done step by step, at most 100.
        #[serde(default)]
        checklist: Vec<Item>,
    },
    /// Gives it a time and resources, who are free then and have its skills between them.
    Schedule {
        /// When it begins.
        #[serde(deserialize_with = "moment")]
        start: DateTime<Utc>,
        /// When it ends: later, by 31 days at most.
        #[serde(deserialize_with = "moment")]
        end: DateTime<Utc>,
        /// Who does it: 1 to 10 agents.
        resources: BTreeSet<AgentId>,
        /// Goes outside the window; takes the role supervisor.
        #[serde(default, rename = "override")]
        overridden: bool,
    },
    /// Gives it another time or other resources. One that was dispatched must be dispatched again.
    Reschedule {
        /// When it begins.
        #[serde(deserialize_with = "moment")]
        start: DateTime<Utc>,
        /// When it ends: later, by 31 days at most.
        #[serde(deserialize_with = "moment")]
        end: DateTime<Utc>,
        /// Who does it: 1 to 10 agents.
        resources: BTreeSet<AgentId>,
        /// Goes outside the window; takes the role supervisor.
        #[serde(default, rename = "override")]
        overridden: bool,
    },
    /// Sends the resources.
    Dispatch {},
    /// Says that they are on their way.
    StartTravel {},
    /// Begins the work.
    Start {},
    /// Interrupts the work; at most 100 times.
    Pause {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Goes on with the work.
    Resume {},
    /// Says what came of an item of the checklist; may be said anew.
    CompleteItem {
        /// Which.
        item: ItemId,
        /// What came of it.
        result: ItemResult,
        /// More about it.
        #[serde(default)]
        note: Option<Note>,
    },
    /// Uses a part; at most 200 times.
    UsePart {
        /// The article.
        sku: Name<64>,
        /// The article's name.
        #[serde(default)]
        name: Option<Name<200>>,
        /// How much of it, in thousandths.
        qty_milli: QtyMilli,
    },
    /// Ends the work; all mandatory items are done.
    Complete {
        /// What came of it.
        outcome: Outcome,
    },
    /// Signs, for the customer, that it was done.
    SignOff {
        /// Who signed. Personal data.
        by: Name<200>,
    },
    /// Says that it cannot be completed.
    Fail {
        /// Why.
        reason: Reason,
        /// The id of a new one, which is planned as this one was, with a window as long that begins now.
        #[serde(default)]
        follow_up: Option<ServiceExecutionId>,
    },
    /// Drops it.
    Cancel {
        /// Why; required once the work has begun.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Says that the customer was not there.
    RecordNoShow {},
}
