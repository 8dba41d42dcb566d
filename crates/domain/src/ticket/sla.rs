//! What is promised for a ticket, and the clocks that run for it.
//!
//! Whether a clock counts, waits or has ended follows from where the ticket stands, and nothing else: whatever a command
//! brings about, the clocks follow it in the same append. What comes with time alone is brought by each clock's timer.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::assign;
use super::event::Event;
use super::fields::{Priority, Status};
use super::standing::Standing;
use super::state::{Matter, Ticket};
use super::wait::is_due;
use crate::agent::Role;
use crate::business_time::BusinessTime;
use crate::calendar::Calendar;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{CalendarId, SlaPolicyId, StreamId, TeamId};
use crate::rejection::{Code, Rejection};
use crate::revisions::RevisionOf;
use crate::sla_clock::{BREACH_PERCENT, Clock, ClockKind, Motion, Retargeting};
use crate::sla_policy::{Escalation, Percent, Rung, SlaPolicy, Terms};
use crate::text::Name;

/// What is promised for a ticket, and its clocks.
#[derive(Clone, Debug, PartialEq)]
pub struct Sla {
    /// By which policy.
    pub policy: RevisionOf<SlaPolicyId>,
    /// By which hours new clocks count.
    pub calendar: RevisionOf<CalendarId>,
    /// The clocks that began, also those that have ended.
    pub clocks: BTreeMap<ClockKind, Clock>,
}

impl Sla {
    pub(super) fn fold(sla: &mut Option<Self>, event: &Event) {
        if let Event::SlaAttached { policy, calendar, clocks } = event {
            let clocks = clocks.iter().map(|(kind, reading)| (*kind, Clock::begun(reading))).collect();
            *sla = Some(Self { policy: *policy, calendar: *calendar, clocks });
        }
        let Some(sla) = sla else { return };
        if let Event::SlaRetargeted { policy, calendar, mode, clocks } = event {
            (sla.policy, sla.calendar) = (*policy, *calendar);
            for (kind, told) in clocks {
                sla.with(*kind, |clock| clock.fold_retargeted(*mode, told));
            }
        }
        if let Event::SlaClocksChanged { clocks } = event {
            for (kind, reading) in clocks {
                match sla.clocks.get_mut(kind).filter(|clock| !begins_anew(*kind, clock)) {
                    Some(clock) => clock.fold(reading),
                    None => _ = sla.clocks.insert(*kind, Clock::begun(reading)),
                }
            }
        }
        if let Event::SlaThresholdReached { clock, percent, reached_at, next_threshold_at } = event {
            sla.with(*clock, |clock| clock.notice(percent.get(), *reached_at, *next_threshold_at));
        }
        if let Event::SlaBreached { clock, breached_at, overrun_s: _, next_threshold_at } = event {
            sla.with(*clock, |clock| clock.notice(BREACH_PERCENT, *breached_at, *next_threshold_at));
        }
    }

    fn with(&mut self, kind: ClockKind, change: impl FnOnce(&mut Clock)) {
        if let Some(clock) = self.clocks.get_mut(&kind) {
            change(clock);
        }
    }

    /// When the timer of a clock is due, if there is one.
    pub(super) fn notice_due(&self, kind: ClockKind) -> Option<DateTime<Utc>> {
        self.clocks.get(&kind).and_then(Clock::next_threshold_at)
    }
}

/// Each message of the customer that is to be answered has a clock of its own.
fn begins_anew(kind: ClockKind, clock: &Clock) -> bool {
    kind == ClockKind::NextResponse && clock.motion() == Motion::Ended
}

/// A policy by which clocks are to run: at a revision, or at its latest.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    /// Which policy.
    pub(super) id: SlaPolicyId,
    /// At which revision.
    pub(super) revision: Option<u32>,
}

impl Asked {
    pub(super) const fn latest(id: SlaPolicyId) -> Self {
        Self { id, revision: None }
    }

