//! Every state and every command: where it leads, or that it is refused.

use super::*;

use Status::{Answered, Assigned, AwaitingCustomer, Closed, Converted, Received, Spam};

/// Where each command of [`commands`] leads; `None` where it is refused. The inquiry is in Anna's hands where it is
/// assigned, awaits the customer or is closed. It is converted once it was identified.
#[rustfmt::skip]
const TABLE: [(Status, [Option<Status>; 8]); 7] = [
    // from             identify                assign                  answer          customer's reply  convert          close         reopen          mark_spam
    (Received,         [Some(Received),         Some(Assigned),         Some(Answered), Some(Received),   Some(Converted), Some(Closed), None,           Some(Spam)]),
    (Assigned,         [Some(Assigned),         Some(Assigned),         Some(Answered), Some(Assigned),   Some(Converted), Some(Closed), None,           Some(Spam)]),
    (Answered,         [Some(Answered),         Some(Answered),         Some(Answered), Some(Received),   Some(Converted), Some(Closed), None,           Some(Spam)]),
    (AwaitingCustomer, [Some(AwaitingCustomer), Some(AwaitingCustomer), Some(Answered), Some(Assigned),   Some(Converted), Some(Closed), None,           Some(Spam)]),
    (Closed,           [Some(Closed),           None,                   None,           Some(Assigned),   None,            None,         Some(Assigned), None]),
    (Converted,        [None,                   None,                   None,           None,             None,            None,         None,           None]),
    (Spam,             [Some(Spam),             None,                   None,           None,             None,            None,         None,           None]),
];

#[test]
fn every_command_leads_from_every_state_to_where_the_table_says() {
    for (from, row) in TABLE {
        for (command, to) in commands().into_iter().zip(row) {
            let world = world().in_state(from);
            let is_to_be_identified = command.name() == "convert" && to.is_some();
            let world = if is_to_be_identified { world.sent(commands()[0].clone()) } else { world };
            let shown = format!("{} from {}", command.name(), from.name());
            match to {
                Some(to) => assert_eq!(world.sent(command).inquiry.status, to, "{shown}"),
                None => {
                    let rejection = world.given.when(I.stream(), command.clone()).expect_err(&shown);
                    let facts = json!({"from": from.name(), "command": command.name(), "allowed": from.allowed()});
                    let mut told = Value::Object(rejection.facts);
                    let ticket = told.as_object_mut().unwrap().remove("ticket");
                    assert_eq!((rejection.code, told), (Code::InvalidTransition, facts), "{shown}");
                    assert_eq!(ticket, (from == Converted).then(|| json!(T)), "{shown}");
                }
            }
        }
    }
}

#[test]
fn what_is_said_to_be_allowed_is_what_the_table_allows() {
    for (from, row) in TABLE {
        let possible = commands().into_iter().zip(row).filter(|(_, to)| to.is_some());
        let possible: Vec<&str> = possible.map(|(command, _)| command.name()).collect();
        assert_eq!(from.allowed(), possible, "{}", from.name());
        assert_eq!(from.unfinished(), possible.contains(&"close"), "{}", from.name());
    }
}

#[test]
fn a_command_is_named_as_it_is_on_the_wire() {
    for command in commands().into_iter().chain([command("receive", asked())]) {
        let (name, content) = crate::Command::from(command.clone()).write().unwrap();
        assert_eq!(name, command.name());
        assert_eq!(crate::Command::read(Category::Inquiry, &name, &content).unwrap(), command.into());
    }
}

#[test]
fn customers_do_what_customers_do() {
    let by_customer = |status| world().in_state(status).by(ActorKind::Customer);
    for command in commands() {
        let allowed = ["receive_customer_reply", "close", "reopen"].contains(&command.name());
        let status = if command.name() == "reopen" { Closed } else { Assigned };
        let outcome = by_customer(status).given.when(I.stream(), command.clone()).map_err(|rejection| rejection.code);
        match allowed {
            true => assert!(outcome.is_ok(), "{} {outcome:?}", command.name()),
            false => assert_eq!(outcome, Err(Code::Forbidden), "{}", command.name()),
        }
    }
    assert!(world().by(ActorKind::Customer).when("receive", asked()).is_ok());
}

#[test]
fn the_inquiry_of_an_erased_customer_can_only_be_wound_up() {
    let erased = world().received(asked_by(MEI)).erased(MEI);
    for command in commands() {
        let winds_up = ["close", "mark_spam"].contains(&command.name());
        let code = erased.given.when(I.stream(), command.clone()).err().map(|rejection| rejection.code);
        assert_eq!(code, (!winds_up).then_some(Code::SubjectErased), "{}", command.name());
    }
    let by_survivor = world().received(asked_by(MEI)).and(LI.stream(), customer::Command::Merge { loser: MEI });
    assert_eq!(by_survivor.erased(LI).code("answer", json!({"body": "Soon."})), Code::SubjectErased);
}
