//! New tickets: opened by somebody, split off, or following one that has ended.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::assign::check_team;
use super::command::Command;
use super::event::Event;
use super::fields::{Priority, Subject};
use super::state::{Matter, Ticket};
use crate::customer::live_customer;
use crate::decider::{Context, Decision};
use crate::ids::TicketId;
use crate::personal::Personal;
use crate::rejection::Rejection;

/// The most tags of a ticket.
pub const TAGS_MAX: usize = 50;

/// Refuses more tags than a ticket may have.
pub(super) fn check_tags(tags: usize) -> Result<(), Rejection> {
    if tags > TAGS_MAX { Err(Rejection::limit_exceeded("tags of a ticket", TAGS_MAX as u64)) } else { Ok(()) }
}

/// Opens a ticket; any other command changes nothing.
pub(super) fn open(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Open {
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
        team,
        sla_policy: _,
    } = command
    else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    live_customer(context.loaded, "/data/customer", *customer)?;
    if let Some(requester) = requester {
        live_customer(context.loaded, "/data/requester", *requester)?;
    }
    check_team(*team, context.loaded)?;
    check_tags(tags.len())?;
    let opened = Event::TicketOpened {
        customer: *customer,
        requester: *requester,
        ticket_type: *ticket_type,
        subject: Personal::new(customer.0, subject.clone()),
        description: description.clone().map(|description| Personal::new(customer.0, description)),
        channel: *channel,
        category: category.clone(),
        tags: tags.clone(),
        impact: *impact,
        urgency: *urgency,
        priority: Priority::of(*impact, *urgency),
        priority_reason: None,
        team: *team,
    };
    Ok(Decision::event(context.stream, opened))
}

/// The opening of a ticket that takes after another one.
pub(super) fn opened_after(ticket: &Ticket, matter: &Matter, subject: Personal<Subject>) -> Event {
    Event::TicketOpened {
        customer: matter.customer,
        requester: matter.requester,
        ticket_type: matter.ticket_type,
        subject,
        description: None,
        channel: matter.channel,
        category: matter.category.clone(),
        tags: ticket.tags.clone(),
        impact: matter.impact,
        urgency: matter.urgency,
        priority: matter.priority,
        priority_reason: matter.priority_reason.clone(),
        team: ticket.team,
    }
}

/// Moves messages of `ticket` to the new ticket `split`.
pub(super) fn split(
    ticket: &Ticket,
    matter: &Matter,
    split: TicketId,
    messages: &BTreeSet<Uuid>,
    subject: &Subject,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if messages.is_empty() {
        return Err(Rejection::validation("/data/messages", "at least one message"));
    }
    if context.loaded.get::<Ticket>(split.stream()).is_some() {
        return Err(Rejection::already_exists(split.stream()));
    }
    if let Some(unknown) = messages.difference(&ticket.messages).next() {
        return Err(Rejection::validation("/data/messages", format!("{unknown} is no message of this ticket")));
    }
    let opened = opened_after(ticket, matter, Personal::new(matter.customer.0, subject.clone()));
    let origin = TicketId(context.stream.id);
    Ok(Decision::event(context.stream, Event::TicketSplitOff { split, messages: messages.clone() })
        .and(split.stream(), opened)
        .and(split.stream(), Event::TicketSplitFrom { origin, messages: messages.clone() }))
}
