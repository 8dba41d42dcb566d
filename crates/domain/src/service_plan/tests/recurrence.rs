//! When rules are due: the examples of RFC 5545, the clocks' changes, and what is refused.

use chrono::NaiveDateTime;
use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn period(zone: &str, start: &str, end: &str) -> Period {
    let tz: Tz = zone.parse().unwrap();
    let utc = |text: &str| {
        let local = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%S").unwrap();
        local.and_local_timezone(tz).earliest().unwrap().to_utc()
    };
    Period { start: utc(start), end: utc(end), zone: crate::customer::Timezone::parse(zone).unwrap() }
}

fn recurrence(rrule: &str, exclusions: &[&str]) -> Recurrence {
    let json = json!({"rrule": rrule, "exclusions": exclusions, "early_s": 0, "late_s": 0, "lead_s": 0});
    serde_json::from_value(json).unwrap()
}

/// The days on which a rule is due at nine in New York, from a day of the RFC's on.
fn days(rrule: &str, start: &str, end: &str) -> Vec<String> {
    let period = period("America/New_York", &format!("{start}T090000"), &format!("{end}T000000"));
    let due = occurrences(&recurrence(rrule, &[]), &period).unwrap_or_else(|why| panic!("{rrule}: {why}"));
    let local = due.iter().map(|due| due.with_timezone(&chrono_tz::America::New_York));
    local
        .map(|local| {
            assert_eq!(local.format("%H:%M:%S").to_string(), "09:00:00", "{rrule}");
            local.format("%y%m%d").to_string()
        })
        .collect()
}

fn why(rrule: &str) -> String {
    let period = period("America/New_York", "20260101T090000", "20270101T090000");
    occurrences(&recurrence(rrule, &[]), &period).map(|due| due.len()).expect_err(rrule)
}

