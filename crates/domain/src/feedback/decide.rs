//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use uuid::Uuid;

use super::command::Command;
use super::event::{Content, Event};
use super::fields::{About, Body, Outcome, Status, Terms};
use super::state::{Feedback, Matter};
use super::survey;
use super::transitions::{Cell, cell, not_possible};
use crate::agent::Agent;
use crate::decider::{Context, Decision, Loaded};
use crate::envelope::ActorKind;
use crate::ids::{AgentId, CustomerId, FeedbackId, NeedId, StreamId, TeamId};
use crate::need::{self, Title};
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};
use crate::revisions::RevisionOf;
use crate::team::Team;
use crate::{customer, service_plan, ticket};

/// The most needs of which one piece of feedback is evidence.
pub const NEEDS_MAX: usize = 20;

/// What a command that begins something says of whom and what.
fn beginning(command: &Command) -> Option<(CustomerId, About)> {
    match command {
        Command::RequestSurvey { customer, rated: about, .. }
        | Command::FileComplaint { customer, about, .. }
        | Command::Suggest { customer, about, .. }
        | Command::Praise { customer, about, .. } => Some((*customer, *about)),
        Command::Remind {}
        | Command::Submit { .. }
        | Command::Amend { .. }
        | Command::Expire {}
        | Command::Acknowledge {}
        | Command::StartInvestigation {}
        | Command::OfferRemedy { .. }
        | Command::AcceptRemedy {}
        | Command::RejectRemedy { .. }
        | Command::Escalate { .. }
        | Command::RaiseNeed { .. }
        | Command::LinkToNeed { .. }
        | Command::Close { .. } => None,
    }
}

pub(super) fn creates(command: &Command) -> bool {
    beginning(command).is_some()
}

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: Uuid, command: &Command, loaded: &Loaded) -> Vec<StreamId> {
    if let Some((customer, about)) = beginning(command) {
        let About { ticket, agent, team, plan } = about;
        let ticket = ticket.map(|ticket| ticket::owned_reads(loaded, ticket)).into_iter().flatten();
        let plan = plan.map(|plan| service_plan::owned_reads(loaded, plan.id)).into_iter().flatten();
        let others = agent.map(AgentId::stream).into_iter().chain(team.map(TeamId::stream));
        return customer::chain(loaded, customer).into_iter().chain(ticket).chain(plan).chain(others).collect();
    }
    let matter = loaded.get::<Feedback>(FeedbackId(id).stream()).and_then(|feedback| feedback.matter.as_ref());
    let chain = matter.map(|matter| customer::chain(loaded, matter.customer)).unwrap_or_default();
    let need = match command {
        Command::RaiseNeed { need, .. } => vec![need.stream()],
        Command::LinkToNeed { need } => need::need_reads(*need, loaded),
        Command::RequestSurvey { .. }
        | Command::Remind {}
        | Command::Submit { .. }
        | Command::Amend { .. }
        | Command::Expire {}
        | Command::FileComplaint { .. }
        | Command::Acknowledge {}
        | Command::StartInvestigation {}
        | Command::OfferRemedy { .. }
        | Command::AcceptRemedy {}
        | Command::RejectRemedy { .. }
        | Command::Escalate { .. }
        | Command::Close { .. }
        | Command::Suggest { .. }
        | Command::Praise { .. } => Vec::new(),
    };
    chain.into_iter().chain(need).collect()
}

pub(super) fn decide(feedback: &Feedback, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    match &feedback.matter {
        None if creates(command) => {}
        None => return Err(Rejection::not_found(context.stream)),
        Some(_) if creates(command) => return Err(Rejection::already_exists(context.stream)),
        Some(_) => {}
    }
    check_actor(command, context)?;
    match &feedback.matter {
        None => begin(command, context),
        Some(matter) => go_on(matter, command, context),
    }
}

