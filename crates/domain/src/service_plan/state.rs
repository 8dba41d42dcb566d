//! A service plan as far as decisions need it, folded from its events.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::event::Event;
use super::fields::{Consumer, Status, Terms, Units};
use super::recurrence::{occurrences, shifted};
use crate::ids::{CustomerId, ServicePlanId};
use crate::revisions::Revisions;

/// Something that was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it is due.
    pub due: DateTime<Utc>,
    /// Whether it is not to be done.
    pub skipped: bool,
}

/// A service plan, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct ServicePlan {
    /// With whom it is agreed on; `None` before it was drafted.
    pub customer: Option<CustomerId>,
    /// Where it stands.
    pub status: Status,
    /// The terms of each revision.
    pub revisions: Revisions<Terms>,
    /// How many units were added.
    pub added: u32,
    /// Who took units, and how many.
    pub consumers: BTreeMap<Consumer, Units>,
    /// How many units were taken in all.
    pub used: u64,
    /// What is due from then on is planned.
    pub plans_from: Option<DateTime<Utc>>,
    /// What was planned, by number. What was dropped with the plan is not among it.
    pub planned: BTreeMap<u32, Occurrence>,
    /// When that was due which was dropped with the plan and is not planned anew yet.
    pub dropped: BTreeSet<DateTime<Utc>>,
    /// The highest number so far.
    pub last_n: u32,
    /// The plan that follows it.
    pub renewed_by: Option<ServicePlanId>,
}

impl Default for ServicePlan {
    fn default() -> Self {
        Self {
            customer: None,
            status: Status::Draft,
            revisions: Revisions::default(),
            added: 0,
            consumers: BTreeMap::new(),
            used: 0,
            plans_from: None,
            planned: BTreeMap::new(),
            dropped: BTreeSet::new(),
            last_n: 0,
            renewed_by: None,
        }
    }
}

impl ServicePlan {
    /// The terms of the latest revision; `None` before it was drafted.
    #[must_use]
    pub fn terms(&self) -> Option<&Terms> {
        self.revisions.get(self.revisions.latest())
    }

    /// How many units are left by some terms, below 0 where more was taken than there is; `None` if they are unlimited.
    #[must_use]
    pub fn remaining_by(&self, terms: &Terms) -> Option<i64> {
        let total = i64::from(terms.allocation.total?.get()) + i64::from(self.added);
        Some(total.saturating_sub(i64::try_from(self.used).unwrap_or(i64::MAX)))
    }

    /// How many units are left; `None` if they are unlimited.
    #[must_use]
    pub fn remaining(&self) -> Option<i64> {
        self.remaining_by(self.terms()?)
    }

    /// When some terms are due and nothing is planned yet, in order: behind what was planned last, whatever rule that was
    /// by, or what was dropped with the plan; not before the plan came into force. Empty where there is no recurrence or its rule cannot be used.
    #[must_use]
    pub fn upcoming_by(&self, terms: &Terms) -> Vec<DateTime<Utc>> {
        let due = terms.recurrence.as_ref().and_then(|recurrence| occurrences(recurrence, &terms.period).ok());
        let planned = self.planned.values().map(|occurrence| occurrence.due).max();
        let is_open = |at: &DateTime<Utc>| {
            let is_new = planned < Some(*at) || self.dropped.contains(at);
            is_new && self.plans_from.is_none_or(|from| from <= *at)
        };
        due.unwrap_or_default().into_iter().filter(is_open).collect()
    }

    /// What was planned and is not skipped, the last first; only what has a lower number than `before`.
    pub(super) fn kept(&self, before: Option<u32>) -> impl Iterator<Item = (u32, Occurrence)> {
        let below = self.planned.range(..before.unwrap_or(u32::MAX)).rev();
        below.map(|(n, occurrence)| (*n, *occurrence)).filter(|(_, occurrence)| !occurrence.skipped)
    }

    /// When the timer `expire` is due, if there is one.
    pub(super) fn expire_due(&self) -> Option<DateTime<Utc>> {
        let in_time = matches!(self.status, Status::Active | Status::Suspended);
        self.terms().filter(|_| in_time).map(|terms| terms.period.end)
    }

    /// When the timer `occurrences` is due, if there is one: so long before the next occurrence as it is to be planned.
    pub(super) fn occurrences_due(&self) -> Option<DateTime<Utc>> {
        let terms = self.terms().filter(|_| self.status == Status::Active)?;
        let lead_s = i64::from(terms.recurrence.as_ref()?.lead_s.get());
        self.upcoming_by(terms).first().map(|due| shifted(*due, -lead_s))
    }

    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::ServicePlanDrafted { customer, terms, renews: _ } => {
                self.customer = Some(*customer);
                self.revisions.push(terms.clone());
            }
            Event::ServicePlanActivated { plans_from } | Event::ServicePlanResumed { plans_from } => {
                self.status = Status::Active;
                self.plans_from = Some(*plans_from);
            }
            Event::ServicePlanRevised { revision: _, terms } => self.revisions.push(terms.clone()),
            Event::EntitlementConsumed { by, units, .. } => {
                self.consumers.insert(*by, *units);
                self.used = self.used.saturating_add(u64::from(units.get()));
            }
            Event::EntitlementReleased { by, units, .. } => {
                self.consumers.remove(by);
                self.used = self.used.saturating_sub(u64::from(units.get()));
            }
            Event::EntitlementToppedUp { units, .. } => self.added = self.added.saturating_add(units.get()),
            Event::ServicePlanSuspended { .. } => self.status = Status::Suspended,
            Event::ServicePlanRenewed { plan } => self.renewed_by = Some(*plan),
            Event::ServicePlanExpired {} => self.status = Status::Expired,
            Event::ServicePlanEvaluated { .. } => {}
            Event::ServicePlanTerminated { .. } => self.status = Status::Terminated,
            Event::OccurrencePlanned { n, due, .. } => {
                self.planned.insert(*n, Occurrence { due: *due, skipped: false });
                self.last_n = self.last_n.max(*n);
                self.dropped.remove(due);
            }
            Event::OccurrenceSkipped { n, with_plan: true, .. } => {
                self.dropped.extend(self.planned.remove(n).map(|occurrence| occurrence.due));
            }
            Event::OccurrenceSkipped { n, with_plan: false, .. } => {
                if let Some(occurrence) = self.planned.get_mut(n) {
                    occurrence.skipped = true;
                }
            }
        }
    }
}
