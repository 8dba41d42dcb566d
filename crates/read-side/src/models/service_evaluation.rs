//! Service evaluations: one row each with its scores and result, and figures by status and verdict.

use chrono::{DateTime, Utc};
use domain::ids::{AgentId, ScorecardId};
use domain::moment::Moment;
use domain::scorecard::Card;
use domain::service_evaluation::{
    AppealOutcome, AsOfPosition, Content, Event, Reason, ResultHundredths, Scored, Status, SubjectKind, Task, Verdict,
};
use domain::text::Name;
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// An appeal, and what it led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Appeal {
    /// Why.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// When.
    pub appealed_at: DateTime<Utc>,
    /// What it led to, once that is decided.
    pub decision: Option<AppealDecision>,
}

/// What an appeal led to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AppealDecision {
    /// `upheld`: the evaluation stays as it was; `revised`: scores are others.
    #[schema(value_type = String)]
    pub outcome: AppealOutcome,
    /// Why.
    #[schema(value_type = String)]
    pub reason: Reason,
    /// When.
    pub decided_at: DateTime<Utc>,
}

/// Something that is to be done better.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ImprovementAction {
    /// The action's id.
    pub action_id: Uuid,
    /// What is to be done.
    #[schema(value_type = String)]
    pub text: Task,
    /// Who is to do it.
    #[schema(value_type = Option<Uuid>)]
    pub owner: Option<AgentId>,
    /// By when.
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub due: Option<Moment>,
    /// When it was raised.
    pub raised_at: DateTime<Utc>,
}

