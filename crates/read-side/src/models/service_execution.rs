//! Service executions: one row each, and figures by status.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::ids::{AgentId, CustomerId, ServiceExecutionId, ServicePlanId, TicketId};
use domain::personal::Personal;
use domain::service_execution::{
    Content, Event, Item, ItemId, ItemResult, Note, Outcome, QtyMilli, Reason, Site, Skill, Status,
};
use domain::text::Name;
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// An item of a checklist, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChecklistItem {
    /// Its id within the checklist.
    #[schema(value_type = String)]
    pub id: ItemId,
    /// What is to be done.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// Whether nothing is completed without it.
    pub mandatory: bool,
    /// What came of it, if anything did: `done`, `failed` or `not_applicable`.
    #[schema(value_type = Option<String>)]
    pub result: Option<ItemResult>,
    /// More about it.
    #[schema(value_type = Option<String>)]
    pub note: Option<Note>,
}

impl From<&Item> for ChecklistItem {
    fn from(item: &Item) -> Self {
        let Item { id, name, mandatory } = item.clone();
        Self { id, name, mandatory, result: None, note: None }
    }
}

/// A part that was used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Part {
    /// The article.
    #[schema(value_type = String)]
    pub sku: Name<64>,
    /// The article's name.
    #[schema(value_type = Option<String>)]
    pub name: Option<Name<200>>,
    /// How much of it, in thousandths.
    #[schema(value_type = u32)]
    pub qty_milli: QtyMilli,
}

/// A time during which the work was interrupted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Interruption {
    /// Since when.
    pub from: DateTime<Utc>,
    /// Until when; null while it lasts, or where the execution ended in it.
    pub to: Option<DateTime<Utc>>,
    /// Why.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
}

