//! The values that needs are described by.

use serde::{Deserialize, Serialize};

use crate::ids::{ServicePlanId, TransactionId};
use crate::money::{Currency, Minor};
use crate::named::named;
use crate::ranged::ranged;
use crate::text::Name;

/// What is wanted, in a line. Never personal data.
pub type Title = Name<200>;
/// A product, as whoever sells it calls it.
pub type ProductRef = Name<128>;
/// What a need is planned for, e.g. a release. Never personal data.
pub type Target = Name<200>;

named! {
    /// Where a need stands. Logic is keyed on these, never on a label.
    #[derive(Default)]
    Status {
        /// Captured 已采集: somebody said so.
        #[default]
        Captured = "captured",
        /// Qualified 已确认: there is evidence, and it counts.
        Qualified = "qualified",
        /// Planned 已规划: it is to be fulfilled.
        Planned = "planned",
        /// Fulfilled 已满足.
        Fulfilled = "fulfilled",
        /// Declined 已拒绝: it will not be fulfilled.
        Declined = "declined",
        /// Withdrawn 已撤回: it is wanted no more.
        Withdrawn = "withdrawn",
        /// Merged into another need.
        Merged = "merged",
    }
}

impl Status {
    /// Whether it is unfinished: captured, qualified or planned.
    #[must_use]
    pub const fn unfinished(self) -> bool {
        matches!(self, Self::Captured | Self::Qualified | Self::Planned)
    }

    /// The commands that are possible.
    #[must_use]
    pub const fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Captured => {
                &["attach_evidence", "qualify", "rate", "categorize", "decline", "withdraw", "merge", "unmerge"]
            }
            Self::Qualified => {
                &["attach_evidence", "qualify", "rate", "categorize", "plan", "decline", "withdraw", "merge", "unmerge"]
            }
            Self::Planned => {
                &["attach_evidence", "rate", "categorize", "plan", "fulfil", "decline", "withdraw", "merge", "unmerge"]
            }
            Self::Fulfilled | Self::Declined | Self::Withdrawn => &["reopen", "unmerge"],
            Self::Merged => &["unmerge"],
        }
    }
}

named! {
    /// How a need became known.
    Source {
        /// In an inquiry.
        Inquiry = "inquiry",
        /// In a ticket.
        Ticket = "ticket",
        /// In feedback.
        Feedback = "feedback",
        /// In a survey.
        Survey = "survey",
        /// To sales.
        Sales = "sales",
        /// Over a web form.
        Web = "web",
    }
}

ranged! {
    /// How much it matters to the customer: 1 (little) to 5.
    Importance(u8) in 1..=5
}

ranged! {
    /// How far the customer is content with what there is: 1 (not at all) to 5.
    Satisfaction(u8) in 1..=5
}

/// What it would be worth to have it fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimatedValue {
    /// The currency.
    pub currency: Currency,
    /// The amount, 0 or above.
    pub amount_minor: Minor,
}

/// What fulfilled a need.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fulfilment {
    /// The customer got it in a transaction.
    Transaction {
        /// Which.
        id: TransactionId,
    },
    /// The customer got it with a service plan.
    Plan {
        /// Which.
        id: ServicePlanId,
    },
    /// It came with a release.
    Release {
        /// Its name.
        name: Name<200>,
    },
}

/// How a person is written among those who put needs into categories.
const HUMAN: &str = "human";

/// Who put a need into its category, written `human` or `model@version`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CategorizedBy {
    /// A person.
    Human,
    /// A model.
    Model {
        /// Its name.
        name: Name<64>,
        /// Its version.
        version: Name<64>,
    },
}

impl TryFrom<String> for CategorizedBy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.split_once('@') {
            None if text == HUMAN => Ok(Self::Human),
            Some((name, version)) if !version.contains('@') => {
                Ok(Self::Model { name: Name::parse(name)?, version: Name::parse(version)? })
            }
            None | Some(_) => Err("human or model@version is expected".to_owned()),
        }
    }
}

impl From<CategorizedBy> for String {
    fn from(by: CategorizedBy) -> Self {
        match by {
            CategorizedBy::Human => HUMAN.to_owned(),
            CategorizedBy::Model { name, version } => format!("{name}@{version}"),
        }
    }
}
