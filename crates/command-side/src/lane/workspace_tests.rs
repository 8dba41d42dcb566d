use std::collections::BTreeSet;

use domain::Event;
use domain::decider::{LoadedStream, TimeRange};
use domain::envelope::Publisher;
use domain::ids::{AgentId, CustomerId, ServiceExecutionId};
use domain::service_execution::booking_claim;
use serde_json::{Value, json};

use super::*;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const ANNA: AgentId = AgentId(Uuid::from_u128(2));
const E: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(3));
const F: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(4));
/// Of another batch.
const ELSEWHERE: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(5));

fn hour(hour: u32) -> DateTime<Utc> {
    format!("2026-03-02T{hour:02}:00:00Z").parse().unwrap()
}

fn hours(from: u32, to: u32) -> TimeRange {
    TimeRange { start: hour(from), end: hour(to) }
}

fn schedule(id: ServiceExecutionId, from: u32, to: u32) -> CommandMessage {
    let data = json!({"start": hour(from), "end": hour(to), "resources": [ANNA]});
    let actor = json!({"kind": "service", "id": "test"});
    let body = json!({"command_id": Uuid::now_v7(), "id": id, "actor": actor, "data": data}).to_string();
    CommandMessage::parse(Publisher::parse("test").unwrap(), "service_execution", "schedule", body.as_bytes()).unwrap()
}

/// Two executions of a customer's are planned, and an agent is there; nothing is known of the agent's time.
fn workspace() -> Workspace {
    let personal = json!({"$personal": {"subject": LI, "value": "somebody"}});
    let planned = json!({"name": "Repair", "customer": LI, "window": {"earliest": hour(0), "latest": hour(23)}});
    let streams: [(StreamId, &str, Value); 4] = [
        (LI.stream(), "CustomerRegistered", json!({"kind": "person", "lifecycle": "active", "display_name": personal})),
        (ANNA.stream(), "AgentRegistered", json!({"name": "Anna", "role": "agent", "capacity": 1, "skills": []})),
        (E.stream(), "ServiceExecutionPlanned", planned.clone()),
        (F.stream(), "ServiceExecutionPlanned", planned),
    ];
    let mut workspace = Workspace::new(2);
    for (stream, event_type, data) in streams {
        let mut loaded = LoadedStream { version: 1, ..LoadedStream::empty(stream) };
        let event = Event::read(stream.category, event_type, &data.to_string()).unwrap();
        Arc::make_mut(&mut loaded.state).evolve(&event);
        workspace.add_stream(stream, loaded);
    }
    workspace
}

fn decide(workspace: &Workspace, message: &CommandMessage) -> Result<Decision, Rejection> {
    workspace.decide(message, &workspace.wanted(message), hour(0))
}

/// Takes a command into the batch; what it asks for was loaded.
fn take(workspace: &mut Workspace, message: &CommandMessage) -> Option<Code> {
    let mut missing = Missing::default();
    assert!(!workspace.is_missing(&workspace.wanted(message), &mut missing), "something is not loaded");
    let outcome = decide(workspace, message);
    let code = outcome.as_ref().err().map(|rejection| rejection.code);
    workspace.take(message, [0; 32], workspace.wanted(message), hour(0), outcome).unwrap();
    code
}

fn asked(range: TimeRange) -> ClaimQuery {
    ClaimQuery { key: booking_claim(ANNA), range: Some(range) }
}

fn held(range: TimeRange) -> Holding {
    Holding { holder: ELSEWHERE.stream(), weight: 1, range: Some(range) }
}

#[test]
fn a_booking_in_the_range_that_is_asked_for_is_in_the_way() {
    let mut workspace = workspace();
    workspace.add_claim(asked(hours(9, 11)), vec![held(hours(10, 12))]);
    assert_eq!(take(&mut workspace, &schedule(E, 9, 11)), Some(Code::ResourceBusy));
}

#[test]
fn what_was_read_for_a_companion_at_another_time_is_not_seen() {
    let mut workspace = workspace();
    workspace.add_claim(asked(hours(9, 12)), vec![held(hours(9, 10))]);
    // Meanwhile that booking was moved to eleven o'clock.
    workspace.add_claim(asked(hours(9, 10)), vec![]);
    assert_eq!(take(&mut workspace, &schedule(E, 9, 12)), Some(Code::ResourceBusy));
    assert_eq!(
        take(&mut workspace, &schedule(F, 9, 10)),
        None,
        "its guard would not notice that it is refused wrongly"
    );
}

#[test]
fn what_the_batch_has_booked_is_in_the_way_of_what_comes_after() {
    let mut workspace = workspace();
    for range in [hours(9, 11), hours(10, 12), hours(11, 12)] {
        workspace.add_claim(asked(range), vec![]);
    }
    assert_eq!(take(&mut workspace, &schedule(E, 9, 11)), None);
    assert_eq!(take(&mut workspace, &schedule(F, 10, 12)), Some(Code::ResourceBusy));
    let batch = workspace.finish(false);
    assert_eq!(
        batch.commands.iter().map(|command| command.group).collect::<BTreeSet<_>>().len(),
        1,
        "they go together"
    );
    assert!(batch.looks.iter().all(|look| matches!(&look.expected, Expected::Holders(held) if held.is_empty())));
}

#[test]
fn what_the_batch_has_moved_away_is_no_longer_in_the_way() {
    let mut workspace = workspace();
    workspace.add_claim(asked(hours(9, 10)), vec![held(hours(9, 10))]);
    let change = ClaimChange::Take {
        key: booking_claim(ANNA),
        holder: ELSEWHERE.stream(),
        kind: ClaimKind::Interval(hours(11, 12)),
    };
    assert_eq!(decide(&workspace, &schedule(E, 9, 10)).unwrap_err().code, Code::ResourceBusy);
    workspace.change_claim(0, change);
    assert!(decide(&workspace, &schedule(E, 9, 10)).is_ok());
    workspace.add_claim(asked(hours(11, 12)), vec![]);
    assert_eq!(decide(&workspace, &schedule(E, 11, 12)).unwrap_err().code, Code::ResourceBusy);
}
