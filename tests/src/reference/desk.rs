//! Agents and teams.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Case, Judgement};

/// An agent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Agent {
    pub(crate) version: u64,
    pub(crate) name: String,
    /// 1 agent, 2 supervisor, 3 admin.
    pub(crate) role: u8,
    pub(crate) capacity: i64,
    pub(crate) skills: BTreeSet<String>,
    pub(crate) availability: String,
}

impl Agent {
    pub(crate) fn is_active(&self) -> bool {
        self.availability != "offline"
    }
}

/// A team.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Team {
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) routing: String,
    pub(crate) members: BTreeSet<Uuid>,
}

/// The rank of a role.
pub(crate) fn rank(role: &str) -> u8 {
    match role {
        "admin" => 3,
        "supervisor" => 2,
        _ => 1,
    }
}

pub(super) fn judge_agent(case: &Case<'_>, judged: &mut Judgement) {
    let Case { world, ask, .. } = case;
    let id = ask.id;
    let role = match ask.name {
        "change_availability" if case.acting_agent() == Some(id) => 0,
        "change_availability" | "change_capacity" | "change_skills" => 2,
        _ => 3,
    };
    judged.gate(role > 0 && !case.has_role(role), "forbidden");
    let skills = ask.names("skills");
    if ask.name == "register" {
        judged.gate(world.agents.contains_key(&id), "already_exists");
        judged.rule(skills.len() > 50, "limit_exceeded");
        let (name, role) = (ask.name_of("name").unwrap_or_default(), rank(ask.text("role").unwrap_or_default()));
        let capacity = ask.whole("capacity").unwrap_or(0);
        judged.on_agent(id, "AgentRegistered", move |agent| {
            let version = agent.version;
            *agent = Agent { version, name, role, capacity, skills, availability: "available".to_owned() };
        });
        return;
    }
    let Some(agent) = world.agents.get(&id) else { return judged.gate(true, "not_found") };
    match ask.name {
        "rename" => {
            let name = ask.name_of("name").unwrap_or_default();
            judged.already(agent.name == name);
            judged.on_agent(id, "AgentRenamed", move |agent| agent.name = name);
        }
        "change_role" => {
            let role = rank(ask.text("role").unwrap_or_default());
            judged.already(agent.role == role);
            judged.on_agent(id, "AgentRoleChanged", move |agent| agent.role = role);
        }
        "change_capacity" => {
            let capacity = ask.whole("capacity").unwrap_or(0);
            judged.already(agent.capacity == capacity);
            judged.on_agent(id, "AgentCapacityChanged", move |agent| agent.capacity = capacity);
        }
        "change_skills" => {
            judged.already(agent.skills == skills);
            judged.rule(skills.len() > 50, "limit_exceeded");
            judged.on_agent(id, "AgentSkillsChanged", move |agent| agent.skills = skills);
        }
        _ => {
            let availability = ask.text("availability").unwrap_or_default().to_owned();
            judged.already(agent.availability == availability);
            judged.on_agent(id, "AgentAvailabilityChanged", move |agent| agent.availability = availability);
        }
    }
}

pub(super) fn judge_team(case: &Case<'_>, judged: &mut Judgement) {
    let Case { world, ask, .. } = case;
    let id = ask.id;
    judged.gate(!case.has_role(2), "forbidden");
    let (name, routing) = (ask.name_of("name").unwrap_or_default(), ask.text("routing").unwrap_or("manual").to_owned());
    if ask.name == "form" {
        judged.gate(world.teams.contains_key(&id), "already_exists");
        judged.on_team(id, "TeamFormed", move |team| {
            team.name = name;
            team.routing = routing;
        });
        return;
    }
    let Some(team) = world.teams.get(&id) else { return judged.gate(true, "not_found") };
    let agent = ask.id_in("agent");
    match ask.name {
        "rename" => {
            judged.already(team.name == name);
            judged.on_team(id, "TeamRenamed", move |team| team.name = name);
        }
        "change_routing" => {
            judged.already(team.routing == routing);
            judged.on_team(id, "TeamRoutingChanged", move |team| team.routing = routing);
        }
        "add_member" => {
            judged.already(team.members.contains(&agent));
            judged.rule(!world.agents.contains_key(&agent), "reference_missing");
            judged.rule(team.members.len() >= 1_000, "limit_exceeded");
            judged.on_team(id, "TeamMemberAdded", move |team| {
                team.members.insert(agent);
            });
        }
        _ => {
            judged.already(!team.members.contains(&agent));
            judged.on_team(id, "TeamMemberRemoved", move |team| {
                team.members.remove(&agent);
            });
        }
    }
}
