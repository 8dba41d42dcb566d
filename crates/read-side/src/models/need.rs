//! Needs: one row each, and figures by status and top category.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::ids::{AgentId, CustomerId, NeedId};
use domain::moment::Moment;
use domain::money::{Currency, Minor};
use domain::need::{
    CategorizedBy, Event, Evidence, Fulfilment, Importance, ProductRef, Satisfaction, Source, Status, Target, Title,
};
use domain::personal::Personal;
use domain::ticket::{CategoryPath, Description, Reason};
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// A need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Need)]
pub struct NeedRow {
    /// Whose it is.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// What is wanted, in a line.
    #[schema(value_type = String)]
    pub title: Title,
    /// The whole story.
    #[schema(value_type = Option<String>)]
    pub description: Personal<Description>,
    /// The category, the widest first.
    #[schema(value_type = Vec<String>)]
    pub category: CategoryPath,
    /// Who put it into that category after its capture: `human` or `model@version`.
    #[schema(value_type = Option<String>)]
    pub categorized_by: Option<CategorizedBy>,
    /// The product that it is about.
    #[schema(value_type = Option<String>)]
    pub product_ref: Option<ProductRef>,
    /// How it became known.
    #[schema(value_type = String)]
    pub source: Source,
    /// What shows that it is there: `kind` (`ticket`, `transaction`) and `id`.
    #[schema(value_type = Vec<Object>)]
    pub evidence: BTreeSet<Evidence>,
    /// How much it matters to the customer: 1 (little) to 5.
    #[schema(value_type = Option<u8>)]
    pub importance: Option<Importance>,
    /// How far the customer is content with what there is: 1 (not at all) to 5.
    #[schema(value_type = Option<u8>)]
    pub satisfaction: Option<Satisfaction>,
    /// When the customer wants it by.
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub wanted_by: Option<Moment>,
    /// The currency of its value.
    #[schema(value_type = Option<String>)]
    pub est_currency: Option<Currency>,
    /// What it would be worth to have it fulfilled, in minor units.
    #[schema(value_type = Option<i64>)]
    pub est_value_minor: Option<Minor>,
    /// Who looks after it.
    #[schema(value_type = Option<Uuid>)]
    pub owner: Option<AgentId>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// What it is planned for, or was.
    #[schema(value_type = Option<String>)]
    pub target: Option<Target>,
    /// By when it is planned, or was.
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub due: Option<Moment>,
    /// What fulfilled it: `kind` and `id` (`transaction`) or `name` (`release`).
    #[schema(value_type = Option<Object>)]
    pub fulfilled_by: Option<Fulfilment>,
    /// Why it is declined or withdrawn.
    #[schema(value_type = Option<String>)]
    pub end_reason: Option<Reason>,
    /// What was merged into it.
    #[schema(value_type = Vec<Uuid>)]
    pub merged: BTreeSet<NeedId>,
    /// What it was merged into, as long as it is.
    #[schema(value_type = Option<Uuid>)]
    pub merged_into: Option<NeedId>,
    /// When it was captured.
    pub captured_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of needs.
#[derive(Debug)]
pub struct Need;

impl Entity for Need {
    const NAME: &'static str = "need";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Need];
    const COLUMNS: &'static str = include_str!("need_columns.sql");
    const INDEXES: &'static str = include_str!("need_indexes.sql");
    type Row = NeedRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<NeedRow>, happened: &Happened) -> Result<Option<NeedRow>, Unfit> {
        let AnyEvent::Need(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::NeedCaptured { .. }) => return Ok(Some(captured(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the need was not captured".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event)?;
        Ok(Some(row))
    }

    /// `status/<s>` counts needs, `category/<top level>` all of them and those that are unfinished.
    fn facts(row: &NeedRow) -> Vec<Fact> {
        let status = (format!("status/{}", row.status.name()), [1, 0, 0, 0]);
        let category = row
            .category
            .levels()
            .first()
            .map(|top| (format!("category/{top}"), [1, i64::from(row.status.unfinished()), 0, 0]));
        std::iter::once(status).chain(category).collect()
    }
}

fn captured(event: &Event, happened: &Happened) -> Result<NeedRow, Unfit> {
    let Event::NeedCaptured {
        customer,
        title,
        description,
        category,
        product_ref,
        source,
        evidence,
        importance,
        satisfaction,
        wanted_by,
        est_value,
        owner,
    } = event
    else {
        return Err(Unfit("not a capture".to_owned()));
    };
    Ok(NeedRow {
        customer: *customer,
        title: title.clone(),
        description: description.clone(),
        category: category.clone(),
        categorized_by: None,
        product_ref: product_ref.clone(),
        source: *source,
        evidence: evidence.clone(),
        importance: *importance,
        satisfaction: *satisfaction,
        wanted_by: *wanted_by,
        est_currency: est_value.map(|value| value.currency),
        est_value_minor: est_value.map(|value| value.amount_minor),
        owner: *owner,
        status: Status::Captured,
        target: None,
        due: None,
        fulfilled_by: None,
        end_reason: None,
        merged: BTreeSet::new(),
        merged_into: None,
        captured_at: happened.occurred_at,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl NeedRow {
    fn fold(&mut self, event: &Event) -> Result<(), Unfit> {
        match event {
            Event::NeedCaptured { .. } => return Err(Unfit("the need was captured twice".to_owned())),
            Event::NeedEvidenceAttached { evidence } => _ = self.evidence.insert(*evidence),
            Event::NeedQualified {} => self.status = Status::Qualified,
            Event::NeedRated { importance, satisfaction } => {
                (self.importance, self.satisfaction) = (*importance, *satisfaction);
            }
            Event::NeedPlanned { target, due } => {
                self.status = Status::Planned;
                (self.target, self.due) = (target.clone(), *due);
            }
            Event::NeedFulfilled { by } => {
                self.status = Status::Fulfilled;
                self.fulfilled_by = Some(by.clone());
            }
            Event::NeedDeclined { reason } => {
                self.status = Status::Declined;
                self.end_reason = Some(reason.clone());
            }
            Event::NeedWithdrawn { reason } => {
                self.status = Status::Withdrawn;
                self.end_reason = reason.clone();
            }
            Event::NeedReopened { reason: _ } => {
                self.status = Status::Qualified;
                (self.target, self.due) = (None, None);
                (self.fulfilled_by, self.end_reason) = (None, None);
            }
            Event::NeedMerged { loser } => _ = self.merged.insert(*loser),
            Event::NeedUnmerged { loser } => _ = self.merged.remove(loser),
            Event::NeedMergedInto { survivor } => {
                self.status = Status::Merged;
                self.merged_into = Some(*survivor);
            }
            Event::NeedRestored { survivor: _, status } => {
                self.status = *status;
                self.merged_into = None;
            }
            Event::NeedCategorized { category, by } => {
                self.category = category.clone();
                self.categorized_by = Some(by.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "need_tests.rs"]
mod tests;
