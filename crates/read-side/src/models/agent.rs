//! Agents: who works on tickets.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::agent::{Availability, Event as AgentEvent, Role};
use domain::text::Name;
use domain::{Category, Event};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// The model of agents.
pub struct Agent;

/// An agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Agent)]
pub struct AgentRow {
    /// The name.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// The role: `agent`, `supervisor` or `admin`.
    #[schema(value_type = String)]
    pub role: Role,
    /// Whether the agent takes work now: `available`, `away` or `offline`.
    #[schema(value_type = String)]
    pub availability: Availability,
    /// How many unfinished tickets at once.
    pub capacity: u32,
    /// What the agent knows.
    #[schema(value_type = Vec<String>)]
    pub skills: BTreeSet<Name<64>>,
    /// When the agent was registered.
    pub registered_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

impl Entity for Agent {
    const NAME: &'static str = "agent";
    const REVISION: u32 = 2;
    const READS: &'static [Category] = &[Category::Agent];
    const COLUMNS: &'static str = "
        name text not null,
        role text not null,
        availability text not null,
        capacity integer not null,
        skills text[] not null,
        registered_at timestamptz not null,
        updated_at timestamptz not null,
        version bigint not null
    ";
    const INDEXES: &'static str = include_str!("agent.sql");
    type Row = AgentRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<AgentRow>, happened: &Happened) -> Result<Option<AgentRow>, Unfit> {
        let Event::Agent(event) = &happened.event else { return Ok(row) };
        match row {
            None => register(event, happened).map(Some),
            Some(row) => change(row, event, happened).map(Some),
        }
    }

    fn facts(row: &AgentRow) -> Vec<Fact> {
        vec![("agents".to_owned(), [1, i64::from(row.capacity), 0, 0])]
    }
}

fn register(event: &AgentEvent, happened: &Happened) -> Result<AgentRow, Unfit> {
    let AgentEvent::AgentRegistered { name, role, capacity, skills } = event else {
        return Err(Unfit("the agent was never registered".to_owned()));
    };
    Ok(AgentRow {
        name: name.clone(),
        role: *role,
        availability: Availability::Available,
        capacity: (*capacity).into(),
        skills: skills.clone(),
        registered_at: happened.occurred_at,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

fn change(mut row: AgentRow, event: &AgentEvent, happened: &Happened) -> Result<AgentRow, Unfit> {
    match event {
        AgentEvent::AgentRegistered { .. } => return Err(Unfit("the agent is registered already".to_owned())),
        AgentEvent::AgentRenamed { name } => row.name = name.clone(),
        AgentEvent::AgentRoleChanged { role } => row.role = *role,
        AgentEvent::AgentCapacityChanged { capacity } => row.capacity = (*capacity).into(),
        AgentEvent::AgentSkillsChanged { skills } => row.skills = skills.clone(),
        AgentEvent::AgentAvailabilityChanged { availability } => row.availability = *availability,
    }
    row.updated_at = happened.recorded_at;
    row.version = happened.version;
    Ok(row)
}
