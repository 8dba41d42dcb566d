//! Tickets under a service plan: what it covers, by which policy they are served, and the units that they take.

use super::*;
use crate::ids::ServicePlanId;
use crate::service_plan::{self, ServicePlan};
use crate::sla_clock::ClockKind;

const PLAN: ServicePlanId = ServicePlanId(Uuid::from_u128(41));
const OTHER: ServicePlanId = ServicePlanId(Uuid::from_u128(42));

/// Two cases for Li's incidents over the web, served by `GOLD`.
fn terms() -> Value {
    json!({"name": "Care 关怀", "content": "Two cases a year.", "sla_policy": GOLD,
        "covered": {"channels": ["web"], "priorities": ["P2", "P3"]},
        "allocation": {"unit": "cases", "total": 2, "consume_on": "open"},
        "period": {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "zone": "Etc/UTC"}})
}

fn with(field: &str, value: Value) -> Value {
    let mut terms = terms();
    terms[field] = value;
    terms
}

fn allocation(unit: &str, consume_on: &str) -> Value {
    with("allocation", json!({"unit": unit, "total": 2, "consume_on": consume_on}))
}

impl World {
    /// Sends a command to a plan, as a system.
    fn agree(mut self, plan: ServicePlanId, name: &str, data: &Value) -> Self {
        let command: service_plan::Command = crate::codec::read_variant(name, "/data", &data.to_string()).unwrap();
        let before = std::mem::replace(&mut self.actor, Who::Other(ActorKind::System));
        let decision = self.given().when(plan.stream(), command).unwrap();
        self.events.extend(decision.events);
        self.actor = before;
        self
    }

    fn with_plan(self, plan: ServicePlanId, customer: CustomerId, terms: &Value) -> Self {
        self.agree(plan, "draft", &json!({"customer": customer, "terms": terms})).agree(plan, "activate", &json!({}))
    }

    fn plan(&self, id: ServicePlanId) -> ServicePlan {
        let mut plan = ServicePlan::default();
        for (stream, event) in &self.events {
            if let (true, AnyEvent::ServicePlan(event)) = (*stream == id.stream(), event) {
                plan.evolve(event);
            }
        }
        plan
    }

    fn left(&self) -> Option<i64> {
        self.plan(PLAN).remaining()
    }
}

fn under(plan: ServicePlanId) -> Value {
    let mut data = opening(LI);
    data["plan"] = json!(plan);
    data
}

#[test]
fn a_ticket_under_a_plan_takes_a_case_and_is_served_by_the_plans_policy_in_the_same_append() {
    let world = world().with_plan(PLAN, LI, &terms());
    let opened = ["TicketOpened", "TicketPlanChanged", "SlaAttached", "EntitlementConsumed@29"];
    assert_eq!(world.events(T, "open", under(PLAN)), opened);
    let world = world.send(T, "open", under(PLAN));
    assert_eq!(world.left(), Some(1));
    let ticket = world.state(T);
    assert_eq!(ticket.plan.map(|plan| (plan.id, plan.revision)), Some((PLAN, 1)));
    assert_eq!(ticket.sla.map(|sla| (sla.policy.id, sla.policy.revision)), Some((GOLD, 1)));
}

#[test]
fn a_plan_serves_by_the_revision_of_the_policy_that_was_agreed_on() {
    let mut longer = gold();
    longer["targets"]["P3"]["first_response_s"] = json!(7_200);
    let revised =
        AnyEvent::read(Category::SlaPolicy, "SlaPolicyRevised", &json!({"revision": 2, "terms": longer}).to_string());
    let world = world().with_plan(PLAN, LI, &terms()).happened(GOLD.stream(), revised.unwrap());
    let target =
        |world: &World, id: TicketId| world.state(id).sla.unwrap().clocks[&ClockKind::FirstResponse].target_s();
    let mut asked = under(PLAN);
    asked["sla_policy"] = json!(GOLD);
    let world = world.send(T, "open", under(PLAN)).send(U, "open", asked);
    assert_eq!(
        (target(&world, T), target(&world, U)),
        (3_600, 7_200),
        "a policy that is given counts before the plan's"
    );
}

