mod capturing;
mod ending;
mod growing;
mod merging;
mod properties;
mod table;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::agent::{self, Role};
use crate::aggregates::{Category, Event as AnyEvent};
use crate::customer;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::{AgentId, CustomerId, TicketId, TransactionId};
use crate::rejection::Code;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(3));

const ANNA: AgentId = AgentId(Uuid::from_u128(11));
/// A supervisor.
const SVEN: AgentId = AgentId(Uuid::from_u128(13));

/// Li's, and of the one who was merged into Li.
const TICKET: TicketId = TicketId(Uuid::from_u128(0x31));
const OLD_TICKET: TicketId = TicketId(Uuid::from_u128(0x32));
/// Mei's.
const HER_TICKET: TicketId = TicketId(Uuid::from_u128(0x33));
/// Li's.
const SALE: TransactionId = TransactionId(Uuid::from_u128(0x41));
/// Li's, void.
const VOID: TransactionId = TransactionId(Uuid::from_u128(0x42));
/// Mei's.
const HER_SALE: TransactionId = TransactionId(Uuid::from_u128(0x43));

const N: NeedId = NeedId(Uuid::from_u128(0x100));
const M: NeedId = NeedId(Uuid::from_u128(0x101));
const O: NeedId = NeedId(Uuid::from_u128(0x102));
const NONE: NeedId = NeedId(Uuid::from_u128(0x1FF));

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// What is wrong with a command that cannot be read: pointer and sentence.
fn unread(name: &str, data: Value) -> (String, String) {
    match crate::codec::read_variant::<Command>(name, "/data", &data.to_string()) {
        Err(crate::codec::VariantError::Content(error)) => (error.pointer, error.detail),
        other => panic!("{name}: {other:?}"),
    }
}

fn capture(customer: CustomerId) -> Value {
    json!({"customer": customer, "title": "Offline mode 离线模式", "description": "在飞机上也要能用。\n",
        "source": "sales"})
}

fn ticket(id: impl serde::Serialize) -> Value {
    json!({"kind": "ticket", "id": id})
}

fn sale(id: TransactionId) -> Value {
    json!({"kind": "transaction", "id": id})
}

fn release() -> Value {
    json!({"kind": "release", "name": "2026.2"})
}

/// A history, and who acts on it.
#[derive(Clone)]
struct World {
    events: Vec<(StreamId, AnyEvent)>,
    actor: Who,
}

#[derive(Clone, Copy)]
enum Who {
    Agent(AgentId),
    Other(ActorKind),
}

