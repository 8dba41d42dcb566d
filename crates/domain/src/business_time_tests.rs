use chrono::Timelike as _;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Reads a local time of a zone that is shown once.
fn local(zone: Tz, text: &str) -> DateTime<Utc> {
    let local = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap();
    zone.from_local_datetime(&local).single().unwrap().to_utc()
}

fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

fn read(json: serde_json::Value) -> Result<Hours, String> {
    let hours: Hours = serde_json::from_value(json).map_err(|error| error.to_string())?;
    hours.check().map_err(|(pointer, why)| format!("{pointer}: {why}"))?;
    Ok(hours)
}

/// Hours that live as long as the tests.
fn counted(hours: Hours) -> BusinessTime<'static> {
    Box::leak(Box::new(hours)).business_time().unwrap()
}

fn hours_of(json: serde_json::Value) -> BusinessTime<'static> {
    counted(read(json).unwrap())
}

fn workdays(zone: Tz, shifts: &serde_json::Value, exceptions: &serde_json::Value) -> BusinessTime<'static> {
    let weekly = json!({"mon": shifts, "tue": shifts, "wed": shifts, "thu": shifts, "fri": shifts});
    hours_of(json!({"zone": zone.name(), "weekly": weekly, "exceptions": exceptions}))
}

fn every_day(zone: Tz, start: &str, end: &str) -> BusinessTime<'static> {
    let shifts = json!([{"start": start, "end": end}]);
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(|day| (day.to_owned(), shifts.clone()));
    hours_of(json!({"zone": zone.name(), "weekly": serde_json::Map::from_iter(days)}))
}

/// Monday to Friday, 9 to 17.
fn new_york() -> BusinessTime<'static> {
    workdays(Tz::America__New_York, &json!([{"start": "09:00", "end": "17:00"}]), &json!({}))
}

/// Monday to Friday, 9 to 12 and 13 to 18, with the official holidays and make-up workdays of autumn 2025.
fn shanghai() -> BusinessTime<'static> {
    let shifts = json!([{"start": "09:00", "end": "12:00"}, {"start": "13:00", "end": "18:00"}]);
    let mut exceptions: serde_json::Map<_, _> = (1..=8).map(|day| (format!("2025-10-0{day}"), json!([]))).collect();
    exceptions.extend(["2025-09-28", "2025-10-11"].map(|day| (day.to_owned(), shifts.clone())));
    workdays(Tz::Asia__Shanghai, &shifts, &exceptions.into())
}

/// Whether so much time from an instant on is over when expected.
#[track_caller]
fn assert_after(calendar: &BusinessTime<'_>, from: &str, span: TimeDelta, expected: &str) {
    let zone = calendar.zone;
    let (from, expected) = (local(zone, from), local(zone, expected));
    assert_eq!(calendar.after(from, span), Some(expected));
    assert_eq!(calendar.between(from, expected), span);
}

#[test]
fn v1_an_hour_from_friday_evening_goes_on_on_monday() {
    assert_after(&new_york(), "2026-01-30 16:30", hours(1), "2026-02-02 09:30");
}

#[test]
fn v2_a_make_up_workday_on_a_sunday_is_worked() {
    assert_after(&shanghai(), "2025-09-26 17:00", hours(8), "2025-09-28 17:00");
}

#[test]
fn v3_the_national_holidays_are_not_worked() {
    assert_after(&shanghai(), "2025-09-30 17:00", hours(8), "2025-10-09 17:00");
}

#[test]
fn v4_a_day_without_shifts_off_has_23_hours_in_spring_and_25_in_autumn() {
    let calendar = every_day(Tz::America__New_York, "00:00", "24:00");
    for (day, next, expected) in [("2026-03-08", "2026-03-09", 23), ("2026-11-01", "2026-11-02", 25)] {
        let [from, to] = [day, next].map(|day| local(calendar.zone, &format!("{day} 00:00")));
        assert_eq!(calendar.between(from, to), hours(expected), "{day}");
    }
}

#[test]
fn v5_the_night_of_the_change_to_summer_time_is_an_hour_shorter() {
    let calendar = every_day(Tz::Europe__Berlin, "22:00", "06:00");
    let [noon, next_noon] = ["2026-03-28 12:00", "2026-03-29 12:00"].map(|text| local(calendar.zone, text));
    assert_eq!(calendar.between(noon, next_noon), hours(7));
    assert_after(&calendar, "2026-03-28 22:00", hours(8), "2026-03-29 23:00");
}

#[test]
fn v10_a_span_that_ends_with_the_day_is_over_then_and_what_begins_then_goes_on_on_the_next() {
    assert_after(&new_york(), "2026-01-30 17:00", hours(1), "2026-02-02 10:00");
    assert_after(&new_york(), "2026-01-30 09:00", hours(8), "2026-01-30 17:00");
}

