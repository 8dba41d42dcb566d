//! What every aggregate is: a pure decision over its past, and what it may read and claim on the way.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::agent::{Agent, Role};
use crate::aggregates::{Command, Event, State};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{AgentId, StreamId};
use crate::rejection::Rejection;

/// An aggregate: the state that its events fold to, and the rules by which commands become events. Pure and total.
pub trait Aggregate: Clone + Default {
    /// What can be asked of it.
    type Command;
    /// What can have happened to it.
    type Event;

    /// The other streams that the decision reads; asked again with what was loaded until nothing new is wanted.
    fn reads(_id: Uuid, _command: &Self::Command, _actor: &Actor, _loaded: &Loaded) -> Vec<StreamId> {
        Vec::new()
    }

    /// Whether the command makes a new aggregate, so that there is most likely nothing to read of it.
    fn creates(command: &Self::Command) -> bool;

    /// The claims that the decision looks at or takes; asked like [`Aggregate::reads`].
    fn claims(_id: Uuid, _command: &Self::Command, _loaded: &Loaded) -> Vec<ClaimQuery> {
        Vec::new()
    }

    /// Decides a command. An accepted decision without events means "already so".
    ///
    /// # Errors
    /// The rejection, with its stable code.
    fn decide(&self, command: &Self::Command, context: &Context<'_>) -> Result<Decision, Rejection>;

    /// Folds one event into the state.
    fn evolve(&mut self, event: &Self::Event);
}

/// Everything that a decision may know besides the aggregate's own state.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The aggregate that the command addresses.
    pub stream: StreamId,
    /// Whether the aggregate exists (has at least one event).
    pub exists: bool,
    /// The time of the decision: never before the last event of any loaded stream.
    pub now: DateTime<Utc>,
    /// When it happened in the business: the command's `occurred_at`, else `now`.
    pub occurred_at: DateTime<Utc>,
    /// The command's id, from which further ids are derived.
    pub command_id: Uuid,
    /// Who acts.
    pub actor: &'a Actor,
    /// The streams and claims that were asked for.
    pub loaded: &'a Loaded,
}

impl Context<'_> {
    /// The rejection for a command on an aggregate that does not exist.
    ///
    /// # Errors
    /// `not_found`, where it does not exist.
    pub fn require_existing(&self) -> Result<(), Rejection> {
        if self.exists { Ok(()) } else { Err(Rejection::not_found(self.stream)) }
    }

    /// The rejection for a command that creates an aggregate which exists.
    ///
    /// # Errors
    /// `already_exists`, where it exists.
    pub fn require_new(&self) -> Result<(), Rejection> {
        if self.exists { Err(Rejection::already_exists(self.stream)) } else { Ok(()) }
    }

    /// Refuses actors below a role. Systems and services act with every right; customers and rules with none.
    /// The actor's stream must be among the reads ([`actor_stream`]).
    ///
    /// # Errors
    /// `forbidden`.
    pub fn require_role(&self, role: Role) -> Result<(), Rejection> {
        let held = match self.actor.kind {
            ActorKind::System | ActorKind::Service => Some(Role::Admin),
            ActorKind::Agent => self
                .actor
                .agent()
                .and_then(|id| self.loaded.get::<Agent>(id.stream()))
                .filter(|agent| agent.active())
                .map(|agent| agent.role),
            ActorKind::Customer | ActorKind::Rule => None,
        };
        if held >= Some(role) { Ok(()) } else { Err(Rejection::forbidden(&format!("the role {}", role.name()))) }
    }
}

/// The stream of the acting agent, for commands that ask for a role.
#[must_use]
pub fn actor_stream(actor: &Actor) -> Option<StreamId> {
    actor.agent().map(AgentId::stream)
}

/// What a decision brings about: everything in it is appended together, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decision {
    /// Events in order, each with the stream that holds it. An event changes only that stream.
    pub events: Vec<(StreamId, Event)>,
    /// Claims taken and given back.
    pub claims: Vec<ClaimChange>,
    /// Timers set and cancelled.
    pub timers: Vec<TimerChange>,
    /// Data subjects whose keys are destroyed with this append.
    pub erased_subjects: Vec<Uuid>,
}

impl Decision {
    /// "Already so": accepted without an event.
    #[must_use]
    pub fn already() -> Self {
        Self::default()
    }

    /// One event on a stream.
    #[must_use]
    pub fn event(stream: StreamId, event: impl Into<Event>) -> Self {
        Self::default().and(stream, event)
    }

    /// A further event.
    #[must_use]
    pub fn and(mut self, stream: StreamId, event: impl Into<Event>) -> Self {
        self.events.push((stream, event.into()));
        self
    }

