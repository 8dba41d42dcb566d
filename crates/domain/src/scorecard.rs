//! Scorecard: by what a service is judged, in revisions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::Role;
use crate::decider::{Aggregate, Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::StreamId;
use crate::ranged::ranged;
use crate::rejection::Rejection;
use crate::revisions::Revisions;
use crate::text::Name;

/// The most criteria of a scorecard.
pub const CRITERIA_MAX: usize = 50;
/// What all weights come to.
pub const WEIGHTS_PERMILLE: u32 = 1_000;

ranged! {
    /// A weight in thousandths of the whole, 1 to 1,000.
    Permille(u16) in 1..=1_000
}

ranged! {
    /// The highest score of a criterion, 1 to 100; the lowest is 0.
    Scale(u8) in 1..=100
}

ranged! {
    /// A result of 0 to 100.
    Percentage(u8) in 0..=100
}

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// Its id within the scorecard.
    pub id: Name<50>,
    /// Its name.
    pub name: Name<200>,
    /// How much it counts.
    pub weight_permille: Permille,
    /// The highest score.
    pub scale: Scale,
    /// The whole fails where the score is lower; not for any score, if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub critical_below: Option<Scale>,
}

/// By what is judged, and what the result means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What is judged, in order. The weights come to 1,000.
    pub criteria: Vec<Criterion>,
    /// From this result on it passes; 85 unless said otherwise.
    #[serde(default = "pass_from")]
    pub pass_from: Percentage,
    /// From this result on it passes with conditions; 70 unless said otherwise.
    #[serde(default = "conditional_from")]
    pub conditional_from: Percentage,
}

const fn pass_from() -> Percentage {
    Percentage::of(85)
}

const fn conditional_from() -> Percentage {
    Percentage::of(70)
}

impl Percentage {
    const fn of(percent: u8) -> Self {
        Self(percent)
    }
}

impl Card {
    fn check(&self) -> Result<(), Rejection> {
        let wrong = |pointer: &str, why: String| Err(Rejection::validation(format!("/data/card{pointer}"), why));
        if self.criteria.len() > CRITERIA_MAX {
            return Err(Rejection::limit_exceeded("criteria of a scorecard", CRITERIA_MAX as u64));
        }
        let mut ids = BTreeSet::new();
        if let Some(at) = self.criteria.iter().position(|criterion| !ids.insert(&criterion.id)) {
            return wrong(&format!("/criteria/{at}/id"), "another criterion has this id".to_owned());
        }
        if let Some(at) = self.criteria.iter().position(|criterion| criterion.critical_below > Some(criterion.scale)) {
            return wrong(&format!("/criteria/{at}/critical_below"), "higher than the highest score".to_owned());
        }
        let sum: u32 = self.criteria.iter().map(|criterion| u32::from(criterion.weight_permille)).sum();
        if sum != WEIGHTS_PERMILLE {
            return wrong("/criteria", format!("the weights come to {sum} thousandths, not to {WEIGHTS_PERMILLE}"));
        }
        if self.conditional_from > self.pass_from {
            return wrong("/conditional_from", "what passes with conditions comes before what passes".to_owned());
        }
        Ok(())
    }
}

/// What can be asked of a scorecard. All of it takes the role supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a new scorecard, with its first revision.
    Define {
        /// Its name.
        name: Name<200>,
        /// By what is judged.
        card: Card,
    },
    /// Makes another revision. Evaluations by an older one go on by that.
    Revise {
        /// By what is judged from now on.
        card: Card,
    },
    /// Gives it another name.
    Rename {
        /// The new name.
        name: Name<200>,
    },
}

/// What can have happened to a scorecard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The scorecard came to be, with revision 1.
    ScorecardDefined {
        /// Its name.
        name: Name<200>,
        /// By what is judged.
        card: Card,
    },
    /// It has another revision.
    ScorecardRevised {
        /// Its number, from 2 on.
        revision: u32,
        /// By what is judged by it.
        card: Card,
    },
    /// It has another name.
    ScorecardRenamed {
        /// The new name.
        name: Name<200>,
    },
}

/// A scorecard, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct Scorecard {
    /// The card of each revision.
    pub revisions: Revisions<Card>,
}

impl Aggregate for Scorecard {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Define { .. })
    }

    fn reads(_: Uuid, _: &Command, actor: &Actor, _: &Loaded) -> Vec<StreamId> {
        actor_stream(actor).into_iter().collect()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        context.require_role(Role::Supervisor)?;
        if let Command::Define { name, card } = command {
            context.require_new()?;
            card.check()?;
            let defined = Event::ScorecardDefined { name: name.clone(), card: card.clone() };
            return Ok(Decision::event(context.stream, defined));
        }
        context.require_existing()?;
        match command {
            Command::Define { .. } => Ok(Decision::already()),
            Command::Revise { card } => {
                card.check()?;
                let Some(revision) = self.revisions.next(card)? else { return Ok(Decision::already()) };
                Ok(Decision::event(context.stream, Event::ScorecardRevised { revision, card: card.clone() }))
            }
            Command::Rename { name } if self.revisions.is_named(name) => Ok(Decision::already()),
            Command::Rename { name } => {
                Ok(Decision::event(context.stream, Event::ScorecardRenamed { name: name.clone() }))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::ScorecardDefined { name, card } => {
                self.revisions.rename(name);
                self.revisions.push(card.clone());
            }
            Event::ScorecardRevised { revision: _, card } => self.revisions.push(card.clone()),
            Event::ScorecardRenamed { name } => self.revisions.rename(name),
        }
    }
}

#[cfg(test)]
#[path = "scorecard_tests.rs"]
mod tests;
