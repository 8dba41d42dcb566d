//! Claims and timers: both follow from where a ticket stood before a decision and where it stands after.

use std::collections::BTreeMap;

use super::Ticket;
use super::assign::capacity_claim;
use super::command::Command;
use super::event::Event;
use super::standing::Standing;
use crate::agent::Agent;
use crate::aggregates;
use crate::decider::{ClaimChange, ClaimKind, Decision, Loaded, TimerChange};
use crate::ids::{AgentId, StreamId};

/// The timer that closes a resolved ticket.
const AUTO_CLOSE: &str = "auto_close";
/// The timer that ends the wait for the customer.
const WAKE_UP: &str = "wake_up";

/// One ticket in a decision.
struct Change {
    before: Standing,
    after: Standing,
    overridden: bool,
}

/// Adds the claims and timers that the events of a decision bring about on each ticket.
pub(super) fn settle(mut decision: Decision, loaded: &Loaded) -> Decision {
    let mut changes: BTreeMap<StreamId, Change> = BTreeMap::new();
    for (stream, event) in &decision.events {
        let aggregates::Event::Ticket(event) = event else { continue };
        let change = changes.entry(*stream).or_insert_with(|| {
            let before = loaded.get::<Ticket>(*stream).map(|ticket| ticket.standing).unwrap_or_default();
            Change { before, after: before, overridden: false }
        });
        change.after.evolve(event);
        change.overridden |= matches!(event, Event::TicketAssigned { overridden: true, .. });
    }
    for (stream, change) in changes {
        decision.claims.extend(claims(stream, &change, loaded));
        decision.timers.extend(timers(stream, &change));
    }
    decision
}

fn claims(stream: StreamId, change: &Change, loaded: &Loaded) -> Vec<ClaimChange> {
    let (before, after) = (change.before.seat(), change.after.seat());
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

fn timers(stream: StreamId, change: &Change) -> Vec<TimerChange> {
    let all = [
        (AUTO_CLOSE, change.before.auto_close_due(), change.after.auto_close_due(), Command::Close { auto: true }),
        (WAKE_UP, change.before.wake_up_due(), change.after.wake_up_due(), Command::Resume { wake_up: true }),
    ];
    all.into_iter()
        .filter(|(_, before, after, _)| before != after)
        .map(|(name, _, after, command)| match after {
            Some(due_at) => TimerChange::Set { stream, name, due_at, command: Box::new(command.into()) },
            None => TimerChange::Cancel { stream, name },
        })
        .collect()
}
