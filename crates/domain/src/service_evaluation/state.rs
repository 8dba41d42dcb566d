//! An evaluation as far as decisions need it, folded from its events.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::event::Event;
use super::fields::{AppealOutcome, AsOfPosition, CriterionId, Scored, Status, Subject, Task};
use crate::ids::AgentId;
use crate::moment::Moment;
use crate::scorecard::Card;

/// What an evaluation is about; it never changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// What is evaluated.
    pub subject: Subject,
    /// Who judges.
    pub evaluator: AgentId,
    /// Whose work it is, if it is one agent's.
    pub executor: Option<AgentId>,
    /// By what is judged.
    pub card: Card,
}

/// Something that is to be done better.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// What is to be done.
    pub text: Task,
    /// Who is to do it.
    pub owner: Option<AgentId>,
    /// By when.
    pub due: Option<Moment>,
}

/// An evaluation, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct ServiceEvaluation {
    /// What it is about; `None` before it was drafted.
    pub matter: Option<Matter>,
    /// Where it stands.
    pub status: Status,
    /// The position of the history that was looked at, once it was submitted.
    pub as_of_position: Option<AsOfPosition>,
    /// The scores so far, by criterion.
    pub scores: BTreeMap<CriterionId, Scored>,
    /// What is to be done better, by the action's id.
    pub actions: BTreeMap<Uuid, Action>,
}

impl Default for ServiceEvaluation {
    fn default() -> Self {
        Self {
            matter: None,
            status: Status::Draft,
            as_of_position: None,
            scores: BTreeMap::new(),
            actions: BTreeMap::new(),
        }
    }
}

impl ServiceEvaluation {
    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::EvaluationDrafted { subject, card, evaluator, executor, .. } => {
                let (subject, evaluator, executor) = (*subject, *evaluator, *executor);
                self.matter = Some(Matter { subject, evaluator, executor, card: card.clone() });
            }
            Event::CriterionScored { criterion, score, comment, evidence } => {
                let (comment, evidence) = (comment.clone(), evidence.clone());
                let scored = Scored { criterion: criterion.clone(), score: *score, comment, evidence };
                self.scores.insert(criterion.clone(), scored);
            }
            Event::EvaluationSubmitted { as_of_position, .. } => {
                self.status = Status::Submitted;
                self.as_of_position = Some(*as_of_position);
            }
            Event::EvaluationAppealed { .. } => self.status = Status::Appealed,
            Event::AppealDecided { outcome, scores, .. } => {
                self.status = match outcome {
                    AppealOutcome::Upheld => Status::Upheld,
                    AppealOutcome::Revised => Status::Revised,
                };
                self.scores.extend(scores.iter().map(|scored| (scored.criterion.clone(), scored.clone())));
            }
            Event::EvaluationFinalized { .. } => self.status = Status::Finalized,
            Event::ImprovementActionRaised { action_id, text, owner, due } => {
                let action = Action { text: text.clone(), owner: *owner, due: *due };
                self.actions.insert(*action_id, action);
            }
        }
    }
}
