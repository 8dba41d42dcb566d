//! Links between tickets: each is told on both, and parents, blockers and duplicates never close a circle.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Altered, Case, Judgement, Ticket};

/// The most links of a kind; blockers and children count together.
const LINKS_MAX: usize = 50;
/// How deep links may lead before the system may refuse to follow them.
const DEPTH_SURE: usize = 6;

/// Whether `id` is reached from `from`, and how deep the way leads in all.
fn reaches(case: &Case<'_>, from: Uuid, id: Uuid, next: fn(&Ticket) -> Vec<Uuid>) -> (bool, usize) {
    let (mut reached, mut edge, mut steps) = (BTreeSet::from([from]), vec![from], 0);
    while !edge.is_empty() {
        edge = edge.iter().filter_map(|id| case.world.tickets.get(id)).flat_map(next).collect();
        edge.retain(|id| reached.insert(*id));
        steps += 1;
    }
    (reached.contains(&id), steps)
}

/// The reasons against a link to a ticket.
fn other(case: &Case<'_>, to: Uuid, judged: &mut Judgement) {
    let found = case.world.tickets.get(&to);
    judged.rule(found.is_none(), "reference_missing");
    judged.rule(found.is_some_and(|ticket| ticket.merged_into.is_some()), "merged_into");
}

fn acyclic(case: &Case<'_>, to: Uuid, next: fn(&Ticket) -> Vec<Uuid>, judged: &mut Judgement) {
    let (back, steps) = reaches(case, to, case.ask.id, next);
    judged.rule(back && !case.world.is(Altered::CirclesAllowed), "link_cycle");
    judged.deep(steps > DEPTH_SURE);
}

fn room(judged: &mut Judgement, links: usize) {
    judged.rule(links >= LINKS_MAX, "limit_exceeded");
}

pub(super) fn judge(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let ask = case.ask;
    match ask.name {
        "block" | "unblock" => block(case, ticket, judged),
        "set_parent" | "unset_parent" => parent(case, ticket, judged),
        "relate" | "unrelate" => relate(case, ticket, judged),
        _ => duplicate(case, ticket, judged),
    }
}

fn block(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (id, blocker) = (case.ask.id, case.ask.id_in("blocked_by"));
    let blocked = ticket.blocked_by.contains(&blocker);
    if case.ask.name == "unblock" {
        judged.already(!blocked);
        judged.on_ticket(id, "TicketUnblocked", move |ticket| {
            ticket.blocked_by.remove(&blocker);
        });
        judged.on_ticket(blocker, "TicketBlocksNoMore", move |ticket| {
            ticket.blocks.remove(&id);
        });
        return;
    }
    judged.already(blocked);
    acyclic(case, blocker, |ticket| ticket.blocked_by.iter().copied().collect(), judged);
    other(case, blocker, judged);
    room(judged, ticket.blocked_by.len() + ticket.children.len());
    room(judged, case.world.tickets.get(&blocker).map_or(0, |other| other.blocks.len()));
    judged.on_ticket(id, "TicketBlocked", move |ticket| {
        ticket.blocked_by.insert(blocker);
    });
    judged.on_ticket(blocker, "TicketBlocks", move |ticket| {
        ticket.blocks.insert(id);
    });
}

fn parent(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let id = case.ask.id;
    let sets = case.ask.name == "set_parent";
    let parent = case.ask.id_in("parent");
    judged.already(if sets { ticket.parent == Some(parent) } else { ticket.parent.is_none() });
    if let Some(before) = ticket.parent {
        judged.on_ticket(id, "TicketUnparented", |ticket| ticket.parent = None);
        judged.on_ticket(before, "TicketChildRemoved", move |ticket| {
            ticket.children.remove(&id);
        });
    }
    if !sets {
        return;
    }
    acyclic(case, parent, |ticket| ticket.parent.into_iter().collect(), judged);
    other(case, parent, judged);
    room(judged, case.world.tickets.get(&parent).map_or(0, |other| other.blocked_by.len() + other.children.len()));
    judged.on_ticket(id, "TicketParented", move |ticket| ticket.parent = Some(parent));
    judged.on_ticket(parent, "TicketChildAdded", move |ticket| {
        ticket.children.insert(id);
    });
}

fn relate(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let (id, to) = (case.ask.id, case.ask.id_in("ticket"));
    let related = ticket.related.contains(&to);
    if case.ask.name == "unrelate" {
        judged.already(!related);
        for (one, two) in [(id, to), (to, id)] {
            judged.on_ticket(one, "TicketUnrelated", move |ticket| {
                ticket.related.remove(&two);
            });
        }
        return;
    }
    judged.already(related);
    judged.rule(id == to, "link_cycle");
    other(case, to, judged);
    room(judged, ticket.related.len());
    room(judged, case.world.tickets.get(&to).map_or(0, |other| other.related.len()));
    for (one, two) in [(id, to), (to, id)] {
        judged.on_ticket(one, "TicketRelated", move |ticket| {
            ticket.related.insert(two);
        });
    }
}

fn duplicate(case: &Case<'_>, ticket: &Ticket, judged: &mut Judgement) {
    let id = case.ask.id;
    let marks = case.ask.name == "mark_duplicate_of";
    let original = case.ask.id_in("ticket");
    judged.already(if marks { ticket.duplicate_of == Some(original) } else { ticket.duplicate_of.is_none() });
    if let Some(before) = ticket.duplicate_of {
        judged.on_ticket(id, "TicketUnmarkedDuplicate", |ticket| ticket.duplicate_of = None);
        judged.on_ticket(before, "TicketDuplicateRemoved", move |ticket| {
            ticket.duplicates.remove(&id);
        });
    }
    if !marks {
        return;
    }
    acyclic(case, original, |ticket| ticket.duplicate_of.into_iter().collect(), judged);
    other(case, original, judged);
    room(judged, case.world.tickets.get(&original).map_or(0, |other| other.duplicates.len()));
    judged.on_ticket(id, "TicketMarkedDuplicate", move |ticket| ticket.duplicate_of = Some(original));
    judged.on_ticket(original, "TicketDuplicateAdded", move |ticket| {
        ticket.duplicates.insert(id);
    });
}
