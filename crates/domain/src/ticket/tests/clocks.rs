//! The clocks that run for a ticket: what starts, pauses, re-targets and ends them, and what their timers bring.

use super::*;
use crate::sla_clock::{Clock, ClockKind, Motion};

const FIRST_RESPONSE: &str = "sla_first_response";
const NEXT_RESPONSE: &str = "sla_next_response";
const FIRST_RESOLUTION: &str = "sla_first_resolution";
const TOTAL_RESOLUTION: &str = "sla_total_resolution";

/// A time of the week that begins with the Monday of these tests.
fn at(day: i64, hour: i64, minute: i64) -> DateTime<Utc> {
    monday() + TimeDelta::days(day) + TimeDelta::hours(hour - 9) + TimeDelta::minutes(minute)
}

fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

/// The timers that the clocks of a ticket call for.
pub(super) fn timers(ticket: &Ticket) -> Vec<(&'static str, DateTime<Utc>)> {
    let names = [FIRST_RESPONSE, NEXT_RESPONSE, FIRST_RESOLUTION, TOTAL_RESOLUTION];
    let due = |kind: &ClockKind| ticket.sla.as_ref().and_then(|sla| sla.clocks.get(kind)?.next_threshold_at());
    ClockKind::ALL.iter().zip(names).filter_map(|(kind, name)| Some((name, due(kind)?))).collect()
}

/// Each clock moves as the ticket's standing says.
pub(super) fn check(ticket: &Ticket) {
    let Some(sla) = &ticket.sla else { return };
    let standing = &ticket.standing;
    let is_over = standing.is_answered || standing.was_resolved;
    let ended = [
        (ClockKind::FirstResponse, is_over),
        (ClockKind::NextResponse, !standing.awaits_answer),
        (ClockKind::FirstResolution, standing.was_resolved),
        (ClockKind::TotalResolution, matches!(standing.status, Status::Resolved | Status::Closed)),
    ];
    for (kind, ended) in ended {
        let Some(clock) = sla.clocks.get(&kind) else { continue };
        assert_eq!(clock.motion() == Motion::Ended, ended, "{kind:?} of {standing:?}");
        let stands_still = matches!(standing.status, Status::Merged | Status::Cancelled);
        assert!(!stands_still || clock.motion() != Motion::Running, "{kind:?} of {standing:?}");
    }
}

impl World {
    fn clock(&self, id: TicketId, kind: ClockKind) -> Clock {
        self.state(id).sla.expect("a promise").clocks.remove(&kind).unwrap_or_else(|| panic!("{kind:?} began"))
    }

    fn motion(&self, kind: ClockKind) -> Motion {
        self.clock(T, kind).motion()
    }

    fn last(&self) -> Event {
        match self.events.last() {
            Some((_, AnyEvent::Ticket(event))) => event.clone(),
            other => panic!("{other:?} is no event of a ticket"),
        }
    }

    fn replied(self) -> Self {
        self.send(T, "reply", json!({"body": "We are on it.", "public": true}))
    }

    fn wrote(self) -> Self {
        self.send(T, "receive_customer_reply", json!({"body": "还是不行"}))
    }

    fn revised(self, change: impl FnOnce(&mut Value)) -> Self {
        let mut terms = gold();
        change(&mut terms);
        let data = json!({"revision": 2, "terms": terms}).to_string();
        self.happened(GOLD.stream(), AnyEvent::read(Category::SlaPolicy, "SlaPolicyRevised", &data).unwrap())
    }
}

