//! New executions, and for whom they are.

use super::*;
use crate::agent::SKILLS_MAX;
use crate::personal::Personal;

#[test]
fn a_time_beyond_the_calendar_is_refused_also_as_a_leap_second() {
    for latest in ["9999-12-31T23:59:60Z", "+10000-01-01T00:00:00Z", "1899-12-31T23:59:59Z"] {
        let data = with("window", json!({"earliest": "9995-01-01T00:00:00Z", "latest": latest}));
        let read = crate::codec::read_variant::<Command>("plan", "/data", &data.to_string());
        assert!(read.is_err(), "{latest}");
    }
}

#[test]
fn it_is_planned_with_its_site_under_the_customer() {
    let event = world().event(E, "plan", planning());
    let Event::ServiceExecutionPlanned { customer, ticket, site, window, checklist, follow_up_of, .. } = event else {
        panic!("{event:?}")
    };
    assert_eq!((customer, ticket, follow_up_of), (LI, Some(TICKET), None));
    assert_eq!(site, Some(Personal::new(LI.0, Site::parse("南京西路 1 号".to_owned()).unwrap())));
    assert_eq!(window, Window { earliest: minute(-60), latest: minute(660) });
    assert_eq!(checklist.iter().map(|item| item.mandatory).collect::<Vec<_>>(), [true, false]);
    assert_eq!(world().planned(E).status(E), Status::Planned);
}

#[test]
fn a_name_a_customer_and_a_window_are_enough() {
    let least = json!({"name": "Visit", "customer": LI,
        "window": {"earliest": written(minute(0)), "latest": written(minute(1))}});
    assert!(matches!(world().event(E, "plan", least), Event::ServiceExecutionPlanned { site: None, ticket: None, .. }));
}

#[test]
fn what_it_refers_to_must_exist() {
    let nobody = json!(Uuid::from_u128(99));
    for field in ["customer", "ticket"] {
        let invalid = world().invalid(E, "plan", with(field, nobody.clone()));
        assert_eq!(invalid, (Code::ReferenceMissing, format!("/data/{field}")));
    }
}

#[test]
fn a_ticket_for_which_it_is_planned_is_the_customers_own() {
    let hers = with("customer", json!(MEI));
    assert_eq!(world().invalid(E, "plan", hers.clone()), (Code::CustomerMismatch, "/data/ticket".to_owned()));
    let merged = world().happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    assert!(merged.when(E, "plan", hers).is_ok(), "of whoever it was merged into too");
}

#[test]
fn it_is_not_planned_for_a_merged_or_erased_customer() {
    let merged = world().rejection(E, "plan", with("customer", json!(OLD_LI)));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    assert_eq!(world().erased().code(E, "plan", planning()), Code::SubjectErased);
}

#[test]
fn that_of_a_merged_customer_goes_on_until_the_survivor_is_erased() {
    let merged = world().planned(E).happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    assert_eq!(merged.clone().send(E, "schedule", booked(60, 180, &[ANNA])).status(E), Status::Scheduled);
    let erased = merged.happened(MEI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() });
    assert_eq!(erased.code(E, "schedule", booked(60, 180, &[ANNA])), Code::SubjectErased);
}

#[test]
fn a_window_has_an_inside_and_is_ten_years_long_at_most() {
    let window = |earliest: DateTime<Utc>, latest: DateTime<Utc>| {
        with("window", json!({"earliest": written(earliest), "latest": written(latest)}))
    };
    let wrong = (Code::Validation, "/data/window/latest".to_owned());
    assert_eq!(world().invalid(E, "plan", window(minute(0), minute(0))), wrong);
    assert_eq!(world().invalid(E, "plan", window(minute(1), minute(0))), wrong);
    let longest = minute(0) + WINDOW_MAX;
    assert!(world().when(E, "plan", window(minute(0), longest)).is_ok());
    assert_eq!(world().invalid(E, "plan", window(minute(0), longest + TimeDelta::microseconds(1))), wrong);
}

#[test]
fn times_are_those_that_the_store_can_hold_to_the_microsecond() {
    let read = |earliest: &str| {
        let window = json!({"earliest": earliest, "latest": "2026-03-03T09:00:00Z"});
        crate::codec::read::<Window>("", window.to_string().as_bytes()).map(|window| window.earliest)
    };
    for absurd in ["-200000-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "+10000-01-01T00:00:00Z", "monday"] {
        assert_eq!(read(absurd).unwrap_err().errors[0].pointer, "/earliest", "{absurd}");
    }
    assert_eq!(read("2026-03-02T09:00:00.0000009Z").unwrap(), monday());
    assert_eq!(read("2026-03-02T17:00:00+08:00").unwrap(), monday());
}

#[test]
fn the_items_of_a_checklist_have_ids_of_their_own_and_are_bounded() {
    let items = |ids: &[String]| {
        with("checklist", json!(ids.iter().map(|id| json!({"id": id, "name": "step"})).collect::<Vec<_>>()))
    };
    let ids: Vec<String> = (0..=CHECKLIST_MAX).map(|n| n.to_string()).collect();
    assert!(world().when(E, "plan", items(&ids[..CHECKLIST_MAX])).is_ok());
    assert_eq!(world().code(E, "plan", items(&ids)), Code::LimitExceeded);
    let twice = world().invalid(E, "plan", items(&["a".to_owned(), "b".to_owned(), "a".to_owned()]));
    assert_eq!(twice, (Code::Validation, "/data/checklist/2/id".to_owned()));
}

#[test]
fn skills_are_bounded() {
    let skills = |count: usize| with("skills", json!((0..count).map(|n| n.to_string()).collect::<Vec<_>>()));
    assert!(world().when(E, "plan", skills(SKILLS_MAX)).is_ok());
    assert_eq!(world().code(E, "plan", skills(SKILLS_MAX + 1)), Code::LimitExceeded);
}
