//! What can have happened to a service plan.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fields::{Consumer, Reason, Terms, Units, Window};
use crate::ids::{CustomerId, ServiceEvaluationId, ServicePlanId};
use crate::service_evaluation::{AsOfPosition, ResultHundredths, Verdict};

/// What can have happened to a service plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The plan came to be, as a draft with revision 1.
    ServicePlanDrafted {
        /// With whom it is agreed on.
        customer: CustomerId,
        /// What is agreed on.
        terms: Terms,
        /// The plan that it follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        renews: Option<ServicePlanId>,
    },
    /// It is in force.
    ServicePlanActivated {
        /// What is due from then on is planned.
        plans_from: DateTime<Utc>,
    },
    /// It has another revision.
    ServicePlanRevised {
        /// Its number, from 2 on.
        revision: u32,
        /// What is agreed on by it.
        terms: Terms,
    },
    /// Units were taken.
    EntitlementConsumed {
        /// By whom.
        by: Consumer,
        /// How many.
        units: Units,
        /// How many are left, below 0 where more was taken than there was; left out where they are unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remaining: Option<i64>,
        /// Whether more was taken than there was.
        #[serde(default)]
        overage: bool,
    },
    /// Units that were taken were given back.
    EntitlementReleased {
        /// By whom.
        by: Consumer,
        /// How many.
        units: Units,
        /// How many are left; left out where they are unlimited.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remaining: Option<i64>,
    },
    /// Units were added.
    EntitlementToppedUp {
        /// How many.
        units: Units,
        /// How many there are in all.
        total: u32,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It is out of force for a while.
    ServicePlanSuspended {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
    },
    /// It is in force again.
    ServicePlanResumed {
        /// What is due from then on is planned.
        plans_from: DateTime<Utc>,
    },
    /// Another plan follows it.
    ServicePlanRenewed {
        /// Which.
        plan: ServicePlanId,
    },
    /// Its period is over.
    ServicePlanExpired {},
    /// It was ended before its time.
    ServicePlanTerminated {
        /// Why.
        reason: Reason,
    },
    /// Something is to be done.
    OccurrencePlanned {
        /// Its number among all that was planned for the plan, from 1 on.
        n: u32,
        /// When it is due.
        due: DateTime<Utc>,
        /// Between when it is to be done.
        window: Window,
    },
    /// What was planned is not to be done.
    OccurrenceSkipped {
        /// Its number.
        n: u32,
        /// Why.
        reason: Reason,
        /// Whether that is since the plan went out of force: what is due when it is in force again is planned anew.
        #[serde(default)]
        with_plan: bool,
    },
    /// An evaluation of the plan is final.
    ServicePlanEvaluated {
        /// Which.
        evaluation: ServiceEvaluationId,
        /// What it comes to.
        result_hundredths: ResultHundredths,
        /// What that means.
        verdict: Verdict,
        /// The position of the history that was looked at.
        as_of_position: AsOfPosition,
    },
}
