//! Every command in every state, word for word, and what each cell means.

use super::*;
use crate::feedback::transitions::{TABLE, allowed};

/// What becomes of a command that can be decided: another state, nothing since it is so already, a refusal, or a refusal
/// unless the complaint is withdrawn.
const ALREADY: &str = "already";
const NO: &str = "✗";
const ANSWERED: &str = "answered";
const WITHDRAWN: &str = "→closed if withdrawn";
/// The state does not refuse it, and stays.
const STAY: &str = "stay";

const SURVEY: [&str; 4] = ["remind", "submit", "amend", "expire"];
/// What asks for a need: possible at any time of a complaint or remark.
const WISH: [&str; 2] = ["raise_need", "link_to_need"];
const COMPLAINT: [&str; 7] =
    ["acknowledge", "start_investigation", "offer_remedy", "accept_remedy", "reject_remedy", "escalate", "close"];

#[rustfmt::skip]
const SURVEYS: [(Status, [&str; 4]); 5] = [
    (Status::Requested, ["→reminded", "→responded", NO, "→expired"]),
    (Status::Reminded,  [ALREADY, "→responded", NO, "→expired"]),
    (Status::Responded, [NO, ANSWERED, "→amended", ALREADY]),
    (Status::Amended,   [NO, ANSWERED, "→amended", ALREADY]),
    (Status::Expired,   [NO, NO, NO, ALREADY]),
];

#[rustfmt::skip]
const COMPLAINTS: [(Status, [&str; 7]); 8] = [
    (Status::Received,      ["→acknowledged", NO, NO, NO, NO, NO, WITHDRAWN]),
    (Status::Acknowledged,  [ALREADY, "→investigating", NO, NO, NO, NO, WITHDRAWN]),
    (Status::Investigating, [NO, ALREADY, "→remedy_offered", NO, NO, NO, WITHDRAWN]),
    (Status::RemedyOffered, [NO, NO, NO, "→accepted", "→rejected", NO, WITHDRAWN]),
    (Status::Accepted,      [NO, NO, NO, ALREADY, NO, NO, "→closed"]),
    (Status::Rejected,      [NO, NO, NO, NO, ALREADY, "→escalated", WITHDRAWN]),
    (Status::Escalated,     [NO, NO, "→remedy_offered", NO, NO, ALREADY, "→closed"]),
    (Status::Closed,        [NO, NO, NO, NO, NO, NO, NO]),
];

/// All cells; what belongs to another course is refused.
fn cells() -> Vec<(Status, &'static str, &'static str)> {
    let all = |status: Status, own: &[(&'static str, &'static str)]| -> Vec<_> {
        let cell = |name| own.iter().find(|(column, _)| *column == name).map_or(NO, |(_, cell)| *cell);
        SURVEY.into_iter().chain(COMPLAINT).chain(WISH).map(|name| (status, name, cell(name))).collect()
    };
    let wish = WISH.map(|name| (name, STAY));
    let surveys =
        SURVEYS.into_iter().flat_map(|(status, row)| all(status, &SURVEY.into_iter().zip(row).collect::<Vec<_>>()));
    let complaints = COMPLAINTS
        .into_iter()
        .flat_map(|(status, row)| all(status, &COMPLAINT.into_iter().zip(row).chain(wish).collect::<Vec<_>>()));
    surveys.chain(complaints).chain(all(Status::Submitted, &wish)).collect()
}

fn sample(name: &str) -> Command {
    samples::commands().into_iter().find(|command| command.name() == name).unwrap()
}

/// In this state, when a timer would be due if the command is a timer's.
fn at_its_time(status: Status, name: &str) -> Given {
    let given = feedback_in(status);
    if name == "expire" { given.by(ActorKind::System).at(monday() + TimeDelta::days(14)) } else { given }
}

fn status_after(decision: &Decision) -> Status {
    match &decision.events[..] {
        [(_, AnyEvent::Feedback(event))] => event.status().expect("another status"),
        other => panic!("{other:?}"),
    }
}

fn check_refused(rejection: &Rejection, code: Code, from: Status, command: &str) {
    assert_eq!(rejection.code, code);
    assert_eq!((&rejection.facts["from"], &rejection.facts["command"]), (&json!(from.name()), &json!(command)));
    assert_eq!(rejection.facts["allowed"], json!(allowed(from)));
}

