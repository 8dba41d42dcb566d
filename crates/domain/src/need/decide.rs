//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use super::command::Command;
use super::event::Event;
use super::evidence::{EVIDENCE_MAX, Evidence, EvidenceKind};
use super::fields::{CategorizedBy, Fulfilment, Importance, Satisfaction, Status, Target};
use super::merge;
use super::state::Need;
use crate::agent::Agent;
use crate::customer;
use crate::decider::{Context, Decision, Loaded, actor_stream};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{AgentId, CustomerId, NeedId, StreamId, TransactionId};
use crate::moment::Moment;
use crate::personal::Personal;
use crate::rejection::{Code, Rejection};
use crate::service_plan;
use crate::ticket::{CategoryPath, Reason};
use crate::transaction::Transaction;

/// The other streams that the decision reads. Every command reads the customer's, so that it is guarded.
pub(super) fn reads(id: NeedId, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
    if let Command::Capture { customer, evidence, owner, .. } = command {
        let shown = evidence.iter().take(EVIDENCE_MAX).flat_map(|evidence| evidence.reads(loaded));
        return customer::chain(loaded, *customer).into_iter().chain(shown).chain(owner.map(AgentId::stream)).collect();
    }
    let need = loaded.get::<Need>(id.stream());
    let Some(customer) = need.and_then(|need| need.customer) else { return Vec::new() };
    let mut streams = customer::chain(loaded, customer);
    match command {
        Command::AttachEvidence { evidence } => streams.extend(evidence.reads(loaded)),
        Command::Fulfil { by: Fulfilment::Transaction { id } } => streams.extend(sale(*id).reads(loaded)),
        Command::Fulfil { by: Fulfilment::Plan { id } } => streams.extend(service_plan::owned_reads(loaded, *id)),
        Command::Merge { loser, overridden } => {
            streams.extend(merge::merge_reads(*loser, loaded));
            streams.extend(actor_stream(actor).filter(|_| *overridden));
        }
        Command::Unmerge { loser } => streams.push(loser.stream()),
        Command::Capture { .. }
        | Command::Qualify {}
        | Command::Rate { .. }
        | Command::Plan { .. }
        | Command::Fulfil { by: Fulfilment::Release { .. } }
        | Command::Decline { .. }
        | Command::Withdraw { .. }
        | Command::Reopen { .. }
        | Command::Categorize { .. } => {}
    }
    streams
}

pub(super) fn decide(need: &Need, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    if matches!(command, Command::Capture { .. }) {
        return capture(command, context);
    }
    let Some(customer) = need.customer else { return Err(Rejection::not_found(context.stream)) };
    check_actor(command, context)?;
    if !winds_up(command) {
        customer::refuse_erased(customer, context.loaded)?;
    }
    if !need.status.allowed().contains(&command.name()) {
        return Err(need.refusal(command.name()));
    }
    follow_rules(need, customer, command, context)
}

impl Need {
    /// The refusal of a command that the state does not allow; a merged need names its survivor.
    pub(super) fn refusal(&self, command: &str) -> Rejection {
        let refused = Rejection::invalid_transition(self.status.name(), command, self.status.allowed());
        match self.merged_into {
            Some(merged) => {
                let mut rejection = Rejection::merged_into(merged.survivor.0);
                rejection.facts.extend(refused.facts);
                rejection
            }
            None => refused,
        }
    }
}

/// Refuses customers what only the desk does.
fn check_actor(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    if context.actor.kind == ActorKind::Customer && !matches!(command, Command::Withdraw { .. }) {
        return Err(Rejection::forbidden("somebody of the support desk"));
    }
    Ok(())
}

/// What remains possible when the customer was erased: it ends the need and stores nothing personal.
fn winds_up(command: &Command) -> bool {
    matches!(command, Command::Decline { .. } | Command::Withdraw { .. })
}

/// Captures a need; any other command changes nothing.
fn capture(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Capture {
        customer,
        title,
        description,
        category,
        product_ref,
        source,
        evidence,
        importance,
        satisfaction,
        wanted_by,
        est_value,
        owner,
    } = command
    else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    check_actor(command, context)?;
    customer::live_customer(context.loaded, "/data/customer", *customer)?;
    check_pieces(evidence.len())?;
    for (place, evidence) in evidence.iter().enumerate() {
        evidence.check(&format!("/data/evidence/{place}"), *customer, context.loaded)?;
    }
    if est_value.is_some_and(|value| value.amount_minor.0 < 0) {
        return Err(Rejection::validation("/data/est_value/amount_minor", "a value is not negative"));
    }
    if let Some(owner) = owner
        && context.loaded.get::<Agent>(owner.stream()).is_none()
    {
        return Err(Rejection::reference_missing("/data/owner", owner.stream()));
    }
    let captured = Event::NeedCaptured {
        customer: *customer,
        title: title.clone(),
        description: Personal::new(customer.0, description.clone()),
        category: category.clone(),
        product_ref: product_ref.clone(),
        source: *source,
        evidence: evidence.iter().copied().collect(),
        importance: *importance,
        satisfaction: *satisfaction,
        wanted_by: *wanted_by,
        est_value: *est_value,
        owner: *owner,
    };
    Ok(Decision::event(context.stream, captured))
}

