//! Teams, agents and their capacity.

use super::*;

/// Tickets 0 to `count − 1`, all Anna's.
fn annas(count: u128) -> World {
    (0..count).fold(world(), |world, n| world.opened(ticket(n)).send(ticket(n), "assign", json!({"agent": ANNA})))
}

#[test]
fn assigning_takes_up_a_new_ticket_and_claims_capacity() {
    let world = world().opened(T);
    let decision = world.when(T, "assign", json!({"agent": ANNA})).unwrap();
    let assigned = Event::TicketAssigned { from: None, to: ANNA, overridden: false, status: Status::Open };
    assert_eq!(decision.events, [(T.stream(), assigned.into())]);
    let kind = ClaimKind::Counted { weight: 1, limit: 2 };
    assert_eq!(decision.claims, [ClaimChange::Take { key: capacity_claim(ANNA), holder: T.stream(), kind }]);
    assert_eq!(world.accept(decision).load(ANNA), 1);
}

#[test]
fn an_agent_takes_no_more_than_the_capacity() {
    let full = annas(2).opened(T);
    let refused = full.rejection(T, "assign", json!({"agent": ANNA}));
    assert_eq!(refused.code, Code::Capacity);
    assert_eq!((&refused.facts["limit"], &refused.facts["taken"]), (&json!(2), &json!(2)));
    let one_less = full.send(ticket(0), "unassign", json!({}));
    assert_eq!(one_less.send(T, "assign", json!({"agent": ANNA})).load(ANNA), 2);
}

#[test]
fn a_supervisor_goes_beyond_the_capacity_and_nobody_else_does() {
    let full = annas(2).opened(T);
    let beyond = json!({"agent": ANNA, "override": true});
    assert_eq!(full.code(T, "assign", beyond.clone()), Code::Forbidden);
    assert_eq!(full.clone().by_kind(ActorKind::Rule).code(T, "assign", beyond.clone()), Code::Forbidden);
    let decision = full.by(SVEN).when(T, "assign", beyond).unwrap();
    let kind = ClaimKind::Counted { weight: 1, limit: u32::MAX };
    assert_eq!(decision.claims, [ClaimChange::Take { key: capacity_claim(ANNA), holder: T.stream(), kind }]);
}

#[test]
fn an_agent_must_exist_be_active_and_in_the_team() {
    let first = world().opened(T).send(T, "route", json!({"team": FIRST}));
    let nobody = AgentId(Uuid::from_u128(99));
    assert_eq!(first.code(T, "assign", json!({"agent": nobody})), Code::ReferenceMissing);
    assert_eq!(first.code(T, "assign", json!({"agent": OLGA})), Code::AgentInactive);
    assert_eq!(first.code(T, "assign", json!({"agent": SVEN})), Code::AgentNotInTeam);
    assert_eq!(first.code(T, "assign", json!({"agent": SVEN, "override": true})), Code::Forbidden);
    assert_eq!(
        first.clone().by(SVEN).code(T, "assign", json!({"agent": SVEN, "override": true})),
        Code::AgentNotInTeam
    );
    let nowhere = TeamId(Uuid::from_u128(99));
    assert_eq!(first.code(T, "assign", json!({"agent": ANNA, "team": nowhere})), Code::ReferenceMissing);
    assert_eq!(first.code(T, "route", json!({"team": nowhere})), Code::ReferenceMissing);
    let both = first.events(T, "assign", json!({"agent": SVEN, "team": SECOND}));
    assert_eq!(both, ["TicketRouted", "TicketAssigned"]);
}

#[test]
fn a_ticket_without_a_team_goes_to_anybody() {
    assert_eq!(world().opened(T).events(T, "assign", json!({"agent": SVEN})), ["TicketAssigned"]);
}

#[test]
fn reassigning_moves_the_claim() {
    let moved = annas(1).send(ticket(0), "assign", json!({"agent": BORIS}));
    assert_eq!((moved.load(ANNA), moved.load(BORIS)), (0, 1));
}

