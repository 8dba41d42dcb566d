//! What a plan entitles to, as those ask who serve by it.

use super::*;
use crate::decider::{Loaded, LoadedStream};
use crate::ticket::{Channel, Priority};
use std::sync::Arc;

fn by(number: u128) -> Consumer {
    Consumer { kind: ConsumerKind::Ticket, id: Uuid::from_u128(number) }
}

fn units(number: u32) -> Units {
    Units::try_from(number).unwrap()
}

/// A plan of ten cases to which something happened.
fn plan_of(allocation: Value, events: &[Event]) -> ServicePlan {
    let mut plan = world().active(P, with(care(), "allocation", allocation)).state(P);
    events.iter().for_each(|event| plan.evolve(event));
    plan
}

fn ten(overage: bool) -> Value {
    json!({"unit": "cases", "total": 10, "consume_on": "open", "overage": overage})
}

fn take(plan: &mut ServicePlan, by: Consumer, number: u32) -> Result<Option<Event>, Rejection> {
    let outcome = consume(plan, by, units(number));
    if let Ok(Some(event)) = &outcome {
        plan.evolve(event);
    }
    outcome
}

#[test]
fn units_are_taken_exactly_once_and_given_back_once() {
    let mut plan = plan_of(ten(false), &[]);
    let taken = Event::EntitlementConsumed { by: by(1), units: units(3), remaining: Some(7), overage: false };
    assert_eq!(take(&mut plan, by(1), 3), Ok(Some(taken)));
    assert_eq!(take(&mut plan, by(1), 3), Ok(None));
    // An execution of the same id is somebody else.
    let execution = Consumer { kind: ConsumerKind::Execution, ..by(1) };
    assert!(matches!(take(&mut plan, execution, 1), Ok(Some(_))));
    assert_eq!((plan.used, plan.remaining()), (4, Some(6)));
    let released = Event::EntitlementReleased { by: by(1), units: units(3), remaining: Some(9) };
    assert_eq!(release(&plan, by(1)), Some(released.clone()));
    plan.evolve(&released);
    assert_eq!((release(&plan, by(1)), plan.remaining()), (None, Some(9)));
    assert!(matches!(take(&mut plan, by(1), 9), Ok(Some(_))), "it may take again");
}

#[test]
fn no_more_is_taken_than_there_is_unless_that_was_agreed_on() {
    let mut plan = plan_of(ten(false), &[]);
    take(&mut plan, by(1), 8).unwrap();
    let rejection = take(&mut plan, by(2), 3).unwrap_err();
    assert_eq!((rejection.code, &rejection.facts["remaining"]), (Code::AllocationExhausted, &json!(2)));
    assert!(take(&mut plan, by(2), 2).is_ok());
    assert_eq!(
        (plan.remaining(), take(&mut plan, by(3), 1).unwrap_err().facts["remaining"].clone()),
        (Some(0), json!(0))
    );
    let mut beyond = plan_of(ten(true), &[]);
    take(&mut beyond, by(1), 8).unwrap();
    let over = Event::EntitlementConsumed { by: by(2), units: units(3), remaining: Some(-1), overage: true };
    assert_eq!(take(&mut beyond, by(2), 3), Ok(Some(over)));
}

#[test]
fn unlimited_units_are_counted_and_never_run_out() {
    let mut plan = plan_of(json!({"unit": "unlimited", "consume_on": "resolve"}), &[]);
    let taken = Event::EntitlementConsumed { by: by(1), units: units(1_000_000), remaining: None, overage: false };
    assert_eq!(take(&mut plan, by(1), 1_000_000), Ok(Some(taken)));
    assert_eq!((plan.used, plan.remaining()), (1_000_000, None));
    assert_eq!(
        release(&plan, by(1)),
        Some(Event::EntitlementReleased { by: by(1), units: units(1_000_000), remaining: None })
    );
}

#[test]
fn a_plan_has_at_most_ten_thousand_consumers() {
    let mut plan = plan_of(json!({"unit": "unlimited", "consume_on": "open"}), &[]);
    plan.consumers = (0..CONSUMERS_MAX as u128).map(|n| (by(n), units(1))).collect();
    assert_eq!(take(&mut plan, by(u128::MAX), 1).unwrap_err().code, Code::LimitExceeded);
    assert_eq!(take(&mut plan, by(0), 1), Ok(None));
}

#[test]
fn units_are_added_up_to_a_million() {
    let world = world().active(P, care());
    let topped_up = world.send(P, "top_up", json!({"units": 5, "reason": "goodwill"}));
    let reason = Reason::parse("goodwill").ok();
    let event = Event::EntitlementToppedUp { units: units(5), total: 15, reason };
    assert_eq!(topped_up.events.last().unwrap().1, event.into());
    assert_eq!((topped_up.state(P).remaining(), topped_up.state(P).added), (Some(15), 5));
    assert_eq!(topped_up.code(P, "top_up", json!({"units": 999_986})), Code::LimitExceeded);
    assert_eq!(topped_up.events(P, "top_up", json!({"units": 999_985})), ["EntitlementToppedUp"]);
    let unlimited = with(care(), "allocation", json!({"unit": "unlimited", "consume_on": "open"}));
    let refused = self::world().active(P, unlimited).rejection(P, "top_up", json!({"units": 1}));
    assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/data/units"));
}