    /// A further change of a claim.
    #[must_use]
    pub fn claim(mut self, change: ClaimChange) -> Self {
        self.claims.push(change);
        self
    }

    /// A further change of a timer.
    #[must_use]
    pub fn timer(mut self, change: TimerChange) -> Self {
        self.timers.push(change);
        self
    }
}

/// Names something that can be claimed. Stored as a keyed hash only, so it may hold personal data; never printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClaimKey {
    /// What kind of thing, e.g. `customer.email`.
    pub scope: &'static str,
    /// Which one.
    pub value: String,
}

impl ClaimKey {
    /// A claim key.
    pub fn new(scope: &'static str, value: impl Into<String>) -> Self {
        Self { scope, value: value.into() }
    }
}

impl fmt::Debug for ClaimKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimKey({})", self.scope)
    }
}

/// A half-open range of time, `start ≤ t < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeRange {
    /// The first instant inside.
    pub start: DateTime<Utc>,
    /// The first instant after.
    pub end: DateTime<Utc>,
}

impl TimeRange {
    /// Whether two ranges share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// The three kinds of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// One holder at most.
    Unique,
    /// Holders with weights, whose sum stays within `limit`.
    Counted {
        /// What this holder takes.
        weight: u32,
        /// What all holders may take together.
        limit: u32,
    },
    /// Holders whose ranges do not overlap.
    Interval(TimeRange),
}

/// A look at a claim. For intervals, at the holdings that overlap `range`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimQuery {
    /// Which claim.
    pub key: ClaimKey,
    /// The range asked for, if the claim is of the interval kind.
    pub range: Option<TimeRange>,
}

/// One holder of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holding {
    /// Who holds it.
    pub holder: StreamId,
    /// With what weight (1 unless counted).
    pub weight: u32,
    /// For which time, if the claim is of the interval kind.
    pub range: Option<TimeRange>,
}

/// A change of a claim. One holder has at most one holding of a key; taking again replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimChange {
    /// Takes a claim for a holder.
    Take {
        /// Which claim.
        key: ClaimKey,
        /// For whom.
        holder: StreamId,
        /// How.
        kind: ClaimKind,
    },
    /// Gives a claim back.
    Release {
        /// Which claim.
        key: ClaimKey,
        /// Who held it.
        holder: StreamId,
    },
}

/// A change of a timer. A stream has at most one timer of a name; setting it again replaces it.
#[derive(Clone, Debug, PartialEq)]
pub enum TimerChange {
    /// At `due_at`, the publisher `timer` sends `command` to the stream.
    Set {
        /// Whose timer.
        stream: StreamId,
        /// Its name, e.g. `auto_close`.
        name: &'static str,
        /// When it fires; a time in the past fires at once.
        due_at: DateTime<Utc>,
        /// What it sends.
        command: Box<Command>,
    },
    /// Takes the timer away, if it is there.
    Cancel {
        /// Whose timer.
        stream: StreamId,
        /// Its name.
        name: &'static str,
    },
}

/// A stream as far as it is known: version 0 means that it does not exist.
#[derive(Clone, Debug)]
pub struct LoadedStream {
    /// The version of the last event, 0 for none.
    pub version: u64,
    /// The version of the last event that automation did not append.
    pub manual_version: u64,
    /// When the last event was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The folded state.
    pub state: Arc<State>,
}

impl LoadedStream {
    /// A stream without events.
    #[must_use]
    pub fn empty(stream: StreamId) -> Self {
        Self { version: 0, manual_version: 0, recorded_at: None, state: Arc::new(State::new(stream.category)) }
    }
}

/// The streams and claims that were loaded for a decision.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Streams by id, also those found not to exist.
    pub streams: HashMap<StreamId, LoadedStream>,
    /// Holdings by claim key, also where there are none.
    pub claims: HashMap<ClaimKey, Vec<Holding>>,
}

impl Loaded {
    /// The state of an existing aggregate, if it was loaded.
    #[must_use]
    pub fn get<A>(&self, stream: StreamId) -> Option<&A>
    where
        for<'a> &'a A: TryFrom<&'a State>,
    {
        self.streams
            .get(&stream)
            .filter(|loaded| loaded.version > 0)
            .and_then(|loaded| <&A>::try_from(loaded.state.as_ref()).ok())
    }

    /// The holders of a claim other than `holder`.
    pub fn others<'a>(&'a self, key: &ClaimKey, holder: StreamId) -> impl Iterator<Item = &'a Holding> {
        self.claims.get(key).into_iter().flatten().filter(move |holding| holding.holder != holder)
    }
}
