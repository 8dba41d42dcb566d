//! New service executions: planned by somebody, or following one that could not be completed.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::command::Command;
use super::event::Event;
use super::fields::{Item, Window};
use super::state::Order;
use crate::agent::SKILLS_MAX;
use crate::customer::live_customer;
use crate::decider::{Context, Decision};
use crate::ids::{CustomerId, ServiceExecutionId, ServicePlanId};
use crate::personal::Personal;
use crate::rejection::Rejection;
use crate::revisions::RevisionOf;
use crate::{service_plan, ticket};

/// The most items of a checklist.
pub const CHECKLIST_MAX: usize = 100;

/// Plans a new one; any other command changes nothing.
pub(super) fn plan(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Plan { name, content, customer, ticket, plan, site, window, skills, checklist } = command else {
        return Ok(Decision::already());
    };
    live_customer(context.loaded, "/data/customer", *customer)?;
    if let Some(ticket) = ticket {
        ticket::of_customer(context.loaded, "/data/ticket", *ticket, *customer)?;
    }
    let plan = match plan {
        Some(plan) => {
            let at = context.occurred_at;
            let found = service_plan::in_force(context.loaded, "/data/plan", *plan, *customer, at)?;
            Some(RevisionOf { id: *plan, revision: found.revisions.latest() })
        }
        None => None,
    };
    window.check()?;
    if skills.len() > SKILLS_MAX {
        return Err(Rejection::limit_exceeded("skills of a service execution", SKILLS_MAX as u64));
    }
    check_items("/data/checklist", checklist)?;
    let planned = Event::ServiceExecutionPlanned {
        name: name.clone(),
        content: content.clone(),
        customer: *customer,
        ticket: *ticket,
        plan,
        occurrence: None,
        site: site.clone().map(|site| Personal::new(customer.0, site)),
        window: *window,
        skills: skills.clone(),
        checklist: checklist.clone(),
        follow_up_of: None,
    };
    Ok(Decision::event(context.stream, planned))
}

/// Refuses a checklist that is too long, or two items of which have the same id. `pointer` leads to it.
///
/// # Errors
/// `limit_exceeded`, `validation`.
pub(crate) fn check_items(pointer: &str, checklist: &[Item]) -> Result<(), Rejection> {
    if checklist.len() > CHECKLIST_MAX {
        return Err(Rejection::limit_exceeded("items of a checklist", CHECKLIST_MAX as u64));
    }
    let mut ids = BTreeSet::new();
    match checklist.iter().position(|item| !ids.insert(&item.id)) {
        Some(at) => {
            Err(Rejection::validation(format!("{pointer}/{at}/id"), "another item of the checklist has this id"))
        }
        None => Ok(()),
    }
}

/// The planning of an occurrence of a service plan.
pub(crate) fn planned_by(
    plan: RevisionOf<ServicePlanId>,
    occurrence: u32,
    customer: CustomerId,
    terms: &service_plan::Terms,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
) -> Event {
    Event::ServiceExecutionPlanned {
        name: terms.name.clone(),
        content: None,
        customer,
        ticket: None,
        plan: Some(plan),
        occurrence: Some(occurrence),
        site: None,
        window: Window { earliest, latest },
        skills: BTreeSet::new(),
        checklist: terms.checklist.clone(),
        follow_up_of: None,
    }
}

/// The plan of one that follows another. Its window is as long, and begins when the other one ended.
pub(super) fn planned_after(order: &Order, follow_up_of: ServiceExecutionId, at: DateTime<Utc>) -> Event {
    Event::ServiceExecutionPlanned {
        name: order.name.clone(),
        content: order.content.clone(),
        customer: order.customer,
        ticket: order.ticket,
        plan: order.plan,
        occurrence: None,
        site: order.site.clone(),
        window: order.window.moved_to(at),
        skills: order.skills.clone(),
        checklist: order.checklist.clone(),
        follow_up_of: Some(follow_up_of),
    }
}
