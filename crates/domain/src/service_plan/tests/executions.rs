//! Occurrences as service executions: planned together, taking units when they are done, and dropped with the plan.

use super::*;
use crate::service_execution::{self, ServiceExecution, Status as Work, booking_claim};

const TIMER: &str = "occurrences";
const CANCEL: &str = "cancel_occurrences";

/// A visit each Monday, planned two weeks ahead, with a checklist and two visits to take.
fn two_visits() -> Value {
    let terms = with(visits(), "allocation", json!({"unit": "visits", "total": 2, "consume_on": "complete"}));
    with(terms, "checklist", json!([{"id": "filter", "name": "Filter 滤网", "mandatory": true}]))
}

fn planned() -> World {
    world().active(P, two_visits()).fire(P, TIMER)
}

impl World {
    /// Sends a command to the execution of an occurrence.
    fn work(mut self, n: u32, name: &str, data: Value) -> Self {
        let decision = self.try_work(n, name, &data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        self.events.extend(decision.events);
        self
    }

    fn try_work(&self, n: u32, name: &str, data: &Value) -> Result<Decision, Rejection> {
        let command: service_execution::Command =
            crate::codec::read_variant(name, "/data", &data.to_string()).unwrap_or_else(|error| panic!("{error}"));
        self.given().when(execution_of(P, n).stream(), command)
    }

    fn begun(self, n: u32) -> Self {
        let booking = json!({"start": "2026-03-02T09:00:00Z", "end": "2026-03-02T10:00:00Z", "resources": [ANNA],
            "override": true});
        self.work(n, "schedule", booking).work(n, "start", json!({}))
    }

    fn done(self, n: u32) -> Self {
        self.begun(n).work(n, "complete_item", json!({"item": "filter", "result": "done"}))
    }

    fn execution(&self, n: u32) -> ServiceExecution {
        let mut execution = ServiceExecution::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::ServiceExecution(event)) = (*stream == execution_of(P, n).stream(), event) {
                execution.evolve(event);
            }
        }
        execution
    }

    fn works(&self, numbers: impl IntoIterator<Item = u32>) -> Vec<Work> {
        numbers.into_iter().map(|n| self.execution(n).status).collect()
    }
}

#[test]
fn an_occurrence_is_planned_together_with_its_execution_by_the_plans_revision() {
    let world = planned();
    let order = world.execution(2).order.unwrap();
    assert_eq!((order.name.as_str(), order.customer), ("Care 关怀", LI));
    assert_eq!(order.plan.map(|plan| (plan.id, plan.revision)), Some((P, 1)));
    assert_eq!(
        (order.window.earliest, order.window.latest),
        (time("2026-03-09T08:00:00Z"), time("2026-03-09T11:00:00Z"))
    );
    assert_eq!(order.checklist.len(), 1);
    let renamed = world.send(P, "revise", json!({"terms": with(two_visits(), "name", json!("Better care"))}));
    let next = renamed.fire(P, TIMER);
    assert_eq!(next.execution(2).order.unwrap().name.as_str(), "Care 关怀", "what was planned keeps its revision");
    let order = next.execution(4).order.unwrap();
    assert_eq!((order.name.as_str(), order.plan.map(|plan| plan.revision)), ("Better care", Some(2)));
}

#[test]
fn the_execution_of_a_plan_whose_customer_was_merged_is_the_survivors() {
    let merged = customer::Event::CustomerMergedInto { survivor: MEI };
    let world = world().active(P, two_visits()).happened(LI.stream(), merged).fire(P, TIMER);
    assert_eq!(world.execution(1).order.unwrap().customer, MEI);
}

#[test]
fn a_completed_execution_takes_a_visit_and_without_one_left_it_is_not_completed() {
    let completed = |world: World, n: u32| world.done(n).work(n, "complete", json!({"outcome": "clean"}));
    let world = completed(completed(planned(), 1), 2);
    assert_eq!(world.state(P).remaining(), Some(0));
    let world = world.done(3);
    let refused = world.try_work(3, "complete", &json!({"outcome": "clean"})).unwrap_err();
    assert_eq!((refused.code, &refused.facts["remaining"]), (Code::AllocationExhausted, &json!(0)));
    let more = world.send(P, "top_up", json!({"units": 1})).work(3, "complete", json!({"outcome": "clean"}));
    assert_eq!(more.state(P).remaining(), Some(0));
}

#[test]
fn an_execution_that_fails_or_is_cancelled_takes_nothing() {
    let failed = planned().begun(1).work(1, "fail", json!({"reason": "no access"}));
    let cancelled = failed.work(2, "cancel", json!({}));
    assert_eq!(cancelled.state(P).remaining(), Some(2));
}

#[test]
fn hours_are_those_that_have_begun() {
    let hours = with(two_visits(), "allocation", json!({"unit": "hours", "total": 9, "consume_on": "complete"}));
    let world = world().active(P, hours).fire(P, TIMER).at("2026-03-02T09:00:00Z").done(1).at("2026-03-02T11:00:01Z");
    assert_eq!(world.work(1, "complete", json!({"outcome": "clean"})).state(P).remaining(), Some(6));
}

