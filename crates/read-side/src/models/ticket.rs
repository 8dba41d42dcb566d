//! Tickets: one row each, and figures by status and priority.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use domain::ids::{AgentId, CalendarId, CustomerId, ServicePlanId, SlaPolicyId, TeamId, TicketId};
use domain::personal::Personal;
use domain::revisions::RevisionOf;
use domain::service_plan::Product;
use domain::sla_clock::{ClockKind, Motion, Reading};
use domain::ticket::{
    Article, CategoryPath, Channel, ClosedBy, Description, EscalationLevel, Event, Impact, Priority, Reason,
    ResolutionCode, ResolutionText, RootCause, Status, Subject, Tag, TicketType, Urgency,
};
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// How a ticket was settled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Resolution {
    /// In which way.
    #[schema(value_type = String)]
    pub code: ResolutionCode,
    /// What was done.
    #[schema(value_type = Option<String>)]
    pub text: Option<Personal<ResolutionText>>,
    /// What lay behind it.
    #[schema(value_type = Option<String>)]
    pub root_cause: Option<RootCause>,
    /// Articles of the knowledge base.
    #[schema(value_type = Vec<String>)]
    pub articles: BTreeSet<Article>,
    /// The last instant at which it may be reopened.
    pub reopen_until: DateTime<Utc>,
}

/// How a ticket hangs together with others. Links that it does not have are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Links {
    /// What it waits for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub blocked_by: BTreeSet<TicketId>,
    /// What waits for it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub blocks: BTreeSet<TicketId>,
    /// Of what it is part.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub parent: Option<TicketId>,
    /// Its parts.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub children: BTreeSet<TicketId>,
    /// What it is related to.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub related: BTreeSet<TicketId>,
    /// What it is a duplicate of.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub duplicate_of: Option<TicketId>,
    /// Its duplicates.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub duplicates: BTreeSet<TicketId>,
    /// What it was split from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub split_from: Option<TicketId>,
    /// What was split off it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub split_off: BTreeSet<TicketId>,
    /// What it was merged into, as long as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub merged_into: Option<TicketId>,
    /// What was merged into it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub merged: BTreeSet<TicketId>,
    /// What it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    pub follow_up_of: Option<TicketId>,
    /// What follows it.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<Uuid>)]
    pub follow_ups: BTreeSet<TicketId>,
}

/// What is promised for a ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TicketSla {
    /// By which policy: its `id` and `revision`.
    #[schema(value_type = Object)]
    pub policy: RevisionOf<SlaPolicyId>,
    /// By which calendar new clocks count: its `id` and `revision`.
    #[schema(value_type = Object)]
    pub calendar: RevisionOf<CalendarId>,
    /// Where each clock stood at its last change, by its name (`first_response`, `next_response`, `first_resolution`,
    /// `total_resolution`): `motion` (`running`, `paused`, `ended`), `since`, `target_s`, `elapsed_s`, `calendar`, and, if
    /// there are any, `due_at`, `at_risk_at` (75 %), `next_threshold_at`, `breached_at`.
    #[schema(value_type = Object)]
    pub clocks: BTreeMap<ClockKind, Reading>,
}

impl TicketSla {
    fn fold(sla: &mut Option<Self>, event: &Event) {
        if let Event::SlaAttached { policy, calendar, clocks } = event {
            *sla = Some(Self { policy: *policy, calendar: *calendar, clocks: clocks.clone() });
        }
        let Some(sla) = sla else { return };
        if let Event::SlaRetargeted { policy, calendar, mode: _, clocks } = event {
            (sla.policy, sla.calendar) = (*policy, *calendar);
            sla.clocks.extend(clocks.iter().map(|(kind, told)| (*kind, told.reading.clone())));
        }
        if let Event::SlaClocksChanged { clocks } = event {
            sla.clocks.extend(clocks.iter().map(|(kind, reading)| (*kind, reading.clone())));
        }
        if let Event::SlaThresholdReached { clock, next_threshold_at, .. }
        | Event::SlaBreached { clock, next_threshold_at, .. } = event
            && let Some(reading) = sla.clocks.get_mut(clock)
        {
            reading.next_threshold_at = *next_threshold_at;
            if let Event::SlaBreached { breached_at, .. } = event {
                reading.breached_at = Some(*breached_at);
            }
        }
    }

