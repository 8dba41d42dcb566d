//! Evidence, ratings, categories, and what makes a need count.

use super::*;

#[test]
fn evidence_is_attached_once() {
    let captured = world().captured(N);
    let data = json!({"evidence": ticket(TICKET)});
    assert_eq!(captured.event(N, "attach_evidence", data.clone()), ("NeedEvidenceAttached".to_owned(), data.clone()));
    let attached = captured.send(N, "attach_evidence", data.clone());
    assert!(attached.is_already(N, "attach_evidence", data));
    let with = attached.send(N, "attach_evidence", json!({"evidence": sale(SALE)}));
    assert_eq!(with.state(N).evidence.len(), 2);
}

#[test]
fn attached_evidence_exists_and_is_of_the_same_customer_whoever_that_is_today() {
    let captured = world().captured(N);
    let fault = |evidence: Value| captured.fault(N, "attach_evidence", json!({"evidence": evidence}));
    let at = || "/data/evidence".to_owned();
    assert_eq!(fault(ticket(NONE)), (Code::ReferenceMissing, at()));
    assert_eq!(fault(ticket(HER_TICKET)), (Code::CustomerMismatch, at()));
    assert_eq!(fault(sale(HER_SALE)), (Code::CustomerMismatch, at()));
    assert!(captured.when(N, "attach_evidence", json!({"evidence": ticket(OLD_TICKET)})).is_ok());
    let merged = captured.happened(MEI.stream(), customer::Event::CustomerMergedInto { survivor: LI });
    assert!(merged.when(N, "attach_evidence", json!({"evidence": sale(HER_SALE)})).is_ok());
}

#[test]
fn a_need_takes_fifty_pieces_of_evidence() {
    let piece = |n: usize| Evidence { kind: EvidenceKind::Ticket, id: Uuid::from_u128(0x1000 + n as u128) };
    let attached = |world: World, n| world.happened(N.stream(), Event::NeedEvidenceAttached { evidence: piece(n) });
    let almost = (1..EVIDENCE_MAX).fold(world().captured(N), attached);
    let data = json!({"evidence": ticket(TICKET)});
    assert!(almost.when(N, "attach_evidence", data.clone()).is_ok());
    let full = attached(almost, 0);
    assert_eq!(full.code(N, "attach_evidence", data), Code::LimitExceeded);
    assert!(full.is_already(N, "attach_evidence", json!({"evidence": piece(0)})));
}

#[test]
fn a_need_counts_when_there_is_evidence() {
    let captured = world().captured(N);
    assert_eq!(captured.code(N, "qualify", json!({})), Code::EvidenceRequired);
    let shown = captured.send(N, "attach_evidence", json!({"evidence": sale(SALE)}));
    assert_eq!(shown.event(N, "qualify", json!({})), ("NeedQualified".to_owned(), json!({})));
    assert!(shown.send(N, "qualify", json!({})).is_already(N, "qualify", json!({})));
}

#[test]
fn a_rating_changes_what_is_given_and_keeps_the_rest() {
    let captured = world().captured(N);
    let empty = captured.fault(N, "rate", json!({}));
    assert_eq!(empty, (Code::Validation, "/data".to_owned()));
    assert_eq!(captured.event(N, "rate", json!({"importance": 4})).1, json!({"importance": 4}));
    let rated = captured.send(N, "rate", json!({"importance": 4}));
    assert!(rated.is_already(N, "rate", json!({"importance": 4})));
    let (event_type, event) = rated.event(N, "rate", json!({"satisfaction": 1}));
    assert_eq!((event_type.as_str(), event), ("NeedRated", json!({"importance": 4, "satisfaction": 1})));
}

#[test]
fn a_category_tells_who_put_the_need_there() {
    let captured = world().captured(N);
    let by = |by: &str| json!({"category": ["app"], "by": by});
    assert_eq!(captured.event(N, "categorize", by("human")), ("NeedCategorized".to_owned(), by("human")));
    let sorted = captured.send(N, "categorize", by("topics@2026-03"));
    assert!(sorted.is_already(N, "categorize", by("topics@2026-03")));
    assert_eq!(sorted.event(N, "categorize", by("human")).1, by("human"), "somebody has confirmed it");
    for wrong in ["", "Human", "topics", "@1", "topics@", "topics@1@2", "a\u{7}@1"] {
        assert_eq!(unread("categorize", by(wrong)).0, "/data/by", "{wrong}");
    }
    let model = CategorizedBy::try_from("human@1".to_owned()).unwrap();
    assert_eq!(String::from(model), "human@1", "a model may be called so");
}

#[test]
fn a_plan_is_changed_as_a_whole() {
    let qualified = world().qualified(N);
    let due = json!({"due": "2026-05-01T00:00:00Z"});
    let planned = qualified.clone().send(N, "plan", json!({"target": "2026.2"}));
    assert!(planned.is_already(N, "plan", json!({"target": "2026.2"})));
    assert_eq!(planned.event(N, "plan", due.clone()), ("NeedPlanned".to_owned(), due));
    assert_eq!(qualified.event(N, "plan", json!({})).1, json!({}), "for some time");
}
