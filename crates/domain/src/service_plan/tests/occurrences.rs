//! Planning ahead: what is planned when, what is not, and the timer that goes with it.

use super::*;

const TIMER: &str = "occurrences";

/// A plan with a visit each Monday, planned two weeks ahead, in force since the first of them.
fn visited() -> World {
    world().active(P, visits())
}

fn numbers(world: &World) -> Vec<u32> {
    world.planned(P).into_iter().map(|(n, _)| n).collect()
}

#[test]
fn occurrences_are_planned_as_long_ahead_as_agreed_each_once() {
    let active = visited();
    // The first is due now: its timer at once.
    assert_eq!(active.timer(P, TIMER), Some(time("2026-02-16T09:00:00Z")));
    let planned = active.fire(P, TIMER);
    let expected = [(1, "03-02 09:00"), (2, "03-09 09:00"), (3, "03-16 09:00")].map(|(n, due)| (n, due.to_owned()));
    assert_eq!(planned.planned(P), expected);
    // The next is due on March 23, and planned two weeks before.
    assert_eq!(planned.timer(P, TIMER), Some(time("2026-03-09T09:00:00Z")));
    let next = planned.fire(P, TIMER);
    assert_eq!(numbers(&next), [1, 2, 3, 4]);
    let (_, event) = &next.events[next.events.len() - 2];
    let AnyEvent::ServicePlan(Event::OccurrencePlanned { n: 4, due, window }) = event else { panic!("{event:?}") };
    assert_eq!((*due, window.earliest), (time("2026-03-23T09:00:00Z"), time("2026-03-23T08:00:00Z")));
    assert_eq!(window.latest, time("2026-03-23T11:00:00Z"));
}

#[test]
fn a_timer_that_fires_again_or_early_plans_nothing_twice() {
    let planned = visited().fire(P, TIMER);
    let again = planned.clone().by_kind(ActorKind::System).send(P, "plan_occurrences", json!({}));
    assert_eq!((again.events.len(), again.timers.clone()), (planned.events.len(), planned.timers));
}

#[test]
fn a_timer_that_fires_late_makes_up_for_what_was_due_in_the_meantime() {
    let late = visited().at("2026-04-20T12:00:00Z").fire(P, TIMER);
    assert_eq!(numbers(&late), (1..=10).collect::<Vec<u32>>());
    assert_eq!(late.planned(P).last().unwrap().1, "05-04 09:00");
}

#[test]
fn at_most_twenty_are_planned_at_once_and_the_timer_is_set_again_for_the_rest() {
    let daily =
        with(visits(), "recurrence", json!({"rrule": "FREQ=DAILY", "early_s": 0, "late_s": 60, "lead_s": 30 * 86_400}));
    let first = world().active(P, daily).fire(P, TIMER);
    assert_eq!(numbers(&first).len(), OCCURRENCES_AT_ONCE_MAX);
    assert!(first.timer(P, TIMER).unwrap() < first.now);
    let second = first.fire(P, TIMER);
    // Thirty days and today.
    assert_eq!((numbers(&second).len(), second.timer(P, TIMER).unwrap() > second.now), (31, true));
}

#[test]
fn when_the_last_was_planned_there_is_no_timer_any_more() {
    let twice = with_in(visits(), "recurrence", "rrule", json!("FREQ=WEEKLY;COUNT=2"));
    let planned = world().active(P, twice).fire(P, TIMER);
    assert_eq!((numbers(&planned), planned.timer(P, TIMER)), (vec![1, 2], None));
    assert!(planned.timer(P, "expire").is_some());
}

#[test]
fn a_plan_without_recurrence_plans_nothing() {
    let world = world().active(P, care());
    assert_eq!(world.timer(P, TIMER), None);
    let fired = world.by_kind(ActorKind::System).when(P, "plan_occurrences", json!({}));
    assert_eq!(fired, Ok(Decision::already()));
}