#[test]
fn the_examples_of_rfc_5545_hold() {
    #[rustfmt::skip]
    let examples = [
        ("FREQ=DAILY;COUNT=10", "19970902", "970902 970903 970904 970905 970906 970907 970908 970909 970910 970911"),
        ("FREQ=DAILY;INTERVAL=10;COUNT=5", "19970902", "970902 970912 970922 971002 971012"),
        ("FREQ=WEEKLY;UNTIL=19971007T000000Z;WKST=SU;BYDAY=TU,TH", "19970902",
            "970902 970904 970909 970911 970916 970918 970923 970925 970930 971002"),
        ("FREQ=WEEKLY;INTERVAL=2;UNTIL=19971224T000000Z;WKST=SU;BYDAY=MO,WE,FR", "19970901",
            "970901 970903 970905 970915 970917 970919 970929 971001 971003 971013 971015 971017 971027 971029 971031 \
             971110 971112 971114 971124 971126 971128 971208 971210 971212 971222"),
        ("FREQ=MONTHLY;COUNT=10;BYDAY=1FR", "19970905",
            "970905 971003 971107 971205 980102 980206 980306 980403 980501 980605"),
        ("FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1SU,-1SU", "19970907",
            "970907 970928 971102 971130 980104 980125 980301 980329 980503 980531"),
        ("FREQ=MONTHLY;COUNT=6;BYDAY=-2MO", "19970922", "970922 971020 971117 971222 980119 980216"),
        ("FREQ=MONTHLY;BYMONTHDAY=-3;COUNT=6", "19970928", "970928 971029 971128 971229 980129 980226"),
        ("FREQ=MONTHLY;COUNT=10;BYMONTHDAY=1,-1", "19970930",
            "970930 971001 971031 971101 971130 971201 971231 980101 980131 980201"),
        ("FREQ=YEARLY;COUNT=10;BYMONTH=6,7", "19970610",
            "970610 970710 980610 980710 990610 990710 000610 000710 010610 010710"),
        ("FREQ=YEARLY;INTERVAL=3;COUNT=10;BYYEARDAY=1,100,200", "19970101",
            "970101 970410 970719 000101 000409 000718 030101 030410 030719 060101"),
        ("FREQ=YEARLY;BYDAY=20MO;COUNT=3", "19970519", "970519 980518 990517"),
        ("FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO;COUNT=3", "19970512", "970512 980511 990517"),
        ("FREQ=YEARLY;BYMONTH=3;BYDAY=TH;COUNT=5", "19970313", "970313 970320 970327 980305 980312"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13;COUNT=5", "19970902", "980213 980313 981113 990813 001013"),
        ("FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3", "19961105",
            "961105 001107 041102"),
        ("FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3", "19970904", "970904 971007 971106"),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2;COUNT=7", "19970929",
            "970929 971030 971127 971230 980129 980226 980330"),
        ("FREQ=MONTHLY;BYMONTHDAY=15,30;COUNT=5", "20070115", "070115 070130 070215 070315 070330"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "19970805", "970805 970810 970819 970824"),
        ("FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "19970805", "970805 970817 970819 970831"),
    ];
    for (rrule, start, expected) in examples {
        assert_eq!(days(rrule, start, "20100101"), expected.split(' ').collect::<Vec<_>>(), "{rrule}");
    }
    let until_december = days("FREQ=DAILY;UNTIL=19971224T000000Z", "19970902", "20100101");
    assert_eq!((until_december.len(), until_december.last().map(String::as_str)), (113, Some("971223")));
    let januaries = "FREQ=YEARLY;UNTIL=20000131T140000Z;BYMONTH=1;BYDAY=SU,MO,TU,WE,TH,FR,SA";
    assert_eq!(days(januaries, "19980101", "20100101").len(), 93);
}

#[test]
fn occurrences_are_inside_the_period_and_its_start_is_one_where_it_fits() {
    // The end is the first instant that is not inside.
    let period = |end| period("Etc/UTC", "20260105T090000", end);
    let count = |end| occurrences(&recurrence("FREQ=WEEKLY", &[]), &period(end)).unwrap().len();
    assert_eq!((count("20260119T090000"), count("20260119T090001")), (2, 3));
    assert_eq!(days("FREQ=WEEKLY;BYDAY=FR", "20260105", "20260112"), ["260109"]);
}

fn times(zone: &str, start: &str, end: &str, rrule: &str) -> Vec<String> {
    let due = occurrences(&recurrence(rrule, &[]), &period(zone, start, end)).unwrap();
    due.iter().map(|due| due.format("%d %H:%M").to_string()).collect()
}

#[test]
fn occurrences_keep_to_local_time_when_the_clocks_change() {
    let march = times("America/New_York", "20260306T090000", "20260310T000000", "FREQ=DAILY");
    assert_eq!(march, ["06 14:00", "07 14:00", "08 13:00", "09 13:00"]);
    let november = times("America/New_York", "20261031T090000", "20261103T000000", "FREQ=DAILY");
    assert_eq!(november, ["31 13:00", "01 14:00", "02 14:00"]);
}

#[test]
fn a_time_that_the_clocks_skip_is_not_lost_and_one_that_they_show_twice_is_the_first() {
    // As RFC 5545 has it: 2:30 in the night of the change is 3:30 by the new time.
    let march = times("America/New_York", "20260307T023000", "20260310T000000", "FREQ=DAILY");
    assert_eq!(march, ["07 07:30", "08 07:30", "09 06:30"]);
    // 2:30 is counted as 3:30, and 3:30 is 3:30: one visit.
    let march = times("America/New_York", "20260308T000000", "20260309T000000", "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=30");
    assert_eq!(march, ["08 07:30"]);
    let november = times("America/New_York", "20261031T013000", "20261103T000000", "FREQ=DAILY");
    assert_eq!(november, ["31 05:30", "01 05:30", "02 06:30"]);
    // Where midnight is skipped.
    let beirut = times("Asia/Beirut", "20260328T000000", "20260331T000000", "FREQ=DAILY");
    assert_eq!(beirut, ["27 22:00", "28 22:00", "29 21:00"]);
}

#[test]
fn until_is_an_instant_and_the_last_that_counts() {
    assert_eq!(days("FREQ=DAILY;UNTIL=20260307T140000Z", "20260306", "20260401"), ["260306", "260307"]);
    assert_eq!(days("FREQ=DAILY;UNTIL=20260307T135959Z", "20260306", "20260401"), ["260306"]);
}

#[test]
fn exclusions_leave_out_days_of_the_zone_and_single_occurrences() {
    let period = period("Asia/Shanghai", "20260501T060000", "20260505T000000");
    let due = |exclusions: &[&str]| {
        let due = occurrences(&recurrence("FREQ=DAILY;BYHOUR=6,18", exclusions), &period).unwrap();
        due.iter().map(|due| due.format("%d %H").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(due(&[]).len(), 8);
    // Six in the morning of the second is the evening of the first in UTC.
    assert_eq!(due(&["2026-05-02", "2026-05-03"]), ["30 22", "01 10", "03 22", "04 10"]);
    assert_eq!(due(&["2026-05-01T06:00:00+08:00"]).first().map(String::as_str), Some("01 10"));
    // Nothing is due then: it leaves out nothing.
    assert_eq!(due(&["2026-05-01T06:00:01+08:00", "2027-01-01"]).len(), 8);
}

#[test]
fn an_exclusion_is_written_as_a_day_or_as_an_instant() {
    let read = |text: &str| Exclusion::try_from(text.to_owned()).map(String::from);
    assert_eq!(read("2026-05-01"), Ok("2026-05-01".to_owned()));
    assert_eq!(read("2026-05-01T06:00:00+08:00"), Ok("2026-04-30T22:00:00Z".to_owned()));
    for wrong in ["", "2026-5-1", "20260501", "May 1", "2026-05-01T06:00:00"] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn what_rfc_5545_forbids_is_refused() {
    for rrule in [
        "nonsense",
        "FREQ",
        "FREQ=",
        "FREQ=FORTNIGHTLY",
        "INTERVAL=2",
        "FREQ=DAILY;FREQ=WEEKLY",
        "FREQ=DAILY;",
        "FREQ=DAILY;COLOUR=RED",
        "RRULE:FREQ=DAILY",
        "DTSTART:20260101T090000Z",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=70000",
        "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z",
        "FREQ=DAILY;UNTIL=20261231T000000",
        "FREQ=DAILY;UNTIL=20261231",
        "FREQ=DAILY;UNTIL=20261331T000000Z",
        "FREQ=DAILY;BYMONTH=13",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYMONTHDAY=32",
        "FREQ=DAILY;BYYEARDAY=1",
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYWEEKNO=1",
        "FREQ=MONTHLY;BYDAY=XX",
        "FREQ=MONTHLY;BYDAY=0MO",
        "FREQ=MONTHLY;BYDAY=1MO,-0TU",
        "FREQ=WEEKLY;BYWEEKDAY=MO",
        "FREQ=MONTHLY;BYDAY=6MO",
        "FREQ=YEARLY;BYDAY=54MO",
        "FREQ=YEARLY;BYWEEKNO=20;BYDAY=1MO",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=DAILY;BYDAY=-1MO",
        "FREQ=DAILY;BYHOUR=24",
        "FREQ=DAILY;BYMINUTE=60",
        "FREQ=MONTHLY;BYSETPOS=1",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=0",
    ] {
        assert!(!why(rrule).is_empty());
    }
}

/// What never ends, never comes, or comes too often.
const HOSTILE: &[&str] = &[
    "FREQ=SECONDLY",
    "FREQ=SECONDLY;INTERVAL=61;BYHOUR=3;BYMINUTE=5;BYSECOND=7",
    "FREQ=MINUTELY",
    "FREQ=HOURLY",
    "FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23",
    "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=1,2,3,4,5;BYMINUTE=1,2,3,4,5;BYSECOND=1,2,3,4,5",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,31;BYDAY=MO",
    "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30,31",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30,31",
    "FREQ=YEARLY;BYYEARDAY=1;BYMONTH=12",
    "FREQ=YEARLY;BYMONTH=1;BYWEEKNO=30",
    "FREQ=YEARLY;BYMONTH=1;BYSETPOS=366,-366",
    "FREQ=DAILY;INTERVAL=7;BYDAY=MO",
    "FREQ=DAILY;INTERVAL=65535",
    "FREQ=WEEKLY;INTERVAL=65535;BYDAY=MO",
    "FREQ=MONTHLY;INTERVAL=65535;BYMONTHDAY=31",
    "FREQ=YEARLY;INTERVAL=65535;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;COUNT=4294967295",
];

#[test]
fn hostile_rules_are_refused() {
    // From a Thursday on, for as long as a plan may last.
    let period = period("America/New_York", "20260101T090000", "21991231T090000");
    for rrule in HOSTILE {
        // One that comes once in 180 years, on the first day of the period, is a rule like any other.
        let due = occurrences(&recurrence(rrule, &[]), &period).map_or(0, |due| due.len());
        assert!(due == 0 || (rrule.contains("65535") && due == 1), "{rrule}: {due}");
    }
}

#[test]
fn a_rule_that_is_due_too_often_never_or_not_at_all_is_refused_with_its_code() {
    let count = |count: usize| {
        with_in(visits(), "recurrence", "rrule", json!(format!("FREQ=DAILY;BYHOUR=0,3,6,9,12,15,18,21;COUNT={count}")))
    };
    let draft = |terms: Value| world().when(P, "draft", json!({"customer": LI, "terms": terms}));
    assert!(draft(count(OCCURRENCES_MAX)).is_ok());
    for terms in [count(OCCURRENCES_MAX + 1), with_in(visits(), "recurrence", "rrule", json!("FREQ=DAILY;BYMONTH=1"))] {
        let rejection = draft(terms).unwrap_err();
        assert_eq!(
            (rejection.code, rejection.errors[0].pointer.as_str()),
            (Code::RruleInvalid, "/data/terms/recurrence/rrule")
        );
    }
}

fn a_list(range: std::ops::RangeInclusive<i32>) -> impl Strategy<Value = String> {
    prop::collection::vec(range, 1..5).prop_map(|list| list.iter().map(i32::to_string).collect::<Vec<_>>().join(","))
}

fn days_of_week() -> impl Strategy<Value = String> {
    let day = prop::sample::select(vec!["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
    let numbered = (prop_oneof![3 => Just(None), 1 => (-54..=54).prop_map(Some)], day)
        .prop_map(|(n, day)| n.map_or(day.to_owned(), |n: i32| format!("{n}{day}")));
    prop::collection::vec(numbered, 1..4).prop_map(|days| days.join(","))
}

fn any_rule() -> impl Strategy<Value = String> {
    let frequency = prop::sample::select(vec!["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]);
    let part = |name: &'static str, list: BoxedStrategy<String>| prop_oneof![3 => Just(String::new()), 1 => list.prop_map(move |list| format!(";{name}={list}"))];
    let sets = (
        part("BYMONTH", a_list(1..=12).boxed()),
        part("BYMONTHDAY", a_list(-31..=31).boxed()),
        part("BYYEARDAY", a_list(-366..=366).boxed()),
        part("BYWEEKNO", a_list(-53..=53).boxed()),
        part("BYDAY", days_of_week().boxed()),
        part("BYHOUR", a_list(0..=23).boxed()),
        part("BYSETPOS", a_list(-366..=366).boxed()),
        part("WKST", prop::sample::select(vec!["MO", "SA", "SU"]).prop_map(str::to_owned).boxed()),
    );
    let interval = part(
        "INTERVAL",
        prop_oneof![(1..=30_u16).prop_map(|n| n.to_string()), any::<u16>().prop_map(|n| n.to_string())].boxed(),
    );
    (frequency, interval, sets).prop_map(|(frequency, interval, (a, b, c, d, e, f, g, h))| {
        format!("FREQ={frequency}{interval}{a}{b}{c}{d}{e}{f}{g}{h}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_the_rule_its_occurrences_rise_inside_the_period_or_it_is_refused(
        rrule in any_rule(),
        start in 0..100 * 366_i64,
        zone in prop::sample::select(vec!["America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Etc/UTC"]),
    ) {
        let start = time("1950-01-01T02:30:00Z") + TimeDelta::days(start);
        let zone = crate::customer::Timezone::parse(zone).unwrap();
        let period = Period { start, end: start + TimeDelta::days(800), zone };
        if let Ok(due) = occurrences(&recurrence(&rrule, &[]), &period) {
            prop_assert!(due.iter().all(|at| period.contains(*at)));
            prop_assert!(due.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!((1..=OCCURRENCES_MAX).contains(&due.len()));
        }
    }
}
