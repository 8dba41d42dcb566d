//! A ticket as far as decisions need it, folded from its events.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::event::Event;
use super::fields::{
    CategoryPath, Channel, EscalationLevel, Impact, Priority, Reason, Status, Subject, Tag, TicketType, Urgency,
};
use super::links::Links;
use super::sla::Sla;
use super::standing::Standing;
use crate::feedback::About;
use crate::ids::{AgentId, CustomerId, ServicePlanId, TeamId, TicketId};
use crate::personal::Personal;
use crate::revisions::RevisionOf;
use crate::service_plan::Product;

/// What a ticket is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// Whose ticket it is.
    pub customer: CustomerId,
    /// Who asked, if not the customer.
    pub requester: Option<CustomerId>,
    /// What kind of matter it is.
    pub ticket_type: TicketType,
    /// What it is about; carried into follow-ups.
    pub subject: Personal<Subject>,
    /// How it came in.
    pub channel: Channel,
    /// The category.
    pub category: CategoryPath,
    /// How many are affected.
    pub impact: Impact,
    /// How soon it is needed.
    pub urgency: Urgency,
    /// How important it is.
    pub priority: Priority,
    /// Why the priority is as it is, if somebody said.
    pub priority_reason: Option<Reason>,
}

/// A ticket, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct Ticket {
    /// What it is about; `None` before it was opened.
    pub matter: Option<Matter>,
    /// Where it stands.
    pub standing: Standing,
    /// Why it waits, if it is pending or on hold.
    pub waiting_for: Option<Reason>,
    /// Which team has it.
    pub team: Option<TeamId>,
    /// Its tags.
    pub tags: BTreeSet<Tag>,
    /// Who follows it.
    pub watchers: BTreeSet<AgentId>,
    /// How far it is escalated.
    pub escalation: Option<EscalationLevel>,
    /// Its links.
    pub links: Links,
    /// The ids of its messages and notes.
    pub messages: BTreeSet<Uuid>,
    /// How many times it was reopened.
    pub reopen_count: u32,
    /// The clocks that run for it, if something is promised.
    pub sla: Option<Sla>,
    /// The service plan that it is under.
    pub plan: Option<RevisionOf<ServicePlanId>>,
    /// The product for which the plan covers it.
    pub product: Option<Product>,
    /// The work that was logged, in seconds.
    pub time_spent_s: u64,
}

