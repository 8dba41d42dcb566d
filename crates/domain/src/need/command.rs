//! What can be asked of a need.

use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::fields::{
    CategorizedBy, EstimatedValue, Fulfilment, Importance, ProductRef, Satisfaction, Source, Target, Title,
};
use crate::ids::{AgentId, CustomerId, NeedId};
use crate::moment::Moment;
use crate::ticket::{CategoryPath, Description, Reason};

/// What can be asked of a need. Customers may withdraw; everything else is for agents, services, rules and systems. What
/// takes the role supervisor says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Captures a new need.
    Capture {
        /// Whose it is.
        customer: CustomerId,
        /// What is wanted, in a line.
        title: Title,
        /// The whole story. Personal data.
        description: Description,
        /// The category, the widest first.
        #[serde(default)]
        category: CategoryPath,
        /// The product that it is about.
        #[serde(default)]
        product_ref: Option<ProductRef>,
        /// How it became known.
        source: Source,
        /// What shows that it is there, at most 50, all of the same customer.
        #[serde(default)]
        evidence: Vec<Evidence>,
        /// How much it matters to the customer.
        #[serde(default)]
        importance: Option<Importance>,
        /// How far the customer is content with what there is.
        #[serde(default)]
        satisfaction: Option<Satisfaction>,
        /// When the customer wants it by.
        #[serde(default)]
        wanted_by: Option<Moment>,
        /// What it would be worth.
        #[serde(default)]
        est_value: Option<EstimatedValue>,
        /// Who looks after it.
        #[serde(default)]
        owner: Option<AgentId>,
    },
    /// Adds evidence of the same customer.
    AttachEvidence {
        /// Which.
        evidence: Evidence,
    },
    /// Says that the need counts; takes evidence.
    Qualify {},
    /// Changes importance or satisfaction, one of them at least; what is not given stays.
    Rate {
        /// How much it matters to the customer.
        #[serde(default)]
        importance: Option<Importance>,
        /// How far the customer is content with what there is.
        #[serde(default)]
        satisfaction: Option<Satisfaction>,
    },
    /// Plans to fulfil it; again, to change the plan as a whole.
    Plan {
        /// For what.
        #[serde(default)]
        target: Option<Target>,
        /// By when.
        #[serde(default)]
        due: Option<Moment>,
    },
    /// Says that it is fulfilled.
    Fulfil {
        /// By what.
        by: Fulfilment,
    },
    /// Says that it will not be fulfilled.
    Decline {
        /// Why.
        reason: Reason,
    },
    /// Says that it is wanted no more.
    Withdraw {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Takes it up again as a qualified one; takes evidence.
    Reopen {
        /// Why.
        #[serde(default)]
        reason: Option<Reason>,
    },
    /// Takes another need in; this one survives.
    Merge {
        /// The need that ends.
        loser: NeedId,
        /// Whatever its customer; takes the role supervisor.
        #[serde(default, rename = "override")]
        overridden: bool,
    },
    /// Lets a merged need go again, also where this one was merged since.
    Unmerge {
        /// Which.
        loser: NeedId,
    },
    /// Puts it into a category.
    Categorize {
        /// The category, the widest first.
        category: CategoryPath,
        /// Who did.
        by: CategorizedBy,
    },
}

impl Command {
    /// The command's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Capture { .. } => "capture",
            Self::AttachEvidence { .. } => "attach_evidence",
            Self::Qualify {} => "qualify",
            Self::Rate { .. } => "rate",
            Self::Plan { .. } => "plan",
            Self::Fulfil { .. } => "fulfil",
            Self::Decline { .. } => "decline",
            Self::Withdraw { .. } => "withdraw",
            Self::Reopen { .. } => "reopen",
            Self::Merge { .. } => "merge",
            Self::Unmerge { .. } => "unmerge",
            Self::Categorize { .. } => "categorize",
        }
    }
}
