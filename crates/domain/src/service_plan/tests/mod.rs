mod entitlement;
mod executions;
mod occurrences;
mod owned;
mod properties;
mod recurrence;
mod renewal;
mod table;
mod terms;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::agent::{self, Role};
use crate::aggregates::{Category, Event as AnyEvent};
use crate::customer;
use crate::decider::{ClaimChange, TimerChange};
use crate::envelope::ActorKind;
use crate::given::{Given, given, monday};
use crate::ids::{AgentId, CalendarId, CustomerId, SlaPolicyId};
use crate::rejection::Code;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(3));

/// A supervisor.
const SVEN: AgentId = AgentId(Uuid::from_u128(11));
/// An agent.
const ANNA: AgentId = AgentId(Uuid::from_u128(12));

const GOLD: SlaPolicyId = SlaPolicyId(Uuid::from_u128(31));
const DESK: CalendarId = CalendarId(Uuid::from_u128(32));

const P: ServicePlanId = ServicePlanId(Uuid::from_u128(0x100));
const Q: ServicePlanId = ServicePlanId(Uuid::from_u128(0x101));
const NONE: ServicePlanId = ServicePlanId(Uuid::from_u128(0x1FF));

/// A command as it comes over the wire.
fn command(name: &str, data: &Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Ten cases in 2026, over the phone or in a chat, for P1 and P2.
fn care() -> Value {
    json!({"name": "Care 关怀", "content": "We answer within the hour.",
        "covered": {"channels": ["phone", "chat"], "priorities": ["P1", "P2"]}, "sla_policy": GOLD,
        "allocation": {"unit": "cases", "total": 10, "consume_on": "open"},
        "period": {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "zone": "Etc/UTC"}})
}

/// As [`care`], with a visit each Monday at nine, planned two weeks ahead.
fn visits() -> Value {
    with(care(), "period", json!({"start": "2026-03-02T09:00:00Z", "end": "2026-09-01T09:00:00Z", "zone": "Etc/UTC"}))
        .as_object()
        .map(|terms| with(json!(terms), "recurrence", weekly()))
        .unwrap()
}

fn weekly() -> Value {
    json!({"rrule": "FREQ=WEEKLY", "early_s": 3600, "late_s": 7200, "lead_s": 14 * 86_400})
}

fn with(mut terms: Value, field: &str, value: Value) -> Value {
    terms[field] = value;
    terms
}

/// The same with a field inside of another.
fn with_in(mut terms: Value, outer: &str, field: &str, value: Value) -> Value {
    terms[outer][field] = value;
    terms
}

/// A history, with the timers that are set. Sven acts.
#[derive(Clone)]
struct World {
    events: Vec<(StreamId, AnyEvent)>,
    timers: BTreeMap<(StreamId, &'static str), (DateTime<Utc>, crate::Command)>,
    now: DateTime<Utc>,
    agent: AgentId,
    kind: Option<ActorKind>,
}

/// Customers, agents and settings, but no plan.
fn world() -> World {
    let name = |text: &str| crate::text::Name::parse(text).unwrap();
    let read = |stream: StreamId, event_type: &str, data: Value| {
        (stream, AnyEvent::read(stream.category, event_type, &data.to_string()).unwrap())
    };
    let mut events = Vec::new();
    for id in [LI, MEI, OLD_LI] {
        let registered = json!({"kind": "person", "lifecycle": "active",
            "display_name": {"$personal": {"subject": id, "value": "somebody"}}});
        events.push(read(id.stream(), "CustomerRegistered", registered));
    }
    events.push((OLD_LI.stream(), customer::Event::CustomerMergedInto { survivor: LI }.into()));
    for (id, role) in [(SVEN, Role::Supervisor), (ANNA, Role::Agent)] {
        let (capacity, skills) = (agent::Capacity::try_from(5).unwrap(), Default::default());
        let event = agent::Event::AgentRegistered { name: name("agent"), role, capacity, skills };
        events.push((id.stream(), event.into()));
    }
    let targets = json!({"P1": {"first_response_s": 900}});
    events.push(read(
        GOLD.stream(),
        "SlaPolicyDefined",
        json!({"name": "Gold", "terms": {"calendar": DESK, "targets": targets}}),
    ));
    World { events, timers: BTreeMap::new(), now: monday(), agent: SVEN, kind: None }
}

impl World {
    fn by(mut self, agent: AgentId) -> Self {
        self.agent = agent;
        self
    }

    fn by_kind(mut self, kind: ActorKind) -> Self {
        self.kind = Some(kind);
        self
    }

    fn at(mut self, now: &str) -> Self {
        self.now = time(now);
        self
    }

    /// The same, with an event that came about otherwise.
    fn happened(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        self.events.push((stream, event.into()));
        self
    }

    fn erased(self, customer: CustomerId) -> Self {
        let event = AnyEvent::read(Category::Customer, "CustomerErased", "{}").unwrap();
        self.happened(customer.stream(), event)
    }

    fn given(&self) -> Given {
        let past = given(self.events.iter().cloned()).at(self.now);
        match self.kind {
            None => past.by_agent(self.agent),
            Some(kind) => past.by(kind),
        }
    }

    fn when(&self, id: ServicePlanId, name: &str, data: Value) -> Result<Decision, Rejection> {
        self.given().when(id.stream(), command(name, &data))
    }

    fn rejection(&self, id: ServicePlanId, name: &str, data: Value) -> Rejection {
        self.when(id, name, data).expect_err(name)
    }

    fn code(&self, id: ServicePlanId, name: &str, data: Value) -> Code {
        self.rejection(id, name, data).code
    }

    /// The types of the events that a command brings, each with `@` and the plan's id if it is on another stream.
    fn events(&self, id: ServicePlanId, name: &str, data: Value) -> Vec<String> {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        let named = |(stream, event): &(StreamId, AnyEvent)| {
            let event_type = event.write().unwrap().0;
            if *stream == id.stream() { event_type } else { format!("{event_type}@{:x}", stream.id.as_u128()) }
        };
        decision.events.iter().map(named).collect()
    }

    fn accept(mut self, decision: Decision) -> Self {
        self.events.extend(decision.events);
        let gives_back = |change: &ClaimChange| matches!(change, ClaimChange::Release { .. });
        assert!(decision.claims.iter().all(gives_back), "plans claim nothing");
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

    fn send(self, id: ServicePlanId, name: &str, data: Value) -> Self {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        self.accept(decision)
    }

    fn drafted(self, id: ServicePlanId, terms: Value) -> Self {
        self.send(id, "draft", json!({"customer": LI, "terms": terms}))
    }

    fn active(self, id: ServicePlanId, terms: Value) -> Self {
        self.drafted(id, terms).send(id, "activate", json!({}))
    }

    /// With Li's plan of ten cases in a state.
    fn plan_in(self, id: ServicePlanId, status: Status) -> Self {
        match status {
            Status::Draft => self.drafted(id, care()),
            Status::Active => self.active(id, care()),
            Status::Suspended => self.active(id, care()).send(id, "suspend", json!({})),
            Status::Expired => {
                let now = self.now;
                let mut world = self.active(id, care()).fire(id, "expire");
                world.now = now;
                world
            }
            Status::Terminated => self.active(id, care()).send(id, "terminate", json!({"reason": "moved away"})),
        }
    }

    fn state(&self, id: ServicePlanId) -> ServicePlan {
        let mut plan = ServicePlan::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::ServicePlan(event)) = (*stream == id.stream(), event) {
                plan.evolve(event);
            }
        }
        plan
    }

    fn status(&self, id: ServicePlanId) -> Status {
        self.state(id).status
    }

    fn timer(&self, id: ServicePlanId, name: &'static str) -> Option<DateTime<Utc>> {
        self.timers.get(&(id.stream(), name)).map(|(due_at, _)| *due_at)
    }

    /// Lets a timer fire at its time, or late if that is over, which takes it away whatever comes of it.
    fn fire(mut self, id: ServicePlanId, name: &'static str) -> Self {
        let (due_at, command) = self.timers.remove(&(id.stream(), name)).expect("a timer");
        self.now = self.now.max(due_at);
        let before = self.kind.replace(ActorKind::System);
        let decision = self.given().when(id.stream(), command).unwrap();
        let mut fired = self.accept(decision);
        fired.kind = before;
        fired
    }

    /// The numbers and times of what was planned and not skipped.
    fn planned(&self, id: ServicePlanId) -> Vec<(u32, String)> {
        let planned = self.state(id).planned;
        let to_be_done = planned.into_iter().filter(|(_, occurrence)| !occurrence.skipped);
        to_be_done.map(|(n, occurrence)| (n, occurrence.due.format("%m-%d %H:%M").to_string())).collect()
    }
}
