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
