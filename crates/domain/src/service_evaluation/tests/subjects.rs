//! Plans and executions as what is evaluated.

use super::*;
use crate::ids::{ServiceExecutionId, ServicePlanId};
use crate::service_plan;

const PLAN: ServicePlanId = ServicePlanId(Uuid::from_u128(51));
const VISIT: ServiceExecutionId = ServiceExecutionId(Uuid::from_u128(52));

/// With Li's plan, and a visit that is booked for Boris.
fn served() -> Given {
    let window = json!({"earliest": "2026-02-02T09:00:00Z", "latest": "2026-02-03T09:00:00Z"});
    let terms = json!({"name": "Care", "content": "A visit a month.",
        "allocation": {"unit": "unlimited", "consume_on": "complete"},
        "period": {"start": "2026-01-01T00:00:00Z", "end": "2027-01-01T00:00:00Z", "zone": "Etc/UTC"}});
    let booked = json!({"start": "2026-02-02T09:00:00Z", "end": "2026-02-02T10:00:00Z", "resources": [BORIS],
        "overridden": false});
    let planned = json!({"name": "Visit", "customer": LI, "window": window});
    desk()
        .with((
            PLAN.stream(),
            event(Category::ServicePlan, "ServicePlanDrafted", json!({"customer": LI, "terms": terms})),
        ))
        .with((VISIT.stream(), event(Category::ServiceExecution, "ServiceExecutionPlanned", planned)))
        .with((VISIT.stream(), event(Category::ServiceExecution, "ServiceExecutionScheduled", booked)))
}

fn scored(draft: Given) -> Given {
    let scores = [("punctual", 5), ("clean", 8), ("safe", 10)];
    scores.into_iter().fold(draft, |given, (criterion, points)| given.then(E.stream(), score(criterion, points)))
}

#[test]
fn a_final_evaluation_of_a_plan_is_told_on_the_plan_in_the_same_append() {
    let draft = served().then(E.stream(), command("draft", drafting("plan", PLAN.0)));
    let submitted = scored(draft).then(E.stream(), submit());
    let decision = submitted.when(E.stream(), FINALIZE).unwrap();
    let (stream, event) = decision.events.last().unwrap();
    let AnyEvent::ServicePlan(service_plan::Event::ServicePlanEvaluated {
        evaluation,
        result_hundredths,
        verdict,
        as_of_position,
    }) = event
    else {
        panic!("{event:?}")
    };
    assert_eq!((*stream, *evaluation), (PLAN.stream(), E));
    assert_eq!((result_hundredths.get(), *verdict, u64::from(*as_of_position)), (9_200, Verdict::Pass, 4_100));
    let again = submitted.then(E.stream(), FINALIZE).when(E.stream(), FINALIZE);
    assert_eq!(again, Ok(Decision::already()));
}

#[test]
fn nothing_is_told_on_a_plan_when_something_else_is_evaluated() {
    let draft = served().then(E.stream(), command("draft", drafting("execution", VISIT.0)));
    let decision = scored(draft).then(E.stream(), submit()).when(E.stream(), FINALIZE).unwrap();
    assert_eq!(decision.events.len(), 1);
}

#[test]
fn nobody_evaluates_an_execution_for_which_they_were_booked() {
    let by_boris = served().by_agent(BORIS).when(E.stream(), command("draft", drafting("execution", VISIT.0)));
    assert_eq!(by_boris.unwrap_err().code, Code::EvaluatorIsRated);
    let appealed = scored(served().then(E.stream(), command("draft", drafting("execution", VISIT.0))))
        .then(E.stream(), submit())
        .by_agent(BORIS)
        .when(E.stream(), appeal());
    assert!(appealed.is_ok(), "whoever is rated may appeal");
}

#[test]
fn a_plan_or_an_execution_that_is_evaluated_exists() {
    for kind in ["plan", "execution"] {
        let refused = desk().when(E.stream(), command("draft", drafting(kind, PLAN.0))).unwrap_err();
        assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/subject/id"));
    }
}
