//! What can be asked of an evaluation.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    AppealOutcome, AsOfPosition, Comment, Content, CriterionId, Period, Reason, Score, Scored, Subject, Task,
};
use crate::ids::{AgentId, ScorecardId};
use crate::moment::Moment;
use crate::text::Name;

/// What can be asked of an evaluation. All of it takes an active agent, a system or a service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Begins an evaluation by the latest revision of a scorecard. The evaluator is the acting agent, or whom a system
    /// or service names; nobody evaluates work of their own.
    Draft {
        /// Its name.
        name: Name<200>,
        /// What is looked at, and how.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Content>,
        /// What is evaluated.
        subject: Subject,
        /// The time whose service is judged.
        period: Period,
        /// By what is judged.
        scorecard: ScorecardId,
        /// Who judges, if a system or service drafts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evaluator: Option<AgentId>,
        /// The position of the history at which the work began.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        as_of_position: Option<AsOfPosition>,
    },
    /// Scores a criterion, by the evaluator. A later score replaces an earlier one.
    Score {
        /// Which criterion.
        criterion: CriterionId,
        /// How well it is met: a whole number from 0 to its scale, or `not_applicable`.
        score: Score,
        /// What is to be said about it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Comment>,
        /// The ids of events that show it, at most 50. Whether there are such events is not looked up.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        evidence: BTreeSet<Uuid>,
    },
    /// Hands the scores in, by the evaluator. Every criterion is scored or not applicable, and one at least applies.
    Submit {
        /// The position of the history that was looked at.
        as_of_position: AsOfPosition,
    },
    /// Disagrees with the evaluation, by an agent who is rated or by a supervisor.
    Appeal {
        /// Why.
        reason: Reason,
    },
    /// Decides about the appeal, by a supervisor who neither evaluated nor is rated.
    DecideAppeal {
        /// What it leads to.
        outcome: AppealOutcome,
        /// The scores that are others from now on; there are some where the outcome is `revised`, and only there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        scores: Vec<Scored>,
        /// Why.
        reason: Reason,
    },
    /// Ends the evaluation with the result that it has, by the evaluator or a supervisor.
    Finalize {},
    /// Says what is to be done better, by the evaluator or a supervisor.
    RaiseAction {
        /// The action's id: each is raised once.
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

impl Command {
    /// The command's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft { .. } => "draft",
            Self::Score { .. } => "score",
            Self::Submit { .. } => "submit",
            Self::Appeal { .. } => "appeal",
            Self::DecideAppeal { .. } => "decide_appeal",
            Self::Finalize {} => "finalize",
            Self::RaiseAction { .. } => "raise_action",
        }
    }
}