#[test]
fn whatever_ends_the_work_gives_the_capacity_back() {
    let unassigned = annas(1).send(ticket(0), "unassign", json!({}));
    assert_eq!((unassigned.load(ANNA), unassigned.status(ticket(0))), (0, Status::Open));
    for status in [Status::Resolved, Status::Closed, Status::Merged, Status::Cancelled] {
        assert_eq!(world().ticket_in(T, status).load(ANNA), 0, "{}", status.name());
    }
    for status in [Status::Open, Status::Pending, Status::OnHold] {
        assert_eq!(world().ticket_in(T, status).load(ANNA), 1, "{}", status.name());
    }
}

#[test]
fn a_ticket_that_comes_back_claims_capacity_again() {
    let back = [
        (Status::Resolved, T, "reopen", json!({})),
        (Status::Resolved, T, "reject_resolution", json!({})),
        (Status::Resolved, T, "receive_customer_reply", json!({"body": "again"})),
        (Status::Closed, T, "reopen", json!({})),
        (Status::Cancelled, T, "restore", json!({})),
        (Status::Merged, V, "unmerge", json!({"loser": T})),
    ];
    for (status, id, name, data) in back {
        let world = world().ticket_in(T, status).by(SVEN);
        let returned = world.clone().send(id, name, data.clone());
        assert_eq!((returned.load(ANNA), returned.state(T).standing.assignee), (1, Some(ANNA)), "{name}");
        let full = [ticket(0), ticket(1)]
            .into_iter()
            .fold(world, |world, id| world.opened(id).send(id, "assign", json!({"agent": ANNA})));
        let unassigned = full.send(id, name, data);
        assert_eq!((unassigned.load(ANNA), unassigned.state(T).standing.assignee), (2, None), "{name}");
    }
}

#[test]
fn a_ticket_comes_back_unassigned_if_its_agent_is_not_active_any_more_or_left_the_team() {
    let resolved = world().opened(T).send(T, "route", json!({"team": FIRST})).resolved(T);
    let availability = agent::Availability::Offline;
    let offline = resolved.clone().happened(ANNA.stream(), agent::Event::AgentAvailabilityChanged { availability });
    let left = resolved.clone().happened(FIRST.stream(), team::Event::TeamMemberRemoved { agent: ANNA });
    assert_eq!(resolved.events(T, "reopen", json!({})), ["TicketReopened"]);
    assert_eq!(offline.events(T, "reopen", json!({})), ["TicketReopened", "TicketUnassigned"]);
    assert_eq!(left.events(T, "reopen", json!({})), ["TicketReopened", "TicketUnassigned"]);
}

#[test]
fn routing_to_another_team_keeps_only_an_assignee_who_is_in_it() {
    let annas = annas(1).send(ticket(0), "route", json!({"team": FIRST}));
    assert_eq!(annas.events(ticket(0), "route", json!({"team": SECOND})), ["TicketRouted", "TicketUnassigned"]);
    let boris = annas.send(ticket(0), "assign", json!({"agent": BORIS}));
    assert_eq!(boris.events(ticket(0), "route", json!({"team": SECOND})), ["TicketRouted"]);
    assert_eq!(boris.events(ticket(0), "assign", json!({"agent": BORIS, "team": SECOND})), ["TicketRouted"]);
}

#[test]
fn assigning_again_changes_nothing() {
    let annas = annas(1).send(ticket(0), "route", json!({"team": FIRST}));
    for data in [json!({"agent": ANNA}), json!({"agent": ANNA, "team": FIRST})] {
        assert_eq!(annas.when(ticket(0), "assign", data), Ok(Decision::already()));
    }
    assert_eq!(annas.when(ticket(0), "route", json!({"team": FIRST})), Ok(Decision::already()));
    let nobodys = annas.send(ticket(0), "unassign", json!({}));
    assert_eq!(nobodys.when(ticket(0), "unassign", json!({})), Ok(Decision::already()));
}
