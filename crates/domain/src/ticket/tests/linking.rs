//! Links between tickets: blockers, parents, relations, duplicates, splits.

use super::*;

/// A way to link, its undoing, the kind of data, and the events on both sides.
struct Way {
    link: &'static str,
    unlink: &'static str,
    data: fn(TicketId) -> Value,
    linked: [&'static str; 2],
    unlinked: [&'static str; 2],
    acyclic: bool,
}

const WAYS: [Way; 4] = [
    Way {
        link: "block",
        unlink: "unblock",
        data: |id| json!({"blocked_by": id}),
        linked: ["TicketBlocked", "TicketBlocks@101"],
        unlinked: ["TicketUnblocked", "TicketBlocksNoMore@101"],
        acyclic: true,
    },
    Way {
        link: "set_parent",
        unlink: "unset_parent",
        data: |id| json!({"parent": id}),
        linked: ["TicketParented", "TicketChildAdded@101"],
        unlinked: ["TicketUnparented", "TicketChildRemoved@101"],
        acyclic: true,
    },
    Way {
        link: "mark_duplicate_of",
        unlink: "unmark_duplicate_of",
        data: |id| json!({"ticket": id}),
        linked: ["TicketMarkedDuplicate", "TicketDuplicateAdded@101"],
        unlinked: ["TicketUnmarkedDuplicate", "TicketDuplicateRemoved@101"],
        acyclic: true,
    },
    Way {
        link: "relate",
        unlink: "unrelate",
        data: |id| json!({"ticket": id}),
        linked: ["TicketRelated", "TicketRelated@101"],
        unlinked: ["TicketUnrelated", "TicketUnrelated@101"],
        acyclic: false,
    },
];

impl Way {
    fn undoing(&self, id: TicketId) -> Value {
        if ["unblock", "unrelate"].contains(&self.unlink) { (self.data)(id) } else { json!({}) }
    }
}

#[test]
fn a_link_and_its_undoing_are_an_event_on_each_side() {
    for way in WAYS {
        let apart = world().opened(T).opened(U);
        assert_eq!(apart.when(T, way.unlink, way.undoing(U)), Ok(Decision::already()), "{}", way.unlink);
        assert_eq!(apart.events(T, way.link, (way.data)(U)), way.linked);
        let linked = apart.send(T, way.link, (way.data)(U));
        assert_eq!(linked.when(T, way.link, (way.data)(U)), Ok(Decision::already()), "{}", way.link);
        assert_eq!(linked.events(T, way.unlink, way.undoing(U)), way.unlinked);
        let again = linked.send(T, way.unlink, way.undoing(U));
        assert_eq!((again.state(T).links, again.state(U).links), Default::default());
    }
}

#[test]
fn a_link_never_closes_a_circle() {
    for way in WAYS {
        let chain = world().opened(T).opened(U).opened(V).send(T, way.link, (way.data)(U));
        assert_eq!(chain.code(T, way.link, (way.data)(T)), Code::LinkCycle, "{} itself", way.link);
        if !way.acyclic {
            assert_eq!(chain.when(U, way.link, (way.data)(T)), Ok(Decision::already()), "related is related");
            continue;
        }
        assert_eq!(chain.code(U, way.link, (way.data)(T)), Code::LinkCycle, "{} of two", way.link);
        let longer = chain.send(U, way.link, (way.data)(V));
        assert_eq!(longer.code(V, way.link, (way.data)(T)), Code::LinkCycle, "{} of three", way.link);
        assert!(longer.when(V, "relate", json!({"ticket": T})).is_ok());
    }
}

#[test]
fn a_chain_longer_than_a_decision_reads_is_a_limit() {
    let chain = (0..11).fold(world(), |world, n| world.opened(ticket(n)));
    let chain = (0..9).fold(chain, |world, n| {
        world
            .happened(ticket(n).stream(), Event::TicketBlocked { blocked_by: ticket(n + 1) })
            .happened(ticket(n + 1).stream(), Event::TicketBlocks { blocked: ticket(n) })
    });
    assert_eq!(chain.code(ticket(10), "block", json!({"blocked_by": ticket(0)})), Code::LimitExceeded);
    assert!(chain.when(ticket(10), "block", json!({"blocked_by": ticket(4)})).is_ok());
}

#[test]
fn the_other_ticket_must_exist_and_not_be_merged() {
    let merged = world().opened(T).ticket_in(U, Status::Merged);
    for way in WAYS {
        assert_eq!(merged.code(T, way.link, (way.data)(NONE)), Code::ReferenceMissing, "{}", way.link);
        let refused = merged.rejection(T, way.link, (way.data)(U));
        assert_eq!((refused.code, &refused.facts["survivor"]), (Code::MergedInto, &json!(V)), "{}", way.link);
    }
}

#[test]
fn a_ticket_has_one_parent_and_is_a_duplicate_of_one() {
    for (name, data) in [("set_parent", "parent"), ("mark_duplicate_of", "ticket")] {
        let first = world().opened(T).opened(U).opened(V).send(T, name, json!({data: U}));
        assert_eq!(first.events(T, name, json!({data: V})).len(), 4);
        let second = first.send(T, name, json!({data: V}));
        assert_eq!(second.state(U).links, Links::default());
        let links = second.state(T).links;
        assert_eq!(links.parent.or(links.duplicate_of), Some(V));
    }
}

/// An event that adds a link of some kind.
type Full = fn(TicketId) -> Event;

#[test]
fn a_ticket_has_at_most_fifty_links_of_a_kind() {
    let full_of = |event: Full| {
        (0..LINKS_MAX as u128)
            .fold(world().opened(T).opened(U), |world, n| world.happened(T.stream(), event(ticket(n))))
    };
    let cases: [(Full, TicketId, &str, Value); 8] = [
        (|id| Event::TicketBlocked { blocked_by: id }, T, "block", json!({"blocked_by": U})),
        (|id| Event::TicketChildAdded { child: id }, T, "block", json!({"blocked_by": U})),
        (|id| Event::TicketBlocks { blocked: id }, U, "block", json!({"blocked_by": T})),
        (|id| Event::TicketChildAdded { child: id }, U, "set_parent", json!({"parent": T})),
        (|id| Event::TicketRelated { ticket: id }, T, "relate", json!({"ticket": U})),
        (|id| Event::TicketRelated { ticket: id }, U, "relate", json!({"ticket": T})),
        (|id| Event::TicketDuplicateAdded { duplicate: id }, U, "mark_duplicate_of", json!({"ticket": T})),
        (|id| Event::TicketMerged { loser: id }, T, "merge", json!({"loser": U})),
    ];
    for (event, id, name, data) in cases {
        assert_eq!(full_of(event).code(id, name, data), Code::LimitExceeded, "{name}");
    }
}

#[test]
fn messages_split_off_begin_a_new_ticket_like_the_first() {
    let talked = world()
        .opened(T)
        .send(T, "route", json!({"team": FIRST}))
        .send(T, "change_priority", json!({"priority": "P1", "reason": "the CEO"}))
        .send(T, "receive_customer_reply", json!({"body": "and another thing"}));
    let split = json!({"ticket": U, "messages": [MESSAGE], "subject": "Another thing"});
    let events = talked.events(T, "split", split.clone());
    assert_eq!(events, ["TicketSplitOff", "TicketOpened@101", "TicketSplitFrom@101"]);
    let apart = talked.send(T, "split", split);
    assert!(apart.state(T).messages.is_empty());
    let (old, new) = (apart.state(T), apart.state(U));
    assert!(new.messages.contains(&MESSAGE));
    assert_eq!((new.team, &new.tags, new.status()), (old.team, &old.tags, Status::New));
    let (old, new) = (old.matter.unwrap(), new.matter.unwrap());
    assert_eq!(new.subject, crate::personal::Personal::new(LI.0, Subject::parse("Another thing".to_owned()).unwrap()));
    assert_eq!(Matter { subject: old.subject.clone(), ..new }, old);
}

#[test]
fn a_split_takes_messages_of_the_ticket_and_a_new_id() {
    let talked = world().opened(T).opened(V).send(T, "receive_customer_reply", json!({"body": "a"}));
    let split = |ticket: TicketId, messages: Value| json!({"ticket": ticket, "messages": messages, "subject": "b"});
    let pointer = |messages: Value| {
        let refused = talked.rejection(T, "split", split(U, messages));
        (refused.code, refused.errors[0].pointer.clone())
    };
    assert_eq!(pointer(json!([])), (Code::Validation, "/data/messages".to_owned()));
    assert_eq!(pointer(json!([MESSAGE, U])), (Code::Validation, "/data/messages".to_owned()));
    for taken in [T, V] {
        assert_eq!(talked.code(T, "split", split(taken, json!([MESSAGE]))), Code::AlreadyExists);
    }
}
