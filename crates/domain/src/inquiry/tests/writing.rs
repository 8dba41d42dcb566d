//! Assigning, answering, and what the customer writes further.

use super::*;
use crate::ticket::capacity_claim;

#[test]
fn an_inquiry_goes_to_an_agent_of_its_team() {
    let world = world().received(asked_with("team", json!(SECOND)));
    assert_eq!(world.code("assign", json!({"agent": ANNA})), Code::AgentNotInTeam);
    assert_eq!(world.code("assign", json!({"agent": OLGA, "team": FIRST})), Code::AgentInactive);
    let nobody = world.rejection("assign", json!({"agent": NOBODY}));
    assert_eq!((nobody.code, nobody.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/agent"));
    let nowhere = world.rejection("assign", json!({"agent": BORIS, "team": NOBODY}));
    assert_eq!((nowhere.code, nowhere.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/team"));
    let (_, data) = world.event("assign", json!({"agent": ANNA, "team": FIRST}));
    assert_eq!(data, json!({"team": FIRST, "to": ANNA, "status": "assigned"}));
    let world = world.send("assign", json!({"agent": ANNA, "team": FIRST}));
    let (_, data) = world.event("assign", json!({"agent": BORIS}));
    assert_eq!(data, json!({"team": FIRST, "from": ANNA, "to": BORIS, "status": "assigned"}));
}

#[test]
fn assigning_again_changes_nothing_unless_the_team_is_another() {
    let world = world().received(asked()).send("assign", json!({"agent": BORIS, "team": FIRST}));
    assert_eq!(world.when("assign", json!({"agent": BORIS})), Ok(Decision::already()));
    assert_eq!(world.when("assign", json!({"agent": BORIS, "team": FIRST})), Ok(Decision::already()));
    let (_, data) = world.event("assign", json!({"agent": BORIS, "team": SECOND}));
    assert_eq!(data, json!({"team": SECOND, "from": BORIS, "to": BORIS, "status": "assigned"}));
}

#[test]
fn an_agent_who_has_no_capacity_left_for_tickets_takes_inquiries() {
    let World { given, inquiry } = world().received(asked());
    let given = given.holding(capacity_claim(ANNA), T.stream(), 1);
    let assigned = World { given, inquiry }.when("assign", json!({"agent": ANNA})).unwrap();
    assert_eq!((assigned.events.len(), assigned.claims), (1, vec![]));
}

#[test]
fn only_the_first_answer_of_a_human_agent_is_the_first() {
    let first = |world: &World| world.event("answer", json!({"body": "Soon."})).1["first"].clone();
    let machine = world().received(asked()).by(ActorKind::Service);
    let (_, data) = machine.event("answer", json!({"body": "Soon."}));
    assert_eq!((&data["first"], data.get("by"), &data["status"]), (&json!(false), None, &json!("answered")));
    let agent = machine.send("answer", json!({"body": "Soon."})).by_agent(ANNA);
    let (_, data) = agent.event("answer", json!({"body": "Today."}));
    assert_eq!((&data["first"], &data["by"]), (&json!(true), &json!(ANNA)));
    assert_eq!(first(&agent.send("answer", json!({"body": "Today."})).by_agent(BORIS)), json!(false));
}

#[test]
fn an_answer_may_ask_something_back() {
    let (_, data) = world().received(asked_by(LI)).event("answer", json!({"body": "Which?", "awaits_customer": true}));
    assert_eq!(data["status"], json!("awaiting_customer"));
    assert_eq!(data["message_id"], json!(Uuid::from_u128(0xC0)));
    assert_eq!(data["body"], personal(LI.0, json!("Which?")));
}

#[test]
fn what_the_customer_writes_on_a_closed_inquiry_takes_it_up_again() {
    let closed = world().in_state(Status::Closed);
    let decision = closed.when("receive_customer_reply", json!({"body": "还有一个问题"})).unwrap();
    let told: Vec<_> = decision.events.iter().map(|(_, event)| event.write().unwrap().0).collect();
    assert_eq!(told, ["InquiryCustomerReplied", "InquiryReopened"]);
    assert_eq!(closed.send("receive_customer_reply", json!({"body": "还有"})).inquiry.status, Status::Assigned);
}

#[test]
fn without_an_assignee_a_reopened_inquiry_is_as_received() {
    let closed = world().received(asked()).send("close", json!({"outcome": "no_reply"}));
    let (_, data) = closed.event("reopen", json!({"reason": "he called"}));
    assert_eq!(data, json!({"reason": "he called", "status": "received"}));
}

#[test]
fn an_inquiry_has_at_most_a_thousand_messages() {
    let mut full = world().received(asked());
    for _ in 0..MESSAGES_MAX {
        full = full.send("answer", json!({"body": "again"}));
    }
    assert_eq!(full.code("answer", json!({"body": "again"})), Code::LimitExceeded);
    assert_eq!(full.code("receive_customer_reply", json!({"body": "again"})), Code::LimitExceeded);
}
