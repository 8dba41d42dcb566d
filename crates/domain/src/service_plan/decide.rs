//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use super::command::Command;
use super::event::Event;
use super::fields::{Period, Reason, Status, Terms, UNITS_MAX, Units, renewal_id};
use super::occurrences::{
    cancel_open, cancelling_reads, execution_of, plan_occurrences, planning_reads, skip_occurrence,
};
use super::settle::settle;
use super::state::ServicePlan;
use super::terms::check;
use super::transitions::{Cell, cell, not_possible};
use crate::agent::Role;
use crate::customer::{self, live_customer};
use crate::decider::{Context, Decision, Loaded, actor_stream};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{CustomerId, ServicePlanId, SlaPolicyId, StreamId};
use crate::rejection::Rejection;

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: ServicePlanId, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
    let plan = loaded.get::<ServicePlan>(id.stream());
    let asked = if let Command::Draft { customer, .. } = command { Some(*customer) } else { None };
    let customer = asked.or(plan.and_then(|plan| plan.customer));
    let chain = customer.map(|customer| customer::chain(loaded, customer)).unwrap_or_default();
    let open = |before: Option<u32>| plan.map(|plan| cancelling_reads(id, plan, before)).unwrap_or_default();
    let others: Vec<StreamId> = match command {
        Command::Draft { terms, .. } | Command::Revise { terms } => {
            terms.sla_policy.map(SlaPolicyId::stream).into_iter().collect()
        }
        Command::Renew { plan, .. } => vec![plan.stream()],
        Command::Expire {} => {
            let next = plan.filter(|plan| renews_itself(plan)).map(|_| renewal_id(id).stream());
            open(None).into_iter().chain(next).collect()
        }
        Command::Suspend { .. } | Command::Terminate { .. } => open(None),
        Command::CancelOccurrences { before } => open(Some(*before)),
        Command::PlanOccurrences {} => plan.map(|plan| planning_reads(id, plan)).unwrap_or_default(),
        Command::SkipOccurrence { n, .. } => vec![execution_of(id, *n).stream()],
        Command::Activate {} | Command::Resume {} | Command::TopUp { .. } => Vec::new(),
    };
    let role = actor_stream(actor).filter(|_| takes_supervisor(command));
    chain.into_iter().chain(others).chain(role).collect()
}

pub(super) fn decide(plan: &ServicePlan, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    if let Command::Draft { customer, terms } = command {
        return draft(*customer, terms, context);
    }
    let (Some(customer), Some(terms)) = (plan.customer, plan.terms()) else {
        return Err(Rejection::not_found(context.stream));
    };
    check_actor(command, context)?;
    if !winds_up(command) {
        customer::refuse_erased(customer, context.loaded)?;
    }
    match cell(command.name(), plan.status) {
        Cell::Refused => return Err(not_possible(command.name(), plan.status)),
        Cell::Already => return Ok(Decision::already()),
        Cell::Stay | Cell::To(_) => {}
    }
    let decision = match command {
        Command::Draft { .. } => Decision::already(),
        Command::Activate {} => {
            Decision::event(context.stream, Event::ServicePlanActivated { plans_from: context.now })
        }
        Command::Revise { terms } => revise(plan, terms, context)?,
        Command::Suspend { reason } => {
            let suspended = Event::ServicePlanSuspended { reason: reason.clone() };
            cancel_open(Decision::event(context.stream, suspended), plan, None, context)?
        }
        Command::Resume {} => Decision::event(context.stream, Event::ServicePlanResumed { plans_from: context.now }),
        Command::Terminate { reason } => {
            let terminated = Event::ServicePlanTerminated { reason: reason.clone() };
            cancel_open(Decision::event(context.stream, terminated), plan, None, context)?
        }
        Command::Renew { plan: next, period } => renew(plan, customer, terms, *next, period, context)?,
        Command::Expire {} => expire(plan, customer, terms, context)?,
        Command::TopUp { units, reason } => top_up(plan, terms, *units, reason.as_ref(), context)?,
        Command::PlanOccurrences {} => plan_occurrences(plan, customer, terms, context),
        Command::CancelOccurrences { before } => cancel_open(Decision::already(), plan, Some(*before), context)?,
        Command::SkipOccurrence { n, reason } => skip_occurrence(plan, *n, reason, context)?,
    };
    Ok(settle(decision, command, context))
}

fn takes_supervisor(command: &Command) -> bool {
    matches!(
        command,
        Command::Activate {}
            | Command::Revise { .. }
            | Command::Terminate { .. }
            | Command::Renew { .. }
            | Command::TopUp { .. }
    )
}

/// Refuses customers everything, agents what supervisors do, and everybody what only timers do.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    let by_timer =
        matches!(command, Command::Expire {} | Command::PlanOccurrences {} | Command::CancelOccurrences { .. });
    if by_timer && context.actor.kind != ActorKind::System {
        return Err(Rejection::forbidden("a timer of Carelog itself"));
    }
    if context.actor.kind == ActorKind::Customer {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    if takes_supervisor(command) { context.require_role(Role::Supervisor) } else { Ok(()) }
}

