//! What is done again and again: planned ahead as service executions, and dropped with the plan.

use uuid::Uuid;

use super::command::Command;
use super::event::Event;
use super::fields::{Reason, Terms, Window};
use super::recurrence::shifted;
use super::state::{Occurrence, ServicePlan};
use crate::customer;
use crate::decider::{Context, Decision, TimerChange};
use crate::ids::{CustomerId, ServiceExecutionId, ServicePlanId, StreamId};
use crate::rejection::Rejection;
use crate::revisions::RevisionOf;
use crate::service_execution::{self, ServiceExecution};
use crate::text::Name;

/// The most occurrences that are planned or dropped at once; a timer goes on with more.
pub const OCCURRENCES_AT_ONCE_MAX: usize = 20;

/// The timer that goes on dropping what was planned.
const CANCEL: &str = "cancel_occurrences";

/// The service execution of an occurrence: the same each time that it is asked.
#[must_use]
pub fn execution_of(plan: ServicePlanId, n: u32) -> ServiceExecutionId {
    ServiceExecutionId(Uuid::new_v5(&plan.0, format!("occurrence {n}").as_bytes()))
}

/// What [`plan_occurrences`] reads.
pub(super) fn planning_reads(id: ServicePlanId, plan: &ServicePlan) -> Vec<StreamId> {
    let first = plan.last_n.saturating_add(1);
    (first..).take(OCCURRENCES_AT_ONCE_MAX).map(|n| execution_of(id, n).stream()).collect()
}

/// What [`cancel_open`] reads.
pub(super) fn cancelling_reads(id: ServicePlanId, plan: &ServicePlan, before: Option<u32>) -> Vec<StreamId> {
    plan.kept(before).take(OCCURRENCES_AT_ONCE_MAX).map(|(n, _)| execution_of(id, n).stream()).collect()
}

/// Plans what falls due in the time ahead, each with its service execution.
pub(super) fn plan_occurrences(
    plan: &ServicePlan,
    customer: CustomerId,
    terms: &Terms,
    context: &Context<'_>,
) -> Decision {
    let Some(recurrence) = &terms.recurrence else { return Decision::already() };
    let id = ServicePlanId(context.stream.id);
    let [lead_s, early_s, late_s] =
        [recurrence.lead_s, recurrence.early_s, recurrence.late_s].map(|span| i64::from(span.get()));
    let until = shifted(context.now, lead_s);
    let due = plan.upcoming_by(terms).into_iter().take_while(|due| *due <= until).take(OCCURRENCES_AT_ONCE_MAX);
    let customer = customer::survivor(context.loaded, customer);
    let by = RevisionOf { id, revision: plan.revisions.latest() };
    due.zip(plan.last_n.saturating_add(1)..).fold(Decision::already(), |decision, (due, n)| {
        let window = Window { earliest: shifted(due, -early_s), latest: shifted(due, late_s) };
        let takes_s = recurrence.duration_s.map_or(0, |span| i64::from(span.get()));
        let planned =
            service_execution::planned_by(by, n, customer, terms, window.earliest, shifted(window.latest, takes_s));
        let decision = decision.and(context.stream, Event::OccurrencePlanned { n, due, window });
        let execution = execution_of(id, n).stream();
        // Whoever has taken the id before has planned it.
        let is_taken = context.loaded.get::<ServiceExecution>(execution).is_some();
        if is_taken { decision } else { decision.and(execution, planned) }
    })
}

/// Drops one occurrence and, unless it has begun, its service execution.
pub(super) fn skip_occurrence(
    plan: &ServicePlan,
    n: u32,
    reason: &Reason,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    match plan.planned.get(&n) {
        None => {
            let detail = format!("no occurrence {n} is planned");
            Err(Rejection::validation("/data/n", detail))
        }
        Some(occurrence) if occurrence.skipped => Ok(Decision::already()),
        Some(_) => {
            let skipped = Event::OccurrenceSkipped { n, reason: reason.clone(), with_plan: false };
            let dropped = drop_execution(n, reason, context)?;
            Ok(joined(Decision::event(context.stream, skipped), dropped))
        }
    }
}

/// Adds to `decision` that what is planned and has not begun is dropped, since the plan is out of force: the last ones
/// first, those before `before`. What is due before now is left to the desk.
pub(super) fn cancel_open(
    mut decision: Decision,
    plan: &ServicePlan,
    before: Option<u32>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let reason = Name::parse("the service plan is out of force").map_err(|why| Rejection::validation("/data", why))?;
    let is_open = |occurrence: Occurrence| occurrence.due > context.now;
    let mut last = None;
    for (n, occurrence) in plan.kept(before).take(OCCURRENCES_AT_ONCE_MAX) {
        last = Some(n);
        if !is_open(occurrence) {
            continue;
        }
        if let Some(dropped) = drop_execution(n, &reason, context)? {
            let skipped = Event::OccurrenceSkipped { n, reason: reason.clone(), with_plan: true };
            decision = joined(decision.and(context.stream, skipped), Some(dropped));
        }
    }
    if let Some(n) = last.filter(|last| plan.kept(Some(*last)).any(|(_, occurrence)| is_open(occurrence))) {
        let command = Box::new(Command::CancelOccurrences { before: n }.into());
        let (stream, due_at) = (context.stream, context.now);
        decision = decision.timer(TimerChange::Set { stream, name: CANCEL, due_at, command });
    }
    Ok(decision)
}

/// The end of an occurrence's service execution; `None` where it has begun, has ended or never was.
fn drop_execution(n: u32, reason: &Reason, context: &Context<'_>) -> Result<Option<Decision>, Rejection> {
    let stream = execution_of(ServicePlanId(context.stream.id), n).stream();
    let Some(execution) = context.loaded.get::<ServiceExecution>(stream) else { return Ok(None) };
    service_execution::dropped(execution, reason, &Context { stream, exists: true, ..*context })
}

fn joined(mut decision: Decision, other: Option<Decision>) -> Decision {
    if let Some(other) = other {
        decision.events.extend(other.events);
        decision.claims.extend(other.claims);
    }
    decision
}
