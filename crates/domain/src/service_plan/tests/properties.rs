//! What holds for every sequence of commands and of units taken.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Send(&'static str, Value),
    Take(u128, u32),
    GiveBack(u128),
}

fn step() -> impl Strategy<Value = Step> {
    let rules = ["FREQ=WEEKLY", "FREQ=DAILY;COUNT=40", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=WEEKLY;BYDAY=TU,TH"];
    let revised = (prop::sample::select(rules.to_vec()), 1..30_u32, any::<bool>(), any::<bool>()).prop_map(
        |(rrule, total, overage, auto_renew)| {
            let terms = with_in(visits(), "recurrence", "rrule", json!(rrule));
            let allocation = json!({"unit": "cases", "total": total, "consume_on": "open", "overage": overage});
            let terms = with(with(terms, "allocation", allocation), "auto_renew", json!(auto_renew));
            Step::Send("revise", json!({"terms": terms}))
        },
    );
    let period = json!({"start": "2026-09-01T09:00:00Z", "end": "2027-03-01T09:00:00Z", "zone": "Etc/UTC"});
    prop_oneof![
        2 => revised,
        1 => Just(Step::Send("activate", json!({}))),
        1 => Just(Step::Send("suspend", json!({}))),
        2 => Just(Step::Send("resume", json!({}))),
        6 => Just(Step::Send("plan_occurrences", json!({}))),
        1 => Just(Step::Send("expire", json!({}))),
        1 => Just(Step::Send("renew", json!({"plan": Q, "period": period}))),
        2 => (1..20_u32).prop_map(|n| Step::Send("skip_occurrence", json!({"n": n, "reason": "rain"}))),
        1 => (1..9_u32).prop_map(|units| Step::Send("top_up", json!({"units": units}))),
        4 => (0..9_u128, 1..9_u32).prop_map(|(by, units)| Step::Take(by, units)),
        2 => (0..9_u128).prop_map(Step::GiveBack),
    ]
}

/// The timers that the states of all plans call for.
fn check_timers(world: &World) {
    let mut expected = BTreeMap::new();
    for id in [P, Q, renewal_id(P)] {
        let plan = world.state(id);
        expected.extend(plan.expire_due().map(|due| ((id.stream(), "expire"), due)));
        expected.extend(plan.occurrences_due().map(|due| ((id.stream(), "occurrences"), due)));
    }
    let set: BTreeMap<_, _> = world.timers.iter().map(|(key, (due, _))| (*key, *due)).collect();
    assert_eq!(set, expected);
}

fn check_plan(plan: &ServicePlan) {
    let taken: u64 = plan.consumers.values().map(|units| u64::from(units.get())).sum();
    assert_eq!(taken, plan.used);
    let overage = plan.terms().is_some_and(|terms| terms.allocation.overage);
    assert!(overage || plan.remaining().is_none_or(|left| left >= 0), "{:?}", plan.remaining());
    // What was dropped with the plan comes again under another number.
    assert!(plan.planned.keys().all(|n| (1..=plan.last_n).contains(n)), "{:?}", plan.planned);
    let due: BTreeSet<_> = plan.planned.values().map(|occurrence| occurrence.due).collect();
    assert_eq!(due.len(), plan.planned.len(), "nothing is planned twice: {:?}", plan.planned);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn books_and_timers_are_right_after_every_step(steps in prop::collection::vec((step(), 0..20 * 86_400_i64), 1..30)) {
        let mut world = world().by_kind(ActorKind::System).drafted(P, visits());
        for (step, seconds) in steps {
            world.now += TimeDelta::seconds(seconds);
            let plan = world.state(P);
            let consumer = |id| Consumer { kind: ConsumerKind::Execution, id: Uuid::from_u128(id) };
            match step {
                Step::Send(name, data) => {
                    if let Ok(decision) = world.when(P, name, data.clone()) {
                        // A timer's command takes its timer away.
                        let timer = match name { "expire" => Some("expire"), "plan_occurrences" => Some("occurrences"), _ => None };
                        if let Some(timer) = timer.filter(|_| !decision.events.is_empty() || !decision.timers.is_empty()) {
                            world.timers.remove(&(P.stream(), timer));
                        }
                        world = world.accept(decision);
                        if !matches!(name, "top_up" | "plan_occurrences") {
                            prop_assert_eq!(world.when(P, name, data), Ok(Decision::already()), "{}", name);
                        }
                    }
                }
                Step::Take(by, units) => {
                    if let Ok(Some(event)) = consume(&plan, consumer(by), Units::try_from(units).unwrap()) {
                        world = world.happened(P.stream(), event);
                    }
                }
                Step::GiveBack(by) => {
                    if let Some(event) = release(&plan, consumer(by)) {
                        world = world.happened(P.stream(), event);
                    }
                }
            }
            check_plan(&world.state(P));
            check_timers(&world);
        }
    }
}