#[test]
fn a_revision_keeps_what_was_taken_and_added() {
    let taken = Event::EntitlementConsumed { by: by(1), units: units(8), remaining: Some(2), overage: false };
    let world = world().active(P, care()).happened(P.stream(), taken).send(P, "top_up", json!({"units": 2}));
    let revise = |allocation: Value| json!({"terms": with(care(), "allocation", allocation)});
    let cases =
        |total: u32, overage: bool| json!({"unit": "cases", "total": total, "consume_on": "open", "overage": overage});
    assert_eq!(world.clone().send(P, "revise", revise(cases(20, false))).state(P).remaining(), Some(14));
    assert_eq!(world.clone().send(P, "revise", revise(cases(6, false))).state(P).remaining(), Some(0));
    let fewer = world.rejection(P, "revise", revise(cases(5, false)));
    assert_eq!((fewer.code, &fewer.facts["remaining"]), (Code::AllocationExhausted, &json!(-1)));
    assert_eq!(world.clone().send(P, "revise", revise(cases(5, true))).state(P).remaining(), Some(-1));
    assert_eq!(world.code(P, "revise", revise(cases(999_999, false))), Code::LimitExceeded);
    let hours = world.rejection(P, "revise", revise(json!({"unit": "hours", "total": 20, "consume_on": "resolve"})));
    assert_eq!((hours.code, hours.errors[0].pointer.as_str()), (Code::Validation, "/data/terms/allocation/unit"));
    let unused = self::world().active(P, care());
    let hours = revise(json!({"unit": "hours", "total": 20, "consume_on": "complete"}));
    assert_eq!(unused.events(P, "revise", hours), ["ServicePlanRevised"]);
}

/// What is known where somebody asks for `P`.
fn loaded(world: &World) -> Loaded {
    let mut all = Loaded::default();
    for (stream, event) in &world.events {
        let known = all.streams.entry(*stream).or_insert_with(|| LoadedStream::empty(*stream));
        known.version += 1;
        Arc::make_mut(&mut known.state).evolve(event);
    }
    let mut read = Loaded::default();
    for _ in 0..3 {
        for stream in owned_reads(&read, P).into_iter().chain([LI.stream(), MEI.stream(), OLD_LI.stream()]) {
            read.streams
                .insert(stream, all.streams.get(&stream).cloned().unwrap_or_else(|| LoadedStream::empty(stream)));
        }
    }
    read
}

fn phoned() -> Matter<'static> {
    Matter { channel: Channel::Phone, priority: Priority::P1, product: None }
}

fn asked(world: &World, customer: CustomerId, matter: Matter<'_>, at: &str) -> Result<(), Rejection> {
    covered(&loaded(world), "/data/plan", P, customer, matter, time(at)).map(|plan| assert_eq!(plan.customer, Some(LI)))
}

const SPRING: &str = "2026-04-01T00:00:00Z";

#[test]
fn a_plan_covers_its_customer_in_its_period_while_it_is_active() {
    let active = world().active(P, care());
    for at in ["2026-01-01T00:00:00Z", SPRING, "2026-12-31T23:59:59.999Z"] {
        assert_eq!(asked(&active, LI, phoned(), at), Ok(()));
    }
    for at in ["2025-12-31T23:59:59Z", "2027-01-01T00:00:00Z"] {
        assert_eq!(asked(&active, LI, phoned(), at).unwrap_err().code, Code::PlanNotActive);
    }
    for status in [Status::Draft, Status::Suspended, Status::Expired, Status::Terminated] {
        let rejection = asked(&world().plan_in(P, status), LI, phoned(), SPRING).unwrap_err();
        assert_eq!((rejection.code, &rejection.facts["status"]), (Code::PlanNotActive, &json!(status.name())));
    }
    let missing = asked(&world(), LI, phoned(), SPRING).unwrap_err();
    assert_eq!((missing.code, missing.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/plan"));
}

#[test]
fn a_plan_covers_whoever_its_customer_was_merged_with() {
    let active = world().active(P, care());
    assert_eq!(asked(&active, OLD_LI, phoned(), SPRING), Ok(()));
    assert_eq!(asked(&active, MEI, phoned(), SPRING).unwrap_err().code, Code::CustomerMismatch);
    let merged = active.happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    assert_eq!(asked(&merged, MEI, phoned(), SPRING), Ok(()));
}

#[test]
fn a_plan_says_what_it_does_not_cover() {
    let active = world().active(P, with_in(care(), "covered", "products", json!(["A-1", "A-2"])));
    let (one, other) = (Product::parse("A-1").unwrap(), Product::parse("B-1").unwrap());
    let about = |product| Matter { product, ..phoned() };
    assert_eq!(asked(&active, LI, about(Some(&one)), SPRING), Ok(()));
    for (matter, what) in [
        (Matter { channel: Channel::Email, ..about(Some(&one)) }, "channel"),
        (Matter { priority: Priority::P3, ..about(Some(&one)) }, "priority"),
        (about(Some(&other)), "product"),
        (about(None), "product"),
    ] {
        let rejection = asked(&active, LI, matter, SPRING).unwrap_err();
        assert_eq!((rejection.code, &rejection.facts["not_covered"]), (Code::NotCovered, &json!(what)));
    }
    let everything = world().active(P, with(care(), "covered", json!({})));
    let anything = Matter { channel: Channel::Api, priority: Priority::P4, product: None };
    assert_eq!(asked(&everything, LI, anything, SPRING), Ok(()));
}
