//! By which rules commands become events: first who may, then whether the state allows it, then the rules of the command.

use super::command::Command;
use super::event::Event;
use super::fields::{Sender, Status};
use super::state::{Inquiry, Matter};
use super::{convert, own_subject};
use crate::customer;
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::ActorKind;
use crate::ids::{AgentId, CustomerId, InquiryId, StreamId, TeamId};
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};
use crate::ticket::{self, Body};

/// The most messages of an inquiry beside its body.
pub const MESSAGES_MAX: usize = 1_000;
/// The most inquiries that are identified as one customer, so that all of them can be erased in one append.
pub const IDENTIFIED_MAX: u32 = 1_000;

/// The claim of the inquiries that were identified as a customer: each of them holds one share, so that the erasure of
/// the customer finds them.
#[must_use]
pub fn identified_claim(customer: CustomerId) -> ClaimKey {
    ClaimKey::new("customer.identified", customer.to_string())
}

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: InquiryId, command: &Command, loaded: &Loaded) -> Vec<StreamId> {
    if let Command::Receive { from, team, .. } = command {
        let chain = match from {
            Sender::Customer(customer) => customer::chain(loaded, *customer),
            Sender::Anonymous(_) => Vec::new(),
        };
        return chain.into_iter().chain(team.map(TeamId::stream)).collect();
    }
    let Some(inquiry) = loaded.get::<Inquiry>(id.stream()) else { return Vec::new() };
    let further = match command {
        Command::Identify { customer } => customer::chain(loaded, *customer),
        Command::Assign { team, agent } => {
            std::iter::once(agent.stream()).chain(team.or(inquiry.team).map(TeamId::stream)).collect()
        }
        Command::Convert { ticket, team, sla_policy, plan, .. } => {
            convert::reads(inquiry, *ticket, *team, *sla_policy, *plan, loaded)
        }
        Command::Receive { .. }
        | Command::Answer { .. }
        | Command::ReceiveCustomerReply { .. }
        | Command::Close { .. }
        | Command::Reopen { .. }
        | Command::MarkSpam {} => Vec::new(),
    };
    inquiry.customer.map(|customer| customer::chain(loaded, customer)).into_iter().flatten().chain(further).collect()
}

/// The claims that the decision looks at.
pub(super) fn claims(command: &Command) -> Vec<ClaimQuery> {
    match command {
        Command::Identify { customer } => vec![ClaimQuery { key: identified_claim(*customer), range: None }],
        Command::Receive { .. }
        | Command::Assign { .. }
        | Command::Answer { .. }
        | Command::ReceiveCustomerReply { .. }
        | Command::Convert { .. }
        | Command::Close { .. }
        | Command::Reopen { .. }
        | Command::MarkSpam {} => Vec::new(),
    }
}

pub(super) fn decide(inquiry: &Inquiry, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    if matches!(command, Command::Receive { .. }) {
        return receive(command, context);
    }
    let Some(matter) = &inquiry.matter else { return Err(Rejection::not_found(context.stream)) };
    check_actor(command, context)?;
    if let Some(customer) = inquiry.customer.filter(|_| !winds_up(command)) {
        customer::refuse_erased(customer, context.loaded)?;
    }
    if !inquiry.status.allowed().contains(&command.name()) {
        return Err(refusal(inquiry, command));
    }
    follow_rules(inquiry, matter, command, context)
}

/// The refusal of a command that the state does not allow; a converted inquiry names its ticket.
fn refusal(inquiry: &Inquiry, command: &Command) -> Rejection {
    let status = inquiry.status;
    let refused = Rejection::invalid_transition(status.name(), command.name(), status.allowed());
    match inquiry.ticket {
        Some(ticket) => refused.with("ticket", ticket.to_string()),
        None => refused,
    }
}

/// Refuses customers what only the desk does.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    let for_customers = matches!(
        command,
        Command::Receive { .. } | Command::ReceiveCustomerReply { .. } | Command::Close { .. } | Command::Reopen { .. }
    );
    if context.actor.kind == ActorKind::Customer && !for_customers {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    Ok(())
}

/// What remains possible when the customer was erased: it stores nothing personal.
const fn winds_up(command: &Command) -> bool {
    matches!(command, Command::Close { .. } | Command::MarkSpam {})
}

fn follow_rules(
    inquiry: &Inquiry,
    matter: &Matter,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    match command {
        Command::Receive { .. } => Ok(Decision::already()),
        Command::Identify { customer } => identify(inquiry, *customer, context),
        Command::Assign { team, agent } => assign(inquiry, *team, *agent, context),
        Command::Answer { body, awaits_customer } => answer(inquiry, body, *awaits_customer, context),
        Command::ReceiveCustomerReply { body } => receive_customer_reply(inquiry, body, context),
        Command::Convert { .. } => convert::convert(inquiry, matter, command, context),
        Command::Close { outcome } => Ok(Decision::event(context.stream, Event::InquiryClosed { outcome: *outcome })),
        Command::Reopen { reason } => {
            let reopened = Event::InquiryReopened { reason: reason.clone(), status: inquiry.at_work() };
            Ok(Decision::event(context.stream, reopened))
        }
        Command::MarkSpam {} => Ok(Decision::event(context.stream, Event::InquiryMarkedSpam {})),
    }
}

