//! What holds for every sequence of commands.

use proptest::prelude::*;

use super::*;

fn any_command() -> impl Strategy<Value = (Command, bool)> {
    let sampled = prop::sample::select(commands());
    let asking = Just(command("answer", json!({"body": "Which?", "awaits_customer": true})));
    let other = Just(command("identify", json!({"customer": MEI})));
    (prop_oneof![6 => sampled, 1 => asking, 1 => other], any::<bool>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_state_never_contradicts_itself(steps in prop::collection::vec(any_command(), 0..30)) {
        let mut world = world().received(asked());
        let mut first_answers = 0;
        let mut identified = 0;
        for (command, by_machine) in steps {
            world = if by_machine { world.by(ActorKind::Service) } else { world.by_agent(ANNA) };
            let before = world.inquiry.clone();
            let Ok(decision) = world.given.when(I.stream(), command.clone()) else { continue };
            prop_assert!(before.status.allowed().contains(&command.name()));
            for (_, event) in &decision.events {
                if let AnyEvent::Inquiry(Event::InquiryAnswered { first, by, .. }) = event {
                    prop_assert!(!first || by.is_some());
                    first_answers += usize::from(*first);
                }
                identified += usize::from(matches!(event, AnyEvent::Inquiry(Event::InquiryIdentified { .. })));
            }
            prop_assert_eq!(decision.claims.len(), usize::from(before.customer.is_none() && command.name() == "identify"));
            world = world.sent(command);
            let after = &world.inquiry;
            prop_assert!(before.customer.is_none() || after.customer == before.customer);
            prop_assert_eq!(after.ticket.is_some(), after.status == Status::Converted);
            prop_assert!(after.status != Status::Assigned || after.assignee.is_some());
            prop_assert!(after.status != Status::Received || after.assignee.is_none());
            prop_assert!(after.messages >= before.messages);
        }
        prop_assert!(first_answers <= 1 && identified <= 1);
        prop_assert_eq!(world.inquiry.is_answered, first_answers == 1);
    }
}