/// A service execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServiceExecution)]
pub struct ServiceExecutionRow {
    /// What it is called.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// What is to be done.
    #[schema(value_type = Option<String>)]
    pub content: Option<Content>,
    /// For whom.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// The ticket that asks for it.
    #[schema(value_type = Option<Uuid>)]
    pub ticket: Option<TicketId>,
    /// The service plan under which it is done.
    #[schema(value_type = Option<Uuid>)]
    pub plan: Option<ServicePlanId>,
    /// The plan's revision by which it is done.
    pub plan_revision: Option<u32>,
    /// Which of the plan's occurrences it is.
    pub occurrence: Option<u32>,
    /// Where it is done.
    #[schema(value_type = Option<String>)]
    pub site: Option<Personal<Site>>,
    /// The first instant of its window.
    pub window_earliest: DateTime<Utc>,
    /// The instant by which it must have ended.
    pub window_latest: DateTime<Utc>,
    /// What the resources must know, between them.
    #[schema(value_type = Vec<String>)]
    pub skills: BTreeSet<Skill>,
    /// What is done step by step, and what came of it.
    pub checklist: Vec<ChecklistItem>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// When it begins as scheduled; as long as it has no time, the earliest of its window.
    pub begins_at: DateTime<Utc>,
    /// When it begins, once it has a time.
    pub scheduled_start: Option<DateTime<Utc>>,
    /// When it ends, once it has a time.
    pub scheduled_end: Option<DateTime<Utc>>,
    /// Who does it.
    #[schema(value_type = Vec<Uuid>)]
    pub resources: BTreeSet<AgentId>,
    /// Whether its time was allowed to go outside the window.
    pub overridden: bool,
    /// What was used.
    pub parts: Vec<Part>,
    /// When somebody set out.
    pub travel_started_at: Option<DateTime<Utc>>,
    /// When the work began.
    pub started_at: Option<DateTime<Utc>>,
    /// When the work was interrupted.
    pub pauses: Vec<Interruption>,
    /// When it ended, however it did.
    pub ended_at: Option<DateTime<Utc>>,
    /// How long was worked, in seconds, once it has ended.
    pub labour_s: Option<u64>,
    /// How long was travelled, in seconds, once it has ended.
    pub travel_s: Option<u64>,
    /// What came of it, if it was completed.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// Why it failed or was cancelled.
    #[schema(value_type = Option<String>)]
    pub end_reason: Option<Reason>,
    /// Who signed for it.
    #[schema(value_type = Option<String>)]
    pub signed_off_by: Option<Personal<Name<200>>>,
    /// The one that takes up what could not be completed.
    #[schema(value_type = Option<Uuid>)]
    pub follow_up: Option<ServiceExecutionId>,
    /// The one that could not be completed.
    #[schema(value_type = Option<Uuid>)]
    pub follow_up_of: Option<ServiceExecutionId>,
    /// When it was planned.
    pub planned_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of service executions.
#[derive(Debug)]
pub struct ServiceExecution;

impl Entity for ServiceExecution {
    const NAME: &'static str = "service_execution";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::ServiceExecution];
    const COLUMNS: &'static str = include_str!("service_execution_columns.sql");
    const INDEXES: &'static str = include_str!("service_execution_indexes.sql");
    type Row = ServiceExecutionRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<ServiceExecutionRow>, happened: &Happened) -> Result<Option<ServiceExecutionRow>, Unfit> {
        let AnyEvent::ServiceExecution(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::ServiceExecutionPlanned { .. }) => return Ok(Some(planned(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the service execution was not planned".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event)?;
        Ok(Some(row))
    }

    /// `status/<s>` counts service executions.
    fn facts(row: &ServiceExecutionRow) -> Vec<Fact> {
        vec![(format!("status/{}", row.status.name()), [1, 0, 0, 0])]
    }
}

fn planned(event: &Event, happened: &Happened) -> Result<ServiceExecutionRow, Unfit> {
    let Event::ServiceExecutionPlanned {
        name,
        content,
        customer,
        ticket,
        plan,
        occurrence,
        site,
        window,
        skills,
        checklist,
        follow_up_of,
    } = event
    else {
        return Err(Unfit("not a plan".to_owned()));
    };
    Ok(ServiceExecutionRow {
        name: name.clone(),
        content: content.clone(),
        customer: *customer,
        ticket: *ticket,
        plan: plan.map(|plan| plan.id),
        plan_revision: plan.map(|plan| plan.revision),
        occurrence: *occurrence,
        site: site.clone(),
        window_earliest: window.earliest,
        window_latest: window.latest,
        skills: skills.clone(),
        checklist: checklist.iter().map(ChecklistItem::from).collect(),
        status: Status::Planned,
        begins_at: window.earliest,
        scheduled_start: None,
        scheduled_end: None,
        resources: BTreeSet::new(),
        overridden: false,
        parts: Vec::new(),
        travel_started_at: None,
        started_at: None,
        pauses: Vec::new(),
        ended_at: None,
        labour_s: None,
        travel_s: None,
        outcome: None,
        end_reason: None,
        signed_off_by: None,
        follow_up: None,
        follow_up_of: *follow_up_of,
        planned_at: happened.occurred_at,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl ServiceExecutionRow {
    fn fold(&mut self, event: &Event) -> Result<(), Unfit> {
        match event {
            Event::ServiceExecutionPlanned { .. } => {
                return Err(Unfit("the service execution was planned twice".to_owned()));
            }
            Event::ServiceExecutionScheduled { start, end, resources, overridden }
            | Event::ServiceExecutionRescheduled { start, end, resources, overridden } => {
                self.status = Status::Scheduled;
                self.begins_at = *start;
                (self.scheduled_start, self.scheduled_end) = (Some(*start), Some(*end));
                (self.resources, self.overridden) = (resources.clone(), *overridden);
            }
            Event::ServiceExecutionDispatched {} => self.status = Status::Dispatched,
            Event::TravelStarted { at } => {
                self.status = Status::EnRoute;
                self.travel_started_at = Some(*at);
            }
            Event::ServiceExecutionStarted { at } => {
                self.status = Status::InProgress;
                self.started_at = Some(*at);
            }
            Event::ServiceExecutionPaused { at, reason } => {
                self.status = Status::Paused;
                self.pauses.push(Interruption { from: *at, to: None, reason: reason.clone() });
            }
            Event::ServiceExecutionResumed { at } => {
                self.status = Status::InProgress;
                self.pauses.iter_mut().for_each(|pause| _ = pause.to.get_or_insert(*at));
            }
            Event::ChecklistItemCompleted { item, result, note } => {
                for listed in self.checklist.iter_mut().filter(|listed| listed.id == *item) {
                    (listed.result, listed.note) = (Some(*result), note.clone());
                }
            }
            Event::PartUsed { sku, name, qty_milli } => {
                self.parts.push(Part { sku: sku.clone(), name: name.clone(), qty_milli: *qty_milli });
            }
            Event::ServiceExecutionCompleted { at, outcome, labour_s, travel_s } => {
                self.end(Status::Completed, *at, *labour_s, *travel_s);
                self.outcome = Some(outcome.clone());
            }
            Event::CustomerSignedOff { by } => {
                self.status = Status::Verified;
                self.signed_off_by = Some(by.clone());
            }
            Event::ServiceExecutionFailed { at, reason, labour_s, travel_s } => {
                self.end(Status::CannotComplete, *at, *labour_s, *travel_s);
                self.end_reason = Some(reason.clone());
            }
            Event::FollowUpScheduled { follow_up } => self.follow_up = Some(*follow_up),
            Event::ServiceExecutionCancelled { at, reason, labour_s, travel_s } => {
                self.end(Status::Cancelled, *at, *labour_s, *travel_s);
                self.end_reason = reason.clone();
            }
            Event::CustomerNoShow { at, travel_s } => self.end(Status::NoShow, *at, 0, *travel_s),
        }
        Ok(())
    }

    fn end(&mut self, status: Status, at: DateTime<Utc>, labour_s: u64, travel_s: u64) {
        self.status = status;
        self.ended_at = Some(at);
        (self.labour_s, self.travel_s) = (Some(labour_s), Some(travel_s));
    }
}

#[cfg(test)]
#[path = "service_execution_tests.rs"]
mod tests;
