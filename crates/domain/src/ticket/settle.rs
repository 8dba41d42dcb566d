//! Claims, clocks and timers: all follow from where a ticket stood before a decision and where it stands after.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::Ticket;
use super::assign::capacity_claim;
use super::command::Command;
use super::event::Event;
use super::fields::Priority;
use super::plan::{self, Taking};
use super::sla::{Asked, Sla, Step, follow};
use super::standing::Standing;
use crate::agent::Agent;
use crate::aggregates;
use crate::decider::{ClaimChange, ClaimKind, Context, Decision, Loaded, TimerChange};
use crate::ids::{AgentId, ServicePlanId, StreamId, TicketId};
use crate::rejection::Rejection;
use crate::revisions::RevisionOf;
use crate::sla_clock::ClockKind;

/// The timer that closes a resolved ticket.
const AUTO_CLOSE: &str = "auto_close";
/// The timer that ends the wait for the customer.
const WAKE_UP: &str = "wake_up";

/// One ticket in a decision.
struct Change<'a> {
    ticket: Option<&'a Ticket>,
    after: Standing,
    overridden: bool,
    /// The priority, where the decision sets it.
    priority: Option<Priority>,
    /// The ticket that a new one takes after.
    takes_after: Option<TicketId>,
    sla: Option<Sla>,
    plan: Option<RevisionOf<ServicePlanId>>,
    /// Whether what it takes of a plan may be other after the decision. The commands that bring this about ask for the plan.
    takes: bool,
}

impl<'a> Change<'a> {
    fn of(ticket: Option<&'a Ticket>) -> Self {
        let after = ticket.map(|ticket| ticket.standing).unwrap_or_default();
        let sla = ticket.and_then(|ticket| ticket.sla.clone());
        let plan = ticket.and_then(|ticket| ticket.plan);
        Self { ticket, after, overridden: false, priority: None, takes_after: None, sla, plan, takes: false }
    }

    fn before(&self) -> Standing {
        self.ticket.map(|ticket| ticket.standing).unwrap_or_default()
    }

    fn evolve(&mut self, event: &Event) {
        self.after.evolve(event);
        Sla::fold(&mut self.sla, event);
        self.overridden |= matches!(event, Event::TicketAssigned { overridden: true, .. });
        if let Event::TicketOpened { priority, .. } | Event::TicketPrioritized { to: priority, .. } = event {
            self.priority = Some(*priority);
        }
        if let Event::TicketPlanChanged { plan, .. } = event {
            self.plan = *plan;
        }
        self.takes |= matches!(
            event,
            Event::TicketPlanChanged { .. }
                | Event::TicketResolved { .. }
                | Event::TicketCancelled { .. }
                | Event::TicketRestored { .. }
        );
        if let Event::TicketSplitFrom { origin: id, .. } | Event::TicketFollowedUp { follow_up_of: id } = event {
            self.takes_after = Some(*id);
        }
    }

    /// By which policy the clocks of a new ticket run: the one that is asked for, or that of the ticket before it.
    fn begins_by(&self, asked: Option<Asked>, loaded: &Loaded) -> Option<Asked> {
        let before = self.takes_after.and_then(|id| loaded.get::<Ticket>(id.stream())?.sla.as_ref());
        asked.or(before.map(|sla| Asked::latest(sla.policy.id))).filter(|_| self.ticket.is_none())
    }

    /// What it takes of a service plan, where that may change.
    fn taking(&self) -> Option<Taking<'_>> {
        self.takes.then(|| Taking {
            before: self.ticket.and_then(|ticket| ticket.plan),
            after: self.plan,
            standing: &self.after,
            time_spent_s: self.ticket.map_or(0, |ticket| ticket.time_spent_s),
        })
    }

    fn step(&self, asked: Option<Asked>, loaded: &Loaded) -> Option<Step<'_>> {
        let before = self.ticket.and_then(|ticket| ticket.matter.as_ref()).map(|matter| matter.priority);
        let after = self.priority.or(before)?;
        let priorities = (before.unwrap_or(after), after);
        Some(Step {
            sla: self.sla.as_ref(),
            begins_by: self.begins_by(asked, loaded),
            standing: self.after,
            priorities,
        })
    }
}

