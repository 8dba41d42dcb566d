//! What a command decides: first who may, then whether the state allows it, then the rules of the command.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::command::Command;
use super::event::Event;
use super::fields::{
    AppealOutcome, AsOfPosition, CriterionId, Reason, Score, Scored, Status, Subject, SubjectKind, Task,
};
use super::judgement::{Judgement, judge};
use super::state::{Action, Matter, ServiceEvaluation};
use super::transitions::possible;
use crate::agent::{Agent, Role};
use crate::decider::{Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::{AgentId, ServiceEvaluationId, StreamId};
use crate::moment::Moment;
use crate::rejection::{Code, Rejection};
use crate::revisions::RevisionOf;
use crate::scorecard::{Card, Scorecard};
use crate::service_execution::ServiceExecution;
use crate::service_plan::{self, ServicePlan};
use crate::team::Team;
use crate::ticket::Ticket;

/// The most events that show a score.
pub const EVIDENCE_MAX: usize = 50;
/// The most actions of an evaluation.
pub const ACTIONS_MAX: usize = 50;

/// The other streams that the decision reads. Who is in a team is read anew each time, the rest is frozen by the draft.
pub(super) fn reads(id: ServiceEvaluationId, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
    let mut streams: Vec<StreamId> = actor_stream(actor).into_iter().collect();
    match command {
        Command::Draft { subject, scorecard, evaluator, .. } => {
            streams.extend([subject.stream(), scorecard.stream()]);
            streams.extend(evaluator.map(AgentId::stream));
        }
        Command::Appeal { .. } | Command::DecideAppeal { .. } => {
            let evaluation = loaded.get::<ServiceEvaluation>(id.stream());
            let subject = evaluation.and_then(|evaluation| evaluation.matter.as_ref()).map(|matter| matter.subject);
            let by_several = [SubjectKind::Team, SubjectKind::Execution];
            streams.extend(subject.filter(|subject| by_several.contains(&subject.kind)).map(Subject::stream));
        }
        Command::Finalize {} => {
            let evaluation = loaded.get::<ServiceEvaluation>(id.stream());
            let subject = evaluation.and_then(|evaluation| evaluation.matter.as_ref()).map(|matter| matter.subject);
            streams.extend(subject.filter(|subject| subject.kind == SubjectKind::Plan).map(Subject::stream));
        }
        Command::RaiseAction { owner, .. } => streams.extend(owner.map(AgentId::stream)),
        Command::Score { .. } | Command::Submit { .. } => {}
    }
    streams
}

pub(super) fn decide(
    evaluation: &ServiceEvaluation,
    command: &Command,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if matches!(command, Command::Draft { .. }) {
        return draft(command, context);
    }
    let Some(matter) = &evaluation.matter else { return Err(Rejection::not_found(context.stream)) };
    check_actor(matter, command, context)?;
    possible(command.name(), evaluation.status)?;
    match command {
        Command::Draft { .. } => Ok(Decision::already()),
        Command::Score { criterion, score, comment, evidence } => {
            let (comment, evidence) = (comment.clone(), evidence.clone());
            let scored = Scored { criterion: criterion.clone(), score: *score, comment, evidence };
            give_score(evaluation, matter, scored, context)
        }
        Command::Submit { as_of_position } => submit(evaluation, matter, *as_of_position, context),
        Command::Appeal { reason } => {
            Ok(Decision::event(context.stream, Event::EvaluationAppealed { reason: reason.clone() }))
        }
        Command::DecideAppeal { outcome, scores, reason } => {
            decide_appeal(evaluation, matter, *outcome, scores, reason, context)
        }
        Command::Finalize {} => finalize(evaluation, matter, context),
        Command::RaiseAction { action_id, text, owner, due } => {
            raise_action(evaluation, *action_id, text, *owner, *due, context)
        }
    }
}

/// Refuses customers and rules everything, and agents what is not for them.
fn check_actor(matter: &Matter, command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
    context.require_role(Role::Agent)?;
    let acting = context.actor.agent();
    let rated = || acting.is_some_and(|agent| is_rated(matter.subject, matter.executor, agent, context.loaded));
    match command {
        Command::Score { .. } | Command::Submit { .. } if acting.is_some_and(|agent| agent != matter.evaluator) => {
            Err(Rejection::forbidden("the evaluator"))
        }
        Command::Draft { .. } | Command::Score { .. } | Command::Submit { .. } => Ok(()),
        Command::Appeal { .. } if rated() => Ok(()),
        Command::DecideAppeal { .. } if rated() || acting == Some(matter.evaluator) => {
            Err(Rejection::forbidden("a supervisor who neither evaluated nor is rated"))
        }
        Command::Appeal { .. } | Command::DecideAppeal { .. } => context.require_role(Role::Supervisor),
        Command::Finalize {} | Command::RaiseAction { .. } if acting == Some(matter.evaluator) => Ok(()),
        Command::Finalize {} | Command::RaiseAction { .. } => context.require_role(Role::Supervisor),
    }
}

/// Whether an agent's own work is judged. Of a ticket that is the assignee's: who else wrote on it is not looked at.
fn is_rated(subject: Subject, executor: Option<AgentId>, agent: AgentId, loaded: &Loaded) -> bool {
    let team = loaded.get::<Team>(subject.stream());
    let booking = loaded.get::<ServiceExecution>(subject.stream()).and_then(|execution| execution.booking.as_ref());
    executor == Some(agent)
        || team.is_some_and(|team| team.members.contains(&agent))
        || booking.is_some_and(|booking| booking.resources.contains(&agent))
}

fn draft(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Draft { name, content, subject, period, scorecard, evaluator, as_of_position } = command else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    let evaluator = who_evaluates(*evaluator, context)?;
    if period.start >= period.end {
        return Err(Rejection::validation("/data/period/end", "a period ends after it starts"));
    }
    let executor = executor(*subject, context.loaded)?;
    if is_rated(*subject, executor, evaluator, context.loaded) {
        let detail = format!("the agent {evaluator} would evaluate work of their own");
        return Err(Rejection::new(Code::EvaluatorIsRated, detail));
    }
    let revisions = context.loaded.get::<Scorecard>(scorecard.stream()).map(|scorecard| &scorecard.revisions);
    let latest = revisions.and_then(|revisions| Some((revisions.latest(), revisions.get(revisions.latest())?)));
    let (revision, card) = latest.ok_or_else(|| Rejection::reference_missing("/data/scorecard", scorecard.stream()))?;
    let drafted = Event::EvaluationDrafted {
        name: name.clone(),
        content: content.clone(),
        subject: *subject,
        period: *period,
        scorecard: RevisionOf { id: *scorecard, revision },
        card: card.clone(),
        evaluator,
        executor,
        as_of_position: *as_of_position,
    };
    Ok(Decision::event(context.stream, drafted))
}

fn who_evaluates(named: Option<AgentId>, context: &Context<'_>) -> Result<AgentId, Rejection> {
    context.require_role(Role::Agent)?;
    match (context.actor.agent(), named) {
        (Some(acting), None) => Ok(acting),
        (Some(acting), Some(named)) if acting == named => Ok(acting),
        (Some(_), Some(_)) | (None, None) => {
            Err(Rejection::forbidden("the agent who evaluates, or a service that names the evaluator"))
        }
        (None, Some(named)) => {
            agent_exists("/data/evaluator", named, context.loaded)?;
            Ok(named)
        }
    }
}

fn agent_exists(pointer: &str, agent: AgentId, loaded: &Loaded) -> Result<(), Rejection> {
    match loaded.get::<Agent>(agent.stream()) {
        Some(_) => Ok(()),
        None => Err(Rejection::reference_missing(pointer, agent.stream())),
    }
}

/// Whose work the subject is, if it is one agent's. Refuses subjects that do not exist.
fn executor(subject: Subject, loaded: &Loaded) -> Result<Option<AgentId>, Rejection> {
    let stream = subject.stream();
    let executor = match subject.kind {
        SubjectKind::Ticket => loaded.get::<Ticket>(stream).map(|ticket| ticket.standing.assignee),
        SubjectKind::Agent => loaded.get::<Agent>(stream).map(|_| Some(AgentId(subject.id))),
        SubjectKind::Team => loaded.get::<Team>(stream).map(|_| None),
        SubjectKind::Execution => loaded.get::<ServiceExecution>(stream).map(|_| None),
        SubjectKind::Plan => loaded.get::<ServicePlan>(stream).map(|_| None),
    };
    executor.ok_or_else(|| Rejection::reference_missing("/data/subject/id", stream))
}

fn give_score(
    evaluation: &ServiceEvaluation,
    matter: &Matter,
    scored: Scored,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if evaluation.scores.get(&scored.criterion) == Some(&scored) {
        return Ok(Decision::already());
    }
    check_score(&matter.card, &scored, "/data")?;
    let Scored { criterion, score, comment, evidence } = scored;
    Ok(Decision::event(context.stream, Event::CriterionScored { criterion, score, comment, evidence }))
}

fn check_score(card: &Card, scored: &Scored, pointer: &str) -> Result<(), Rejection> {
    let Some(criterion) = card.criteria.iter().find(|criterion| criterion.id == scored.criterion) else {
        return Err(Rejection::validation(format!("{pointer}/criterion"), "the scorecard has no such criterion"));
    };
    let scale = criterion.scale.get();
    if let Score::Points(points) = scored.score
        && points > scale
    {
        return Err(Rejection::validation(format!("{pointer}/score"), format!("{points} of {scale}")));
    }
    if scored.evidence.len() > EVIDENCE_MAX {
        return Err(Rejection::limit_exceeded("events that show a score", EVIDENCE_MAX as u64));
    }
    Ok(())
}

/// What scores come to. Refuses if criteria are not scored, or none applies.
fn judged(card: &Card, scores: &BTreeMap<CriterionId, Scored>) -> Result<Judgement, Rejection> {
    let ids = || card.criteria.iter().map(|criterion| &criterion.id);
    let missing: Vec<_> = ids().filter(|id| !scores.contains_key(*id)).collect();
    if !missing.is_empty() {
        return Err(scores_missing("each criterion is scored or not applicable", missing));
    }
    judge(card, scores).ok_or_else(|| scores_missing("one criterion at least applies", ids().collect()))
}

fn scores_missing(detail: &str, criteria: Vec<&CriterionId>) -> Rejection {
    let criteria: Vec<&str> = criteria.into_iter().map(|id| id.as_str()).collect();
    Rejection::new(Code::ScoresMissing, detail).with("criteria", criteria)
}

fn submit(
    evaluation: &ServiceEvaluation,
    matter: &Matter,
    as_of_position: AsOfPosition,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let Judgement { result_hundredths, verdict } = judged(&matter.card, &evaluation.scores)?;
    Ok(Decision::event(context.stream, Event::EvaluationSubmitted { result_hundredths, verdict, as_of_position }))
}

fn decide_appeal(
    evaluation: &ServiceEvaluation,
    matter: &Matter,
    outcome: AppealOutcome,
    scores: &[Scored],
    reason: &Reason,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    match outcome {
        AppealOutcome::Upheld if !scores.is_empty() => {
            return Err(Rejection::validation("/data/scores", "what is upheld gets no other scores"));
        }
        AppealOutcome::Revised if scores.is_empty() => {
            return Err(Rejection::validation("/data/scores", "a revision takes other scores"));
        }
        AppealOutcome::Upheld | AppealOutcome::Revised => {}
    }
    let mut criteria = BTreeSet::new();
    let mut revised = evaluation.scores.clone();
    for (index, scored) in scores.iter().enumerate() {
        let pointer = format!("/data/scores/{index}");
        check_score(&matter.card, scored, &pointer)?;
        if !criteria.insert(&scored.criterion) {
            return Err(Rejection::validation(format!("{pointer}/criterion"), "scored twice"));
        }
        revised.insert(scored.criterion.clone(), scored.clone());
    }
    let Judgement { result_hundredths, verdict } = judged(&matter.card, &revised)?;
    let (scores, reason) = (scores.to_vec(), reason.clone());
    Ok(Decision::event(context.stream, Event::AppealDecided { outcome, scores, reason, result_hundredths, verdict }))
}

fn finalize(evaluation: &ServiceEvaluation, matter: &Matter, context: &Context<'_>) -> Result<Decision, Rejection> {
    if evaluation.status == Status::Finalized {
        return Ok(Decision::already());
    }
    let Judgement { result_hundredths, verdict } = judged(&matter.card, &evaluation.scores)?;
    let finalized = Decision::event(context.stream, Event::EvaluationFinalized { result_hundredths, verdict });
    let (SubjectKind::Plan, Some(as_of_position)) = (matter.subject.kind, evaluation.as_of_position) else {
        return Ok(finalized);
    };
    let evaluation = ServiceEvaluationId(context.stream.id);
    let evaluated =
        service_plan::Event::ServicePlanEvaluated { evaluation, result_hundredths, verdict, as_of_position };
    Ok(finalized.and(matter.subject.stream(), evaluated))
}

fn raise_action(
    evaluation: &ServiceEvaluation,
    action_id: Uuid,
    text: &Task,
    owner: Option<AgentId>,
    due: Option<Moment>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let text = text.clone();
    if let Some(before) = evaluation.actions.get(&action_id) {
        return if *before == (Action { text, owner, due }) {
            Ok(Decision::already())
        } else {
            Err(Rejection::validation("/data/action_id", "another action was raised under this id"))
        };
    }
    if let Some(owner) = owner {
        agent_exists("/data/owner", owner, context.loaded)?;
    }
    if evaluation.actions.len() >= ACTIONS_MAX {
        return Err(Rejection::limit_exceeded("actions of an evaluation", ACTIONS_MAX as u64));
    }
    Ok(Decision::event(context.stream, Event::ImprovementActionRaised { action_id, text, owner, due }))
}
