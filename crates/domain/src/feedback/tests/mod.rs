mod complaints;
mod needs;
mod properties;
mod remarks;
mod samples;
mod surveys;
mod table;

use chrono::TimeDelta;
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::aggregates::{Category, Event as AnyEvent};
use crate::decider::TimerChange;
use crate::envelope::ActorKind;
use crate::given::{Given, given, monday};
use crate::ids::{AgentId, CustomerId, FeedbackId, TeamId, TicketId};
use crate::rejection::Code;
use crate::{customer, ticket};

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
/// Merged into Li.
const OLD_LI: CustomerId = CustomerId(Uuid::from_u128(2));
const ANNA: AgentId = AgentId(Uuid::from_u128(11));
const BORIS: AgentId = AgentId(Uuid::from_u128(12));
const FIRST: TeamId = TeamId(Uuid::from_u128(21));
/// Li's ticket, Anna's, of the first line.
const T: TicketId = TicketId(Uuid::from_u128(31));
const F: FeedbackId = FeedbackId(Uuid::from_u128(0x100));
const NOBODY: Uuid = Uuid::from_u128(0xFFF);

/// A command as it comes over the wire.
fn command(name: &str, data: Value) -> Command {
    crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn event(category: Category, event_type: &str, data: Value) -> AnyEvent {
    AnyEvent::read(category, event_type, &data.to_string()).unwrap()
}

/// Customers, two agents, a team and a ticket; a service acts.
fn world() -> Given {
    let personal = |subject: CustomerId, value: &str| json!({"$personal": {"subject": subject, "value": value}});
    let registered = |id: CustomerId| {
        let data = json!({"kind": "person", "lifecycle": "active", "display_name": personal(id, "somebody")});
        (id.stream(), event(Category::Customer, "CustomerRegistered", data))
    };
    let agent = |id: AgentId| {
        let data = json!({"name": "agent", "role": "agent", "capacity": 5, "skills": []});
        (id.stream(), event(Category::Agent, "AgentRegistered", data))
    };
    let opened = json!({"customer": LI, "type": "incident", "subject": personal(LI, "打印机坏了"), "channel": "web",
        "category": [], "impact": 3, "urgency": 2, "priority": "P3", "team": FIRST});
    let formed = json!({"name": "First line", "routing": "manual"});
    given([
        registered(LI),
        registered(OLD_LI),
        (OLD_LI.stream(), customer::Event::CustomerMergedInto { survivor: LI }.into()),
        agent(ANNA),
        agent(BORIS),
        (FIRST.stream(), event(Category::Team, "TeamFormed", formed)),
        (T.stream(), event(Category::Ticket, "TicketOpened", opened)),
        assigned(ANNA),
    ])
    .by(ActorKind::Service)
}

fn assigned(to: AgentId) -> (StreamId, AnyEvent) {
    let status = ticket::Status::Open;
    (T.stream(), ticket::Event::TicketAssigned { from: None, to, overridden: false, status }.into())
}

fn survey(metric: &str) -> Given {
    sent(world(), "request_survey", json!({"customer": LI, "metric": metric, "rated": {"ticket": T}}))
}

fn complaint() -> Given {
    sent(world(), "file_complaint", filing(LI))
}

fn filing(customer: CustomerId) -> Value {
    json!({"customer": customer, "severity": 2, "subject": "售后服务很差", "body": "Nobody called back.",
        "about": {"ticket": T}, "channel": "phone"})
}

/// Feedback in a state.
fn feedback_in(status: Status) -> Given {
    let offered = || {
        let investigated = sent(sent(complaint(), "acknowledge", json!({})), "start_investigation", json!({}));
        sent(investigated, "offer_remedy", json!({"remedy": "A voucher."}))
    };
    let rejected = || sent(offered(), "reject_remedy", json!({}));
    let answered = || sent(survey("csat"), "submit", json!({"score": 4}));
    match status {
        Status::Requested => survey("csat"),
        Status::Reminded => sent(survey("csat"), "remind", json!({})),
        Status::Responded => answered(),
        Status::Amended => sent(answered(), "amend", json!({"score": 5})),
        Status::Expired => {
            let late = survey("csat").at(monday() + TimeDelta::days(14)).by(ActorKind::System);
            sent(late, "expire", json!({})).by(ActorKind::Service).at(monday())
        }
        Status::Received => complaint(),
        Status::Acknowledged => sent(complaint(), "acknowledge", json!({})),
        Status::Investigating => sent(feedback_in(Status::Acknowledged), "start_investigation", json!({})),
        Status::RemedyOffered => offered(),
        Status::Accepted => sent(offered(), "accept_remedy", json!({})),
        Status::Rejected => rejected(),
        Status::Escalated => sent(rejected(), "escalate", json!({"reason": "asks for the manager"})),
        Status::Closed => sent(complaint(), "close", json!({"outcome": "withdrawn"})),
        Status::Submitted => sent(world(), "praise", json!({"customer": LI, "body": "Anna is great."})),
    }
}

fn sent(given: Given, name: &str, data: Value) -> Given {
    given.then(F.stream(), command(name, data))
}

fn when(given: &Given, name: &str, data: Value) -> Result<Decision, Rejection> {
    given.when(F.stream(), command(name, data))
}

fn code(given: &Given, name: &str, data: Value) -> Option<Code> {
    when(given, name, data).err().map(|rejection| rejection.code)
}

/// The code of a refusal, and the field that is at fault.
fn refused(given: &Given, name: &str, data: Value) -> (Code, String) {
    let rejection = when(given, name, data).expect_err(name);
    (rejection.code, rejection.errors.first().map(|error| error.pointer.clone()).unwrap_or_default())
}

/// The one event that a command brings.
fn brought(given: &Given, name: &str, data: Value) -> Event {
    let decision = when(given, name, data).unwrap();
    match &decision.events[..] {
        [(stream, AnyEvent::Feedback(event))] if *stream == F.stream() => event.clone(),
        other => panic!("{name}: {other:?}"),
    }
}
