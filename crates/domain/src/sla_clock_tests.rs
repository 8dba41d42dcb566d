use chrono::TimeZone as _;
use chrono_tz::Tz;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::business_time::Hours;

const CALENDAR: RevisionOf<CalendarId> = RevisionOf { id: CalendarId(uuid::Uuid::from_u128(0xCA)), revision: 1 };
const HOUR: u32 = 3_600;
const ZONE: Tz = Tz::America__New_York;

/// Monday to Friday in New York.
fn hours(start: &str, end: &str) -> Hours {
    let shifts = json!([{"start": start, "end": end}]);
    let weekly = json!({"mon": shifts, "tue": shifts, "wed": shifts, "thu": shifts, "fri": shifts});
    serde_json::from_value(json!({"zone": ZONE.name(), "weekly": weekly})).unwrap()
}

fn desk() -> Hours {
    hours("09:00", "17:00")
}

/// A time of the week that begins with Monday, 2 February 2026.
fn at(day: &str, hour: u32) -> DateTime<Utc> {
    let day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().position(|name| *name == day).unwrap();
    ZONE.with_ymd_and_hms(2026, 2, 2 + u32::try_from(day).unwrap(), hour, 0, 0).unwrap().to_utc()
}

fn running(target_s: u32, at: DateTime<Utc>) -> Clock {
    Clock::start(target_s, Motion::Running, at, CALENDAR)
}

#[test]
fn v6_a_pause_moves_the_due_time_by_what_was_left() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(8 * HOUR, at("Mon", 10));
    assert_eq!(clock.due_at(time), Some(at("Tue", 10)));
    clock.turn(Motion::Paused, time, at("Mon", 13));
    assert_eq!((clock.due_at(time), clock.elapsed_s(time, at("Wed", 11))), (None, i64::from(3 * HOUR)));
    clock.turn(Motion::Running, time, at("Wed", 11));
    assert_eq!(clock.due_at(time), Some(at("Wed", 16)));
}

#[test]
fn v7_a_shorter_target_is_passed_now_or_earlier_or_counted_anew() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let retargeted = |mode| {
        let mut clock = running(16 * HOUR, at("Mon", 9));
        assert_eq!(clock.elapsed_s(time, at("Tue", 12)), i64::from(11 * HOUR));
        clock.retarget(mode, 4 * HOUR, time, (CALENDAR, time), &[], at("Tue", 12));
        (clock.breached_at(), clock.due_at(time))
    };
    assert_eq!(retargeted(Retargeting::Carry), (Some(at("Tue", 12)), Some(at("Tue", 12))));
    assert_eq!(retargeted(Retargeting::Retroactive), (Some(at("Mon", 13)), Some(at("Mon", 13))));
    assert_eq!(retargeted(Retargeting::Restart), (None, Some(at("Tue", 16))));
    assert_eq!(retargeted(Retargeting::Grandfather), (None, Some(at("Tue", 17))));
}

#[test]
fn v8_a_longer_target_counts_what_has_elapsed() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    for mode in [Retargeting::Carry, Retargeting::Retroactive] {
        let mut clock = running(4 * HOUR, at("Mon", 9));
        clock.retarget(mode, 16 * HOUR, time, (CALENDAR, time), &[], at("Mon", 12));
        assert_eq!((clock.breached_at(), clock.due_at(time)), (None, Some(at("Tue", 17))), "{mode:?}");
    }
}

#[test]
fn v9_from_the_resolution_to_the_reopening_nothing_counts() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(8 * HOUR, at("Mon", 9));
    clock.turn(Motion::Paused, time, at("Mon", 15));
    clock.turn(Motion::Running, time, at("Thu", 10));
    assert_eq!(clock.due_at(time), Some(at("Thu", 12)));
    let [segment] = clock.segments() else { panic!("one segment before: {:?}", clock.segments()) };
    assert_eq!(*segment, Segment { start: at("Mon", 9), end: at("Mon", 15), elapsed_s: i64::from(6 * HOUR) });
}

#[test]
fn a_target_is_never_carried_past_the_moment_of_its_change() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(16 * HOUR, at("Mon", 9));
    clock.turn(Motion::Paused, time, at("Mon", 17));
    // Exactly what has elapsed, and paused: it is passed at the change, also outside of the hours.
    clock.retarget(Retargeting::Carry, 8 * HOUR, time, (CALENDAR, time), &[], at("Sat", 12));
    assert_eq!((clock.breached_at(), clock.due_at(time)), (Some(at("Sat", 12)), Some(at("Sat", 12))));
    assert_eq!(clock.motion(), Motion::Paused, "a paused clock stays paused");
    // Once passed it stays so under a longer one, unless it is replayed.
    clock.retarget(Retargeting::Carry, 80 * HOUR, time, (CALENDAR, time), &[], at("Sun", 12));
    assert_eq!(clock.breached_at(), Some(at("Sat", 12)));
    clock.retarget(Retargeting::Retroactive, 80 * HOUR, time, (CALENDAR, time), &[], at("Sun", 12));
    assert_eq!(clock.breached_at(), None);
}