#[test]
fn what_was_due_before_a_plan_came_into_force_is_not_planned() {
    let late = world().at("2026-03-10T00:00:00Z").active(P, visits()).fire(P, TIMER);
    assert_eq!(late.planned(P), [(1, "03-16 09:00".to_owned()), (2, "03-23 09:00".to_owned())]);
}

#[test]
fn a_suspended_plan_plans_nothing_and_what_fell_due_is_not_made_up_for() {
    let suspended = visited().fire(P, TIMER).send(P, "suspend", json!({"reason": "unpaid"}));
    assert_eq!(suspended.timer(P, TIMER), None);
    assert!(suspended.timer(P, "expire").is_some(), "its period goes on");
    let stale = suspended.clone().by_kind(ActorKind::System).at("2026-03-20T00:00:00Z");
    assert_eq!(stale.when(P, "plan_occurrences", json!({})), Ok(Decision::already()));
    let resumed = suspended.at("2026-04-01T00:00:00Z").send(P, "resume", json!({}));
    assert_eq!(resumed.timer(P, TIMER), Some(time("2026-03-23T09:00:00Z")));
    let planned = resumed.fire(P, TIMER).planned(P);
    let expected = [(4, "04-06 09:00"), (5, "04-13 09:00")].map(|(n, due)| (n, due.to_owned()));
    assert_eq!(planned[1..], expected);
}

#[test]
fn a_revision_changes_what_is_not_planned_yet_and_numbers_go_on() {
    let planned = visited().fire(P, TIMER);
    let daily = json!({"terms": with_in(visits(), "recurrence", "rrule", json!("FREQ=WEEKLY;BYDAY=TH"))});
    let revised = planned.send(P, "revise", daily);
    // What the new rule has before the last that was planned is not planned as well.
    assert_eq!(revised.timer(P, TIMER), Some(time("2026-03-05T09:00:00Z")));
    let planned = revised.fire(P, TIMER).planned(P);
    assert_eq!(planned[2..], [(3, "03-16 09:00".to_owned()), (4, "03-19 09:00".to_owned())]);
    let without = with(visits(), "recurrence", json!(null));
    assert_eq!(visited().send(P, "revise", json!({"terms": without})).timer(P, TIMER), None);
}

#[test]
fn with_its_revisions_a_plan_has_at_most_a_thousand_occurrences() {
    let often = |rrule: &str| with_in(visits(), "recurrence", "rrule", json!(rrule));
    let mut world = world().active(P, often("FREQ=DAILY;BYHOUR=9,10,11,12;COUNT=100"));
    while world.timer(P, TIMER).is_some() {
        world = world.fire(P, TIMER);
    }
    assert_eq!(numbers(&world).len(), 100);
    // From March 27 on, six a day: 158 days until the end.
    let revised = |times: &str| world.code(P, "revise", json!({"terms": often(&format!("FREQ=DAILY;BYHOUR={times}"))}));
    assert_eq!(revised("9,10,11,12,13,14"), Code::RruleInvalid);
    let fewer = json!({"terms": often("FREQ=DAILY;BYHOUR=9,10,11,12,13")});
    assert_eq!(world.events(P, "revise", fewer), ["ServicePlanRevised"]);
}

#[test]
fn an_occurrence_that_was_planned_can_be_skipped_once_and_keeps_its_number() {
    let planned = visited().fire(P, TIMER);
    let skipped = planned.send(P, "skip_occurrence", json!({"n": 2, "reason": "public holiday"}));
    assert_eq!(numbers(&skipped), [1, 3]);
    assert_eq!(skipped.when(P, "skip_occurrence", json!({"n": 2, "reason": "again"})), Ok(Decision::already()));
    assert_eq!(numbers(&skipped.clone().fire(P, TIMER)), [1, 3, 4]);
    for n in [0, 4, u32::MAX] {
        let unknown = skipped.rejection(P, "skip_occurrence", json!({"n": n, "reason": "x"}));
        assert_eq!((unknown.code, unknown.errors[0].pointer.as_str()), (Code::Validation, "/data/n"));
    }
}
