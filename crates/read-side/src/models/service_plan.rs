//! Service plans: one row each by the latest revision, with what is used and what is planned, and figures by status.

use chrono::{DateTime, Utc};
use domain::customer::Timezone;
use domain::ids::{CustomerId, ServiceEvaluationId, ServicePlanId, SlaPolicyId};
use domain::service_evaluation::{AsOfPosition, ResultHundredths, Verdict};
use domain::service_execution::Item;
use domain::service_plan::{ConsumeOn, Content, Coverage, Event, Reason, Recurrence, Status, Terms, Unit, Window};
use domain::text::Name;
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// The most occurrences in a row: those that were planned last. The history has them all.
pub const OCCURRENCES_SHOWN_MAX: usize = 100;

/// What becomes of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceState {
    /// It is to be done.
    Planned,
    /// It is not to be done.
    Skipped,
}

/// Something that was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlannedOccurrence)]
pub struct Occurrence {
    /// Its number within the plan.
    pub n: u32,
    /// When it is due.
    pub due: DateTime<Utc>,
    /// The earliest time at which it is to be done.
    pub earliest: DateTime<Utc>,
    /// The latest time at which it is to be done.
    pub latest: DateTime<Utc>,
    /// Whether it is to be done.
    pub state: OccurrenceState,
}

/// The evaluation that was made final last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanEvaluation)]
pub struct Evaluation {
    /// Which.
    #[schema(value_type = Uuid)]
    pub evaluation: ServiceEvaluationId,
    /// What it comes to, in hundredths of 0 to 100.
    #[schema(value_type = u16)]
    pub result_hundredths: ResultHundredths,
    /// What that means: `pass`, `conditional` or `fail`.
    #[schema(value_type = String)]
    pub verdict: Verdict,
    /// The position of the history that was looked at.
    #[schema(value_type = u64)]
    pub as_of_position: AsOfPosition,
    /// When it was made final.
    pub at: DateTime<Utc>,
}

