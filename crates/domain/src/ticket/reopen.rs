//! The way back: reopening, rejecting a resolution, taking a cancellation back.

use super::assign::keep_or_unassign;
use super::event::Event;
use super::fields::{Reason, RejectionText, Status};
use super::state::{Matter, Ticket};
use super::transitions::{Cell, cell};
use crate::agent::Role;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::StreamId;
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};

/// Whether a resolved ticket may still be reopened; the last instant of the window is inside.
pub(super) fn in_window(ticket: &Ticket, context: &Context<'_>) -> bool {
    ticket.standing.reopen_until.is_some_and(|until| context.occurred_at <= until)
}

/// Adds the reopening to what caused it. An assignee without room for the ticket loses it.
pub(super) fn reopened(
    cause: Decision,
    ticket: &Ticket,
    stream: StreamId,
    reason: Option<Reason>,
    loaded: &Loaded,
) -> Decision {
    let count = ticket.reopen_count.saturating_add(1);
    keep_or_unassign(cause.and(stream, Event::TicketReopened { count, reason }), ticket, stream, loaded)
}

fn require_window(ticket: &Ticket, context: &Context<'_>) -> Result<(), Rejection> {
    if in_window(ticket, context) {
        return Ok(());
    }
    let until = ticket.standing.reopen_until.map(|until| until.to_rfc3339()).unwrap_or_default();
    let detail = format!("reopening was possible until {until}");
    Err(Rejection::new(Code::ReopenWindowPassed, detail).with("reopen_until", until))
}

pub(super) fn reopen(ticket: &Ticket, reason: Option<&Reason>, context: &Context<'_>) -> Result<Decision, Rejection> {
    if cell("reopen", ticket.status()) == Cell::Supervisor {
        context.require_role(Role::Supervisor)?;
    } else {
        require_window(ticket, context)?;
    }
    Ok(reopened(Decision::already(), ticket, context.stream, reason.cloned(), context.loaded))
}

pub(super) fn reject_resolution(
    ticket: &Ticket,
    matter: &Matter,
    reason: Option<&RejectionText>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    require_window(ticket, context)?;
    let reason = reason.map(|reason| Personal::new(matter.customer.0, reason.clone()));
    let rejected = Decision::event(context.stream, Event::ResolutionRejected { reason });
    Ok(reopened(rejected, ticket, context.stream, None, context.loaded))
}

pub(super) fn restore(ticket: &Ticket, context: &Context<'_>) -> Decision {
    let status = match ticket.standing.status_before {
        Status::New => Status::New,
        Status::Open
        | Status::Pending
        | Status::OnHold
        | Status::Resolved
        | Status::Closed
        | Status::Merged
        | Status::Cancelled => Status::Open,
    };
    let restored = Decision::event(context.stream, Event::TicketRestored { status });
    keep_or_unassign(restored, ticket, context.stream, context.loaded)
}
