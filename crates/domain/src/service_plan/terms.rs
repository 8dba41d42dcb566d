//! What terms must fulfil before they are agreed on; never asked of what was.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use super::fields::{ConsumeOn, EXCLUSIONS_MAX, PRODUCTS_MAX, Period, Recurrence, SpanSeconds, Terms, UNITS_MAX, Unit};
use super::recurrence::{OCCURRENCES_MAX, day_later, occurrences};
use super::state::ServicePlan;
use crate::decider::Loaded;
use crate::envelope::OCCURRED_AT_MIN;
use crate::ids::SlaPolicyId;
use crate::rejection::{Code, FieldError, Rejection};
use crate::revisions::RevisionOf;
use crate::service_execution::check_items;
use crate::sla_policy::SlaPolicy;

/// The latest end of a period.
pub const PERIOD_END_MAX: DateTime<Utc> = match NaiveDate::from_ymd_opt(2200, 1, 1) {
    Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
    None => DateTime::UNIX_EPOCH,
};

impl Terms<SlaPolicyId> {
    /// The terms as they are agreed on today: with the latest revision of the SLA policy that they name.
    ///
    /// # Errors
    /// There is no such policy.
    pub(super) fn as_of_today(&self, loaded: &Loaded) -> Result<Terms, Rejection> {
        let latest = |id: SlaPolicyId| match loaded.get::<SlaPolicy>(id.stream()) {
            Some(policy) => Ok(RevisionOf { id, revision: policy.revisions.latest() }),
            None => Err(Rejection::reference_missing("/data/terms/sla_policy", id.stream())),
        };
        let Self { name, content, covered, sla_policy, allocation, period, recurrence, checklist, auto_renew } =
            self.clone();
        let sla_policy = sla_policy.map(latest).transpose()?;
        Ok(Terms { name, content, covered, sla_policy, allocation, period, recurrence, checklist, auto_renew })
    }
}

impl Period {
    /// What makes it unfit for use, with a pointer to it.
    fn check(&self) -> Result<(), (&'static str, String)> {
        let Some(zone) = self.tz() else {
            return Err(("/zone", format!("the time zone database knows no {}", self.zone)));
        };
        for (pointer, at) in [("/start", self.start), ("/end", self.end)] {
            if at.timestamp_subsec_nanos() != 0 {
                return Err((pointer, "a period begins and ends with a whole second".to_owned()));
            }
            if at < OCCURRED_AT_MIN || at > PERIOD_END_MAX {
                return Err((pointer, format!("between {OCCURRED_AT_MIN} and {PERIOD_END_MAX}")));
            }
        }
        if day_later(zone, self.start).is_none_or(|tomorrow| self.end < tomorrow) {
            return Err(("/end", "a period ends a day after its start at the earliest".to_owned()));
        }
        Ok(())
    }
}

/// Refuses terms that `plan` cannot have. `root` points to them, `period` to their period in the message.
///
/// # Errors
/// `validation`, `limit_exceeded`, `rrule_invalid`, or `allocation_exhausted` where more was taken than they allow.
pub(super) fn check(plan: &ServicePlan, terms: &Terms, root: &str, period: &str) -> Result<(), Rejection> {
    let Terms { covered, allocation, recurrence, checklist, .. } = terms;
    for (what, count, max) in [
        ("products of a plan", covered.products.len(), PRODUCTS_MAX),
        (
            "exclusions of a recurrence",
            recurrence.as_ref().map_or(0, |recurrence| recurrence.exclusions.len()),
            EXCLUSIONS_MAX,
        ),
    ] {
        if count > max {
            return Err(Rejection::limit_exceeded(what, max as u64));
        }
    }
    terms.period.check().map_err(|(field, why)| Rejection::validation(format!("{period}{field}"), why))?;
    if (allocation.unit == Unit::Unlimited) != allocation.total.is_none() {
        let why = "a total, unless the units are unlimited";
        return Err(Rejection::validation(format!("{root}/allocation/total"), why));
    }
    if !is_taken_then(allocation.unit, allocation.consume_on) {
        let (unit, when) = (allocation.unit.name(), allocation.consume_on.name());
        let why = format!("{unit} are not taken on {when}");
        return Err(Rejection::validation(format!("{root}/allocation/consume_on"), why));
    }
    check_items(&format!("{root}/checklist"), checklist)?;
    check_use(plan, terms, root)?;
    check_recurrence(plan, terms, root)
}

/// Whether units are known when they are to be taken: cases are tickets, visits are executions, and hours are known when
/// the work is done.
const fn is_taken_then(unit: Unit, when: ConsumeOn) -> bool {
    match unit {
        Unit::Cases => matches!(when, ConsumeOn::Open | ConsumeOn::Resolve),
        Unit::Hours => matches!(when, ConsumeOn::Resolve | ConsumeOn::Complete),
        Unit::Visits => matches!(when, ConsumeOn::Complete),
        Unit::Unlimited => true,
    }
}

/// What was taken and added before stays, so it must make sense by the new terms.
fn check_use(plan: &ServicePlan, terms: &Terms, root: &str) -> Result<(), Rejection> {
    let before = plan.terms().map(|terms| terms.allocation.unit);
    let is_other = before.is_some_and(|unit| unit != terms.allocation.unit);
    if is_other && (plan.used > 0 || plan.added > 0) {
        let why = "units were taken or added already, and are of another kind";
        return Err(Rejection::validation(format!("{root}/allocation/unit"), why));
    }
    let total = terms.allocation.total.map_or(0, |total| total.get().saturating_add(plan.added));
    if total > UNITS_MAX {
        return Err(Rejection::limit_exceeded("units of a plan", u64::from(UNITS_MAX)));
    }
    match plan.remaining_by(terms) {
        Some(remaining) if remaining < 0 && !terms.allocation.overage => {
            let detail = format!("{} units were taken already", plan.used);
            Err(Rejection::new(Code::AllocationExhausted, detail).with("remaining", remaining))
        }
        Some(_) | None => Ok(()),
    }
}

/// Refuses occurrences between whose earliest and latest time there is none.
fn check_time(recurrence: &Recurrence, root: &str) -> Result<(), Rejection> {
    let spans = [recurrence.early_s, recurrence.late_s].into_iter().chain(recurrence.duration_s);
    if spans.map(SpanSeconds::get).all(|span| span == 0) {
        let why = "an occurrence has some time: early or late, or while it lasts";
        return Err(Rejection::validation(format!("{root}/recurrence/late_s"), why));
    }
    Ok(())
}

fn check_recurrence(plan: &ServicePlan, terms: &Terms, root: &str) -> Result<(), Rejection> {
    let Some(recurrence) = &terms.recurrence else { return Ok(()) };
    let planned = plan.planned.len();
    let why = match occurrences(recurrence, &terms.period) {
        Err(why) => why,
        Ok(_) if planned + plan.upcoming_by(terms).len() > OCCURRENCES_MAX => {
            format!("with the {planned} that were planned it is due more than {OCCURRENCES_MAX} times")
        }
        Ok(_) => return check_time(recurrence, root),
    };
    let mut rejection = Rejection::new(Code::RruleInvalid, why.clone());
    rejection.errors.push(FieldError { pointer: format!("{root}/recurrence/rrule"), detail: why });
    Err(rejection)
}
