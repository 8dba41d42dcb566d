//! New needs.

use super::*;

/// A capture with one field more.
fn with(field: &str, value: Value) -> Value {
    let mut data = capture(LI);
    data[field] = value;
    data
}

#[test]
fn a_captured_need_holds_everything_that_was_given() {
    let given = json!({"customer": LI, "title": " Offline mode ", "description": "在飞机上也要能用。\n",
        "category": ["app", "sync"], "product_ref": "APP-2", "source": "ticket",
        "evidence": [sale(SALE), ticket(TICKET), sale(SALE)], "importance": 5, "satisfaction": 2,
        "wanted_by": "2026-06-01T00:00:00Z", "est_value": {"currency": "CNY", "amount_minor": 0}, "owner": ANNA});
    let (event_type, event) = world().event(N, "capture", given.clone());
    let mut expected = given;
    expected["title"] = json!("Offline mode");
    expected["description"] = json!({"$personal": {"subject": LI, "value": "在飞机上也要能用。\n"}});
    expected["evidence"] = json!([ticket(TICKET), sale(SALE)]);
    assert_eq!((event_type.as_str(), event), ("NeedCaptured", expected));
}

#[test]
fn a_need_may_be_captured_with_little() {
    let (_, event) = world().event(N, "capture", capture(LI));
    let fields: Vec<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["category", "customer", "description", "source", "title"]);
}

#[test]
fn a_need_is_of_a_customer_who_exists_and_stands_for_itself() {
    let nobody = CustomerId(NONE.0);
    assert_eq!(world().fault(N, "capture", capture(nobody)), (Code::ReferenceMissing, "/data/customer".to_owned()));
    let merged = world().rejection(N, "capture", capture(OLD_LI));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    assert_eq!(world().erased(LI).code(N, "capture", capture(LI)), Code::SubjectErased);
}

#[test]
fn every_piece_of_evidence_exists_and_is_of_the_same_customer() {
    let fault = |evidence: Value| world().fault(N, "capture", with("evidence", evidence));
    let second = "/data/evidence/1".to_owned();
    assert_eq!(fault(json!([ticket(TICKET), ticket(NONE)])), (Code::ReferenceMissing, second.clone()));
    assert_eq!(fault(json!([ticket(TICKET), sale(TransactionId(TICKET.0))])), (Code::ReferenceMissing, second.clone()));
    assert_eq!(fault(json!([sale(SALE), sale(HER_SALE)])), (Code::CustomerMismatch, second.clone()));
    assert_eq!(fault(json!([sale(SALE), ticket(HER_TICKET)])), (Code::CustomerMismatch, second));
    assert!(world().when(N, "capture", with("evidence", json!([ticket(OLD_TICKET), sale(VOID)]))).is_ok());
}

#[test]
fn evidence_is_bounded_before_it_is_looked_at() {
    let pieces = |count: usize| with("evidence", json!(vec![ticket(TICKET); count]));
    assert!(world().when(N, "capture", pieces(EVIDENCE_MAX)).is_ok());
    let many = with("evidence", (0..=EVIDENCE_MAX as u128).map(|n| ticket(Uuid::from_u128(n))).collect());
    assert_eq!(world().code(N, "capture", many), Code::LimitExceeded);
    let reads = world().given().when(N.stream(), command("capture", pieces(EVIDENCE_MAX + 1))).unwrap_err();
    assert_eq!((reads.code, &reads.facts["limit"]), (Code::LimitExceeded, &json!(EVIDENCE_MAX)));
}

#[test]
fn an_owner_exists_and_a_value_is_not_negative() {
    let owner = world().fault(N, "capture", with("owner", json!(NONE)));
    assert_eq!(owner, (Code::ReferenceMissing, "/data/owner".to_owned()));
    let value = |amount: i64| with("est_value", json!({"currency": "CNY", "amount_minor": amount}));
    assert!(world().when(N, "capture", value(i64::MAX)).is_ok());
    for amount in [-1, i64::MIN] {
        let negative = world().fault(N, "capture", value(amount));
        assert_eq!(negative, (Code::Validation, "/data/est_value/amount_minor".to_owned()));
    }
}

#[test]
fn what_does_not_fit_its_field_is_not_read() {
    let wrong = [
        ("title", json!(""), "/data/title"),
        ("title", json!("x".repeat(201)), "/data/title"),
        ("description", json!("x".repeat(20_001)), "/data/description"),
        ("source", json!("rumour"), "/data/source"),
        ("importance", json!(0), "/data/importance"),
        ("importance", json!(6), "/data/importance"),
        ("satisfaction", json!(6), "/data/satisfaction"),
        ("product_ref", json!("x".repeat(129)), "/data/product_ref"),
        ("evidence", json!([{"kind": "agent", "id": ANNA}]), "/data/evidence/0/kind"),
        ("evidence", json!([{"kind": "ticket", "id": TICKET, "more": 1}]), "/data/evidence/0/more"),
        ("est_value", json!({"currency": "cny", "amount_minor": 1}), "/data/est_value/currency"),
        ("wanted_by", json!("1899-12-31T23:59:59Z"), "/data/wanted_by"),
        ("wanted_by", json!("+10000-01-01T00:00:00Z"), "/data/wanted_by"),
        ("wanted_by", json!("tomorrow"), "/data/wanted_by"),
    ];
    for (field, value, pointer) in wrong {
        assert_eq!(unread("capture", with(field, value.clone())).0, pointer, "{value:.40}");
    }
    for kept in ["1900-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"] {
        assert_eq!(world().event(N, "capture", with("wanted_by", json!(kept))).1["wanted_by"], kept);
    }
}

#[test]
fn a_deadline_is_kept_in_whole_microseconds() {
    let kept = |time: &str| world().event(N, "capture", with("wanted_by", json!(time))).1["wanted_by"].clone();
    assert_eq!(kept("2026-06-01T08:00:00.123456789+08:00"), "2026-06-01T00:00:00.123456Z");
    assert_eq!(kept("2016-12-31T23:59:60Z"), "2017-01-01T00:00:00Z");
}
