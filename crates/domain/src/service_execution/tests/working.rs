//! Travel, work and pauses, the checklist and parts.

use super::*;

#[test]
fn travel_and_labour_are_told_when_it_is_completed() {
    let done = json!({"item": "power", "result": "done"});
    let world = world()
        .execution_in(E, Status::Dispatched)
        .at(minute(30))
        .send(E, "start_travel", none())
        .at(minute(50))
        .send(E, "start", none())
        .at(minute(70))
        .send(E, "complete_item", done)
        .send(E, "pause", json!({"reason": "spare part"}))
        .at(minute(100))
        .send(E, "resume", none())
        .at(minute(115));
    let event = world.event(E, "complete", json!({"outcome": "It cools again."}));
    let Event::ServiceExecutionCompleted { at, labour_s, travel_s, .. } = event else { panic!("{event:?}") };
    assert_eq!((at, labour_s, travel_s), (minute(115), (20 + 15) * 60, 20 * 60));
}

#[test]
fn times_are_told_in_whole_seconds() {
    let late = world().scheduled(E).at(minute(60) + TimeDelta::milliseconds(1_999));
    let started = Event::ServiceExecutionStarted { at: minute(60) + TimeDelta::seconds(1) };
    assert_eq!(late.event(E, "start", none()), started);
}

#[test]
fn work_that_was_never_travelled_to_has_no_travel() {
    let world = world().in_progress(E).at(minute(10));
    let event = world.event(E, "complete", json!({"outcome": "It cools again."}));
    assert!(matches!(event, Event::ServiceExecutionCompleted { labour_s: 600, travel_s: 0, .. }), "{event:?}");
}

#[test]
fn time_never_goes_backwards() {
    let [reason, outcome] = [json!({"reason": "no access"}), json!({"outcome": "It cools."})];
    let cases = [
        (Status::EnRoute, "start", none()),
        (Status::EnRoute, "record_no_show", none()),
        (Status::InProgress, "pause", none()),
        (Status::Paused, "resume", none()),
        (Status::InProgress, "complete", outcome),
        (Status::InProgress, "fail", reason.clone()),
        (Status::Paused, "cancel", reason),
    ];
    for (status, name, data) in cases {
        let world = world().execution_in(E, status);
        let earlier = world.clone().at(monday() - TimeDelta::microseconds(1));
        assert_eq!(earlier.invalid(E, name, data.clone()), (Code::Validation, "/occurred_at".to_owned()), "{name}");
        assert!(world.when(E, name, data).is_ok(), "{name}: at the same time");
    }
}

#[test]
fn what_was_never_begun_may_be_told_of_any_time() {
    let earlier = world().scheduled(E).at(monday() - TimeDelta::days(400));
    assert!(earlier.when(E, "start", none()).is_ok());
}

#[test]
fn it_is_complete_when_all_mandatory_items_are_done() {
    let checklist = json!([{"id": "a", "name": "A", "mandatory": true}, {"id": "b", "name": "B", "mandatory": true},
        {"id": "c", "name": "C"}]);
    let outcome = json!({"outcome": "It cools."});
    let item = |id: &str, result: &str| json!({"item": id, "result": result});
    let world = world().send(E, "plan", with("checklist", checklist));
    let started = world.send(E, "schedule", booked(60, 180, &[ANNA])).send(E, "start", none());
    let missing = |world: &World| world.rejection(E, "complete", outcome.clone());
    assert_eq!(
        (missing(&started).code, &missing(&started).facts["missing"]),
        (Code::ChecklistIncomplete, &json!(["a", "b"]))
    );
    let one = started.send(E, "complete_item", item("b", "done"));
    assert_eq!(missing(&one).facts["missing"], json!(["a"]));
    for result in ["failed", "not_applicable"] {
        let tried = one.clone().send(E, "complete_item", item("a", result));
        assert_eq!(missing(&tried).facts["missing"], json!(["a"]), "{result}");
    }
    assert!(one.send(E, "complete_item", item("a", "done")).when(E, "complete", outcome).is_ok());
}

#[test]
fn an_item_may_be_told_anew_and_the_same_again_changes_nothing() {
    let world = world().in_progress(E);
    let done = json!({"item": "power", "result": "done"});
    assert_eq!(world.when(E, "complete_item", done), Ok(Decision::already()));
    let noted = json!({"item": "power", "result": "done", "note": "at the mains"});
    let failed = world.send(E, "complete_item", noted.clone()).send(
        E,
        "complete_item",
        json!({"item": "power", "result": "failed"}),
    );
    assert_eq!(failed.code(E, "complete", json!({"outcome": "?"})), Code::ChecklistIncomplete);
    assert!(matches!(failed.event(E, "complete_item", noted), Event::ChecklistItemCompleted { note: Some(_), .. }));
}

#[test]
fn an_item_is_one_of_the_checklist() {
    let unknown = world().in_progress(E).invalid(E, "complete_item", json!({"item": "roof", "result": "done"}));
    assert_eq!(unknown, (Code::Validation, "/data/item".to_owned()));
}

#[test]
fn parts_add_up_and_are_bounded() {
    let part = json!({"sku": "CMP-7", "qty_milli": 1_000});
    let full = (0..PARTS_MAX).fold(world().in_progress(E), |world, _| world.send(E, "use_part", part.clone()));
    assert_eq!(full.state(E).parts, PARTS_MAX);
    assert_eq!(full.code(E, "use_part", part), Code::LimitExceeded);
}

#[test]
fn pauses_are_bounded() {
    let full = (0..PAUSES_MAX)
        .fold(world().in_progress(E), |world, _| world.send(E, "pause", none()).send(E, "resume", none()));
    assert_eq!(full.code(E, "pause", none()), Code::LimitExceeded);
}

#[test]
fn a_quantity_is_above_zero_and_bounded() {
    for (quantity, is_read) in [(0, false), (1, true), (QTY_MILLI_MAX, true), (QTY_MILLI_MAX + 1, false)] {
        let part = json!({"sku": "CMP-7", "qty_milli": quantity}).to_string();
        let read = crate::Command::read(Category::ServiceExecution, "use_part", &part);
        assert_eq!(read.is_ok(), is_read, "{quantity}");
    }
}
