//! Waiting for the customer or for something else, with and without a wake-up.

use super::*;

const WAKE_UP: &str = "wake_up";

fn waiting(until: &str) -> World {
    world().ticket_in(T, Status::Open).send(T, "await_customer", json!({"reason": "photo", "until": until}))
}

fn thursday() -> DateTime<Utc> {
    monday() + TimeDelta::days(3)
}

#[test]
fn a_wait_with_a_wake_up_sets_a_timer_that_brings_the_ticket_back() {
    let pending = waiting("2026-03-05T09:00:00Z");
    assert_eq!(pending.timer(T, WAKE_UP), Some(thursday()));
    let (_, command) = &pending.timers[&(T.stream(), WAKE_UP)];
    assert_eq!(*command, Command::Resume { wake_up: true }.into());
    let woken = pending.fire(T, WAKE_UP);
    assert_eq!((woken.status(T), woken.timers.len()), (Status::Open, 0));
    assert_eq!(woken.events.last().unwrap().1, Event::TicketResumed { wake_up: true }.into());
}

#[test]
fn whatever_ends_the_wait_cancels_the_timer() {
    let leaving = [
        ("receive_customer_reply", json!({"body": "here"})),
        ("hold", json!({"reason": "part"})),
        ("resume", json!({})),
        ("resolve", json!({"code": "other"})),
        ("cancel", json!({})),
    ];
    for (name, data) in leaving {
        let left = waiting("2026-03-05T09:00:00Z").send(T, name, data);
        assert_eq!(left.timer(T, WAKE_UP), None, "{name}");
    }
    let merged = waiting("2026-03-05T09:00:00Z").opened(V).send(V, "merge", json!({"loser": T}));
    assert_eq!(merged.timer(T, WAKE_UP), None);
    assert_eq!(merged.send(V, "unmerge", json!({"loser": T})).timer(T, WAKE_UP), Some(thursday()));
}

#[test]
fn waiting_for_something_else_moves_the_wake_up() {
    let later = waiting("2026-03-05T09:00:00Z").send(
        T,
        "await_customer",
        json!({"reason": "photo", "until": "2026-03-06T09:00:00Z"}),
    );
    assert_eq!(later.timer(T, WAKE_UP), Some(thursday() + TimeDelta::days(1)));
    let never = later.send(T, "await_customer", json!({"reason": "photo"}));
    assert_eq!((never.timer(T, WAKE_UP), never.status(T)), (None, Status::Pending));
}

#[test]
fn a_wake_up_that_comes_late_or_for_another_wait_changes_nothing() {
    let stale = json!({"wake_up": true});
    let by_system = |world: World| world.by_kind(ActorKind::System);
    let early = by_system(waiting("2026-03-05T09:00:00Z"));
    assert_eq!(early.when(T, "resume", stale.clone()), Ok(Decision::already()));
    let almost = early.later(TimeDelta::days(3) - TimeDelta::seconds(1));
    assert_eq!(almost.events(T, "resume", stale.clone()), ["TicketResumed"], "clocks differ a little");
    for status in [Status::Open, Status::Pending, Status::OnHold] {
        let other = by_system(world().ticket_in(T, status));
        assert_eq!(other.when(T, "resume", stale.clone()), Ok(Decision::already()), "{}", status.name());
    }
}

#[test]
fn only_the_timer_wakes_up() {
    let pending = waiting("2026-03-05T09:00:00Z").later(TimeDelta::days(4));
    assert_eq!(pending.code(T, "resume", json!({"wake_up": true})), Code::Forbidden);
}

#[test]
fn a_wake_up_lies_in_the_future_and_not_too_far() {
    let open = world().ticket_in(T, Status::Open);
    for until in ["2026-03-02T09:00:00Z", "2020-01-01T00:00:00Z", "2036-03-03T09:00:00Z"] {
        let refused = open.rejection(T, "await_customer", json!({"reason": "photo", "until": until}));
        assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/data/until"));
    }
}

#[test]
fn waiting_and_going_on_again_change_nothing() {
    let pending = waiting("2026-03-05T09:00:00Z");
    let same = json!({"reason": "photo", "until": "2026-03-05T09:00:00Z"});
    assert_eq!(pending.when(T, "await_customer", same), Ok(Decision::already()));
    let held = pending.send(T, "hold", json!({"reason": "photo"}));
    assert_eq!(held.when(T, "hold", json!({"reason": "photo"})), Ok(Decision::already()));
    assert_eq!(held.events(T, "hold", json!({"reason": "other"})), ["TicketPutOnHold"]);
    let open = held.send(T, "resume", json!({}));
    assert_eq!(open.when(T, "resume", json!({})), Ok(Decision::already()));
}
