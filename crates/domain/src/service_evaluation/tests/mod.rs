mod actions;
mod appealing;
mod drafting;
mod lives;
mod results;
mod scoring;
mod subjects;
mod table;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::agent::{self, Role};
use crate::aggregates::{Category, Event as AnyEvent};
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::{AgentId, CustomerId, ScorecardId, TeamId, TicketId};
use crate::rejection::Code;
use crate::text::Name;
use crate::{scorecard, team};

/// Evaluates.
const ANNA: AgentId = AgentId(Uuid::from_u128(11));
/// In the first line; has the ticket `T`.
const BORIS: AgentId = AgentId(Uuid::from_u128(12));
/// A supervisor in the first line.
const SVEN: AgentId = AgentId(Uuid::from_u128(13));
/// A supervisor in no team.
const VERA: AgentId = AgentId(Uuid::from_u128(14));
/// In no team.
const CARL: AgentId = AgentId(Uuid::from_u128(15));
/// Registered nowhere.
const NOBODY: AgentId = AgentId(Uuid::from_u128(19));

const FIRST: TeamId = TeamId(Uuid::from_u128(21));
const LI: CustomerId = CustomerId(Uuid::from_u128(31));
const T: TicketId = TicketId(Uuid::from_u128(32));
const VISITS: ScorecardId = ScorecardId(Uuid::from_u128(33));
const E: ServiceEvaluationId = ServiceEvaluationId(Uuid::from_u128(41));

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn event(category: Category, event_type: &str, data: Value) -> AnyEvent {
    AnyEvent::read(category, event_type, &data.to_string()).unwrap()
}

/// Punctual 40 %, clean 40 %, safe 20 %; whoever is not safe fails.
fn visits() -> Value {
    json!({"criteria": [
        {"id": "punctual", "name": "准时", "weight_permille": 400, "scale": 5},
        {"id": "clean", "name": "整洁", "weight_permille": 400, "scale": 10},
        {"id": "safe", "name": "安全", "weight_permille": 200, "scale": 10, "critical_below": 5},
    ]})
}

/// Agents, a team, a ticket and a scorecard, but no evaluation. Anna acts.
fn desk() -> Given {
    let agents = [
        (ANNA, Role::Agent),
        (BORIS, Role::Agent),
        (SVEN, Role::Supervisor),
        (VERA, Role::Supervisor),
        (CARL, Role::Agent),
    ];
    let registered = agents.map(|(id, role)| {
        let (capacity, skills) = (agent::Capacity::try_from(5).unwrap(), Default::default());
        let event = agent::Event::AgentRegistered { name: Name::parse("agent").unwrap(), role, capacity, skills };
        (id.stream(), AnyEvent::from(event))
    });
    let opened = json!({"customer": LI, "type": "incident", "channel": "web", "category": [], "tags": [],
        "subject": {"$personal": {"subject": LI, "value": "打印机坏了"}}, "impact": 3, "urgency": 2, "priority": "P3"});
    let assigned = json!({"to": BORIS, "overridden": false, "status": "open"});
    let others = [
        (FIRST.stream(), event(Category::Team, "TeamFormed", json!({"name": "First line", "routing": "manual"}))),
        (FIRST.stream(), team::Event::TeamMemberAdded { agent: BORIS }.into()),
        (FIRST.stream(), team::Event::TeamMemberAdded { agent: SVEN }.into()),
        (T.stream(), event(Category::Ticket, "TicketOpened", opened)),
        (T.stream(), event(Category::Ticket, "TicketAssigned", assigned)),
        (VISITS.stream(), event(Category::Scorecard, "ScorecardDefined", json!({"name": "Visits", "card": visits()}))),
    ];
    given(registered.into_iter().chain(others)).by_agent(ANNA)
}

fn drafting(kind: &str, id: Uuid) -> Value {
    json!({"name": "March visits", "subject": {"kind": kind, "id": id}, "scorecard": VISITS,
        "period": {"start": "2026-02-01T00:00:00Z", "end": "2026-03-01T00:00:00Z"}})
}

fn score(criterion: &str, score: impl Into<Value>) -> Command {
    command("score", json!({"criterion": criterion, "score": score.into()}))
}

fn submit() -> Command {
    command("submit", json!({"as_of_position": 4_100}))
}

fn appeal() -> Command {
    command("appeal", json!({"reason": "The road was closed."}))
}

fn uphold() -> Command {
    command("decide_appeal", json!({"outcome": "upheld", "reason": "Another road was open."}))
}

fn revise(scores: Value) -> Command {
    command("decide_appeal", json!({"outcome": "revised", "reason": "It was.", "scores": scores}))
}

fn raise(action: u128) -> Command {
    let (action_id, due) = (Uuid::from_u128(action), "2026-04-01T00:00:00Z");
    command("raise_action", json!({"action_id": action_id, "text": "Look at the map.", "owner": BORIS, "due": due}))
}

const FINALIZE: Command = Command::Finalize {};

/// Anna's draft about Boris's ticket.
fn a_draft() -> Given {
    desk().then(E.stream(), command("draft", drafting("ticket", T.0)))
}

/// Scored 3 of 5, 6 of 10 and 10 of 10: 68.
fn a_scored_draft() -> Given {
    [score("punctual", 3), score("clean", 6), score("safe", 10)]
        .into_iter()
        .fold(a_draft(), |given, command| given.then(E.stream(), command))
}

/// Anna's evaluation about Boris's ticket in a state; Anna acts.
fn an_evaluation(status: Status) -> Given {
    let submitted = || a_scored_draft().then(E.stream(), submit());
    let appealed = || submitted().by_agent(BORIS).then(E.stream(), appeal()).by_agent(VERA);
    let given = match status {
        Status::Draft => a_scored_draft(),
        Status::Submitted => submitted(),
        Status::Appealed => appealed(),
        Status::Upheld => appealed().then(E.stream(), uphold()),
        Status::Revised => appealed().then(E.stream(), revise(json!([{"criterion": "punctual", "score": 5}]))),
        Status::Finalized => submitted().then(E.stream(), FINALIZE),
    };
    given.by_agent(ANNA)
}

fn when(given: &Given, command: Command) -> Result<Decision, Rejection> {
    given.when(E.stream(), command)
}

/// The one event that a command brings.
fn brought(given: &Given, command: Command) -> Event {
    let decision = when(given, command).unwrap();
    match &decision.events[..] {
        [(stream, AnyEvent::ServiceEvaluation(event))] if *stream == E.stream() => event.clone(),
        _ => panic!("{decision:?}"),
    }
}

fn code(given: &Given, command: Command) -> Option<Code> {
    when(given, command).err().map(|rejection| rejection.code)
}

fn pointer(given: &Given, command: Command) -> Option<String> {
    when(given, command).err().and_then(|rejection| rejection.errors.into_iter().next()).map(|error| error.pointer)
}

/// One of every command, in the order of the table.
fn commands() -> [Command; 7] {
    [
        command("draft", drafting("ticket", T.0)),
        score("safe", "not_applicable"),
        submit(),
        appeal(),
        uphold(),
        FINALIZE,
        raise(1),
    ]
}
