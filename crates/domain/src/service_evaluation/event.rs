//! What can have happened to an evaluation.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    AppealOutcome, AsOfPosition, Comment, Content, CriterionId, Period, Reason, ResultHundredths, Score, Scored,
    Subject, Task, Verdict,
};
use crate::ids::{AgentId, ScorecardId};
use crate::moment::Moment;
use crate::revisions::RevisionOf;
use crate::scorecard::Card;
use crate::text::Name;

/// What can have happened to an evaluation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The evaluation was begun.
    EvaluationDrafted {
        /// Its name.
        name: Name<200>,
        /// What is looked at, and how.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Content>,
        /// What is evaluated.
        subject: Subject,
        /// The time whose service is judged.
        period: Period,
        /// By which revision of which scorecard is judged.
        scorecard: RevisionOf<ScorecardId>,
        /// What that revision says, so that nothing else need be read.
        card: Card,
        /// Who judges.
        evaluator: AgentId,
        /// Whose work it is, if it is one agent's: the agent who is the subject, or who had the ticket at that moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        executor: Option<AgentId>,
        /// The position of the history at which the work began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_of_position: Option<AsOfPosition>,
    },
    /// A criterion was scored, for the first time or anew.
    CriterionScored {
        /// Which criterion.
        criterion: CriterionId,
        /// How well it is met.
        score: Score,
        /// What is to be said about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Comment>,
        /// The ids of events that show it.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        evidence: BTreeSet<Uuid>,
    },
    /// The scores were handed in.
    EvaluationSubmitted {
        /// What they come to.
        result_hundredths: ResultHundredths,
        /// What that means.
        verdict: Verdict,
        /// The position of the history that was looked at.
        as_of_position: AsOfPosition,
    },
    /// Somebody disagrees.
    EvaluationAppealed {
        /// Why.
        reason: Reason,
    },
    /// It was decided about the appeal.
    AppealDecided {
        /// What it leads to.
        outcome: AppealOutcome,
        /// The scores that are others from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scores: Vec<Scored>,
        /// Why.
        reason: Reason,
        /// What all scores come to now.
        result_hundredths: ResultHundredths,
        /// What that means.
        verdict: Verdict,
    },
    /// The evaluation is final.
    EvaluationFinalized {
        /// What it comes to.
        result_hundredths: ResultHundredths,
        /// What that means.
        verdict: Verdict,
    },
    /// Something is to be done better.
    ImprovementActionRaised {
        /// The action's id.
        action_id: Uuid,
        /// What is to be done.
        text: Task,
        /// Who is to do it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<AgentId>,
        /// By when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Moment>,
    },
}
