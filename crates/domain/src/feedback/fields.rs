//! The values that feedback is described by.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::ids::{AgentId, ServicePlanId, TeamId, TicketId};
use crate::named::named;
use crate::ranged::ranged;
use crate::revisions::RevisionOf;
use crate::text::{FreeText, Name};

/// What a customer adds to a score. Personal data.
pub type Comment = FreeText<5_000>;
/// What a complaint is about, in a line. Personal data.
pub type Subject = FreeText<300>;
/// The whole complaint, suggestion or praise. Personal data.
pub type Body = FreeText<20_000>;
/// What is offered to make up for it. Personal data.
pub type Remedy = FreeText<10_000>;
/// Why the customer does not take a remedy. Personal data.
pub type Objection = FreeText<5_000>;
/// Why a complaint goes to a higher place, in a line. Never personal data.
pub type Reason = Name<200>;

/// The longest time for an answer to a survey, in seconds (365 times 24 hours).
pub const EXPIRY_S_MAX: u32 = 365 * 24 * 3_600;
/// The longest time for changing an answer, in seconds (90 times 24 hours).
pub const AMEND_S_MAX: u32 = 90 * 24 * 3_600;

named! {
    /// What kind of feedback it is.
    Kind {
        /// The answer to a question that was asked.
        Survey = "survey",
        /// A complaint 投诉.
        Complaint = "complaint",
        /// A suggestion 建议.
        Suggestion = "suggestion",
        /// Praise 表扬.
        Praise = "praise",
    }
}

named! {
    /// What a survey measures.
    Metric {
        /// Satisfaction 满意度, 1 to 5: the share of 4 and 5.
        Csat = "csat",
        /// Readiness to recommend 净推荐值, 0 to 10: the share of 9 and 10 less that of 0 to 6.
        Nps = "nps",
        /// Ease 费力度, 1 (hard) to 7 (easy): the mean, and the share of 5 to 7.
        Ces = "ces",
    }
}

impl Metric {
    /// The scores that can be given.
    #[must_use]
    pub const fn scale(self) -> RangeInclusive<u8> {
        match self {
            Self::Csat => 1..=5,
            Self::Nps => 0..=10,
            Self::Ces => 1..=7,
        }
    }
}

named! {
    /// Where feedback stands: the first five a survey, the last one a remark, the others a complaint.
    Status {
        /// An answer was asked for.
        Requested = "requested",
        /// It was asked for again.
        Reminded = "reminded",
        /// It was given.
        Responded = "responded",
        /// It was changed.
        Amended = "amended",
        /// It did not come in time.
        Expired = "expired",
        /// A complaint came in.
        Received = "received",
        /// The customer was told so.
        Acknowledged = "acknowledged",
        /// It is being looked into.
        Investigating = "investigating",
        /// Something was offered to make up for it.
        RemedyOffered = "remedy_offered",
        /// The customer takes it.
        Accepted = "accepted",
        /// The customer does not take it.
        Rejected = "rejected",
        /// It lies with a higher place.
        Escalated = "escalated",
        /// It has ended.
        Closed = "closed",
        /// A suggestion or praise is there.
        Submitted = "submitted",
    }
}

named! {
    /// How a complaint ended.
    Outcome {
        /// The customer was right.
        Upheld = "upheld",
        /// The customer was right in part.
        PartlyUpheld = "partly_upheld",
        /// The customer was not right.
        NotUpheld = "not_upheld",
        /// Nobody complains any more.
        Withdrawn = "withdrawn",
    }
}

ranged! {
    /// A score of 0 to 10; a metric's scale may be narrower.
    Score(u8) in 0..=10
}

ranged! {
    /// How grave a complaint is: 1 the most to 4.
    Severity(u8) in 1..=4
}

ranged! {
    /// The time for an answer to a survey: a minute to [`EXPIRY_S_MAX`] seconds.
    ExpirySeconds(u32) in 60..=EXPIRY_S_MAX
}

ranged! {
    /// The time for changing an answer: 0 (none) to [`AMEND_S_MAX`] seconds.
    AmendSeconds(u32) in 0..=AMEND_S_MAX
}

impl Default for ExpirySeconds {
    /// 14 times 24 hours.
    fn default() -> Self {
        Self(14 * 24 * 3_600)
    }
}

impl Default for AmendSeconds {
    /// 7 times 24 hours.
    fn default() -> Self {
        Self(7 * 24 * 3_600)
    }
}

impl AmendSeconds {
    /// The last instant for changing an answer that was given at `at`.
    #[must_use]
    pub fn after(self, at: DateTime<Utc>) -> DateTime<Utc> {
        seconds_after(at, self.0)
    }

    /// When an answer was given that can be changed until `last`.
    #[must_use]
    pub fn before(self, last: DateTime<Utc>) -> DateTime<Utc> {
        last.checked_sub_signed(TimeDelta::seconds(i64::from(self.0))).unwrap_or(last)
    }
}

/// How long a survey can be answered, and the answer be changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// The time for an answer.
    pub expires_after: ExpirySeconds,
    /// The time for changing it.
    pub amend_for: AmendSeconds,
}

impl Terms {
    /// The last instant for an answer to a survey that was requested at `at`.
    #[must_use]
    pub fn expires_at(self, at: DateTime<Utc>) -> DateTime<Utc> {
        seconds_after(at, self.expires_after.0)
    }
}

fn seconds_after(at: DateTime<Utc>, seconds: u32) -> DateTime<Utc> {
    at.checked_add_signed(TimeDelta::seconds(i64::from(seconds))).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// What or whom feedback is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// A ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// An agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// A team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// A service plan, at one of its revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<RevisionOf<ServicePlanId>>,
}

impl About {
    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
