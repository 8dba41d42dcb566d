//! SLA policy: how soon a desk promises to act, in revisions.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::agent::Role;
use crate::calendar::Calendar;
use crate::decider::{Aggregate, Context, Decision, Loaded, actor_stream};
use crate::envelope::Actor;
use crate::ids::{CalendarId, StreamId, TeamId};
use crate::ranged::ranged;
use crate::rejection::Rejection;
use crate::revisions::Revisions;
use crate::sla_clock::{BREACH_PERCENT, ClockKind, Retargeting};
use crate::team::Team;
use crate::text::Name;
use crate::ticket::Priority;

/// The longest target: a year around the clock.
pub const TARGET_S_MAX: u32 = 366 * 24 * 3_600;
/// The most rungs of a ladder.
pub const RUNGS_MAX: usize = 60;

ranged! {
    /// Business time that a clock may run, 1 to [`TARGET_S_MAX`] seconds.
    TargetSeconds(u32) in 1..=TARGET_S_MAX
}

/// A share of a target, at which something is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Percent(u16);

impl Percent {
    /// The shares that there are; 100 is the breach.
    const ALL: [u16; 5] = [50, 75, 90, 100, 150];

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for Percent {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| u32::from(*known) == number);
        known.map(Self).ok_or_else(|| "50, 75, 90, 100 or 150".to_owned())
    }
}

impl From<Percent> for u32 {
    fn from(percent: Percent) -> u32 {
        percent.0.into()
    }
}

/// How long the clocks of a ticket may run. One that is left out does not run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// Until the first answer.
    pub first_response_s: Option<TargetSeconds>,
    /// Until each further answer.
    pub next_response_s: Option<TargetSeconds>,
    /// Until the first resolution.
    pub first_resolution_s: Option<TargetSeconds>,
    /// Until the last resolution.
    pub total_resolution_s: Option<TargetSeconds>,
}

impl Targets {
    /// The target of a clock, if it runs.
    #[must_use]
    pub const fn of(&self, clock: ClockKind) -> Option<TargetSeconds> {
        match clock {
            ClockKind::FirstResponse => self.first_response_s,
            ClockKind::NextResponse => self.next_response_s,
            ClockKind::FirstResolution => self.first_resolution_s,
            ClockKind::TotalResolution => self.total_resolution_s,
        }
    }
}

/// Which clocks stand still while a ticket waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pauses {
    /// While it waits for the customer.
    pub pending: BTreeSet<ClockKind>,
    /// While it is on hold.
    pub on_hold: BTreeSet<ClockKind>,
}

/// What is done when a clock has run for a share of its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Escalation {
    /// Who is responsible is told.
    Notify {},
    /// The ticket becomes more important by one.
    RaisePriority {},
    /// The ticket goes to another team.
    Reassign {
        /// Which one.
        team: TeamId,
    },
}

/// A rung of a ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Of which clock.
    pub clock: ClockKind,
    /// At which share of its target.
    pub percent: Percent,
    /// What is done.
    pub escalation: Escalation,
}

/// What is promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// By whose hours the clocks run; a ticket takes its latest revision, and keeps that.
    pub calendar: CalendarId,
    /// The targets of each priority. Tickets of one that is left out have no clocks.
    pub targets: BTreeMap<Priority, Targets>,
    /// Which clocks stand still while a ticket waits; those of resolutions, unless said otherwise.
    #[serde(default)]
    pub pauses: Pauses,
    /// What becomes of running clocks when the priority, the policy or the plan changes.
    #[serde(default)]
    pub retargeting: Retargeting,
    /// What is done as time runs out.
    #[serde(default)]
    pub ladder: BTreeSet<Rung>,
}

impl Default for Pauses {
    fn default() -> Self {
        let resolutions = BTreeSet::from([ClockKind::FirstResolution, ClockKind::TotalResolution]);
        Self { pending: resolutions.clone(), on_hold: resolutions }
    }
}

impl Escalation {
    /// The team to which the ticket goes.
    pub(crate) const fn team(self) -> Option<TeamId> {
        match self {
            Self::Reassign { team } => Some(team),
            Self::Notify {} | Self::RaisePriority {} => None,
        }
    }
}

impl Terms {
    /// The target of a clock of a ticket of a priority, in seconds of business time; none if it does not run.
    #[must_use]
    pub fn target(&self, priority: Priority, clock: ClockKind) -> Option<u32> {
        self.targets.get(&priority)?.of(clock).map(TargetSeconds::get)
    }

    /// The shares of a clock's target of which notice is taken, rising: the rungs of its ladder, and its breach.
    #[must_use]
    pub fn thresholds(&self, clock: ClockKind) -> Vec<u16> {
        let rungs = self.ladder.iter().filter(|rung| rung.clock == clock).map(|rung| rung.percent.get());
        rungs.chain([BREACH_PERCENT]).collect::<BTreeSet<u16>>().into_iter().collect()
    }

