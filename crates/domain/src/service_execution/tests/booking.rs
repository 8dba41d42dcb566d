//! Times and resources: nobody is in two places at a time.

use super::*;

fn range(from: i64, to: i64) -> TimeRange {
    TimeRange { start: minute(from), end: minute(to) }
}

#[test]
fn it_is_scheduled_and_claims_the_time_of_each_resource() {
    let decision = world().planned(E).when(E, "schedule", booked(60, 180, &[BORIS, ANNA])).unwrap();
    let event = Event::ServiceExecutionScheduled {
        start: minute(60),
        end: minute(180),
        resources: [ANNA, BORIS].into(),
        overridden: false,
    };
    let take = |agent: AgentId| ClaimChange::Take {
        key: ClaimKey::new("resource", agent.to_string()),
        holder: E.stream(),
        kind: ClaimKind::Interval(range(60, 180)),
    };
    assert_eq!(decision, Decision::event(E.stream(), event).claim(take(ANNA)).claim(take(BORIS)));
}

#[test]
fn a_resource_is_never_booked_twice_and_the_refusal_names_the_other_booking() {
    let world = world().scheduled(E).planned(F);
    for (from, to) in [(60, 180), (0, 61), (179, 240), (90, 100), (0, 300)] {
        let busy = world.rejection(F, "schedule", booked(from, to, &[BORIS, ANNA]));
        assert_eq!(busy.code, Code::ResourceBusy);
        assert_eq!(busy.facts["resource"], json!(ANNA));
        assert_eq!(busy.facts["holder"], json!(E));
        assert_eq!((&busy.facts["start"], &busy.facts["end"]), (&written(minute(60)), &written(minute(180))));
    }
    for (from, to) in [(0, 60), (180, 240)] {
        assert!(world.when(F, "schedule", booked(from, to, &[ANNA])).is_ok(), "times are half-open");
    }
    assert!(world.when(F, "schedule", overriding(booked(60, 180, &[ANNA]))).is_err());
    let by_supervisor = world.by(SVEN).code(F, "schedule", overriding(booked(60, 180, &[ANNA])));
    assert_eq!(by_supervisor, Code::ResourceBusy, "no override books twice");
}

#[test]
fn of_several_bookings_in_the_way_the_first_is_named() {
    let world = world().planned(E).planned(F).planned(NONE);
    let world = world.send(F, "schedule", booked(0, 60, &[ANNA])).send(E, "schedule", booked(60, 120, &[ANNA]));
    assert_eq!(world.rejection(NONE, "schedule", booked(0, 120, &[ANNA])).facts["holder"], json!(F));
}

#[test]
fn its_own_booking_is_not_in_the_way_of_another_time() {
    let moved = world().scheduled(E).send(E, "reschedule", booked(90, 210, &[ANNA]));
    assert_eq!(moved.bookings(ANNA), [range(90, 210)]);
    assert!(matches!(
        moved.event(E, "reschedule", booked(90, 211, &[ANNA])),
        Event::ServiceExecutionRescheduled { overridden: false, .. }
    ));
    let free = moved.planned(F).send(F, "schedule", booked(0, 90, &[ANNA]));
    assert_eq!(free.bookings(ANNA), [range(90, 210), range(0, 90)]);
}

#[test]
fn a_resource_that_no_longer_takes_part_is_free() {
    let two = world().planned(E).send(E, "schedule", booked(60, 180, &[ANNA, BORIS]));
    let one = two.send(E, "reschedule", booked(60, 180, &[ANNA]));
    assert_eq!((one.bookings(ANNA), one.bookings(BORIS)), (vec![range(60, 180)], vec![]));
}

#[test]
fn the_same_booking_again_changes_nothing() {
    for world in [world().scheduled(E), world().execution_in(E, Status::Dispatched)] {
        assert_eq!(world.when(E, "reschedule", booked(60, 180, &[ANNA])), Ok(Decision::already()));
    }
}

#[test]
fn resources_are_free_again_however_it_ends() {
    for status in Status::ALL.iter().filter(|status| !status.unfinished()) {
        let ended = world().execution_in(E, *status);
        assert_eq!(ended.bookings(ANNA), [], "{}", status.name());
        assert!(ended.planned(F).when(F, "schedule", booked(60, 180, &[ANNA])).is_ok(), "{}", status.name());
    }
}

#[test]
fn a_booking_ends_after_it_begins_by_31_days_at_most() {
    let world = world().planned(E).by(SVEN);
    let wrong = (Code::Validation, "/data/end".to_owned());
    let longest = BOOKING_MAX.num_minutes();
    for (from, to) in [(60, 60), (61, 60), (0, longest + 1)] {
        assert_eq!(world.invalid(E, "schedule", overriding(booked(from, to, &[ANNA]))), wrong);
    }
    assert!(world.when(E, "schedule", overriding(booked(0, longest, &[ANNA]))).is_ok());
}