#[test]
fn v11_lunch_is_not_worked() {
    assert_after(&shanghai(), "2025-09-24 12:30", TimeDelta::minutes(30), "2025-09-24 13:30");
    let [from, to] = ["2025-09-24 11:30", "2025-09-24 13:30"].map(|text| local(Tz::Asia__Shanghai, text));
    assert_eq!(shanghai().between(from, to), hours(1));
}

#[test]
fn no_time_from_an_instant_on_is_the_first_working_instant() {
    assert_after(&new_york(), "2026-01-31 12:00", hours(0), "2026-02-02 09:00");
    assert_after(&new_york(), "2026-02-02 10:00", hours(0), "2026-02-02 10:00");
    assert_after(&new_york(), "2026-01-30 17:00", hours(0), "2026-02-02 09:00");
}

#[test]
fn a_time_that_the_clocks_skip_is_the_first_instant_behind_the_gap() {
    let zone = Tz::America__New_York;
    let [from, to] = ["2026-03-08 00:00", "2026-03-09 00:00"].map(|text| local(zone, text));
    // 02:00 to 03:00 is skipped.
    assert_eq!(every_day(zone, "02:30", "04:00").between(from, to), hours(1));
    assert_eq!(every_day(zone, "01:00", "02:30").between(from, to), hours(1));
    assert_eq!(every_day(zone, "02:10", "02:50").between(from, to), hours(0));
}

#[test]
fn of_a_time_that_the_clocks_show_twice_a_shift_begins_with_the_first_and_ends_with_the_second() {
    let zone = Tz::America__New_York;
    let [from, to] = ["2026-11-01 00:00", "2026-11-02 00:00"].map(|text| local(zone, text));
    // 01:00 to 02:00 comes twice.
    assert_eq!(every_day(zone, "01:30", "03:00").between(from, to), TimeDelta::minutes(150));
    assert_eq!(every_day(zone, "00:00", "01:30").between(from, to), TimeDelta::minutes(150));
    assert_eq!(every_day(zone, "01:15", "01:45").between(from, to), TimeDelta::minutes(90));
}

#[test]
fn where_midnight_comes_twice_a_shift_until_midnight_lasts_until_the_second() {
    let between = |zone, start, end, [from, to]: [&str; 2]| {
        every_day(zone, start, end).between(local(zone, from), local(zone, to))
    };
    let autumn = ["2026-10-31 12:00", "2026-11-01 12:00"];
    assert_eq!(between(Tz::America__Havana, "20:00", "24:00", autumn), hours(5));
    assert_eq!(between(Tz::Atlantic__Azores, "20:00", "24:00", ["2026-10-24 12:00", "2026-10-25 12:00"]), hours(5));
    assert_eq!(between(Tz::America__New_York, "18:00", "01:00", autumn), hours(8));
    // In spring, midnight to one is skipped in Havana.
    assert_eq!(between(Tz::America__Havana, "20:00", "00:30", ["2026-03-07 12:00", "2026-03-08 12:00"]), hours(4));
}

#[test]
fn hours_without_a_shift_count_nothing_and_come_to_an_end() {
    let nothing =
        counted(Hours { zone: Timezone::parse("UTC").unwrap(), weekly: Week::default(), exceptions: BTreeMap::new() });
    let from = local(Tz::UTC, "2026-02-02 00:00");
    assert_eq!((nothing.after(from, hours(0)), nothing.between(from, from + TimeDelta::days(365))), (None, hours(0)));
}

#[test]
fn a_day_that_a_country_skipped_is_not_worked() {
    let calendar = every_day(Tz::Pacific__Apia, "09:00", "17:00");
    let [from, to] = ["2011-12-29 00:00", "2012-01-01 00:00"].map(|text| local(calendar.zone, text));
    assert_eq!(calendar.between(from, to), hours(16), "29 and 31 December");
}

#[test]
fn a_night_that_reaches_into_the_next_days_shift_counts_once() {
    let shifts = json!([{"start": "08:00", "end": "12:00"}, {"start": "20:00", "end": "10:00"}]);
    let calendar = workdays(Tz::UTC, &shifts, &json!({}));
    let [monday, saturday] = ["2026-02-02 00:00", "2026-02-07 12:00"].map(|text| local(Tz::UTC, text));
    // Each night ends at 10, the day's shift goes on until 12; the last night belongs to Friday.
    assert_eq!(calendar.between(monday, saturday), hours(4 + 4 * 16 + 14));
}

