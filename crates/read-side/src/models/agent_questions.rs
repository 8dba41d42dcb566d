//! The questions about agents and teams.

use std::sync::LazyLock;

use domain::agent::{Availability, Role};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{Asked, Found, ListStatement, Parameters, Slice, Sort, SortKind};

/// The orders of the list of agents; the first is the default.
pub const AGENT_SORTS: &[Sort] = &[
    Sort::new("name", "name", SortKind::Text),
    Sort::new("-name", "name", SortKind::Text),
    Sort::new("registered_at", "registered_at", SortKind::Moment),
    Sort::new("-registered_at", "registered_at", SortKind::Moment),
    Sort::new("id", "key", SortKind::Id),
];

/// The orders of the list of teams; the first is the default.
pub const TEAM_SORTS: &[Sort] = &[
    Sort::new("name", "name", SortKind::Text),
    Sort::new("-name", "name", SortKind::Text),
    Sort::new("id", "key", SortKind::Id),
];

/// Which agents. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentFilter {
    /// Those of this role.
    pub role: Option<Role>,
    /// Those that take work or do not.
    pub availability: Option<Availability>,
    /// Those with this skill.
    pub skill: Option<String>,
    /// The members of this team.
    pub team: Option<Uuid>,
}

pub(crate) static AGENTS: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("agent_list", include_str!("agent_list.sql"), AGENT_SORTS));
pub(crate) static TEAMS: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("team_list", include_str!("team_list.sql"), TEAM_SORTS));

/// The agents that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn agents(
    connection: &mut PgConnection,
    filter: AgentFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let AgentFilter { role, availability, skill, team } = filter;
    Parameters::at(as_of)?
        .with(role.map(Role::name))?
        .with(availability.map(written))?
        .with(skill)?
        .with(team)?
        .page(connection, &AGENTS, slice)
        .await
}

const fn written(availability: Availability) -> &'static str {
    match availability {
        Availability::Available => "available",
        Availability::Away => "away",
        Availability::Offline => "offline",
    }
}

/// The teams, all or those with a member.
///
/// # Errors
/// The database cannot be asked.
pub async fn teams(
    connection: &mut PgConnection,
    member: Option<Uuid>,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?.with(member)?.page(connection, &TEAMS, slice).await
}
