//! Whose a plan is: what refers to one is of the same customer.

use super::*;
use crate::aggregates::Command as AnyCommand;
use crate::{feedback, transaction};

/// What becomes of a command that refers to Li's plan, said on a new stream.
fn fault(world: &World, category: Category, command: impl Into<AnyCommand>) -> Option<(Code, String)> {
    let stream = StreamId { category, id: Uuid::from_u128(0x900) };
    let rejection = world.given().when(stream, command).err()?;
    Some((rejection.code, rejection.errors.first().map(|error| error.pointer.clone()).unwrap_or_default()))
}

#[test]
fn a_transaction_pays_for_a_plan_of_its_own_customer() {
    let paid = |world: &World, customer: CustomerId, plan: ServicePlanId| {
        let data = json!({"customer": customer, "source": {"system": "shop", "order_no": "1"}, "currency": "CNY",
            "amount_minor": 100, "plan": plan});
        let command: transaction::Command = crate::codec::read_variant("record", "/data", &data.to_string()).unwrap();
        fault(world, Category::Transaction, command)
    };
    let world = world().drafted(P, care());
    let at = || "/data/plan".to_owned();
    assert_eq!(paid(&world, LI, P), None, "also before it is in force");
    assert_eq!(paid(&world, MEI, P), Some((Code::CustomerMismatch, at())));
    assert_eq!(paid(&world, LI, NONE), Some((Code::ReferenceMissing, at())));
    let merged = world.happened(LI.stream(), customer::Event::CustomerMergedInto { survivor: MEI });
    assert_eq!(paid(&merged, MEI, P), None);
}

#[test]
fn feedback_is_about_a_revision_of_a_plan_of_its_own_customer() {
    let plan = |plan: ServicePlanId, revision: u32| json!({"id": plan, "revision": revision});
    let about = |customer: CustomerId, of: Value| json!({"customer": customer, "body": "x", "about": {"plan": of}});
    let rated = |customer: CustomerId, of: Value| json!({"customer": customer, "metric": "nps", "rated": {"plan": of}});
    let world = world().active(P, care());
    let code = |name: &str, data: Value| {
        let command: feedback::Command = crate::codec::read_variant(name, "/data", &data.to_string()).unwrap();
        fault(&world, Category::Feedback, command)
    };
    for (name, data, pointer) in [
        ("praise", &about as &dyn Fn(CustomerId, Value) -> Value, "/data/about/plan"),
        ("request_survey", &rated, "/data/rated/plan"),
    ] {
        assert_eq!(code(name, data(LI, plan(P, 1))), None, "{name}");
        assert_eq!(code(name, data(LI, plan(P, 2))), Some((Code::ReferenceMissing, pointer.to_owned())), "{name}");
        assert_eq!(code(name, data(LI, plan(NONE, 1))), Some((Code::ReferenceMissing, pointer.to_owned())), "{name}");
        assert_eq!(code(name, data(MEI, plan(P, 1))), Some((Code::CustomerMismatch, pointer.to_owned())), "{name}");
    }
}
