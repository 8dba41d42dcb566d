//! The whole table of states and commands, word for word, and who may.

use super::*;
use crate::service_plan::transitions::{TABLE, allowed};

const COLUMNS: [Status; 5] = [Status::Draft, Status::Active, Status::Suspended, Status::Expired, Status::Terminated];

#[rustfmt::skip]
const DOMAIN: [(&str, [&str; 5]); 11] = [
    //                    draft          active         suspended      expired    terminated
    ("activate",         ["→active",     "already",     "✗",           "✗",       "✗"]),
    ("revise",           ["stay",        "stay",        "stay",        "✗",       "✗"]),
    ("suspend",          ["✗",           "→suspended",  "already",     "✗",       "✗"]),
    ("resume",           ["✗",           "already",     "→active",     "✗",       "✗"]),
    ("terminate",        ["→terminated", "→terminated", "→terminated", "✗",       "already"]),
    ("renew",            ["✗",           "stay",        "stay",        "stay",    "✗"]),
    ("expire",           ["already",     "→expired",    "→expired",    "already", "already"]),
    ("top_up",           ["✗",           "stay",        "stay",        "✗",       "✗"]),
    ("plan_occurrences", ["already",     "stay",        "already",     "already", "already"]),
    ("cancel_occurrences", ["already",   "already",     "stay",        "stay",    "stay"]),
    ("skip_occurrence",  ["✗",           "stay",        "stay",        "✗",       "✗"]),
];

/// A sample of each command but `draft`.
fn data(name: &str) -> Value {
    match name {
        "revise" => json!({"terms": with(care(), "name", json!("Better care"))}),
        "terminate" => json!({"reason": "moved away"}),
        "renew" => json!({"plan": Q, "period": next_year()}),
        "top_up" => json!({"units": 5, "reason": "goodwill"}),
        "cancel_occurrences" => json!({"before": 9}),
        "skip_occurrence" => json!({"n": 1, "reason": "public holiday"}),
        _ => json!({}),
    }
}

fn next_year() -> Value {
    json!({"start": "2027-01-01T00:00:00Z", "end": "2028-01-01T00:00:00Z", "zone": "Etc/UTC"})
}

fn samples() -> Vec<Command> {
    let draft = command("draft", &json!({"customer": LI, "terms": care()}));
    std::iter::once(draft).chain(DOMAIN.iter().map(|(name, _)| command(name, &data(name)))).collect()
}

/// The plan in a state, and whoever may act on it, when its period is over.
fn ready(status: Status) -> World {
    let mut world = world().plan_in(P, status).by_kind(ActorKind::System).at("2027-01-02T00:00:00Z");
    let due = time("2026-05-04T09:00:00Z");
    let window = Window { earliest: due, latest: due };
    world = world.happened(P.stream(), Event::OccurrencePlanned { n: 1, due, window });
    world
}

#[test]
fn every_cell_of_the_table_holds() {
    for (name, cells) in DOMAIN {
        for (from, expected) in COLUMNS.into_iter().zip(cells) {
            let (world, what) = (ready(from), format!("{name} from {}", from.name()));
            match expected {
                "✗" => {
                    let rejection = world.rejection(P, name, data(name));
                    assert_eq!(rejection.code, Code::InvalidTransition, "{what}");
                    assert_eq!(
                        (&rejection.facts["from"], &rejection.facts["command"]),
                        (&json!(from.name()), &json!(name))
                    );
                    assert_eq!(rejection.facts["allowed"], json!(allowed(from)), "{what}");
                }
                "already" => assert_eq!(world.when(P, name, data(name)), Ok(Decision::already()), "{what}"),
                "stay" => assert_eq!(world.send(P, name, data(name)).status(P), from, "{what}"),
                to => {
                    let after = world.send(P, name, data(name));
                    assert_eq!(format!("→{}", after.status(P).name()), to, "{what}");
                }
            }
        }
    }
}