/// Refuses customers what only the desk does, and everybody what only timers do.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    if matches!(command, Command::Expire {}) && context.actor.kind != ActorKind::System {
        return Err(Rejection::forbidden("a timer of Carelog itself"));
    }
    let for_customers = matches!(
        command,
        Command::Submit { .. }
            | Command::Amend { .. }
            | Command::FileComplaint { .. }
            | Command::AcceptRemedy {}
            | Command::RejectRemedy { .. }
            | Command::Escalate { .. }
            | Command::Suggest { .. }
            | Command::Praise { .. }
    );
    if context.actor.kind == ActorKind::Customer && !for_customers {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    Ok(())
}

/// What remains possible when the customer was erased, so that nothing stays open for ever: it stores nothing personal.
fn winds_up(command: &Command) -> bool {
    matches!(command, Command::Expire {} | Command::Close { .. })
}

/// Whether a complaint is closed since nobody complains any more.
fn withdraws(command: &Command) -> bool {
    matches!(command, Command::Close { outcome: Outcome::Withdrawn })
}

fn begin(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Some((customer, about)) = beginning(command) else { return Ok(Decision::already()) };
    customer::live_customer(context.loaded, "/data/customer", customer)?;
    if let Command::RequestSurvey { metric, expires_after_s, amend_window_s, .. } = command {
        let terms = Terms { expires_after: *expires_after_s, amend_for: *amend_window_s };
        return survey::request(customer, *metric, about, terms, context);
    }
    check_named(about, "/data/about", customer, context.loaded)?;
    let submitted = |content: Content| Event::FeedbackSubmitted { customer, content };
    Ok(content(command, customer, about)
        .map_or_else(Decision::already, |content| Decision::event(context.stream, submitted(content))))
}

/// What a customer says unasked.
fn content(command: &Command, customer: CustomerId, about: About) -> Option<Content> {
    let personal = |body: &Body| Personal::new(customer.0, body.clone());
    if let Command::FileComplaint { severity, subject, body, channel, .. } = command {
        let (severity, channel) = (*severity, *channel);
        let subject = Personal::new(customer.0, subject.clone());
        return Some(Content::Complaint { severity, subject, body: personal(body), about, channel });
    }
    if let Command::Suggest { body, .. } = command {
        return Some(Content::Suggestion { body: personal(body), about });
    }
    if let Command::Praise { body, .. } = command {
        return Some(Content::Praise { body: personal(body), about });
    }
    None
}

/// Refuses what feedback is about, if there is no such thing or it is another customer's. `pointer` leads to it.
pub(super) fn check_named(about: About, pointer: &str, customer: CustomerId, loaded: &Loaded) -> Result<(), Rejection> {
    let About { ticket, agent, team, plan } = about;
    let missing = |name: &str, stream: StreamId| Rejection::reference_missing(&format!("{pointer}/{name}"), stream);
    if let Some(ticket) = ticket {
        ticket::of_customer(loaded, &format!("{pointer}/ticket"), ticket, customer)?;
    }
    if let Some(agent) = agent.map(AgentId::stream).filter(|stream| loaded.get::<Agent>(*stream).is_none()) {
        return Err(missing("agent", agent));
    }
    if let Some(team) = team.map(TeamId::stream).filter(|stream| loaded.get::<Team>(*stream).is_none()) {
        return Err(missing("team", team));
    }
    if let Some(RevisionOf { id, revision }) = plan {
        let plan = service_plan::of_customer(loaded, &format!("{pointer}/plan"), id, customer)?;
        plan.revisions.get(revision).ok_or_else(|| missing("plan", id.stream()))?;
    }
    Ok(())
}

fn go_on(matter: &Matter, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    if !winds_up(command) {
        customer::refuse_erased(matter.customer, context.loaded)?;
    }
    match cell(command.name(), matter.status) {
        Some(Cell::Already) => Ok(Decision::already()),
        Some(Cell::To(_) | Cell::Stay) => follow_rules(matter, command, context),
        Some(Cell::IfWithdrawn) if withdraws(command) => follow_rules(matter, command, context),
        Some(Cell::IfWithdrawn) | None => Err(refusal(command, matter.status)),
    }
}

