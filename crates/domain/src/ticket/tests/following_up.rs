//! What the customer writes after the end of a ticket.

use super::*;

fn reply() -> Value {
    json!({"body": "还是不行"})
}

fn customer_replied(decision: &Decision) -> (StreamId, Uuid, Option<TicketId>, Status) {
    let mut found = None;
    for (stream, event) in &decision.events {
        if let AnyEvent::Ticket(Event::CustomerReplied { body, routed_from, status, .. }) = event {
            found = Some((*stream, body.subject(), *routed_from, *status));
        }
    }
    found.expect("a reply")
}

#[test]
fn a_reply_inside_the_window_reopens() {
    let resolved = world().ticket_in(T, Status::Resolved);
    assert_eq!(resolved.events(T, "receive_customer_reply", reply()), ["CustomerReplied", "TicketReopened"]);
    let reopened = resolved.send(T, "receive_customer_reply", reply());
    assert_eq!((reopened.status(T), reopened.state(T).reopen_count), (Status::Open, 1));
    assert_eq!(reopened.timer(T, "auto_close"), None);
}

#[test]
fn a_reply_after_the_end_opens_a_follow_up_like_the_first() {
    let late = world().ticket_in(T, Status::Resolved).later(REOPEN_WINDOW + TimeDelta::seconds(1));
    for world in [late, world().ticket_in(T, Status::Closed), world().ticket_in(T, Status::Cancelled)] {
        let old = world.state(T);
        let new = follow_up_id(T, &old);
        let decision = world.when(T, "receive_customer_reply", reply()).unwrap();
        let types: Vec<_> = decision.events.iter().map(|(stream, event)| (*stream, event.write().unwrap().0)).collect();
        let expected = [
            (T.stream(), "FollowUpOpened"),
            (new.stream(), "TicketOpened"),
            (new.stream(), "TicketFollowedUp"),
            (new.stream(), "CustomerReplied"),
        ];
        assert_eq!(types, expected.map(|(stream, name)| (stream, name.to_owned())));
        let after = world.accept(decision);
        assert_eq!((after.status(T), after.status(new)), (old.status(), Status::New));
        assert_eq!(after.state(new).matter, old.matter);
        assert!(after.state(new).messages.contains(&MESSAGE));
        assert!(after.state(new).standing.assignee.is_none());
    }
}

#[test]
fn each_late_reply_opens_a_follow_up_of_its_own() {
    let closed = world().ticket_in(T, Status::Closed);
    let first = follow_up_id(T, &closed.state(T));
    let once = closed.send(T, "receive_customer_reply", reply());
    let second = follow_up_id(T, &once.state(T));
    assert_ne!(first, second);
    assert_eq!(once.send(T, "receive_customer_reply", reply()).status(second), Status::New);
}

#[test]
fn a_follow_up_whose_id_is_taken_is_refused() {
    let closed = world().ticket_in(T, Status::Closed);
    let taken = follow_up_id(T, &closed.state(T));
    assert_eq!(closed.opened(taken).code(T, "receive_customer_reply", reply()), Code::AlreadyExists);
}

#[test]
fn a_reply_on_a_merged_ticket_goes_to_the_last_survivor_and_moves_it() {
    let merged = world().opened(T).opened(U).ticket_in(V, Status::Pending).send(U, "merge", json!({"loser": T})).send(
        V,
        "merge",
        json!({"loser": U}),
    );
    let decision = merged.when(T, "receive_customer_reply", reply()).unwrap();
    assert_eq!(customer_replied(&decision), (V.stream(), LI.0, Some(T), Status::Open));
    assert_eq!(decision.events.len(), 1);
    assert_eq!(merged.accept(decision).status(V), Status::Open);
}

#[test]
fn a_reply_on_a_merged_ticket_reopens_or_follows_up_the_survivor() {
    let merged = world().ticket_in(T, Status::Merged).resolved(V);
    assert_eq!(merged.events(T, "receive_customer_reply", reply()), ["CustomerReplied@102", "TicketReopened@102"]);
    let reopened = merged.clone().send(T, "receive_customer_reply", reply());
    assert_eq!((reopened.status(V), reopened.load(ANNA)), (Status::Open, 1));
    let closed = merged.send(V, "close", json!({}));
    let follow_up = follow_up_id(V, &closed.state(V));
    let followed = closed.send(T, "receive_customer_reply", reply());
    assert_eq!(followed.status(follow_up), Status::New);
}

#[test]
fn what_a_customer_writes_stays_the_customers_own_on_somebody_elses_ticket() {
    let merged = world().opened(T).send(U, "open", opening(MEI)).by(SVEN).send(
        T,
        "merge",
        json!({"loser": U, "override": true}),
    );
    let decision = merged.when(U, "receive_customer_reply", reply()).unwrap();
    assert_eq!(customer_replied(&decision), (T.stream(), MEI.0, Some(U), Status::New));
    for customer in [LI, MEI] {
        let erased =
            merged.clone().happened(customer.stream(), customer::Event::CustomerErased { inquiries: Vec::new() });
        assert_eq!(erased.code(U, "receive_customer_reply", reply()), Code::SubjectErased);
    }
}

#[test]
fn what_is_written_is_sealed_for_the_customer() {
    let subjects = |name: &str, data: Value, status: Status| -> Vec<Uuid> {
        let decision = world().ticket_in(T, status).when(T, name, data).unwrap();
        let content = |event: &AnyEvent| serde_json::from_str::<Value>(&event.write().unwrap().1).unwrap();
        let contents: Vec<Value> = decision.events.iter().map(|(_, event)| content(event)).collect();
        let fields = contents.iter().filter_map(Value::as_object).flat_map(|content| content.values());
        fields.filter_map(|field| field["$personal"]["subject"].as_str()?.parse().ok()).collect()
    };
    assert_eq!(subjects("reply", json!({"body": "a", "public": true}), Status::Open), [LI.0]);
    assert_eq!(subjects("receive_customer_reply", json!({"body": "a"}), Status::Open), [LI.0]);
    assert_eq!(subjects("add_note", json!({"body": "a"}), Status::Open), [LI.0]);
    assert_eq!(subjects("resolve", json!({"code": "other", "text": "a"}), Status::Open), [LI.0]);
    assert_eq!(subjects("reject_resolution", json!({"reason": "a"}), Status::Resolved), [LI.0]);
}
