mod assigning;
mod changing;
mod clocks;
mod covered;
mod following_up;
mod linking;
mod merging;
mod opening;
mod properties;
mod resolving;
mod samples;
mod table;
mod waiting;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::agent::{self, Role};
use crate::aggregates::{Category, Event as AnyEvent};
use crate::customer;
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, TimerChange};
use crate::envelope::ActorKind;
use crate::feedback;
use crate::given::{Given, given, monday};
use crate::ids::{AgentId, CalendarId, CustomerId, FeedbackId, SlaPolicyId, TeamId};
use crate::personal::Personal;
use crate::rejection::Code;
use crate::team;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(3));

/// In the first line, with room for two tickets.
const ANNA: AgentId = AgentId(Uuid::from_u128(11));
/// In both lines, with room for one ticket.
const BORIS: AgentId = AgentId(Uuid::from_u128(12));
/// In the second line, a supervisor.
const SVEN: AgentId = AgentId(Uuid::from_u128(13));
/// In the first line, offline.
const OLGA: AgentId = AgentId(Uuid::from_u128(14));

const FIRST: TeamId = TeamId(Uuid::from_u128(21));
const SECOND: TeamId = TeamId(Uuid::from_u128(22));

const GOLD: SlaPolicyId = SlaPolicyId(Uuid::from_u128(31));
const DESK: CalendarId = CalendarId(Uuid::from_u128(32));

const T: TicketId = TicketId(Uuid::from_u128(0x100));
const U: TicketId = TicketId(Uuid::from_u128(0x101));
const V: TicketId = TicketId(Uuid::from_u128(0x102));
const NONE: TicketId = TicketId(Uuid::from_u128(0x1FF));

/// The id of every command in these tests, and so of the message that it brings.
const MESSAGE: Uuid = Uuid::from_u128(0xC0);

fn ticket(number: u128) -> TicketId {
    TicketId(Uuid::from_u128(0x200 + number))
}

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn opening(customer: CustomerId) -> Value {
    json!({"customer": customer, "type": "incident", "subject": "打印机坏了", "description": "It makes a noise.",
        "channel": "web", "category": ["hardware", "printer"], "tags": ["vip"], "impact": 3, "urgency": 2})
}

/// Weekdays from nine to five.
fn desk() -> Value {
    let shifts = json!([{"start": "09:00", "end": "17:00"}]);
    json!({"zone": "Etc/UTC", "weekly": {"mon": shifts, "tue": shifts, "wed": shifts, "thu": shifts, "fri": shifts}})
}

/// What the policy `GOLD` promises.
fn gold() -> Value {
    let targets = |first: u32, next: u32, resolution: u32| {
        json!({"first_response_s": first * 60, "next_response_s": next * 60,
            "first_resolution_s": resolution * 3_600, "total_resolution_s": resolution * 7_200})
    };
    let rung = |clock: &str, percent: u16, escalation: Value| json!({"clock": clock, "percent": percent, "escalation": escalation});
    json!({"calendar": DESK,
    "targets": {"P1": targets(15, 30, 2), "P2": targets(30, 60, 4), "P3": targets(60, 120, 8)},
    "ladder": [
        rung("first_response", 50, json!({"notify": {}})),
        rung("first_response", 75, json!({"raise_priority": {}})),
        rung("first_resolution", 100, json!({"reassign": {"team": SECOND}})),
        rung("first_resolution", 100, json!({"raise_priority": {}})),
        rung("first_resolution", 150, json!({"raise_priority": {}})),
    ]})
}

