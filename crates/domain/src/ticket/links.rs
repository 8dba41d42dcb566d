//! Links between tickets: each is an event on both. Parents, blockers and duplicates never close a circle.

use std::collections::BTreeSet;

use super::event::Event;
use super::state::Ticket;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{StreamId, TicketId};
use crate::rejection::{Code, Rejection};

/// The most links of one kind that a ticket has; blockers and children count together.
pub const LINKS_MAX: usize = 50;
/// How many tickets a walk along links visits: one more than a decision may read.
const WALK_MAX: usize = 65;

/// How a ticket is linked to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The tickets that it waits for.
    pub blocked_by: BTreeSet<TicketId>,
    /// The tickets that wait for it.
    pub blocks: BTreeSet<TicketId>,
    /// The ticket that it is part of.
    pub parent: Option<TicketId>,
    /// The tickets that are part of it.
    pub children: BTreeSet<TicketId>,
    /// The tickets that are related to it.
    pub related: BTreeSet<TicketId>,
    /// The ticket that is about the same.
    pub duplicate_of: Option<TicketId>,
    /// The tickets that are about the same.
    pub duplicates: BTreeSet<TicketId>,
    /// The tickets that were merged into it.
    pub merged: BTreeSet<TicketId>,
    /// The ticket into which it was merged.
    pub merged_into: Option<TicketId>,
    /// How many follow-up tickets were opened.
    pub follow_ups: u32,
}

/// The tickets reachable from `from` (itself included), each before those that it leads to, as far as they are loaded.
fn walk(loaded: &Loaded, from: TicketId, next: fn(&Ticket) -> Vec<TicketId>) -> Vec<TicketId> {
    let mut found = vec![from];
    let mut looked_at = 0;
    while let Some(id) = found.get(looked_at).copied().filter(|_| found.len() < WALK_MAX) {
        looked_at += 1;
        for id in loaded.get::<Ticket>(id.stream()).map(next).unwrap_or_default() {
            if !found.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

fn blockers(ticket: &Ticket) -> Vec<TicketId> {
    ticket.links.blocked_by.iter().copied().collect()
}

fn parent(ticket: &Ticket) -> Vec<TicketId> {
    ticket.links.parent.into_iter().collect()
}

fn original(ticket: &Ticket) -> Vec<TicketId> {
    ticket.links.duplicate_of.into_iter().collect()
}

fn survivor(ticket: &Ticket) -> Vec<TicketId> {
    ticket.links.merged_into.into_iter().collect()
}

fn streams(tickets: Vec<TicketId>) -> Vec<StreamId> {
    tickets.into_iter().map(TicketId::stream).collect()
}

/// The ticket into which `id` went in the end (itself, if it was not merged), as far as it is loaded.
pub(super) fn survivor_of(loaded: &Loaded, id: TicketId) -> TicketId {
    walk(loaded, id, survivor).last().copied().unwrap_or(id)
}

/// What [`survivor_of`] reads.
pub(super) fn survivor_reads(loaded: &Loaded, id: TicketId) -> Vec<StreamId> {
    streams(walk(loaded, id, survivor))
}

/// The unfinished tickets that stand in the way of resolving `ticket`: blockers and children, or what they were merged
/// into.
pub(super) fn in_the_way(ticket: &Ticket, id: TicketId, loaded: &Loaded) -> Vec<TicketId> {
    let waits_for = ticket.links.blocked_by.union(&ticket.links.children);
    let survivors: BTreeSet<TicketId> = waits_for.map(|waited| survivor_of(loaded, *waited)).collect();
    let unfinished = |other: &TicketId| {
        *other != id && loaded.get::<Ticket>(other.stream()).is_some_and(|other| other.status().unfinished())
    };
    survivors.into_iter().filter(unfinished).collect()
}

/// What [`in_the_way`] reads.
pub(super) fn in_the_way_reads(ticket: &Ticket, loaded: &Loaded) -> Vec<StreamId> {
    let waits_for = ticket.links.blocked_by.union(&ticket.links.children);
    waits_for.flat_map(|waited| survivor_reads(loaded, *waited)).collect()
}

/// A ticket at the other end of a link, which must exist and not be merged.
fn other<'a>(loaded: &'a Loaded, pointer: &str, id: TicketId) -> Result<&'a Ticket, Rejection> {
    let ticket = existing(loaded, pointer, id)?;
    match ticket.links.merged_into {
        Some(survivor) => Err(Rejection::merged_into(survivor.0)),
        None => Ok(ticket),
    }
}

/// A ticket that must exist.
pub(super) fn existing<'a>(loaded: &'a Loaded, pointer: &str, id: TicketId) -> Result<&'a Ticket, Rejection> {
    loaded.get::<Ticket>(id.stream()).ok_or_else(|| Rejection::reference_missing(pointer, id.stream()))
}

/// Refuses a link from `id` to `to`, if `to` leads back to `id`.
fn acyclic(loaded: &Loaded, id: TicketId, to: TicketId, next: fn(&Ticket) -> Vec<TicketId>) -> Result<(), Rejection> {
    let reached = walk(loaded, to, next);
    if reached.contains(&id) {
        return Err(Rejection::new(Code::LinkCycle, format!("the ticket {to} leads back to {id}")));
    }
    if reached.len() >= WALK_MAX || reached.iter().any(|ticket| !loaded.streams.contains_key(&ticket.stream())) {
        return Err(Rejection::limit_exceeded("tickets along the links", WALK_MAX as u64 - 1));
    }
    Ok(())
}