#[test]
fn a_ticket_under_a_policy_takes_it_and_its_calendar_at_their_latest_revisions() {
    let world = world().revised(|terms| terms["targets"]["P3"]["first_response_s"] = json!(7_200)).promised(T);
    let sla = world.state(T).sla.unwrap();
    assert_eq!((sla.policy.id, sla.policy.revision), (GOLD, 2));
    assert_eq!((sla.calendar.id, sla.calendar.revision), (DESK, 1));
    let Event::SlaAttached { clocks, .. } = world.last() else { panic!("{:?}", world.last()) };
    let told = &clocks[&ClockKind::FirstResponse];
    assert_eq!((told.due_at, told.at_risk_at), (Some(at(0, 11, 0)), Some(at(0, 10, 30))));
    assert_eq!((told.elapsed_s, told.next_threshold_at), (0, Some(at(0, 10, 0))));
    let kinds: Vec<ClockKind> = clocks.into_keys().collect();
    assert_eq!(kinds, [ClockKind::FirstResponse, ClockKind::FirstResolution, ClockKind::TotalResolution]);
}

#[test]
fn a_policy_that_does_not_exist_is_missing() {
    let nowhere = json!(SlaPolicyId(Uuid::from_u128(99)));
    let mut data = opening(LI);
    data["sla_policy"] = nowhere.clone();
    let rejection = world().rejection(T, "open", data);
    assert_eq!((rejection.code, rejection.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/sla_policy"));
    let rejection = world().opened(T).rejection(T, "attach_sla", json!({"policy": nowhere}));
    assert_eq!((rejection.code, rejection.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/policy"));
}

#[test]
fn tickets_of_a_priority_without_targets_have_no_clocks_until_they_get_one() {
    let mut data = opening(LI);
    data["sla_policy"] = json!(GOLD);
    data["urgency"] = json!(4);
    let quiet = world().send(T, "open", data);
    assert_eq!((quiet.state(T).sla.unwrap().clocks.len(), quiet.timers.len()), (0, 0));
    let raised = quiet.later(minutes(30)).send(T, "change_priority", json!({"urgency": 3}));
    assert_eq!(raised.clock(T, ClockKind::FirstResponse).next_threshold_at(), Some(at(0, 10, 0)), "from then on");
}

#[test]
fn the_first_public_answer_of_a_person_ends_the_first_response_and_nothing_else_does() {
    let opened = world().promised(T);
    let note = opened.send(T, "add_note", json!({"body": "calls often"}));
    let internal = note.send(T, "reply", json!({"body": "to the supplier", "public": false}));
    let bot = internal.by_kind(ActorKind::Service).replied();
    assert_eq!(bot.motion(ClockKind::FirstResponse), Motion::Running);
    let answered = bot.by(ANNA).later(minutes(59)).replied();
    assert_eq!(answered.motion(ClockKind::FirstResponse), Motion::Ended);
    let met = Event::SlaMet { clock: ClockKind::FirstResponse, elapsed_s: 59 * 60, target_s: 3_600 };
    assert_eq!(answered.last(), met);
}

#[test]
fn a_ticket_that_is_resolved_without_an_answer_has_met_its_first_response_then() {
    let resolved = world().promised(T).later(minutes(10)).send(T, "resolve", json!({"code": "other"}));
    let met = |(_, event): &(StreamId, AnyEvent)| {
        if let AnyEvent::Ticket(Event::SlaMet { clock, .. }) = event { Some(*clock) } else { None }
    };
    let met: Vec<ClockKind> = resolved.events.iter().filter_map(met).collect();
    assert_eq!(met, [ClockKind::FirstResponse, ClockKind::FirstResolution, ClockKind::TotalResolution]);
}

#[test]
fn the_next_response_runs_from_the_oldest_message_that_is_not_answered_and_each_time_anew() {
    let answered = world().promised(T).replied();
    let unanswered = answered.later(minutes(60)).wrote().later(minutes(30)).wrote();
    assert_eq!(unanswered.clock(T, ClockKind::NextResponse).next_threshold_at(), Some(at(0, 12, 0)));
    let again = unanswered.later(minutes(30)).replied().later(minutes(60)).wrote();
    let clock = again.clock(T, ClockKind::NextResponse);
    assert_eq!((clock.next_threshold_at(), clock.segments().len()), (Some(at(0, 14, 0)), 0));
}

#[test]
fn a_message_before_the_first_answer_waits_for_that() {
    let world = world().promised(T).wrote();
    assert!(!world.state(T).sla.unwrap().clocks.contains_key(&ClockKind::NextResponse));
}

#[test]
fn clocks_of_resolutions_wait_while_the_ticket_does() {
    let pending =
        world().promised(T).replied().later(minutes(60)).send(T, "await_customer", json!({"reason": "photo"}));
    let clock = pending.clock(T, ClockKind::FirstResolution);
    assert_eq!((clock.motion(), clock.next_threshold_at()), (Motion::Paused, None));
    assert_eq!(pending.timer(T, FIRST_RESOLUTION), None);
    // An hour has passed of eight; two days later seven are left.
    let resumed = pending.later(TimeDelta::days(2)).wrote();
    assert_eq!(resumed.timer(T, FIRST_RESOLUTION), Some(at(2, 17, 0)));
    assert_eq!(resumed.motion(ClockKind::TotalResolution), Motion::Running);
}

#[test]
fn a_policy_says_which_clocks_wait() {
    let pauses = json!({"pending": ["first_response"], "on_hold": []});
    let world = world().revised(|terms| terms["pauses"] = pauses).promised(T);
    let pending = world.clone().send(T, "await_customer", json!({"reason": "photo"}));
    assert_eq!(pending.motion(ClockKind::FirstResponse), Motion::Paused);
    assert_eq!(pending.motion(ClockKind::FirstResolution), Motion::Running);
    let held = world.send(T, "hold", json!({"reason": "part"}));
    assert_eq!(held.motion(ClockKind::FirstResolution), Motion::Running);
}

#[test]
fn a_reopened_ticket_goes_on_with_its_total_resolution_alone() {
    let resolved = world().promised(T).later(minutes(120)).send(T, "resolve", json!({"code": "other"}));
    let reopened = resolved.later(TimeDelta::days(3)).send(T, "reopen", json!({}));
    assert_eq!(reopened.motion(ClockKind::FirstResolution), Motion::Ended);
    // Two of sixteen hours had passed; from Thursday at eleven on fourteen more.
    assert_eq!(reopened.timer(T, TOTAL_RESOLUTION), Some(at(4, 17, 0)));
}

#[test]
fn the_clocks_of_a_cancelled_or_merged_ticket_wait_until_it_comes_back() {
    let cancelled = world().promised(T).later(minutes(20)).send(T, "cancel", json!({}));
    assert_eq!((cancelled.motion(ClockKind::FirstResponse), cancelled.timers.len()), (Motion::Paused, 0));
    let restored = cancelled.later(TimeDelta::days(1)).send(T, "restore", json!({}));
    assert_eq!(
        restored.timer(T, FIRST_RESPONSE),
        Some(at(1, 9, 30)),
        "half of an hour, of which 20 minutes had passed"
    );
    let merged = world().promised(T).opened(V).later(minutes(20)).send(V, "merge", json!({"loser": T}));
    assert_eq!(merged.motion(ClockKind::FirstResponse), Motion::Paused);
    let back = merged.later(TimeDelta::days(1)).send(V, "unmerge", json!({"loser": T}));
    assert_eq!(back.timer(T, FIRST_RESPONSE), Some(at(1, 9, 30)));
}

#[test]
fn follow_ups_and_splits_run_by_the_policy_of_the_ticket_before_them() {
    let split =
        world().promised(T).wrote().send(T, "split", json!({"ticket": U, "messages": [MESSAGE], "subject": "more"}));
    assert_eq!(split.state(U).sla.unwrap().policy.id, GOLD);
    let closed = world().promised(T).resolved(T).send(T, "close", json!({})).wrote();
    let follow_up = follow_up_id(T, &world().state(T));
    assert_eq!(closed.state(follow_up).sla.unwrap().policy.id, GOLD);
    assert_eq!(closed.clock(follow_up, ClockKind::FirstResponse).motion(), Motion::Running);
}

#[test]
fn another_priority_gives_running_clocks_their_new_targets_in_the_same_append() {
    let raised = world().promised(T).later(minutes(40)).send(T, "change_priority", json!({"urgency": 1}));
    let Event::SlaRetargeted { mode, clocks, .. } = raised.last() else { panic!("{:?}", raised.last()) };
    assert_eq!((mode, clocks.len()), (crate::sla_clock::Retargeting::Carry, 3));
    let first = &clocks[&ClockKind::FirstResponse];
    assert_eq!((first.from_s, first.reading.target_s, first.elapsed_s), (3_600, 1_800, 2_400));
    // Forty minutes are more than half an hour: it is breached by the change, not before.
    assert_eq!(first.reading.breached_at, Some(at(0, 9, 40)));
    assert_eq!(raised.timer(T, FIRST_RESPONSE), Some(at(0, 9, 40)));
    assert_eq!(raised.timer(T, FIRST_RESOLUTION), Some(at(0, 13, 0)));
    // The impact alone leaves the priority, and so the clocks.
    let same = world().promised(T).send(T, "change_priority", json!({"urgency": 3}));
    assert!(matches!(same.last(), Event::TicketPrioritized { .. }));
}

#[test]
fn a_priority_without_targets_leaves_the_clocks_that_run_as_they_are() {
    let lowered = world().promised(T).send(T, "change_priority", json!({"urgency": 4}));
    assert!(matches!(lowered.last(), Event::TicketPrioritized { .. }));
    assert_eq!(lowered.clock(T, ClockKind::FirstResponse).target_s(), 3_600);
}

#[test]
fn a_new_revision_of_policy_or_calendar_touches_running_clocks_only_when_it_is_attached() {
    let revised = world()
        .promised(T)
        .later(minutes(6))
        .revised(|terms| terms["targets"]["P3"]["first_response_s"] = json!(1_800));
    let written = revised.clone().wrote();
    assert_eq!(written.clock(T, ClockKind::FirstResponse).target_s(), 3_600);
    // To change what was promised takes a supervisor.
    assert_eq!(revised.code(T, "attach_sla", json!({"policy": GOLD})), Code::Forbidden);
    let migrated = revised.by(SVEN).send(T, "attach_sla", json!({"policy": GOLD}));
    let clock = migrated.clock(T, ClockKind::FirstResponse);
    assert_eq!((clock.target_s(), clock.next_threshold_at()), (1_800, Some(at(0, 9, 15))));
    assert_eq!(migrated.state(T).sla.unwrap().policy.revision, 2);
    assert_eq!(migrated.when(T, "attach_sla", json!({"policy": GOLD})), Ok(Decision::already()));
}

#[test]
fn who_attaches_a_policy_may_say_what_becomes_of_running_clocks() {
    let revised = || {
        world().promised(T).later(minutes(40)).by(SVEN).revised(|terms| {
            terms["targets"]["P3"]["first_response_s"] = json!(1_800);
        })
    };
    let breach = |mode: &str| {
        let attached = revised().send(T, "attach_sla", json!({"policy": GOLD, "mode": mode}));
        let clock = attached.clock(T, ClockKind::FirstResponse);
        (clock.target_s(), clock.breached_at())
    };
    assert_eq!(breach("carry"), (1_800, Some(at(0, 9, 40))));
    assert_eq!(breach("retroactive"), (1_800, Some(at(0, 9, 30))));
    assert_eq!(breach("restart"), (1_800, None));
    assert_eq!(breach("grandfather"), (3_600, None));
}

#[test]
fn a_new_ladder_is_climbed_by_clocks_whose_targets_stay() {
    let revised = world().promised(T).by(SVEN).revised(|terms| terms["ladder"] = json!([]));
    let attached = revised.later(minutes(10)).send(T, "attach_sla", json!({"policy": GOLD}));
    assert_eq!(attached.timer(T, FIRST_RESPONSE), Some(at(0, 10, 0)), "no rung is left but the breach");
}

#[test]
fn clocks_that_keep_their_old_targets_climb_the_new_ladder_all_the_same() {
    let revised = world().promised(T).by(SVEN).revised(|terms| {
        terms["ladder"] = json!([]);
        terms["targets"]["P3"]["first_response_s"] = json!(7_200);
    });
    let attached = revised.send(T, "attach_sla", json!({"policy": GOLD, "mode": "grandfather"}));
    // The rung at half of the hour is gone; were its timer left, it would find nothing and the breach would be lost.
    assert_eq!(attached.timer(T, FIRST_RESPONSE), Some(at(0, 10, 0)));
    assert!(matches!(attached.fire(T, FIRST_RESPONSE).last(), Event::SlaBreached { .. }));
}

#[test]
fn a_breach_that_was_not_noticed_is_noticed_also_under_a_longer_target() {
    let breached = world().promised(T).later(minutes(40)).send(T, "change_priority", json!({"urgency": 1}));
    let eased = breached.send(T, "change_priority", json!({"urgency": 2}));
    assert_eq!(eased.timer(T, FIRST_RESPONSE), Some(at(0, 9, 40)));
    let told = eased.fire(T, FIRST_RESPONSE);
    let breaches = |(_, event): &&(StreamId, AnyEvent)| {
        matches!(event, AnyEvent::Ticket(Event::SlaBreached { clock: ClockKind::FirstResponse, .. }))
    };
    assert_eq!(told.events.iter().filter(breaches).count(), 1);
}

#[test]
fn a_timer_that_comes_before_its_share_is_reached_is_set_again() {
    // As told by a program that knew other rules for the zone.
    let mut reading = world().promised(T).clock(T, ClockKind::FirstResponse).reading(
        serde_json::from_value::<crate::business_time::Hours>(desk()).unwrap().business_time().unwrap(),
        &[50, 75, 100],
    );
    reading.next_threshold_at = Some(at(0, 9, 10));
    let told = Event::SlaClocksChanged { clocks: BTreeMap::from([(ClockKind::FirstResponse, reading)]) };
    let early = world().promised(T).happened(T.stream(), told).later(minutes(10)).by_kind(ActorKind::System);
    let decision = early.when(T, "notice_sla", json!({"clock": "first_response"})).unwrap();
    let [TimerChange::Set { name, due_at, .. }] = decision.timers.as_slice() else { panic!("{:?}", decision.timers) };
    assert_eq!((*name, *due_at, decision.events.len()), (FIRST_RESPONSE, at(0, 9, 30), 1));
}

#[test]
fn timers_tell_what_share_of_a_target_was_reached_and_climb_the_ladder() {
    let half = world().promised(T).fire(T, FIRST_RESPONSE);
    let Event::SlaThresholdReached { percent, reached_at, .. } = half.last() else { panic!("{:?}", half.last()) };
    assert_eq!((percent.get(), reached_at), (50, at(0, 9, 30)));
    // At three quarters of an hour it becomes P2, whose target is half an hour: passed at once.
    let raised = half.fire(T, FIRST_RESPONSE);
    assert_eq!(raised.state(T).matter.unwrap().priority, Priority::P2);
    assert_eq!(raised.clock(T, ClockKind::FirstResponse).breached_at(), Some(at(0, 9, 45)));
    let told = raised.fire(T, FIRST_RESPONSE);
    let breached = Event::SlaBreached {
        clock: ClockKind::FirstResponse,
        breached_at: at(0, 9, 45),
        overrun_s: 15 * 60,
        next_threshold_at: None,
    };
    assert_eq!(told.last(), breached);
    assert_eq!(told.timer(T, FIRST_RESPONSE), None);
}

#[test]
fn a_breach_sends_the_ticket_to_another_team_and_takes_it_from_who_is_not_in_it() {
    let assigned = world().promised(T).send(T, "assign", json!({"agent": ANNA})).replied();
    let breached = assigned.fire(T, FIRST_RESOLUTION);
    let ticket = breached.state(T);
    assert_eq!((ticket.team, ticket.standing.assignee), (Some(SECOND), None));
    assert_eq!(ticket.matter.unwrap().priority, Priority::P2);
    assert_eq!(breached.load(ANNA), 0);
}

#[test]
fn a_timer_that_fires_late_changes_nothing_but_the_time_of_the_notice() {
    let on_time = world().promised(T).replied().fire(T, FIRST_RESOLUTION);
    let late = world().promised(T).replied().later(TimeDelta::days(30)).fire(T, FIRST_RESOLUTION);
    let told = |world: &World| {
        world.events.iter().find_map(|(_, event)| {
            if let AnyEvent::Ticket(Event::SlaBreached { breached_at, .. }) = event { Some(*breached_at) } else { None }
        })
    };
    assert_eq!(told(&on_time), Some(at(0, 17, 0)));
    assert_eq!(told(&late), told(&on_time));
}

#[test]
fn a_breach_that_was_not_noticed_before_its_clock_ended_is_noticed_afterwards() {
    let answered = world().promised(T).later(minutes(90)).replied();
    assert_eq!(answered.clock(T, ClockKind::FirstResponse).breached_at(), Some(at(0, 10, 0)));
    assert!(!answered.events.iter().any(|(_, event)| matches!(event, AnyEvent::Ticket(Event::SlaMet { .. }))));
    let noticed = answered.fire(T, FIRST_RESPONSE);
    let Event::SlaBreached { breached_at, overrun_s, .. } = noticed.last() else { panic!("{:?}", noticed.last()) };
    assert_eq!((breached_at, overrun_s), (at(0, 10, 0), 30 * 60));
    assert_eq!(noticed.state(T).matter.unwrap().priority, Priority::P3, "the ladder is for clocks that count");
    // So it is where the next message comes before the timer.
    let again = world().promised(T).replied().wrote().later(minutes(150)).replied().wrote();
    let late = again
        .events
        .iter()
        .any(|(_, event)| matches!(event, AnyEvent::Ticket(Event::SlaBreached { clock: ClockKind::NextResponse, .. })));
    assert!(late);
}

#[test]
fn a_notice_twice_or_for_a_clock_that_was_moved_changes_nothing() {
    let notice = json!({"clock": "first_response"});
    let early = world().promised(T).by_kind(ActorKind::System);
    assert_eq!(early.when(T, "notice_sla", notice.clone()), Ok(Decision::already()));
    let noticed = early.fire(T, FIRST_RESPONSE);
    assert_eq!(noticed.when(T, "notice_sla", notice.clone()), Ok(Decision::already()));
    assert_eq!(
        world().opened(T).by_kind(ActorKind::System).when(T, "notice_sla", notice.clone()),
        Ok(Decision::already())
    );
    assert_eq!(world().promised(T).code(T, "notice_sla", notice), Code::Forbidden);
}

#[test]
fn a_host_whose_clock_is_a_little_ahead_still_has_its_notice_taken() {
    let world = world().promised(T).later(minutes(30) - TimeDelta::seconds(5)).by_kind(ActorKind::System);
    let decision = world.when(T, "notice_sla", json!({"clock": "first_response"})).unwrap();
    assert_eq!(decision.events.len(), 1);
}

#[test]
fn an_answer_that_is_told_late_counts_when_it_was_given() {
    // The breach was noticed at ten; that somebody had answered at half past nine is told afterwards.
    let quiet = world().revised(|terms| terms["ladder"] = json!([]));
    let breached = quiet.promised(T).later(minutes(70)).fire(T, FIRST_RESPONSE);
    assert!(breached.clock(T, ClockKind::FirstResponse).breached_at().is_some());
    let mut world = breached;
    world.now = at(0, 9, 30);
    let told = world.replied();
    assert_eq!(told.clock(T, ClockKind::FirstResponse).breached_at(), None);
    assert!(told.events.iter().any(|(_, event)| matches!(event, AnyEvent::Ticket(Event::SlaMet { .. }))));
}

/// Which clock, its beginning, from when, until when, the business time, whether it counts, and between which events.
type Told = (ClockKind, u32, DateTime<Utc>, Option<DateTime<Utc>>, Option<i64>, bool, String);

/// The runs of a ticket's clocks as its history tells them, each with the type of the events around it.
fn explained(world: &World) -> Vec<Told> {
    let own = world.events.iter().filter(|(stream, _)| *stream == T.stream());
    let named: Vec<(String, &AnyEvent)> = own.map(|(_, event)| (event.write().unwrap().0, event)).collect();
    let (mut history, mut command) = (Vec::new(), 0_u128);
    for (n, (event_type, event)) in named.iter().enumerate() {
        // Each command begins with an event of the ticket itself.
        let is_own = !event_type.starts_with("Sla");
        command += u128::from(is_own);
        let cause =
            Cause { position: n as u64 + 1, event_id: Uuid::from_u128(n as u128), event_type: event_type.clone() };
        let event = if let (false, AnyEvent::Ticket(event)) = (is_own, event) { Some(event) } else { None };
        history.push(Past { cause, command_id: Uuid::from_u128(command), event });
    }
    explain(&history)
        .into_iter()
        .map(|run| {
            let around =
                format!("{}…{}", run.began_by.event_type, run.ended_by.map_or(String::new(), |by| by.event_type));
            (run.clock, run.beginning, run.start, run.end, run.elapsed_s, run.counts, around)
        })
        .collect()
}

#[test]
fn every_run_of_a_clock_is_told_with_what_began_and_ended_it() {
    let answered = world().promised(T).later(minutes(20)).replied();
    let waited = answered.later(minutes(40)).send(T, "await_customer", json!({"reason": "photo"}));
    let resolved = waited.later(minutes(60)).wrote().later(minutes(30)).send(T, "resolve", json!({"code": "other"}));
    let of = |kind| explained(&resolved).into_iter().filter(move |run| run.0 == kind).collect::<Vec<_>>();
    let (first, next) = (of(ClockKind::FirstResponse), of(ClockKind::NextResponse));
    let answer = "TicketOpened…AgentReplied".to_owned();
    assert_eq!(first, [(ClockKind::FirstResponse, 1, at(0, 9, 0), Some(at(0, 9, 20)), Some(1_200), true, answer)]);
    let message = "CustomerReplied…TicketResolved".to_owned();
    assert_eq!(next, [(ClockKind::NextResponse, 1, at(0, 11, 0), Some(at(0, 11, 30)), Some(1_800), true, message)]);
    let waiting = "TicketOpened…TicketAwaitingCustomer".to_owned();
    let back = "CustomerReplied…TicketResolved".to_owned();
    let expected = [
        (ClockKind::TotalResolution, 1, at(0, 9, 0), Some(at(0, 10, 0)), Some(3_600), true, waiting),
        (ClockKind::TotalResolution, 1, at(0, 11, 0), Some(at(0, 11, 30)), Some(1_800), true, back),
    ];
    assert_eq!(of(ClockKind::TotalResolution), expected);
}

#[test]
fn what_is_told_of_a_clock_is_what_it_counts() {
    let modes = ["carry", "retroactive", "restart", "grandfather"];
    for mode in modes {
        let changed = world().promised(T).later(minutes(40)).by(SVEN).revised(|terms| {
            terms["targets"]["P3"]["first_response_s"] = json!(7_200);
        });
        let attached =
            changed.send(T, "attach_sla", json!({"policy": GOLD, "mode": mode})).later(minutes(10)).replied();
        let told: i64 = explained(&attached)
            .iter()
            .filter(|run| run.0 == ClockKind::FirstResponse && run.5)
            .map(|run| run.4.expect("ended"))
            .sum();
        let Event::SlaMet { elapsed_s, .. } = attached.last() else { panic!("{mode}: {:?}", attached.last()) };
        assert_eq!(told, elapsed_s, "{mode}");
    }
}
