//! Inquiries that go on as tickets.

use super::*;
use crate::decider::TimerChange;
use crate::ticket;

/// What the ticket of a decision begins with.
fn opened(decision: &Decision) -> Value {
    let [(stream, converted), (opened_on, opened), ..] = decision.events.as_slice() else { panic!("{decision:?}") };
    assert_eq!((*stream, *opened_on), (I.stream(), T.stream()));
    assert_eq!(*converted, Event::InquiryConverted { ticket: T }.into());
    let (event_type, data) = opened.write().unwrap();
    assert_eq!(event_type, "TicketOpened");
    serde_json::from_str(&data).unwrap()
}

fn open_ticket(customer: CustomerId) -> crate::Command {
    let data = json!({"customer": customer, "type": "incident", "subject": "打印机坏了", "channel": "web",
        "impact": 3, "urgency": 2});
    crate::Command::read(Category::Ticket, "open", &data.to_string()).unwrap()
}

#[test]
fn an_inquiry_becomes_a_ticket_of_its_customer_in_one_append() {
    let world = world().received(asked_with("team", json!(FIRST))).send("identify", json!({"customer": MEI}));
    let decision = world.when("convert", json!({"ticket": T})).unwrap();
    let expected = json!({"customer": MEI, "type": "question", "subject": personal(MEI.0, json!("发票怎么开？")),
        "description": personal(MEI.0, json!("买了两台打印机。")), "channel": "wechat", "category": [],
        "impact": 3, "urgency": 3, "priority": "P3", "team": FIRST});
    assert_eq!(opened(&decision), expected);
    assert_eq!((decision.events.len(), decision.claims, decision.timers), (2, vec![], vec![]));
    assert_eq!(world.send("convert", json!({"ticket": T})).inquiry.ticket, Some(T));
}

#[test]
fn the_ticket_is_the_one_that_opening_it_would_make() {
    let data = json!({"ticket": T, "type": "complaint", "impact": 1, "urgency": 2, "category": ["billing"],
        "tags": ["vip"], "team": SECOND, "sla_policy": GOLD, "subject": "发票"});
    let converted = world().received(asked_by(LI)).when("convert", data).unwrap();
    let open = json!({"customer": LI, "type": "complaint", "subject": "发票", "description": "买了两台打印机。",
        "channel": "wechat", "category": ["billing"], "tags": ["vip"], "impact": 1, "urgency": 2, "team": SECOND,
        "sla_policy": GOLD});
    let open = crate::Command::read(Category::Ticket, "open", &open.to_string()).unwrap();
    let by_hand = world().given.when(T.stream(), open).unwrap();
    assert_eq!(converted.events[1..], by_hand.events[..]);
    assert_eq!((converted.claims, converted.timers), (by_hand.claims, by_hand.timers));
}

#[test]
fn clocks_run_for_the_ticket_if_a_policy_is_asked_for() {
    let world = world().received(asked_by(LI));
    let decision = world.when("convert", json!({"ticket": T, "sla_policy": GOLD})).unwrap();
    assert!(matches!(&decision.events[2].1, AnyEvent::Ticket(ticket::Event::SlaAttached { .. })));
    let set = decision.timers.iter().filter_map(|timer| match timer {
        TimerChange::Set { stream, name, .. } if *stream == T.stream() => Some(*name),
        TimerChange::Set { .. } | TimerChange::Cancel { .. } => None,
    });
    assert_eq!(set.collect::<Vec<_>>(), ["sla_first_response", "sla_first_resolution"]);
}

#[test]
fn a_ticket_takes_a_customer_who_is_live() {
    assert_eq!(world().received(asked()).code("convert", json!({"ticket": T})), Code::NotIdentified);
    let erased = world().received(asked_by(MEI)).erased(MEI);
    assert_eq!(erased.code("convert", json!({"ticket": T})), Code::SubjectErased);
}

#[test]
fn the_ticket_belongs_to_whom_the_customer_was_merged_into_and_the_words_stay_whose_they_were() {
    let world = world().received(asked_by(MEI)).and(LI.stream(), customer::Command::Merge { loser: MEI });
    let ticket = opened(&world.when("convert", json!({"ticket": T})).unwrap());
    assert_eq!((&ticket["customer"], &ticket["subject"]), (&json!(LI), &personal(MEI.0, json!("发票怎么开？"))));
}

#[test]
fn what_a_ticket_refuses_is_refused_here() {
    let world = world().received(asked_by(LI));
    let tags: Vec<_> = (0..=ticket::TAGS_MAX).map(|n| n.to_string()).collect();
    assert_eq!(world.code("convert", json!({"ticket": T, "tags": tags})), Code::LimitExceeded);
    for field in ["team", "sla_policy"] {
        let refused = world.rejection("convert", json!({"ticket": T, field: NOBODY}));
        assert_eq!((refused.code, &refused.errors[0].pointer), (Code::ReferenceMissing, &format!("/data/{field}")));
    }
    let taken = world.and(T.stream(), open_ticket(LI)).rejection("convert", json!({"ticket": T}));
    assert_eq!((taken.code, &taken.facts["holder"]), (Code::AlreadyExists, &json!(T)));
}

#[test]
fn impact_and_urgency_follow_from_the_priority_unless_said() {
    for priority in ["P1", "P2", "P3", "P4"] {
        let mut asked = asked_by(LI);
        asked["priority"] = json!(priority);
        let ticket = opened(&world().received(asked).when("convert", json!({"ticket": T})).unwrap());
        assert_eq!(ticket["priority"], json!(priority));
    }
}