#[test]
fn every_command_but_draft_has_a_row_and_is_named_as_on_the_wire() {
    let names: Vec<&str> = samples().iter().map(Command::name).collect();
    let rows: Vec<&str> = std::iter::once("draft").chain(TABLE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(names, rows);
    for sample in samples() {
        let (name, content) = crate::Command::from(sample.clone()).write().unwrap();
        assert_eq!(name, sample.name());
        assert_eq!(crate::Command::read(Category::ServicePlan, &name, &content).unwrap(), sample.into());
    }
}

#[test]
fn a_plan_that_does_not_exist_is_not_found_and_one_that_exists_is_not_drafted_again() {
    for sample in samples().into_iter().skip(1) {
        assert_eq!(world().given().when(NONE.stream(), sample).unwrap_err().code, Code::NotFound);
    }
    let again = world().drafted(P, care()).code(P, "draft", json!({"customer": MEI, "terms": visits()}));
    assert_eq!(again, Code::AlreadyExists);
}

#[test]
fn a_plan_is_agreed_on_with_a_customer_who_is_there() {
    let draft = |customer: CustomerId| json!({"customer": customer, "terms": care()});
    let missing = world().rejection(P, "draft", draft(CustomerId(Uuid::from_u128(99))));
    assert_eq!((missing.code, missing.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/customer"));
    let merged = world().rejection(P, "draft", draft(OLD_LI));
    assert_eq!((merged.code, &merged.facts["survivor"]), (Code::MergedInto, &json!(LI)));
    assert_eq!(world().erased(LI).code(P, "draft", draft(LI)), Code::SubjectErased);
}

#[test]
fn customers_may_nothing_and_timers_alone_do_what_is_theirs() {
    for sample in samples() {
        let id = if sample.name() == "draft" { Q } else { P };
        let by = |kind| world().plan_in(P, Status::Active).by_kind(kind).given().when(id.stream(), sample.clone());
        assert_eq!(by(ActorKind::Customer).unwrap_err().code, Code::Forbidden, "{}", sample.name());
        if matches!(sample.name(), "expire" | "plan_occurrences") {
            assert_eq!(by(ActorKind::Service).unwrap_err().code, Code::Forbidden, "{}", sample.name());
            let by_agent = world().plan_in(P, Status::Active).given().when(P.stream(), sample.clone());
            assert_eq!(by_agent.unwrap_err().code, Code::Forbidden);
        }
    }
}

#[test]
fn what_binds_the_company_takes_a_supervisor() {
    for sample in samples() {
        let name = sample.name();
        let supervised = matches!(name, "activate" | "revise" | "terminate" | "renew" | "top_up");
        if matches!(name, "expire" | "plan_occurrences" | "cancel_occurrences") {
            continue;
        }
        let from = if name == "resume" { Status::Suspended } else { Status::Active };
        let id = if name == "draft" { Q } else { P };
        let outcome = world().plan_in(P, from).by(ANNA).given().when(id.stream(), sample);
        let refused = outcome.is_err_and(|rejection| rejection.code == Code::Forbidden);
        assert_eq!(refused, supervised, "{name}");
    }
}

#[test]
fn after_the_customers_erasure_a_plan_can_only_be_wound_up() {
    for (name, _) in DOMAIN {
        let outcome = ready(Status::Active).erased(LI).when(P, name, data(name));
        let winds_up = matches!(name, "suspend" | "terminate" | "expire" | "skip_occurrence" | "cancel_occurrences");
        match outcome {
            Ok(_) => assert!(winds_up, "{name}"),
            Err(rejection) => assert_eq!((rejection.code, winds_up), (Code::SubjectErased, false), "{name}"),
        }
    }
}

#[test]
fn a_plan_is_drafted_and_activated_without_anything_used() {
    let plan = world().active(P, care()).state(P);
    assert_eq!((plan.status, plan.customer, plan.remaining(), plan.used), (Status::Active, Some(LI), Some(10), 0));
    let policy = plan.terms().unwrap().sla_policy.unwrap();
    assert_eq!((policy.id, policy.revision), (GOLD, 1));
}
