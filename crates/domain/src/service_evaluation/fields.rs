//! The values that evaluations are described by.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::aggregates::Category;
use crate::ids::StreamId;
use crate::moment::Moment;
use crate::named::named;
use crate::ranged::ranged;
use crate::text::{FreeText, Name};

/// What was looked at, and how. Never personal data.
pub type Content = FreeText<10_000>;
/// The id of a criterion within its scorecard.
pub type CriterionId = Name<50>;
/// What is to be said about a score. Never personal data.
pub type Comment = FreeText<2_000>;
/// Why somebody appeals, or why the appeal is decided so. Never personal data.
pub type Reason = FreeText<2_000>;
/// What is to be done better. Never personal data.
pub type Task = FreeText<2_000>;

named! {
    /// Where an evaluation stands. Logic is keyed on these, never on a label.
    Status {
        /// Draft 草稿: being scored.
        Draft = "draft",
        /// Submitted 已提交: scored, and open to an appeal.
        Submitted = "submitted",
        /// Appealed 已申诉: somebody does not agree.
        Appealed = "appealed",
        /// Upheld 维持: the evaluation stays as it was, in spite of the appeal.
        Upheld = "upheld",
        /// Revised 改判: the appeal led to other scores.
        Revised = "revised",
        /// Finalized 已定稿: nothing changes any more.
        Finalized = "finalized",
    }
}

named! {
    /// What a result means.
    Verdict {
        /// It passes.
        Pass = "pass",
        /// It passes with conditions.
        Conditional = "conditional",
        /// It fails.
        Fail = "fail",
    }
}

named! {
    /// What an appeal led to.
    AppealOutcome {
        /// The evaluation stays as it was.
        Upheld = "upheld",
        /// Some scores are others.
        Revised = "revised",
    }
}

named! {
    /// What kind of thing is evaluated.
    SubjectKind {
        /// The work on a ticket.
        Ticket = "ticket",
        /// A service execution.
        Execution = "execution",
        /// A service plan.
        Plan = "plan",
        /// An agent's work.
        Agent = "agent",
        /// A team's work.
        Team = "team",
    }
}

impl SubjectKind {
    const fn category(self) -> Category {
        match self {
            Self::Ticket => Category::Ticket,
            Self::Execution => Category::ServiceExecution,
            Self::Plan => Category::ServicePlan,
            Self::Agent => Category::Agent,
            Self::Team => Category::Team,
        }
    }
}

/// What is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
}

impl Subject {
    /// The stream that holds the subject's own history.
    #[must_use]
    pub const fn stream(self) -> StreamId {
        StreamId { category: self.kind.category(), id: self.id }
    }
}

/// The time whose service is judged: `start ≤ t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Its first instant.
    pub start: Moment,
    /// The first instant after it.
    pub end: Moment,
}

/// The position of the history that an evaluator looked at, as the read side told it; from 1 on. Whether the history had
/// come so far is not for a decision to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct AsOfPosition(u64);

impl TryFrom<u64> for AsOfPosition {
    type Error = String;

    fn try_from(position: u64) -> Result<Self, String> {
        if (1..=i64::MAX as u64).contains(&position) { Ok(Self(position)) } else { Err(format!("1 to {}", i64::MAX)) }
    }
}

impl From<AsOfPosition> for u64 {
    fn from(position: AsOfPosition) -> u64 {
        position.0
    }
}

ranged! {
    /// A result in hundredths: 0 to 10,000 for 0 to 100, rounded half up.
    ResultHundredths(u16) in 0..=10_000
}

impl ResultHundredths {
    /// So many hundredths, 10,000 at most.
    pub(super) fn of(hundredths: u16) -> Self {
        Self(hundredths.min(10_000))
    }
}

/// How well a criterion is met. In JSON a whole number, or `"not_applicable"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Score {
    /// From 0 to the criterion's scale.
    Points(u8),
    /// The criterion does not apply; it counts for nothing.
    NotApplicable,
}

const NOT_APPLICABLE: &str = "not_applicable";

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Points(points) => serializer.serialize_u8(*points),
            Self::NotApplicable => serializer.serialize_str(NOT_APPLICABLE),
        }
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ScoreVisitor;
        impl Visitor<'_> for ScoreVisitor {
            type Value = Score;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a whole score from 0 to the criterion's scale, or \"{NOT_APPLICABLE}\"")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Score, E> {
                u8::try_from(value).map(Score::Points).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Score, E> {
                if value == NOT_APPLICABLE {
                    Ok(Score::NotApplicable)
                } else {
                    Err(E::invalid_value(Unexpected::Str(value), &self))
                }
            }
        }
        deserializer.deserialize_any(ScoreVisitor)
    }
}

/// A criterion with its score, and what speaks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scored {
    /// Which criterion.
    pub criterion: CriterionId,
    /// How well it is met.
    pub score: Score,
    /// What is to be said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Comment>,
    /// The ids of events that show it, at most 50.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub evidence: BTreeSet<Uuid>,
}
