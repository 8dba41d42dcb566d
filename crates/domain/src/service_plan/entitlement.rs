//! What a plan entitles to: for the decisions of whatever is served by it.

use chrono::{DateTime, Utc};

use super::event::Event;
use super::fields::{Consumer, Product, Status, Terms, Units};
use super::state::ServicePlan;
use crate::customer;
use crate::decider::Loaded;
use crate::ids::{CustomerId, ServicePlanId, StreamId};
use crate::rejection::{Code, Rejection};
use crate::ticket::{Channel, Priority};

/// The most consumers of a plan.
pub const CONSUMERS_MAX: usize = 10_000;

/// What is to be served.
#[derive(Clone, Copy, Debug)]
pub struct Matter<'a> {
    /// How it came in.
    pub channel: Channel,
    /// How important it is.
    pub priority: Priority,
    /// What it is about, if that is known.
    pub product: Option<&'a Product>,
}

/// What [`of_customer`] reads of a plan: its stream and, once that is loaded, the chain of its customer.
#[must_use]
pub fn owned_reads(loaded: &Loaded, plan: ServicePlanId) -> Vec<StreamId> {
    let customer = loaded.get::<ServicePlan>(plan.stream()).and_then(|plan| plan.customer);
    let chain = customer.map(|customer| customer::chain(loaded, customer)).unwrap_or_default();
    std::iter::once(plan.stream()).chain(chain).collect()
}

/// A customer's plan. What [`owned_reads`] names must be among the reads, and so must the customer's chain.
///
/// # Errors
/// `reference_missing` or `customer_mismatch`, at `pointer`.
pub fn of_customer<'a>(
    loaded: &'a Loaded,
    pointer: &str,
    id: ServicePlanId,
    customer: CustomerId,
) -> Result<&'a ServicePlan, Rejection> {
    let plan =
        loaded.get::<ServicePlan>(id.stream()).ok_or_else(|| Rejection::reference_missing(pointer, id.stream()))?;
    if plan.customer.is_some_and(|owner| customer::are_one(loaded, owner, customer)) {
        Ok(plan)
    } else {
        Err(Rejection::customer_mismatch(pointer, id.stream()))
    }
}

/// The plan that is in force for a customer at some time. What [`owned_reads`] names must be among the reads, and so
/// must the customer's chain.
///
/// # Errors
/// Those of [`of_customer`], or `plan_not_active`.
pub fn in_force<'a>(
    loaded: &'a Loaded,
    pointer: &str,
    plan: ServicePlanId,
    customer: CustomerId,
    at: DateTime<Utc>,
) -> Result<&'a ServicePlan, Rejection> {
    let found = of_customer(loaded, pointer, plan, customer)?;
    let terms = found.terms().ok_or_else(|| Rejection::reference_missing(pointer, plan.stream()))?;
    if found.status != Status::Active || !terms.period.contains(at) {
        let (status, period) = (found.status.name(), &terms.period);
        let detail = format!("the plan is {status}, from {} until {}", period.start, period.end);
        return Err(Rejection::new(Code::PlanNotActive, detail).with("status", status));
    }
    Ok(found)
}

/// The plan by which a customer's matter is served at some time. What [`owned_reads`] names must be among the reads,
/// and so must the customer's chain.
///
/// # Errors
/// Those of [`in_force`], or `not_covered` with what is not.
pub fn covered<'a>(
    loaded: &'a Loaded,
    pointer: &str,
    plan: ServicePlanId,
    customer: CustomerId,
    matter: Matter<'_>,
    at: DateTime<Utc>,
) -> Result<&'a ServicePlan, Rejection> {
    let found = in_force(loaded, pointer, plan, customer, at)?;
    let Some(Terms { covered, .. }) = found.terms() else { return Ok(found) };
    let has_product = matter.product.is_some_and(|product| covered.products.contains(product));
    for (what, is_covered) in [
        ("channel", covered.channels.is_empty() || covered.channels.contains(&matter.channel)),
        ("priority", covered.priorities.is_empty() || covered.priorities.contains(&matter.priority)),
        ("product", covered.products.is_empty() || has_product),
    ] {
        if !is_covered {
            return Err(Rejection::new(Code::NotCovered, format!("the plan does not cover this {what}"))
                .with("not_covered", what));
        }
    }
    Ok(found)
}

/// The event with which somebody takes units of a plan, on the plan's stream; `None` if that was done. Whether the plan is
/// in force is asked by [`covered`], not here: what was begun under it may end later.
///
/// # Errors
/// `allocation_exhausted` with what is left, or `limit_exceeded`.
pub fn consume(plan: &ServicePlan, by: Consumer, units: Units) -> Result<Option<Event>, Rejection> {
    if plan.consumers.contains_key(&by) {
        return Ok(None);
    }
    if plan.consumers.len() >= CONSUMERS_MAX {
        return Err(Rejection::limit_exceeded("consumers of a plan", CONSUMERS_MAX as u64));
    }
    let before = plan.remaining();
    let remaining = before.map(|left| left - i64::from(units.get()));
    let overage = remaining.is_some_and(|left| left < 0);
    if overage && !plan.terms().is_some_and(|terms| terms.allocation.overage) {
        let left = before.unwrap_or_default();
        let detail = format!("{} units are asked for, {left} are left", units.get());
        return Err(Rejection::new(Code::AllocationExhausted, detail).with("remaining", left));
    }
    Ok(Some(Event::EntitlementConsumed { by, units, remaining, overage }))
}

/// The event with which somebody gives units back, on the plan's stream; `None` if there is nothing to give back.
#[must_use]
pub fn release(plan: &ServicePlan, by: Consumer) -> Option<Event> {
    let units = *plan.consumers.get(&by)?;
    let remaining = plan.remaining().map(|left| left + i64::from(units.get()));
    Some(Event::EntitlementReleased { by, units, remaining })
}