/// Customers, agents, tickets and transactions, but no need. Anna acts.
fn world() -> World {
    let mut events = Vec::new();
    let mut happened = |stream: StreamId, event_type: &str, data: Value| {
        events.push((stream, AnyEvent::read(stream.category, event_type, &data.to_string()).unwrap()));
    };
    for id in [LI, MEI, OLD_LI] {
        let name = json!({"$personal": {"subject": id, "value": "somebody"}});
        let registered = json!({"kind": "person", "lifecycle": "active", "display_name": name});
        happened(id.stream(), "CustomerRegistered", registered);
    }
    happened(OLD_LI.stream(), "CustomerMergedInto", json!({"survivor": LI}));
    for (id, customer) in [(TICKET, LI), (OLD_TICKET, OLD_LI), (HER_TICKET, MEI)] {
        let subject = json!({"$personal": {"subject": customer, "value": "打印机坏了"}});
        let opened = json!({"customer": customer, "type": "request", "subject": subject, "channel": "web",
            "category": [], "impact": 3, "urgency": 2, "priority": "P3"});
        happened(id.stream(), "TicketOpened", opened);
    }
    for (id, customer) in [(SALE, LI), (VOID, LI), (HER_SALE, MEI)] {
        let recorded = json!({"customer": customer, "source": {"system": "shop", "order_no": id}, "type": "purchase",
            "occurred_at": "2026-03-01T09:00:00Z", "currency": "CNY", "amount_minor": 100});
        happened(id.stream(), "TransactionRecorded", recorded);
    }
    happened(VOID.stream(), "TransactionVoided", json!({}));
    for (id, role) in [(ANNA, Role::Agent), (SVEN, Role::Supervisor)] {
        let name = crate::text::Name::parse("agent").unwrap();
        let (capacity, skills) = (agent::Capacity::try_from(5).unwrap(), Default::default());
        events.push((id.stream(), agent::Event::AgentRegistered { name, role, capacity, skills }.into()));
    }
    World { events, actor: Who::Agent(ANNA) }
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

    /// The same, with an event that came about otherwise.
    fn happened(mut self, stream: StreamId, event: impl Into<AnyEvent>) -> Self {
        self.events.push((stream, event.into()));
        self
    }

    /// The same, with a customer erased.
    fn erased(self, id: CustomerId) -> Self {
        self.happened(id.stream(), customer::Event::CustomerErased { inquiries: Vec::new() })
    }

    fn given(&self) -> Given {
        let past = given(self.events.iter().cloned());
        match self.actor {
            Who::Agent(agent) => past.by_agent(agent),
            Who::Other(kind) => past.by(kind),
        }
    }

    fn when(&self, id: NeedId, name: &str, data: Value) -> Result<Decision, Rejection> {
        self.given().when(id.stream(), command(name, data))
    }

    fn rejection(&self, id: NeedId, name: &str, data: Value) -> Rejection {
        self.when(id, name, data).expect_err(name)
    }

    fn code(&self, id: NeedId, name: &str, data: Value) -> Code {
        self.rejection(id, name, data).code
    }

    /// The code of a rejection and the field at fault.
    fn fault(&self, id: NeedId, name: &str, data: Value) -> (Code, String) {
        let rejection = self.rejection(id, name, data);
        (rejection.code, rejection.errors[0].pointer.clone())
    }

    /// The one event that a command brings, as JSON with its type.
    fn event(&self, id: NeedId, name: &str, data: Value) -> (String, Value) {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        let [(stream, event)] = &decision.events[..] else { panic!("{name}: {decision:?}") };
        assert_eq!(*stream, id.stream());
        let (event_type, content) = event.write().unwrap();
        (event_type, serde_json::from_str(&content).unwrap())
    }

    fn is_already(&self, id: NeedId, name: &str, data: Value) -> bool {
        self.when(id, name, data) == Ok(Decision::already())
    }

    fn send(mut self, id: NeedId, name: &str, data: Value) -> Self {
        let decision = self.when(id, name, data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        self.events.extend(decision.events);
        self
    }

    fn captured(self, id: NeedId) -> Self {
        self.send(id, "capture", capture(LI))
    }

    fn qualified(self, id: NeedId) -> Self {
        self.captured(id).send(id, "attach_evidence", json!({"evidence": ticket(TICKET)})).send(
            id,
            "qualify",
            json!({}),
        )
    }

    /// With Li's need in a state; a merged one was qualified and went into `O`. All but a captured one have evidence.
    fn need_in(self, id: NeedId, status: Status) -> Self {
        let planned = |world: Self| world.qualified(id).send(id, "plan", json!({"target": "2026.2"}));
        match status {
            Status::Captured => self.captured(id),
            Status::Qualified => self.qualified(id),
            Status::Planned => planned(self),
            Status::Fulfilled => planned(self).send(id, "fulfil", json!({"by": release()})),
            Status::Declined => self.qualified(id).send(id, "decline", json!({"reason": "not our market"})),
            Status::Withdrawn => self.qualified(id).send(id, "withdraw", json!({})),
            Status::Merged => self.qualified(id).captured(O).send(O, "merge", json!({"loser": id})),
        }
    }

    fn state(&self, id: NeedId) -> Need {
        let mut need = Need::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::Need(event)) = (*stream == id.stream(), event) {
                need.evolve(event);
            }
        }
        need
    }

    fn status(&self, id: NeedId) -> Status {
        self.state(id).status
    }
}

/// One of every command, in the order of its enum.
fn samples() -> Vec<Command> {
    [
        ("capture", capture(LI)),
        ("attach_evidence", json!({"evidence": sale(SALE)})),
        ("qualify", json!({})),
        ("rate", json!({"importance": 4})),
        ("plan", json!({"target": "2026.3", "due": "2026-09-01T00:00:00Z"})),
        ("fulfil", json!({"by": sale(SALE)})),
        ("decline", json!({"reason": "too dear"})),
        ("withdraw", json!({"reason": "bought elsewhere"})),
        ("reopen", json!({"reason": "asked for again"})),
        ("merge", json!({"loser": M})),
        ("unmerge", json!({"loser": M})),
        ("categorize", json!({"category": ["app"], "by": "topics@2026-03"})),
    ]
    .map(|(name, data)| command(name, data))
    .into()
}