#[test]
fn an_exception_takes_the_place_of_its_day_and_of_the_night_that_it_would_begin() {
    let night = json!([{"start": "22:00", "end": "06:00"}]);
    let calendar =
        workdays(Tz::UTC, &night, &json!({"2026-02-03": [], "2026-02-07": [{"start": "10:00", "end": "11:00"}]}));
    let between = |from, to| calendar.between(local(Tz::UTC, from), local(Tz::UTC, to));
    assert_eq!(between("2026-02-03 00:00", "2026-02-04 00:00"), hours(6), "Monday's night");
    assert_eq!(between("2026-02-04 00:00", "2026-02-04 12:00"), hours(0), "Tuesday is a holiday");
    assert_eq!(between("2026-02-07 07:00", "2026-02-08 12:00"), hours(1), "Saturday is worked");
}

#[test]
fn time_that_never_comes_within_twenty_years_is_none() {
    let weekly = json!({"mon": [{"start": "09:00", "end": "09:01"}]});
    let calendar = hours_of(json!({"zone": "UTC", "weekly": weekly}));
    let from = local(Tz::UTC, "2026-02-02 00:00");
    assert!(calendar.after(from, TimeDelta::minutes(1_000)).is_some());
    assert_eq!(calendar.after(from, hours(24)), None);
    for edge in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        for zone in ZONES {
            let calendar = every_day(zone, "00:00", "24:00");
            assert_eq!(calendar.after(edge, hours(1)).is_some(), edge < from, "{zone}");
        }
    }
    assert_eq!(calendar.between(from, from - hours(100)), hours(0));
    let later = from + TimeDelta::days(7 * 52 * 100);
    assert_eq!(calendar.between(from, later).num_minutes(), 52 * 100, "what has passed is counted without an end");
}

#[test]
fn what_is_no_calendar_is_refused_with_its_reason() {
    let refused = |shifts: serde_json::Value| read(json!({"zone": "UTC", "weekly": {"mon": shifts}})).unwrap_err();
    let shift = |start, end| json!({"start": start, "end": end});
    assert!(refused(json!([])).contains("/weekly: a week has at least one shift"));
    assert!(refused(json!([shift("09:00", "12:00"), shift("11:00", "13:00")])).contains("overlap"));
    assert!(refused(json!([shift("20:00", "06:00"), shift("21:00", "22:00")])).contains("overlap"));
    assert!(refused(json!([shift("09:00", "09:00")])).contains("is empty"));
    assert!(refused(json!([shift("24:00", "08:00")])).contains("23:59"));
    assert!(refused(json!(vec![shift("09:00", "10:00"); SHIFTS_MAX + 1])).contains("at most 8"));
    for wrong in ["9:00", "24:01", "12:60", "+9:00", "noon", "09:00:00", ""] {
        assert!(refused(json!([shift(wrong, "23:00")])).contains("no time of day"), "{wrong}");
    }
}

#[test]
fn shifts_are_written_as_they_are_read_in_order() {
    let shifts = json!([{"start": "13:00", "end": "18:00"}, {"start": "09:00", "end": "12:00"}]);
    let read: Shifts = serde_json::from_value(shifts).unwrap();
    let written = json!([{"start": "09:00", "end": "12:00"}, {"start": "13:00", "end": "18:00"}]);
    assert_eq!(serde_json::to_value(read).unwrap(), written);
}

#[test]
fn a_day_has_one_way_to_be_written() {
    let hours = |day: &str| json!({"zone": "UTC", "weekly": {"mon": [{"start": "09:00", "end": "17:00"}]}, "exceptions": {day: []}});
    assert!(read(hours("2026-01-31")).is_ok());
    for wrong in ["2026-1-31", "2026-02-30", "+2026-01-31", "31.01.2026", ""] {
        assert!(read(hours(wrong)).unwrap_err().contains("no day such as"), "{wrong}");
    }
}

#[test]
fn hours_of_a_zone_that_nobody_knows_are_refused_and_count_nothing() {
    let hours = json!({"zone": "Mars/Olympus", "weekly": {"mon": [{"start": "09:00", "end": "17:00"}]}});
    assert!(read(hours.clone()).unwrap_err().starts_with("/zone"));
    let recorded: Hours = serde_json::from_value(hours).unwrap();
    assert!(recorded.business_time().is_none());
}

/// Zones with changes of an hour and of half an hour, at midnight, at odd offsets, and with a day that was skipped.
const ZONES: [Tz; 9] = [
    Tz::Atlantic__Azores,
    Tz::UTC,
    Tz::Asia__Shanghai,
    Tz::America__New_York,
    Tz::Europe__Berlin,
    Tz::Australia__Lord_Howe,
    Tz::Asia__Kathmandu,
    Tz::America__Havana,
    Tz::Pacific__Apia,
];

