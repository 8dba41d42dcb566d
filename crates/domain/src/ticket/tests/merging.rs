//! Two tickets become one, and two again.

use super::*;

fn two() -> World {
    world().opened(T).opened(U)
}

#[test]
fn a_merge_and_its_undoing_are_an_event_on_each_side() {
    assert_eq!(two().events(T, "merge", json!({"loser": U})), ["TicketMerged", "TicketMergedInto@101"]);
    let merged = two().send(T, "merge", json!({"loser": U}));
    assert_eq!(merged.when(T, "merge", json!({"loser": U})), Ok(Decision::already()));
    assert_eq!(merged.events(T, "unmerge", json!({"loser": U})), ["TicketUnmerged", "TicketRestoredFromMerge@101"]);
    let apart = merged.send(T, "unmerge", json!({"loser": U}));
    assert_eq!((apart.state(T).links, apart.state(U).links), Default::default());
    assert_eq!(apart.when(T, "unmerge", json!({"loser": U})), Ok(Decision::already()));
}

#[test]
fn an_unmerged_ticket_is_what_it_was() {
    for status in [Status::New, Status::Open, Status::Pending, Status::OnHold] {
        let merged = world().ticket_in(U, status).opened(T).send(T, "merge", json!({"loser": U}));
        assert_eq!(merged.status(U), Status::Merged);
        assert_eq!(merged.send(T, "unmerge", json!({"loser": U})).status(U), status);
    }
}

#[test]
fn a_chain_of_merged_tickets_comes_apart_in_any_order_as_it_was() {
    let before = world().ticket_in(T, Status::OnHold).ticket_in(U, Status::Pending).opened(V);
    let into = |loser: TicketId| json!({"loser": loser});
    let chain = before.clone().send(U, "merge", into(T)).send(V, "merge", into(U));
    let seen = |world: &World| [T, U, V].map(|id| (world.status(id), world.state(id).links));
    let inner_first = chain.clone().send(U, "unmerge", into(T));
    assert_eq!((inner_first.status(T), inner_first.status(U)), (Status::OnHold, Status::Merged));
    let outer_first = chain.send(V, "unmerge", into(U));
    assert_eq!((outer_first.status(T), outer_first.status(U)), (Status::Merged, Status::Pending));
    for apart in [inner_first.send(V, "unmerge", into(U)), outer_first.send(U, "unmerge", into(T))] {
        assert_eq!(seen(&apart), seen(&before));
    }
}

#[test]
fn a_ticket_is_not_merged_into_itself_nor_with_one_that_is_not_there() {
    assert_eq!(two().code(T, "merge", json!({"loser": T})), Code::SelfMerge);
    assert_eq!(two().code(T, "merge", json!({"loser": NONE})), Code::ReferenceMissing);
    assert_eq!(two().code(T, "unmerge", json!({"loser": NONE})), Code::ReferenceMissing);
}

#[test]
fn a_ticket_merged_elsewhere_names_its_survivor() {
    let merged = two().opened(V).send(T, "merge", json!({"loser": U}));
    for (id, data) in [(V, json!({"loser": U})), (U, json!({"loser": V}))] {
        let refused = merged.rejection(id, "merge", data);
        assert_eq!((refused.code, &refused.facts["survivor"]), (Code::MergedInto, &json!(T)));
    }
    assert_eq!(merged.when(V, "unmerge", json!({"loser": U})), Ok(Decision::already()), "it is not merged into that");
}

#[test]
fn only_unfinished_tickets_are_merged() {
    for status in [Status::Resolved, Status::Closed, Status::Cancelled] {
        let ended = world().ticket_in(T, status).opened(U);
        for (id, data) in [(T, json!({"loser": U})), (U, json!({"loser": T}))] {
            let refused = ended.rejection(id, "merge", data);
            assert_eq!((refused.code, &refused.facts["from"]), (Code::InvalidTransition, &json!(status.name())));
        }
    }
}

#[test]
fn tickets_of_different_customers_are_merged_by_supervisors_only() {
    let apart = world().opened(T).send(U, "open", opening(MEI));
    assert_eq!(apart.code(T, "merge", json!({"loser": U})), Code::CustomerMismatch);
    assert_eq!(apart.code(T, "merge", json!({"loser": U, "override": true})), Code::Forbidden);
    assert!(apart.clone().by(SVEN).when(T, "merge", json!({"loser": U, "override": true})).is_ok());
    let erased = apart.happened(MEI.stream(), customer::Event::CustomerErased { inquiries: Vec::new() }).by(SVEN);
    assert_eq!(erased.code(T, "merge", json!({"loser": U, "override": true})), Code::SubjectErased);
}

#[test]
fn customers_who_were_merged_count_as_one() {
    let merged = world()
        .opened(T)
        .send(U, "open", opening(MEI))
        .happened(MEI.stream(), customer::Event::CustomerMergedInto { survivor: LI });
    assert!(merged.when(T, "merge", json!({"loser": U})).is_ok());
    assert!(merged.when(U, "merge", json!({"loser": T})).is_ok());
}
