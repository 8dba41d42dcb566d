//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use super::booking::{self, Booking};
use super::command::Command;
use super::event::Event;
use super::state::{Order, ServiceExecution};
use super::transitions::{Cell, cell, not_possible};
use super::{end, plan, work};
use crate::customer;
use crate::decider::{Context, Decision, Loaded, actor_stream};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{AgentId, ServiceExecutionId, StreamId};
use crate::personal::Personal;
use crate::rejection::Rejection;
use crate::{service_plan, ticket};

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: ServiceExecutionId, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
    if let Command::Plan { customer, ticket, plan, .. } = command {
        let ticket = ticket.map(|ticket| ticket::owned_reads(loaded, ticket)).into_iter().flatten();
        let plan = plan.map(|plan| service_plan::owned_reads(loaded, plan)).into_iter().flatten();
        return customer::chain(loaded, *customer).into_iter().chain(ticket).chain(plan).collect();
    }
    let order = loaded.get::<ServiceExecution>(id.stream()).and_then(|execution| execution.order.as_ref());
    let Some(order) = order else { return Vec::new() };
    let mut streams = customer::chain(loaded, order.customer);
    streams.extend(booking::resources(command).map(AgentId::stream));
    if let Command::Schedule { overridden: true, .. } | Command::Reschedule { overridden: true, .. } = command {
        streams.extend(actor_stream(actor));
    }
    if matches!(command, Command::Complete { .. }) {
        streams.extend(order.plan.map(|plan| plan.id.stream()));
    }
    if let Command::Fail { follow_up: Some(follow_up), .. } = command {
        streams.push(follow_up.stream());
    }
    streams
}

pub(super) fn decide(
    execution: &ServiceExecution,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if matches!(command, Command::Plan { .. }) {
        context.require_new()?;
        check_actor(command, context)?;
        return plan::plan(command, context);
    }
    let Some(order) = &execution.order else { return Err(Rejection::not_found(context.stream)) };
    check_actor(command, context)?;
    if !winds_up(command) {
        customer::refuse_erased(order.customer, context.loaded)?;
    }
    match cell(command.name(), execution.status) {
        Cell::Refused => Err(not_possible(command.name(), execution.status)),
        Cell::Already => Ok(Decision::already()),
        Cell::Stay | Cell::To(_) => follow_rules(execution, order, command, context),
    }
}

/// Refuses customers what only the desk does.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    if context.actor.kind == ActorKind::Customer && !matches!(command, Command::SignOff { .. }) {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    Ok(())
}

/// What remains possible when the customer was erased, so that no resource stays booked: it stores nothing personal.
const fn winds_up(command: &Command) -> bool {
    matches!(
        command,
        Command::Complete { .. }
            | Command::Fail { follow_up: None, .. }
            | Command::Cancel { .. }
            | Command::RecordNoShow {}
    )
}

fn follow_rules(
    execution: &ServiceExecution,
    order: &Order,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let happened = |event: Event| Ok(Decision::event(context.stream, event));
    match command {
        Command::Plan { .. } => Ok(Decision::already()),
        Command::Schedule { start, end, resources, overridden } => {
            let booking = Booking { start: *start, end: *end, resources: resources.clone() };
            booking::schedule(order, &booking, *overridden, context)
        }
        Command::Reschedule { start, end, resources, overridden } => {
            let booking = Booking { start: *start, end: *end, resources: resources.clone() };
            booking::reschedule(execution, order, &booking, *overridden, context)
        }
        Command::Dispatch {} => happened(Event::ServiceExecutionDispatched {}),
        Command::StartTravel {} => happened(Event::TravelStarted { at: execution.course.next(context)? }),
        Command::Start {} => happened(Event::ServiceExecutionStarted { at: execution.course.next(context)? }),
        Command::Pause { reason } => work::pause(execution, reason.as_ref(), context),
        Command::Resume {} => happened(Event::ServiceExecutionResumed { at: execution.course.next(context)? }),
        Command::CompleteItem { item, result, note } => {
            work::complete_item(execution, order, item, *result, note.as_ref(), context)
        }
        Command::UsePart { sku, name, qty_milli } => work::use_part(execution, sku, name.as_ref(), *qty_milli, context),
        Command::Complete { outcome } => work::complete(execution, order, outcome, context),
        Command::SignOff { by } => {
            happened(Event::CustomerSignedOff { by: Personal::new(order.customer.0, by.clone()) })
        }
        Command::Fail { reason, follow_up } => end::fail(execution, order, reason, *follow_up, context),
        Command::Cancel { reason } => end::cancel(execution, reason.as_ref(), context),
        Command::RecordNoShow {} => end::record_no_show(execution, context),
    }
}
