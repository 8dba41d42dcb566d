//! What holds for every sequence of commands and every sequence of events.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::decider::LoadedStream;
use crate::envelope::Actor;
use crate::text::Name;

const TICKETS: [TicketId; 3] = [T, U, V];

fn a_ticket() -> impl Strategy<Value = TicketId> {
    prop::sample::select(TICKETS.to_vec())
}

fn an_agent() -> impl Strategy<Value = AgentId> {
    prop::sample::select(vec![ANNA, BORIS, SVEN, OLGA])
}

/// A command that may fit or not, for one of three tickets.
fn any_command() -> impl Strategy<Value = Command> {
    let sampled = prop::sample::select(samples::commands());
    let linked = (a_ticket(), 0..9_usize).prop_map(|(id, which)| match which {
        0 => Command::Block { blocked_by: id },
        1 => Command::Unblock { blocked_by: id },
        2 => Command::SetParent { parent: id },
        3 => Command::Relate { ticket: id },
        4 => Command::MarkDuplicateOf { ticket: id },
        5 | 6 => Command::Merge { loser: id, overridden: false },
        7 => Command::Merge { loser: id, overridden: true },
        _ => Command::Unmerge { loser: id },
    });
    let assigned =
        (an_agent(), any::<bool>()).prop_map(|(agent, overridden)| Command::Assign { team: None, agent, overridden });
    prop_oneof![4 => sampled, 2 => linked, 1 => assigned]
}

fn step() -> impl Strategy<Value = (TicketId, Command, AgentId, i64)> {
    (a_ticket(), any_command(), an_agent(), 0..20 * 24 * 3_600_i64)
}

/// The claims and timers that the states of all tickets call for.
fn check_books(world: &World) {
    let tickets: BTreeMap<StreamId, Ticket> = world
        .events
        .iter()
        .filter(|(stream, _)| stream.category == Category::Ticket)
        .map(|(stream, _)| (*stream, world.state(TicketId(stream.id))))
        .collect();
    let mut seats = BTreeMap::new();
    let mut timers = BTreeMap::new();
    for (stream, ticket) in &tickets {
        seats.extend(ticket.standing.seat().map(|agent| ((capacity_claim(agent), *stream), 1)));
        timers.extend(ticket.standing.auto_close_due().map(|due_at| ((*stream, "auto_close"), due_at)));
        timers.extend(ticket.standing.wake_up_due().map(|due_at| ((*stream, "wake_up"), due_at)));
        timers.extend(clocks::timers(ticket).into_iter().map(|(name, due_at)| ((*stream, name), due_at)));
        clocks::check(ticket);
        check_links(TicketId(stream.id), ticket, &tickets);
    }
    // No survey is answered here, and none expires.
    timers.extend(world.events.iter().filter_map(|(stream, event)| {
        let AnyEvent::Feedback(feedback::Event::SurveyRequested { expires_at, .. }) = event else { return None };
        Some(((*stream, "survey_expiry"), *expires_at))
    }));
    assert_eq!(world.holdings, seats);
    let set: BTreeMap<_, _> = world.timers.iter().map(|(key, (due_at, _))| (*key, *due_at)).collect();
    assert_eq!(set, timers);
}

fn check_links(id: TicketId, ticket: &Ticket, tickets: &BTreeMap<StreamId, Ticket>) {
    let other = |other: &TicketId| &tickets[&other.stream()].links;
    let links = &ticket.links;
    assert!(links.blocked_by.iter().all(|blocker| other(blocker).blocks.contains(&id)));
    assert!(links.blocks.iter().all(|blocked| other(blocked).blocked_by.contains(&id)));
    assert!(links.parent.iter().all(|parent| other(parent).children.contains(&id)));
    assert!(links.children.iter().all(|child| other(child).parent == Some(id)));
    assert!(links.related.iter().all(|related| other(related).related.contains(&id)));
    assert!(links.duplicate_of.iter().all(|original| other(original).duplicates.contains(&id)));
    assert!(links.merged.iter().all(|loser| other(loser).merged_into == Some(id)));
    assert_eq!(links.merged_into.is_some(), ticket.status() == Status::Merged);
    let ancestors = std::iter::successors(links.parent, |parent| other(parent).parent);
    assert!(ancestors.take(99).count() < 99, "a circle of parents");
}

