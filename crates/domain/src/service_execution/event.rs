//! What can have happened to a service execution.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fields::{Content, Item, ItemId, ItemResult, Note, Outcome, QtyMilli, Reason, Site, Skill, Window};
use crate::ids::{AgentId, CustomerId, ServiceExecutionId, ServicePlanId, TicketId};
use crate::personal::Personal;
use crate::revisions::RevisionOf;
use crate::text::Name;

/// What can have happened to a service execution. Every `at` is in whole seconds, and none is before the one before.
/// Where an event ends it, `labour_s` is how long was worked and `travel_s` how long travelled: to the start of the work,
/// or to the end where it was never started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// It came to be, as `planned`.
    ServiceExecutionPlanned {
        /// What it is called.
        name: Name<200>,
        /// What is to be done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Content>,
        /// For whom.
        customer: CustomerId,
        /// The ticket that asks for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ticket: Option<TicketId>,
        /// The service plan under which it is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<RevisionOf<ServicePlanId>>,
        /// Which of the plan's occurrences it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        occurrence: Option<u32>,
        /// Where.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        site: Option<Personal<Site>>,
        /// When it is to be done.
        window: Window,
        /// What the resources must know, between them.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        skills: BTreeSet<Skill>,
        /// What is to be done step by step.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        checklist: Vec<Item>,
        /// The one that could not be completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        follow_up_of: Option<ServiceExecutionId>,
    },
    /// It has a time and resources: `scheduled`.
    ServiceExecutionScheduled {
        /// When it begins.
        start: DateTime<Utc>,
        /// When it ends.
        end: DateTime<Utc>,
        /// Who does it.
        resources: BTreeSet<AgentId>,
        /// Whether it was allowed to go outside the window on a supervisor's word.
        overridden: bool,
    },
    /// It has another time or other resources: `scheduled`.
    ServiceExecutionRescheduled {
        /// When it begins.
        start: DateTime<Utc>,
        /// When it ends.
        end: DateTime<Utc>,
        /// Who does it.
        resources: BTreeSet<AgentId>,
        /// Whether it was allowed to go outside the window on a supervisor's word.
        overridden: bool,
    },
    /// The resources were sent: `dispatched`.
    ServiceExecutionDispatched {},
    /// They are on their way: `en_route`.
    TravelStarted {
        /// Since when.
        at: DateTime<Utc>,
    },
    /// The work began: `in_progress`.
    ServiceExecutionStarted {
        /// When.
        at: DateTime<Utc>,
    },
    /// The work was interrupted: `paused`.
    ServiceExecutionPaused {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// The work went on: `in_progress`.
    ServiceExecutionResumed {
        /// When.
        at: DateTime<Utc>,
    },
    /// Something came of an item of the checklist; what was said of it before no longer holds.
    ChecklistItemCompleted {
        /// Which.
        item: ItemId,
        /// What came of it.
        result: ItemResult,
        /// More about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<Note>,
    },
    /// A part was used.
    PartUsed {
        /// The article.
        sku: Name<64>,
        /// The article's name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Name<200>>,
        /// How much of it, in thousandths.
        qty_milli: QtyMilli,
    },
    /// The work was done: `completed`.
    ServiceExecutionCompleted {
        /// When.
        at: DateTime<Utc>,
        /// What came of it.
        outcome: Outcome,
        /// How long was worked.
        labour_s: u64,
        /// How long was travelled.
        travel_s: u64,
    },
    /// Somebody signed for it: `verified`.
    CustomerSignedOff {
        /// Who.
        by: Personal<Name<200>>,
    },
    /// It could not be completed: `cannot_complete`.
    ServiceExecutionFailed {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
        /// How long was worked.
        labour_s: u64,
        /// How long was travelled.
        travel_s: u64,
    },
    /// Another one takes up what could not be completed.
    FollowUpScheduled {
        /// Which.
        follow_up: ServiceExecutionId,
    },
    /// It was dropped: `cancelled`.
    ServiceExecutionCancelled {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// How long was worked.
        labour_s: u64,
        /// How long was travelled.
        travel_s: u64,
    },
    /// The customer was not there: `no_show`.
    CustomerNoShow {
        /// When.
        at: DateTime<Utc>,
        /// How long was travelled.
        travel_s: u64,
    },
}