/// A service plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServicePlan)]
pub struct ServicePlanRow {
    /// With whom it is agreed on.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// Where it stands: `draft`, `active`, `suspended`, `expired` or `terminated`.
    #[schema(value_type = String)]
    pub status: Status,
    /// Why it is suspended or was terminated, if somebody said.
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// The name.
    #[schema(value_type = String)]
    pub name: Name<200>,
    /// What is promised, in words.
    #[schema(value_type = String)]
    pub content: Content,
    /// The latest revision. Ask with `as_of` for an earlier one.
    pub revision: u32,
    /// What is served: `{products, channels, priorities}`; what is left out is not restricted.
    #[schema(value_type = Object)]
    pub covered: Coverage,
    /// The SLA policy.
    #[schema(value_type = Option<Uuid>)]
    pub sla_policy: Option<SlaPolicyId>,
    /// Its revision.
    pub sla_policy_revision: Option<u32>,
    /// What is counted: `cases`, `hours`, `visits` or `unlimited`.
    #[schema(value_type = String)]
    pub unit: Unit,
    /// When units are taken: on `open`, `resolve` or `complete`.
    #[schema(value_type = String)]
    pub consume_on: ConsumeOn,
    /// Whether more may be taken than there is.
    pub overage: bool,
    /// How many units there are with those that were added; null where they are unlimited.
    pub total: Option<u64>,
    /// How many of them were added later.
    pub added: u64,
    /// How many were taken.
    pub used: u64,
    /// How many are left, below 0 where more was taken than there was; null where they are unlimited.
    pub remaining: Option<i64>,
    /// The first instant of its period.
    pub period_start: DateTime<Utc>,
    /// The first instant after it.
    pub period_end: DateTime<Utc>,
    /// The zone whose local time occurrences keep to.
    #[schema(value_type = String)]
    pub zone: Timezone,
    /// What is done again and again: `{rrule, exclusions, early_s, late_s, duration_s, lead_s}`.
    #[schema(value_type = Option<Object>)]
    pub recurrence: Option<Recurrence>,
    /// What is to be looked at each time: `id`, `name`, `mandatory`.
    #[schema(value_type = Vec<Object>)]
    pub checklist: Vec<Item>,
    /// Whether another period follows when this one ends.
    pub auto_renew: bool,
    /// The occurrences that were planned last, 100 at most.
    pub occurrences: Vec<Occurrence>,
    /// How many were planned in all.
    pub occurrences_planned: u32,
    /// How many of them were skipped.
    pub occurrences_skipped: u32,
    /// When the next of them that is not skipped is due, as it was at the last event; null if there was none.
    pub next_occurrence_at: Option<DateTime<Utc>>,
    /// The evaluation of it that was made final last.
    pub last_evaluation: Option<Evaluation>,
    /// The plan that it follows.
    #[schema(value_type = Option<Uuid>)]
    pub renews: Option<ServicePlanId>,
    /// The plan that follows it.
    #[schema(value_type = Option<Uuid>)]
    pub renewed_by: Option<ServicePlanId>,
    /// When it was drafted.
    pub drafted_at: DateTime<Utc>,
    /// When it came into force first.
    pub activated_at: Option<DateTime<Utc>>,
    /// When it expired or was terminated.
    pub ended_at: Option<DateTime<Utc>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of service plans.
#[derive(Debug)]
pub struct ServicePlan;

impl Entity for ServicePlan {
    const NAME: &'static str = "service_plan";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::ServicePlan];
    const COLUMNS: &'static str = include_str!("service_plan_columns.sql");
    const INDEXES: &'static str = include_str!("service_plan_indexes.sql");
    type Row = ServicePlanRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<ServicePlanRow>, happened: &Happened) -> Result<Option<ServicePlanRow>, Unfit> {
        let AnyEvent::ServicePlan(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::ServicePlanDrafted { customer, terms, renews }) => {
                return Ok(Some(drafted(*customer, terms, *renews, happened)));
            }
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the plan was not drafted".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        row.look_ahead(happened.recorded_at);
        Ok(Some(row))
    }

    fn facts(row: &ServicePlanRow) -> Vec<Fact> {
        vec![(format!("status/{}", row.status.name()), [1, 0, 0, 0])]
    }
}

fn drafted(customer: CustomerId, terms: &Terms, renews: Option<ServicePlanId>, happened: &Happened) -> ServicePlanRow {
    let Terms { name, content, covered, sla_policy, allocation, period, recurrence, checklist, auto_renew } =
        terms.clone();
    let total = allocation.total.map(|total| u64::from(total.get()));
    ServicePlanRow {
        customer,
        status: Status::Draft,
        reason: None,
        name,
        content,
        revision: 1,
        covered,
        sla_policy: sla_policy.map(|policy| policy.id),
        sla_policy_revision: sla_policy.map(|policy| policy.revision),
        unit: allocation.unit,
        consume_on: allocation.consume_on,
        overage: allocation.overage,
        total,
        added: 0,
        used: 0,
        remaining: total.and_then(|total| i64::try_from(total).ok()),
        period_start: period.start,
        period_end: period.end,
        zone: period.zone,
        recurrence,
        checklist,
        auto_renew,
        occurrences: Vec::new(),
        occurrences_planned: 0,
        occurrences_skipped: 0,
        next_occurrence_at: None,
        last_evaluation: None,
        renews,
        renewed_by: None,
        drafted_at: happened.occurred_at,
        activated_at: None,
        ended_at: None,
        updated_at: happened.recorded_at,
        version: happened.version,
    }
}

