//! What holds for every sequence of commands.

use proptest::prelude::*;

use super::*;

const ALL: [ServiceExecutionId; 3] = [E, F, NONE];

/// A command that may fit or not, with times and resources that often collide.
fn any_command() -> impl Strategy<Value = Command> {
    let crew = prop::sample::select(vec![vec![ANNA], vec![ANNA, BORIS], vec![ANNA, SVEN], vec![BORIS], vec![OLGA]]);
    let booking = (any::<bool>(), 0..8_i64, 1..4_i64, crew).prop_map(|(again, from, length, crew)| {
        let name = if again { "reschedule" } else { "schedule" };
        command(name, booked(from * 60, (from + length) * 60, &crew))
    });
    let work = [
        ("dispatch", none()),
        ("start_travel", none()),
        ("start", none()),
        ("pause", none()),
        ("resume", none()),
        ("complete_item", json!({"item": "power", "result": "done"})),
        ("complete", json!({"outcome": "It cools again."})),
    ];
    let work = prop::sample::select(work.map(|(name, data)| command(name, data)).to_vec());
    let follow_up = prop::sample::select(ALL.to_vec())
        .prop_map(|id| command("fail", json!({"reason": "wrong part", "follow_up": id})));
    prop_oneof![2 => prop::sample::select(samples::commands()), 4 => booking, 12 => work, 1 => follow_up]
}

fn step() -> impl Strategy<Value = (ServiceExecutionId, Command, i64)> {
    // Milliseconds; now and then the clock of the sender is behind.
    let pause = prop_oneof![4 => 0..3_600_000_i64, 1 => -5_000..0_i64];
    (prop::sample::select(ALL.to_vec()), any_command(), pause)
}

/// The claims that the states of all executions call for.
fn bookings(world: &World) -> BTreeMap<(ClaimKey, StreamId), TimeRange> {
    let mut bookings = BTreeMap::new();
    for id in ALL {
        let execution = world.state(id);
        for booking in execution.booking.iter().filter(|_| execution.status.unfinished()) {
            let range = TimeRange { start: booking.start, end: booking.end };
            bookings.extend(booking.resources.iter().map(|agent| ((booking_claim(*agent), id.stream()), range)));
        }
    }
    bookings
}

/// The time of an event, if it has one.
fn at(event: &Event) -> Option<DateTime<Utc>> {
    let json = serde_json::to_value(event).unwrap();
    json.as_object().unwrap().values().next().unwrap().get("at").map(|at| at.as_str().unwrap().parse().unwrap())
}

/// Counts anew, second by second of the events, how long was worked and travelled, and compares what was told.
fn check_course(world: &World, id: ServiceExecutionId) {
    let (mut labour, mut travel) = (TimeDelta::zero(), TimeDelta::zero());
    let mut last: Option<(DateTime<Utc>, Status)> = None;
    let mut execution = ServiceExecution::default();
    for (_, event) in world.events.iter().filter(|(stream, _)| *stream == id.stream()) {
        let AnyEvent::ServiceExecution(event) = event else { panic!("{event:?}") };
        if let Some(at) = at(event) {
            if let Some((before, status)) = last {
                assert!(before <= at, "{event:?}");
                if status == Status::InProgress {
                    labour += at - before;
                }
                if status == Status::EnRoute {
                    travel += at - before;
                }
            }
            execution.evolve(event);
            last = Some((at, execution.status));
        } else {
            execution.evolve(event);
        }
        let [labour, travel] = [labour, travel].map(|time| u64::try_from(time.num_seconds()).unwrap());
        if let Event::ServiceExecutionCompleted { labour_s, travel_s, .. }
        | Event::ServiceExecutionFailed { labour_s, travel_s, .. }
        | Event::ServiceExecutionCancelled { labour_s, travel_s, .. } = event
        {
            assert_eq!((*labour_s, *travel_s), (labour, travel));
        }
        if let Event::CustomerNoShow { travel_s, .. } = event {
            assert_eq!((0, *travel_s), (labour, travel));
        }
    }
}

/// Commands of which the same one again says nothing new.
fn says_nothing_twice(command: &Command) -> bool {
    !matches!(command.name(), "plan" | "schedule" | "use_part" | "complete" | "sign_off" | "fail")
}

proptest! {
    #[test]
    fn nobody_is_booked_twice_and_time_is_counted_to_the_second(steps in prop::collection::vec(step(), 0..150)) {
        let mut now = monday();
        let mut world = world().planned(E).planned(F);
        for (id, command, milliseconds) in steps {
            now += TimeDelta::milliseconds(milliseconds);
            world = world.at(now);
            if let Ok(decision) = world.given.when(id.stream(), command.clone()) {
                world = world.accept(id, command.clone(), decision);
                prop_assert_eq!(&world.holdings, &bookings(&world));
                if says_nothing_twice(&command) {
                    prop_assert_eq!(world.given.when(id.stream(), command), Ok(Decision::already()));
                }
            }
        }
        ALL.iter().for_each(|id| check_course(&world, *id));
    }
}