/// A history, with what is claimed and which timers are set.
#[derive(Clone)]
struct World {
    events: Vec<(StreamId, AnyEvent)>,
    holdings: BTreeMap<(ClaimKey, StreamId), u32>,
    timers: BTreeMap<(StreamId, &'static str), (DateTime<Utc>, crate::Command)>,
    now: DateTime<Utc>,
    actor: Who,
}

#[derive(Clone, Copy)]
enum Who {
    Agent(AgentId),
    Other(ActorKind),
}

/// Customers, agents and teams, but no ticket. Anna acts.
fn world() -> World {
    let name = |text: &str| crate::text::Name::parse(text).unwrap();
    let mut events = Vec::new();
    for id in [LI, MEI, OLD_LI] {
        let registered = json!({"kind": "person", "lifecycle": "active",
            "display_name": {"$personal": {"subject": id, "value": "somebody"}}});
        let event = AnyEvent::read(Category::Customer, "CustomerRegistered", &registered.to_string()).unwrap();
        events.push((id.stream(), event));
    }
    events.push((OLD_LI.stream(), customer::Event::CustomerMergedInto { survivor: LI }.into()));
    let agents = [(ANNA, Role::Agent, 2), (BORIS, Role::Agent, 1), (SVEN, Role::Supervisor, 5), (OLGA, Role::Agent, 5)];
    for (id, role, capacity) in agents {
        let capacity = agent::Capacity::try_from(capacity).unwrap();
        let skills = Default::default();
        let event = agent::Event::AgentRegistered { name: name("agent"), role, capacity, skills };
        events.push((id.stream(), event.into()));
    }
    let offline = agent::Event::AgentAvailabilityChanged { availability: agent::Availability::Offline };
    events.push((OLGA.stream(), offline.into()));
    for (team, members) in [(FIRST, vec![ANNA, BORIS, OLGA]), (SECOND, vec![BORIS, SVEN])] {
        let formed = team::Event::TeamFormed { name: name("team"), routing: team::Routing::Manual };
        events.push((team.stream(), formed.into()));
        let added = |agent| (team.stream(), AnyEvent::from(team::Event::TeamMemberAdded { agent }));
        events.extend(members.into_iter().map(added));
    }
    let name = json!("setting");
    for (stream, event_type, data) in [
        (DESK.stream(), "CalendarDefined", json!({"name": name, "hours": desk()})),
        (GOLD.stream(), "SlaPolicyDefined", json!({"name": name, "terms": gold()})),
    ] {
        events.push((stream, AnyEvent::read(stream.category, event_type, &data.to_string()).unwrap()));
    }
    World { events, holdings: BTreeMap::new(), timers: BTreeMap::new(), now: monday(), actor: Who::Agent(ANNA) }
}

impl World {
    fn by(mut self, agent: AgentId) -> Self {
        self.actor = Who::Agent(agent);
        self
    }

    fn by_kind(mut self, kind: ActorKind) -> Self {
        self.actor = Who::Other(kind);
        self
    }

    fn later(mut self, by: TimeDelta) -> Self {
        self.now += by;
        self
    }

    /// The same, with an event that came about otherwise.
    fn happened(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        self.events.push((stream, event.into()));
        self
    }

    fn given(&self) -> Given {
        let past = given(self.events.iter().cloned()).at(self.now);
        let held = self
            .holdings
            .iter()
            .fold(past, |given, ((key, holder), weight)| given.holding(key.clone(), *holder, *weight));
        match self.actor {
            Who::Agent(agent) => held.by_agent(agent),
            Who::Other(kind) => held.by(kind),
        }
    }

    fn when(&self, id: TicketId, name: &str, data: Value) -> Result<Decision, Rejection> {
        self.given().when(id.stream(), command(name, data))
    }

    fn rejection(&self, id: TicketId, name: &str, data: Value) -> Rejection {
        self.when(id, name, data).expect_err(name)
    }

    fn code(&self, id: TicketId, name: &str, data: Value) -> Code {
        self.rejection(id, name, data).code
    }

    /// The types of the events that a command brings, each with `@` and the ticket's id if it is on another stream.
    fn events(&self, id: TicketId, name: &str, data: Value) -> Vec<String> {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        let named = |(stream, event): &(StreamId, AnyEvent)| {
            let event_type = event.write().unwrap().0;
            if *stream == id.stream() { event_type } else { format!("{event_type}@{:x}", stream.id.as_u128()) }
        };
        decision.events.iter().map(named).collect()
    }