impl ServicePlanRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::ServicePlanDrafted { .. } => return Err(Unfit("the plan was drafted twice".to_owned())),
            Event::ServicePlanActivated { .. } => {
                self.status = Status::Active;
                self.activated_at = Some(happened.occurred_at);
            }
            Event::ServicePlanRevised { revision, terms } => self.revise(*revision, terms, happened),
            Event::EntitlementConsumed { units, .. } => self.use_more(i64::from(units.get())),
            Event::EntitlementReleased { units, .. } => self.use_more(-i64::from(units.get())),
            Event::EntitlementToppedUp { units, total, .. } => {
                self.added += u64::from(units.get());
                self.total = Some(u64::from(*total));
                self.use_more(0);
            }
            Event::ServicePlanSuspended { reason } => {
                (self.status, self.reason) = (Status::Suspended, reason.clone());
            }
            Event::ServicePlanResumed { .. } => (self.status, self.reason) = (Status::Active, None),
            Event::ServicePlanRenewed { plan } => self.renewed_by = Some(*plan),
            Event::ServicePlanExpired {} => self.end(Status::Expired, None, happened),
            Event::ServicePlanTerminated { reason } => self.end(Status::Terminated, Some(reason.clone()), happened),
            Event::OccurrencePlanned { n, due, window: Window { earliest, latest } } => {
                let (due, earliest, latest) = (*due, *earliest, *latest);
                self.occurrences_planned += 1;
                self.occurrences.push(Occurrence { n: *n, due, earliest, latest, state: OccurrenceState::Planned });
                let beyond = self.occurrences.len().saturating_sub(OCCURRENCES_SHOWN_MAX);
                self.occurrences.drain(..beyond);
            }
            Event::ServicePlanEvaluated { evaluation, result_hundredths, verdict, as_of_position } => {
                let (evaluation, at) = (*evaluation, happened.occurred_at);
                let (result_hundredths, verdict) = (*result_hundredths, *verdict);
                let as_of_position = *as_of_position;
                self.last_evaluation = Some(Evaluation { evaluation, result_hundredths, verdict, as_of_position, at });
            }
            Event::OccurrenceSkipped { n, .. } => {
                self.occurrences_skipped += 1;
                if let Some(occurrence) = self.occurrences.iter_mut().find(|occurrence| occurrence.n == *n) {
                    occurrence.state = OccurrenceState::Skipped;
                }
            }
        }
        Ok(())
    }

    /// Other terms; what was used and added before stays.
    fn revise(&mut self, revision: u32, terms: &Terms, happened: &Happened) {
        let fresh = drafted(self.customer, terms, self.renews, happened);
        *self = Self {
            status: self.status,
            reason: self.reason.take(),
            revision,
            total: fresh.total.map(|total| total + self.added),
            added: self.added,
            used: self.used,
            occurrences: std::mem::take(&mut self.occurrences),
            occurrences_planned: self.occurrences_planned,
            occurrences_skipped: self.occurrences_skipped,
            last_evaluation: self.last_evaluation.take(),
            renewed_by: self.renewed_by,
            drafted_at: self.drafted_at,
            activated_at: self.activated_at,
            ended_at: self.ended_at,
            ..fresh
        };
        self.use_more(0);
    }

    fn use_more(&mut self, units: i64) {
        self.used = self.used.saturating_add_signed(units);
        let left = |total: u64| i64::try_from(total).ok()?.checked_sub(i64::try_from(self.used).ok()?);
        self.remaining = self.total.and_then(left);
    }

    fn end(&mut self, status: Status, reason: Option<Reason>, happened: &Happened) {
        (self.status, self.reason, self.ended_at) = (status, reason, Some(happened.occurred_at));
    }

    fn look_ahead(&mut self, now: DateTime<Utc>) {
        let in_force = matches!(self.status, Status::Active | Status::Suspended);
        let to_be_done = |next: &&Occurrence| next.state == OccurrenceState::Planned && next.due >= now;
        self.next_occurrence_at = self.occurrences.iter().find(to_be_done).filter(|_| in_force).map(|next| next.due);
    }
}

#[cfg(test)]
#[path = "service_plan_tests.rs"]
mod tests;
