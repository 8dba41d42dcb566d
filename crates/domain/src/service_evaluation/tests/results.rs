//! What scores come to, in exact numbers.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::scorecard::Card;

/// Of each criterion its weight, scale and critical limit, and its score if it applies.
type Rated = (u16, u8, Option<u8>, Option<u8>);
type Criteria = Vec<Rated>;

fn judged(criteria: &Criteria) -> Option<Judgement> {
    judged_from(85, 70, criteria)
}

fn judged_from(pass_from: u8, conditional_from: u8, criteria: &Criteria) -> Option<Judgement> {
    let criterion = |(id, (weight, scale, critical, _)): (usize, &Rated)| {
        let mut criterion = json!({"id": id.to_string(), "name": "x", "weight_permille": weight, "scale": scale});
        if let Some(critical) = critical {
            criterion["critical_below"] = json!(critical);
        }
        criterion
    };
    let listed: Vec<_> = criteria.iter().enumerate().map(criterion).collect();
    let card = json!({"criteria": listed, "pass_from": pass_from, "conditional_from": conditional_from});
    let card: Card = serde_json::from_value(card).unwrap();
    let scored = |(id, (.., points)): (usize, &Rated)| {
        let criterion: CriterionId = Name::parse(&id.to_string()).unwrap();
        let score = points.map_or(Score::NotApplicable, Score::Points);
        (criterion.clone(), Scored { criterion, score, comment: None, evidence: [].into() })
    };
    judge(&card, &criteria.iter().enumerate().map(scored).collect::<BTreeMap<_, _>>())
}

fn told(judgement: Option<Judgement>) -> Option<(u16, Verdict)> {
    judgement.map(|judgement| (judgement.result_hundredths.get(), judgement.verdict))
}

#[test]
fn a_result_of_exactly_85_passes_and_one_of_exactly_70_passes_with_conditions() {
    for (points, expected) in [
        (100, (10_000, Verdict::Pass)),
        (85, (8_500, Verdict::Pass)),
        (84, (8_400, Verdict::Conditional)),
        (70, (7_000, Verdict::Conditional)),
        (69, (6_900, Verdict::Fail)),
        (0, (0, Verdict::Fail)),
    ] {
        assert_eq!(told(judged(&vec![(1_000, 100, None, Some(points))])), Some(expected), "{points}");
    }
    // 85 and 70 from thirds and sevenths, whose fractions end nowhere.
    let thirds = |sevens| vec![(300, 3, None, Some(3)), (700, 7, None, Some(sevens))];
    assert_eq!(told(judged(&thirds(4))), Some((7_000, Verdict::Conditional)));
    let of_85 = vec![(550, 11, None, Some(11)), (450, 9, None, Some(6))];
    assert_eq!(told(judged(&of_85)), Some((8_500, Verdict::Pass)));
}

#[test]
fn the_verdict_is_that_of_the_value_before_it_is_rounded() {
    // 999/1000 · 85/100 + 1/1000 · 84/99 is below 85 by 1/66 of a hundredth.
    let almost = vec![(999, 100, None, Some(85)), (1, 99, None, Some(84))];
    assert_eq!(told(judged(&almost)), Some((8_500, Verdict::Conditional)));
    let almost_70 = vec![(999, 100, None, Some(70)), (1, 99, None, Some(69))];
    assert_eq!(told(judged(&almost_70)), Some((7_000, Verdict::Fail)));
}

#[test]
fn half_a_hundredth_is_rounded_up() {
    // 1/1000 · 1/20 is half a hundredth of 100.
    assert_eq!(told(judged(&vec![(1, 20, None, Some(1)), (999, 1, None, Some(0))])), Some((1, Verdict::Fail)));
    assert_eq!(told(judged(&vec![(1, 21, None, Some(1)), (999, 1, None, Some(0))])), Some((0, Verdict::Fail)));
}

#[test]
fn a_critical_criterion_below_its_limit_fails_the_whole_and_one_that_does_not_apply_fails_nothing() {
    let with = |points| told(judged(&vec![(990, 5, None, Some(5)), (10, 10, Some(5), points)]));
    assert_eq!(with(Some(4)), Some((9_940, Verdict::Fail)));
    assert_eq!(with(Some(5)), Some((9_950, Verdict::Pass)));
    assert_eq!(with(None), Some((10_000, Verdict::Pass)));
}

#[test]
fn where_nothing_applies_there_is_no_result() {
    assert_eq!(judged(&vec![(400, 5, None, None), (600, 5, None, None)]), None);
    assert_eq!(judged(&Vec::new()), None);
}

