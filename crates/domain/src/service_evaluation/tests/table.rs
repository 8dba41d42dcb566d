//! What every command does in every state, and who may.

use super::*;
use crate::service_evaluation::transitions::{POSSIBLE, allowed};

/// `=` accepted without an event, `·` accepted and the state stays, `✗` refused, else the state that follows.
#[rustfmt::skip]
const TABLE: [(Status, [&str; 7]); 6] = [
    //                   score  submit       appeal      uphold    revise     finalize     raise_action
    (Status::Draft,     ["·",   "submitted", "✗",        "✗",      "✗",       "✗",         "✗"]),
    (Status::Submitted, ["✗",   "✗",         "appealed", "✗",      "✗",       "finalized", "·"]),
    (Status::Appealed,  ["✗",   "✗",         "✗",        "upheld", "revised", "✗",         "·"]),
    (Status::Upheld,    ["✗",   "✗",         "✗",        "✗",      "✗",       "finalized", "·"]),
    (Status::Revised,   ["✗",   "✗",         "✗",        "✗",      "✗",       "finalized", "·"]),
    (Status::Finalized, ["✗",   "✗",         "✗",        "✗",      "✗",       "=",         "·"]),
];

/// The columns of the table, each with somebody who may.
fn columns() -> [(AgentId, Command); 7] {
    [
        (ANNA, score("safe", "not_applicable")),
        (ANNA, submit()),
        (BORIS, appeal()),
        (VERA, uphold()),
        (VERA, revise(json!([{"criterion": "clean", "score": 10}]))),
        (ANNA, FINALIZE),
        (ANNA, raise(1)),
    ]
}

/// Where an evaluation stands after a decision.
fn after(from: Status, decision: &Decision) -> Status {
    let mut evaluation = ServiceEvaluation { status: from, ..ServiceEvaluation::default() };
    for (_, event) in &decision.events {
        let AnyEvent::ServiceEvaluation(event) = event else { panic!("an event of another category") };
        evaluation.evolve(event);
    }
    evaluation.status
}

#[test]
fn every_cell_of_the_table_holds() {
    for (from, cells) in TABLE {
        for ((agent, command), cell) in columns().into_iter().zip(cells) {
            let place = format!("from {}, {}: {cell}", from.name(), command.name());
            let given = an_evaluation(from).by_agent(agent);
            match (cell, when(&given, command.clone())) {
                ("✗", Err(rejection)) => {
                    assert_eq!(rejection.code, Code::InvalidTransition, "{place}");
                    let facts = ["from", "command", "allowed"].map(|fact| rejection.facts[fact].clone());
                    assert_eq!(facts, [json!(from.name()), json!(command.name()), json!(allowed(from))], "{place}");
                    assert!(!allowed(from).contains(&command.name()), "{place}");
                }
                ("=", outcome) => assert_eq!(outcome, Ok(Decision::already()), "{place}"),
                (cell, Ok(decision)) => {
                    assert_eq!(decision.events.len(), 1, "{place}");
                    assert_eq!(after(from, &decision).name(), if cell == "·" { from.name() } else { cell }, "{place}");
                }
                (_, Err(rejection)) => panic!("{place}: {rejection:?}"),
            }
        }
    }
}

#[test]
fn every_command_but_draft_has_a_row_and_its_name_is_that_on_the_wire() {
    let rows: Vec<&str> = std::iter::once("draft").chain(POSSIBLE.iter().map(|(name, _)| *name)).collect();
    assert_eq!(commands().map(|command| command.name()).to_vec(), rows);
    for command in commands() {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::ServiceEvaluation, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn an_evaluation_that_does_not_exist_is_not_found_and_one_that_exists_is_not_drafted_again() {
    let [draft, others @ ..] = commands();
    for command in others {
        assert_eq!(code(&desk(), command), Some(Code::NotFound));
    }
    assert_eq!(code(&a_draft(), draft), Some(Code::AlreadyExists));
}

/// What somebody may, once the state allows it.
fn may(acting: impl Fn(Given) -> Given) -> Vec<&'static str> {
    use Status::{Appealed, Draft, Submitted};
    let [_, others @ ..] = commands();
    let tried = others.into_iter().zip([Draft, Draft, Submitted, Appealed, Submitted, Submitted]);
    tried
        .filter(|(command, from)| code(&acting(an_evaluation(*from)), command.clone()) != Some(Code::Forbidden))
        .map(|(command, _)| command.name())
        .collect()
}

#[test]
fn the_evaluator_judges_the_rated_appeal_and_supervisors_decide() {
    let agent = |id| move |given: Given| given.by_agent(id);
    assert_eq!(may(agent(ANNA)), ["score", "submit", "finalize", "raise_action"]);
    assert_eq!(may(agent(BORIS)), ["appeal"]);
    assert_eq!(may(agent(VERA)), ["appeal", "decide_appeal", "finalize", "raise_action"]);
    assert_eq!(may(agent(CARL)), [""; 0]);
    assert_eq!(may(agent(NOBODY)), [""; 0]);
    let all: Vec<_> = POSSIBLE.iter().map(|(name, _)| *name).collect();
    for (kind, expected) in [
        (ActorKind::System, &all[..]),
        (ActorKind::Service, &all[..]),
        (ActorKind::Customer, &[]),
        (ActorKind::Rule, &[]),
    ] {
        assert_eq!(may(|given| given.by(kind)), expected, "{kind:?}");
    }
}

#[test]
fn who_may_is_asked_before_what_the_state_allows() {
    assert_eq!(code(&an_evaluation(Status::Finalized).by_agent(CARL), submit()), Some(Code::Forbidden));
    assert_eq!(code(&an_evaluation(Status::Draft).by_agent(BORIS), score("clean", 10)), Some(Code::Forbidden));
}
