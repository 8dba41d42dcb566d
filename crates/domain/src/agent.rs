//! Agent: a person of the support desk.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decider::{Aggregate, Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::StreamId;
use crate::rejection::Rejection;
use crate::text::Name;

/// The largest capacity of an agent: how many unfinished tickets at once.
pub const CAPACITY_MAX: u32 = 1_000;
/// The most skills of an agent.
pub const SKILLS_MAX: usize = 50;

/// What an agent may do. Each role may also do what the lower ones may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works on tickets.
    #[default]
    Agent,
    /// Overrides limits, reopens closed tickets, forms teams.
    Supervisor,
    /// Also registers agents, merges and erases customers.
    Admin,
}

impl Role {
    /// The role as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }
}

/// Whether an agent takes work now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// At work.
    #[default]
    Available,
    /// Away for a while; keeps and may be given tickets.
    Away,
    /// Not at work: no ticket may be assigned.
    Offline,
}

/// A number of tickets from 1 to [`CAPACITY_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Capacity(u32);

impl TryFrom<u32> for Capacity {
    type Error = String;

    fn try_from(tickets: u32) -> Result<Self, String> {
        if (1..=CAPACITY_MAX).contains(&tickets) { Ok(Self(tickets)) } else { Err(format!("1 to {CAPACITY_MAX}")) }
    }
}

impl From<Capacity> for u32 {
    fn from(capacity: Capacity) -> u32 {
        capacity.0
    }
}

/// What can be asked of an agent. Registering and changing the role take the role admin, capacity and skills supervisor;
/// availability can be changed by the agent too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Registers a new agent.
    Register {
        /// The name.
        name: Name<200>,
        /// The role.
        #[serde(default)]
        role: Role,
        /// How many unfinished tickets at once.
        capacity: Capacity,
        /// What the agent knows.
        #[serde(default)]
        skills: BTreeSet<Name<64>>,
    },
    /// Gives another name.
    Rename {
        /// The new name.
        name: Name<200>,
    },
    /// Changes the role.
    ChangeRole {
        /// The new role.
        role: Role,
    },
    /// Changes the capacity. Tickets above it stay assigned.
    ChangeCapacity {
        /// The new capacity.
        capacity: Capacity,
    },
    /// Replaces the skills.
    ChangeSkills {
        /// All skills from now on.
        skills: BTreeSet<Name<64>>,
    },
    /// Says whether the agent takes work now.
    ChangeAvailability {
        /// The new availability.
        availability: Availability,
    },
}

/// What can have happened to an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The agent was registered and is available.
    AgentRegistered {
        /// The name.
        name: Name<200>,
        /// The role.
        role: Role,
        /// How many unfinished tickets at once.
        capacity: Capacity,
        /// What the agent knows.
        skills: BTreeSet<Name<64>>,
    },
    /// The agent has another name.
    AgentRenamed {
        /// The new name.
        name: Name<200>,
    },
    /// The agent has another role.
    AgentRoleChanged {
        /// The new role.
        role: Role,
    },
    /// The agent has another capacity.
    AgentCapacityChanged {
        /// The new capacity.
        capacity: Capacity,
    },
    /// The agent has other skills.
    AgentSkillsChanged {
        /// All skills from now on.
        skills: BTreeSet<Name<64>>,
    },
    /// The agent's availability changed.
    AgentAvailabilityChanged {
        /// The new availability.
        availability: Availability,
    },
}

/// An agent, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct Agent {
    /// The name.
    pub name: Option<Name<200>>,
    /// The role.
    pub role: Role,
    /// How many unfinished tickets at once.
    pub capacity: u32,
    /// What the agent knows.
    pub skills: BTreeSet<Name<64>>,
    /// Whether the agent takes work now.
    pub availability: Availability,
}

impl Agent {
    /// Whether tickets may be assigned and rights used.
    #[must_use]
    pub fn active(&self) -> bool {
        self.availability != Availability::Offline
    }

    fn allow(command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
        match command {
            Command::Register { .. } | Command::Rename { .. } | Command::ChangeRole { .. } => {
                context.require_role(Role::Admin)
            }
            Command::ChangeCapacity { .. } | Command::ChangeSkills { .. } => context.require_role(Role::Supervisor),
            Command::ChangeAvailability { .. }
                if context.actor.agent().map(|id| id.stream()) == Some(context.stream) =>
            {
                Ok(())
            }
            Command::ChangeAvailability { .. } => context.require_role(Role::Supervisor),
        }
    }
}

fn check_skills(skills: &BTreeSet<Name<64>>) -> Result<(), Rejection> {
    if skills.len() > SKILLS_MAX {
        Err(Rejection::limit_exceeded("skills of an agent", SKILLS_MAX as u64))
    } else {
        Ok(())
    }
}

impl Aggregate for Agent {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Register { .. })
    }

    fn reads(_: Uuid, _: &Command, actor: &Actor, _: &Loaded) -> Vec<StreamId> {
        actor_stream(actor).into_iter().collect()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        Self::allow(command, context)?;
        let happened = |event: Event| Ok(Decision::event(context.stream, event));
        if !matches!(command, Command::Register { .. }) {
            context.require_existing()?;
        }
        match command {
            Command::Register { name, role, capacity, skills } => {
                context.require_new()?;
                check_skills(skills)?;
                let (name, skills) = (name.clone(), skills.clone());
                happened(Event::AgentRegistered { name, role: *role, capacity: *capacity, skills })
            }
            Command::Rename { name } if self.name.as_ref() == Some(name) => Ok(Decision::already()),
            Command::Rename { name } => happened(Event::AgentRenamed { name: name.clone() }),
            Command::ChangeRole { role } if self.role == *role => Ok(Decision::already()),
            Command::ChangeRole { role } => happened(Event::AgentRoleChanged { role: *role }),
            Command::ChangeCapacity { capacity } if self.capacity == capacity.0 => Ok(Decision::already()),
            Command::ChangeCapacity { capacity } => happened(Event::AgentCapacityChanged { capacity: *capacity }),
            Command::ChangeSkills { skills } if self.skills == *skills => Ok(Decision::already()),
            Command::ChangeSkills { skills } => {
                check_skills(skills)?;
                happened(Event::AgentSkillsChanged { skills: skills.clone() })
            }
            Command::ChangeAvailability { availability } if self.availability == *availability => {
                Ok(Decision::already())
            }
            Command::ChangeAvailability { availability } => {
                happened(Event::AgentAvailabilityChanged { availability: *availability })
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::AgentRegistered { name, role, capacity, skills } => {
                self.name = Some(name.clone());
                self.role = *role;
                self.capacity = capacity.0;
                self.skills = skills.clone();
            }
            Event::AgentRenamed { name } => self.name = Some(name.clone()),
            Event::AgentRoleChanged { role } => self.role = *role,
            Event::AgentCapacityChanged { capacity } => self.capacity = capacity.0,
            Event::AgentSkillsChanged { skills } => self.skills = skills.clone(),
            Event::AgentAvailabilityChanged { availability } => self.availability = *availability,
        }
    }
}

#[cfg(test)]
#[path = "agent_tests.rs"]
mod tests;
