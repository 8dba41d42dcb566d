//! What can be asked of a ticket.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    Article, Body, CategoryPath, Channel, Description, EscalationLevel, Impact, LoggedSeconds, Priority, Reason,
    RejectionText, ResolutionCode, ResolutionText, RootCause, Subject, Tag, TicketType, Urgency,
};
use crate::ids::{AgentId, CustomerId, ServicePlanId, SlaPolicyId, TeamId, TicketId};
use crate::service_plan::Product;
use crate::sla_clock::{ClockKind, Retargeting};

/// What can be asked of a ticket. Customers may open, write, reject a resolution, reopen, close and cancel; everything
/// else is for agents, services, rules and systems. What takes the role supervisor says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Opens a new ticket.
    Open {
        /// Whose ticket it is.
        customer: CustomerId,
        /// Who asked, if not the customer.
        #[serde(default)]
        requester: Option<CustomerId>,
        /// What kind of matter it is.
        #[serde(rename = "type")]
        ticket_type: TicketType,
        /// What it is about. Personal data.
        subject: Subject,
        /// The whole story. Personal data.
        #[serde(default)]
        description: Option<Description>,
        /// How it came in.
        channel: Channel,
        /// The category, the widest first.
        #[serde(default)]
        category: CategoryPath,
        /// Tags, at most 50.
        #[serde(default)]
        tags: BTreeSet<Tag>,
        /// How many are affected.
        impact: Impact,
        /// How soon it is needed.
        urgency: Urgency,
        /// Which team it goes to.
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
    },
    /// Changes type or category; what is not given stays.
    Classify {
        /// What kind of matter it is.
        #[serde(default, rename = "type")]
        ticket_type: Option<TicketType>,
        /// The category, the widest first.
        #[serde(default)]
        category: Option<CategoryPath>,
    },
    /// Changes impact or urgency, or overrides the priority that follows from them; what is not given stays, save that
    /// the priority follows the matrix again where it is not given.
    ChangePriority {
        /// How many are affected.
        #[serde(default)]
        impact: Option<Impact>,
        /// How soon it is needed.
        #[serde(default)]
        urgency: Option<Urgency>,
        /// Another priority than the matrix gives; takes a reason.
        #[serde(default)]
        priority: Option<Priority>,
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Gives it to a team. An assignee who is not in that team loses it.
    Route {
        /// Which.
        team: TeamId,
    },
    /// Gives it to an agent of its team who has capacity left.
    Assign {
        /// The team, if it goes to another one.
        #[serde(default)]
        team: Option<TeamId>,
        /// Who.
        agent: AgentId,
        /// Goes beyond the agent's capacity; takes the role supervisor.
        #[serde(default, rename = "override")]
        overridden: bool,
    },
    /// Takes it from its agent.
    Unassign {},
    /// Writes to the customer (or, not in public, to somebody else).
    Reply {
        /// The message. Personal data.
        body: Body,
        /// Whether the customer sees it.
        public: bool,
    },
    /// Takes in what the customer wrote. After the end of the ticket it opens a follow-up; on a merged one it goes to
    /// the survivor.
    ReceiveCustomerReply {
        /// The message. Personal data.
        body: Body,
    },
    /// Adds a note that the customer never sees.
    AddNote {
        /// The note. Personal data.
        body: Body,
    },
    /// Waits for the customer.
    AwaitCustomer {
        /// For what.
        reason: Reason,
        /// When to go on without an answer.
        #[serde(default)]
        until: Option<DateTime<Utc>>,
    },
    /// Waits for something else than the customer.
    Hold {
        /// For what.
        reason: Reason,
    },
    /// Goes on after waiting.
    Resume {
        /// Sent by the wake-up timer: nothing happens unless the ticket still waits and the time has come. For systems.
        #[serde(default)]
        wake_up: bool,
    },
    /// Raises the level of escalation.
    Escalate {
        /// The level, above the present one.
        level: EscalationLevel,
        /// Why.
        cause: Reason,
    },
    /// Lowers the level of escalation.
    Deescalate {
        /// The level, below the present one; none ends the escalation.
        #[serde(default)]
        level: Option<EscalationLevel>,
    },
    /// Makes it wait for another ticket.
    Block {
        /// For which.
        blocked_by: TicketId,
    },
    /// Makes it wait no more for another ticket.
    Unblock {
        /// For which.
        blocked_by: TicketId,
    },
    /// Makes it part of another ticket, and of no other.
    SetParent {
        /// Of which.
        parent: TicketId,
    },
    /// Makes it part of no other ticket.
    UnsetParent {},
    /// Relates it to another ticket.
    Relate {
        /// To which.
        ticket: TicketId,
    },
    /// Ends a relation.
    Unrelate {
        /// To which.
        ticket: TicketId,
    },
    /// Says that it is about the same as another ticket.
    MarkDuplicateOf {
        /// Which.
        ticket: TicketId,
    },
    /// Says that it is no duplicate.
    UnmarkDuplicateOf {},
    /// Moves messages to a new ticket of the same customer.
    Split {
        /// The new ticket's id.
        ticket: TicketId,
        /// The messages, at least one.
        messages: BTreeSet<Uuid>,
        /// What the new ticket is about. Personal data.
        subject: Subject,
    },
    /// Takes another ticket in; this one survives.
    Merge {
        /// The ticket that ends.
        loser: TicketId,
        /// Whatever its customer; takes the role supervisor.
        #[serde(default, rename = "override")]
        overridden: bool,
    },
    /// Lets a merged ticket go again.
    Unmerge {
        /// Which.
        loser: TicketId,
    },
    /// Says that the matter is settled, and asks the customer by a survey how satisfied they are, unless it is a duplicate or
    /// there was no response.
    Resolve {
        /// How.
        code: ResolutionCode,
        /// What was done. Personal data.
        #[serde(default)]
        text: Option<ResolutionText>,
        /// What lay behind it; required for problems and P1.
        #[serde(default)]
        root_cause: Option<RootCause>,
        /// Articles of the knowledge base, at most 20.
        #[serde(default)]
        articles: BTreeSet<Article>,
    },
    /// Says, for the customer, that it is not settled.
    RejectResolution {
        /// Why not. Personal data.
        #[serde(default)]
        reason: Option<RejectionText>,
    },
    /// Takes it up again: within the window after the resolution, or when closed, which takes the role supervisor.
    Reopen {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Closes a resolved ticket.
    Close {
        /// Sent by the timer when the window for reopening has passed. For systems.
        #[serde(default)]
        auto: bool,
    },
    /// Drops it.
    Cancel {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Takes a cancellation back.
    Restore {},
    /// Adds time worked.
    LogTime {
        /// How long.
        seconds: LoggedSeconds,
    },
    /// Lets an agent follow it.
    AddWatcher {
        /// Who.
        agent: AgentId,
    },
    /// Lets an agent follow it no more.
    RemoveWatcher {
        /// Who.
        agent: AgentId,
    },
    /// Adds a tag.
    Tag {
        /// Which.
        tag: Tag,
    },
    /// Takes a tag away.
    Untag {
        /// Which.
        tag: Tag,
    },
    /// Lets clocks run for it by the latest revision of a policy and of its calendar; clocks that run by another one are
    /// given the new targets.
    AttachSla {
        /// Which policy.
        policy: SlaPolicyId,
        /// What becomes of clocks that run; unless said, what the policy says.
        #[serde(default)]
        mode: Option<Retargeting>,
    },
    /// Puts it under another service plan, or under none; its clocks are given the targets of the plan's policy. Takes the
    /// role supervisor where it is under a plan already or something is promised.
    ChangePlan {
        /// Which plan; none, if it is left out.
        #[serde(default)]
        plan: Option<ServicePlanId>,
        /// For which product the plan is to cover it.
        #[serde(default)]
        product: Option<Product>,
    },
    /// Takes notice of how far a clock has run. Sent by the clock's timer. For systems.
    NoticeSla {
        /// Which clock.
        clock: ClockKind,
    },
}