fn check_cell(status: Status, name: &str, cell: &str) {
    let given = at_its_time(status, name);
    let outcome = given.when(F.stream(), sample(name));
    match cell {
        NO => check_refused(&outcome.unwrap_err(), Code::InvalidTransition, status, name),
        ANSWERED => check_refused(&outcome.unwrap_err(), Code::AlreadyAnswered, status, name),
        ALREADY => assert_eq!(outcome, Ok(Decision::already())),
        STAY => {
            let refused = outcome.err().map(|rejection| rejection.code);
            assert!(matches!(refused, None | Some(Code::ReferenceMissing | Code::Validation)), "{refused:?}");
        }
        WITHDRAWN => {
            check_refused(&outcome.unwrap_err(), Code::InvalidTransition, status, name);
            let withdrawn = when(&given, name, json!({"outcome": "withdrawn"})).unwrap();
            assert_eq!(status_after(&withdrawn), Status::Closed);
        }
        to => assert_eq!(format!("→{}", status_after(&outcome.unwrap()).name()), to),
    }
}

#[test]
fn every_command_does_in_every_state_what_the_table_says() {
    let cells = cells();
    assert_eq!(cells.len(), Status::ALL.len() * TABLE.len());
    for (status, name, cell) in cells {
        let checked = std::panic::catch_unwind(|| check_cell(status, name, cell));
        assert!(checked.is_ok(), "from {}, {name}: {cell}", status.name());
    }
}

#[test]
fn every_state_that_an_event_tells_is_the_one_that_its_feedback_is_in() {
    for status in Status::ALL {
        let given = feedback_in(*status);
        let refused = given.when(F.stream(), samples::beginnings().remove(0)).unwrap_err();
        assert_eq!(refused.code, Code::AlreadyExists, "{}", status.name());
        let told = given.when(F.stream(), sample(if *status == Status::Received { "submit" } else { "acknowledge" }));
        match told {
            Err(rejection) => assert_eq!(rejection.facts["from"], json!(status.name())),
            Ok(decision) => assert_eq!((decision, *status), (Decision::already(), Status::Acknowledged)),
        }
    }
}

#[test]
fn every_command_that_begins_nothing_has_a_row() {
    let names: Vec<&str> = samples::commands().iter().map(Command::name).collect();
    assert_eq!(names, TABLE.iter().map(|(name, _)| *name).collect::<Vec<_>>());
}

#[test]
fn a_command_is_named_as_it_is_on_the_wire() {
    for command in samples::beginnings().into_iter().chain(samples::commands()) {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::Feedback, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn feedback_that_does_not_exist_is_not_found_and_begins_once() {
    for command in samples::commands() {
        assert_eq!(world().when(F.stream(), command).unwrap_err().code, Code::NotFound);
    }
    for command in samples::beginnings() {
        let begun = world().then(F.stream(), command.clone());
        assert_eq!(begun.when(F.stream(), command).unwrap_err().code, Code::AlreadyExists);
    }
}

#[test]
fn customers_do_what_customers_do_and_the_timer_what_timers_do() {
    const CUSTOMERS: [&str; 8] =
        ["file_complaint", "suggest", "praise", "submit", "amend", "accept_remedy", "reject_remedy", "escalate"];
    let forbidden = |given: &Given, command: &Command| {
        given.when(F.stream(), command.clone()).is_err_and(|rejection| rejection.code == Code::Forbidden)
    };
    let begun = feedback_in(Status::Requested);
    let beginnings = samples::beginnings().into_iter().map(|command| (world(), command));
    let others = samples::commands().into_iter().map(|command| (begun.clone(), command));
    for (given, command) in beginnings.chain(others) {
        let name = command.name();
        let may = |kind| !forbidden(&given.clone().by(kind), &command);
        assert_eq!(may(ActorKind::Customer), CUSTOMERS.contains(&name), "{name}");
        for kind in [ActorKind::Agent, ActorKind::Service, ActorKind::Rule] {
            assert_eq!(may(kind), name != "expire", "{name}");
        }
        assert!(may(ActorKind::System), "{name}");
    }
}

#[test]
fn after_an_erasure_only_what_stores_nothing_and_ends_something_is_possible() {
    let erased = (LI.stream(), AnyEvent::from(customer::Event::CustomerErased { inquiries: Vec::new() }));
    for (status, name, cell) in cells().into_iter().filter(|(_, _, cell)| ![NO, ANSWERED].contains(cell)) {
        let gone = at_its_time(status, name).with(erased.clone());
        let outcome = gone.when(F.stream(), sample(name));
        match name {
            "expire" => assert!(outcome.is_ok(), "from {}, {name}: {outcome:?}", status.name()),
            "close" => {
                assert!(when(&gone, name, json!({"outcome": "withdrawn"})).is_ok(), "from {}: {cell}", status.name());
            }
            _ => assert_eq!(outcome.unwrap_err().code, Code::SubjectErased, "from {}, {name}", status.name()),
        }
    }
    for command in samples::beginnings() {
        let outcome = world().with(erased.clone()).when(F.stream(), command);
        assert_eq!(outcome.unwrap_err().code, Code::SubjectErased);
    }
}