fn receive(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Receive { from, channel, subject, body, language, product_ref, priority, team } = command else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    let own = own_subject(InquiryId(context.stream.id));
    let (customer, anonymous, owner) = match from {
        Sender::Customer(customer) => {
            customer::live_customer(context.loaded, "/data/from/customer", *customer)?;
            (Some(*customer), None, customer.0)
        }
        Sender::Anonymous(anonymous) if anonymous.is_empty() => {
            return Err(Rejection::validation("/data/from/anonymous", "at least one of name, phone and email"));
        }
        Sender::Anonymous(anonymous) => (None, Some(Personal::new(own, anonymous.clone())), own),
    };
    ticket::check_team(*team, context.loaded)?;
    let received = Event::InquiryReceived {
        customer,
        anonymous,
        channel: *channel,
        subject: Personal::new(owner, subject.clone()),
        body: Personal::new(owner, body.clone()),
        language: language.clone(),
        product_ref: product_ref.clone(),
        priority: *priority,
        team: *team,
    };
    Ok(Decision::event(context.stream, received))
}

fn identify(inquiry: &Inquiry, customer: CustomerId, context: &Context<'_>) -> Result<Decision, Rejection> {
    if inquiry.customer == Some(customer) {
        return Ok(Decision::already());
    }
    customer::live_customer(context.loaded, "/data/customer", customer)?;
    if let Some(known) = inquiry.customer {
        return if customer::survivor(context.loaded, known) == customer {
            Ok(Decision::already())
        } else {
            let detail = format!("the inquiry belongs to the customer {known}, not to {customer}");
            Err(Rejection::new(Code::CustomerMismatch, detail).with("customer", known.to_string()))
        };
    }
    let key = identified_claim(customer);
    if context.loaded.others(&key, context.stream).count() >= IDENTIFIED_MAX as usize {
        return Err(Rejection::limit_exceeded("inquiries identified as one customer", IDENTIFIED_MAX.into()));
    }
    let kind = ClaimKind::Counted { weight: 1, limit: IDENTIFIED_MAX };
    Ok(Decision::event(context.stream, Event::InquiryIdentified { customer }).claim(ClaimChange::Take {
        key,
        holder: context.stream,
        kind,
    }))
}

fn assign(inquiry: &Inquiry, team: Option<TeamId>, to: AgentId, context: &Context<'_>) -> Result<Decision, Rejection> {
    ticket::check_team(team, context.loaded)?;
    let (from, team) = (inquiry.assignee, team.or(inquiry.team));
    if from == Some(to) && team == inquiry.team {
        return Ok(Decision::already());
    }
    ticket::eligible(to, team, context.loaded)?;
    let status = if inquiry.status == Status::Received { Status::Assigned } else { inquiry.status };
    Ok(Decision::event(context.stream, Event::InquiryAssigned { team, from, to, status }))
}

fn answer(inquiry: &Inquiry, body: &Body, awaits_customer: bool, context: &Context<'_>) -> Result<Decision, Rejection> {
    room(inquiry)?;
    let answered = Event::InquiryAnswered {
        message_id: context.command_id,
        body: written(inquiry, body, context),
        first: context.actor.kind == ActorKind::Agent && !inquiry.is_answered,
        by: context.actor.agent(),
        status: if awaits_customer { Status::AwaitingCustomer } else { Status::Answered },
    };
    Ok(Decision::event(context.stream, answered))
}

fn receive_customer_reply(inquiry: &Inquiry, body: &Body, context: &Context<'_>) -> Result<Decision, Rejection> {
    room(inquiry)?;
    let is_closed = inquiry.status == Status::Closed;
    let replied = Decision::event(
        context.stream,
        Event::InquiryCustomerReplied {
            message_id: context.command_id,
            body: written(inquiry, body, context),
            status: if is_closed { Status::Closed } else { inquiry.at_work() },
        },
    );
    Ok(match is_closed {
        true => replied.and(context.stream, Event::InquiryReopened { reason: None, status: inquiry.at_work() }),
        false => replied,
    })
}

/// Refuses a message more than an inquiry may have.
fn room(inquiry: &Inquiry) -> Result<(), Rejection> {
    if inquiry.messages < MESSAGES_MAX {
        Ok(())
    } else {
        Err(Rejection::limit_exceeded("messages of an inquiry", MESSAGES_MAX as u64))
    }
}

/// What is written on an inquiry belongs to its customer or, while that is unknown, to its own subject.
fn written(inquiry: &Inquiry, body: &Body, context: &Context<'_>) -> Personal<Body> {
    let own = || own_subject(InquiryId(context.stream.id));
    Personal::new(inquiry.customer.map_or_else(own, |customer| customer.0), body.clone())
}
