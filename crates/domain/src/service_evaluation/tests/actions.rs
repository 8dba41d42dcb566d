//! What is to be done better.

use super::*;

#[test]
fn an_action_is_raised_once() {
    let data = json!({"action_id": Uuid::from_u128(1), "text": "Look at the map.", "owner": BORIS,
        "due": "2026-04-01T00:00:00Z"});
    let raised = brought(&an_evaluation(Status::Submitted), raise(1));
    assert_eq!(AnyEvent::from(raised), event(Category::ServiceEvaluation, "ImprovementActionRaised", data.clone()));
    let once = an_evaluation(Status::Submitted).then(E.stream(), raise(1));
    assert_eq!(when(&once, raise(1)), Ok(Decision::already()));
    for (field, other) in [("text", json!("Look at the sky.")), ("owner", json!(CARL)), ("due", Value::Null)] {
        let mut data = data.clone();
        data[field] = other;
        assert_eq!(pointer(&once, command("raise_action", data)).as_deref(), Some("/data/action_id"));
    }
}

#[test]
fn an_action_needs_neither_an_owner_nor_a_day_but_an_owner_exists() {
    let given = an_evaluation(Status::Submitted);
    let alone = json!({"action_id": Uuid::from_u128(1), "text": "Look at the map."});
    assert_eq!(code(&given, command("raise_action", alone.clone())), None);
    let mut owned = alone;
    owned["owner"] = json!(NOBODY);
    let rejection = when(&given, command("raise_action", owned)).unwrap_err();
    assert_eq!((rejection.code, &*rejection.errors[0].pointer), (Code::ReferenceMissing, "/data/owner"));
}

#[test]
fn actions_are_bounded() {
    let full = (0..50).fold(an_evaluation(Status::Submitted), |given, n| given.then(E.stream(), raise(n)));
    let rejection = when(&full, raise(50)).unwrap_err();
    assert_eq!((rejection.code, &rejection.facts["limit"]), (Code::LimitExceeded, &json!(ACTIONS_MAX)));
    assert_eq!(when(&full, raise(49)), Ok(Decision::already()));
}
