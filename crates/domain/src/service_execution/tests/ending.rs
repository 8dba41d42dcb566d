//! Signing, failing with a follow-up, cancelling, and customers who are not there.

use super::*;
use crate::personal::Personal;

#[test]
fn whoever_signs_is_kept_under_the_customer() {
    let signed = world().execution_in(E, Status::Completed).event(E, "sign_off", json!({"by": "韩梅梅"}));
    assert_eq!(signed, Event::CustomerSignedOff { by: Personal::new(LI.0, Name::parse("韩梅梅").unwrap()) });
}

#[test]
fn one_that_fails_is_followed_by_one_that_is_planned_as_it_was() {
    let late = world().in_progress(E).at(minute(45));
    let decision = late.when(E, "fail", json!({"reason": "wrong part", "follow_up": F})).unwrap();
    let failed = Event::ServiceExecutionFailed {
        at: minute(45),
        reason: Reason::parse("wrong part").unwrap(),
        labour_s: 45 * 60,
        travel_s: 0,
    };
    let order = late.state(E).order.unwrap();
    let planned = Event::ServiceExecutionPlanned {
        name: order.name,
        content: order.content,
        customer: LI,
        ticket: Some(TICKET),
        plan: None,
        occurrence: None,
        site: order.site,
        window: Window { earliest: minute(45), latest: minute(45 + 720) },
        skills: order.skills,
        checklist: order.checklist,
        follow_up_of: Some(E),
    };
    let expected = Decision::event(E.stream(), failed)
        .and(E.stream(), Event::FollowUpScheduled { follow_up: F })
        .and(F.stream(), planned);
    assert_eq!(decision.events, expected.events);
    let after = late.send(E, "fail", json!({"reason": "wrong part", "follow_up": F}));
    assert_eq!((after.status(E), after.status(F)), (Status::CannotComplete, Status::Planned));
    assert_eq!(after.send(F, "schedule", booked(60, 180, &[ANNA])).status(F), Status::Scheduled);
}

#[test]
fn a_follow_up_is_a_new_one() {
    let world = world().scheduled(E).planned(F);
    for follow_up in [E, F] {
        let exists = world.rejection(E, "fail", json!({"reason": "wrong part", "follow_up": follow_up}));
        assert_eq!((exists.code, &exists.facts["holder"]), (Code::AlreadyExists, &json!(follow_up)));
    }
}

#[test]
fn work_that_has_begun_is_cancelled_for_a_reason() {
    for status in Status::ALL.iter().filter(|status| status.unfinished()) {
        let outcome = world().execution_in(E, *status).when(E, "cancel", none()).map_err(|rejection| {
            (rejection.code, rejection.errors.first().map(|error| error.pointer.clone()).unwrap_or_default())
        });
        match [Status::InProgress, Status::Paused].contains(status) {
            true => assert_eq!(outcome, Err((Code::Validation, "/data/reason".to_owned())), "{}", status.name()),
            false => assert!(outcome.is_ok(), "{}", status.name()),
        }
    }
    let event = world().in_progress(E).at(minute(5)).event(E, "cancel", json!({"reason": "fire alarm"}));
    assert!(matches!(event, Event::ServiceExecutionCancelled { labour_s: 300, reason: Some(_), .. }), "{event:?}");
}

#[test]
fn travel_counts_to_the_end_where_the_work_was_never_begun() {
    let there = world().execution_in(E, Status::EnRoute).at(minute(25));
    let no_show = there.event(E, "record_no_show", none());
    assert_eq!(no_show, Event::CustomerNoShow { at: minute(25), travel_s: 25 * 60 });
    let failed = there.event(E, "fail", json!({"reason": "flood"}));
    assert!(matches!(failed, Event::ServiceExecutionFailed { labour_s: 0, travel_s: 1_500, .. }), "{failed:?}");
}

#[test]
fn a_pause_is_no_work_when_it_ends_in_one() {
    let paused = world().in_progress(E).at(minute(10)).send(E, "pause", none()).at(minute(60));
    let failed = paused.event(E, "fail", json!({"reason": "never delivered"}));
    assert!(matches!(failed, Event::ServiceExecutionFailed { labour_s: 600, .. }), "{failed:?}");
}
