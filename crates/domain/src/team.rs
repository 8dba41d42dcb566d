//! Team: agents who work on tickets together.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::{Agent, Role};
use crate::decider::{Aggregate, Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::{AgentId, StreamId};
use crate::rejection::Rejection;
use crate::text::Name;

/// The most members of a team.
pub const MEMBERS_MAX: usize = 1_000;

/// How tickets find an agent of the team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routing {
    /// Each in turn.
    RoundRobin,
    /// The one with the least work.
    LeastBusy,
    /// By hand.
    #[default]
    Manual,
}

/// What can be asked of a team. All of it takes the role supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Forms a new team.
    Form {
        /// Its name.
        name: Name<200>,
        /// How tickets find an agent; by hand unless said otherwise.
        #[serde(default)]
        routing: Routing,
    },
    /// Gives it another name.
    Rename {
        /// The new name.
        name: Name<200>,
    },
    /// Changes how tickets find an agent.
    ChangeRouting {
        /// The new way.
        routing: Routing,
    },
    /// Takes an agent in.
    AddMember {
        /// Who.
        agent: AgentId,
    },
    /// Lets an agent go.
    RemoveMember {
        /// Who.
        agent: AgentId,
    },
}

/// What can have happened to a team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The team came to be.
    TeamFormed {
        /// Its name.
        name: Name<200>,
        /// How tickets find an agent.
        routing: Routing,
    },
    /// It has another name.
    TeamRenamed {
        /// The new name.
        name: Name<200>,
    },
    /// Tickets find an agent in another way.
    TeamRoutingChanged {
        /// The new way.
        routing: Routing,
    },
    /// An agent joined.
    TeamMemberAdded {
        /// Who.
        agent: AgentId,
    },
    /// An agent left.
    TeamMemberRemoved {
        /// Who.
        agent: AgentId,
    },
}

/// A team, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct Team {
    /// The name.
    pub name: Option<Name<200>>,
    /// How tickets find an agent.
    pub routing: Routing,
    /// Who is in it.
    pub members: BTreeSet<AgentId>,
}

impl Aggregate for Team {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Form { .. })
    }

    fn reads(_: Uuid, command: &Command, actor: &Actor, _: &Loaded) -> Vec<StreamId> {
        let member = match command {
            Command::AddMember { agent } => Some(agent.stream()),
            Command::Form { .. }
            | Command::Rename { .. }
            | Command::ChangeRouting { .. }
            | Command::RemoveMember { .. } => None,
        };
        actor_stream(actor).into_iter().chain(member).collect()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        context.require_role(Role::Supervisor)?;
        let happened = |event: Event| Ok(Decision::event(context.stream, event));
        if let Command::Form { name, routing } = command {
            context.require_new()?;
            return happened(Event::TeamFormed { name: name.clone(), routing: *routing });
        }
        context.require_existing()?;
        match command {
            Command::Form { .. } => Ok(Decision::already()),
            Command::Rename { name } if self.name.as_ref() == Some(name) => Ok(Decision::already()),
            Command::Rename { name } => happened(Event::TeamRenamed { name: name.clone() }),
            Command::ChangeRouting { routing } if self.routing == *routing => Ok(Decision::already()),
            Command::ChangeRouting { routing } => happened(Event::TeamRoutingChanged { routing: *routing }),
            Command::AddMember { agent } => self.add(*agent, context),
            Command::RemoveMember { agent } if !self.members.contains(agent) => Ok(Decision::already()),
            Command::RemoveMember { agent } => happened(Event::TeamMemberRemoved { agent: *agent }),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::TeamFormed { name, routing } => {
                self.name = Some(name.clone());
                self.routing = *routing;
            }
            Event::TeamRenamed { name } => self.name = Some(name.clone()),
            Event::TeamRoutingChanged { routing } => self.routing = *routing,
            Event::TeamMemberAdded { agent } => {
                self.members.insert(*agent);
            }
            Event::TeamMemberRemoved { agent } => {
                self.members.remove(agent);
            }
        }
    }
}

impl Team {
    fn add(&self, agent: AgentId, context: &Context<'_>) -> Result<Decision, Rejection> {
        if self.members.contains(&agent) {
            return Ok(Decision::already());
        }
        if context.loaded.get::<Agent>(agent.stream()).is_none() {
            return Err(Rejection::reference_missing("/data/agent", agent.stream()));
        }
        if self.members.len() >= MEMBERS_MAX {
            return Err(Rejection::limit_exceeded("members of a team", MEMBERS_MAX as u64));
        }
        Ok(Decision::event(context.stream, Event::TeamMemberAdded { agent }))
    }
}

#[cfg(test)]
#[path = "team_tests.rs"]
mod tests;
