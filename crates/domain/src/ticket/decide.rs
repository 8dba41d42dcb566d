//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use super::command::Command;
use super::event::Event;
use super::fields::{CategoryPath, EscalationLevel, Impact, LoggedSeconds, Priority, Reason, TicketType, Urgency};
use super::settle::settle;
use super::state::{Matter, Ticket};
use super::transitions::{Cell, cell, not_possible};
use super::{assign, links, merge, messages, open, plan, reopen, resolve, sla, wait};
use crate::agent::Agent;
use crate::customer;
use crate::decider::{Context, Decision};
use crate::envelope::ActorKind;
use crate::ids::{AgentId, TicketId};
use crate::rejection::Rejection;

/// The most agents who follow a ticket.
pub const WATCHERS_MAX: usize = 50;

pub(super) fn decide(ticket: &Ticket, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    if matches!(command, Command::Open { .. }) {
        return open::open(command, context);
    }
    let Some(matter) = &ticket.matter else { return Err(Rejection::not_found(context.stream)) };
    check_actor(command, context)?;
    if !winds_up(command) {
        customer::refuse_erased(matter.customer, context.loaded)?;
    }
    if cell(command.name(), ticket.status()) == Cell::Refused {
        return Err(refusal(ticket, command));
    }
    let fired = if let Command::NoticeSla { clock } = command { Some(*clock) } else { None };
    settle(follow_rules(ticket, matter, command, context)?, None, fired, context)
}

/// The refusal of a command that the state does not allow; a merged ticket names its survivor.
fn refusal(ticket: &Ticket, command: &Command) -> Rejection {
    let refused = not_possible(command.name(), ticket.status());
    match ticket.links.merged_into {
        Some(survivor) => {
            let mut merged = Rejection::merged_into(survivor.0);
            merged.facts.extend(refused.facts);
            merged
        }
        None => refused,
    }
}

/// Refuses customers what only the desk does, and everybody what only timers do.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    let by_timer = matches!(
        command,
        Command::Close { auto: true } | Command::Resume { wake_up: true } | Command::NoticeSla { .. }
    );
    if by_timer && context.actor.kind != ActorKind::System {
        return Err(Rejection::forbidden("a timer of Carelog itself"));
    }
    let for_customers = matches!(
        command,
        Command::Open { .. }
            | Command::ReceiveCustomerReply { .. }
            | Command::RejectResolution { .. }
            | Command::Reopen { .. }
            | Command::Close { .. }
            | Command::Cancel { .. }
    );
    if context.actor.kind == ActorKind::Customer && !for_customers {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    Ok(())
}

/// What remains possible when the customer was erased, so that no agent's capacity stays taken: it stores nothing
/// personal.
fn winds_up(command: &Command) -> bool {
    matches!(command, Command::Unassign {} | Command::Close { .. } | Command::Cancel { .. } | Command::NoticeSla { .. })
}

fn follow_rules(
    ticket: &Ticket,
    matter: &Matter,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let id = TicketId(context.stream.id);
    match command {
        Command::Open { .. } => Ok(Decision::already()),
        Command::Classify { ticket_type, category } => Ok(classify(matter, *ticket_type, category.as_ref(), context)),
        Command::ChangePriority { impact, urgency, priority, reason } => {
            let (impact, urgency) = (impact.unwrap_or(matter.impact), urgency.unwrap_or(matter.urgency));
            prioritize(matter, impact, urgency, *priority, reason.as_ref(), context)
        }
        Command::Route { team } => assign::route(ticket, *team, context),
        Command::Assign { team, agent, overridden } => assign::assign(ticket, *team, *agent, *overridden, context),
        Command::Unassign {} => Ok(assign::unassign(ticket, context)),
        Command::Reply { body, public } => messages::reply(ticket, matter, body, *public, context),
        Command::ReceiveCustomerReply { body } => messages::receive(id, matter, body, context),
        Command::AddNote { body } => messages::add_note(ticket, matter, body, context),
        Command::AwaitCustomer { reason, until } => wait::await_customer(ticket, reason, *until, context),
        Command::Hold { reason } => Ok(wait::hold(ticket, reason, context)),
        Command::Resume { wake_up } => Ok(wait::resume(ticket, *wake_up, context)),
        Command::Escalate { level, cause } => escalate(ticket, *level, cause, context),
        Command::Deescalate { level } => deescalate(ticket, *level, context),
        Command::Block { blocked_by } => links::block(ticket, id, *blocked_by, context),
        Command::Unblock { blocked_by } => Ok(links::unblock(ticket, id, *blocked_by)),
        Command::SetParent { parent } => links::set_parent(ticket, id, *parent, context),
        Command::UnsetParent {} => Ok(links::unset_parent(ticket, id)),
        Command::Relate { ticket: to } => links::relate(ticket, id, *to, context),
        Command::Unrelate { ticket: to } => Ok(links::unrelate(ticket, id, *to)),
        Command::MarkDuplicateOf { ticket: of } => links::mark_duplicate_of(ticket, id, *of, context),
        Command::UnmarkDuplicateOf {} => Ok(links::unmark_duplicate_of(ticket, id)),
        Command::Split { ticket: split, messages, subject } => {
            open::split(ticket, matter, *split, messages, subject, context)
        }
        Command::Merge { loser, overridden } => merge::merge(ticket, matter, *loser, *overridden, context),
        Command::Unmerge { loser } => merge::unmerge(ticket, *loser, context),
        Command::Resolve { code, text, root_cause, articles } => {
            let (text, root_cause) = (text.as_ref(), root_cause.as_ref());
            resolve::resolve(ticket, matter, *code, text, root_cause, articles, context)
        }
        Command::RejectResolution { reason } => reopen::reject_resolution(ticket, matter, reason.as_ref(), context),
        Command::Reopen { reason } => reopen::reopen(ticket, reason.as_ref(), context),
        Command::Close { auto } => Ok(resolve::close(ticket, *auto, context)),
        Command::Cancel { reason } => {
            Ok(Decision::event(context.stream, Event::TicketCancelled { reason: reason.clone() }))
        }
        Command::Restore {} => Ok(reopen::restore(ticket, context)),
        Command::LogTime { seconds } => Ok(log_time(*seconds, context)),
        Command::AddWatcher { agent } => add_watcher(ticket, *agent, context),
        Command::RemoveWatcher { agent } if !ticket.watchers.contains(agent) => Ok(Decision::already()),
        Command::RemoveWatcher { agent } => {
            Ok(Decision::event(context.stream, Event::TicketWatcherRemoved { agent: *agent }))
        }
        Command::Tag { tag } if ticket.tags.contains(tag) => Ok(Decision::already()),
        Command::Tag { tag } => {
            open::check_tags(ticket.tags.len() + 1)?;
            Ok(Decision::event(context.stream, Event::TicketTagged { tag: tag.clone() }))
        }
        Command::Untag { tag } if !ticket.tags.contains(tag) => Ok(Decision::already()),
        Command::Untag { tag } => Ok(Decision::event(context.stream, Event::TicketUntagged { tag: tag.clone() })),
        Command::AttachSla { policy, mode } => sla::attach(ticket, matter, sla::Asked::latest(*policy), *mode, context),
        Command::ChangePlan { plan, product } => plan::change(ticket, matter, *plan, product.as_ref(), context),
        Command::NoticeSla { clock } => sla::notice(ticket, matter, *clock, context),
    }
}

