//! The whole table of states and commands, and what every cell of it means.

use super::*;
use crate::service_execution::transitions::{TABLE, allowed};

/// For each command what it does in each state, in the order of [`Status::ALL`].
#[rustfmt::skip]
const CELLS: [(&str, [&str; 11]); 14] = [
    ("schedule", ["→scheduled", "✗", "✗", "✗", "✗", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("reschedule", ["✗", "stay", "→scheduled", "✗", "✗", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("dispatch", ["✗", "→dispatched", "already", "✗", "✗", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("start_travel", ["✗", "✗", "→en_route", "already", "✗", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("start", ["✗", "→in_progress", "→in_progress", "→in_progress", "already", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("pause", ["✗", "✗", "✗", "✗", "→paused", "already", "✗", "✗", "✗", "✗", "✗"]),
    ("resume", ["✗", "✗", "✗", "✗", "already", "→in_progress", "✗", "✗", "✗", "✗", "✗"]),
    ("complete_item", ["✗", "✗", "✗", "✗", "stay", "stay", "✗", "✗", "✗", "✗", "✗"]),
    ("use_part", ["✗", "✗", "✗", "✗", "stay", "stay", "✗", "✗", "✗", "✗", "✗"]),
    ("complete", ["✗", "✗", "✗", "✗", "→completed", "✗", "✗", "✗", "✗", "✗", "✗"]),
    ("sign_off", ["✗", "✗", "✗", "✗", "✗", "✗", "→verified", "✗", "✗", "✗", "✗"]),
    ("fail", ["✗", "→cannot_complete", "→cannot_complete", "→cannot_complete", "→cannot_complete", "→cannot_complete", "✗", "✗", "✗", "✗", "✗"]),
    ("cancel", ["→cancelled", "→cancelled", "→cancelled", "→cancelled", "→cancelled", "→cancelled", "✗", "✗", "✗", "already", "✗"]),
    ("record_no_show", ["✗", "→no_show", "→no_show", "→no_show", "✗", "✗", "✗", "✗", "✗", "✗", "already"]),
];

fn check_cell(status: Status, sample: &Command, cell: &str) {
    let world = world().execution_in(E, status);
    let outcome = world.given.when(E.stream(), sample.clone());
    let after = |decision: &Decision| world.clone().accept(E, sample.clone(), decision.clone()).status(E);
    match (cell, outcome) {
        ("✗", Err(rejection)) => {
            assert_eq!(rejection.code, Code::InvalidTransition);
            let told = (&rejection.facts["from"], &rejection.facts["command"], &rejection.facts["allowed"]);
            assert_eq!(told, (&json!(status.name()), &json!(sample.name()), &json!(allowed(status))));
            assert!(!allowed(status).contains(&sample.name()));
        }
        ("already", Ok(decision)) => assert_eq!(decision, Decision::already()),
        ("stay", Ok(decision)) => {
            assert!(!decision.events.is_empty() && allowed(status).contains(&sample.name()));
            assert_eq!(after(&decision), status);
        }
        (to, Ok(decision)) => {
            assert_eq!(format!("→{}", after(&decision).name()), to);
            assert!(allowed(status).contains(&sample.name()));
        }
        (_, Err(rejection)) => panic!("{rejection:?}"),
    }
}

#[test]
fn every_cell_of_the_table_holds() {
    for (sample, (name, cells)) in samples::commands().iter().skip(1).zip(CELLS) {
        assert_eq!(sample.name(), name);
        for (status, cell) in Status::ALL.iter().zip(cells) {
            let checked = std::panic::catch_unwind(|| check_cell(*status, sample, cell));
            assert!(checked.is_ok(), "from {}, {name}: {cell}", status.name());
        }
    }
}

#[test]
fn every_command_but_plan_has_a_row() {
    let names: Vec<&str> = samples::commands().iter().map(Command::name).collect();
    let rows: Vec<&str> = std::iter::once("plan").chain(TABLE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(names, rows);
}

#[test]
fn a_state_is_unfinished_as_long_as_it_can_be_cancelled() {
    for status in Status::ALL {
        assert_eq!(status.unfinished(), allowed(*status).contains(&"cancel"), "{}", status.name());
    }
}

#[test]
fn a_command_is_named_as_it_is_on_the_wire() {
    for command in samples::commands() {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::ServiceExecution, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn one_that_does_not_exist_is_not_found_and_one_that_exists_is_not_planned_again() {
    for command in samples::commands().into_iter().skip(1) {
        assert_eq!(world().given.when(NONE.stream(), command).unwrap_err().code, Code::NotFound);
    }
    assert_eq!(world().planned(E).code(E, "plan", planning()), Code::AlreadyExists);
}

#[test]
fn customers_sign_and_do_nothing_else() {
    for command in samples::commands() {
        let world = world().execution_in(E, Status::Completed).by_kind(ActorKind::Customer);
        let id = if command.name() == "plan" { F } else { E };
        let outcome = world.given.when(id.stream(), command.clone()).map_err(|rejection| rejection.code);
        match command.name() {
            "sign_off" => assert!(outcome.is_ok(), "{outcome:?}"),
            name => assert_eq!(outcome, Err(Code::Forbidden), "{name}"),
        }
    }
}

#[test]
fn for_an_erased_customer_it_can_only_be_wound_up() {
    for status in Status::ALL {
        let world = world().execution_in(E, *status).erased().by(SVEN);
        for command in samples::commands().into_iter().skip(1) {
            let winds_up = ["complete", "fail", "cancel", "record_no_show"].contains(&command.name());
            let code = world.given.when(E.stream(), command.clone()).err().map(|rejection| rejection.code);
            assert_eq!(code == Some(Code::SubjectErased), !winds_up, "{} {}", status.name(), command.name());
        }
    }
    let follow_up = json!({"reason": "no access", "follow_up": F});
    assert_eq!(world().scheduled(E).erased().code(E, "fail", follow_up), Code::SubjectErased);
    assert_eq!(world().scheduled(E).erased().send(E, "cancel", none()).bookings(ANNA), []);
}
