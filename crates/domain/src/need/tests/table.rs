//! What every command does in every state.

use super::*;

const COLUMNS: [&str; 11] = [
    "attach_evidence",
    "qualify",
    "rate",
    "plan",
    "fulfil",
    "decline",
    "withdraw",
    "reopen",
    "merge",
    "unmerge",
    "categorize",
];

#[rustfmt::skip]
const TABLE: [(Status, [&str; 11]); 7] = [
    (Status::Captured,  ["stay", "→qualified", "stay", "✗",        "✗",          "→declined", "→withdrawn", "✗",          "stay", "already", "stay"]),
    (Status::Qualified, ["stay", "already",    "stay", "→planned", "✗",          "→declined", "→withdrawn", "✗",          "stay", "already", "stay"]),
    (Status::Planned,   ["stay", "✗",          "stay", "stay",     "→fulfilled", "→declined", "→withdrawn", "✗",          "stay", "already", "stay"]),
    (Status::Fulfilled, ["✗",    "✗",          "✗",    "✗",        "✗",          "✗",         "✗",          "→qualified", "✗",    "already", "✗"]),
    (Status::Declined,  ["✗",    "✗",          "✗",    "✗",        "✗",          "✗",         "✗",          "→qualified", "✗",    "already", "✗"]),
    (Status::Withdrawn, ["✗",    "✗",          "✗",    "✗",        "✗",          "✗",         "✗",          "→qualified", "✗",    "already", "✗"]),
    (Status::Merged,    ["✗",    "✗",          "✗",    "✗",        "✗",          "✗",         "✗",          "✗",          "✗",    "already", "✗"]),
];

fn check_cell(status: Status, command: Command, cell: &str) {
    let mut world = world().need_in(N, status).captured(M);
    if status == Status::Captured {
        world = world.send(N, "attach_evidence", json!({"evidence": ticket(TICKET)}));
    }
    let name = command.name();
    let outcome = world.given().when(N.stream(), command);
    if cell == "✗" {
        return check_refused(&outcome.unwrap_err(), status, name);
    }
    let decision = outcome.unwrap();
    assert!(status.allowed().contains(&name));
    assert_eq!(decision == Decision::already(), cell == "already");
    world.events.extend(decision.events);
    match cell {
        "stay" | "already" => assert_eq!(world.status(N), status),
        to => assert_eq!(format!("→{}", world.status(N).name()), to),
    }
}

fn check_refused(rejection: &Rejection, from: Status, command: &str) {
    let code = if from == Status::Merged { Code::MergedInto } else { Code::InvalidTransition };
    assert_eq!(rejection.code, code);
    assert_eq!((&rejection.facts["from"], &rejection.facts["command"]), (&json!(from.name()), &json!(command)));
    assert_eq!(rejection.facts["allowed"], json!(from.allowed()));
    assert_eq!(rejection.facts.get("survivor"), (from == Status::Merged).then(|| json!(O)).as_ref());
    assert!(!from.allowed().contains(&command));
}

#[test]
fn every_cell_of_the_table_holds() {
    let commands = || samples().into_iter().skip(1);
    assert_eq!(commands().map(|command| command.name()).collect::<Vec<_>>(), COLUMNS);
    assert_eq!(TABLE.map(|(status, _)| status), *Status::ALL);
    for (status, cells) in TABLE {
        for (command, cell) in commands().zip(cells) {
            let name = command.name();
            let checked = std::panic::catch_unwind(|| check_cell(status, command, cell));
            assert!(checked.is_ok(), "from {}, {name}: {cell}", status.name());
        }
    }
}

#[test]
fn a_command_is_named_as_it_is_on_the_wire() {
    for command in samples() {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::Need, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn a_need_that_does_not_exist_is_not_found_and_one_that_exists_is_not_captured_again() {
    for command in samples().into_iter().skip(1) {
        let rejection = world().given().when(NONE.stream(), command).unwrap_err();
        assert_eq!(rejection.code, Code::NotFound);
    }
    assert_eq!(world().captured(N).code(N, "capture", capture(LI)), Code::AlreadyExists);
}

#[test]
fn customers_withdraw_and_do_nothing_else() {
    let customers = world().need_in(N, Status::Qualified).captured(M).by_kind(ActorKind::Customer);
    for command in samples().into_iter().skip(1) {
        let name = command.name();
        let refused = customers.given().when(N.stream(), command).err().map(|rejection| rejection.code);
        assert_eq!(refused, (name != "withdraw").then_some(Code::Forbidden), "{name}");
    }
    assert_eq!(customers.code(O, "capture", capture(LI)), Code::Forbidden);
}

#[test]
fn a_need_of_an_erased_customer_is_wound_up_and_nothing_else() {
    let kept = world().need_in(N, Status::Planned).captured(M);
    let through_alias = world().send(N, "capture", capture(LI)).happened(LI.stream(), into(MEI)).erased(MEI);
    for command in samples().into_iter().skip(1) {
        let name = command.name();
        let winds_up = ["decline", "withdraw"].contains(&name);
        for world in [kept.clone().erased(LI), through_alias.clone()] {
            let refused = world.given().when(N.stream(), command.clone()).err().map(|rejection| rejection.code);
            assert_eq!(refused, (!winds_up).then_some(Code::SubjectErased), "{name}");
        }
    }
}

fn into(survivor: CustomerId) -> customer::Event {
    customer::Event::CustomerMergedInto { survivor }
}
