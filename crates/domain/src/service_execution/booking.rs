//! Times and resources. A resource is in one place at a time: each booking takes an interval claim on each of its
//! resources, replaces it when it moves, and gives it back when the execution ends. That includes its completion: a claim
//! only keeps others away, and from then on the resource is free; that it was there is in the history.

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::command::Command;
use super::event::Event;
use super::fields::{Skill, Window};
use super::state::{Order, ServiceExecution};
use crate::agent::{Agent, Role};
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, ClaimQuery, Context, Decision, Holding, Loaded, TimeRange};
use crate::ids::{AgentId, StreamId};
use crate::rejection::{Code, Rejection};

/// The longest booking: 31 days.
pub const BOOKING_MAX: TimeDelta = TimeDelta::days(31);
/// The most resources of a booking.
pub const RESOURCES_MAX: usize = 10;

/// When it is to be done, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Booking {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// When it ends.
    pub end: DateTime<Utc>,
    /// Who does it.
    pub resources: BTreeSet<AgentId>,
}

impl Booking {
    const fn range(&self) -> TimeRange {
        TimeRange { start: self.start, end: self.end }
    }
}

/// The claim on a resource's time.
#[must_use]
pub fn booking_claim(resource: AgentId) -> ClaimKey {
    ClaimKey::new("resource", resource.to_string())
}

/// The resources that a command asks for, as many as there may be.
pub(super) fn resources(command: &Command) -> impl Iterator<Item = AgentId> {
    let wanted = match command {
        Command::Schedule { resources, .. } | Command::Reschedule { resources, .. } => Some(resources),
        Command::Plan { .. }
        | Command::Dispatch {}
        | Command::StartTravel {}
        | Command::Start {}
        | Command::Pause { .. }
        | Command::Resume {}
        | Command::CompleteItem { .. }
        | Command::UsePart { .. }
        | Command::Complete { .. }
        | Command::SignOff { .. }
        | Command::Fail { .. }
        | Command::Cancel { .. }
        | Command::RecordNoShow {} => None,
    };
    wanted.into_iter().flatten().copied().take(RESOURCES_MAX)
}

/// The claims that the decision looks at: each resource's bookings in the time that is asked for.
pub(super) fn claims(command: &Command) -> Vec<ClaimQuery> {
    let (Command::Schedule { start, end, .. } | Command::Reschedule { start, end, .. }) = command else {
        return Vec::new();
    };
    let range = Some(TimeRange { start: *start, end: *end });
    resources(command).map(|resource| ClaimQuery { key: booking_claim(resource), range }).collect()
}

/// Gives it a time and resources.
pub(super) fn schedule(
    order: &Order,
    booking: &Booking,
    overridden: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    check(order, booking, overridden, context)?;
    let Booking { start, end, resources } = booking.clone();
    let scheduled = Event::ServiceExecutionScheduled { start, end, resources, overridden };
    Ok(claimed(Decision::event(context.stream, scheduled), None, Some(booking), context.stream))
}

/// Gives it another time or other resources.
pub(super) fn reschedule(
    execution: &ServiceExecution,
    order: &Order,
    booking: &Booking,
    overridden: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    if execution.booking.as_ref() == Some(booking) {
        return Ok(Decision::already());
    }
    check(order, booking, overridden, context)?;
    let Booking { start, end, resources } = booking.clone();
    let rescheduled = Event::ServiceExecutionRescheduled { start, end, resources, overridden };
    let decision = Decision::event(context.stream, rescheduled);
    Ok(claimed(decision, execution.booking.as_ref(), Some(booking), context.stream))
}

/// Changes the claims from those of one booking to those of another.
pub(super) fn claimed(
    mut decision: Decision,
    before: Option<&Booking>,
    after: Option<&Booking>,
    holder: StreamId,
) -> Decision {
    let kept = |resource: &AgentId| after.is_some_and(|after| after.resources.contains(resource));
    let gone = before.into_iter().flat_map(|before| &before.resources).filter(|resource| !kept(resource));
    decision.claims.extend(gone.map(|resource| ClaimChange::Release { key: booking_claim(*resource), holder }));
    if let Some(booking) = after {
        let kind = ClaimKind::Interval(booking.range());
        let take = |resource: &AgentId| ClaimChange::Take { key: booking_claim(*resource), holder, kind };
        decision.claims.extend(booking.resources.iter().map(take));
    }
    decision
}

fn check(order: &Order, booking: &Booking, overridden: bool, context: &Context<'_>) -> Result<(), Rejection> {
    if overridden {
        context.require_role(Role::Supervisor)?;
    }
    let length = booking.end.signed_duration_since(booking.start);
    if length <= TimeDelta::zero() || length > BOOKING_MAX {
        return Err(Rejection::validation("/data/end", "later than the start, by 31 days at most"));
    }
    if booking.resources.is_empty() {
        return Err(Rejection::validation("/data/resources", "at least one resource"));
    }
    if booking.resources.len() > RESOURCES_MAX {
        return Err(Rejection::limit_exceeded("resources of a service execution", RESOURCES_MAX as u64));
    }
    if !overridden {
        inside(&order.window, booking)?;
    }
    capable(&order.skills, &booking.resources, context.loaded)?;
    booking.resources.iter().try_for_each(|resource| free(*resource, booking.range(), context))
}

/// Refuses a booking that is not inside the window as a whole.
fn inside(window: &Window, booking: &Booking) -> Result<(), Rejection> {
    if window.earliest <= booking.start && booking.end <= window.latest {
        return Ok(());
    }
    let (earliest, latest) = (written(window.earliest), written(window.latest));
    let detail = format!("it is to be done from {earliest} to {latest}");
    Err(Rejection::new(Code::OutsideWindow, detail).with("earliest", earliest).with("latest", latest))
}

/// Refuses resources who are unknown or not active, or who have not all of the skills between them.
fn capable(skills: &BTreeSet<Skill>, resources: &BTreeSet<AgentId>, loaded: &Loaded) -> Result<(), Rejection> {
    let mut missing: BTreeSet<&Skill> = skills.iter().collect();
    for resource in resources {
        let agent = loaded
            .get::<Agent>(resource.stream())
            .ok_or_else(|| Rejection::reference_missing("/data/resources", resource.stream()))?;
        if !agent.active() {
            let detail = format!("the agent {resource} is not active");
            return Err(Rejection::new(Code::AgentInactive, detail).with("resource", resource.to_string()));
        }
        missing.retain(|skill| !agent.skills.contains(*skill));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|skill| skill.as_str()).collect();
    let detail = format!("none of the resources has {}", names.join(", "));
    Err(Rejection::new(Code::SkillsMissing, detail).with("skills", names))
}

/// Refuses a resource that is booked by another execution in the time that is asked for.
fn free(resource: AgentId, range: TimeRange, context: &Context<'_>) -> Result<(), Rejection> {
    let key = booking_claim(resource);
    let in_the_way = |held: &Holding| Some((held.range.filter(|held| held.overlaps(&range))?, held.holder));
    let Some((held, holder)) = context.loaded.others(&key, context.stream).filter_map(in_the_way).min() else {
        return Ok(());
    };
    let (start, end) = (written(held.start), written(held.end));
    let detail = format!("the resource {resource} is booked from {start} to {end}");
    Err(Rejection::new(Code::ResourceBusy, detail)
        .with("resource", resource.to_string())
        .with("holder", holder.id.to_string())
        .with("start", start)
        .with("end", end))
}

fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
