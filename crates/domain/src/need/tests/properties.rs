//! What holds for every sequence of commands and every sequence of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::decider::LoadedStream;
use crate::envelope::Actor;
use crate::text::Name;

const NEEDS: [NeedId; 5] = [N, M, O, NeedId(Uuid::from_u128(0x103)), NeedId(Uuid::from_u128(0x104))];

fn a_need() -> impl Strategy<Value = NeedId> {
    prop::sample::select(NEEDS.to_vec())
}

/// Any command for any need, merges above all.
fn step() -> impl Strategy<Value = (NeedId, Command)> {
    let merging = (a_need(), any::<bool>(), any::<bool>()).prop_map(|(loser, merge, overridden)| {
        if merge { Command::Merge { loser, overridden } } else { Command::Unmerge { loser } }
    });
    let attached = prop::sample::select(vec![TICKET, OLD_TICKET, HER_TICKET])
        .prop_map(|ticket| Command::AttachEvidence { evidence: Evidence { kind: EvidenceKind::Ticket, id: ticket.0 } });
    let any_command = prop_oneof![2 => merging, 1 => attached, 3 => prop::sample::select(samples())];
    (a_need(), any_command)
}

/// One of every event, as the golden corpus has it.
fn events() -> Vec<Event> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/need");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
        crate::codec::read_variant(name, "", &std::fs::read_to_string(file).unwrap()).unwrap()
    };
    files.iter().map(read).collect()
}

/// Five needs in several states, the last one Mei's.
fn needs() -> World {
    let world = world().captured(N).need_in(M, Status::Qualified).need_in(O, Status::Planned).by(SVEN);
    world.send(NEEDS[3], "capture", capture(LI)).send(NEEDS[4], "capture", capture(MEI))
}

fn states(world: &World) -> BTreeMap<NeedId, Need> {
    NEEDS.iter().map(|id| (*id, world.state(*id))).collect()
}

/// What must be so of merges in every state: both sides tell the same, and there is no circle.
fn check_merges(states: &BTreeMap<NeedId, Need>) {
    for (id, need) in states {
        assert!(need.merged.iter().all(|loser| states[loser].merged_into.map(|into| into.survivor) == Some(*id)));
        assert!(need.merged_into.is_none_or(|into| states[&into.survivor].merged.contains(id)));
        assert_eq!(need.merged_into.is_some(), need.status == Status::Merged);
        let up = std::iter::successors(Some(*id), |id| states[id].merged_into.map(|into| into.survivor));
        assert!(up.take(9).count() < 9, "a circle of merges");
    }
}

/// The streams that a decision asks for, itself included, in as many rounds as the lane allows.
fn asked(world: &World, id: NeedId, command: &Command) -> Loaded {
    let actor = Actor { kind: ActorKind::Agent, id: Name::parse(&SVEN.to_string()).unwrap() };
    let mut loaded = Loaded::default();
    let mut wanted = vec![id.stream()];
    for _ in 0..8 {
        for stream in std::mem::take(&mut wanted) {
            let known = loaded.streams.entry(stream).or_insert_with(|| LoadedStream::empty(stream));
            for (_, event) in world.events.iter().filter(|(holder, _)| *holder == stream) {
                known.version += 1;
                Arc::make_mut(&mut known.state).evolve(event);
            }
        }
        wanted = Need::reads(id.0, command, &actor, &loaded);
        wanted.retain(|stream| !loaded.streams.contains_key(stream));
        wanted.sort();
        wanted.dedup();
    }
    loaded
}

/// Sends a command if it is accepted; tells whether it was.
fn sent(world: &mut World, id: NeedId, command: Command) -> bool {
    let decided = world.given().when(id.stream(), command);
    decided.map(|decision| world.events.extend(decision.events)).is_ok()
}

proptest! {
    #[test]
    fn merges_fit_together_and_all_that_is_written_was_read(steps in prop::collection::vec(step(), 0..40)) {
        let mut world = needs();
        for (id, command) in steps {
            let asked = asked(&world, id, &command);
            let Ok(decision) = world.given().when(id.stream(), command) else { continue };
            for (stream, _) in &decision.events {
                prop_assert!(asked.streams.contains_key(stream), "{} is written and not guarded", stream);
            }
            world.events.extend(decision.events);
            check_merges(&states(&world));
        }
    }

    #[test]
    fn merges_come_apart_in_any_order_exactly_as_they_were(
        steps in prop::collection::vec(step(), 0..20),
        merges in prop::collection::vec((a_need(), a_need(), any::<bool>()), 0..16),
        order in prop::collection::vec(any::<prop::sample::Index>(), 5),
    ) {
        let mut world = needs();
        for (id, command) in steps {
            sent(&mut world, id, command);
        }
        let before = states(&world);
        let pairs = |states: &BTreeMap<NeedId, Need>| -> Vec<(NeedId, NeedId)> {
            states.iter().flat_map(|(id, need)| need.merged.iter().map(|loser| (*id, *loser))).collect()
        };
        let kept = pairs(&before);
        for (survivor, loser, merge) in merges {
            // What was merged before stays so.
            if merge {
                sent(&mut world, survivor, Command::Merge { loser, overridden: true });
            } else if !kept.contains(&(survivor, loser)) {
                sent(&mut world, survivor, Command::Unmerge { loser });
            }
        }
        for turn in order {
            let merged: Vec<_> = pairs(&states(&world)).into_iter().filter(|pair| !kept.contains(pair)).collect();
            if merged.is_empty() {
                break;
            }
            let (survivor, loser) = merged[turn.index(merged.len())];
            let released = sent(&mut world, survivor, Command::Unmerge { loser });
            prop_assert!(released);
        }
        prop_assert_eq!(states(&world), before);
    }

    #[test]
    fn what_is_so_is_already_so(steps in prop::collection::vec(step(), 0..30)) {
        let repeatable = |command: &Command| match command {
            Command::AttachEvidence { .. } | Command::Qualify {} | Command::Rate { .. } | Command::Plan { .. }
            | Command::Merge { .. } | Command::Unmerge { .. } | Command::Categorize { .. } => true,
            Command::Capture { .. } | Command::Fulfil { .. } | Command::Decline { .. } | Command::Withdraw { .. }
            | Command::Reopen { .. } => false,
        };
        let mut world = needs();
        for (id, command) in steps {
            if sent(&mut world, id, command.clone()) && repeatable(&command) {
                prop_assert_eq!(world.given().when(id.stream(), command), Ok(Decision::already()));
            }
        }
    }

    #[test]
    fn any_events_fold_and_any_command_on_them_is_answered(
        events in prop::collection::vec(prop::sample::select(events()), 0..40),
        (_, command) in step(),
    ) {
        let past = events.into_iter().fold(needs(), |world, event| world.happened(N.stream(), event));
        if let Err(rejection) = past.given().when(N.stream(), command) {
            prop_assert!(Code::ALL.contains(&rejection.code));
        }
    }
}