fn any_shifts(first: u16) -> impl Strategy<Value = Shifts> {
    prop::collection::btree_set(first..DAY_MINUTES, 0..=4).prop_map(move |edges| {
        let edges: Vec<_> = edges.into_iter().map(|minutes| TimeOfDay { minutes }).collect();
        let shifts = edges.chunks_exact(2).map(|edge| Shift { start: edge[0], end: edge[1] });
        // An odd edge begins a night.
        let night = edges.chunks_exact(2).remainder().first().filter(|start| start.minutes > 720);
        let night =
            night.map(|start| Shift { start: *start, end: TimeOfDay { minutes: first.max(start.minutes - 720) } });
        Shifts::try_from(shifts.chain(night).collect::<Vec<_>>()).unwrap()
    })
}

fn first_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2025, 1, 1).unwrap()
}

fn any_instant() -> impl Strategy<Value = DateTime<Utc>> {
    (0_i64..800 * 86_400_000_000)
        .prop_map(|microseconds| first_day().and_time(NaiveTime::MIN).and_utc() + TimeDelta::microseconds(microseconds))
}

fn any_span() -> impl Strategy<Value = TimeDelta> {
    (0_i64..200 * 3_600_000_000).prop_map(TimeDelta::microseconds)
}

/// Calendars whose shifts begin and end at any minute from `first` on.
fn any_calendar(first: u16) -> impl Strategy<Value = BusinessTime<'static>> {
    let day = || any_shifts(first);
    let week = (day(), day(), day(), day(), day(), day(), day());
    let exceptions = prop::collection::btree_map((0_u64..800).prop_map(|n| first_day() + Days::new(n)), day(), 0..20);
    (prop::sample::select(ZONES.to_vec()), week, exceptions).prop_filter_map(
        "never worked",
        |(zone, week, exceptions)| {
            let (mon, tue, wed, thu, fri, sat, sun) = week;
            let weekly = Week { mon, tue, wed, thu, fri, sat, sun };
            let hours = Hours { zone: Timezone::parse(zone.name()).unwrap(), weekly, exceptions };
            hours.check().is_ok().then(|| counted(hours))
        },
    )
}

/// Whether the clocks show a time that is worked: true for all instants as long as no shift begins or ends while the
/// clocks are changed.
fn is_worked(calendar: &BusinessTime<'_>, at: DateTime<Utc>) -> bool {
    let local = at.with_timezone(&calendar.zone);
    let (day, minutes) = (local.date_naive(), u16::try_from(local.hour() * 60 + local.minute()).unwrap());
    let shifts = |day: NaiveDate| calendar.hours.on(day);
    let worked = |day, minutes| {
        let shifts: &Shifts = shifts(day);
        shifts.0.iter().any(|shift| shift.start.minutes <= minutes && minutes < shift.end_minutes())
    };
    worked(day, minutes) || worked(day.pred_opt().unwrap(), minutes + DAY_MINUTES)
}

proptest! {
    #[test]
    fn so_much_time_as_was_asked_for_lies_before_the_instant_when_it_is_over(
        calendar in any_calendar(0), from in any_instant(), span in any_span()
    ) {
        let over = calendar.after(from, span).unwrap();
        prop_assert_eq!(calendar.between(from, over), span);
        let earlier = over - TimeDelta::microseconds(1);
        prop_assert!(span.is_zero() || calendar.between(from, earlier) < span, "it is not the first such instant");
    }

    #[test]
    fn a_span_in_two_parts_is_over_when_the_whole_is(
        calendar in any_calendar(0), from in any_instant(), one in any_span(), other in any_span()
    ) {
        prop_assume!(!other.is_zero());
        let halfway = calendar.after(from, one).unwrap();
        prop_assert_eq!(calendar.after(halfway, other), calendar.after(from, one + other));
    }

    #[test]
    fn working_time_adds_up_and_never_falls(
        calendar in any_calendar(0), mut instants in prop::array::uniform3(any_instant())
    ) {
        instants.sort_unstable();
        let [a, b, c] = instants;
        prop_assert_eq!(calendar.between(a, c), calendar.between(a, b) + calendar.between(b, c));
        prop_assert!(calendar.between(a, b) <= calendar.between(a, c) && calendar.between(b, c) <= calendar.between(a, c));
        prop_assert!(calendar.between(a, c) <= c - a);
    }

    #[test]
    fn intervals_are_in_order_and_apart(calendar in any_calendar(0), from in any_instant()) {
        let mut end = from;
        for interval in calendar.intervals(from, from + TimeDelta::days(20)) {
            prop_assert!(end <= interval.start && interval.start < interval.end);
            end = interval.end;
        }
    }

    #[test]
    fn working_time_is_the_count_of_minutes_whose_local_time_is_worked(
        calendar in any_calendar(240), day in 0_u64..800, days in 1_i64..4
    ) {
        let from = (first_day() + Days::new(day)).and_time(NaiveTime::MIN).and_utc();
        let worked = (0..days * 1_440).filter(|n| is_worked(&calendar, from + TimeDelta::minutes(*n))).count();
        prop_assert_eq!(calendar.between(from, from + TimeDelta::days(days)).num_minutes(), worked as i64);
    }
}