#[test]
fn other_hours_count_from_the_change_on_or_from_the_start() {
    let (short, long) = (desk(), hours("08:00", "20:00"));
    let (short, long) = (short.business_time().unwrap(), long.business_time().unwrap());
    let clock = running(16 * HOUR, at("Mon", 9));
    let mut carried = clock.clone();
    carried.retarget(Retargeting::Carry, 16 * HOUR, short, (CALENDAR, long), &[], at("Tue", 9));
    // Eight hours by the old hours; eight more by the new ones.
    assert_eq!(carried.due_at(long), Some(at("Tue", 17)));
    let mut replayed = clock;
    replayed.retarget(Retargeting::Retroactive, 16 * HOUR, short, (CALENDAR, long), &[], at("Tue", 9));
    // Eleven hours on Monday and one on Tuesday by the new hours; four more.
    assert_eq!(replayed.due_at(long), Some(at("Tue", 13)));
}

#[test]
fn a_breach_before_a_pause_is_noticed_when_it_is_paused_and_stays() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(4 * HOUR, at("Mon", 9));
    clock.turn(Motion::Paused, time, at("Mon", 13));
    assert_eq!(clock.breached_at(), Some(at("Mon", 13)), "the last second is inside");
    clock.turn(Motion::Running, time, at("Wed", 10));
    assert_eq!(clock.due_at(time), Some(at("Mon", 13)));
    assert_eq!(clock.threshold_at(time, 75), Some(at("Mon", 12)), "also what was reached before");
    assert_eq!(clock.threshold_at(time, 150), Some(at("Wed", 12)));
}

#[test]
fn what_was_started_again_is_replayed_from_the_first_start() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(16 * HOUR, at("Mon", 9));
    clock.retarget(Retargeting::Restart, 16 * HOUR, time, (CALENDAR, time), &[], at("Tue", 12));
    assert_eq!(clock.elapsed_s(time, at("Wed", 12)), i64::from(8 * HOUR));
    clock.retarget(Retargeting::Retroactive, 16 * HOUR, time, (CALENDAR, time), &[], at("Wed", 12));
    assert_eq!(clock.breached_at(), Some(at("Tue", 17)));
}

#[test]
fn a_clock_does_not_go_back() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let mut clock = running(8 * HOUR, at("Mon", 10));
    clock.turn(Motion::Paused, time, at("Mon", 13));
    clock.turn(Motion::Running, time, at("Mon", 11));
    assert_eq!(clock.elapsed_s(time, at("Mon", 14)), i64::from(4 * HOUR));
    let mut clock = running(8 * HOUR, at("Mon", 10));
    clock.retarget(Retargeting::Carry, 8 * HOUR, time, (CALENDAR, time), &[], at("Mon", 9));
    assert_eq!(clock.due_at(time), Some(at("Tue", 10)));
}

#[test]
fn thresholds_are_shares_of_the_target_in_whole_seconds() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let clock = running(8 * HOUR, at("Mon", 9));
    assert_eq!(clock.threshold_at(time, 75), Some(at("Mon", 15)));
    assert_eq!(clock.threshold_at(time, 100), clock.due_at(time));
    assert_eq!(clock.threshold_at(time, 150), Some(at("Tue", 13)));
    let odd = running(3, at("Mon", 9));
    assert_eq!(odd.threshold_at(time, 50), Some(at("Mon", 9) + TimeDelta::seconds(2)));
}

#[test]
fn parts_of_a_second_do_not_count() {
    let hours = desk();
    let time = hours.business_time().unwrap();
    let clock = running(60, at("Mon", 9) + TimeDelta::microseconds(999_999));
    assert_eq!(clock.due_at(time), Some(at("Mon", 9) + TimeDelta::seconds(60)));
    assert_eq!(clock.elapsed_s(time, at("Mon", 9) + TimeDelta::microseconds(1_999_999)), 1);
}

