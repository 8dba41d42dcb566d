//! What the desk and the customer write.

use uuid::Uuid;

use super::asks::Asks;
use super::event::Event;
use super::fields::{Body, Status};
use super::links::{survivor_of, survivor_reads};
use super::open::opened_after;
use super::reopen::{in_window, reopened};
use super::sla;
use super::state::{Matter, Ticket};
use super::transitions::{Cell, cell, not_possible};
use crate::customer;
use crate::decider::{Context, Decision, Loaded};
use crate::envelope::ActorKind;
use crate::ids::TicketId;
use crate::personal::Personal;
use crate::rejection::Rejection;

/// The most messages and notes of a ticket.
pub const MESSAGES_MAX: usize = 10_000;

const RECEIVE: &str = "receive_customer_reply";

/// Refuses a message more than a ticket may have.
fn room(ticket: &Ticket) -> Result<(), Rejection> {
    if ticket.messages.len() < MESSAGES_MAX {
        Ok(())
    } else {
        Err(Rejection::limit_exceeded("messages of a ticket", MESSAGES_MAX as u64))
    }
}

pub(super) fn reply(
    ticket: &Ticket,
    matter: &Matter,
    body: &Body,
    public: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    room(ticket)?;
    let by_human = context.actor.kind == ActorKind::Agent;
    let status =
        if by_human && public { cell("reply", ticket.status()).status(ticket.status()) } else { ticket.status() };
    let replied = Event::AgentReplied {
        message_id: context.command_id,
        body: Personal::new(matter.customer.0, body.clone()),
        public,
        first_public: by_human && public && !ticket.standing.is_answered,
        agent: context.actor.agent(),
        status,
    };
    Ok(Decision::event(context.stream, replied))
}

pub(super) fn add_note(
    ticket: &Ticket,
    matter: &Matter,
    body: &Body,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    room(ticket)?;
    let body = Personal::new(matter.customer.0, body.clone());
    let (message_id, agent) = (context.command_id, context.actor.agent());
    Ok(Decision::event(context.stream, Event::InternalNoteAdded { message_id, body, agent }))
}

/// The id of the next follow-up ticket: the same each time that it is asked, before the ticket is opened.
#[must_use]
pub fn follow_up_id(id: TicketId, ticket: &Ticket) -> TicketId {
    let name = format!("follow-up {}", ticket.links.follow_ups.saturating_add(1));
    TicketId(Uuid::new_v5(&id.0, name.as_bytes()))
}

/// What [`receive`] asks for: the way to the survivor and, where it has ended, what its return or follow-up takes.
pub(super) fn receive_asks(id: TicketId, loaded: &Loaded) -> Asks {
    let mut streams = survivor_reads(loaded, id);
    let target = survivor_of(loaded, id);
    let Some(ticket) = loaded.get::<Ticket>(target.stream()) else { return Asks { streams, ..Asks::default() } };
    streams.extend(ticket.matter.iter().flat_map(|matter| customer::chain(loaded, matter.customer)));
    streams.extend(sla::reads(ticket));
    let cell = cell(RECEIVE, ticket.status());
    if matches!(cell, Cell::InWindowOrFollowUp | Cell::FollowUp) {
        streams.push(follow_up_id(target, ticket).stream());
        streams.extend(sla::successor_reads(ticket, loaded));
    }
    Asks { streams, ..Asks::default() }.seat_of(Some(ticket).filter(|_| cell == Cell::InWindowOrFollowUp))
}

/// Takes in what the customer of the addressed ticket wrote, on the ticket where it belongs today.
pub(super) fn receive(
    addressed: TicketId,
    author: &Matter,
    body: &Body,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let id = survivor_of(context.loaded, addressed);
    let found = context.loaded.get::<Ticket>(id.stream()).and_then(|ticket| Some((ticket, ticket.matter.as_ref()?)));
    let Some((ticket, matter)) = found else { return Err(Rejection::not_found(id.stream())) };
    customer::refuse_erased(matter.customer, context.loaded)?;
    let replied = |status: Status| Event::CustomerReplied {
        message_id: context.command_id,
        body: Personal::new(author.customer.0, body.clone()),
        routed_from: Some(addressed).filter(|addressed| *addressed != id),
        status,
    };
    let cell = cell(RECEIVE, ticket.status());
    match cell {
        Cell::InWindowOrFollowUp if in_window(ticket, context) => {
            room(ticket)?;
            let taken_in = Decision::event(id.stream(), replied(ticket.status()));
            Ok(reopened(taken_in, ticket, id.stream(), None, context.loaded))
        }
        Cell::InWindowOrFollowUp | Cell::FollowUp => follow_up(id, ticket, matter, replied(Status::New), context),
        Cell::Stay | Cell::To(_) => {
            room(ticket)?;
            Ok(Decision::event(id.stream(), replied(cell.status(ticket.status()))))
        }
        Cell::Refused | Cell::InWindow | Cell::Routed | Cell::Supervisor | Cell::Back => {
            Err(not_possible(RECEIVE, ticket.status()))
        }
    }
}

/// Opens a ticket that follows one which has ended, with the customer's message.
fn follow_up(
    id: TicketId,
    ticket: &Ticket,
    matter: &Matter,
    replied: Event,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let follow_up = follow_up_id(id, ticket);
    if context.loaded.get::<Ticket>(follow_up.stream()).is_some() {
        return Err(Rejection::already_exists(follow_up.stream()));
    }
    Ok(Decision::event(id.stream(), Event::FollowUpOpened { follow_up })
        .and(follow_up.stream(), opened_after(ticket, matter, matter.subject.clone()))
        .and(follow_up.stream(), Event::TicketFollowedUp { follow_up_of: id })
        .and(follow_up.stream(), replied))
}
