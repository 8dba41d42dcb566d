//! Teams, agents and their capacity.

use super::event::Event;
use super::state::Ticket;
use super::transitions::cell;
use crate::agent::{Agent, Role};
use crate::decider::{ClaimKey, Context, Decision, Loaded};
use crate::ids::{AgentId, StreamId, TeamId};
use crate::rejection::{Code, Rejection};
use crate::team::Team;

/// The claim on an agent's capacity: each unfinished ticket of the agent holds one share.
#[must_use]
pub fn capacity_claim(agent: AgentId) -> ClaimKey {
    ClaimKey::new("agent.capacity", agent.to_string())
}

/// Refuses an agent who cannot take work of a team: unknown, not active, or not in the team.
///
/// # Errors
/// `reference_missing`, `agent_inactive` or `agent_not_in_team`.
pub(crate) fn eligible(agent: AgentId, team: Option<TeamId>, loaded: &Loaded) -> Result<&Agent, Rejection> {
    let found = loaded
        .get::<Agent>(agent.stream())
        .ok_or_else(|| Rejection::reference_missing("/data/agent", agent.stream()))?;
    if !found.active() {
        return Err(Rejection::new(Code::AgentInactive, format!("the agent {agent} is not active")));
    }
    match team {
        Some(team) if !is_member(agent, team, loaded) => {
            Err(Rejection::new(Code::AgentNotInTeam, format!("the agent {agent} is not in the team {team}")))
        }
        Some(_) | None => Ok(found),
    }
}

fn is_member(agent: AgentId, team: TeamId, loaded: &Loaded) -> bool {
    loaded.get::<Team>(team.stream()).is_some_and(|team| team.members.contains(&agent))
}

/// Refuses an agent whose other tickets leave no room for the one in `holder`.
fn has_room(found: &Agent, agent: AgentId, holder: StreamId, loaded: &Loaded) -> Result<(), Rejection> {
    let taken: u64 = loaded.others(&capacity_claim(agent), holder).map(|holding| u64::from(holding.weight)).sum();
    if taken < u64::from(found.capacity) {
        return Ok(());
    }
    let detail = format!("the agent {agent} has {taken} of {} tickets", found.capacity);
    Err(Rejection::new(Code::Capacity, detail).with("limit", found.capacity).with("taken", taken))
}

/// Takes the ticket from its agent, if a ticket that comes back to work finds the agent without room for it.
pub(super) fn keep_or_unassign(decision: Decision, ticket: &Ticket, stream: StreamId, loaded: &Loaded) -> Decision {
    let Some(from) = ticket.standing.assignee else { return decision };
    match eligible(from, ticket.team, loaded).and_then(|agent| has_room(agent, from, stream, loaded)) {
        Ok(()) => decision,
        Err(_) => decision.and(stream, Event::TicketUnassigned { from }),
    }
}

fn team_exists(team: TeamId, loaded: &Loaded) -> Result<(), Rejection> {
    match loaded.get::<Team>(team.stream()) {
        Some(_) => Ok(()),
        None => Err(Rejection::reference_missing("/data/team", team.stream())),
    }
}

/// Refuses a team that does not exist.
///
/// # Errors
/// `reference_missing`.
pub(crate) fn check_team(team: Option<TeamId>, loaded: &Loaded) -> Result<(), Rejection> {
    team.map_or(Ok(()), |team| team_exists(team, loaded))
}

pub(super) fn route(ticket: &Ticket, to: TeamId, context: &Context<'_>) -> Result<Decision, Rejection> {
    if ticket.team == Some(to) {
        return Ok(Decision::already());
    }
    team_exists(to, context.loaded)?;
    let routed = Decision::event(context.stream, Event::TicketRouted { from: ticket.team, to });
    Ok(match ticket.standing.assignee {
        Some(from) if !is_member(from, to, context.loaded) => {
            routed.and(context.stream, Event::TicketUnassigned { from })
        }
        Some(_) | None => routed,
    })
}

pub(super) fn assign(
    ticket: &Ticket,
    team: Option<TeamId>,
    to: AgentId,
    overridden: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if overridden {
        context.require_role(Role::Supervisor)?;
    }
    check_team(team, context.loaded)?;
    let routed = match team {
        Some(to) if ticket.team != Some(to) => {
            Decision::event(context.stream, Event::TicketRouted { from: ticket.team, to })
        }
        Some(_) | None => Decision::already(),
    };
    let from = ticket.standing.assignee;
    if from == Some(to) && routed.events.is_empty() {
        return Ok(Decision::already());
    }
    let agent = eligible(to, team.or(ticket.team), context.loaded)?;
    if from == Some(to) {
        return Ok(routed);
    }
    if !overridden {
        has_room(agent, to, context.stream, context.loaded)?;
    }
    let status = cell("assign", ticket.status()).status(ticket.status());
    Ok(routed.and(context.stream, Event::TicketAssigned { from, to, overridden, status }))
}

pub(super) fn unassign(ticket: &Ticket, context: &Context<'_>) -> Decision {
    match ticket.standing.assignee {
        Some(from) => Decision::event(context.stream, Event::TicketUnassigned { from }),
        None => Decision::already(),
    }
}