impl Ticket {
    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.standing.status
    }

    /// Who is rated when this ticket, whose id that is, is rated now.
    #[must_use]
    pub const fn rated(&self, ticket: Option<TicketId>) -> About {
        About { ticket, agent: self.standing.assignee, team: self.team, plan: self.plan }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        self.standing.evolve(event);
        let links = &mut self.links;
        match event {
            Event::TicketOpened { .. } => self.open(event),
            Event::TicketClassified { .. } | Event::TicketPrioritized { .. } => self.describe(event),
            Event::TicketRouted { to, .. } => self.team = Some(*to),
            Event::AgentReplied { message_id, .. }
            | Event::CustomerReplied { message_id, .. }
            | Event::InternalNoteAdded { message_id, .. } => {
                put(&mut self.messages, *message_id);
            }
            Event::TicketAwaitingCustomer { reason, .. } | Event::TicketPutOnHold { reason } => {
                self.waiting_for = Some(reason.clone());
            }
            Event::TicketEscalated { level, .. } => self.escalation = Some(*level),
            Event::TicketDeescalated { level } => self.escalation = *level,
            Event::TicketBlocked { blocked_by } => put(&mut links.blocked_by, *blocked_by),
            Event::TicketUnblocked { blocked_by } => take(&mut links.blocked_by, blocked_by),
            Event::TicketBlocks { blocked } => put(&mut links.blocks, *blocked),
            Event::TicketBlocksNoMore { blocked } => take(&mut links.blocks, blocked),
            Event::TicketParented { parent } => links.parent = Some(*parent),
            Event::TicketUnparented { .. } => links.parent = None,
            Event::TicketChildAdded { child } => put(&mut links.children, *child),
            Event::TicketChildRemoved { child } => take(&mut links.children, child),
            Event::TicketRelated { ticket } => put(&mut links.related, *ticket),
            Event::TicketUnrelated { ticket } => take(&mut links.related, ticket),
            Event::TicketMarkedDuplicate { duplicate_of } => links.duplicate_of = Some(*duplicate_of),
            Event::TicketUnmarkedDuplicate { .. } => links.duplicate_of = None,
            Event::TicketDuplicateAdded { duplicate } => put(&mut links.duplicates, *duplicate),
            Event::TicketDuplicateRemoved { duplicate } => take(&mut links.duplicates, duplicate),
            Event::TicketMerged { loser } => put(&mut links.merged, *loser),
            Event::TicketUnmerged { loser } => take(&mut links.merged, loser),
            Event::TicketMergedInto { survivor } => links.merged_into = Some(*survivor),
            Event::TicketRestoredFromMerge { .. } => links.merged_into = None,
            Event::FollowUpOpened { .. } => links.follow_ups = links.follow_ups.saturating_add(1),
            Event::TicketSplitOff { messages, .. } => self.messages.retain(|message| !messages.contains(message)),
            Event::TicketSplitFrom { messages, .. } => self.messages.extend(messages),
            Event::TicketReopened { count, .. } => self.reopen_count = *count,
            Event::TicketPlanChanged { plan, product } => {
                self.plan = *plan;
                self.product.clone_from(product);
            }
            Event::TimeLogged { seconds, .. } => {
                self.time_spent_s = self.time_spent_s.saturating_add(u64::from(seconds.get()));
            }
            Event::TicketWatcherAdded { agent } => put(&mut self.watchers, *agent),
            Event::TicketWatcherRemoved { agent } => take(&mut self.watchers, agent),
            Event::TicketTagged { tag } => put(&mut self.tags, tag.clone()),
            Event::TicketUntagged { tag } => take(&mut self.tags, tag),
            Event::SlaAttached { .. }
            | Event::SlaRetargeted { .. }
            | Event::SlaClocksChanged { .. }
            | Event::SlaThresholdReached { .. }
            | Event::SlaBreached { .. } => Sla::fold(&mut self.sla, event),
            Event::TicketAssigned { .. }
            | Event::TicketUnassigned { .. }
            | Event::TicketResumed { .. }
            | Event::TicketResolved { .. }
            | Event::ResolutionRejected { .. }
            | Event::TicketClosed { .. }
            | Event::TicketFollowedUp { .. }
            | Event::TicketCancelled { .. }
            | Event::TicketRestored { .. }
            | Event::SlaMet { .. } => {}
        }
    }

    fn open(&mut self, event: &Event) {
        let Event::TicketOpened {
            customer,
            requester,
            ticket_type,
            subject,
            channel,
            category,
            tags,
            impact,
            urgency,
            priority,
            priority_reason,
            team,
            description: _,
        } = event
        else {
            return;
        };
        self.tags = tags.clone();
        self.team = *team;
        self.matter = Some(Matter {
            customer: *customer,
            requester: *requester,
            ticket_type: *ticket_type,
            subject: subject.clone(),
            channel: *channel,
            category: category.clone(),
            impact: *impact,
            urgency: *urgency,
            priority: *priority,
            priority_reason: priority_reason.clone(),
        });
    }

    fn describe(&mut self, event: &Event) {
        let Some(matter) = &mut self.matter else { return };
        if let Event::TicketClassified { ticket_type, category } = event {
            matter.ticket_type = *ticket_type;
            matter.category = category.clone();
        }
        if let Event::TicketPrioritized { impact, urgency, to, reason, .. } = event {
            matter.impact = *impact;
            matter.urgency = *urgency;
            matter.priority = *to;
            matter.priority_reason = reason.clone();
        }
    }
}

fn put<T: Ord>(set: &mut BTreeSet<T>, value: T) {
    set.insert(value);
}

fn take<T: Ord>(set: &mut BTreeSet<T>, value: &T) {
    set.remove(value);
}
