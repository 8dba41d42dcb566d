//! The values that service executions are described by.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize};

use crate::moment::Moment;
use crate::named::named;
use crate::ranged::ranged;
use crate::rejection::Rejection;
use crate::text::{FreeText, Name};

/// What is to be done. Never personal data.
pub type Content = FreeText<20_000>;
/// Where it is to be done. Personal data.
pub type Site = FreeText<500>;
/// A note on an item of the checklist. Never personal data.
pub type Note = FreeText<1_000>;
/// What came of it. Never personal data.
pub type Outcome = FreeText<5_000>;
/// A reason in a line. Never personal data.
pub type Reason = Name<200>;
/// Something that a resource must know.
pub type Skill = Name<64>;
/// The id of an item within its checklist.
pub type ItemId = Name<50>;

/// The longest window: ten years.
pub const WINDOW_MAX: TimeDelta = TimeDelta::days(10 * 366);
/// The most of a part that is used at once, in thousandths.
pub const QTY_MILLI_MAX: u32 = 1_000_000_000;

named! {
    /// Where a service execution stands. Logic is keyed on these, never on a label.
    Status {
        /// Planned 已计划: it has no time yet.
        Planned = "planned",
        /// Scheduled 已排期: it has a time and resources.
        Scheduled = "scheduled",
        /// Dispatched 已派工: the resources were sent.
        Dispatched = "dispatched",
        /// En route 在途.
        EnRoute = "en_route",
        /// In progress 进行中.
        InProgress = "in_progress",
        /// Paused 暂停.
        Paused = "paused",
        /// Completed 已完成.
        Completed = "completed",
        /// Verified 已验收: somebody signed for it.
        Verified = "verified",
        /// It could not be completed.
        CannotComplete = "cannot_complete",
        /// Cancelled 已取消.
        Cancelled = "cancelled",
        /// The customer was not there.
        NoShow = "no_show",
    }
}

impl Status {
    /// Whether there is still something to do: everything before its end.
    #[must_use]
    pub const fn unfinished(self) -> bool {
        matches!(
            self,
            Self::Planned | Self::Scheduled | Self::Dispatched | Self::EnRoute | Self::InProgress | Self::Paused
        )
    }
}

named! {
    /// What came of an item of the checklist.
    ItemResult {
        /// It was done.
        Done = "done",
        /// It was tried in vain.
        Failed = "failed",
        /// There was no need of it.
        NotApplicable = "not_applicable",
    }
}

ranged! {
    /// How much of a part, in thousandths: 1 to [`QTY_MILLI_MAX`].
    QtyMilli(u32) in 1..=QTY_MILLI_MAX
}

/// An item of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    /// Its id within the checklist.
    pub id: ItemId,
    /// What is to be done.
    pub name: Name<200>,
    /// Whether nothing is completed without it; not, unless said otherwise.
    #[serde(default)]
    pub mandatory: bool,
}

/// When the work is to be done: begun at `earliest` or later, ended by `latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The first instant inside.
    #[serde(deserialize_with = "moment")]
    pub earliest: DateTime<Utc>,
    /// The instant by which it must have ended.
    #[serde(deserialize_with = "moment")]
    pub latest: DateTime<Utc>,
}

impl Window {
    /// Refuses a window without an inside, or one that is longer than [`WINDOW_MAX`].
    pub(super) fn check(&self) -> Result<(), Rejection> {
        let length = self.latest.signed_duration_since(self.earliest);
        if length <= TimeDelta::zero() || length > WINDOW_MAX {
            return Err(Rejection::validation("/data/window/latest", "later than the earliest, by ten years at most"));
        }
        Ok(())
    }

    /// A window of the same length that begins at another time.
    pub(super) fn moved_to(&self, earliest: DateTime<Utc>) -> Self {
        let length = self.latest.signed_duration_since(self.earliest);
        Self { earliest, latest: earliest.checked_add_signed(length).unwrap_or(self.latest.max(earliest)) }
    }
}

/// Reads a time from 1900 to 9999, to the microsecond, as the store keeps it.
pub(super) fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    Moment::deserialize(deserializer).map(DateTime::from)
}