#[test]
fn what_a_plan_does_not_cover_is_refused() {
    let world = world().with_plan(PLAN, LI, &terms());
    let with = |field: &str, value: Value| {
        let mut data = under(PLAN);
        data[field] = value;
        data
    };
    let refused = |data: Value| world.rejection(T, "open", data);
    let not_covered = |data: Value| (refused(data.clone()).code, refused(data).facts["not_covered"].clone());
    assert_eq!(not_covered(with("channel", json!("phone"))), (Code::NotCovered, json!("channel")));
    assert_eq!(not_covered(with("urgency", json!(4))), (Code::NotCovered, json!("priority")));
    assert_eq!(refused(with("customer", json!(MEI))).code, Code::CustomerMismatch);
    let missing = refused(under(OTHER));
    assert_eq!((missing.code, missing.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/plan"));
    let suspended = world.clone().agree(PLAN, "suspend", &json!({}));
    assert_eq!(suspended.code(T, "open", under(PLAN)), Code::PlanNotActive);
    assert_eq!(world.clone().later(TimeDelta::days(365)).code(T, "open", under(PLAN)), Code::PlanNotActive);
}

#[test]
fn a_plan_for_a_product_covers_what_is_about_it() {
    let world = world().with_plan(PLAN, LI, &with("covered", json!({"products": ["EX-200"]})));
    let mut data = under(PLAN);
    assert_eq!(world.rejection(T, "open", data.clone()).facts["not_covered"], json!("product"));
    data["product"] = json!("EX-200");
    assert_eq!(world.send(T, "open", data).left(), Some(1));
}

#[test]
fn a_plan_without_cases_left_opens_no_ticket_until_more_are_added() {
    let world = world().with_plan(PLAN, LI, &terms()).send(T, "open", under(PLAN)).send(U, "open", under(PLAN));
    let refused = world.rejection(V, "open", under(PLAN));
    assert_eq!((refused.code, &refused.facts["remaining"]), (Code::AllocationExhausted, &json!(0)));
    let more = world.agree(PLAN, "top_up", &json!({"units": 1})).send(V, "open", under(PLAN));
    assert_eq!(more.left(), Some(0));
}

#[test]
fn a_cancelled_ticket_gives_its_case_back_and_takes_it_again_when_it_is_restored() {
    let world = world().with_plan(PLAN, LI, &terms()).send(T, "open", under(PLAN));
    assert_eq!(world.events(T, "cancel", json!({})).last().unwrap(), "EntitlementReleased@29");
    let cancelled = world.send(T, "cancel", json!({}));
    assert_eq!(cancelled.left(), Some(2));
    assert_eq!(cancelled.clone().send(T, "restore", json!({})).left(), Some(1));
    let taken = cancelled.send(U, "open", under(PLAN)).send(V, "open", under(PLAN));
    assert_eq!(taken.code(T, "restore", json!({})), Code::AllocationExhausted);
}

#[test]
fn a_case_that_is_taken_on_resolving_is_taken_once_however_often_that_happens() {
    let world = world().with_plan(PLAN, LI, &allocation("cases", "resolve")).send(T, "open", under(PLAN));
    assert_eq!(world.left(), Some(2));
    let resolved = world.resolved(T);
    assert_eq!(resolved.left(), Some(1));
    let again = resolved.send(T, "reopen", json!({})).send(T, "resolve", json!({"code": "assistance"}));
    assert_eq!(again.left(), Some(1));
    let cancelled = again.send(T, "reopen", json!({})).send(T, "cancel", json!({}));
    assert_eq!(cancelled.left(), Some(2));
}

#[test]
fn hours_are_taken_as_they_have_begun_when_the_work_is_resolved() {
    let world = world().with_plan(PLAN, LI, &allocation("hours", "resolve")).send(T, "open", under(PLAN));
    let logged =
        world.clone().send(T, "log_time", json!({"seconds": 3_600})).send(T, "log_time", json!({"seconds": 1}));
    assert_eq!(logged.resolved(T).left(), Some(0));
    assert_eq!(world.resolved(T).left(), Some(2), "no time was logged");
}

#[test]
fn what_does_not_ask_for_the_plan_takes_nothing_of_it_though_a_companion_has_read_it() {
    let world = world().with_plan(PLAN, LI, &allocation("hours", "resolve")).send(T, "open", under(PLAN)).resolved(T);
    let logged = world.send(T, "log_time", json!({"seconds": 7_200}));
    let tag = command("tag", json!({"tag": "vip2"}));
    let decision = logged.given().knowing([PLAN.stream()]).when(T.stream(), tag).unwrap();
    assert_eq!(decision.events.len(), 1, "{:?}", decision.events);
}

#[test]
fn a_ticket_is_put_only_under_a_plan_that_covers_it() {
    let world = world().with_plan(PLAN, LI, &with("covered", json!({"channels": ["phone"]}))).opened(T);
    let refused = world.rejection(T, "change_plan", json!({"plan": PLAN}));
    assert_eq!((refused.code, &refused.facts["not_covered"]), (Code::NotCovered, &json!("channel")));
    assert_eq!(world.code(T, "change_plan", json!({"plan": OTHER})), Code::ReferenceMissing);
    let hers = world.clone().with_plan(OTHER, MEI, &terms());
    assert_eq!(hers.code(T, "change_plan", json!({"plan": OTHER})), Code::CustomerMismatch);
    let suspended = world.agree(PLAN, "suspend", &json!({}));
    assert_eq!(suspended.code(T, "change_plan", json!({"plan": PLAN})), Code::PlanNotActive);
}

#[test]
fn the_product_that_a_plan_covers_is_told_with_the_plan_and_not_changed_in_silence() {
    let world = world().with_plan(PLAN, LI, &with("covered", json!({"products": ["EX-200", "EX-300"]}))).opened(T);
    let of = |product: &str| json!({"plan": PLAN, "product": product});
    let covered = world.clone().send(T, "change_plan", of("EX-200"));
    assert_eq!(covered.events(T, "change_plan", of("EX-200")), Vec::<String>::new());
    assert_eq!(covered.events(T, "change_plan", json!({"plan": PLAN})), Vec::<String>::new());
    let mut without_plan = under(PLAN);
    without_plan["plan"] = json!(null);
    without_plan["product"] = json!("EX-200");
    for refused in [
        covered.rejection(T, "change_plan", of("EX-300")),
        world.rejection(T, "change_plan", json!({"product": "EX-200"})),
        world.rejection(U, "open", without_plan),
    ] {
        assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/data/product"));
    }
}

#[test]
fn visits_are_not_taken_by_tickets() {
    let world = world().with_plan(PLAN, LI, &allocation("visits", "complete")).send(T, "open", under(PLAN));
    assert_eq!(world.resolved(T).left(), Some(2));
}

#[test]
fn a_ticket_that_goes_to_another_plan_gives_back_and_takes_and_is_served_by_that_ones_policy() {
    let world = world().with_plan(PLAN, LI, &terms()).with_plan(OTHER, LI, &terms()).opened(T).send(
        T,
        "change_plan",
        json!({"plan": PLAN}),
    );
    assert_eq!(world.left(), Some(1));
    assert!(world.state(T).sla.is_some(), "clocks have begun");
    assert_eq!(world.events(T, "change_plan", json!({"plan": PLAN})), Vec::<String>::new());
    assert_eq!(world.code(T, "change_plan", json!({"plan": OTHER})), Code::Forbidden);
    let moved = world.clone().by(SVEN).send(T, "change_plan", json!({"plan": OTHER}));
    assert_eq!((moved.left(), moved.plan(OTHER).remaining()), (Some(2), Some(1)));
    let none = world.by(SVEN).send(T, "change_plan", json!({}));
    assert_eq!((none.left(), none.state(T).plan, none.state(T).sla.is_some()), (Some(2), None, true));
}

#[test]
fn a_ticket_keeps_the_revision_of_the_plan_under_which_it_was_put() {
    let world = world().with_plan(PLAN, LI, &allocation("cases", "resolve")).send(T, "open", under(PLAN));
    let mut revised = allocation("cases", "open");
    revised["allocation"]["total"] = json!(5);
    let revised = world.agree(PLAN, "revise", &json!({"terms": revised}));
    assert_eq!(revised.clone().resolved(T).left(), Some(4), "by the old revision it is taken now");
    assert_eq!(revised.send(U, "open", under(PLAN)).left(), Some(4));
}

#[test]
fn a_survey_after_the_resolution_rates_the_revision_of_the_plan_that_the_ticket_is_under() {
    let world = world().with_plan(PLAN, LI, &terms()).send(T, "open", under(PLAN));
    let world = world.agree(PLAN, "revise", &json!({"terms": with("name", json!("Better care"))})).resolved(T);
    let plan = |event: &AnyEvent| {
        if let AnyEvent::Feedback(feedback::Event::SurveyRequested { rated, .. }) = event { rated.plan } else { None }
    };
    let mut asked = world.events.iter().filter_map(|(_, event)| plan(event));
    assert_eq!(asked.next().map(|plan| (plan.id, plan.revision)), Some((PLAN, 1)));
}

#[test]
fn a_plan_that_has_ended_is_still_charged_for_what_was_begun_under_it() {
    let world = world().with_plan(PLAN, LI, &allocation("cases", "resolve")).send(T, "open", under(PLAN));
    let ended = world.agree(PLAN, "terminate", &json!({"reason": "moved away"}));
    assert_eq!(ended.resolved(T).left(), Some(1));
}