proptest! {
    #[test]
    fn a_clock_is_due_when_its_running_time_adds_up_to_its_target(
        target_s in 1_u32..200_000, steps in prop::collection::vec(0_i64..100_000, 0..12)
    ) {
        let hours = desk();
        let time = hours.business_time().unwrap();
        let mut now = at("Mon", 9);
        let mut clock = running(target_s, now);
        let (mut expected_s, mut begun) = (0, Some(now));
        for step in steps {
            now += TimeDelta::seconds(step);
            match begun.take() {
                Some(start) => {
                    expected_s += time.between(start, now).num_seconds();
                    clock.turn(Motion::Paused, time, now);
                }
                None => {
                    begun = Some(now);
                    clock.turn(Motion::Running, time, now);
                }
            }
            let running_s = begun.map_or(0, |start| time.between(start, now).num_seconds());
            prop_assert_eq!(clock.elapsed_s(time, now), expected_s + running_s);
        }
        let is_passed = expected_s >= i64::from(target_s);
        prop_assert_eq!(clock.breached_at().is_some(), is_passed);
        prop_assert_eq!(clock.due_at(time).is_some(), begun.is_some() || is_passed);
        if let Some(due_at) = clock.due_at(time) {
            // Whatever ran until then comes to the target, and not a second earlier.
            let until = |at: DateTime<Utc>| {
                let parts = clock.segments().iter().map(|part| time.between(part.start, part.end.min(at)));
                parts.sum::<TimeDelta>() + begun.map_or(TimeDelta::zero(), |since| time.between(since, at))
            };
            prop_assert_eq!(until(due_at).num_seconds(), i64::from(target_s));
            prop_assert!(until(due_at - TimeDelta::seconds(1)).num_seconds() < i64::from(target_s));
        }
    }

    #[test]
    fn without_pauses_a_carried_target_is_due_with_a_replayed_one_unless_one_was_passed(
        old_s in 1_u32..200_000, new_s in 1_u32..200_000, after_s in 0_i64..200_000
    ) {
        let hours = desk();
        let time = hours.business_time().unwrap();
        let changed = at("Mon", 9) + TimeDelta::seconds(after_s);
        let retargeted = |mode| {
            let mut clock = running(old_s, at("Mon", 9));
            clock.retarget(mode, new_s, time, (CALENDAR, time), &[], changed);
            clock.due_at(time).unwrap()
        };
        let [carried, replayed] = [Retargeting::Carry, Retargeting::Retroactive].map(retargeted);
        let elapsed_s = time.between(at("Mon", 9), changed).num_seconds();
        prop_assert_eq!(replayed, time.after(at("Mon", 9), TimeDelta::seconds(new_s.into())).unwrap());
        let expected = match (elapsed_s >= i64::from(old_s), elapsed_s >= i64::from(new_s)) {
            (true, _) => time.after(at("Mon", 9), TimeDelta::seconds(old_s.into())).unwrap(),
            (false, true) => changed,
            (false, false) => replayed,
        };
        prop_assert_eq!(carried, expected);
    }

    #[test]
    fn whoever_folds_what_is_told_of_a_clock_knows_it_without_the_hours(
        steps in prop::collection::vec((0_u8..8, 0_i64..100_000, 1_u32..100_000), 0..16)
    ) {
        let (short, long) = (desk(), hours("08:00", "20:00"));
        let times = [short.business_time().unwrap(), long.business_time().unwrap()];
        let thresholds = [50, 75, 100, 150];
        let mut now = at("Mon", 9);
        let mut clock = running(50_000, now);
        let mut folded = Clock::begun(&clock.reading(times[1], &thresholds));
        let mut revision = 1;
        for (step, after_s, target_s) in steps {
            now += TimeDelta::seconds(after_s);
            let time = times[revision as usize % 2];
            let modes = [Retargeting::Carry, Retargeting::Retroactive, Retargeting::Restart, Retargeting::Grandfather];
            match (step, modes.get(usize::from(step))) {
                (_, Some(mode)) => {
                    let calendar = RevisionOf { revision: revision + 1, ..CALENDAR };
                    let new = times[calendar.revision as usize % 2];
                    if let Some(told) = clock.retarget(*mode, target_s, time, (calendar, new), &thresholds, now) {
                        revision += 1;
                        folded.fold_retargeted(*mode, &told);
                    }
                }
                (7, None) => {
                    let notices = clock.notices(time, &thresholds, now);
                    for (percent, at) in notices {
                        let next = clock.after_notice(time, &thresholds, percent);
                        clock.notice(percent, at, next);
                        folded.notice(percent, at, next);
                    }
                }
                (step, None) => {
                    let motion = [Motion::Running, Motion::Paused, Motion::Ended][usize::from(step) - 4];
                    clock.turn(motion, time, now);
                    folded.fold(&clock.reading(time, &thresholds));
                }
            }
            let time = times[revision as usize % 2];
            // What the clock does not keep itself is what was told of it.
            let mut expected = clock.clone();
            expected.next_threshold_at = folded.next_threshold_at();
            prop_assert_eq!(&folded, &expected);
            prop_assert_eq!(folded.next_threshold_at(), clock.after_notice(time, &thresholds, clock.noticed));
        }
    }
}