/// The streams that a decision asks for, itself included, in as many rounds as the lane allows.
fn asked(world: &World, id: TicketId, command: &Command) -> Loaded {
    let actor = match world.actor {
        Who::Agent(agent) => Actor { kind: ActorKind::Agent, id: Name::parse(&agent.to_string()).unwrap() },
        Who::Other(kind) => Actor { kind, id: Name::parse("somebody").unwrap() },
    };
    let mut loaded = Loaded::default();
    let mut wanted = vec![id.stream()];
    for _ in 0..8 {
        for stream in wanted {
            let known = loaded.streams.entry(stream).or_insert_with(|| LoadedStream::empty(stream));
            (known.version, known.state) = (0, Arc::new(crate::State::new(stream.category)));
            for (_, event) in world.events.iter().filter(|(holder, _)| *holder == stream) {
                known.version += 1;
                Arc::make_mut(&mut known.state).evolve(event);
            }
        }
        wanted = Ticket::reads(id.0, command, &actor, &loaded);
        wanted.retain(|stream| !loaded.streams.contains_key(stream));
        if wanted.is_empty() {
            break;
        }
    }
    loaded
}

proptest! {
    #[test]
    fn claims_timers_and_links_fit_after_any_commands(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = [T, U].into_iter().fold(world().opened(V), World::promised);
        for (id, command, actor, seconds) in steps {
            world = world.by(actor).later(TimeDelta::seconds(seconds / 8));
            let asked = asked(&world, id, &command);
            if let Ok(decision) = world.given().when(id.stream(), command) {
                for (stream, _) in &decision.events {
                    prop_assert!(asked.streams.contains_key(stream), "{} is written and not guarded", stream);
                }
                world = world.accept(decision);
            }
        }
        check_books(&world);
    }

    #[test]
    fn what_is_so_is_already_so(steps in prop::collection::vec(step(), 0..30), last in step()) {
        let repeatable = |command: &Command| match command {
            Command::Classify { .. } | Command::ChangePriority { .. } | Command::Route { .. } | Command::Assign { .. }
            | Command::Unassign {} | Command::AwaitCustomer { .. } | Command::Hold { .. } | Command::Resume { .. }
            | Command::Escalate { .. } | Command::Deescalate { .. } | Command::Block { .. } | Command::Unblock { .. }
            | Command::SetParent { .. } | Command::UnsetParent {} | Command::Relate { .. } | Command::Unrelate { .. }
            | Command::MarkDuplicateOf { .. } | Command::UnmarkDuplicateOf {} | Command::Merge { .. }
            | Command::Unmerge { .. } | Command::AddWatcher { .. } | Command::RemoveWatcher { .. }
            | Command::Tag { .. } | Command::Untag { .. } | Command::AttachSla { .. }
            | Command::ChangePlan { .. } | Command::NoticeSla { .. } => true,
            Command::Open { .. } | Command::Reply { .. } | Command::ReceiveCustomerReply { .. }
            | Command::AddNote { .. } | Command::Split { .. } | Command::Resolve { .. }
            | Command::RejectResolution { .. } | Command::Reopen { .. } | Command::Close { .. }
            | Command::Cancel { .. } | Command::Restore {} | Command::LogTime { .. } => false,
        };
        let mut world = TICKETS.into_iter().fold(world(), World::opened);
        for (id, command, actor, _) in steps.into_iter().chain([last]) {
            world = world.by(actor);
            let Ok(decision) = world.given().when(id.stream(), command.clone()) else { continue };
            world = world.accept(decision);
            if repeatable(&command) {
                prop_assert_eq!(world.given().when(id.stream(), command), Ok(Decision::already()));
            }
        }
    }

    #[test]
    fn any_events_fold_and_any_command_on_them_is_answered(
        events in prop::collection::vec(prop::sample::select(samples::events()), 0..40),
        command in any_command(),
        actor in an_agent(),
    ) {
        let past = events.into_iter().fold(world().by(actor), |world, event| world.happened(T.stream(), event));
        if let Err(rejection) = past.given().when(T.stream(), command) {
            prop_assert!(Code::ALL.contains(&rejection.code));
        }
    }
}
