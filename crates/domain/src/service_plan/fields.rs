//! The values that service plans are described by.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::customer::Timezone;
use crate::ids::{ServicePlanId, SlaPolicyId};
use crate::moment::Moment;
use crate::named::named;
use crate::ranged::ranged;
use crate::revisions::RevisionOf;
use crate::service_execution::Item;
use crate::text::{FreeText, Name};
use crate::ticket::{Channel, Priority};

/// The most products that a plan names.
pub const PRODUCTS_MAX: usize = 200;
/// The most exclusions of a recurrence.
pub const EXCLUSIONS_MAX: usize = 500;
/// The seconds of a unit of hours.
pub const HOUR_S: u64 = 3_600;
/// The most units of a plan, what was added among them.
pub const UNITS_MAX: u32 = 1_000_000;
/// How far occurrences are planned ahead at most, and how far a window reaches to either side (90 times 24 hours).
pub const SPAN_S_MAX: u32 = 90 * 24 * 3_600;

/// What is promised, in words. Never personal data.
pub type Content = FreeText<10_000>;
/// A reason in a line. Never personal data.
pub type Reason = Name<200>;
/// A product, by its number or name.
pub type Product = Name<64>;

named! {
    /// Where a plan stands.
    Status {
        /// Draft 草稿: agreed on by nobody yet.
        Draft = "draft",
        /// Active 生效.
        Active = "active",
        /// Suspended 暂停: nothing is planned and nobody is served by it.
        Suspended = "suspended",
        /// Expired 到期: its period is over.
        Expired = "expired",
        /// Terminated 终止: ended before its time.
        Terminated = "terminated",
    }
}

named! {
    /// What an allocation is counted in. Units are whole: a consumer counts hours and visits that have begun.
    Unit {
        /// Tickets.
        Cases = "cases",
        /// Hours of work.
        Hours = "hours",
        /// Visits.
        Visits = "visits",
        /// Nothing runs out; use is counted all the same.
        Unlimited = "unlimited",
    }
}

named! {
    /// When units are taken.
    ConsumeOn {
        /// When a ticket is opened.
        Open = "open",
        /// When a ticket is resolved for the first time.
        Resolve = "resolve",
        /// When a service execution is completed.
        Complete = "complete",
    }
}

named! {
    /// What takes units.
    ConsumerKind {
        /// A ticket.
        Ticket = "ticket",
        /// A service execution.
        Execution = "execution",
    }
}

ranged! {
    /// Units of an allocation, 1 to [`UNITS_MAX`].
    Units(u32) in 1..=UNITS_MAX
}

ranged! {
    /// A span of time, 0 to [`SPAN_S_MAX`] seconds.
    SpanSeconds(u32) in 0..=SPAN_S_MAX
}

/// Who takes units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consumer {
    /// What it is.
    pub kind: ConsumerKind,
    /// Which one.
    pub id: Uuid,
}

impl fmt::Display for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.name(), self.id)
    }
}

/// What is served. Where a set is empty, all of its kind is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// For which products, at most 200.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub products: BTreeSet<Product>,
    /// Over which channels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<Channel>,
    /// Of which priorities.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub priorities: BTreeSet<Priority>,
}

/// How much is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allocation {
    /// What it is counted in.
    pub unit: Unit,
    /// How many units; left out where they are unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Units>,
    /// When they are taken.
    pub consume_on: ConsumeOn,
    /// Whether more may be taken than there is.
    #[serde(default)]
    pub overage: bool,
}

/// For how long a plan is in force, `start ≤ t < end`. Both are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// The first instant; the first occurrence of a recurrence, where its rule fits.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
    /// The zone whose local time occurrences keep to.
    pub zone: Timezone,
}

impl Period {
    /// Whether an instant lies in it.
    #[must_use]
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && at < self.end
    }
}

/// What of a recurrence is left out: `2026-05-01` is a day in the plan's zone, `2026-05-01T09:00:00Z` one occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Exclusion {
    /// Whatever is due on a day.
    Day(NaiveDate),
    /// What is due at an instant.
    At(DateTime<Utc>),
}

impl TryFrom<String> for Exclusion {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let is_known = |day: &NaiveDate| (1900..=9999).contains(&day.year()) && day.to_string() == text;
        let day = text.parse::<NaiveDate>().ok().filter(is_known).map(Self::Day);
        let moment = || Moment::try_from(DateTime::parse_from_rfc3339(&text).ok()?.to_utc()).ok();
        let at = || moment().map(|moment| Self::At(moment.into()));
        day.or_else(at).ok_or_else(|| {
            format!("{text:?} is no day such as 2026-05-01 and no time in RFC 3339, of the years 1900 to 9999")
        })
    }
}

impl From<Exclusion> for String {
    fn from(exclusion: Exclusion) -> Self {
        match exclusion {
            Exclusion::Day(day) => day.to_string(),
            Exclusion::At(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        }
    }
}

/// When something is done again and again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recurrence {
    /// The rule: an RRULE of RFC 5545 without its name, daily at most, e.g. `FREQ=MONTHLY;BYDAY=1MO`. It begins with the
    /// period and keeps to the local time of the period's zone.
    pub rrule: Name<500>,
    /// What is left out, at most 500.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub exclusions: BTreeSet<Exclusion>,
    /// How much earlier than due it may be done.
    pub early_s: SpanSeconds,
    /// How much later than due it may be done.
    pub late_s: SpanSeconds,
    /// How long it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<SpanSeconds>,
    /// How long before it is due it is planned.
    pub lead_s: SpanSeconds,
}

/// Between when something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The earliest time.
    pub earliest: DateTime<Utc>,
    /// The latest time.
    pub latest: DateTime<Utc>,
}

/// What is agreed on: the content of a plan's revision. It names the revision of an SLA policy, which in turn names its
/// calendar; who asks for terms names the policy, and gets its latest revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms<P = RevisionOf<SlaPolicyId>> {
    /// The plan's name.
    pub name: Name<200>,
    /// What is promised, in words.
    pub content: Content,
    /// What is served; everything, unless said otherwise.
    #[serde(default)]
    pub covered: Coverage,
    /// How soon the desk acts.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub sla_policy: Option<P>,
    /// How much is served.
    pub allocation: Allocation,
    /// For how long.
    pub period: Period,
    /// What is done again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// What is to be looked at each time, at most 100 items.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checklist: Vec<Item>,
    /// Whether another period follows when this one ends.
    #[serde(default)]
    pub auto_renew: bool,
}

/// The id of the plan that follows one by itself: the same each time that it is asked.
#[must_use]
pub fn renewal_id(id: ServicePlanId) -> ServicePlanId {
    ServicePlanId(Uuid::new_v5(&id.0, b"renewal"))
}
