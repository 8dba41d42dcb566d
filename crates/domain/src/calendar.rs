//! Business calendar: when a desk works, in revisions.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::Role;
use crate::business_time::Hours;
use crate::decider::{Aggregate, Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::StreamId;
use crate::rejection::Rejection;
use crate::revisions::Revisions;
use crate::text::Name;

/// What can be asked of a calendar. All of it takes the role supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a new calendar, with its first revision.
    Define {
        /// Its name.
        name: Name<200>,
        /// When the desk works.
        hours: Hours,
    },
    /// Makes another revision. What runs by an older one goes on by that.
    Revise {
        /// When the desk works from now on.
        hours: Hours,
    },
    /// Gives it another name.
    Rename {
        /// The new name.
        name: Name<200>,
    },
}

/// What can have happened to a calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The calendar came to be, with revision 1.
    CalendarDefined {
        /// Its name.
        name: Name<200>,
        /// When the desk works.
        hours: Hours,
    },
    /// It has another revision.
    CalendarRevised {
        /// Its number, from 2 on.
        revision: u32,
        /// When the desk works by it.
        hours: Hours,
    },
    /// It has another name.
    CalendarRenamed {
        /// The new name.
        name: Name<200>,
    },
}

/// A calendar, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// The hours of each revision.
    pub revisions: Revisions<Hours>,
}

impl Aggregate for Calendar {
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
        if let Command::Define { name, hours } = command {
            context.require_new()?;
            check(hours)?;
            let defined = Event::CalendarDefined { name: name.clone(), hours: hours.clone() };
            return Ok(Decision::event(context.stream, defined));
        }
        context.require_existing()?;
        match command {
            Command::Define { .. } => Ok(Decision::already()),
            Command::Revise { hours } => {
                check(hours)?;
                let Some(revision) = self.revisions.next(hours)? else { return Ok(Decision::already()) };
                Ok(Decision::event(context.stream, Event::CalendarRevised { revision, hours: hours.clone() }))
            }
            Command::Rename { name } if self.revisions.is_named(name) => Ok(Decision::already()),
            Command::Rename { name } => {
                Ok(Decision::event(context.stream, Event::CalendarRenamed { name: name.clone() }))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::CalendarDefined { name, hours } => {
                self.revisions.rename(name);
                self.revisions.push(hours.clone());
            }
            Event::CalendarRevised { revision: _, hours } => self.revisions.push(hours.clone()),
            Event::CalendarRenamed { name } => self.revisions.rename(name),
        }
    }
}

fn check(hours: &Hours) -> Result<(), Rejection> {
    hours.check().map_err(|(pointer, why)| Rejection::validation(format!("/data/hours{pointer}"), why))
}

#[cfg(test)]
#[path = "calendar_tests.rs"]
mod tests;