    fn counting(&self) -> impl Iterator<Item = &Reading> {
        self.clocks.values().filter(|reading| reading.motion != Motion::Ended)
    }
}

/// How much was written on a ticket. Messages that were split off later stay counted where they were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct MessageCounts {
    /// By the desk, for the customer to see.
    pub public_replies: u32,
    /// By the desk, not for the customer to see.
    pub internal_replies: u32,
    /// By the customer.
    pub customer_replies: u32,
    /// Notes that the customer never sees.
    pub notes: u32,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Ticket)]
pub struct TicketRow {
    /// The number for people.
    pub number: u64,
    /// Whose ticket it is.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// Who asked, if not the customer.
    #[schema(value_type = Option<Uuid>)]
    pub requester: Option<CustomerId>,
    /// What kind of matter it is.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub ticket_type: TicketType,
    /// What it is about.
    #[schema(value_type = Option<String>)]
    pub subject: Personal<Subject>,
    /// The whole story.
    #[schema(value_type = Option<String>)]
    pub description: Option<Personal<Description>>,
    /// How it came in.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// The category, the widest first.
    #[schema(value_type = Vec<String>)]
    pub category: CategoryPath,
    /// Tags.
    #[schema(value_type = Vec<String>)]
    pub tags: BTreeSet<Tag>,
    /// How many are affected: 1 (a department) to 3 (a person).
    #[schema(value_type = u8)]
    pub impact: Impact,
    /// How soon it is needed: 1 to 4.
    #[schema(value_type = u8)]
    pub urgency: Urgency,
    /// How important it is: P1 to P4.
    #[schema(value_type = String)]
    pub priority: Priority,
    /// Why the priority is as it is, where a reason was given.
    #[schema(value_type = Option<String>)]
    pub priority_reason: Option<Reason>,
    /// Whether the priority is another than impact and urgency give.
    pub priority_overridden: bool,
    /// The team.
    #[schema(value_type = Option<Uuid>)]
    pub team: Option<TeamId>,
    /// The agent.
    #[schema(value_type = Option<Uuid>)]
    pub assignee: Option<AgentId>,
    /// Who follows it.
    #[schema(value_type = Vec<Uuid>)]
    pub watchers: BTreeSet<AgentId>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// For what it waits, while pending or on hold.
    #[schema(value_type = Option<String>)]
    pub pending_reason: Option<Reason>,
    /// When it goes on without an answer, while pending.
    pub pending_until: Option<DateTime<Utc>>,
    /// Whether the customer wrote while it was on hold, and nobody has looked.
    pub flagged: bool,
    /// The level of escalation.
    #[schema(value_type = Option<u8>)]
    pub escalation_level: Option<EscalationLevel>,
    /// How it was settled, if it is.
    pub resolution: Option<Resolution>,
    /// By whom it was closed, if it is.
    #[schema(value_type = Option<String>)]
    pub closed_by: Option<ClosedBy>,
    /// The service plan that it is under.
    #[schema(value_type = Option<Uuid>)]
    pub plan: Option<ServicePlanId>,
    /// The plan's revision by which it is served.
    pub plan_revision: Option<u32>,
    /// The product for which the plan covers it.
    #[schema(value_type = Option<String>)]
    pub product: Option<Product>,
    /// What is promised, if anything is.
    pub sla: Option<TicketSla>,
    /// By which policy.
    #[schema(value_type = Option<Uuid>)]
    pub sla_policy: Option<SlaPolicyId>,
    /// When the first of its running clocks is due, or was.
    pub sla_due_at: Option<DateTime<Utc>>,
    /// When the first of its clocks that have not ended comes to 75 % of its target, or did: at risk from then on.
    pub sla_at_risk_at: Option<DateTime<Utc>>,
    /// Whether a clock of it was breached.
    pub sla_breached: bool,
    /// How it hangs together with others.
    pub links: Links,
    /// How often it was reopened.
    pub reopen_count: u32,
    /// How long was worked on it, in seconds.
    pub time_spent_s: u64,
    /// How much was written.
    pub messages: MessageCounts,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When a human agent first wrote to the customer.
    pub first_replied_at: Option<DateTime<Utc>>,
    /// When it was resolved, if it is.
    pub resolved_at: Option<DateTime<Utc>>,
    /// When it was closed, if it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of tickets.
#[derive(Debug)]
pub struct Ticket;

impl Entity for Ticket {
    const NAME: &'static str = "ticket";
    const REVISION: u32 = 5;
    const READS: &'static [Category] = &[Category::Ticket];
    const COLUMNS: &'static str = include_str!("ticket_columns.sql");
    const INDEXES: &'static str = include_str!("ticket_indexes.sql");
    type Row = TicketRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<TicketRow>, happened: &Happened) -> Result<Option<TicketRow>, Unfit> {
        let AnyEvent::Ticket(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::TicketOpened { .. }) => return Ok(Some(opened(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the ticket was not opened".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        Ok(Some(row))
    }

    /// `status/<s>` counts tickets, `priority/<p>` all of them and those that are unfinished.
    fn facts(row: &TicketRow) -> Vec<Fact> {
        vec![
            (format!("status/{}", row.status.name()), [1, 0, 0, 0]),
            (format!("priority/{}", row.priority.name()), [1, i64::from(row.status.unfinished()), 0, 0]),
        ]
    }
}

fn opened(event: &Event, happened: &Happened) -> Result<TicketRow, Unfit> {
    let Event::TicketOpened {
        customer,
        requester,
        ticket_type,
        subject,
        description,
        channel,
        category,
        tags,
        impact,
        urgency,
        priority,
        priority_reason,
        team,
    } = event
    else {
        return Err(Unfit("not an opening".to_owned()));
    };
    Ok(TicketRow {
        number: happened.ordinal.ok_or_else(|| Unfit("the ticket has no number".to_owned()))?,
        customer: *customer,
        requester: *requester,
        ticket_type: *ticket_type,
        subject: subject.clone(),
        description: description.clone(),
        channel: *channel,
        category: category.clone(),
        tags: tags.clone(),
        impact: *impact,
        urgency: *urgency,
        priority: *priority,
        priority_reason: priority_reason.clone(),
        priority_overridden: *priority != Priority::of(*impact, *urgency),
        team: *team,
        assignee: None,
        watchers: BTreeSet::new(),
        status: Status::New,
        pending_reason: None,
        pending_until: None,
        flagged: false,
        escalation_level: None,
        resolution: None,
        closed_by: None,
        plan: None,
        plan_revision: None,
        product: None,
        sla: None,
        sla_policy: None,
        sla_due_at: None,
        sla_at_risk_at: None,
        sla_breached: false,
        links: Links::default(),
        reopen_count: 0,
        time_spent_s: 0,
        messages: MessageCounts::default(),
        opened_at: happened.occurred_at,
        first_replied_at: None,
        resolved_at: None,
        closed_at: None,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl TicketRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::TicketOpened { .. } => return Err(Unfit("the ticket was opened twice".to_owned())),
            Event::TicketClassified { ticket_type, category } => {
                self.ticket_type = *ticket_type;
                self.category = category.clone();
            }
            Event::TicketPrioritized { impact, urgency, from: _, to, reason, overridden } => {
                (self.impact, self.urgency, self.priority) = (*impact, *urgency, *to);
                self.priority_reason = reason.clone();
                self.priority_overridden = *overridden;
            }
            Event::TicketRouted { from: _, to } => self.team = Some(*to),
            Event::TicketAssigned { from: _, to, overridden: _, status } => {
                self.assignee = Some(*to);
                self.go(*status);
            }
            Event::TicketUnassigned { from: _ } => self.assignee = None,
            Event::AgentReplied { public, first_public, status, .. } => {
                self.agent_replied(*public, *first_public, happened.occurred_at);
                self.go(*status);
            }
            Event::CustomerReplied { status, .. } => {
                self.messages.customer_replies += 1;
                self.go(*status);
                self.flagged = *status == Status::OnHold;
            }
            Event::InternalNoteAdded { .. } => self.messages.notes += 1,
            Event::TicketAwaitingCustomer { reason, until } => {
                self.go(Status::Pending);
                self.pending_reason = Some(reason.clone());
                self.pending_until = *until;
            }
            Event::TicketPutOnHold { reason } => {
                self.go(Status::OnHold);
                self.pending_reason = Some(reason.clone());
                self.pending_until = None;
            }
            Event::TicketResumed { wake_up: _ } => self.go(Status::Open),
            Event::TicketEscalated { level, cause: _ } => self.escalation_level = Some(*level),
            Event::TicketDeescalated { level } => self.escalation_level = *level,
            Event::TicketResolved { code, text, root_cause, articles, reopen_until } => {
                self.go(Status::Resolved);
                self.resolved_at = Some(happened.occurred_at);
                self.resolution = Some(Resolution {
                    code: *code,
                    text: text.clone(),
                    root_cause: root_cause.clone(),
                    articles: articles.clone(),
                    reopen_until: *reopen_until,
                });
            }
            Event::ResolutionRejected { reason: _ } => {}
            Event::TicketReopened { count, reason: _ } => {
                self.go(Status::Open);
                self.reopen_count = *count;
            }
            Event::TicketClosed { by } => {
                self.go(Status::Closed);
                self.closed_at = Some(happened.occurred_at);
                self.closed_by = Some(*by);
            }
            Event::TicketCancelled { reason: _ } => self.go(Status::Cancelled),
            Event::TicketRestored { status } => self.go(*status),
            Event::TimeLogged { seconds, agent: _ } => self.time_spent_s += u64::from(seconds.get()),
            Event::TicketWatcherAdded { agent } => _ = self.watchers.insert(*agent),
            Event::TicketWatcherRemoved { agent } => _ = self.watchers.remove(agent),
            Event::TicketTagged { tag } => _ = self.tags.insert(tag.clone()),
            Event::TicketUntagged { tag } => _ = self.tags.remove(tag),
            Event::TicketMergedInto { survivor } => {
                self.go(Status::Merged);
                self.links.merged_into = Some(*survivor);
            }
            Event::TicketRestoredFromMerge { survivor: _, status } => {
                self.go(*status);
                self.links.merged_into = None;
            }
            Event::TicketPlanChanged { plan, product } => {
                self.plan = plan.map(|plan| plan.id);
                self.plan_revision = plan.map(|plan| plan.revision);
                self.product.clone_from(product);
            }
            Event::SlaAttached { .. }
            | Event::SlaRetargeted { .. }
            | Event::SlaClocksChanged { .. }
            | Event::SlaThresholdReached { .. }
            | Event::SlaBreached { .. } => self.promise(event),
            Event::SlaMet { .. } => {}
            Event::TicketBlocked { .. }
            | Event::TicketBlocks { .. }
            | Event::TicketUnblocked { .. }
            | Event::TicketBlocksNoMore { .. }
            | Event::TicketParented { .. }
            | Event::TicketChildAdded { .. }
            | Event::TicketUnparented { .. }
            | Event::TicketChildRemoved { .. }
            | Event::TicketRelated { .. }
            | Event::TicketUnrelated { .. }
            | Event::TicketMarkedDuplicate { .. }
            | Event::TicketDuplicateAdded { .. }
            | Event::TicketUnmarkedDuplicate { .. }
            | Event::TicketDuplicateRemoved { .. }
            | Event::TicketSplitOff { .. }
            | Event::TicketSplitFrom { .. }
            | Event::TicketMerged { .. }
            | Event::TicketUnmerged { .. }
            | Event::FollowUpOpened { .. }
            | Event::TicketFollowedUp { .. } => self.links.fold(event),
        }
        Ok(())
    }

    fn promise(&mut self, event: &Event) {
        TicketSla::fold(&mut self.sla, event);
        let Some(sla) = &self.sla else { return };
        self.sla_policy = Some(sla.policy.id);
        self.sla_due_at = sla.counting().filter_map(|reading| reading.due_at).min();
        self.sla_at_risk_at = sla.counting().filter_map(|reading| reading.at_risk_at).min();
        self.sla_breached = sla.clocks.values().any(|reading| reading.breached_at.is_some());
    }

    /// Puts the ticket into a status and forgets what belonged to the one before.
    fn go(&mut self, status: Status) {
        if status != self.status {
            self.pending_reason = None;
            self.pending_until = None;
            self.flagged = false;
        }
        if status.unfinished() {
            self.resolution = None;
            self.resolved_at = None;
            self.closed_at = None;
            self.closed_by = None;
        }
        self.status = status;
    }

    fn agent_replied(&mut self, public: bool, first_public: bool, at: DateTime<Utc>) {
        if public {
            self.messages.public_replies += 1;
            self.flagged = false;
        } else {
            self.messages.internal_replies += 1;
        }
        if first_public {
            self.first_replied_at = Some(at);
        }
    }
}

#[cfg(test)]
#[path = "ticket_tests.rs"]
mod tests;
