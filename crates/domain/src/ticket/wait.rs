//! Waiting: for the customer or for something else, and going on.

use chrono::{DateTime, TimeDelta, Utc};

use super::event::Event;
use super::fields::{Reason, Status};
use super::state::Ticket;
use crate::decider::{Context, Decision};
use crate::envelope::CLOCK_SKEW_MAX;
use crate::rejection::Rejection;

/// How far ahead a wake-up may lie.
pub const WAIT_MAX: TimeDelta = TimeDelta::hours(10 * 365 * 24);

/// Whether a timer's command has come for the time that is set now, and not for one that was set before. Hosts' clocks
/// may differ a little.
pub(crate) fn is_due(due_at: Option<DateTime<Utc>>, context: &Context<'_>) -> bool {
    let latest = context.now.checked_add_signed(CLOCK_SKEW_MAX).unwrap_or(DateTime::<Utc>::MAX_UTC);
    due_at.is_some_and(|due_at| due_at <= latest)
}

pub(super) fn await_customer(
    ticket: &Ticket,
    reason: &Reason,
    until: Option<DateTime<Utc>>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let same = ticket.waiting_for.as_ref() == Some(reason) && ticket.standing.wake_up_at == until;
    if ticket.status() == Status::Pending && same {
        return Ok(Decision::already());
    }
    if let Some(until) = until {
        let wait = until.signed_duration_since(context.occurred_at);
        if wait <= TimeDelta::zero() || wait > WAIT_MAX {
            return Err(Rejection::validation("/data/until", "later than now, by ten years at most"));
        }
    }
    Ok(Decision::event(context.stream, Event::TicketAwaitingCustomer { reason: reason.clone(), until }))
}

pub(super) fn hold(ticket: &Ticket, reason: &Reason, context: &Context<'_>) -> Decision {
    if ticket.status() == Status::OnHold && ticket.waiting_for.as_ref() == Some(reason) {
        return Decision::already();
    }
    Decision::event(context.stream, Event::TicketPutOnHold { reason: reason.clone() })
}

pub(super) fn resume(ticket: &Ticket, wake_up: bool, context: &Context<'_>) -> Decision {
    if ticket.status() == Status::Open || (wake_up && !is_due(ticket.standing.wake_up_due(), context)) {
        return Decision::already();
    }
    Decision::event(context.stream, Event::TicketResumed { wake_up })
}
