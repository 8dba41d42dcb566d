//! The ends that nobody hopes for: it fails, it is dropped, or the customer is not there.

use super::booking::claimed;
use super::event::Event;
use super::fields::{Reason, Status};
use super::plan::planned_after;
use super::state::{Order, ServiceExecution};
use crate::decider::{Context, Decision};
use crate::ids::ServiceExecutionId;
use crate::rejection::Rejection;

pub(super) fn fail(
    execution: &ServiceExecution,
    order: &Order,
    reason: &Reason,
    follow_up: Option<ServiceExecutionId>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let at = execution.course.next(context)?;
    let failed = Event::ServiceExecutionFailed {
        at,
        reason: reason.clone(),
        labour_s: execution.course.labour_s(at),
        travel_s: execution.course.travel_s(at),
    };
    let decision = Decision::event(context.stream, failed);
    let decision = claimed(decision, execution.booking.as_ref(), None, context.stream);
    let Some(follow_up) = follow_up else { return Ok(decision) };
    if context.loaded.get::<ServiceExecution>(follow_up.stream()).is_some() {
        return Err(Rejection::already_exists(follow_up.stream()));
    }
    let planned = planned_after(order, ServiceExecutionId(context.stream.id), at);
    Ok(decision.and(context.stream, Event::FollowUpScheduled { follow_up }).and(follow_up.stream(), planned))
}

pub(super) fn cancel(
    execution: &ServiceExecution,
    reason: Option<&Reason>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if execution.course.started_at.is_some() && reason.is_none() {
        return Err(Rejection::validation("/data/reason", "work that has begun is cancelled for a reason"));
    }
    let at = execution.course.next(context)?;
    let cancelled = Event::ServiceExecutionCancelled {
        at,
        reason: reason.cloned(),
        labour_s: execution.course.labour_s(at),
        travel_s: execution.course.travel_s(at),
    };
    let decision = Decision::event(context.stream, cancelled);
    Ok(claimed(decision, execution.booking.as_ref(), None, context.stream))
}

pub(super) fn record_no_show(execution: &ServiceExecution, context: &Context<'_>) -> Result<Decision, Rejection> {
    let at = execution.course.next(context)?;
    let no_show = Event::CustomerNoShow { at, travel_s: execution.course.travel_s(at) };
    let decision = Decision::event(context.stream, no_show);
    Ok(claimed(decision, execution.booking.as_ref(), None, context.stream))
}

/// The end of one that has not begun, since what asked for it is gone; `None` where it has begun or ended.
///
/// # Errors
/// It would end before it was planned.
pub(crate) fn dropped(
    execution: &ServiceExecution,
    reason: &Reason,
    context: &Context<'_>,
) -> Result<Option<Decision>, Rejection> {
    match execution.status {
        Status::Planned | Status::Scheduled | Status::Dispatched => cancel(execution, Some(reason), context).map(Some),
        Status::EnRoute
        | Status::InProgress
        | Status::Paused
        | Status::Completed
        | Status::Verified
        | Status::CannotComplete
        | Status::Cancelled
        | Status::NoShow => Ok(None),
    }
}
