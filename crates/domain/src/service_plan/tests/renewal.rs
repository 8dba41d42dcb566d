//! The end of a plan's period, and the plan that follows.

use super::*;

fn next_year() -> Value {
    json!({"start": "2027-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z", "zone": "Etc/UTC"})
}

fn renewing(terms: Value) -> Value {
    with(terms, "auto_renew", json!(true))
}

#[test]
fn a_renewal_opens_a_plan_in_force_with_the_last_terms_another_period_and_nothing_used() {
    let revised = with(care(), "name", json!("Better care"));
    let by = Consumer { kind: ConsumerKind::Ticket, id: Uuid::from_u128(7) };
    let world =
        world().active(P, care()).send(P, "revise", json!({"terms": revised})).send(P, "top_up", json!({"units": 5}));
    let taken = consume(&world.state(P), by, Units::try_from(3).unwrap()).unwrap().unwrap();
    let world = world.happened(P.stream(), taken);
    let renewed = world.send(P, "renew", json!({"plan": Q, "period": next_year()}));
    let (old, new) = (renewed.state(P), renewed.state(Q));
    assert_eq!((old.status, old.renewed_by, old.remaining()), (Status::Active, Some(Q), Some(12)));
    assert_eq!(
        (new.status, new.customer, new.revisions.latest(), new.remaining()),
        (Status::Active, Some(LI), 1, Some(10))
    );
    let terms = new.terms().unwrap();
    assert_eq!((terms.name.as_str(), terms.period.end), ("Better care", time("2028-01-01T00:00:00Z")));
    assert_eq!(renewed.timer(Q, "expire"), Some(time("2028-01-01T00:00:00Z")));
    let (_, drafted) = renewed.events.iter().rev().nth(1).unwrap();
    let AnyEvent::ServicePlan(Event::ServicePlanDrafted { renews, .. }) = drafted else { panic!("{drafted:?}") };
    assert_eq!(*renews, Some(P));
}

#[test]
fn a_plan_is_renewed_once() {
    let renewed = world().active(P, care()).send(P, "renew", json!({"plan": Q, "period": next_year()}));
    assert_eq!(renewed.when(P, "renew", json!({"plan": Q, "period": next_year()})), Ok(Decision::already()));
    let other = renewed.rejection(P, "renew", json!({"plan": NONE, "period": next_year()}));
    assert_eq!((other.code, &other.facts["holder"]), (Code::AlreadyExists, &json!(Q)));
    for taken in [P, Q] {
        let world = world().active(P, care()).drafted(Q, care());
        assert_eq!(world.code(P, "renew", json!({"plan": taken, "period": next_year()})), Code::AlreadyExists);
    }
}

