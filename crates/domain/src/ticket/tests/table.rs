//! The table of the domain's documentation, word for word, and what every cell of it means.

use super::*;
use crate::ticket::transitions::{TABLE, allowed};

const COLUMNS: [&str; 10] = [
    "assign",
    "reply",
    "await_customer",
    "hold",
    "receive_customer_reply",
    "resolve",
    "close",
    "reopen",
    "merge",
    "cancel",
];

const BACK: &str = "→open in the window, else follow-up";

#[rustfmt::skip]
const DOMAIN: [(Status, [&str; 10]); 8] = [
    (Status::New,       ["→open", "→open", "→pending", "→on_hold", "stay", "→resolved", "✗", "✗", "→merged", "→cancelled"]),
    (Status::Open,      ["stay", "stay", "→pending", "→on_hold", "stay", "→resolved", "✗", "✗", "→merged", "→cancelled"]),
    (Status::Pending,   ["stay", "stay", "stay", "→on_hold", "→open", "→resolved", "✗", "✗", "→merged", "→cancelled"]),
    (Status::OnHold,    ["stay", "stay", "→pending", "stay", "stay, flagged", "→resolved", "✗", "✗", "→merged", "→cancelled"]),
    (Status::Resolved,  ["✗", "stay", "✗", "✗", BACK, "✗", "→closed", "→open in the window", "✗", "✗"]),
    (Status::Closed,    ["✗", "✗", "✗", "✗", "follow-up ticket", "✗", "✗", "supervisor only", "✗", "✗"]),
    (Status::Merged,    ["✗", "✗", "✗", "✗", "routed to survivor", "✗", "✗", "✗", "unmerge", "✗"]),
    (Status::Cancelled, ["✗", "✗", "✗", "✗", "follow-up", "✗", "✗", "✗", "restore", "✗"]),
];

/// Sends a column's command about `T`; a merge goes to the survivor `U`.
fn addressed(column: &str) -> (TicketId, Value) {
    match column {
        "assign" => (T, json!({"agent": BORIS})),
        "reply" => (T, json!({"body": "We are on it.", "public": true})),
        "await_customer" | "hold" => (T, json!({"reason": "something else"})),
        "receive_customer_reply" => (T, json!({"body": "还是不行"})),
        "resolve" => (T, json!({"code": "configuration"})),
        "merge" => (U, json!({"loser": T})),
        _ => (T, json!({})),
    }
}

fn check_cell(status: Status, column: &str, cell: &str) {
    let world = world().ticket_in(T, status).opened(U);
    let (id, data) = addressed(column);
    let sent = || world.clone().send(id, column, data.clone());
    let late = world.clone().later(REOPEN_WINDOW + TimeDelta::microseconds(1));
    match cell {
        "✗" => check_refused(&world.rejection(id, column, data), status, column),
        "stay" | "stay, flagged" => assert_eq!(sent().status(T), status),
        "→open in the window" => {
            assert_eq!(sent().status(T), Status::Open);
            assert_eq!(late.code(id, column, data), Code::ReopenWindowPassed);
        }
        BACK => {
            assert_eq!(sent().status(T), Status::Open);
            assert!(late.events(id, column, data).contains(&"FollowUpOpened".to_owned()));
        }
        "follow-up ticket" | "follow-up" => {
            assert_eq!(world.events(id, column, data.clone())[0], "FollowUpOpened");
            assert_eq!(sent().status(T), status);
        }
        "routed to survivor" => assert_eq!(world.events(id, column, data), ["CustomerReplied@102"]),
        "supervisor only" => {
            assert_eq!(world.code(id, column, data.clone()), Code::Forbidden);
            assert_eq!(world.clone().by(SVEN).send(id, column, data).status(T), Status::Open);
        }
        "unmerge" => {
            assert_eq!(world.code(id, column, data), Code::MergedInto);
            assert_eq!(world.send(V, "unmerge", json!({"loser": T})).status(T), Status::Open);
        }
        "restore" => {
            check_refused(&world.rejection(id, column, data), status, column);
            assert_eq!(world.send(T, "restore", json!({})).status(T), Status::Open);
        }
        to => assert_eq!(format!("→{}", sent().status(T).name()), to),
    }
}

fn check_refused(rejection: &Rejection, from: Status, command: &str) {
    let code = if from == Status::Merged { Code::MergedInto } else { Code::InvalidTransition };
    assert_eq!(rejection.code, code);
    assert_eq!((&rejection.facts["from"], &rejection.facts["command"]), (&json!(from.name()), &json!(command)));
    assert_eq!(rejection.facts["allowed"], json!(allowed(from)));
    assert!(!allowed(from).contains(&command));
}

#[test]
fn every_cell_of_the_documented_table_holds() {
    for (status, cells) in DOMAIN {
        for (column, cell) in COLUMNS.into_iter().zip(cells) {
            let checked = std::panic::catch_unwind(|| check_cell(status, column, cell));
            assert!(checked.is_ok(), "from {}, {column}: {cell}", status.name());
        }
    }
}

#[test]
fn every_command_but_open_has_a_row() {
    let names: Vec<&str> = samples::commands().iter().map(Command::name).collect();
    let rows: Vec<&str> = std::iter::once("open").chain(TABLE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(names, rows);
}

#[test]
fn a_command_is_named_as_it_is_on_the_wire() {
    for command in samples::commands() {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::Ticket, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn what_is_said_to_be_allowed_is_not_refused_by_the_state() {
    for status in Status::ALL {
        let world = world().ticket_in(T, *status).opened(U).by(SVEN);
        for command in samples::commands().into_iter().skip(1) {
            let refused = match world.given().when(T.stream(), command.clone()) {
                Err(rejection) => {
                    rejection.code == Code::InvalidTransition && rejection.facts["command"] == command.name()
                        || rejection.code == Code::MergedInto && rejection.facts.contains_key("allowed")
                }
                Ok(_) => false,
            };
            assert_eq!(refused, !allowed(*status).contains(&command.name()), "{} {}", status.name(), command.name());
        }
    }
}

#[test]
fn a_ticket_that_does_not_exist_is_not_found_and_one_that_exists_is_not_opened_again() {
    for command in samples::commands().into_iter().skip(1) {
        let rejection = world().given().when(NONE.stream(), command).unwrap_err();
        assert_eq!(rejection.code, Code::NotFound);
    }
    assert_eq!(world().opened(T).code(T, "open", opening(LI)), Code::AlreadyExists);
}
