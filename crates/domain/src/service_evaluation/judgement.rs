//! What scores come to, exact in whole numbers.
//!
//! `S = 100 · Σ wᵢ·(xᵢ/maxᵢ) / Σ wᵢ` over the criteria that apply, with the weight `w`, the score `x` and the scale `max`
//! of each. The verdict is that of the exact value. The result is the value rounded half up to hundredths, so that
//! 84.996 is shown as 85.00 though it does not pass from 85.

use std::collections::BTreeMap;

use super::fields::{CriterionId, ResultHundredths, Score, Scored, Verdict};
use crate::scorecard::{Card, Percentage};

/// What scores come to, and what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The result, rounded.
    pub result_hundredths: ResultHundredths,
    /// The verdict by the exact value.
    pub verdict: Verdict,
}

/// What scores come to by a card; `None` if no criterion applies. A criterion without a score does not apply.
#[must_use]
pub fn judge(card: &Card, scores: &BTreeMap<CriterionId, Scored>) -> Option<Judgement> {
    let (mut share, mut failed) = (Share::NOTHING, false);
    for criterion in &card.criteria {
        if let Some(Score::Points(points)) = scores.get(&criterion.id).map(|scored| scored.score) {
            share = share.and(criterion.weight_permille.get(), points, criterion.scale.get());
            failed |= criterion.critical_below.is_some_and(|least| points < least.get());
        }
    }
    if share.weights == 0 {
        return None;
    }
    let reaches = |percentage| !failed && share.reaches(percentage);
    let verdict = if reaches(card.pass_from) {
        Verdict::Pass
    } else if reaches(card.conditional_from) {
        Verdict::Conditional
    } else {
        Verdict::Fail
    };
    Some(Judgement { result_hundredths: share.hundredths(), verdict })
}

/// The share of what could be reached: `sum / (product · weights)`, where `product` is that of the scales.
struct Share {
    sum: Wide,
    product: Wide,
    weights: u64,
}

impl Share {
    const NOTHING: Self = Self { sum: Wide([0; 6]), product: Wide([0, 0, 0, 0, 0, 1]), weights: 0 };

    /// With `weight · points / scale` more.
    fn and(self, weight: u16, points: u8, scale: u8) -> Self {
        let (weight, points, scale) = (u64::from(weight), u64::from(points.min(scale)), u64::from(scale));
        Self {
            sum: self.sum.times(scale).plus(self.product.times(weight * points)),
            product: self.product.times(scale),
            weights: self.weights + weight,
        }
    }

    fn reaches(&self, percentage: Percentage) -> bool {
        self.sum.times(100) >= self.product.times(self.weights * u64::from(percentage.get()))
    }

    /// The largest `h` with `h − ½ ≤ 10,000 · share`, bit by bit.
    fn hundredths(&self) -> ResultHundredths {
        let doubled = self.sum.times(20_000);
        let fits = |h: u16| self.product.times(self.weights * (2 * u64::from(h) - 1)) <= doubled;
        let mut found = 0;
        for bit in (0..14).rev() {
            let tried = found + (1_u16 << bit);
            if fits(tried) {
                found = tried;
            }
        }
        ResultHundredths::of(found)
    }
}

/// A whole number below 2³⁸⁴, its highest part first. The scales of fifty criteria come to 100⁵⁰ < 2³³³, and no number
/// here is 2⁵¹ times as large. 128 bits do not even hold the least common multiple of the scales from 1 to 100.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wide([u64; 6]);

impl Wide {
    fn times(mut self, factor: u64) -> Self {
        let mut carry = 0;
        for part in self.0.iter_mut().rev() {
            (*part, carry) = split(u128::from(*part) * u128::from(factor) + carry);
        }
        self
    }

    fn plus(mut self, other: Self) -> Self {
        let mut carry = 0;
        for (part, more) in self.0.iter_mut().zip(other.0).rev() {
            (*part, carry) = split(u128::from(*part) + u128::from(more) + carry);
        }
        self
    }
}

/// The lower 64 bits of a number, and what is above them.
const fn split(number: u128) -> (u64, u128) {
    (number as u64, number >> 64)
}
