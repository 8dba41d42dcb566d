//! What can have happened to a ticket.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    Article, Body, CategoryPath, Channel, ClosedBy, Description, EscalationLevel, Impact, LoggedSeconds, Priority,
    Reason, RejectionText, ResolutionCode, ResolutionText, RootCause, Status, Subject, Tag, TicketType, Urgency,
};
use crate::ids::{AgentId, CalendarId, CustomerId, ServicePlanId, SlaPolicyId, TeamId, TicketId};
use crate::personal::Personal;
use crate::revisions::RevisionOf;
use crate::service_plan::Product;
use crate::sla_clock::{ClockKind, Reading, Retargeted, Retargeting};
use crate::sla_policy::Percent;

/// What can have happened to a ticket. Where an event may leave the ticket in one of several states, `status` tells
/// which, so that no reader needs the transition table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The ticket came to be, as `new`. Its ordinal is the number for people.
    TicketOpened {
        /// Whose ticket it is.
        customer: CustomerId,
        /// Who asked, if not the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requester: Option<CustomerId>,
        /// What kind of matter it is.
        #[serde(rename = "type")]
        ticket_type: TicketType,
        /// What it is about.
        subject: Personal<Subject>,
        /// The whole story.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        description: Option<Personal<Description>>,
        /// How it came in.
        channel: Channel,
        /// The category, the widest first.
        category: CategoryPath,
        /// Tags.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        tags: BTreeSet<Tag>,
        /// How many are affected.
        impact: Impact,
        /// How soon it is needed.
        urgency: Urgency,
        /// How important it is.
        priority: Priority,
        /// Why the priority is another than the matrix gives; set only on tickets split from such a one or following it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority_reason: Option<Reason>,
        /// Which team it goes to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        team: Option<TeamId>,
    },
    /// Type and category are these.
    TicketClassified {
        /// What kind of matter it is.
        #[serde(rename = "type")]
        ticket_type: TicketType,
        /// The category, the widest first.
        category: CategoryPath,
    },
    /// Impact, urgency and priority are these.
    TicketPrioritized {
        /// How many are affected.
        impact: Impact,
        /// How soon it is needed.
        urgency: Urgency,
        /// The priority before.
        from: Priority,
        /// The priority now.
        to: Priority,
        /// Why; always there where the priority is another than the matrix gives.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// Whether the priority is another than the matrix gives.
        overridden: bool,
    },
    /// It went to a team.
    TicketRouted {
        /// From which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<TeamId>,
        /// To which.
        to: TeamId,
    },
    /// It went to an agent.
    TicketAssigned {
        /// From whom.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<AgentId>,
        /// To whom.
        to: AgentId,
        /// Whether it went beyond the agent's capacity on a supervisor's word.
        overridden: bool,
        /// The status now.
        status: Status,
    },
    /// It was taken from its agent.
    TicketUnassigned {
        /// From whom.
        from: AgentId,
    },
    /// The desk wrote.
    AgentReplied {
        /// The message's id.
        message_id: Uuid,
        /// The message.
        body: Personal<Body>,
        /// Whether the customer sees it.
        public: bool,
        /// Whether it is the first that a human agent wrote and the customer sees.
        first_public: bool,
        /// Who wrote, if it was an agent and not a machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
        /// The status now.
        status: Status,
    },
    /// The customer wrote.
    CustomerReplied {
        /// The message's id.
        message_id: Uuid,
        /// The message.
        body: Personal<Body>,
        /// The merged ticket to which it was sent, if not to this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        routed_from: Option<TicketId>,
        /// The status now. On hold it stays so: somebody should look.
        status: Status,
    },
    /// Somebody noted something that the customer never sees.
    InternalNoteAdded {
        /// The note's id.
        message_id: Uuid,
        /// The note.
        body: Personal<Body>,
        /// Who wrote, if it was an agent and not a machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
    },
    /// It waits for the customer (`pending`).
    TicketAwaitingCustomer {
        /// For what.
        reason: Reason,
        /// When it goes on without an answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// It waits for something else (`on_hold`).
    TicketPutOnHold {
        /// For what.
        reason: Reason,
    },
    /// It goes on (`open`).
    TicketResumed {
        /// Whether the wake-up time brought it back.
        wake_up: bool,
    },
    /// The level of escalation rose.
    TicketEscalated {
        /// The level now.
        level: EscalationLevel,
        /// Why.
        cause: Reason,
    },
    /// The level of escalation fell.
    TicketDeescalated {
        /// The level now; none ends the escalation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        level: Option<EscalationLevel>,
    },
    /// It waits for another ticket; pair of `TicketBlocks`.
    TicketBlocked {
        /// For which.
        blocked_by: TicketId,
    },
    /// Another ticket waits for it; pair of `TicketBlocked`.
    TicketBlocks {
        /// Which.
        blocked: TicketId,
    },
    /// It waits no more for another ticket; pair of `TicketBlocksNoMore`.
    TicketUnblocked {
        /// For which.
        blocked_by: TicketId,
    },
    /// Another ticket waits no more for it; pair of `TicketUnblocked`.
    TicketBlocksNoMore {
        /// Which.
        blocked: TicketId,
    },
    /// It is part of another ticket; pair of `TicketChildAdded`.
    TicketParented {
        /// Of which.
        parent: TicketId,
    },
    /// Another ticket is part of it; pair of `TicketParented`.
    TicketChildAdded {
        /// Which.
        child: TicketId,
    },
    /// It is no part of another ticket any more; pair of `TicketChildRemoved`.
    TicketUnparented {
        /// Of which.
        parent: TicketId,
    },
    /// Another ticket is no part of it any more; pair of `TicketUnparented`.
    TicketChildRemoved {
        /// Which.
        child: TicketId,
    },
    /// It is related to another ticket, which has the same event.
    TicketRelated {
        /// To which.
        ticket: TicketId,
    },
    /// It is no more related to another ticket, which has the same event.
    TicketUnrelated {
        /// To which.
        ticket: TicketId,
    },
    /// It is about the same as another ticket; pair of `TicketDuplicateAdded`.
    TicketMarkedDuplicate {
        /// Which.
        duplicate_of: TicketId,
    },
    /// Another ticket is about the same; pair of `TicketMarkedDuplicate`.
    TicketDuplicateAdded {
        /// Which.
        duplicate: TicketId,
    },
    /// It is no duplicate any more; pair of `TicketDuplicateRemoved`.
    TicketUnmarkedDuplicate {
        /// Of which.
        duplicate_of: TicketId,
    },
    /// Another ticket is no duplicate any more; pair of `TicketUnmarkedDuplicate`.
    TicketDuplicateRemoved {
        /// Which.
        duplicate: TicketId,
    },
    /// Messages moved to a new ticket; pair of `TicketSplitFrom`.
    TicketSplitOff {
        /// To which.
        split: TicketId,
        /// The messages, which are no more here.
        messages: BTreeSet<Uuid>,
    },
    /// It began with messages of another ticket, right after `TicketOpened`; pair of `TicketSplitOff`.
    TicketSplitFrom {
        /// Of which.
        origin: TicketId,
        /// The messages, which are here now.
        messages: BTreeSet<Uuid>,
    },
    /// Another ticket was merged into it; pair of `TicketMergedInto`.
    TicketMerged {
        /// Which.
        loser: TicketId,
    },
    /// It was merged into another ticket (`merged`); pair of `TicketMerged`.
    TicketMergedInto {
        /// Which.
        survivor: TicketId,
    },
    /// A merged ticket was let go; pair of `TicketRestoredFromMerge`.
    TicketUnmerged {
        /// Which.
        loser: TicketId,
    },
    /// It is a ticket of its own again; pair of `TicketUnmerged`.
    TicketRestoredFromMerge {
        /// What it had been merged into.
        survivor: TicketId,
        /// The status now, the one before the merge.
        status: Status,
    },
    /// The matter is settled (`resolved`); mostly together with `SurveyRequested` on a survey's stream.
    TicketResolved {
        /// How.
        code: ResolutionCode,
        /// What was done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Personal<ResolutionText>>,
        /// What lay behind it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        root_cause: Option<RootCause>,
        /// Articles of the knowledge base.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        articles: BTreeSet<Article>,
        /// The last instant at which it may be reopened.
        reopen_until: DateTime<Utc>,
    },
    /// The customer did not take the resolution; `TicketReopened` follows.
    ResolutionRejected {
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Personal<RejectionText>>,
    },
    /// It was taken up again (`open`).
    TicketReopened {
        /// How many times by now.
        count: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It was closed (`closed`).
    TicketClosed {
        /// By whom.
        by: ClosedBy,
    },
    /// The customer wrote after its end, and a new ticket was opened for that; pair of `TicketFollowedUp`.
    FollowUpOpened {
        /// Which.
        follow_up: TicketId,
    },
    /// It follows another ticket, right after `TicketOpened`; pair of `FollowUpOpened`.
    TicketFollowedUp {
        /// Which.
        follow_up_of: TicketId,
    },
    /// It was dropped (`cancelled`).
    TicketCancelled {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// The cancellation was taken back.
    TicketRestored {
        /// The status now: new if it was new, else open.
        status: Status,
    },
    /// Time was worked.
    TimeLogged {
        /// How long.
        seconds: LoggedSeconds,
        /// By whom, if it was an agent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentId>,
    },
    /// An agent follows it.
    TicketWatcherAdded {
        /// Who.
        agent: AgentId,
    },
    /// An agent follows it no more.
    TicketWatcherRemoved {
        /// Who.
        agent: AgentId,
    },
    /// It has a tag.
    TicketTagged {
        /// Which.
        tag: Tag,
    },
    /// It has a tag no more.
    TicketUntagged {
        /// Which.
        tag: Tag,
    },
    /// It is worked on under another service plan, or under none.
    TicketPlanChanged {
        /// Under which.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<RevisionOf<ServicePlanId>>,
        /// For which product the plan covers it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product: Option<Product>,
    },
    /// Something is promised: clocks run for it. What they do is told by every event that changes them.
    SlaAttached {
        /// By which policy.
        policy: RevisionOf<SlaPolicyId>,
        /// By which hours its clocks count.
        calendar: RevisionOf<CalendarId>,
        /// The clocks that began.
        clocks: BTreeMap<ClockKind, Reading>,
    },
    /// Something else is promised, since the priority or the policy has changed.
    SlaRetargeted {
        /// By which policy now.
        policy: RevisionOf<SlaPolicyId>,
        /// By which hours its new clocks count.
        calendar: RevisionOf<CalendarId>,
        /// What became of the clocks that counted.
        mode: Retargeting,
        /// Each of them whose target or hours were changed.
        clocks: BTreeMap<ClockKind, Retargeted>,
    },
    /// Clocks began, paused, went on or ended.
    SlaClocksChanged {
        /// Each of them.
        clocks: BTreeMap<ClockKind, Reading>,
    },
    /// A clock ended before it was breached.
    SlaMet {
        /// Which.
        clock: ClockKind,
        /// The business time that it took, in seconds.
        elapsed_s: i64,
        /// The target, in seconds.
        target_s: u32,
    },
    /// A clock ran for a share of its target.
    SlaThresholdReached {
        /// Which.
        clock: ClockKind,
        /// The share, in percent.
        percent: Percent,
        /// When; computed, whenever it was noticed.
        reached_at: DateTime<Utc>,
        /// When the next share is reached of which notice is taken, or was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_threshold_at: Option<DateTime<Utc>>,
    },
    /// A clock reached its target.
    SlaBreached {
        /// Which.
        clock: ClockKind,
        /// When; computed, whenever it was noticed.
        breached_at: DateTime<Utc>,
        /// By how much business time it was over its target when it was noticed, in seconds.
        overrun_s: i64,
        /// When the next share is reached of which notice is taken, or was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next_threshold_at: Option<DateTime<Utc>>,
    },
}
