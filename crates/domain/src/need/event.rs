//! What can have happened to a need.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::fields::{
    CategorizedBy, EstimatedValue, Fulfilment, Importance, ProductRef, Satisfaction, Source, Status, Target, Title,
};
use crate::ids::{AgentId, CustomerId, NeedId};
use crate::moment::Moment;
use crate::personal::Personal;
use crate::ticket::{CategoryPath, Description, Reason};

/// What can have happened to a need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The need became known (`captured`).
    NeedCaptured {
        /// Whose it is.
        customer: CustomerId,
        /// What is wanted, in a line.
        title: Title,
        /// The whole story.
        description: Personal<Description>,
        /// The category, the widest first.
        category: CategoryPath,
        /// The product that it is about.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        product_ref: Option<ProductRef>,
        /// How it became known.
        source: Source,
        /// What shows that it is there.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        evidence: BTreeSet<Evidence>,
        /// How much it matters to the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        importance: Option<Importance>,
        /// How far the customer is content with what there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfaction: Option<Satisfaction>,
        /// When the customer wants it by.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wanted_by: Option<Moment>,
        /// What it would be worth.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        est_value: Option<EstimatedValue>,
        /// Who looks after it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<AgentId>,
    },
    /// There is more evidence.
    NeedEvidenceAttached {
        /// Which.
        evidence: Evidence,
    },
    /// It counts (`qualified`).
    NeedQualified {},
    /// Importance and satisfaction are these.
    NeedRated {
        /// How much it matters to the customer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        importance: Option<Importance>,
        /// How far the customer is content with what there is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        satisfaction: Option<Satisfaction>,
    },
    /// It is to be fulfilled (`planned`); the plan is this.
    NeedPlanned {
        /// For what.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Target>,
        /// By when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Moment>,
    },
    /// It is `fulfilled`.
    NeedFulfilled {
        /// By what.
        by: Fulfilment,
    },
    /// It will not be fulfilled (`declined`).
    NeedDeclined {
        /// Why.
        reason: Reason,
    },
    /// It is wanted no more (`withdrawn`).
    NeedWithdrawn {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It was taken up again (`qualified`); there is no plan any more.
    NeedReopened {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// Another need was merged into it; pair of `NeedMergedInto`.
    NeedMerged {
        /// Which.
        loser: NeedId,
    },
    /// It was merged into another need (`merged`); pair of `NeedMerged`.
    NeedMergedInto {
        /// Which.
        survivor: NeedId,
    },
    /// A merged need was let go; pair of `NeedRestored`.
    NeedUnmerged {
        /// Which.
        loser: NeedId,
    },
    /// It is a need of its own again; pair of `NeedUnmerged`.
    NeedRestored {
        /// What it had been merged into.
        survivor: NeedId,
        /// The status now, the one before the merge.
        status: Status,
    },
    /// The category is this.
    NeedCategorized {
        /// The category, the widest first.
        category: CategoryPath,
        /// Who put it there.
        by: CategorizedBy,
    },
}
