//! Two tickets of one matter become one, and two again.

use super::assign::keep_or_unassign;
use super::event::Event;
use super::fields::Status;
use super::links::{LINKS_MAX, existing};
use super::sla;
use super::state::{Matter, Ticket};
use super::transitions::not_possible;
use crate::agent::Role;
use crate::customer;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{StreamId, TicketId};
use crate::rejection::{Code, Rejection};

/// What [`merge`] reads.
pub(super) fn merge_reads(loser: TicketId, loaded: &Loaded) -> Vec<StreamId> {
    let lost = loaded.get::<Ticket>(loser.stream());
    let customer = lost.and_then(|ticket| ticket.matter.as_ref());
    let customers = customer.map(|matter| customer::chain(loaded, matter.customer)).unwrap_or_default();
    let settings = lost.map(sla::reads).unwrap_or_default();
    std::iter::once(loser.stream()).chain(customers).chain(settings).collect()
}

pub(super) fn merge(
    ticket: &Ticket,
    matter: &Matter,
    loser: TicketId,
    overridden: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let survivor = TicketId(context.stream.id);
    if loser == survivor {
        return Err(Rejection::new(Code::SelfMerge, "a ticket is not merged into itself"));
    }
    if ticket.links.merged.contains(&loser) {
        return Ok(Decision::already());
    }
    let lost = existing(context.loaded, "/data/loser", loser)?;
    match lost.status() {
        Status::New | Status::Open | Status::Pending | Status::OnHold => {}
        Status::Merged => return Err(Rejection::merged_into(lost.links.merged_into.unwrap_or(loser).0)),
        status @ (Status::Resolved | Status::Closed | Status::Cancelled) => return Err(not_possible("merge", status)),
    }
    if overridden {
        context.require_role(Role::Supervisor)?;
    }
    let lost_customer = lost.matter.as_ref().map_or(matter.customer, |matter| matter.customer);
    customer::refuse_erased(lost_customer, context.loaded)?;
    if !overridden && !customer::are_one(context.loaded, lost_customer, matter.customer) {
        return Err(Rejection::customer_mismatch("/data/loser", loser.stream()));
    }
    if ticket.links.merged.len() >= LINKS_MAX {
        return Err(Rejection::limit_exceeded("tickets merged into one", LINKS_MAX as u64));
    }
    Ok(Decision::event(context.stream, Event::TicketMerged { loser })
        .and(loser.stream(), Event::TicketMergedInto { survivor }))
}

pub(super) fn unmerge(ticket: &Ticket, loser: TicketId, context: &Context<'_>) -> Result<Decision, Rejection> {
    let lost = existing(context.loaded, "/data/loser", loser)?;
    if !ticket.links.merged.contains(&loser) {
        return Ok(Decision::already());
    }
    let (survivor, status) = (TicketId(context.stream.id), lost.standing.status_before);
    let restored = Decision::event(context.stream, Event::TicketUnmerged { loser })
        .and(loser.stream(), Event::TicketRestoredFromMerge { survivor, status });
    Ok(keep_or_unassign(restored, lost, loser.stream(), context.loaded))
}
