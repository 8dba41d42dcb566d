//! Two needs become one, and two again.

use super::*;

fn two() -> World {
    world().captured(N).captured(M)
}

fn types(decision: &Decision) -> Vec<(StreamId, String)> {
    decision.events.iter().map(|(stream, event)| (*stream, event.write().unwrap().0)).collect()
}

#[test]
fn a_merge_and_its_undoing_are_an_event_on_each_side() {
    let loser = json!({"loser": M});
    let told = |survivor: &str, lost: &str| vec![(N.stream(), survivor.to_owned()), (M.stream(), lost.to_owned())];
    let merge = two().when(N, "merge", loser.clone()).unwrap();
    assert_eq!(types(&merge), told("NeedMerged", "NeedMergedInto"));
    let merged = two().send(N, "merge", loser.clone());
    assert!(merged.is_already(N, "merge", loser.clone()));
    let unmerge = merged.when(N, "unmerge", loser.clone()).unwrap();
    assert_eq!(types(&unmerge), told("NeedUnmerged", "NeedRestored"));
    let apart = merged.send(N, "unmerge", loser.clone());
    assert_eq!((apart.state(N), apart.state(M)), (two().state(N), two().state(M)));
    assert!(apart.is_already(N, "unmerge", loser));
}

#[test]
fn an_unmerged_need_is_what_it_was() {
    for status in [Status::Captured, Status::Qualified, Status::Planned] {
        let before = world().need_in(M, status).captured(N);
        let merged = before.clone().send(N, "merge", json!({"loser": M}));
        assert_eq!(merged.status(M), Status::Merged);
        assert_eq!(merged.send(N, "unmerge", json!({"loser": M})).state(M), before.state(M));
    }
}

#[test]
fn a_chain_comes_apart_in_any_order_exactly_as_it_was() {
    let before = world().need_in(N, Status::Qualified).need_in(M, Status::Planned).captured(O);
    let chain = before.clone().send(M, "merge", json!({"loser": N})).send(O, "merge", json!({"loser": M}));
    assert_eq!([N, M, O].map(|id| chain.status(id)), [Status::Merged, Status::Merged, Status::Captured]);
    let inner_first = chain.clone().send(M, "unmerge", json!({"loser": N}));
    assert_eq!(inner_first.state(N), before.state(N));
    assert_eq!((inner_first.status(M), inner_first.state(O).merged), (Status::Merged, [M].into()));
    let outer_first = chain.send(O, "unmerge", json!({"loser": M}));
    assert_eq!((outer_first.status(M), outer_first.status(N)), (Status::Planned, Status::Merged));
    let apart =
        [inner_first.send(O, "unmerge", json!({"loser": M})), outer_first.send(M, "unmerge", json!({"loser": N}))];
    for world in apart {
        assert_eq!([N, M, O].map(|id| world.state(id)), [N, M, O].map(|id| before.state(id)));
    }
}

#[test]
fn a_need_is_not_merged_into_itself_nor_with_one_that_is_not_there() {
    assert_eq!(two().code(N, "merge", json!({"loser": N})), Code::SelfMerge);
    let missing = (Code::ReferenceMissing, "/data/loser".to_owned());
    assert_eq!(two().fault(N, "merge", json!({"loser": NONE})), missing);
    assert_eq!(two().fault(N, "unmerge", json!({"loser": NONE})), missing);
}

#[test]
fn a_need_merged_elsewhere_names_its_survivor() {
    let merged = two().captured(O).send(N, "merge", json!({"loser": M}));
    for (id, data) in [(O, json!({"loser": M})), (M, json!({"loser": O})), (M, json!({"loser": N}))] {
        let refused = merged.rejection(id, "merge", data);
        assert_eq!((refused.code, &refused.facts["survivor"]), (Code::MergedInto, &json!(N)));
    }
    assert!(merged.is_already(O, "unmerge", json!({"loser": M})), "it is not merged into that");
}

#[test]
fn only_unfinished_needs_are_merged() {
    for status in [Status::Fulfilled, Status::Declined, Status::Withdrawn] {
        let ended = world().need_in(N, status).captured(M);
        for (id, data) in [(N, json!({"loser": M})), (M, json!({"loser": N}))] {
            let refused = ended.rejection(id, "merge", data);
            assert_eq!((refused.code, &refused.facts["from"]), (Code::InvalidTransition, &json!(status.name())));
        }
    }
}

#[test]
fn a_need_that_has_ended_lets_go_what_was_merged_into_it() {
    let ended = two().send(N, "merge", json!({"loser": M})).send(N, "decline", json!({"reason": "too dear"}));
    let apart = ended.send(N, "unmerge", json!({"loser": M}));
    assert_eq!((apart.status(N), apart.status(M)), (Status::Declined, Status::Captured));
}

#[test]
fn needs_of_different_customers_are_merged_by_supervisors_only() {
    let hers = world().captured(N).send(M, "capture", capture(MEI));
    let overridden = json!({"loser": M, "override": true});
    assert_eq!(hers.code(N, "merge", json!({"loser": M})), Code::CustomerMismatch);
    assert_eq!(hers.clone().by(SVEN).code(N, "merge", json!({"loser": M})), Code::CustomerMismatch);
    assert_eq!(hers.code(N, "merge", overridden.clone()), Code::Forbidden);
    assert!(hers.clone().by(SVEN).when(N, "merge", overridden.clone()).is_ok());
    assert_eq!(hers.erased(MEI).by(SVEN).code(N, "merge", overridden), Code::SubjectErased);
}

#[test]
fn customers_who_were_merged_count_as_one() {
    let into = customer::Event::CustomerMergedInto { survivor: LI };
    let merged = world().captured(N).send(M, "capture", capture(MEI)).happened(MEI.stream(), into);
    assert!(merged.when(N, "merge", json!({"loser": M})).is_ok());
    assert!(merged.when(M, "merge", json!({"loser": N})).is_ok());
}

#[test]
fn a_need_takes_fifty_others_in() {
    let taken = |world: World, n: usize| {
        world.happened(N.stream(), Event::NeedMerged { loser: NeedId(Uuid::from_u128(0x1000 + n as u128)) })
    };
    let almost = (1..MERGED_MAX).fold(two(), taken);
    assert!(almost.when(N, "merge", json!({"loser": M})).is_ok());
    assert_eq!(taken(almost, 0).code(N, "merge", json!({"loser": M})), Code::LimitExceeded);
}