    fn terms(self, policy: &SlaPolicy) -> (RevisionOf<SlaPolicyId>, Option<&Terms>) {
        let revision = self.revision.unwrap_or_else(|| policy.revisions.latest());
        (RevisionOf { id: self.id, revision }, policy.revisions.get(revision))
    }
}

/// The settings by which a ticket's clocks run.
struct Promise<'a> {
    policy: RevisionOf<SlaPolicyId>,
    calendar: RevisionOf<CalendarId>,
    terms: &'a Terms,
    loaded: &'a Loaded,
}

fn unknown(what: &str) -> Rejection {
    Rejection::new(Code::Unavailable, format!("{what} of the ticket's clocks cannot be told"))
}

/// Time as it is counted by a revision of a calendar.
fn hours(calendar: RevisionOf<CalendarId>, loaded: &Loaded) -> Result<BusinessTime<'_>, Rejection> {
    let found = loaded.get::<Calendar>(calendar.id.stream()).and_then(|found| found.revisions.get(calendar.revision));
    found.and_then(crate::business_time::Hours::business_time).ok_or_else(|| unknown("the hours"))
}

impl<'a> Promise<'a> {
    /// What the clocks of a ticket run by.
    fn kept(sla: &Sla, loaded: &'a Loaded) -> Result<Self, Rejection> {
        let found = loaded.get::<SlaPolicy>(sla.policy.id.stream());
        let terms = found.and_then(|found| found.revisions.get(sla.policy.revision));
        let terms = terms.ok_or_else(|| unknown("the policy"))?;
        Ok(Self { policy: sla.policy, calendar: sla.calendar, terms, loaded })
    }

    /// What a policy promises, by the hours of today.
    fn asked(asked: Asked, pointer: &str, loaded: &'a Loaded) -> Result<Self, Rejection> {
        let found = loaded.get::<SlaPolicy>(asked.id.stream());
        let found = found.ok_or_else(|| Rejection::reference_missing(pointer, asked.id.stream()))?;
        let (policy, terms) = asked.terms(found);
        let terms = terms.ok_or_else(|| unknown("the policy"))?;
        let calendar = loaded.get::<Calendar>(terms.calendar.stream()).ok_or_else(|| unknown("the hours"))?;
        let calendar = RevisionOf { id: terms.calendar, revision: calendar.revisions.latest() };
        Ok(Self { policy, calendar, terms, loaded })
    }

