//! Service evaluation 服务评估: how well a service was done, judged by a scorecard.
//!
//! The scorecard's revision is frozen when the evaluation is drafted, and so is who is rated: what changes later changes
//! no evaluation. None of its fields are personal data of customers; nobody should write customers' names there.

mod command;
mod decide;
mod event;
mod fields;
mod judgement;
mod state;
mod transitions;

pub use command::Command;
pub use decide::{ACTIONS_MAX, EVIDENCE_MAX};
pub use event::Event;
pub use fields::{
    AppealOutcome, AsOfPosition, Comment, Content, CriterionId, Period, Reason, ResultHundredths, Score, Scored,
    Status, Subject, SubjectKind, Task, Verdict,
};
pub use judgement::{Judgement, judge};
pub use state::{Action, Matter, ServiceEvaluation};

use uuid::Uuid;

use crate::decider::{Aggregate, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{ServiceEvaluationId, StreamId};
use crate::rejection::Rejection;

impl Aggregate for ServiceEvaluation {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Draft { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        decide::reads(ServiceEvaluationId(id), command, actor, loaded)
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        decide::decide(self, command, context)
    }

    fn evolve(&mut self, event: &Event) {
        self.fold(event);
    }
}

#[cfg(test)]
mod tests;
