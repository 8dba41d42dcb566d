//! New inquiries, and who asks.

use super::*;

#[test]
fn what_somebody_unknown_wrote_is_sealed_under_a_subject_of_the_inquirys_own() {
    let (event_type, data) = world().event("receive", asked());
    let own = own_subject(I);
    let anonymous = json!({"name": "王小明", "phone": "138 0013 8000"});
    let expected = json!({"anonymous": personal(own, anonymous), "channel": "wechat",
        "subject": personal(own, json!("发票怎么开？")), "body": personal(own, json!("买了两台打印机。")),
        "language": "zh-CN", "product_ref": "printer-x2", "priority": "P3"});
    assert_eq!((event_type.as_str(), data), ("InquiryReceived", expected));
    assert_ne!(own, own_subject(J));
    assert_ne!(own, I.0);
}

#[test]
fn what_a_customer_wrote_is_sealed_under_the_customer() {
    let (_, data) = world().event("receive", asked_by(LI));
    assert_eq!(data["customer"], json!(LI));
    assert_eq!(data["subject"], personal(LI.0, json!("发票怎么开？")));
    assert_eq!(data["body"], personal(LI.0, json!("买了两台打印机。")));
    assert_eq!(data.get("anonymous"), None);
}

#[test]
fn somebody_unknown_leaves_a_name_a_number_or_an_address() {
    let from = |anonymous: Value| asked_with("from", json!({"anonymous": anonymous}));
    let nothing = world().rejection("receive", from(json!({})));
    assert_eq!((nothing.code, nothing.errors[0].pointer.as_str()), (Code::Validation, "/data/from/anonymous"));
    for (field, value) in [("name", "王"), ("phone", "110"), ("email", "a@b.cn")] {
        assert!(world().when("receive", from(json!({field: value}))).is_ok(), "{field}");
    }
}

#[test]
fn what_an_inquiry_refers_to_must_exist() {
    let of_nobody = world().rejection("receive", asked_by(NOBODY));
    assert_eq!((of_nobody.code, of_nobody.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/from/customer"));
    let no_team = world().rejection("receive", asked_with("team", json!(NOBODY)));
    assert_eq!((no_team.code, no_team.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/team"));
    assert_eq!(world().received(asked_with("team", json!(FIRST))).inquiry.team, Some(FIRST));
}

#[test]
fn an_inquiry_is_not_taken_in_for_a_merged_or_erased_customer() {
    let merged = world().rejection("receive", asked_by(OLD_LI));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    assert_eq!(world().erased(MEI).code("receive", asked_by(MEI)), Code::SubjectErased);
}

#[test]
fn an_inquiry_is_taken_in_once() {
    assert_eq!(world().received(asked()).code("receive", asked()), Code::AlreadyExists);
    for command in commands() {
        assert_eq!(world().given.when(NONE.stream(), command).unwrap_err().code, Code::NotFound);
    }
}

#[test]
fn a_field_out_of_range_is_not_read() {
    let wrong = [
        ("channel", json!("fax")),
        ("subject", json!("")),
        ("subject", json!("长".repeat(301))),
        ("body", json!("x".repeat(20_001))),
        ("language", json!("no language")),
        ("product_ref", json!("x".repeat(129))),
        ("priority", json!("P5")),
        ("from", json!({})),
        ("from", json!({"customer": LI, "anonymous": {"name": "a"}})),
        ("from", json!({"anonymous": {"wechat": "a"}})),
        ("from", json!({"anonymous": {"name": "x".repeat(201)}})),
    ];
    for (field, value) in wrong {
        let data = asked_with(field, value.clone()).to_string();
        assert!(crate::codec::read_variant::<Command>("receive", "/data", &data).is_err(), "{field} {value}");
    }
}