#[test]
fn a_booking_has_one_to_ten_resources() {
    let crew: Vec<AgentId> = (0..=RESOURCES_MAX as u128).map(|n| AgentId(Uuid::from_u128(0x500 + n))).collect();
    let mut world = world().planned(E);
    for agent in &crew {
        let skills = [Name::parse("electric").unwrap()].into();
        let (name, capacity) = (Name::parse("agent").unwrap(), agent::Capacity::try_from(1).unwrap());
        let registered = agent::Event::AgentRegistered { name, role: Role::Agent, capacity, skills };
        world = world.happened(agent.stream(), registered);
    }
    let nobody = world.invalid(E, "schedule", booked(60, 180, &[]));
    assert_eq!(nobody, (Code::Validation, "/data/resources".to_owned()));
    assert_eq!(world.code(E, "schedule", booked(60, 180, &crew)), Code::LimitExceeded);
    assert!(world.when(E, "schedule", booked(60, 180, &crew[..RESOURCES_MAX])).is_ok());
}

#[test]
fn resources_are_agents_who_exist_and_are_active() {
    let world = world().planned(E);
    let nobody = AgentId(Uuid::from_u128(99));
    let missing = world.invalid(E, "schedule", booked(60, 180, &[ANNA, nobody]));
    assert_eq!(missing, (Code::ReferenceMissing, "/data/resources".to_owned()));
    let inactive = world.rejection(E, "schedule", booked(60, 180, &[ANNA, OLGA]));
    assert_eq!((inactive.code, &inactive.facts["resource"]), (Code::AgentInactive, &json!(OLGA)));
}

#[test]
fn the_resources_have_all_skills_between_them() {
    let world = world().send(E, "plan", with("skills", json!(["electric", "refrigerant", "welding"])));
    let missing = world.rejection(E, "schedule", booked(60, 180, &[ANNA]));
    assert_eq!((missing.code, &missing.facts["skills"]), (Code::SkillsMissing, &json!(["refrigerant", "welding"])));
    let missing = world.rejection(E, "schedule", booked(60, 180, &[ANNA, BORIS]));
    assert_eq!(missing.facts["skills"], json!(["welding"]));
    let both = self::world().send(E, "plan", with("skills", json!(["electric", "refrigerant"])));
    assert!(both.when(E, "schedule", booked(60, 180, &[ANNA, BORIS])).is_ok());
    let by_supervisor = both.by(SVEN).code(E, "schedule", overriding(booked(60, 180, &[ANNA])));
    assert_eq!(by_supervisor, Code::SkillsMissing, "no override teaches");
}

#[test]
fn a_booking_is_inside_the_window_unless_a_supervisor_overrides_it() {
    let world = world().planned(E);
    assert!(world.when(E, "schedule", booked(-60, 660, &[ANNA])).is_ok(), "its ends are inside");
    for (from, to) in [(-61, 60), (600, 661), (700, 800)] {
        let outside = world.rejection(E, "schedule", booked(from, to, &[ANNA]));
        assert_eq!(outside.code, Code::OutsideWindow);
        let told = (&outside.facts["earliest"], &outside.facts["latest"]);
        assert_eq!(told, (&written(minute(-60)), &written(minute(660))));
        assert_eq!(world.code(E, "schedule", overriding(booked(from, to, &[ANNA]))), Code::Forbidden);
        let overridden = world.clone().by(SVEN).event(E, "schedule", overriding(booked(from, to, &[ANNA])));
        assert!(matches!(overridden, Event::ServiceExecutionScheduled { overridden: true, .. }));
    }
    let moved = self::world().scheduled(E);
    assert_eq!(moved.code(E, "reschedule", booked(600, 661, &[ANNA])), Code::OutsideWindow);
    assert_eq!(moved.code(E, "reschedule", overriding(booked(600, 661, &[ANNA]))), Code::Forbidden);
    assert!(moved.by(SVEN).when(E, "reschedule", overriding(booked(600, 661, &[ANNA]))).is_ok());
}

#[test]
fn no_more_is_looked_at_than_there_may_be_resources() {
    let crowd: Vec<AgentId> = (0..1_000).map(|n| AgentId(Uuid::from_u128(0x1000 + n))).collect();
    let schedule = command("schedule", booked(60, 180, &crowd));
    assert_eq!(super::super::booking::claims(&schedule).len(), RESOURCES_MAX);
    assert_eq!(super::super::booking::resources(&schedule).count(), RESOURCES_MAX);
}