fn room(links: usize) -> Result<(), Rejection> {
    if links < LINKS_MAX { Ok(()) } else { Err(Rejection::limit_exceeded("links of a ticket", LINKS_MAX as u64)) }
}

impl Links {
    fn waits_for(&self) -> usize {
        self.blocked_by.len() + self.children.len()
    }
}

/// What [`block`] reads.
pub(super) fn block_reads(loaded: &Loaded, blocked_by: TicketId) -> Vec<StreamId> {
    streams(walk(loaded, blocked_by, blockers))
}

pub(super) fn block(
    ticket: &Ticket,
    id: TicketId,
    blocked_by: TicketId,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if ticket.links.blocked_by.contains(&blocked_by) {
        return Ok(Decision::already());
    }
    acyclic(context.loaded, id, blocked_by, blockers)?;
    let blocker = other(context.loaded, "/data/blocked_by", blocked_by)?;
    room(ticket.links.waits_for())?;
    room(blocker.links.blocks.len())?;
    Ok(Decision::event(id.stream(), Event::TicketBlocked { blocked_by })
        .and(blocked_by.stream(), Event::TicketBlocks { blocked: id }))
}

pub(super) fn unblock(ticket: &Ticket, id: TicketId, blocked_by: TicketId) -> Decision {
    if !ticket.links.blocked_by.contains(&blocked_by) {
        return Decision::already();
    }
    Decision::event(id.stream(), Event::TicketUnblocked { blocked_by })
        .and(blocked_by.stream(), Event::TicketBlocksNoMore { blocked: id })
}

/// What [`set_parent`] reads.
pub(super) fn set_parent_reads(ticket: &Ticket, loaded: &Loaded, to: TicketId) -> Vec<StreamId> {
    let before = ticket.links.parent.map(TicketId::stream);
    streams(walk(loaded, to, parent)).into_iter().chain(before).collect()
}

pub(super) fn set_parent(
    ticket: &Ticket,
    id: TicketId,
    to: TicketId,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if ticket.links.parent == Some(to) {
        return Ok(Decision::already());
    }
    acyclic(context.loaded, id, to, parent)?;
    room(other(context.loaded, "/data/parent", to)?.links.waits_for())?;
    Ok(unset_parent(ticket, id)
        .and(id.stream(), Event::TicketParented { parent: to })
        .and(to.stream(), Event::TicketChildAdded { child: id }))
}

pub(super) fn unset_parent(ticket: &Ticket, id: TicketId) -> Decision {
    match ticket.links.parent {
        Some(parent) => Decision::event(id.stream(), Event::TicketUnparented { parent })
            .and(parent.stream(), Event::TicketChildRemoved { child: id }),
        None => Decision::already(),
    }
}

pub(super) fn relate(
    ticket: &Ticket,
    id: TicketId,
    to: TicketId,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if ticket.links.related.contains(&to) {
        return Ok(Decision::already());
    }
    if to == id {
        return Err(Rejection::new(Code::LinkCycle, "a ticket is not related to itself"));
    }
    let related = other(context.loaded, "/data/ticket", to)?;
    room(ticket.links.related.len())?;
    room(related.links.related.len())?;
    Ok(Decision::event(id.stream(), Event::TicketRelated { ticket: to })
        .and(to.stream(), Event::TicketRelated { ticket: id }))
}

pub(super) fn unrelate(ticket: &Ticket, id: TicketId, to: TicketId) -> Decision {
    if !ticket.links.related.contains(&to) {
        return Decision::already();
    }
    Decision::event(id.stream(), Event::TicketUnrelated { ticket: to })
        .and(to.stream(), Event::TicketUnrelated { ticket: id })
}

/// What [`mark_duplicate_of`] reads.
pub(super) fn mark_duplicate_of_reads(ticket: &Ticket, loaded: &Loaded, of: TicketId) -> Vec<StreamId> {
    let before = ticket.links.duplicate_of.map(TicketId::stream);
    streams(walk(loaded, of, original)).into_iter().chain(before).collect()
}

pub(super) fn mark_duplicate_of(
    ticket: &Ticket,
    id: TicketId,
    of: TicketId,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if ticket.links.duplicate_of == Some(of) {
        return Ok(Decision::already());
    }
    acyclic(context.loaded, id, of, original)?;
    room(other(context.loaded, "/data/ticket", of)?.links.duplicates.len())?;
    Ok(unmark_duplicate_of(ticket, id)
        .and(id.stream(), Event::TicketMarkedDuplicate { duplicate_of: of })
        .and(of.stream(), Event::TicketDuplicateAdded { duplicate: id }))
}

pub(super) fn unmark_duplicate_of(ticket: &Ticket, id: TicketId) -> Decision {
    match ticket.links.duplicate_of {
        Some(duplicate_of) => Decision::event(id.stream(), Event::TicketUnmarkedDuplicate { duplicate_of })
            .and(duplicate_of.stream(), Event::TicketDuplicateRemoved { duplicate: id }),
        None => Decision::already(),
    }
}