/// The refusal of a command that the state does not allow; a second answer is told apart.
fn refusal(command: &Command, status: Status) -> Rejection {
    let refused = not_possible(command.name(), status);
    if matches!(command, Command::Submit { .. }) && matches!(status, Status::Responded | Status::Amended) {
        let mut answered =
            Rejection::new(Code::AlreadyAnswered, "a survey is answered once; the answer can be amended");
        answered.facts = refused.facts;
        return answered;
    }
    refused
}

fn follow_rules(matter: &Matter, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let refused = || refusal(command, matter.status);
    let survey = || matter.survey().ok_or_else(refused);
    let customer = matter.customer;
    let event = match command {
        Command::Remind {} => return survey::remind(survey()?, context),
        Command::Submit { score, comment } => {
            return survey::submit(customer, survey()?, *score, comment.as_ref(), context);
        }
        Command::Amend { score, comment } => {
            return survey::amend(customer, survey()?, *score, comment.as_ref(), context);
        }
        Command::Expire {} => return Ok(survey::expire(survey()?, context)),
        Command::Acknowledge {} => Event::ComplaintAcknowledged {},
        Command::StartInvestigation {} => Event::ComplaintInvestigationStarted {},
        Command::OfferRemedy { remedy } => Event::RemedyOffered { remedy: Personal::new(customer.0, remedy.clone()) },
        Command::AcceptRemedy {} => Event::RemedyAccepted {},
        Command::RejectRemedy { reason } => {
            let reason = reason.clone().map(|reason| Personal::new(customer.0, reason));
            Event::RemedyRejected { reason }
        }
        Command::Escalate { reason } => Event::ComplaintEscalated { reason: reason.clone() },
        Command::Close { outcome } => Event::ComplaintClosed { outcome: *outcome },
        Command::RaiseNeed { need, title } => return raise_need(matter, *need, title, context),
        Command::LinkToNeed { need } => return link_to_need(matter, *need, context),
        Command::RequestSurvey { .. }
        | Command::FileComplaint { .. }
        | Command::Suggest { .. }
        | Command::Praise { .. } => return Err(refused()),
    };
    Ok(Decision::event(context.stream, event))
}

/// What a complaint or suggestion asks for; praise asks for nothing.
fn wish(matter: &Matter) -> Result<&Personal<Body>, Rejection> {
    let detail = "only a complaint or a suggestion asks for something";
    matter.wish.as_ref().ok_or_else(|| Rejection::new(Code::Validation, detail))
}

fn room(matter: &Matter) -> Result<(), Rejection> {
    if matter.needs.len() < NEEDS_MAX {
        Ok(())
    } else {
        Err(Rejection::limit_exceeded("needs of one piece of feedback", NEEDS_MAX as u64))
    }
}

fn raise_need(matter: &Matter, need: NeedId, title: &Title, context: &Context<'_>) -> Result<Decision, Rejection> {
    let wish = wish(matter)?;
    if matter.needs.contains(&need) {
        return Ok(Decision::already());
    }
    room(matter)?;
    let customer = customer::survivor(context.loaded, matter.customer);
    let id = FeedbackId(context.stream.id);
    let captured = need::captured_from(id, need, customer, title, wish.clone(), context.loaded)?;
    Ok(Decision::event(context.stream, Event::FeedbackLinkedToNeed { need }).and(need.stream(), captured))
}

fn link_to_need(matter: &Matter, need: NeedId, context: &Context<'_>) -> Result<Decision, Rejection> {
    wish(matter)?;
    if matter.needs.contains(&need) {
        return Ok(Decision::already());
    }
    room(matter)?;
    let id = FeedbackId(context.stream.id);
    let attached = need::evidence_attached(id, need, matter.customer, context.loaded)?;
    let linked = Decision::event(context.stream, Event::FeedbackLinkedToNeed { need });
    Ok(attached.into_iter().fold(linked, |decision, event| decision.and(need.stream(), event)))
}