    fn refers_to(&self) -> impl Iterator<Item = StreamId> {
        let teams = self.ladder.iter().filter_map(|rung| rung.escalation.team()).map(TeamId::stream);
        std::iter::once(self.calendar.stream()).chain(teams)
    }

    /// A rung has one of each kind of escalations, and a clock that runs.
    fn check_ladder(&self) -> Result<(), Rejection> {
        if self.ladder.len() > RUNGS_MAX {
            return Err(Rejection::limit_exceeded("rungs of a ladder", RUNGS_MAX as u64));
        }
        let kind = |rung: &Rung| (rung.clock, rung.percent, std::mem::discriminant(&rung.escalation));
        let mut kinds = HashSet::new();
        for rung in &self.ladder {
            if !kinds.insert(kind(rung)) {
                let why = format!("two escalations of a kind at {} percent of a clock", rung.percent.get());
                return Err(Rejection::validation("/data/terms/ladder", why));
            }
            if self.targets.values().all(|targets| targets.of(rung.clock).is_none()) {
                return Err(Rejection::validation("/data/terms/ladder", "a rung of a clock that has no target"));
            }
        }
        Ok(())
    }

    fn check(&self, loaded: &Loaded) -> Result<(), Rejection> {
        if self.targets.values().all(|targets| *targets == Targets::default()) {
            return Err(Rejection::validation("/data/terms/targets", "a policy promises something: give a target"));
        }
        self.check_ladder()?;
        let calendar = self.calendar.stream();
        if loaded.get::<Calendar>(calendar).is_none() {
            return Err(Rejection::reference_missing("/data/terms/calendar", calendar));
        }
        let missing = self.refers_to().skip(1).find(|team| loaded.get::<Team>(*team).is_none());
        missing.map_or(Ok(()), |team| Err(Rejection::reference_missing("/data/terms/ladder", team)))
    }
}

/// What can be asked of an SLA policy. All of it takes the role supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Makes a new policy, with its first revision.
    Define {
        /// Its name.
        name: Name<200>,
        /// What is promised.
        terms: Terms,
    },
    /// Makes another revision. What runs by an older one goes on by that.
    Revise {
        /// What is promised from now on.
        terms: Terms,
    },
    /// Gives it another name.
    Rename {
        /// The new name.
        name: Name<200>,
    },
}

/// What can have happened to an SLA policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The policy came to be, with revision 1.
    SlaPolicyDefined {
        /// Its name.
        name: Name<200>,
        /// What is promised.
        terms: Terms,
    },
    /// It has another revision.
    SlaPolicyRevised {
        /// Its number, from 2 on.
        revision: u32,
        /// What is promised by it.
        terms: Terms,
    },
    /// It has another name.
    SlaPolicyRenamed {
        /// The new name.
        name: Name<200>,
    },
}

/// An SLA policy, as far as decisions need it.
#[derive(Clone, Debug, Default)]
pub struct SlaPolicy {
    /// The terms of each revision.
    pub revisions: Revisions<Terms>,
}

impl Aggregate for SlaPolicy {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Define { .. })
    }

    fn reads(_: Uuid, command: &Command, actor: &Actor, _: &Loaded) -> Vec<StreamId> {
        let terms = match command {
            Command::Define { terms, .. } | Command::Revise { terms } => Some(terms),
            Command::Rename { .. } => None,
        };
        actor_stream(actor).into_iter().chain(terms.into_iter().flat_map(Terms::refers_to)).collect()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        context.require_role(Role::Supervisor)?;
        if let Command::Define { name, terms } = command {
            context.require_new()?;
            terms.check(context.loaded)?;
            let defined = Event::SlaPolicyDefined { name: name.clone(), terms: terms.clone() };
            return Ok(Decision::event(context.stream, defined));
        }
        context.require_existing()?;
        match command {
            Command::Define { .. } => Ok(Decision::already()),
            Command::Revise { terms } => {
                terms.check(context.loaded)?;
                let Some(revision) = self.revisions.next(terms)? else { return Ok(Decision::already()) };
                Ok(Decision::event(context.stream, Event::SlaPolicyRevised { revision, terms: terms.clone() }))
            }
            Command::Rename { name } if self.revisions.is_named(name) => Ok(Decision::already()),
            Command::Rename { name } => {
                Ok(Decision::event(context.stream, Event::SlaPolicyRenamed { name: name.clone() }))
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::SlaPolicyDefined { name, terms } => {
                self.revisions.rename(name);
                self.revisions.push(terms.clone());
            }
            Event::SlaPolicyRevised { revision: _, terms } => self.revisions.push(terms.clone()),
            Event::SlaPolicyRenamed { name } => self.revisions.rename(name),
        }
    }
}

#[cfg(test)]
#[path = "sla_policy_tests.rs"]
mod tests;