/// A service evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServiceEvaluation)]
pub struct ServiceEvaluationRow {
    /// The name.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// What is looked at, and how.
    #[schema(value_type = Option<String>)]
    pub content: Option<Content>,
    /// What kind of thing is evaluated: `ticket`, `agent` or `team`.
    #[schema(value_type = String)]
    pub subject_kind: SubjectKind,
    /// Which one.
    pub subject_id: Uuid,
    /// The first instant of the time whose service is judged.
    #[schema(value_type = DateTime<Utc>)]
    pub period_start: Moment,
    /// The first instant after it.
    #[schema(value_type = DateTime<Utc>)]
    pub period_end: Moment,
    /// By what is judged.
    #[schema(value_type = Uuid)]
    pub scorecard: ScorecardId,
    /// By which revision of it.
    pub scorecard_revision: u32,
    /// What that revision says: `{criteria: [{id, name, weight_permille, scale, critical_below}], pass_from, conditional_from}`.
    #[schema(value_type = Object)]
    pub card: Card,
    /// Who judges.
    #[schema(value_type = Uuid)]
    pub evaluator: AgentId,
    /// The one agent whose work it is, if there is one: the subject, or who had the ticket when the evaluation was drafted.
    #[schema(value_type = Option<Uuid>)]
    pub executor: Option<AgentId>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// The scores that count, in the order in which the criteria were scored: `criterion`, `score` (a number or
    /// `not_applicable`), and, if there are any, `comment` and `evidence` (ids of events).
    #[schema(value_type = Vec<Object>)]
    pub scores: Vec<Scored>,
    /// The position of the history that was looked at: the one told when it was handed in, before that the one at which
    /// the work began.
    #[schema(value_type = Option<u64>)]
    pub as_of_position: Option<AsOfPosition>,
    /// The result in hundredths, 0 to 10,000 for 0 to 100, rounded half up, once it was handed in.
    #[schema(value_type = Option<u16>)]
    pub result_hundredths: Option<ResultHundredths>,
    /// What the exact result means: `pass`, `conditional` or `fail`.
    #[schema(value_type = Option<String>)]
    pub verdict: Option<Verdict>,
    /// The appeal, if there was one.
    pub appeal: Option<Appeal>,
    /// What is to be done better.
    pub actions: Vec<ImprovementAction>,
    /// When it was begun.
    pub drafted_at: DateTime<Utc>,
    /// When it was handed in.
    pub submitted_at: Option<DateTime<Utc>>,
    /// When it became final.
    pub finalized_at: Option<DateTime<Utc>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of service evaluations.
#[derive(Debug)]
pub struct ServiceEvaluation;

impl Entity for ServiceEvaluation {
    const NAME: &'static str = "service_evaluation";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::ServiceEvaluation];
    const COLUMNS: &'static str = include_str!("service_evaluation_columns.sql");
    const INDEXES: &'static str = include_str!("service_evaluation_indexes.sql");
    type Row = ServiceEvaluationRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<ServiceEvaluationRow>, happened: &Happened) -> Result<Option<ServiceEvaluationRow>, Unfit> {
        let AnyEvent::ServiceEvaluation(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::EvaluationDrafted { .. }) => return Ok(Some(drafted(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the evaluation was not drafted".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        Ok(Some(row))
    }

    /// `status/<s>` counts evaluations, `verdict/<v>` those that were handed in, and of them the final ones.
    fn facts(row: &ServiceEvaluationRow) -> Vec<Fact> {
        let status = (format!("status/{}", row.status.name()), [1, 0, 0, 0]);
        let last = i64::from(row.status == Status::Finalized);
        let verdict = row.verdict.map(|verdict| (format!("verdict/{}", verdict.name()), [1, last, 0, 0]));
        std::iter::once(status).chain(verdict).collect()
    }
}

fn drafted(event: &Event, happened: &Happened) -> Result<ServiceEvaluationRow, Unfit> {
    let Event::EvaluationDrafted {
        name,
        content,
        subject,
        period,
        scorecard,
        card,
        evaluator,
        executor,
        as_of_position,
    } = event
    else {
        return Err(Unfit("not a draft".to_owned()));
    };
    Ok(ServiceEvaluationRow {
        name: name.clone(),
        content: content.clone(),
        subject_kind: subject.kind,
        subject_id: subject.id,
        period_start: period.start,
        period_end: period.end,
        scorecard: scorecard.id,
        scorecard_revision: scorecard.revision,
        card: card.clone(),
        evaluator: *evaluator,
        executor: *executor,
        status: Status::Draft,
        scores: Vec::new(),
        as_of_position: *as_of_position,
        result_hundredths: None,
        verdict: None,
        appeal: None,
        actions: Vec::new(),
        drafted_at: happened.occurred_at,
        submitted_at: None,
        finalized_at: None,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl ServiceEvaluationRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::EvaluationDrafted { .. } => return Err(Unfit("the evaluation was drafted twice".to_owned())),
            Event::CriterionScored { criterion, score, comment, evidence } => {
                let (comment, evidence) = (comment.clone(), evidence.clone());
                self.score(Scored { criterion: criterion.clone(), score: *score, comment, evidence });
            }
            Event::EvaluationSubmitted { result_hundredths, verdict, as_of_position } => {
                self.status = Status::Submitted;
                self.submitted_at = Some(happened.occurred_at);
                self.as_of_position = Some(*as_of_position);
                self.judge(*result_hundredths, *verdict);
            }
            Event::EvaluationAppealed { reason } => {
                self.status = Status::Appealed;
                let appealed_at = happened.occurred_at;
                self.appeal = Some(Appeal { reason: reason.clone(), appealed_at, decision: None });
            }
            Event::AppealDecided { outcome, scores, reason, result_hundredths, verdict } => {
                self.status = match outcome {
                    AppealOutcome::Upheld => Status::Upheld,
                    AppealOutcome::Revised => Status::Revised,
                };
                let appeal = self.appeal.as_mut().ok_or_else(|| Unfit("there was no appeal".to_owned()))?;
                let (reason, decided_at) = (reason.clone(), happened.occurred_at);
                appeal.decision = Some(AppealDecision { outcome: *outcome, reason, decided_at });
                scores.iter().for_each(|scored| self.score(scored.clone()));
                self.judge(*result_hundredths, *verdict);
            }
            Event::EvaluationFinalized { result_hundredths, verdict } => {
                self.status = Status::Finalized;
                self.finalized_at = Some(happened.occurred_at);
                self.judge(*result_hundredths, *verdict);
            }
            Event::ImprovementActionRaised { action_id, text, owner, due } => {
                let (text, raised_at) = (text.clone(), happened.occurred_at);
                self.actions.push(ImprovementAction {
                    action_id: *action_id,
                    text,
                    owner: *owner,
                    due: *due,
                    raised_at,
                });
            }
        }
        Ok(())
    }

    /// Puts a score in the place of the one before it.
    fn score(&mut self, scored: Scored) {
        match self.scores.iter_mut().find(|before| before.criterion == scored.criterion) {
            Some(before) => *before = scored,
            None => self.scores.push(scored),
        }
    }

    fn judge(&mut self, result_hundredths: ResultHundredths, verdict: Verdict) {
        self.result_hundredths = Some(result_hundredths);
        self.verdict = Some(verdict);
    }
}

#[cfg(test)]
#[path = "service_evaluation_tests.rs"]
mod tests;