    fn accept(mut self, decision: Decision) -> Self {
        self.events.extend(decision.events);
        for change in decision.claims {
            match change {
                ClaimChange::Take { key, holder, kind: ClaimKind::Counted { weight, limit } } => {
                    let others = self.holdings.iter().filter(|((held, other), _)| *held == key && *other != holder);
                    assert!(others.map(|(_, weight)| *weight).sum::<u32>() + weight <= limit, "over the limit");
                    self.holdings.insert((key, holder), weight);
                }
                ClaimChange::Take { .. } => panic!("tickets claim capacity only"),
                ClaimChange::Release { key, holder } => drop(self.holdings.remove(&(key, holder)).expect("held")),
            }
        }
        for change in decision.timers {
            match change {
                TimerChange::Set { stream, name, due_at, command } => {
                    self.timers.insert((stream, name), (due_at, *command));
                }
                TimerChange::Cancel { stream, name } => drop(self.timers.remove(&(stream, name)).expect("set")),
            }
        }
        self
    }

    fn send(self, id: TicketId, name: &str, data: Value) -> Self {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        self.accept(decision)
    }

    /// With a ticket of priority P3 whose clocks run by the policy `GOLD`.
    fn promised(self, id: TicketId) -> Self {
        let mut data = opening(LI);
        data["sla_policy"] = json!(GOLD);
        self.send(id, "open", data)
    }

    fn opened(self, id: TicketId) -> Self {
        self.send(id, "open", opening(LI))
    }

    /// With Li's ticket in a state; one that was ever assigned is Anna's, and a merged one went into `V`.
    fn ticket_in(self, id: TicketId, status: Status) -> Self {
        let new = self.opened(id);
        let assigned = |world: World| world.send(id, "assign", json!({"agent": ANNA}));
        match status {
            Status::New => new,
            Status::Open => assigned(new),
            Status::Pending => assigned(new).send(id, "await_customer", json!({"reason": "serial number"})),
            Status::OnHold => assigned(new).send(id, "hold", json!({"reason": "spare part"})),
            Status::Resolved => assigned(new).send(id, "resolve", json!({"code": "assistance"})),
            Status::Closed => new.resolved(id).send(id, "close", json!({})),
            Status::Merged => assigned(new).opened(V).send(V, "merge", json!({"loser": id})),
            Status::Cancelled => assigned(new).send(id, "cancel", json!({})),
        }
    }

    fn resolved(self, id: TicketId) -> Self {
        self.send(id, "assign", json!({"agent": ANNA})).send(id, "resolve", json!({"code": "assistance"}))
    }

    fn state(&self, id: TicketId) -> Ticket {
        let mut ticket = Ticket::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::Ticket(event)) = (*stream == id.stream(), event) {
                ticket.evolve(event);
            }
        }
        ticket
    }

    fn status(&self, id: TicketId) -> Status {
        self.state(id).status()
    }

    /// How many tickets an agent holds.
    fn load(&self, agent: AgentId) -> u32 {
        self.holdings.iter().filter(|((key, _), _)| *key == capacity_claim(agent)).map(|(_, weight)| *weight).sum()
    }

    fn timer(&self, id: TicketId, name: &'static str) -> Option<DateTime<Utc>> {
        self.timers.get(&(id.stream(), name)).map(|(due_at, _)| *due_at)
    }

    /// Lets a timer fire at its time, or late if that is over, which takes it away whatever comes of it.
    fn fire(mut self, id: TicketId, name: &'static str) -> Self {
        let (due_at, command) = self.timers.remove(&(id.stream(), name)).expect("a timer");
        let before = self.actor;
        self.now = self.now.max(due_at);
        let mut fired = self.by_kind(ActorKind::System);
        let mut decision = fired.given().when(id.stream(), command).unwrap();
        decision.timers.retain(|change| {
            !matches!(change, TimerChange::Cancel { stream, name: gone } if *stream == id.stream() && *gone == name)
        });
        fired = fired.accept(decision);
        fired.actor = before;
        fired
    }
}
