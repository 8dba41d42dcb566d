//! What can be agreed on, and revisions of it.

use super::*;
use crate::service_execution::CHECKLIST_MAX;

fn drafting(terms: Value) -> Result<Decision, Rejection> {
    world().when(P, "draft", json!({"customer": LI, "terms": terms}))
}

fn refused(terms: Value) -> (Code, String) {
    let rejection = drafting(terms.clone()).expect_err(&terms.to_string());
    let pointer = rejection.errors.first().map(|error| error.pointer.clone()).unwrap_or_default();
    (rejection.code, pointer)
}

fn period(start: &str, end: &str, zone: &str) -> Value {
    with(care(), "period", json!({"start": start, "end": end, "zone": zone}))
}

#[test]
fn a_period_ends_a_day_after_its_start_at_the_earliest_and_is_of_our_time() {
    let refusals = [
        ("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z", "Etc/UTC", "/end"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "Etc/UTC", "/end"),
        ("2026-01-01T00:00:00Z", "2026-01-01T23:59:59Z", "Etc/UTC", "/end"),
        // A day of 25 hours.
        ("2026-11-01T04:00:00Z", "2026-11-02T04:00:00Z", "America/New_York", "/end"),
        ("1899-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "Etc/UTC", "/start"),
        ("2026-01-01T00:00:00Z", "2200-01-01T00:00:01Z", "Etc/UTC", "/end"),
        ("2026-01-01T00:00:00.5Z", "2027-01-01T00:00:00Z", "Etc/UTC", "/start"),
        ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00.000001Z", "Etc/UTC", "/end"),
        ("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "Mars/Olympus", "/zone"),
    ];
    for (start, end, zone, field) in refusals {
        let expected = (Code::Validation, format!("/data/terms/period{field}"));
        assert_eq!(refused(period(start, end, zone)), expected, "{start} {end} {zone}");
    }
    // A day of 23 hours.
    assert!(drafting(period("2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", "America/New_York")).is_ok());
    assert!(drafting(period("1900-01-01T00:00:00Z", "2200-01-01T00:00:00Z", "Etc/UTC")).is_ok());
}

#[test]
fn a_total_goes_with_every_unit_but_unlimited() {
    let allocation = |unit: &str, total: Value| {
        with(care(), "allocation", json!({"unit": unit, "total": total, "consume_on": "resolve"}))
    };
    for (unit, total) in [("cases", json!(null)), ("hours", json!(null)), ("unlimited", json!(1))] {
        assert_eq!(refused(allocation(unit, total)), (Code::Validation, "/data/terms/allocation/total".to_owned()));
    }
    for (unit, total) in [("cases", json!(1)), ("hours", json!(1_000_000)), ("unlimited", json!(null))] {
        assert!(drafting(allocation(unit, total)).is_ok(), "{unit}");
    }
}

#[test]
fn an_exclusion_is_of_the_years_that_are_read_again() {
    let read = |text: &str| Exclusion::try_from(text.to_owned());
    for wrong in ["9999-12-31T23:00:00-05:00", "0000-01-01T00:00:00+05:00", "9999-12-31T23:59:60Z", "1899-12-31"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    for kept in ["2026-05-04", "2026-05-04T09:00:00Z", "9999-12-31T23:59:59.999999Z"] {
        assert_eq!(read(kept).map(String::from), Ok(kept.to_owned()));
    }
}

#[test]
fn units_are_taken_when_they_are_known() {
    let known = [
        ("cases", ["open", "resolve"].as_slice()),
        ("hours", &["resolve", "complete"]),
        ("visits", &["complete"]),
        ("unlimited", &["open", "resolve", "complete"]),
    ];
    for (unit, times) in known {
        for consume_on in ["open", "resolve", "complete"] {
            let total = if unit == "unlimited" { Value::Null } else { json!(3) };
            let terms = with(care(), "allocation", json!({"unit": unit, "total": total, "consume_on": consume_on}));
            if times.contains(&consume_on) {
                assert!(drafting(terms).is_ok(), "{unit} on {consume_on}");
            } else {
                let pointer = "/data/terms/allocation/consume_on".to_owned();
                assert_eq!(refused(terms), (Code::Validation, pointer), "{unit} on {consume_on}");
            }
        }
    }
}

#[test]
fn products_checklists_and_exclusions_are_bounded() {
    let products = |count: usize| {
        let products: Vec<String> = (0..count).map(|n| format!("A-{n}")).collect();
        with(care(), "covered", json!({"products": products}))
    };
    let checklist = |count: usize| {
        let items: Vec<Value> =
            (0..count).map(|n| json!({"id": n.to_string(), "name": "x", "mandatory": true})).collect();
        with(care(), "checklist", json!(items))
    };
    let exclusions = |count: i64| {
        let days: Vec<String> = (0..count).map(|n| (monday() + TimeDelta::days(n)).date_naive().to_string()).collect();
        with_in(visits(), "recurrence", "exclusions", json!(days))
    };
    for (most, more) in [
        (products(PRODUCTS_MAX), products(PRODUCTS_MAX + 1)),
        (checklist(CHECKLIST_MAX), checklist(CHECKLIST_MAX + 1)),
        (exclusions(500), exclusions(501)),
    ] {
        assert!(drafting(most).is_ok());
        assert_eq!(refused(more).0, Code::LimitExceeded);
    }
}

#[test]
fn an_occurrence_has_some_time_in_which_it_can_be_done() {
    let spans = |early: u32, late: u32, duration: u32| {
        let recurrence = json!({"rrule": "FREQ=WEEKLY", "early_s": early, "late_s": late, "duration_s": duration,
            "lead_s": 86_400});
        with(visits(), "recurrence", recurrence)
    };
    assert_eq!(refused(spans(0, 0, 0)), (Code::Validation, "/data/terms/recurrence/late_s".to_owned()));
    for (early, late, duration) in [(1, 0, 0), (0, 1, 0), (0, 0, 1)] {
        assert!(drafting(spans(early, late, duration)).is_ok());
    }
}

#[test]
fn an_item_of_a_checklist_has_an_id_of_its_own() {
    let item = json!({"id": "filter", "name": "Filter changed", "mandatory": false});
    let twice = with(care(), "checklist", json!([item, item]));
    assert_eq!(refused(twice), (Code::Validation, "/data/terms/checklist/1/id".to_owned()));
}

#[test]
fn a_policy_exists_and_is_taken_at_its_latest_revision() {
    let missing = with(care(), "sla_policy", json!(Uuid::from_u128(99)));
    assert_eq!(refused(missing), (Code::ReferenceMissing, "/data/terms/sla_policy".to_owned()));
    let targets = json!({"P1": {"first_response_s": 60}});
    let revised = json!({"revision": 2, "terms": {"calendar": DESK, "targets": targets}});
    let revised = AnyEvent::read(Category::SlaPolicy, "SlaPolicyRevised", &revised.to_string()).unwrap();
    let world = world().active(P, care()).happened(GOLD.stream(), revised);
    assert_eq!(world.state(P).terms().unwrap().sla_policy.unwrap().revision, 1);
    // The same terms once more are others now.
    let again = world.send(P, "revise", json!({"terms": care()})).state(P);
    assert_eq!((again.revisions.latest(), again.terms().unwrap().sla_policy.unwrap().revision), (2, 2));
}

#[test]
fn a_revision_is_numbered_the_older_one_stays_and_the_same_terms_make_none() {
    let world = world().active(P, care());
    assert_eq!(world.when(P, "revise", json!({"terms": care()})), Ok(Decision::already()));
    let revised = world.send(P, "revise", json!({"terms": with(care(), "name", json!("Better care"))}));
    let plan = revised.state(P);
    let names: Vec<&str> = [1, 2].iter().map(|n| plan.revisions.get(*n).unwrap().name.as_str()).collect();
    assert_eq!((names, plan.status, plan.customer), (vec!["Care 关怀", "Better care"], Status::Active, Some(LI)));
}

#[test]
fn a_revision_moves_the_end_of_the_period_and_so_its_timer() {
    let world = world().active(P, care());
    assert_eq!(world.timer(P, "expire"), Some(time("2027-01-01T00:00:00Z")));
    let longer = with_in(care(), "period", "end", json!("2027-06-01T00:00:00Z"));
    let revised = world.send(P, "revise", json!({"terms": longer}));
    assert_eq!(revised.timer(P, "expire"), Some(time("2027-06-01T00:00:00Z")));
    // The timer of before, if it fires all the same, changes nothing.
    let stale = revised.by_kind(ActorKind::System).at("2027-01-01T00:00:00Z");
    assert_eq!(stale.when(P, "expire", json!({})), Ok(Decision::already()));
}

#[test]
fn a_draft_has_no_timers_and_an_ended_plan_none_any_more() {
    assert!(world().drafted(P, visits()).timers.is_empty());
    let active = world().active(P, visits());
    assert_eq!(active.timers.keys().map(|(_, name)| *name).collect::<Vec<_>>(), ["expire", "occurrences"]);
    assert!(active.clone().send(P, "terminate", json!({"reason": "sold"})).timers.is_empty());
    let expired = active.at("2026-09-01T09:00:00Z").fire(P, "expire");
    assert_eq!((expired.timers.len(), expired.status(P)), (0, Status::Expired));
}
