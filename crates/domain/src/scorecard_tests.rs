use serde_json::json;

use super::*;
use crate::envelope::ActorKind;
use crate::given::{Given, given};
use crate::ids::ScorecardId;
use crate::rejection::Code;

const VISITS: ScorecardId = ScorecardId(Uuid::from_u128(1));

fn name(text: &str) -> Name<200> {
    Name::parse(text).unwrap()
}

fn card(weights: &[(&str, u32)]) -> Card {
    let criterion = |(id, weight): &(&str, u32)| json!({"id": id, "name": format!("Criterion {id}"), "weight_permille": weight, "scale": 5});
    serde_json::from_value(json!({"criteria": weights.iter().map(criterion).collect::<Vec<_>>()})).unwrap()
}

fn a_card() -> Card {
    card(&[("punctual", 400), ("clean", 600)])
}

fn a_scorecard() -> Given {
    given([]).then(VISITS.stream(), Command::Define { name: name("Visits 上门"), card: a_card() })
}

fn rejection(outcome: Result<Decision, Rejection>) -> (Code, Option<String>) {
    let rejection = outcome.unwrap_err();
    (rejection.code, rejection.errors.into_iter().next().map(|error| error.pointer))
}

#[test]
fn a_scorecard_is_defined_once() {
    let again = Command::Define { name: name("Other"), card: a_card() };
    assert_eq!(rejection(a_scorecard().when(VISITS.stream(), again)).0, Code::AlreadyExists);
    for unknown in [Command::Rename { name: name("x") }, Command::Revise { card: a_card() }] {
        assert_eq!(rejection(given([]).when(VISITS.stream(), unknown)).0, Code::NotFound);
    }
}

#[test]
fn a_revision_is_numbered_and_the_card_of_today_makes_none() {
    let other = card(&[("punctual", 1_000)]);
    let revised = Decision::event(VISITS.stream(), Event::ScorecardRevised { revision: 2, card: other.clone() });
    assert_eq!(a_scorecard().when(VISITS.stream(), Command::Revise { card: other }), Ok(revised));
    assert_eq!(a_scorecard().when(VISITS.stream(), Command::Revise { card: a_card() }), Ok(Decision::already()));
}

#[test]
fn a_card_that_cannot_be_judged_by_is_refused_with_a_pointer() {
    let mut never_passed = a_card();
    never_passed.criteria[1].critical_below = Some(Scale::try_from(6).unwrap());
    let mixed_up = Card { conditional_from: Percentage::of(90), ..a_card() };
    for (card, pointer) in [
        (card(&[]), "/data/card/criteria"),
        (card(&[("a", 500), ("b", 499)]), "/data/card/criteria"),
        (card(&[("a", 500), ("a", 500)]), "/data/card/criteria/1/id"),
        (never_passed, "/data/card/criteria/1/critical_below"),
        (mixed_up, "/data/card/conditional_from"),
    ] {
        let expected = (Code::Validation, Some(pointer.to_owned()));
        let define = Command::Define { name: name("Visits"), card: card.clone() };
        assert_eq!(rejection(given([]).when(VISITS.stream(), define)), expected);
        assert_eq!(rejection(a_scorecard().when(VISITS.stream(), Command::Revise { card })), expected);
    }
}

#[test]
fn a_card_has_at_most_fifty_criteria() {
    let ids: Vec<_> = (0..51).map(|n| n.to_string()).collect();
    let criteria: Vec<_> = ids.iter().map(|id| (id.as_str(), 10)).collect();
    let revise = Command::Revise { card: card(&criteria) };
    assert_eq!(rejection(a_scorecard().when(VISITS.stream(), revise)).0, Code::LimitExceeded);
}

#[test]
fn a_result_passes_from_85_and_with_conditions_from_70_unless_said_otherwise() {
    assert_eq!((a_card().pass_from.get(), a_card().conditional_from.get()), (85, 70));
}

#[test]
fn scorecards_are_changed_by_supervisors_only() {
    let rename = Command::Rename { name: name("Other") };
    let by_customer = a_scorecard().by(ActorKind::Customer).when(VISITS.stream(), rename.clone());
    assert_eq!(rejection(by_customer).0, Code::Forbidden);
    let renamed = Decision::event(VISITS.stream(), Event::ScorecardRenamed { name: name("Other") });
    assert_eq!(a_scorecard().when(VISITS.stream(), rename.clone()), Ok(renamed));
    let already = a_scorecard().then(VISITS.stream(), rename.clone()).when(VISITS.stream(), rename);
    assert_eq!(already, Ok(Decision::already()));
}
