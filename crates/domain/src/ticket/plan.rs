//! The service plan under which a ticket is worked on, and the units that it takes of it.
//!
//! Whether a ticket takes units follows from where it stands, by the terms of the plan's revision under which it was put:
//! they are taken once, and given back when it is cancelled or leaves the plan.

use super::event::Event;
use super::fields::{Channel, Priority, Status};
use super::sla::{self, Asked};
use super::standing::Standing;
use super::state::{Matter, Ticket};
use crate::agent::Role;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{CustomerId, ServicePlanId, StreamId};
use crate::rejection::Rejection;
use crate::revisions::RevisionOf;
use crate::service_plan::{self, ConsumeOn, Consumer, ConsumerKind, HOUR_S, Product, ServicePlan, Unit, Units};

/// Where a command names the product.
const PRODUCT: &str = "/data/product";

/// The policy by which tickets under a plan are served, if it names one.
pub(super) fn policy(plan: ServicePlanId, loaded: &Loaded) -> Option<Asked> {
    let RevisionOf { id, revision } = loaded.get::<ServicePlan>(plan.stream())?.terms()?.sla_policy?;
    Some(Asked { id, revision: Some(revision) })
}

/// What [`put_under`] reads, and what clocks that begin by the plan are counted by.
pub(super) fn reads(plan: ServicePlanId, loaded: &Loaded) -> Vec<StreamId> {
    let settings = policy(plan, loaded).map(|asked| sla::asked_reads(asked, loaded)).unwrap_or_default();
    service_plan::owned_reads(loaded, plan).into_iter().chain(settings).collect()
}

/// The event with which a matter is put under a plan.
pub(super) fn put_under(
    plan: ServicePlanId,
    customer: CustomerId,
    (channel, priority): (Channel, Priority),
    product: Option<&Product>,
    context: &Context<'_>,
) -> Result<Event, Rejection> {
    let matter = service_plan::Matter { channel, priority, product };
    let found = service_plan::covered(context.loaded, "/data/plan", plan, customer, matter, context.occurred_at)?;
    let plan = RevisionOf { id: plan, revision: found.revisions.latest() };
    Ok(Event::TicketPlanChanged { plan: Some(plan), product: product.cloned() })
}

/// The refusal of a product that nothing covers: it would be forgotten in silence.
pub(super) fn no_product_without_plan() -> Rejection {
    Rejection::validation(PRODUCT, "a product is covered by a plan, and none is named")
}

/// Puts a ticket under another plan, or under none. Its clocks are given the targets of the plan's policy.
pub(super) fn change(
    ticket: &Ticket,
    matter: &Matter,
    plan: Option<ServicePlanId>,
    product: Option<&Product>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if plan.is_none() && product.is_some() {
        return Err(no_product_without_plan());
    }
    if ticket.plan.map(|plan| plan.id) == plan {
        return match product {
            Some(product) if ticket.product.as_ref() != Some(product) => {
                Err(Rejection::validation(PRODUCT, "it is under this plan already, for another product or none"))
            }
            Some(_) | None => Ok(Decision::already()),
        };
    }
    if ticket.plan.is_some() {
        context.require_role(Role::Supervisor)?;
    }
    let Some(plan) = plan else {
        return Ok(Decision::event(context.stream, Event::TicketPlanChanged { plan: None, product: None }));
    };
    let put = put_under(plan, matter.customer, (matter.channel, matter.priority), product, context)?;
    let mut decision = Decision::event(context.stream, put);
    if let Some(asked) = policy(plan, context.loaded) {
        decision.events.extend(sla::attach(ticket, matter, asked, None, context)?.events);
    }
    Ok(decision)
}

/// What a ticket takes of a plan that it is under, where it stands so.
fn units(terms: &service_plan::Terms, standing: &Standing, time_spent_s: u64) -> Option<Units> {
    let is_due = match terms.allocation.consume_on {
        ConsumeOn::Open => true,
        ConsumeOn::Resolve => standing.was_resolved,
        ConsumeOn::Complete => false,
    };
    let units = match terms.allocation.unit {
        Unit::Cases | Unit::Unlimited => 1,
        Unit::Hours => u32::try_from(time_spent_s.div_ceil(HOUR_S)).unwrap_or(u32::MAX),
        Unit::Visits => 0,
    };
    Units::try_from(units).ok().filter(|_| is_due && standing.status != Status::Cancelled)
}

/// Where a ticket stands in a decision, as far as its plan is concerned.
pub(super) struct Taking<'a> {
    pub(super) before: Option<RevisionOf<ServicePlanId>>,
    pub(super) after: Option<RevisionOf<ServicePlanId>>,
    pub(super) standing: &'a Standing,
    pub(super) time_spent_s: u64,
}

/// The events with which a ticket takes units of its plan or gives them back, each on the plan's stream.
///
/// # Errors
/// `allocation_exhausted`, `limit_exceeded`.
pub(super) fn follow(
    taking: &Taking<'_>,
    ticket: StreamId,
    loaded: &Loaded,
) -> Result<Vec<(StreamId, service_plan::Event)>, Rejection> {
    let by = Consumer { kind: ConsumerKind::Ticket, id: ticket.id };
    let mut events = Vec::new();
    let is_cancelled = taking.standing.status == Status::Cancelled;
    let stays = |plan: &ServicePlanId| !is_cancelled && taking.after.is_some_and(|after| after.id == *plan);
    if let Some(left) = taking.before.map(|before| before.id).filter(|plan| !stays(plan)) {
        let released = loaded.get::<ServicePlan>(left.stream()).and_then(|plan| service_plan::release(plan, by));
        events.extend(released.map(|event| (left.stream(), event)));
    }
    if let Some(RevisionOf { id, revision }) = taking.after
        && let Some(plan) = loaded.get::<ServicePlan>(id.stream())
        && let Some(terms) = plan.revisions.get(revision)
        && let Some(units) = units(terms, taking.standing, taking.time_spent_s)
    {
        events.extend(service_plan::consume(plan, by, units)?.map(|event| (id.stream(), event)));
    }
    Ok(events)
}
