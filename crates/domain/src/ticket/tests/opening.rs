//! New tickets, and whose they are.

use super::*;
use crate::personal::Personal;

fn with(field: &str, value: Value) -> Value {
    let mut data = opening(LI);
    data[field] = value;
    data
}

#[test]
fn a_ticket_opens_as_new_with_its_personal_data_under_the_customer() {
    let decision = world().when(T, "open", with("team", json!(FIRST))).unwrap();
    let (stream, event) = &decision.events[0];
    let AnyEvent::Ticket(Event::TicketOpened { customer, subject, description, priority, team, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!((*stream, *customer, *priority, *team), (T.stream(), LI, Priority::P3, Some(FIRST)));
    assert_eq!(*subject, Personal::new(LI.0, Subject::parse("打印机坏了".to_owned()).unwrap()));
    assert_eq!(description.as_ref().map(Personal::subject), Some(LI.0));
    assert_eq!(world().opened(T).status(T), Status::New);
}

#[test]
fn the_priority_follows_from_impact_and_urgency() {
    use Priority::{P1, P2, P3, P4};
    let matrix = [[P1, P1, P2, P4], [P1, P2, P3, P4], [P2, P3, P3, P4]];
    for (impact, row) in (1..).zip(matrix) {
        for (urgency, priority) in (1..).zip(row) {
            let (impact, urgency) = (Impact::try_from(impact).unwrap(), Urgency::try_from(urgency).unwrap());
            assert_eq!(Priority::of(impact, urgency), priority, "{impact:?} {urgency:?}");
        }
    }
}

#[test]
fn what_a_ticket_refers_to_must_exist() {
    let nobody = CustomerId(Uuid::from_u128(99));
    for (field, value) in [("customer", json!(nobody)), ("requester", json!(nobody)), ("team", json!(nobody))] {
        let refused = world().rejection(T, "open", with(field, value));
        assert_eq!(refused.code, Code::ReferenceMissing);
        assert_eq!(refused.errors[0].pointer, format!("/data/{field}"));
    }
    assert!(world().when(T, "open", with("requester", json!(MEI))).is_ok());
}

#[test]
fn a_ticket_is_not_opened_for_a_merged_or_erased_customer() {
    let merged = world().rejection(T, "open", opening(OLD_LI));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    let erased = world().happened(LI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() });
    assert_eq!(erased.code(T, "open", opening(LI)), Code::SubjectErased);
}

#[test]
fn the_tickets_of_a_merged_customer_go_on() {
    let merged = world().opened(T).happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    assert_eq!(merged.send(T, "reply", json!({"body": "hello", "public": true})).status(T), Status::Open);
}

#[test]
fn the_ticket_of_an_erased_customer_can_only_be_wound_up() {
    let erased = |world: World| world.happened(LI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() });
    for status in Status::ALL {
        let world = erased(world().ticket_in(T, *status).opened(U)).by(SVEN);
        for command in samples::commands().into_iter().skip(1) {
            let winds_up = ["unassign", "close", "cancel", "notice_sla"].contains(&command.name());
            let code = world.given().when(T.stream(), command.clone()).err().map(|rejection| rejection.code);
            assert_eq!(code == Some(Code::SubjectErased), !winds_up, "{} {}", status.name(), command.name());
        }
    }
    assert_eq!(erased(world().ticket_in(T, Status::Open)).send(T, "cancel", json!({})).load(ANNA), 0);
}

#[test]
fn a_ticket_is_erased_with_the_survivor_of_its_customer() {
    let merged = world().opened(T).happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    let erased = merged.happened(MEI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() });
    assert_eq!(erased.code(T, "add_note", json!({"body": "a note"})), Code::SubjectErased);
}

#[test]
fn a_ticket_has_at_most_fifty_tags() {
    let tags = |count: usize| json!((0..count).map(|n| format!("tag {n}")).collect::<Vec<_>>());
    assert_eq!(world().code(T, "open", with("tags", tags(TAGS_MAX + 1))), Code::LimitExceeded);
    let full = world().send(T, "open", with("tags", tags(TAGS_MAX)));
    assert_eq!(full.code(T, "tag", json!({"tag": "one more"})), Code::LimitExceeded);
    assert_eq!(full.when(T, "tag", json!({"tag": "tag 0"})), Ok(Decision::already()));
}

#[test]
fn customers_do_what_customers_do() {
    for command in samples::commands() {
        let allowed = ["open", "receive_customer_reply", "reject_resolution", "reopen", "close", "cancel"];
        let status = if command.name() == "cancel" { Status::Open } else { Status::Resolved };
        let world = world().ticket_in(T, status).opened(U).by_kind(ActorKind::Customer);
        let id = if command.name() == "open" { V } else { T };
        let outcome = world.given().when(id.stream(), command.clone()).map_err(|rejection| rejection.code);
        match allowed.contains(&command.name()) {
            true => assert!(outcome.is_ok(), "{} {outcome:?}", command.name()),
            false => assert_eq!(outcome, Err(Code::Forbidden), "{}", command.name()),
        }
    }
}

#[test]
fn a_field_out_of_range_is_not_read() {
    let wrong = [
        ("impact", json!(0)),
        ("impact", json!(4)),
        ("urgency", json!(5)),
        ("urgency", json!(-1)),
        ("subject", json!("")),
        ("subject", json!("长".repeat(301))),
        ("description", json!("x".repeat(20_001))),
        ("category", json!(["a", "b", "c", "d", "e", "f", "g", "h", "i"])),
        ("channel", json!("fax")),
        ("priority", json!("P1")),
    ];
    for (field, value) in wrong {
        let data = with(field, value).to_string();
        assert!(crate::codec::read_variant::<Command>("open", "/data", &data).is_err(), "{field}");
    }
}