fn follow_rules(
    need: &Need,
    customer: CustomerId,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let stream = context.stream;
    match command {
        Command::Capture { .. } => Ok(Decision::already()),
        Command::AttachEvidence { evidence } => attach(need, customer, *evidence, context),
        Command::Qualify {} => qualify(need, stream),
        Command::Rate { importance, satisfaction } => rate(need, *importance, *satisfaction, stream),
        Command::Plan { target, due } => Ok(plan(need, target.as_ref(), *due, stream)),
        Command::Fulfil { by } => fulfil(customer, by, context),
        Command::Decline { reason } => Ok(Decision::event(stream, Event::NeedDeclined { reason: reason.clone() })),
        Command::Withdraw { reason } => Ok(Decision::event(stream, Event::NeedWithdrawn { reason: reason.clone() })),
        Command::Reopen { reason } => reopen(need, reason.as_ref(), stream),
        Command::Merge { loser, overridden } => merge::merge(need, customer, *loser, *overridden, context),
        Command::Unmerge { loser } => merge::unmerge(need, *loser, context),
        Command::Categorize { category, by } => Ok(categorize(need, category, by, stream)),
    }
}

fn attach(need: &Need, customer: CustomerId, evidence: Evidence, context: &Context<'_>) -> Result<Decision, Rejection> {
    if need.evidence.contains(&evidence) {
        return Ok(Decision::already());
    }
    evidence.check("/data/evidence", customer, context.loaded)?;
    check_pieces(need.evidence.len() + 1)?;
    Ok(Decision::event(context.stream, Event::NeedEvidenceAttached { evidence }))
}

/// Refuses more evidence than a need may have.
pub(super) fn check_pieces(pieces: usize) -> Result<(), Rejection> {
    if pieces <= EVIDENCE_MAX {
        Ok(())
    } else {
        Err(Rejection::limit_exceeded("pieces of evidence of a need", EVIDENCE_MAX as u64))
    }
}

fn require_evidence(need: &Need) -> Result<(), Rejection> {
    if need.evidence.is_empty() {
        return Err(Rejection::new(Code::EvidenceRequired, "nothing shows that the need is there"));
    }
    Ok(())
}

fn qualify(need: &Need, stream: StreamId) -> Result<Decision, Rejection> {
    if need.status == Status::Qualified {
        return Ok(Decision::already());
    }
    require_evidence(need)?;
    Ok(Decision::event(stream, Event::NeedQualified {}))
}

fn rate(
    need: &Need,
    importance: Option<Importance>,
    satisfaction: Option<Satisfaction>,
    stream: StreamId,
) -> Result<Decision, Rejection> {
    if importance.is_none() && satisfaction.is_none() {
        return Err(Rejection::validation("/data", "importance or satisfaction is expected"));
    }
    let (importance, satisfaction) = (importance.or(need.importance), satisfaction.or(need.satisfaction));
    if (importance, satisfaction) == (need.importance, need.satisfaction) {
        return Ok(Decision::already());
    }
    Ok(Decision::event(stream, Event::NeedRated { importance, satisfaction }))
}

fn plan(need: &Need, target: Option<&Target>, due: Option<Moment>, stream: StreamId) -> Decision {
    if need.status == Status::Planned && need.target.as_ref() == target && need.due == due {
        return Decision::already();
    }
    Decision::event(stream, Event::NeedPlanned { target: target.cloned(), due })
}

/// A transaction, as evidence that somebody has got something.
const fn sale(id: TransactionId) -> Evidence {
    Evidence { kind: EvidenceKind::Transaction, id: id.0 }
}

fn fulfil(customer: CustomerId, by: &Fulfilment, context: &Context<'_>) -> Result<Decision, Rejection> {
    match by {
        Fulfilment::Transaction { id } => {
            sale(*id).check("/data/by/id", customer, context.loaded)?;
            if context.loaded.get::<Transaction>(id.stream()).is_some_and(|transaction| transaction.voided) {
                return Err(Rejection::validation("/data/by/id", "the transaction is void"));
            }
        }
        Fulfilment::Plan { id } => {
            service_plan::of_customer(context.loaded, "/data/by/id", *id, customer)?;
        }
        Fulfilment::Release { .. } => {}
    }
    Ok(Decision::event(context.stream, Event::NeedFulfilled { by: by.clone() }))
}

fn reopen(need: &Need, reason: Option<&Reason>, stream: StreamId) -> Result<Decision, Rejection> {
    require_evidence(need)?;
    Ok(Decision::event(stream, Event::NeedReopened { reason: reason.cloned() }))
}

fn categorize(need: &Need, category: &CategoryPath, by: &CategorizedBy, stream: StreamId) -> Decision {
    if need.category == *category && need.categorized_by.as_ref() == Some(by) {
        return Decision::already();
    }
    Decision::event(stream, Event::NeedCategorized { category: category.clone(), by: by.clone() })
}
