//! Complaints and suggestions that ask for something.

use super::*;
use crate::ids::NeedId;
use crate::need::{self, Need};
use crate::personal::Personal;

const N: NeedId = NeedId(Uuid::from_u128(0x200));

fn raise(need: NeedId) -> Command {
    command("raise_need", json!({"need": need, "title": "Call back within a day"}))
}

fn link(need: NeedId) -> Command {
    command("link_to_need", json!({"need": need}))
}

fn capture(customer: CustomerId) -> need::Command {
    let data = json!({"customer": customer, "title": "Call back", "description": "Soon.", "source": "sales"});
    crate::codec::read_variant("capture", "/data", &data.to_string()).unwrap()
}

fn events(decision: &Decision) -> Vec<(StreamId, String)> {
    decision.events.iter().map(|(stream, event)| (*stream, event.write().unwrap().0)).collect()
}

fn suggestion() -> Given {
    sent(world(), "suggest", json!({"customer": LI, "body": "Call back."}))
}

#[test]
fn a_complaint_becomes_a_need_in_its_own_words_and_is_evidence_of_it_in_one_append() {
    let decision = complaint().when(F.stream(), raise(N)).unwrap();
    let told = [(F.stream(), "FeedbackLinkedToNeed".to_owned()), (N.stream(), "NeedCaptured".to_owned())];
    assert_eq!(events(&decision), told);
    let mut need = Need::default();
    for (_, event) in &decision.events {
        if let AnyEvent::Need(event) = event {
            need.evolve(event);
        }
    }
    let evidence = need::Evidence { kind: need::EvidenceKind::Feedback, id: F.0 };
    assert_eq!((need.customer, need.evidence), (Some(LI), [evidence].into()));
    let AnyEvent::Need(need::Event::NeedCaptured { description, source, .. }) = &decision.events[1].1 else { panic!() };
    let words = crate::text::FreeText::parse("Nobody called back.".to_owned()).unwrap();
    assert_eq!((description, *source), (&Personal::new(LI.0, words), need::Source::Feedback));
    assert!(complaint().then(F.stream(), raise(N)).when(N.stream(), qualify()).is_ok(), "there is evidence");
}

fn qualify() -> need::Command {
    need::Command::Qualify {}
}

#[test]
fn a_need_that_is_there_is_not_raised_again() {
    let raised = complaint().then(F.stream(), raise(N));
    assert_eq!(raised.when(F.stream(), raise(N)), Ok(Decision::already()), "by the same feedback");
    let captured = complaint().then(N.stream(), capture(LI));
    assert_eq!(captured.when(F.stream(), raise(N)).unwrap_err().code, Code::AlreadyExists, "by something else");
}

#[test]
fn a_suggestion_becomes_evidence_of_a_need_that_is_there_once() {
    let given = suggestion().then(N.stream(), capture(LI));
    let decision = given.when(F.stream(), link(N)).unwrap();
    let told = [(F.stream(), "FeedbackLinkedToNeed".to_owned()), (N.stream(), "NeedEvidenceAttached".to_owned())];
    assert_eq!(events(&decision), told);
    let linked = given.then(F.stream(), link(N));
    assert_eq!(linked.when(F.stream(), link(N)), Ok(Decision::already()));
}

#[test]
fn evidence_is_of_the_same_customer_and_of_a_need_that_has_not_ended() {
    let mei = CustomerId(Uuid::from_u128(3));
    let registered = json!({"kind": "person", "lifecycle": "active",
        "display_name": {"$personal": {"subject": mei, "value": "somebody"}}});
    let given = suggestion().with((mei.stream(), event(Category::Customer, "CustomerRegistered", registered)));
    let code = |given: &Given| given.when(F.stream(), link(N)).unwrap_err().code;
    assert_eq!(code(&given), Code::ReferenceMissing);
    assert_eq!(code(&given.clone().then(N.stream(), capture(mei))), Code::CustomerMismatch);
    let withdrawn = given.then(N.stream(), capture(LI)).then(N.stream(), need::Command::Withdraw { reason: None });
    assert_eq!(code(&withdrawn), Code::InvalidTransition);
}

#[test]
fn praise_and_surveys_ask_for_nothing() {
    let praise = sent(world(), "praise", json!({"customer": LI, "body": "Thank you."}));
    for command in [raise(N), link(N)] {
        assert_eq!(praise.when(F.stream(), command.clone()).unwrap_err().code, Code::Validation);
        assert_eq!(survey("csat").when(F.stream(), command).unwrap_err().code, Code::InvalidTransition);
    }
}

#[test]
fn feedback_is_evidence_of_twenty_needs_at_most() {
    let need = |n: usize| NeedId(Uuid::from_u128(0x1000 + n as u128));
    let linked =
        |given: Given, n: usize| given.with((F.stream(), Event::FeedbackLinkedToNeed { need: need(n) }.into()));
    let full = (0..NEEDS_MAX).fold(suggestion(), linked);
    assert_eq!(full.when(F.stream(), raise(N)).unwrap_err().code, Code::LimitExceeded);
    assert_eq!(full.when(F.stream(), link(need(0))), Ok(Decision::already()));
}