#[test]
fn a_renewal_takes_terms_that_fit_its_period() {
    let over = json!({"start": "2028-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "zone": "Etc/UTC"});
    let refused = world().active(P, care()).rejection(P, "renew", json!({"plan": Q, "period": over}));
    assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/data/period/end"));
    let ends = with_in(visits(), "recurrence", "rrule", json!("FREQ=WEEKLY;UNTIL=20260801T000000Z"));
    let refused = world().active(P, ends).code(P, "renew", json!({"plan": Q, "period": next_year()}));
    assert_eq!(refused, Code::RruleInvalid);
}

#[test]
fn a_plan_expires_with_its_period_and_a_timer_that_comes_again_changes_nothing() {
    let active = world().active(P, care());
    let early = active.clone().by_kind(ActorKind::System).at("2026-12-31T23:59:59Z");
    assert_eq!(early.when(P, "expire", json!({})), Ok(Decision::already()));
    let expired = active.fire(P, "expire");
    assert_eq!((expired.now, expired.status(P)), (time("2027-01-01T00:00:00Z"), Status::Expired));
    assert_eq!(expired.by_kind(ActorKind::System).when(P, "expire", json!({})), Ok(Decision::already()));
}

#[test]
fn where_it_is_agreed_on_another_plan_follows_by_itself_and_another_after_that() {
    let next = renewal_id(P);
    let expired = world().active(P, renewing(care())).fire(P, "expire");
    assert_eq!((expired.status(P), expired.state(P).renewed_by), (Status::Expired, Some(next)));
    let follower = expired.state(next);
    assert_eq!((follower.status, follower.remaining()), (Status::Active, Some(10)));
    let end = |world: &World, id| world.state(id).terms().unwrap().period.end;
    assert_eq!(end(&expired, next), time("2028-01-01T00:00:00Z"));
    // 2028 is a leap year.
    let again = expired.fire(next, "expire");
    assert_eq!(end(&again, renewal_id(next)), time("2029-01-01T00:00:00Z"));
}

#[test]
fn a_period_that_follows_is_as_long_by_the_calendar_of_its_zone() {
    let following = |start: &str, end: &str, zone: &str| {
        let period: Period = serde_json::from_value(json!({"start": start, "end": end, "zone": zone})).unwrap();
        let next = period.following().unwrap();
        assert_eq!((next.start, &next.zone), (period.end, &period.zone));
        next.end
    };
    for (start, end, zone, next) in [
        // Three months of New York, over both changes of the clocks.
        ("2026-01-15T14:00:00Z", "2026-04-15T13:00:00Z", "America/New_York", "2026-07-15T13:00:00Z"),
        ("2026-08-01T04:00:00Z", "2026-11-01T04:00:00Z", "America/New_York", "2027-02-01T05:00:00Z"),
        ("2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "Etc/UTC", "2026-04-01T00:00:00Z"),
        ("2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z", "Etc/UTC", "2026-03-28T00:00:00Z"),
        // Two weeks, and a month and two weeks.
        ("2026-03-02T00:00:00Z", "2026-03-16T00:00:00Z", "Etc/UTC", "2026-03-30T00:00:00Z"),
        ("2026-03-02T00:00:00Z", "2026-04-16T00:00:00Z", "Etc/UTC", "2026-05-30T00:00:00Z"),
        ("2026-01-31T16:00:00Z", "2026-02-28T16:00:00Z", "Asia/Shanghai", "2026-03-31T16:00:00Z"),
    ] {
        assert_eq!(following(start, end, zone), time(next), "{start} {end} {zone}");
    }
}

#[test]
fn a_plan_that_cannot_follow_does_not_and_the_old_one_expires_all_the_same() {
    let alone = |world: World| {
        let expired = world.fire(P, "expire");
        assert_eq!(expired.status(P), Status::Expired);
        assert_eq!(expired.state(P).renewed_by, None);
    };
    let renewing = |terms| world().active(P, with(terms, "auto_renew", json!(true)));
    alone(renewing(care()).send(P, "suspend", json!({})));
    alone(renewing(care()).erased(LI));
    alone(renewing(with_in(visits(), "recurrence", "rrule", json!("FREQ=WEEKLY;UNTIL=20260801T000000Z"))));
    // The next period would be over as well: there is no end of plans that nobody waits for.
    alone(renewing(care()).at("2028-01-01T00:00:00Z"));
    // Its id is taken.
    alone(renewing(care()).drafted(renewal_id(P), care()));
    let by_hand = renewing(care()).send(P, "renew", json!({"plan": Q, "period": next_year()})).fire(P, "expire");
    assert_eq!((by_hand.status(P), by_hand.state(P).renewed_by), (Status::Expired, Some(Q)));
}

#[test]
fn the_plan_that_follows_is_that_of_the_customer_who_survived() {
    let merged = customer::Event::CustomerMergedInto { survivor: MEI };
    let world = world().active(P, renewing(care())).happened(LI.stream(), merged);
    assert_eq!(world.fire(P, "expire").state(renewal_id(P)).customer, Some(MEI));
}
