//! The work itself: pauses, items of the checklist, parts, and the end when all is done.

use super::booking::claimed;
use super::event::Event;
use super::fields::{ItemId, ItemResult, Note, Outcome, QtyMilli, Reason};
use super::state::{Order, ServiceExecution};
use crate::decider::{Context, Decision};
use crate::ids::StreamId;
use crate::rejection::{Code, Rejection};
use crate::revisions::RevisionOf;
use crate::service_plan::{self, ConsumeOn, Consumer, ConsumerKind, HOUR_S, ServicePlan, Unit, Units};
use crate::text::Name;

/// How many times parts may be used.
pub const PARTS_MAX: usize = 200;
/// How many times it may be paused.
pub const PAUSES_MAX: usize = 100;

pub(super) fn pause(
    execution: &ServiceExecution,
    reason: Option<&Reason>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if execution.pauses >= PAUSES_MAX {
        return Err(Rejection::limit_exceeded("pauses of a service execution", PAUSES_MAX as u64));
    }
    let at = execution.course.next(context)?;
    Ok(Decision::event(context.stream, Event::ServiceExecutionPaused { at, reason: reason.cloned() }))
}

pub(super) fn complete_item(
    execution: &ServiceExecution,
    order: &Order,
    item: &ItemId,
    result: ItemResult,
    note: Option<&Note>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if order.checklist.iter().all(|listed| listed.id != *item) {
        return Err(Rejection::validation("/data/item", format!("{item} is no item of the checklist")));
    }
    let told = (result, note.cloned());
    if execution.results.get(item) == Some(&told) {
        return Ok(Decision::already());
    }
    let (result, note) = told;
    Ok(Decision::event(context.stream, Event::ChecklistItemCompleted { item: item.clone(), result, note }))
}

pub(super) fn use_part(
    execution: &ServiceExecution,
    sku: &Name<64>,
    name: Option<&Name<200>>,
    qty_milli: QtyMilli,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if execution.parts >= PARTS_MAX {
        return Err(Rejection::limit_exceeded("parts of a service execution", PARTS_MAX as u64));
    }
    Ok(Decision::event(context.stream, Event::PartUsed { sku: sku.clone(), name: name.cloned(), qty_milli }))
}

pub(super) fn complete(
    execution: &ServiceExecution,
    order: &Order,
    outcome: &Outcome,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let at = execution.course.next(context)?;
    let is_done = |item: &ItemId| matches!(execution.results.get(item), Some((ItemResult::Done, _)));
    let missing = order.checklist.iter().filter(|item| item.mandatory && !is_done(&item.id));
    let missing: Vec<&str> = missing.map(|item| item.id.as_str()).collect();
    if !missing.is_empty() {
        let detail = format!("{} mandatory items are not done", missing.len());
        return Err(Rejection::new(Code::ChecklistIncomplete, detail).with("missing", missing));
    }
    let completed = Event::ServiceExecutionCompleted {
        at,
        outcome: outcome.clone(),
        labour_s: execution.course.labour_s(at),
        travel_s: execution.course.travel_s(at),
    };
    let decision = Decision::event(context.stream, completed);
    let decision = claimed(decision, execution.booking.as_ref(), None, context.stream);
    Ok(match taken(order, execution.course.labour_s(at), context)? {
        Some((plan, event)) => decision.and(plan, event),
        None => decision,
    })
}

/// What a completed execution takes of the plan under which it was done, by the plan's revision of that time.
fn taken(
    order: &Order,
    labour_s: u64,
    context: &Context<'_>,
) -> Result<Option<(StreamId, service_plan::Event)>, Rejection> {
    let Some(RevisionOf { id, revision }) = order.plan else { return Ok(None) };
    let found = context.loaded.get::<ServicePlan>(id.stream());
    let Some((plan, terms)) = found.and_then(|plan| Some((plan, plan.revisions.get(revision)?))) else {
        return Ok(None);
    };
    let units = match (terms.allocation.consume_on, terms.allocation.unit) {
        (ConsumeOn::Open | ConsumeOn::Resolve, _) | (ConsumeOn::Complete, Unit::Cases) => 0,
        (ConsumeOn::Complete, Unit::Visits | Unit::Unlimited) => 1,
        (ConsumeOn::Complete, Unit::Hours) => u32::try_from(labour_s.div_ceil(HOUR_S)).unwrap_or(u32::MAX),
    };
    let Ok(units) = Units::try_from(units) else { return Ok(None) };
    let by = Consumer { kind: ConsumerKind::Execution, id: context.stream.id };
    Ok(service_plan::consume(plan, by, units)?.map(|event| (id.stream(), event)))
}