    fn hours(&self) -> Result<BusinessTime<'a>, Rejection> {
        hours(self.calendar, self.loaded)
    }

    /// How a clock moves where the ticket stands.
    fn motion(&self, kind: ClockKind, standing: &Standing) -> Motion {
        let is_over = match kind {
            ClockKind::FirstResponse => standing.is_answered || standing.was_resolved,
            ClockKind::NextResponse => !standing.awaits_answer,
            ClockKind::FirstResolution => standing.was_resolved,
            ClockKind::TotalResolution => matches!(standing.status, Status::Resolved | Status::Closed),
        };
        let waits = match standing.status {
            Status::Pending => self.terms.pauses.pending.contains(&kind),
            Status::OnHold => self.terms.pauses.on_hold.contains(&kind),
            Status::Merged | Status::Cancelled => true,
            Status::New | Status::Open | Status::Resolved | Status::Closed => false,
        };
        match (is_over, waits) {
            (true, _) => Motion::Ended,
            (false, true) => Motion::Paused,
            (false, false) => Motion::Running,
        }
    }

    /// A clock that begins, if one is promised.
    fn begin(&self, kind: ClockKind, standing: &Standing, priority: Priority, at: DateTime<Utc>) -> Option<Clock> {
        let motion = self.motion(kind, standing);
        let target_s = self.terms.target(priority, kind).filter(|_| motion != Motion::Ended)?;
        Some(Clock::start(target_s, motion, at, self.calendar))
    }

    /// The event with which clocks begin to run for a ticket.
    fn attached(&self, standing: &Standing, priority: Priority, at: DateTime<Utc>) -> Result<Event, Rejection> {
        let mut clocks = BTreeMap::new();
        for kind in ClockKind::ALL {
            if let Some(clock) = self.begin(*kind, standing, priority, at) {
                clocks.insert(*kind, clock.reading(self.hours()?, &self.terms.thresholds(*kind)));
            }
        }
        Ok(Event::SlaAttached { policy: self.policy, calendar: self.calendar, clocks })
    }

    /// The events by which clocks that count are given the targets that are promised now. One whose target and hours are
    /// the same already is left alone, and one to which no target is promised any more keeps its own.
    fn retargeted(
        &self,
        sla: &Sla,
        mode: Retargeting,
        priority: Priority,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Rejection> {
        let is_other = sla.policy != self.policy || sla.calendar != self.calendar;
        let (mut retargeted, mut read_again) = (BTreeMap::new(), BTreeMap::new());
        for (kind, clock) in sla.clocks.iter().filter(|(_, clock)| clock.motion() != Motion::Ended) {
            let (old, thresholds) = (hours(clock.calendar(), self.loaded)?, self.terms.thresholds(*kind));
            let mut clock = clock.clone();
            let target = self.terms.target(priority, *kind);
            let other = target.filter(|target_s| (*target_s, self.calendar) != (clock.target_s(), clock.calendar()));
            let told = match other {
                Some(target_s) => clock.retarget(mode, target_s, old, (self.calendar, self.hours()?), &thresholds, at),
                None => None,
            };
            match told {
                Some(told) => _ = retargeted.insert(*kind, told),
                // It keeps its target; notice may have to be taken of other shares of that.
                None if is_other => {
                    clock.turn(clock.motion(), old, at);
                    read_again.insert(*kind, clock.reading(old, &thresholds));
                }
                None => {}
            }
        }
        let (policy, calendar) = (self.policy, self.calendar);
        let mut events = Vec::new();
        if is_other || !retargeted.is_empty() {
            events.push(Event::SlaRetargeted { policy, calendar, mode, clocks: retargeted });
        }
        if !read_again.is_empty() {
            events.push(Event::SlaClocksChanged { clocks: read_again });
        }
        Ok(events)
    }

    /// The events by which the clocks follow the ticket to where it stands.
    fn followed(
        &self,
        sla: &Sla,
        standing: &Standing,
        priority: Priority,
        at: DateTime<Utc>,
    ) -> Result<Vec<Event>, Rejection> {
        let (mut notices, mut clocks, mut met) = (Vec::new(), BTreeMap::new(), Vec::new());
        for kind in ClockKind::ALL {
            let wanted = self.motion(*kind, standing);
            let thresholds = self.terms.thresholds(*kind);
            let known = sla.clocks.get(kind);
            let goes_on = known.filter(|clock| clock.motion() != Motion::Ended || *kind == ClockKind::TotalResolution);
            let turned = match goes_on {
                Some(clock) if clock.motion() == wanted => None,
                Some(clock) => {
                    let mut clock = clock.clone();
                    clock.turn(wanted, hours(clock.calendar(), self.loaded)?, at);
                    Some(clock)
                }
                None if known.is_some_and(|clock| !begins_anew(*kind, clock)) => None,
                None => self.begin(*kind, standing, priority, at),
            };
            let Some(clock) = turned else { continue };
            if let Some(ended) = known.filter(|clock| begins_anew(*kind, clock)) {
                let late = taken(*kind, ended, hours(ended.calendar(), self.loaded)?, &thresholds, at);
                notices.extend(late.into_iter().map(|(_, event)| event));
            }
            let reading = clock.reading(hours(clock.calendar(), self.loaded)?, &thresholds);
            if wanted == Motion::Ended && reading.breached_at.is_none() {
                met.push(Event::SlaMet { clock: *kind, elapsed_s: reading.elapsed_s, target_s: reading.target_s });
            }
            clocks.insert(*kind, reading);
        }
        let changed = (!clocks.is_empty()).then_some(Event::SlaClocksChanged { clocks });
        Ok(notices.into_iter().chain(changed).chain(met).collect())
    }
}

