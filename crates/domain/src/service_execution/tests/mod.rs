mod booking;
mod ending;
mod planning;
mod properties;
mod samples;
mod table;
mod working;

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::agent::{self, Role};
use crate::aggregates::{Category, Event as AnyEvent};
use crate::customer;
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, TimeRange};
use crate::envelope::ActorKind;
use crate::given::{Given, given, monday};
use crate::ids::{AgentId, CustomerId, TicketId};
use crate::rejection::Code;
use crate::text::Name;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(3));

/// Knows electricity.
const ANNA: AgentId = AgentId(Uuid::from_u128(11));
/// Knows refrigerants.
const BORIS: AgentId = AgentId(Uuid::from_u128(12));
/// A supervisor, who knows neither.
const SVEN: AgentId = AgentId(Uuid::from_u128(13));
/// Knows electricity, offline.
const OLGA: AgentId = AgentId(Uuid::from_u128(14));

/// Li's ticket.
const TICKET: TicketId = TicketId(Uuid::from_u128(21));

const E: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(0x100));
const F: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(0x101));
const NONE: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(0x1FF));

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// So many minutes after Monday, nine o'clock.
fn minute(after: i64) -> DateTime<Utc> {
    monday() + TimeDelta::minutes(after)
}

fn written(time: DateTime<Utc>) -> Value {
    json!(time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// An air conditioner of Li's, to be repaired on Monday from eight to eight by somebody who knows electricity.
fn planning() -> Value {
    json!({"name": "空调维修", "content": "Replace the compressor.", "customer": LI, "ticket": TICKET,
        "site": "南京西路 1 号", "window": {"earliest": written(minute(-60)), "latest": written(minute(660))},
        "skills": ["electric"],
        "checklist": [{"id": "power", "name": "Power is off", "mandatory": true}, {"id": "photo", "name": "Photo"}]})
}

fn with(field: &str, value: Value) -> Value {
    let mut data = planning();
    data[field] = value;
    data
}

/// A booking from one minute after nine to another.
fn booked(from: i64, to: i64, resources: &[AgentId]) -> Value {
    json!({"start": written(minute(from)), "end": written(minute(to)), "resources": resources})
}

fn overriding(mut data: Value) -> Value {
    data["override"] = json!(true);
    data
}

fn none() -> Value {
    json!({})
}

/// A history, with what is claimed.
#[derive(Clone)]
struct World {
    given: Given,
    events: Vec<(StreamId, AnyEvent)>,
    holdings: BTreeMap<(ClaimKey, StreamId), TimeRange>,
}

/// Customers, agents and a ticket, but no execution. Anna acts, on Monday at nine.
fn world() -> World {
    let name = |text: &str| Name::parse(text).unwrap();
    let mut events = Vec::new();
    for id in [LI, MEI, OLD_LI] {
        let registered = json!({"kind": "person", "lifecycle": "active",
            "display_name": {"$personal": {"subject": id, "value": "somebody"}}});
        let event = AnyEvent::read(Category::Customer, "CustomerRegistered", &registered.to_string()).unwrap();
        events.push((id.stream(), event));
    }
    events.push((OLD_LI.stream(), customer::Event::CustomerMergedInto { survivor: LI }.into()));
    let agents = [
        (ANNA, Role::Agent, "electric"),
        (BORIS, Role::Agent, "refrigerant"),
        (SVEN, Role::Supervisor, "law"),
        (OLGA, Role::Agent, "electric"),
    ];
    for (id, role, skill) in agents {
        let (capacity, skills) = (agent::Capacity::try_from(1).unwrap(), [Skill::parse(skill).unwrap()].into());
        let event = agent::Event::AgentRegistered { name: name("agent"), role, capacity, skills };
        events.push((id.stream(), event.into()));
    }
    let offline = agent::Event::AgentAvailabilityChanged { availability: agent::Availability::Offline };
    events.push((OLGA.stream(), offline.into()));
    let opened = json!({"customer": LI, "type": "incident", "subject": {"$personal": {"subject": LI, "value": "hot"}},
        "channel": "web", "category": [], "impact": 3, "urgency": 2, "priority": "P3"});
    let opened = AnyEvent::read(Category::Ticket, "TicketOpened", &opened.to_string()).unwrap();
    events.push((TICKET.stream(), opened));
    World { given: given(events).by_agent(ANNA), events: Vec::new(), holdings: BTreeMap::new() }
}

impl World {
    fn by(mut self, agent: AgentId) -> Self {
        self.given = self.given.by_agent(agent);
        self
    }

    fn by_kind(mut self, kind: ActorKind) -> Self {
        self.given = self.given.by(kind);
        self
    }

    fn at(mut self, time: DateTime<Utc>) -> Self {
        self.given = self.given.at(time);
        self
    }

    /// The same, with an event that came about otherwise.
    fn happened(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        self.given.happened(stream, &event.into());
        self
    }

    fn erased(self) -> Self {
        self.happened(LI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() })
    }

    fn when(&self, id: ServiceExecutionId, name: &str, data: Value) -> Result<Decision, Rejection> {
        self.given.when(id.stream(), command(name, data))
    }

    fn rejection(&self, id: ServiceExecutionId, name: &str, data: Value) -> Rejection {
        self.when(id, name, data).expect_err(name)
    }

    fn code(&self, id: ServiceExecutionId, name: &str, data: Value) -> Code {
        self.rejection(id, name, data).code
    }

    /// The code and the pointer of the first field that is not valid.
    fn invalid(&self, id: ServiceExecutionId, name: &str, data: Value) -> (Code, String) {
        let rejection = self.rejection(id, name, data);
        let pointer = rejection.errors.first().map(|error| error.pointer.clone());
        (rejection.code, pointer.unwrap_or_default())
    }

    /// The one event that a command brings.
    fn event(&self, id: ServiceExecutionId, name: &str, data: Value) -> Event {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        match &decision.events[..] {
            [(stream, AnyEvent::ServiceExecution(event))] if *stream == id.stream() => event.clone(),
            events => panic!("{name}: {events:?}"),
        }
    }

    /// Makes a decision part of the past. What it takes must be free, and what it gives back held.
    fn accept(mut self, id: ServiceExecutionId, command: Command, decision: Decision) -> Self {
        for change in &decision.claims {
            match change {
                ClaimChange::Take { key, holder, kind: ClaimKind::Interval(range) } => {
                    let mut others = self.holdings.iter().filter(|((held, by), _)| held == key && by != holder);
                    assert!(others.all(|(_, held)| !held.overlaps(range)), "booked twice");
                    self.holdings.insert((key.clone(), *holder), *range);
                }
                ClaimChange::Take { .. } => panic!("executions claim times only"),
                ClaimChange::Release { key, holder } => {
                    assert!(self.holdings.remove(&(key.clone(), *holder)).is_some(), "not held");
                }
            }
        }
        self.given = self.given.then(id.stream(), command);
        self.events.extend(decision.events);
        self
    }

    fn send(self, id: ServiceExecutionId, name: &str, data: Value) -> Self {
        let command = command(name, data);
        match self.given.when(id.stream(), command.clone()) {
            Ok(decision) => self.accept(id, command, decision),
            Err(rejection) => panic!("{name}: {rejection:?}"),
        }
    }

    fn planned(self, id: ServiceExecutionId) -> Self {
        self.send(id, "plan", planning())
    }

    /// With one that is planned and booked for Anna from ten to twelve.
    fn scheduled(self, id: ServiceExecutionId) -> Self {
        self.planned(id).send(id, "schedule", booked(60, 180, &[ANNA]))
    }

    /// With one that is worked on and whose mandatory item is done.
    fn in_progress(self, id: ServiceExecutionId) -> Self {
        let done = json!({"item": "power", "result": "done"});
        self.scheduled(id).send(id, "start", none()).send(id, "complete_item", done)
    }

    fn execution_in(self, id: ServiceExecutionId, status: Status) -> Self {
        let complete = |world: Self| world.in_progress(id).send(id, "complete", json!({"outcome": "It cools."}));
        match status {
            Status::Planned => self.planned(id),
            Status::Scheduled => self.scheduled(id),
            Status::Dispatched => self.scheduled(id).send(id, "dispatch", none()),
            Status::EnRoute => self.scheduled(id).send(id, "dispatch", none()).send(id, "start_travel", none()),
            Status::InProgress => self.in_progress(id),
            Status::Paused => self.in_progress(id).send(id, "pause", none()),
            Status::Completed => complete(self),
            Status::Verified => complete(self).send(id, "sign_off", json!({"by": "李雷"})),
            Status::CannotComplete => self.scheduled(id).send(id, "fail", json!({"reason": "no access"})),
            Status::Cancelled => self.scheduled(id).send(id, "cancel", none()),
            Status::NoShow => self.scheduled(id).send(id, "record_no_show", none()),
        }
    }

    fn state(&self, id: ServiceExecutionId) -> ServiceExecution {
        let mut execution = ServiceExecution::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::ServiceExecution(event)) = (*stream == id.stream(), event) {
                execution.evolve(event);
            }
        }
        execution
    }

    fn status(&self, id: ServiceExecutionId) -> Status {
        self.state(id).status
    }

    /// The times for which an agent is booked.
    fn bookings(&self, agent: AgentId) -> Vec<TimeRange> {
        let key = booking_claim(agent);
        self.holdings.iter().filter(|((held, _), _)| *held == key).map(|(_, range)| *range).collect()
    }
}