fn classify(
    matter: &Matter,
    ticket_type: Option<TicketType>,
    category: Option<&CategoryPath>,
    context: &Context<'_>,
) -> Decision {
    let ticket_type = ticket_type.unwrap_or(matter.ticket_type);
    let category = category.unwrap_or(&matter.category);
    if ticket_type == matter.ticket_type && *category == matter.category {
        return Decision::already();
    }
    Decision::event(context.stream, Event::TicketClassified { ticket_type, category: category.clone() })
}

fn prioritize(
    matter: &Matter,
    impact: Impact,
    urgency: Urgency,
    priority: Option<Priority>,
    reason: Option<&Reason>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let by_matrix = Priority::of(impact, urgency);
    let to = priority.unwrap_or(by_matrix);
    let overridden = to != by_matrix;
    if overridden && reason.is_none() {
        return Err(Rejection::validation("/data/reason", "another priority than the matrix gives takes a reason"));
    }
    let same_reason = reason.is_none() || reason == matter.priority_reason.as_ref();
    if (impact, urgency, to) == (matter.impact, matter.urgency, matter.priority) && same_reason {
        return Ok(Decision::already());
    }
    let (from, reason) = (matter.priority, reason.cloned());
    Ok(Decision::event(context.stream, Event::TicketPrioritized { impact, urgency, from, to, reason, overridden }))
}

fn escalate(
    ticket: &Ticket,
    level: EscalationLevel,
    cause: &Reason,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if ticket.escalation == Some(level) {
        return Ok(Decision::already());
    }
    if ticket.escalation > Some(level) {
        return Err(Rejection::validation("/data/level", "escalating raises the level"));
    }
    Ok(Decision::event(context.stream, Event::TicketEscalated { level, cause: cause.clone() }))
}

fn deescalate(ticket: &Ticket, level: Option<EscalationLevel>, context: &Context<'_>) -> Result<Decision, Rejection> {
    if ticket.escalation == level {
        return Ok(Decision::already());
    }
    if ticket.escalation < level {
        return Err(Rejection::validation("/data/level", "deescalating lowers the level"));
    }
    Ok(Decision::event(context.stream, Event::TicketDeescalated { level }))
}

fn log_time(seconds: LoggedSeconds, context: &Context<'_>) -> Decision {
    Decision::event(context.stream, Event::TimeLogged { seconds, agent: context.actor.agent() })
}

fn add_watcher(ticket: &Ticket, agent: AgentId, context: &Context<'_>) -> Result<Decision, Rejection> {
    if ticket.watchers.contains(&agent) {
        return Ok(Decision::already());
    }
    if context.loaded.get::<Agent>(agent.stream()).is_none() {
        return Err(Rejection::reference_missing("/data/agent", agent.stream()));
    }
    if ticket.watchers.len() >= WATCHERS_MAX {
        return Err(Rejection::limit_exceeded("watchers of a ticket", WATCHERS_MAX as u64));
    }
    Ok(Decision::event(context.stream, Event::TicketWatcherAdded { agent }))
}