/// What remains possible when the customer was erased: it ends the plan and what was planned.
fn winds_up(command: &Command) -> bool {
    matches!(
        command,
        Command::Suspend { .. }
            | Command::Terminate { .. }
            | Command::Expire {}
            | Command::SkipOccurrence { .. }
            | Command::CancelOccurrences { .. }
    )
}

fn draft(customer: CustomerId, terms: &Terms<SlaPolicyId>, context: &Context<'_>) -> Result<Decision, Rejection> {
    context.require_new()?;
    if context.actor.kind == ActorKind::Customer {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    live_customer(context.loaded, "/data/customer", customer)?;
    let terms = terms.as_of_today(context.loaded)?;
    check(&ServicePlan::default(), &terms, "/data/terms", "/data/terms/period")?;
    Ok(Decision::event(context.stream, Event::ServicePlanDrafted { customer, terms, renews: None }))
}

fn revise(plan: &ServicePlan, terms: &Terms<SlaPolicyId>, context: &Context<'_>) -> Result<Decision, Rejection> {
    let terms = terms.as_of_today(context.loaded)?;
    let Some(revision) = plan.revisions.next(&terms)? else { return Ok(Decision::already()) };
    check(plan, &terms, "/data/terms", "/data/terms/period")?;
    Ok(Decision::event(context.stream, Event::ServicePlanRevised { revision, terms }))
}

/// The plan that follows for another period: the same terms, nothing used.
fn following(terms: &Terms, period: &Period) -> Result<Terms, Rejection> {
    let terms = Terms { period: period.clone(), ..terms.clone() };
    check(&ServicePlan::default(), &terms, "/data/terms", "/data/period")?;
    Ok(terms)
}

/// Adds to `decision` that a plan is followed by another one with those terms.
fn followed(
    decision: Decision,
    customer: CustomerId,
    next: ServicePlanId,
    terms: Terms,
    context: &Context<'_>,
) -> Decision {
    let renews = Some(ServicePlanId(context.stream.id));
    let customer = customer::survivor(context.loaded, customer);
    decision
        .and(context.stream, Event::ServicePlanRenewed { plan: next })
        .and(next.stream(), Event::ServicePlanDrafted { customer, terms, renews })
        .and(next.stream(), Event::ServicePlanActivated { plans_from: context.now })
}

fn renew(
    plan: &ServicePlan,
    customer: CustomerId,
    terms: &Terms,
    next: ServicePlanId,
    period: &Period,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if let Some(follower) = plan.renewed_by {
        return if follower == next {
            Ok(Decision::already())
        } else {
            Err(Rejection::already_exists(follower.stream()))
        };
    }
    if context.loaded.get::<ServicePlan>(next.stream()).is_some() {
        return Err(Rejection::already_exists(next.stream()));
    }
    let terms = following(terms, period)?;
    Ok(followed(Decision::already(), customer, next, terms, context))
}

/// Whether another plan follows it by itself when its period is over.
fn renews_itself(plan: &ServicePlan) -> bool {
    let agreed = plan.terms().is_some_and(|terms| terms.auto_renew);
    agreed && plan.status == Status::Active && plan.renewed_by.is_none()
}

/// Ends the plan, unless its period goes on. A plan that cannot follow (its rule ends, its period would be over as well,
/// the customer was erased) does not.
fn expire(
    plan: &ServicePlan,
    customer: CustomerId,
    terms: &Terms,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if context.now < terms.period.end {
        return Ok(Decision::already());
    }
    let expired = Decision::event(context.stream, Event::ServicePlanExpired {});
    let expired = cancel_open(expired, plan, None, context)?;
    let next = renewal_id(ServicePlanId(context.stream.id));
    let is_free = context.loaded.get::<ServicePlan>(next.stream()).is_none();
    if !renews_itself(plan) || !is_free || customer::refuse_erased(customer, context.loaded).is_err() {
        return Ok(expired);
    }
    let period = terms.period.following().filter(|period| period.end > context.now);
    match period.and_then(|period| following(terms, &period).ok()) {
        Some(terms) => Ok(followed(expired, customer, next, terms, context)),
        None => Ok(expired),
    }
}

fn top_up(
    plan: &ServicePlan,
    terms: &Terms,
    units: Units,
    reason: Option<&Reason>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let Some(total) = terms.allocation.total else {
        return Err(Rejection::validation("/data/units", "the units of the plan are unlimited"));
    };
    let total = total.get().saturating_add(plan.added).saturating_add(units.get());
    if total > UNITS_MAX {
        return Err(Rejection::limit_exceeded("units of a plan", u64::from(UNITS_MAX)));
    }
    Ok(Decision::event(context.stream, Event::EntitlementToppedUp { units, total, reason: reason.cloned() }))
}
