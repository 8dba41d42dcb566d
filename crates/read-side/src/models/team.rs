//! Teams: agents who work on tickets together.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::ids::AgentId;
use domain::team::{Event as TeamEvent, Routing};
use domain::text::Name;
use domain::{Category, Event};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// The model of teams.
pub struct Team;

/// A team.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Team)]
pub struct TeamRow {
    /// The name.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// How tickets find an agent of the team: `manual`, `round_robin` or `least_busy`.
    #[schema(value_type = String)]
    pub routing: Routing,
    /// Its members, in order of their ids.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub members: BTreeSet<AgentId>,
    /// When it was formed.
    pub formed_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

impl Entity for Team {
    const NAME: &'static str = "team";
    const REVISION: u32 = 2;
    const READS: &'static [Category] = &[Category::Team];
    const COLUMNS: &'static str = "
        name text not null,
        routing text not null,
        members uuid[] not null,
        formed_at timestamptz not null,
        updated_at timestamptz not null,
        version bigint not null
    ";
    const INDEXES: &'static str = include_str!("team.sql");
    type Row = TeamRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<TeamRow>, happened: &Happened) -> Result<Option<TeamRow>, Unfit> {
        let Event::Team(event) = &happened.event else { return Ok(row) };
        match row {
            None => form(event, happened).map(Some),
            Some(row) => change(row, event, happened).map(Some),
        }
    }

    fn facts(row: &TeamRow) -> Vec<Fact> {
        vec![("teams".to_owned(), [1, i64::try_from(row.members.len()).unwrap_or(i64::MAX), 0, 0])]
    }
}

fn form(event: &TeamEvent, happened: &Happened) -> Result<TeamRow, Unfit> {
    let TeamEvent::TeamFormed { name, routing } = event else {
        return Err(Unfit("the team was never formed".to_owned()));
    };
    Ok(TeamRow {
        name: name.clone(),
        routing: *routing,
        members: BTreeSet::new(),
        formed_at: happened.occurred_at,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

fn change(mut row: TeamRow, event: &TeamEvent, happened: &Happened) -> Result<TeamRow, Unfit> {
    match event {
        TeamEvent::TeamFormed { .. } => return Err(Unfit("the team is formed already".to_owned())),
        TeamEvent::TeamRenamed { name } => row.name = name.clone(),
        TeamEvent::TeamRoutingChanged { routing } => row.routing = *routing,
        TeamEvent::TeamMemberAdded { agent } => _ = row.members.insert(*agent),
        TeamEvent::TeamMemberRemoved { agent } => _ = row.members.remove(agent),
    }
    row.updated_at = happened.recorded_at;
    row.version = happened.version;
    Ok(row)
}