/// The notices that are to be taken of a clock by now, each with its share of the target.
fn taken(
    kind: ClockKind,
    clock: &Clock,
    time: BusinessTime<'_>,
    thresholds: &[u16],
    now: DateTime<Utc>,
) -> Vec<(u16, Event)> {
    let notice = |(share, reached_at): (u16, DateTime<Utc>)| {
        let next_threshold_at = clock.after_notice(time, thresholds, share);
        if share == BREACH_PERCENT {
            let overrun_s = (clock.elapsed_s(time, now) - i64::from(clock.target_s())).max(0);
            let breached = Event::SlaBreached { clock: kind, breached_at: reached_at, overrun_s, next_threshold_at };
            return Some((share, breached));
        }
        let percent = Percent::try_from(u32::from(share)).ok()?;
        Some((share, Event::SlaThresholdReached { clock: kind, percent, reached_at, next_threshold_at }))
    };
    clock.notices(time, thresholds, now).into_iter().filter_map(notice).collect()
}

/// Lets clocks run for a ticket, or run by another promise.
pub(super) fn attach(
    ticket: &Ticket,
    matter: &Matter,
    policy: Asked,
    mode: Option<Retargeting>,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let promise = Promise::asked(policy, "/data/policy", context.loaded)?;
    let at = context.occurred_at;
    let events = match &ticket.sla {
        None => vec![promise.attached(&ticket.standing, matter.priority, at)?],
        Some(sla) if (sla.policy, sla.calendar) == (promise.policy, promise.calendar) => Vec::new(),
        Some(sla) => {
            context.require_role(Role::Supervisor)?;
            promise.retargeted(sla, mode.unwrap_or(promise.terms.retargeting), matter.priority, at)?
        }
    };
    Ok(all_on(context.stream, events))
}

/// Takes notice of how far a clock has run, and does what the policy says for that, as long as the clock counts.
pub(super) fn notice(
    ticket: &Ticket,
    matter: &Matter,
    kind: ClockKind,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let found = ticket.sla.as_ref().and_then(|sla| Some((sla, sla.clocks.get(&kind)?)));
    let Some((sla, clock)) = found else { return Ok(Decision::already()) };
    let promise = Promise::kept(sla, context.loaded)?;
    let now = clock.next_threshold_at().filter(|at| is_due(Some(*at), context)).unwrap_or(context.now).max(context.now);
    let time = hours(clock.calendar(), context.loaded)?;
    let thresholds = promise.terms.thresholds(kind);
    let notices = taken(kind, clock, time, &thresholds, now);
    if notices.is_empty() && clock.next_threshold_at().is_some_and(|at| at <= now) {
        // By the zones of this program it comes at another time than by those of the one that told so.
        let mut clock = clock.clone();
        clock.turn(clock.motion(), time, now);
        let clocks = BTreeMap::from([(kind, clock.reading(time, &thresholds))]);
        return Ok(Decision::event(context.stream, Event::SlaClocksChanged { clocks }));
    }
    let (shares, notices): (BTreeSet<u16>, Vec<Event>) = notices.into_iter().unzip();
    let decision = all_on(context.stream, notices);
    if clock.motion() == Motion::Ended || !ticket.status().unfinished() {
        return Ok(decision);
    }
    let rungs = promise.terms.ladder.iter().filter(|rung| rung.clock == kind && shares.contains(&rung.percent.get()));
    Ok(escalated(decision, ticket, matter, rungs, context))
}

fn all_on(stream: StreamId, events: Vec<Event>) -> Decision {
    events.into_iter().fold(Decision::already(), |decision, event| decision.and(stream, event))
}

