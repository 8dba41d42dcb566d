//! How needs end, and how they are taken up again.

use super::*;

#[test]
fn a_need_is_fulfilled_by_a_transaction_of_the_same_customer_that_is_not_void() {
    let planned = world().need_in(N, Status::Planned);
    let by = |by: Value| json!({"by": by});
    let fulfilled = ("NeedFulfilled".to_owned(), by(sale(SALE)));
    assert_eq!(planned.event(N, "fulfil", by(sale(SALE))), fulfilled);
    let fault = |id| planned.fault(N, "fulfil", by(sale(id)));
    let at = || "/data/by/id".to_owned();
    assert_eq!(fault(TransactionId(NONE.0)), (Code::ReferenceMissing, at()));
    assert_eq!(fault(HER_SALE), (Code::CustomerMismatch, at()));
    assert_eq!(fault(VOID), (Code::Validation, at()));
    let merged = planned.happened(MEI.stream(), customer::Event::CustomerMergedInto { survivor: LI });
    assert!(merged.when(N, "fulfil", by(sale(HER_SALE))).is_ok());
}

#[test]
fn a_need_is_fulfilled_by_a_release_with_a_name() {
    let planned = world().need_in(N, Status::Planned);
    assert_eq!(planned.event(N, "fulfil", json!({"by": release()})).1, json!({"by": release()}));
    let wrong = [
        json!({"kind": "release"}),
        json!({"kind": "release", "name": ""}),
        json!({"kind": "release", "name": "2026.2", "id": SALE}),
        json!({"kind": "magic", "name": "2026.2"}),
    ];
    for by in wrong {
        assert!(unread("fulfil", json!({"by": by})).0.starts_with("/data/by"), "{by}");
    }
    assert_eq!(unread("fulfil", json!({})).0, "/data", "it takes a link");
}

#[test]
fn a_need_is_declined_for_a_reason_and_withdrawn_without_one() {
    let captured = world().captured(N);
    assert_eq!(unread("decline", json!({})).0, "/data");
    let reason = json!({"reason": "not our market"});
    assert_eq!(captured.event(N, "decline", reason.clone()), ("NeedDeclined".to_owned(), reason.clone()));
    assert_eq!(captured.event(N, "withdraw", json!({})), ("NeedWithdrawn".to_owned(), json!({})));
    assert_eq!(captured.by_kind(ActorKind::Customer).event(N, "withdraw", reason.clone()).1, reason);
}

#[test]
fn a_need_is_taken_up_again_with_evidence_and_without_its_plan() {
    for status in [Status::Fulfilled, Status::Declined, Status::Withdrawn] {
        let again = world().need_in(N, status).send(N, "reopen", json!({}));
        let need = again.state(N);
        assert_eq!((need.status, need.target), (Status::Qualified, None));
        let (event_type, _) = again.event(N, "plan", json!({"target": "2026.2"}));
        assert_eq!(event_type, "NeedPlanned", "the same plan as before, but it is planned anew");
    }
    for (name, data) in [("decline", json!({"reason": "unheard of"})), ("withdraw", json!({}))] {
        let unshown = world().captured(N).send(N, name, data);
        assert_eq!(unshown.code(N, "reopen", json!({})), Code::EvidenceRequired);
    }
    let reason = json!({"reason": "asked for again"});
    let declined = world().need_in(N, Status::Declined);
    assert_eq!(declined.event(N, "reopen", reason.clone()), ("NeedReopened".to_owned(), reason));
}
