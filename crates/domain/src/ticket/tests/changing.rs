//! Classification, priority, escalation, tags, watchers, time, replies and notes.

use super::*;

#[test]
fn classifying_changes_what_is_given() {
    let open = world().opened(T);
    let classified = open.clone().send(T, "classify", json!({"type": "problem"})).state(T).matter.unwrap();
    assert_eq!(classified.ticket_type, TicketType::Problem);
    assert_eq!(classified.category.levels().len(), 2);
    for same in [json!({}), json!({"type": "incident"}), json!({"category": ["hardware", "printer"]})] {
        assert_eq!(open.when(T, "classify", same), Ok(Decision::already()));
    }
    assert!(open.send(T, "classify", json!({"category": []})).state(T).matter.unwrap().category.levels().is_empty());
}

#[test]
fn the_priority_is_overridden_with_a_reason_and_follows_the_matrix_again() {
    let open = world().opened(T);
    let priority = |world: &World| world.state(T).matter.unwrap().priority;
    let refused = open.rejection(T, "change_priority", json!({"priority": "P1"}));
    assert_eq!((refused.code, refused.errors[0].pointer.as_str()), (Code::Validation, "/data/reason"));
    let overridden = open.send(T, "change_priority", json!({"priority": "P1", "reason": "the CEO"}));
    assert_eq!(priority(&overridden), Priority::P1);
    assert_eq!(
        overridden.when(T, "change_priority", json!({"priority": "P1", "reason": "the CEO"})),
        Ok(Decision::already())
    );
    let by_matrix = overridden.send(T, "change_priority", json!({"impact": 2}));
    assert_eq!((priority(&by_matrix), by_matrix.state(T).matter.unwrap().priority_reason), (Priority::P2, None));
    assert_eq!(by_matrix.when(T, "change_priority", json!({"priority": "P2"})), Ok(Decision::already()));
    let AnyEvent::Ticket(Event::TicketPrioritized { from, to, overridden, .. }) = &by_matrix.events.last().unwrap().1
    else {
        panic!("not prioritized")
    };
    assert_eq!((*from, *to, *overridden), (Priority::P1, Priority::P2, false));
}

#[test]
fn escalating_raises_and_deescalating_lowers_the_level() {
    let second = world().opened(T).send(T, "escalate", json!({"level": 2, "cause": "loud"}));
    assert_eq!(second.when(T, "escalate", json!({"level": 2, "cause": "again"})), Ok(Decision::already()));
    assert_eq!(second.code(T, "escalate", json!({"level": 1, "cause": "less"})), Code::Validation);
    assert_eq!(second.code(T, "deescalate", json!({"level": 3})), Code::Validation);
    let first = second.send(T, "deescalate", json!({"level": 1}));
    assert_eq!(first.state(T).escalation.map(EscalationLevel::get), Some(1));
    let none = first.send(T, "deescalate", json!({}));
    assert_eq!((none.state(T).escalation, none.when(T, "deescalate", json!({}))), (None, Ok(Decision::already())));
}

#[test]
fn tags_and_watchers_are_added_once_and_removed_once() {
    for (add, remove, data) in
        [("tag", "untag", json!({"tag": "printer"})), ("add_watcher", "remove_watcher", json!({"agent": SVEN}))]
    {
        let without = world().opened(T);
        assert_eq!(without.when(T, remove, data.clone()), Ok(Decision::already()));
        let with = without.send(T, add, data.clone());
        assert_eq!(with.when(T, add, data.clone()), Ok(Decision::already()));
        assert_eq!(with.events(T, remove, data.clone()).len(), 1);
        assert_eq!(with.send(T, remove, data.clone()).when(T, remove, data), Ok(Decision::already()));
    }
}

#[test]
fn a_watcher_exists_and_a_ticket_has_at_most_fifty() {
    let agent = |n: usize| AgentId(Uuid::from_u128(1_000 + n as u128));
    assert_eq!(world().opened(T).code(T, "add_watcher", json!({"agent": agent(0)})), Code::ReferenceMissing);
    let watched = (0..WATCHERS_MAX)
        .fold(world().opened(T), |world, n| world.happened(T.stream(), Event::TicketWatcherAdded { agent: agent(n) }));
    assert_eq!(watched.code(T, "add_watcher", json!({"agent": ANNA})), Code::LimitExceeded);
}

#[test]
fn time_is_logged_in_seconds_by_the_agent() {
    let logged = world().opened(T).when(T, "log_time", json!({"seconds": 900})).unwrap();
    let expected = Event::TimeLogged { seconds: LoggedSeconds::try_from(900).unwrap(), agent: Some(ANNA) };
    assert_eq!(logged.events, [(T.stream(), expected.into())]);
    assert!(LoggedSeconds::try_from(0).is_err());
    assert!(LoggedSeconds::try_from(LOGGED_S_MAX + 1).is_err());
}

#[test]
fn the_first_public_reply_of_a_human_agent_counts_and_no_other() {
    let first = |world: &World, public: bool| {
        let decision = world.when(T, "reply", json!({"body": "hello", "public": public})).unwrap();
        let AnyEvent::Ticket(Event::AgentReplied { first_public, message_id, status, .. }) = decision.events[0].1
        else {
            panic!("not replied")
        };
        assert_eq!(message_id, MESSAGE);
        (first_public, status)
    };
    let open = world().opened(T);
    assert_eq!(first(&open, true), (true, Status::Open));
    assert_eq!(first(&open, false), (false, Status::New), "not in public");
    for machine in [ActorKind::Rule, ActorKind::Service, ActorKind::System] {
        assert_eq!(first(&open.clone().by_kind(machine), true), (false, Status::New), "{}", machine.name());
    }
    let noted = open.send(T, "add_note", json!({"body": "a note"}));
    assert_eq!(first(&noted, true), (true, Status::Open));
    let replied = noted.send(T, "reply", json!({"body": "hello", "public": true}));
    assert_eq!(first(&replied, true), (false, Status::Open));
}

#[test]
fn a_ticket_has_at_most_ten_thousand_messages() {
    let full = Event::TicketSplitFrom { origin: U, messages: (0..MESSAGES_MAX as u128).map(Uuid::from_u128).collect() };
    let world = world().opened(T).happened(T.stream(), full);
    for (name, data) in [
        ("reply", json!({"body": "a", "public": true})),
        ("add_note", json!({"body": "a"})),
        ("receive_customer_reply", json!({"body": "a"})),
    ] {
        assert_eq!(world.code(T, name, data), Code::LimitExceeded, "{name}");
    }
    let resolved = world.resolved(T);
    assert_eq!(resolved.code(T, "receive_customer_reply", json!({"body": "a"})), Code::LimitExceeded);
}