#[test]
fn suspending_a_plan_drops_what_has_not_begun_and_resuming_plans_it_anew() {
    let booking = json!({"start": "2026-03-09T09:00:00Z", "end": "2026-03-09T10:00:00Z", "resources": [ANNA]});
    let world = planned().begun(1).work(2, "schedule", booking);
    let decision = world.when(P, "suspend", json!({})).unwrap();
    let release = ClaimChange::Release { key: booking_claim(ANNA), holder: execution_of(P, 2).stream() };
    assert_eq!(decision.claims, [release], "the booking is given back in the same append");
    let suspended = world.accept(decision);
    assert_eq!(suspended.works(1..=3), [Work::InProgress, Work::Cancelled, Work::Cancelled]);
    assert_eq!(suspended.planned(P), [(1, "03-02 09:00".to_owned())]);
    let resumed = suspended.at("2026-03-03T00:00:00Z").send(P, "resume", json!({})).fire(P, TIMER);
    let expected = [(1, "03-02 09:00"), (4, "03-09 09:00"), (5, "03-16 09:00")];
    assert_eq!(resumed.planned(P), expected.map(|(n, due)| (n, due.to_owned())));
    assert_eq!(resumed.works([4, 5]), [Work::Planned, Work::Planned]);
}

#[test]
fn what_is_dropped_with_a_plan_comes_again_though_a_later_occurrence_was_skipped() {
    let skipped = planned().send(P, "skip_occurrence", json!({"n": 3, "reason": "public holiday"}));
    let resumed = skipped.send(P, "suspend", json!({})).send(P, "resume", json!({})).fire(P, TIMER);
    let expected = [(1, "03-02 09:00"), (4, "03-09 09:00")].map(|(n, due)| (n, due.to_owned()));
    assert_eq!(resumed.planned(P), expected);
    let again = resumed.send(P, "suspend", json!({})).send(P, "resume", json!({})).fire(P, TIMER);
    assert_eq!(again.planned(P), [(1, "03-02 09:00".to_owned()), (5, "03-09 09:00".to_owned())]);
    assert_eq!(again.works([4, 5]), [Work::Cancelled, Work::Planned]);
}

#[test]
fn an_occurrence_whose_executions_id_is_taken_is_planned_without_another() {
    let order = json!({"name": "Somebody's", "customer": LI,
        "window": {"earliest": "2026-03-02T09:00:00Z", "latest": "2026-03-03T09:00:00Z"}});
    let world = world().active(P, two_visits()).work(1, "plan", order).fire(P, TIMER);
    assert_eq!(world.planned(P).len(), 3);
    assert_eq!(world.execution(1).order.unwrap().name.as_str(), "Somebody's");
}

#[test]
fn what_was_due_already_is_left_to_the_desk_when_a_plan_is_suspended() {
    let suspended = planned().at("2026-03-10T00:00:00Z").send(P, "suspend", json!({}));
    assert_eq!(suspended.works(1..=3), [Work::Planned, Work::Planned, Work::Cancelled]);
}

#[test]
fn ending_a_plan_drops_what_is_open_piece_by_piece() {
    let daily = json!({"rrule": "FREQ=DAILY", "early_s": 0, "late_s": 60, "lead_s": 45 * 86_400});
    let mut world = world().active(P, with(two_visits(), "recurrence", daily));
    for _ in 0..3 {
        world = world.fire(P, TIMER);
    }
    assert_eq!(world.state(P).last_n, 46);
    let terminated = world.send(P, "terminate", json!({"reason": "moved away"}));
    let open = |world: &World| world.works(2..=46).into_iter().filter(|work| *work == Work::Planned).count();
    assert_eq!((open(&terminated), terminated.timer(P, CANCEL)), (25, Some(terminated.now)));
    let fired = terminated.fire(P, CANCEL).fire(P, CANCEL);
    assert_eq!((open(&fired), fired.timer(P, CANCEL)), (0, None));
    assert_eq!(fired.works([1]), [Work::Planned], "that one is due now");
}

#[test]
fn skipping_an_occurrence_drops_its_execution_unless_it_has_begun() {
    let skip = |n: u32| json!({"n": n, "reason": "public holiday"});
    let world = planned().begun(1).send(P, "skip_occurrence", skip(1)).send(P, "skip_occurrence", skip(2));
    assert_eq!(world.works(1..=3), [Work::InProgress, Work::Cancelled, Work::Planned]);
}

#[test]
fn an_execution_is_planned_under_a_plan_that_is_in_force_and_the_customers() {
    let order = |customer: CustomerId| {
        json!({"name": "Extra visit", "customer": customer, "plan": P,
            "window": {"earliest": "2026-03-02T09:00:00Z", "latest": "2026-03-03T09:00:00Z"}})
    };
    let world = world().active(P, two_visits());
    let try_plan = |world: &World, customer| world.try_work(99, "plan", &order(customer)).map(|_| ());
    let code = |world: &World, customer| try_plan(world, customer).map_err(|rejection| rejection.code);
    assert_eq!(code(&world, LI), Ok(()));
    assert_eq!(code(&world, OLD_LI).unwrap_err(), Code::MergedInto);
    assert_eq!(code(&world, MEI), Err(Code::CustomerMismatch));
    let suspended = world.send(P, "suspend", json!({}));
    assert_eq!(code(&suspended, LI), Err(Code::PlanNotActive));
    let missing = self::world().try_work(99, "plan", &order(LI)).unwrap_err();
    assert_eq!((missing.code, missing.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/plan"));
}
