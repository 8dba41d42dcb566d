//! Whose an inquiry is, and what becomes of it when its customer is erased.

use super::*;
use crate::customer::Command as OfCustomer;

fn identified(customer: CustomerId) -> World {
    world().received(asked()).send("identify", json!({"customer": customer}))
}

/// What an erasure decides.
fn erasure(world: &World, customer: CustomerId) -> Decision {
    let asked = world.clone().and(customer.stream(), OfCustomer::RequestErasure {}).by(ActorKind::System);
    asked.given.when(customer.stream(), OfCustomer::Erase {}).unwrap()
}

/// The inquiries that an erasure names, by customer.
fn named(decision: &Decision) -> Vec<(Uuid, Vec<InquiryId>)> {
    let named = decision.events.iter().map(|(stream, event)| {
        let AnyEvent::Customer(customer::Event::CustomerErased { inquiries }) = event else { panic!("{event:?}") };
        (stream.id, inquiries.clone())
    });
    named.collect()
}

#[test]
fn an_identified_inquiry_holds_a_claim_on_its_customer() {
    let decision = world().received(asked()).when("identify", json!({"customer": LI})).unwrap();
    let taken = ClaimChange::Take {
        key: identified_claim(LI),
        holder: I.stream(),
        kind: ClaimKind::Counted { weight: 1, limit: IDENTIFIED_MAX },
    };
    assert_eq!(decision, Decision::event(I.stream(), Event::InquiryIdentified { customer: LI }).claim(taken));
}

#[test]
fn from_then_on_what_is_written_is_sealed_under_the_customer() {
    let (_, before) = world().received(asked()).event("answer", json!({"body": "Soon."}));
    assert_eq!(before["body"], personal(own_subject(I), json!("Soon.")));
    let (_, after) = identified(MEI).event("answer", json!({"body": "Soon."}));
    assert_eq!(after["body"], personal(MEI.0, json!("Soon.")));
    let (_, replied) = identified(MEI).event("receive_customer_reply", json!({"body": "好"}));
    assert_eq!(replied["body"], personal(MEI.0, json!("好")));
}

#[test]
fn identifying_again_changes_nothing_and_another_customer_is_refused() {
    for world in [identified(MEI), world().received(asked_by(MEI))] {
        assert_eq!(world.when("identify", json!({"customer": MEI})), Ok(Decision::already()));
        let other = world.rejection("identify", json!({"customer": LI}));
        assert_eq!((other.code, &other.facts["customer"]), (Code::CustomerMismatch, &json!(MEI)));
        let merged = world.and(LI.stream(), OfCustomer::Merge { loser: MEI });
        assert_eq!(merged.when("identify", json!({"customer": LI})), Ok(Decision::already()));
    }
}

#[test]
fn an_inquiry_is_identified_as_a_live_customer_only() {
    let world = world().received(asked());
    let nobody = world.rejection("identify", json!({"customer": NOBODY}));
    assert_eq!((nobody.code, nobody.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/customer"));
    let merged = world.rejection("identify", json!({"customer": OLD_LI}));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    assert_eq!(world.erased(MEI).code("identify", json!({"customer": MEI})), Code::SubjectErased);
}

#[test]
fn at_most_a_thousand_inquiries_are_identified_as_one_customer() {
    let held = |count: u32| {
        let holder = |n: u32| InquiryId(Uuid::from_u128(0x1_0000 + u128::from(n))).stream();
        let World { given, inquiry } = world().received(asked());
        let given = (0..count).fold(given, |given, n| given.holding(identified_claim(MEI), holder(n), 1));
        World { given, inquiry }
    };
    let full = held(IDENTIFIED_MAX);
    assert_eq!(full.code("identify", json!({"customer": MEI})), Code::LimitExceeded);
    assert!(full.when("identify", json!({"customer": LI})).is_ok());
    assert!(held(IDENTIFIED_MAX - 1).when("identify", json!({"customer": MEI})).is_ok());
}

#[test]
fn erasing_a_customer_destroys_the_subjects_of_its_inquiries_as_well() {
    let world = identified(MEI).and(J.stream(), command("receive", asked()));
    let decision = erasure(&world, MEI);
    assert_eq!(named(&decision), [(MEI.0, vec![I])]);
    assert_eq!(decision.erased_subjects, [MEI.0, own_subject(I)]);
    let released = ClaimChange::Release { key: identified_claim(MEI), holder: I.stream() };
    assert_eq!(decision.claims, [released]);
    let both = world.and(J.stream(), command("identify", json!({"customer": MEI})));
    assert_eq!(named(&erasure(&both, MEI)), [(MEI.0, vec![I, J])]);
}

#[test]
fn an_inquiry_is_erased_with_the_survivor_of_whom_it_was_identified_as() {
    let merged = identified(MEI).and(LI.stream(), OfCustomer::Merge { loser: MEI });
    let merged = merged.and(J.stream(), command("receive", asked()));
    let merged = merged.and(J.stream(), command("identify", json!({"customer": LI})));
    let decision = erasure(&merged, LI);
    assert_eq!(named(&decision), [(LI.0, vec![J]), (MEI.0, vec![I]), (OLD_LI.0, vec![])]);
    let subjects = [LI.0, own_subject(J), MEI.0, own_subject(I), OLD_LI.0];
    assert_eq!(decision.erased_subjects, subjects);
    let apart = merged.and(LI.stream(), OfCustomer::Unmerge { loser: MEI });
    assert_eq!(named(&erasure(&apart, LI)), [(LI.0, vec![J]), (OLD_LI.0, vec![])]);
    assert_eq!(named(&erasure(&apart, MEI)), [(MEI.0, vec![I])]);
}

#[test]
fn an_inquiry_of_a_customer_has_no_subject_of_its_own() {
    assert_eq!(named(&erasure(&world().received(asked_by(MEI)), MEI)), [(MEI.0, vec![])]);
}

#[test]
fn the_erasure_names_its_inquiries_and_an_older_one_without_any_is_read() {
    let event = customer::Event::CustomerErased { inquiries: vec![I] };
    let (event_type, content) = AnyEvent::from(event.clone()).write().unwrap();
    assert_eq!(content, json!({"inquiries": [I]}).to_string());
    for (content, event) in [(content.as_str(), event), ("{}", customer::Event::CustomerErased { inquiries: vec![] })] {
        assert_eq!(AnyEvent::read(Category::Customer, &event_type, content).unwrap(), event.into());
    }
}
