use serde_json::json;

use super::*;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::SlaPolicyId;
use crate::rejection::Code;
use crate::{calendar, team};

const GOLD: SlaPolicyId = SlaPolicyId(Uuid::from_u128(1));
const DESK: CalendarId = CalendarId(Uuid::from_u128(2));
const FIRST_LINE: TeamId = TeamId(Uuid::from_u128(3));
const NOWHERE: Uuid = Uuid::from_u128(9);

fn name(text: &str) -> Name<200> {
    Name::parse(text).unwrap()
}

fn terms(first_response_s: u32) -> Terms {
    let targets = json!({"P1": {"first_response_s": first_response_s, "total_resolution_s": 14_400}});
    serde_json::from_value(json!({"calendar": DESK, "targets": targets})).unwrap()
}

fn reassigned_to(team: TeamId) -> Terms {
    let percent = Percent::try_from(75).unwrap();
    let rung = Rung { clock: ClockKind::FirstResponse, percent, escalation: Escalation::Reassign { team } };
    Terms { ladder: BTreeSet::from([rung]), ..terms(900) }
}

fn a_desk() -> Given {
    let weekly = json!({"mon": [{"start": "09:00", "end": "17:00"}]});
    let hours = serde_json::from_value(json!({"zone": "Asia/Shanghai", "weekly": weekly})).unwrap();
    given([])
        .then(DESK.stream(), calendar::Command::Define { name: name("Desk"), hours })
        .then(FIRST_LINE.stream(), team::Command::Form { name: name("First line"), routing: team::Routing::Manual })
}

fn a_policy() -> Given {
    a_desk().then(GOLD.stream(), Command::Define { name: name("Gold 金牌"), terms: terms(900) })
}

fn rejection(outcome: Result<Decision, Rejection>) -> (Code, Option<String>) {
    let rejection = outcome.unwrap_err();
    (rejection.code, rejection.errors.into_iter().next().map(|error| error.pointer))
}

#[test]
fn a_policy_is_defined_once() {
    let again = Command::Define { name: name("Other"), terms: terms(900) };
    assert_eq!(rejection(a_policy().when(GOLD.stream(), again)).0, Code::AlreadyExists);
    for unknown in [Command::Rename { name: name("x") }, Command::Revise { terms: terms(1) }] {
        assert_eq!(rejection(a_desk().when(GOLD.stream(), unknown)).0, Code::NotFound);
    }
}

#[test]
fn a_revision_is_numbered_and_the_terms_of_today_make_none() {
    let revise = |first_response_s| Command::Revise { terms: terms(first_response_s) };
    let revised = Decision::event(GOLD.stream(), Event::SlaPolicyRevised { revision: 2, terms: terms(600) });
    assert_eq!(a_policy().when(GOLD.stream(), revise(600)), Ok(revised));
    assert_eq!(a_policy().when(GOLD.stream(), revise(900)), Ok(Decision::already()));
}

#[test]
fn what_a_policy_refers_to_must_exist() {
    let missing = |terms, pointer: &str| {
        let expected = (Code::ReferenceMissing, Some(pointer.to_owned()));
        assert_eq!(rejection(a_policy().when(GOLD.stream(), Command::Revise { terms })), expected);
    };
    missing(Terms { calendar: CalendarId(NOWHERE), ..terms(600) }, "/data/terms/calendar");
    missing(reassigned_to(TeamId(NOWHERE)), "/data/terms/ladder");
    assert!(a_policy().when(GOLD.stream(), Command::Revise { terms: reassigned_to(FIRST_LINE) }).is_ok());
}

#[test]
fn a_policy_promises_something() {
    let nothing = [BTreeMap::new(), BTreeMap::from([(Priority::P1, Targets::default())])];
    for targets in nothing {
        let define = Command::Define { name: name("Empty"), terms: Terms { targets, ..terms(900) } };
        let expected = (Code::Validation, Some("/data/terms/targets".to_owned()));
        assert_eq!(rejection(a_desk().when(GOLD.stream(), define)), expected);
    }
}

#[test]
fn policies_are_changed_by_supervisors_only() {
    let rename = Command::Rename { name: name("Silver") };
    assert_eq!(rejection(a_policy().by(ActorKind::Customer).when(GOLD.stream(), rename.clone())).0, Code::Forbidden);
    let renamed = Decision::event(GOLD.stream(), Event::SlaPolicyRenamed { name: name("Silver") });
    assert_eq!(a_policy().when(GOLD.stream(), rename.clone()), Ok(renamed));
    assert_eq!(a_policy().then(GOLD.stream(), rename.clone()).when(GOLD.stream(), rename), Ok(Decision::already()));
}

#[test]
fn a_rung_has_a_clock_that_runs_and_one_escalation_of_each_kind() {
    let rung = |clock, percent, team| {
        let escalation = Escalation::Reassign { team: TeamId(Uuid::from_u128(team)) };
        Rung { clock, percent: Percent::try_from(percent).unwrap(), escalation }
    };
    let refused = |ladder: &[Rung]| {
        let terms = Terms { ladder: ladder.iter().copied().collect(), ..terms(900) };
        rejection(a_policy().when(GOLD.stream(), Command::Revise { terms }))
    };
    let expected = (Code::Validation, Some("/data/terms/ladder".to_owned()));
    let first = ClockKind::FirstResponse;
    assert_eq!(refused(&[rung(first, 50, 3), rung(first, 50, 4)]), expected);
    assert_eq!(refused(&[rung(ClockKind::NextResponse, 50, 3)]), expected, "it has no target");
    let many: Vec<_> = (0..61).map(|team| rung(first, 50, team)).collect();
    assert_eq!(refused(&many).0, Code::LimitExceeded);
}

#[test]
fn the_clocks_of_resolutions_pause_unless_said_otherwise() {
    let resolutions = BTreeSet::from([ClockKind::FirstResolution, ClockKind::TotalResolution]);
    let expected = Pauses { pending: resolutions.clone(), on_hold: resolutions };
    assert_eq!((&terms(900).pauses, terms(900).retargeting), (&expected, Retargeting::Carry));
    let some: Pauses = serde_json::from_value(json!({"on_hold": []})).unwrap();
    assert_eq!(some, Pauses { on_hold: BTreeSet::new(), ..expected });
}

#[test]
fn targets_and_shares_have_their_limits() {
    assert!(TargetSeconds::try_from(TARGET_S_MAX).is_ok());
    for wrong in [0, TARGET_S_MAX + 1] {
        assert!(TargetSeconds::try_from(wrong).is_err(), "{wrong}");
    }
    for (percent, is_known) in [(50, true), (75, true), (90, true), (100, true), (150, true), (0, false), (80, false)] {
        assert_eq!(Percent::try_from(percent).is_ok(), is_known, "{percent}");
    }
}

#[test]
fn a_wrong_target_is_named_with_its_priority() {
    let calendar = Uuid::from_u128(1);
    let wrong = |targets: &str| {
        let data = format!(r#"{{"name":"Gold","terms":{{"calendar":"{calendar}","targets":{targets}}}}}"#);
        match crate::codec::read_variant::<Command>("define", "/data", &data) {
            Err(crate::codec::VariantError::Content(error)) => error.pointer,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wrong(r#"{"P3":{"first_response_s":"soon"}}"#), "/data/terms/targets/P3/first_response_s");
    assert!(wrong(r#"{"P9":{"first_response_s":60}}"#).starts_with("/data/terms/targets"));
}