#[test]
fn scales_whose_common_multiple_is_beyond_128_bits_are_counted_with() {
    let powers = [64, 81, 25, 49, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97];
    let multiple = powers.iter().try_fold(1_u128, |product, power| product.checked_mul(*power));
    assert_eq!(multiple, None, "or this test shows nothing");
    let scored = |missed: u8| -> Criteria {
        powers
            .iter()
            .zip(0..)
            .map(|(scale, n)| (40, *scale as u8, None, Some(*scale as u8 - u8::from(n < missed))))
            .collect()
    };
    assert_eq!(told(judged_from(100, 70, &scored(0))), Some((10_000, Verdict::Pass)));
    // 4 · (1/64 + 1/81 + 1/25) = 0.2719 are missing.
    assert_eq!(told(judged_from(100, 70, &scored(3))), Some((9_973, Verdict::Conditional)));
    let full = vec![(20, 100, None, Some(100)); 50];
    assert_eq!(told(judged(&full)), Some((10_000, Verdict::Pass)));
}

fn any_criterion(scale_max: u8) -> impl Strategy<Value = Rated> {
    (1..=1_000_u16, 1..=scale_max).prop_flat_map(|(weight, scale)| {
        let critical = prop::option::weighted(0.1, 1..=scale);
        (Just(weight), Just(scale), critical, prop::option::weighted(0.9, 0..=scale))
    })
}

fn any_criteria(scale_max: u8) -> impl Strategy<Value = Criteria> {
    prop::collection::vec(any_criterion(scale_max), 1..=50)
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The same by fractions in lowest terms and a division. Scales to 20 have a common multiple that 128 bits hold.
fn by_fractions(criteria: &Criteria) -> Option<(u16, Verdict)> {
    let (mut above, mut below, mut weights, mut failed) = (0_u128, 1_u128, 0_u128, false);
    for (weight, scale, critical, points) in criteria {
        let Some(points) = points else { continue };
        let (weight, scale) = (u128::from(*weight), u128::from(*scale));
        (above, below) = (above * scale + weight * u128::from(*points) * below, below * scale);
        let common = gcd(above, below);
        (above, below) = (above / common, below / common);
        weights += weight;
        failed |= critical.is_some_and(|critical| *points < critical);
    }
    let whole = Some(below * weights).filter(|whole| *whole > 0)?;
    let hundredths = (20_000 * above + whole) / (2 * whole);
    let verdict = match 100 * above {
        _ if failed => Verdict::Fail,
        value if value >= 85 * whole => Verdict::Pass,
        value if value >= 70 * whole => Verdict::Conditional,
        _ => Verdict::Fail,
    };
    Some((u16::try_from(hundredths).unwrap(), verdict))
}

/// Between which hundredths the result lies, by decimals: for scales of any size.
fn between(criteria: &Criteria) -> Option<(u128, u128)> {
    const ONE: u128 = 10_u128.pow(28);
    let applicable = || criteria.iter().filter_map(|(weight, scale, _, points)| Some((*weight, *scale, (*points)?)));
    let weights: u128 = applicable().map(|(weight, ..)| u128::from(weight)).sum();
    let least: u128 = applicable()
        .map(|(weight, scale, points)| u128::from(weight) * u128::from(points) * ONE / u128::from(scale))
        .sum();
    let rounded = |sum: u128| (sum * 10_000 / weights + ONE / 2) / ONE;
    (weights > 0).then(|| (rounded(least), rounded(least + 100)))
}

proptest! {
    #[test]
    fn a_result_is_the_same_by_fractions(criteria in any_criteria(20)) {
        prop_assert_eq!(told(judged(&criteria)), by_fractions(&criteria));
    }

    #[test]
    fn a_result_lies_where_decimals_put_it(criteria in any_criteria(100)) {
        let result = told(judged(&criteria)).map(|(result, _)| u128::from(result));
        let bounds = between(&criteria);
        prop_assert_eq!(result.is_some(), bounds.is_some());
        if let (Some(result), Some((low, high))) = (result, bounds) {
            prop_assert!(result <= 10_000 && low <= result && result <= high, "{low} {result} {high}");
        }
    }

    #[test]
    fn a_result_does_not_depend_on_the_order_of_criteria(
        (criteria, shuffled) in any_criteria(100).prop_flat_map(|criteria| (Just(criteria.clone()), Just(criteria).prop_shuffle()))
    ) {
        prop_assert_eq!(judged(&criteria), judged(&shuffled));
    }

    #[test]
    fn a_higher_score_never_gives_a_lower_result_or_a_worse_verdict(criteria in any_criteria(100), which in any::<prop::sample::Index>()) {
        let mut better = criteria.clone();
        let (_, scale, _, points) = which.get_mut(&mut better);
        *points = points.map(|points| (points + 1).min(*scale));
        if let (Some((before, verdict_before)), Some((after, verdict_after))) = (told(judged(&criteria)), told(judged(&better))) {
            prop_assert!(after >= before);
            // Verdicts are in order, the best first.
            prop_assert!(verdict_after <= verdict_before);
        }
    }
}