/// Adds what rungs of a ladder bring about. To tell who is responsible is left to whoever receives the notice.
fn escalated<'a>(
    mut decision: Decision,
    ticket: &Ticket,
    matter: &Matter,
    rungs: impl Iterator<Item = &'a Rung>,
    context: &Context<'_>,
) -> Decision {
    let (from, mut to, mut reason, mut team) = (matter.priority, matter.priority, None, None);
    for rung in rungs {
        match rung.escalation {
            Escalation::Notify {} => {}
            Escalation::RaisePriority {} => {
                to = to.raised();
                reason = Name::parse(&format!("{} at {} %", rung.clock.name(), rung.percent.get())).ok();
            }
            Escalation::Reassign { team: next } => team = Some(next),
        }
    }
    if to != from {
        let (impact, urgency) = (matter.impact, matter.urgency);
        let overridden = to != Priority::of(impact, urgency);
        let event = Event::TicketPrioritized { impact, urgency, from, to, reason, overridden };
        decision = decision.and(context.stream, event);
    }
    // The policy was accepted with a team that exists, and teams stay.
    if let Some(Ok(routed)) = team.map(|team| assign::route(ticket, team, context)) {
        decision.events.extend(routed.events);
    }
    decision
}

/// A ticket before and after a decision, as far as its clocks are concerned.
pub(super) struct Step<'a> {
    /// What is promised, with what the decision itself has told of it.
    pub(super) sla: Option<&'a Sla>,
    /// By which policy clocks begin to run, if the ticket is new.
    pub(super) begins_by: Option<Asked>,
    /// Where the ticket stands after it.
    pub(super) standing: Standing,
    /// The priority before it and after it.
    pub(super) priorities: (Priority, Priority),
}

/// The events by which a ticket's clocks follow a decision.
pub(super) fn follow(step: &Step<'_>, context: &Context<'_>) -> Result<Vec<Event>, Rejection> {
    let (at, (before, priority)) = (context.occurred_at, step.priorities);
    let Some(sla) = step.sla else {
        let Some(policy) = step.begins_by else { return Ok(Vec::new()) };
        let promise = Promise::asked(policy, "/data/sla_policy", context.loaded)?;
        return Ok(vec![promise.attached(&step.standing, priority, at)?]);
    };
    let promise = Promise::kept(sla, context.loaded)?;
    if priority == before {
        return promise.followed(sla, &step.standing, priority, at);
    }
    let mut events = promise.retargeted(sla, promise.terms.retargeting, priority, at)?;
    let mut retargeted = Some(sla.clone());
    events.iter().for_each(|event| Sla::fold(&mut retargeted, event));
    if let Some(sla) = &retargeted {
        events.extend(promise.followed(sla, &step.standing, priority, at)?);
    }
    Ok(events)
}

/// The settings that a ticket's clocks are counted by.
pub(super) fn reads(ticket: &Ticket) -> Vec<StreamId> {
    let Some(sla) = &ticket.sla else { return Vec::new() };
    let calendars: BTreeSet<CalendarId> =
        sla.clocks.values().map(|clock| clock.calendar().id).chain([sla.calendar.id]).collect();
    std::iter::once(sla.policy.id.stream()).chain(calendars.into_iter().map(CalendarId::stream)).collect()
}

/// The settings that clocks which begin by a policy are counted by.
pub(super) fn asked_reads(asked: Asked, loaded: &Loaded) -> Vec<StreamId> {
    let terms = loaded.get::<SlaPolicy>(asked.id.stream()).and_then(|found| asked.terms(found).1);
    std::iter::once(asked.id.stream()).chain(terms.map(|terms| terms.calendar.stream())).collect()
}

/// The settings that the clocks of a ticket which takes after this one are counted by.
pub(super) fn successor_reads(ticket: &Ticket, loaded: &Loaded) -> Vec<StreamId> {
    ticket.sla.as_ref().map(|sla| asked_reads(Asked::latest(sla.policy.id), loaded)).unwrap_or_default()
}

/// The teams to which a ticket may go as a clock runs.
pub(super) fn ladder_reads(ticket: &Ticket, kind: ClockKind, loaded: &Loaded) -> Vec<StreamId> {
    let Some(sla) = &ticket.sla else { return Vec::new() };
    let found = loaded.get::<SlaPolicy>(sla.policy.id.stream());
    let terms = found.and_then(|found| found.revisions.get(sla.policy.revision));
    let rungs = terms.into_iter().flat_map(|terms| &terms.ladder).filter(|rung| rung.clock == kind);
    rungs.filter_map(|rung| rung.escalation.team()).map(TeamId::stream).collect()
}
