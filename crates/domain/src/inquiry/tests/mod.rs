mod converting;
mod identifying;
mod properties;
mod receiving;
mod table;
mod writing;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::aggregates::{Category, Event as AnyEvent};
use crate::decider::{ClaimChange, ClaimKind};
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::{AgentId, CalendarId, CustomerId, SlaPolicyId, TeamId, TicketId};
use crate::rejection::Code;
use crate::{agent, customer, team};

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(3));
const NOBODY: CustomerId = CustomerId(Uuid::from_u128(99));

/// In the first line.
const ANNA: AgentId = AgentId(Uuid::from_u128(11));
/// In both lines.
const BORIS: AgentId = AgentId(Uuid::from_u128(12));
/// In the first line, offline.
const OLGA: AgentId = AgentId(Uuid::from_u128(14));

const FIRST: TeamId = TeamId(Uuid::from_u128(21));
const SECOND: TeamId = TeamId(Uuid::from_u128(22));

const GOLD: SlaPolicyId = SlaPolicyId(Uuid::from_u128(31));
const DESK: CalendarId = CalendarId(Uuid::from_u128(32));

const T: TicketId = TicketId(Uuid::from_u128(0x100));
const I: InquiryId = InquiryId(Uuid::from_u128(0x300));
const J: InquiryId = InquiryId(Uuid::from_u128(0x301));
const NONE: InquiryId = InquiryId(Uuid::from_u128(0x3FF));

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Somebody unknown asks something.
fn asked() -> Value {
    json!({"from": {"anonymous": {"name": "王小明", "phone": "138 0013 8000"}}, "channel": "wechat",
        "subject": "发票怎么开？", "body": "买了两台打印机。", "language": "zh-CN", "product_ref": "printer-x2"})
}

/// A customer asks the same.
fn asked_by(customer: CustomerId) -> Value {
    asked_with("from", json!({"customer": customer}))
}

fn asked_with(field: &str, value: Value) -> Value {
    let mut data = asked();
    data[field] = value;
    data
}

/// One of every command but `receive`, in the order of the documentation.
fn commands() -> Vec<Command> {
    let none = || json!({});
    [
        ("identify", json!({"customer": LI})),
        ("assign", json!({"agent": BORIS})),
        ("answer", json!({"body": "We send it today."})),
        ("receive_customer_reply", json!({"body": "还有一个问题"})),
        ("convert", json!({"ticket": T})),
        ("close", json!({"outcome": "answered"})),
        ("reopen", json!({"reason": "not sent"})),
        ("mark_spam", none()),
    ]
    .map(|(name, data)| command(name, data))
    .into()
}

/// Inquiries, with everything around them.
#[derive(Clone)]
struct World {
    given: Given,
    inquiry: Inquiry,
}

/// Customers, agents, teams and a policy, but no inquiry. Anna acts.
fn world() -> World {
    let name = |text: &str| crate::text::Name::parse(text).unwrap();
    let mut events = Vec::new();
    let mut told = |stream: StreamId, event_type: &str, data: Value| {
        let event = AnyEvent::read(stream.category, event_type, &data.to_string());
        events.push((stream, event.unwrap_or_else(|error| panic!("{event_type}: {error}"))));
    };
    for id in [LI, MEI, OLD_LI] {
        let display_name = json!({"$personal": {"subject": id, "value": "somebody"}});
        let registered = json!({"kind": "person", "lifecycle": "active", "display_name": display_name});
        told(id.stream(), "CustomerRegistered", registered);
    }
    let merged = json!({"loser": OLD_LI, "filled": {}});
    told(LI.stream(), "CustomerMerged", merged);
    told(OLD_LI.stream(), "CustomerMergedInto", json!({"survivor": LI}));
    let shifts = json!([{"start": "09:00", "end": "17:00"}]);
    let hours = json!({"zone": "Etc/UTC", "weekly": {"mon": shifts, "tue": shifts}});
    told(DESK.stream(), "CalendarDefined", json!({"name": "Desk", "hours": hours}));
    let targets = json!({"first_response_s": 3_600, "first_resolution_s": 7_200});
    let terms = json!({"calendar": DESK, "targets": {"P3": targets}});
    told(GOLD.stream(), "SlaPolicyDefined", json!({"name": "Gold", "terms": terms}));
    for id in [ANNA, BORIS, OLGA] {
        let (role, skills) = (agent::Role::Agent, BTreeSet::new());
        let capacity = agent::Capacity::try_from(1).unwrap();
        let event = agent::Event::AgentRegistered { name: name("agent"), role, capacity, skills };
        events.push((id.stream(), event.into()));
    }
    let offline = agent::Event::AgentAvailabilityChanged { availability: agent::Availability::Offline };
    events.push((OLGA.stream(), offline.into()));
    for (team, members) in [(FIRST, vec![ANNA, BORIS, OLGA]), (SECOND, vec![BORIS])] {
        let formed = team::Event::TeamFormed { name: name("team"), routing: team::Routing::Manual };
        events.push((team.stream(), formed.into()));
        let added = |agent| (team.stream(), AnyEvent::from(team::Event::TeamMemberAdded { agent }));
        events.extend(members.into_iter().map(added));
    }
    World { given: given(events).by_agent(ANNA), inquiry: Inquiry::default() }
}

