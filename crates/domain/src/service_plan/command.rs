//! What can be asked of a service plan.

use serde::{Deserialize, Serialize};

use super::fields::{Period, Reason, Terms, Units};
use crate::ids::{CustomerId, ServicePlanId, SlaPolicyId};

/// What can be asked of a service plan. Nothing of it is for customers; what takes the role supervisor says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a new plan, as a draft with its first revision.
    Draft {
        /// With whom it is agreed on.
        customer: CustomerId,
        /// What is agreed on.
        terms: Terms<SlaPolicyId>,
    },
    /// Puts it into force. Takes the role supervisor.
    Activate {},
    /// Makes another revision. What runs by an older one goes on by that. Takes the role supervisor.
    Revise {
        /// What is agreed on from now on.
        terms: Terms<SlaPolicyId>,
    },
    /// Puts it out of force for a while. Its period goes on.
    Suspend {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// Puts it into force again. What fell due in between is not made up for.
    Resume {},
    /// Ends it before its time. Takes the role supervisor.
    Terminate {
        /// Why.
        reason: Reason,
    },
    /// Lets another plan follow it: the same terms for another period, in force at once, nothing used. Once only. Takes
    /// the role supervisor.
    Renew {
        /// The new plan's id.
        plan: ServicePlanId,
        /// The new plan's period.
        period: Period,
    },
    /// Ends it with its period, and lets another plan follow where that is agreed on. Sent by a timer. For systems.
    Expire {},
    /// Adds units. Takes the role supervisor.
    TopUp {
        /// How many.
        units: Units,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// Plans the occurrences of the time ahead. Sent by a timer. For systems.
    PlanOccurrences {},
    /// Goes on dropping what was planned when the plan went out of force. Sent by a timer. For systems.
    CancelOccurrences {
        /// Those with lower numbers are left.
        before: u32,
    },
    /// Drops an occurrence that was planned and, unless it has begun, its service execution.
    SkipOccurrence {
        /// Which.
        n: u32,
        /// Why.
        reason: Reason,
    },
}