/// Adds what the events of a decision bring about on each ticket: claims, timers, the events of clocks, and on its service
/// plan the units that it takes. The clocks of a new ticket run by the policy that was asked for; the timer of the clock
/// `fired` is gone already.
///
/// # Errors
/// The policy does not exist, its hours cannot be told, or the plan has no units left.
pub(super) fn settle(
    mut decision: Decision,
    asked: Option<Asked>,
    fired: Option<ClockKind>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let loaded = context.loaded;
    let mut changes: BTreeMap<StreamId, Change<'_>> = BTreeMap::new();
    for (stream, event) in &decision.events {
        let aggregates::Event::Ticket(event) = event else { continue };
        changes.entry(*stream).or_insert_with(|| Change::of(loaded.get::<Ticket>(*stream))).evolve(event);
    }
    for (stream, mut change) in changes {
        let followed = change.step(asked, loaded).map_or(Ok(Vec::new()), |step| follow(&step, context))?;
        for event in followed {
            Sla::fold(&mut change.sla, &event);
            decision = decision.and(stream, event);
        }
        if let Some(taking) = change.taking() {
            for (plan, event) in plan::follow(&taking, stream, loaded)? {
                decision = decision.and(plan, event);
            }
        }
        decision.claims.extend(claims(stream, &change, loaded));
        let fired = fired.filter(|_| stream == context.stream);
        decision.timers.extend(timers(stream, &change, fired));
    }
    Ok(decision)
}

fn claims(stream: StreamId, change: &Change<'_>, loaded: &Loaded) -> Vec<ClaimChange> {
    let (before, after) = (change.before().seat(), change.after.seat());
    if before == after {
        return Vec::new();
    }
    let release = |agent: AgentId| ClaimChange::Release { key: capacity_claim(agent), holder: stream };
    let take = |agent: AgentId| {
        let capacity = loaded.get::<Agent>(agent.stream()).map_or(0, |agent| agent.capacity);
        let limit = if change.overridden { u32::MAX } else { capacity };
        ClaimChange::Take { key: capacity_claim(agent), holder: stream, kind: ClaimKind::Counted { weight: 1, limit } }
    };
    before.map(release).into_iter().chain(after.map(take)).collect()
}

fn timers(stream: StreamId, change: &Change<'_>, fired: Option<ClockKind>) -> Vec<TimerChange> {
    let (before, after) = (change.before(), &change.after);
    let standing = [
        (AUTO_CLOSE, before.auto_close_due(), after.auto_close_due(), Command::Close { auto: true }),
        (WAKE_UP, before.wake_up_due(), after.wake_up_due(), Command::Resume { wake_up: true }),
    ];
    let sla_before = change.ticket.and_then(|ticket| ticket.sla.as_ref());
    let clocks = ClockKind::ALL.iter().map(|kind| {
        let due = |sla: Option<&Sla>| sla.and_then(|sla| sla.notice_due(*kind));
        let before = due(sla_before).filter(|_| fired != Some(*kind));
        (sla_timer(*kind), before, due(change.sla.as_ref()), Command::NoticeSla { clock: *kind })
    });
    let set = |(name, _, after, command): (&'static str, _, Option<DateTime<Utc>>, Command)| match after {
        Some(due_at) => TimerChange::Set { stream, name, due_at, command: Box::new(command.into()) },
        None => TimerChange::Cancel { stream, name },
    };
    standing.into_iter().chain(clocks).filter(|(_, before, after, _)| before != after).map(set).collect()
}

/// The timer of a clock.
const fn sla_timer(clock: ClockKind) -> &'static str {
    match clock {
        ClockKind::FirstResponse => "sla_first_response",
        ClockKind::NextResponse => "sla_next_response",
        ClockKind::FirstResolution => "sla_first_resolution",
        ClockKind::TotalResolution => "sla_total_resolution",
    }
}