impl World {
    fn by(self, kind: ActorKind) -> Self {
        Self { given: self.given.by(kind), ..self }
    }

    fn by_agent(self, agent: AgentId) -> Self {
        Self { given: self.given.by_agent(agent), ..self }
    }

    /// The same with an inquiry `I`.
    fn received(self, data: Value) -> Self {
        self.send("receive", data)
    }

    fn when(&self, name: &str, data: Value) -> Result<Decision, Rejection> {
        self.given.when(I.stream(), command(name, data))
    }

    /// Sends a command to `I`.
    fn send(self, name: &str, data: Value) -> Self {
        self.sent(command(name, data))
    }

    fn sent(mut self, command: Command) -> Self {
        let decision = self.given.when(I.stream(), command.clone()).unwrap();
        for (stream, event) in &decision.events {
            if let (true, AnyEvent::Inquiry(event)) = (*stream == I.stream(), event) {
                self.inquiry.evolve(event);
            }
        }
        self.given = self.given.then(I.stream(), command);
        self
    }

    /// A command to another stream, by the system itself.
    fn and(self, stream: StreamId, command: impl Into<crate::Command>) -> Self {
        let Self { given, inquiry } = self.by(ActorKind::System);
        Self { given: given.then(stream, command), inquiry }.by_agent(ANNA)
    }

    /// The same after a customer was erased.
    fn erased(self, customer: CustomerId) -> Self {
        self.and(customer.stream(), customer::Command::RequestErasure {})
            .and(customer.stream(), customer::Command::Erase {})
    }

    fn rejection(&self, name: &str, data: Value) -> Rejection {
        self.when(name, data).unwrap_err()
    }

    fn code(&self, name: &str, data: Value) -> Code {
        self.rejection(name, data).code
    }

    /// The only event of a decision, as it is written.
    fn event(&self, name: &str, data: Value) -> (String, Value) {
        let decision = self.when(name, data).unwrap();
        let [(stream, event)] = decision.events.as_slice() else { panic!("{decision:?}") };
        assert_eq!(*stream, I.stream());
        let (event_type, data) = event.write().unwrap();
        (event_type, serde_json::from_str(&data).unwrap())
    }

    /// The same with the inquiry in a state, and in the hands of Anna if the state asks for it.
    fn in_state(self, status: Status) -> Self {
        let assign = json!({"agent": ANNA});
        let world = self.received(asked());
        let world = match status {
            Status::Received => world,
            Status::Assigned => world.send("assign", assign),
            Status::Answered => world.send("answer", json!({"body": "Soon."})),
            Status::AwaitingCustomer => {
                world.send("assign", assign).send("answer", json!({"body": "Which?", "awaits_customer": true}))
            }
            Status::Closed => world.send("assign", assign).send("close", json!({"outcome": "other"})),
            Status::Converted => world.send("identify", json!({"customer": MEI})).send("convert", json!({"ticket": T})),
            Status::Spam => world.send("mark_spam", json!({})),
        };
        assert_eq!(world.inquiry.status, status);
        world
    }
}

fn personal(subject: Uuid, value: Value) -> Value {
    json!({"$personal": {"subject": subject, "value": value}})
}
