//! A need as far as decisions need it, folded from its events.

use std::collections::BTreeSet;

use super::event::Event;
use super::evidence::Evidence;
use super::fields::{CategorizedBy, Importance, Satisfaction, Status, Target};
use crate::ids::{CustomerId, NeedId};
use crate::moment::Moment;
use crate::ticket::CategoryPath;

/// Where a merged need went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergedInto {
    /// Into which.
    pub survivor: NeedId,
    /// The status before.
    pub before: Status,
}

/// A need, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Need {
    /// Whose it is; `None` before it was captured.
    pub customer: Option<CustomerId>,
    /// Where it stands.
    pub status: Status,
    /// The category.
    pub category: CategoryPath,
    /// Who put it into that category, if somebody did after the capture.
    pub categorized_by: Option<CategorizedBy>,
    /// What shows that it is there.
    pub evidence: BTreeSet<Evidence>,
    /// How much it matters to the customer.
    pub importance: Option<Importance>,
    /// How far the customer is content with what there is.
    pub satisfaction: Option<Satisfaction>,
    /// What it is planned for.
    pub target: Option<Target>,
    /// By when it is planned.
    pub due: Option<Moment>,
    /// The needs that were merged into it.
    pub merged: BTreeSet<NeedId>,
    /// Where it went, if it is merged.
    pub merged_into: Option<MergedInto>,
}

impl Need {
    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::NeedCaptured { customer, category, evidence, importance, satisfaction, .. } => {
                self.customer = Some(*customer);
                self.category = category.clone();
                self.evidence = evidence.clone();
                (self.importance, self.satisfaction) = (*importance, *satisfaction);
            }
            Event::NeedEvidenceAttached { evidence } => {
                self.evidence.insert(*evidence);
            }
            Event::NeedQualified {} => self.status = Status::Qualified,
            Event::NeedRated { importance, satisfaction } => {
                (self.importance, self.satisfaction) = (*importance, *satisfaction);
            }
            Event::NeedPlanned { target, due } => {
                self.status = Status::Planned;
                (self.target, self.due) = (target.clone(), *due);
            }
            Event::NeedFulfilled { .. } => self.status = Status::Fulfilled,
            Event::NeedDeclined { .. } => self.status = Status::Declined,
            Event::NeedWithdrawn { .. } => self.status = Status::Withdrawn,
            Event::NeedReopened { .. } => {
                self.status = Status::Qualified;
                (self.target, self.due) = (None, None);
            }
            Event::NeedMerged { loser } => {
                self.merged.insert(*loser);
            }
            Event::NeedUnmerged { loser } => {
                self.merged.remove(loser);
            }
            Event::NeedMergedInto { survivor } => {
                self.merged_into = Some(MergedInto { survivor: *survivor, before: self.status });
                self.status = Status::Merged;
            }
            Event::NeedRestored { survivor: _, status } => {
                self.merged_into = None;
                self.status = *status;
            }
            Event::NeedCategorized { category, by } => {
                self.category = category.clone();
                self.categorized_by = Some(by.clone());
            }
        }
    }
}
