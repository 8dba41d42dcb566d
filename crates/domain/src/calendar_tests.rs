use serde_json::json;

use super::*;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::CalendarId;
use crate::rejection::Code;

const DESK: CalendarId = CalendarId(Uuid::from_u128(1));

fn name(text: &str) -> Name<200> {
    Name::parse(text).unwrap()
}

/// Mondays until so many hours past noon.
fn until(hour: u32) -> Hours {
    let mondays = json!([{"start": "09:00", "end": format!("{}:00", 12 + hour)}]);
    serde_json::from_value(json!({"zone": "Asia/Shanghai", "weekly": {"mon": mondays}})).unwrap()
}

fn a_calendar() -> Given {
    given([]).then(DESK.stream(), Command::Define { name: name("Desk 服务台"), hours: until(5) })
}

fn rejection(outcome: Result<Decision, Rejection>) -> (Code, Option<String>) {
    let rejection = outcome.unwrap_err();
    (rejection.code, rejection.errors.into_iter().next().map(|error| error.pointer))
}

#[test]
fn a_calendar_is_defined_once() {
    let again = Command::Define { name: name("Other"), hours: until(6) };
    assert_eq!(rejection(a_calendar().when(DESK.stream(), again)).0, Code::AlreadyExists);
    for unknown in [Command::Rename { name: name("x") }, Command::Revise { hours: until(6) }] {
        assert_eq!(rejection(given([]).when(DESK.stream(), unknown)).0, Code::NotFound);
    }
}

#[test]
fn a_revision_is_numbered_and_the_hours_of_today_make_none() {
    let revise = |hour| Command::Revise { hours: until(hour) };
    let expected =
        |revision, hour| Ok(Decision::event(DESK.stream(), Event::CalendarRevised { revision, hours: until(hour) }));
    assert_eq!(a_calendar().when(DESK.stream(), revise(6)), expected(2, 6));
    let revised = a_calendar().then(DESK.stream(), revise(6));
    assert_eq!(revised.when(DESK.stream(), revise(6)), Ok(Decision::already()));
    assert_eq!(revised.when(DESK.stream(), revise(5)), expected(3, 5));
}

#[test]
fn hours_that_cannot_be_used_are_refused_with_a_pointer() {
    let nowhere = Hours { zone: crate::customer::Timezone::parse("Mars/Olympus").unwrap(), ..until(5) };
    let never = Hours { weekly: crate::business_time::Week::default(), ..until(5) };
    for (hours, pointer) in [(nowhere, "/data/hours/zone"), (never, "/data/hours/weekly")] {
        let expected = (Code::Validation, Some(pointer.to_owned()));
        let define = Command::Define { name: name("Desk"), hours: hours.clone() };
        assert_eq!(rejection(given([]).when(DESK.stream(), define)), expected);
        assert_eq!(rejection(a_calendar().when(DESK.stream(), Command::Revise { hours })), expected);
    }
}

#[test]
fn calendars_are_changed_by_supervisors_only() {
    let rename = Command::Rename { name: name("Other") };
    assert_eq!(rejection(a_calendar().by(ActorKind::Customer).when(DESK.stream(), rename.clone())).0, Code::Forbidden);
    let expected = Decision::event(DESK.stream(), Event::CalendarRenamed { name: name("Other") });
    assert_eq!(a_calendar().when(DESK.stream(), rename.clone()), Ok(expected));
    assert_eq!(a_calendar().then(DESK.stream(), rename.clone()).when(DESK.stream(), rename), Ok(Decision::already()));
}
