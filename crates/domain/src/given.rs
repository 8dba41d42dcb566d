//! Given events, when a command, then events or a rejection: how the aggregates' tests are written.

use std::sync::Arc;

use chrono::{DateTime, TimeZone as _, Utc};
use uuid::Uuid;

use crate::aggregates::{Command, Event};
use crate::customer;
use crate::decider::{ClaimChange, ClaimKind, Context, Decision, Holding, Loaded, LoadedStream};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{AgentId, CustomerId, StreamId};
use crate::rejection::Rejection;
use crate::rules;
use crate::text::Name;

/// A Monday morning, when tests take place unless they say otherwise.
pub fn monday() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).unwrap()
}

/// A past and an actor, to try commands on.
#[derive(Clone)]
pub struct Given {
    loaded: Loaded,
    actor: Actor,
    now: DateTime<Utc>,
    occurred_at: Option<DateTime<Utc>>,
    known: Vec<StreamId>,
}

/// A past of these events, each on its stream.
pub fn given(events: impl IntoIterator<Item = (StreamId, Event)>) -> Given {
    let actor = Actor { kind: ActorKind::System, id: Name::parse("test").unwrap() };
    let mut given = Given { loaded: Loaded::default(), actor, now: monday(), occurred_at: None, known: Vec::new() };
    events.into_iter().for_each(|(stream, event)| given.happened(stream, &event));
    given
}

impl Given {
    /// The same, with an agent acting.
    pub fn by_agent(mut self, agent: AgentId) -> Self {
        self.actor = Actor { kind: ActorKind::Agent, id: Name::parse(&agent.to_string()).unwrap() };
        self
    }

    /// The same, with somebody of this kind acting.
    pub fn by(mut self, kind: ActorKind) -> Self {
        self.actor = Actor { kind, id: Name::parse("somebody").unwrap() };
        self
    }

    /// The same, at another time.
    pub fn at(mut self, now: DateTime<Utc>) -> Self {
        self.now = now;
        self
    }

    /// The same, about what happened at another time than now.
    pub fn occurred(mut self, at: DateTime<Utc>) -> Self {
        self.occurred_at = Some(at);
        self
    }

    /// The same, after an event that came about otherwise.
    pub fn with(mut self, (stream, event): (StreamId, Event)) -> Self {
        self.happened(stream, &event);
        self
    }

    /// The same, where these streams are known as well, since a companion has asked for them.
    pub fn knowing(mut self, streams: impl IntoIterator<Item = StreamId>) -> Self {
        self.known.extend(streams);
        self
    }

    /// The same, with a claim held.
    pub fn holding(mut self, key: crate::decider::ClaimKey, holder: StreamId, weight: u32) -> Self {
        self.loaded.claims.entry(key).or_default().push(Holding { holder, weight, range: None });
        self
    }

    /// Decides a command on the present state, reading only what the command asks for.
    pub fn when(&self, stream: StreamId, command: impl Into<Command>) -> Result<Decision, Rejection> {
        let command = command.into();
        let outcome = self.decide(stream, &command);
        for (_, event) in outcome.iter().flat_map(|decision| &decision.events) {
            let (event_type, content) = event.write().unwrap();
            let read = Event::read(event.category(), &event_type, &content);
            assert!(
                read.as_ref().is_ok_and(|read| read == event),
                "{event_type} is not read as it is written: {content}"
            );
        }
        if rules::are_written_down() {
            rules::seen(&command, &outcome);
            self.others().iter().for_each(|other| rules::seen(&command, &other.decide(stream, &command)));
        }
        outcome
    }

    /// The same in other circumstances: where nothing has happened, where others act, and where all customers are
    /// erased or merged into somebody.
    fn others(&self) -> Vec<Self> {
        let acting = [ActorKind::Customer, ActorKind::Rule, ActorKind::Agent].map(|kind| self.clone().by(kind));
        let live = |stream: &&StreamId| {
            let customer = self.loaded.get::<customer::Customer>(**stream);
            customer.is_some_and(|customer| customer.standing == customer::Standing::Live)
        };
        let customers: Vec<_> = self.loaded.streams.keys().filter(live).copied().collect();
        let erased = customer::Event::CustomerErased { inquiries: Vec::new() };
        let merged = customer::Event::CustomerMergedInto { survivor: CustomerId(Uuid::from_u128(u128::MAX)) };
        let changed = [erased, merged].map(|event| {
            let mut changed = self.clone();
            customers.iter().for_each(|stream| changed.happened(*stream, &event.clone().into()));
            changed
        });
        acting.into_iter().chain([given([]).at(self.now)]).chain(changed).collect()
    }

    fn decide(&self, stream: StreamId, command: &Command) -> Result<Decision, Rejection> {
        let loaded = self.asked(stream, command);
        let exists = loaded.streams.get(&stream).is_some_and(|loaded| loaded.version > 0);
        let command_id = Uuid::from_u128(0xC0);
        let (now, occurred_at, actor) = (self.now, self.occurred_at.unwrap_or(self.now), &self.actor);
        command.decide(&Context { stream, exists, now, occurred_at, command_id, actor, loaded: &loaded })
    }

    /// Decides a command and makes its outcome part of the past.
    pub fn then(mut self, stream: StreamId, command: impl Into<Command>) -> Self {
        let decision = self.when(stream, command).unwrap();
        decision.events.iter().for_each(|(stream, event)| self.happened(*stream, event));
        for change in decision.claims {
            let (key, gone, taken) = match change {
                ClaimChange::Release { key, holder } => (key, holder, None),
                ClaimChange::Take { key, holder, kind } => {
                    let (weight, range) = match kind {
                        ClaimKind::Unique => (1, None),
                        ClaimKind::Counted { weight, .. } => (weight, None),
                        ClaimKind::Interval(range) => (1, Some(range)),
                    };
                    (key, holder, Some(Holding { holder, weight, range }))
                }
            };
            let holdings = self.loaded.claims.entry(key).or_default();
            holdings.retain(|holding| holding.holder != gone);
            holdings.extend(taken);
        }
        self
    }

    /// Adds an event to the past.
    pub fn happened(&mut self, stream: StreamId, event: &Event) {
        let loaded = self.loaded.streams.entry(stream).or_insert_with(|| LoadedStream::empty(stream));
        loaded.version += 1;
        Arc::make_mut(&mut loaded.state).evolve(event);
    }

    fn asked(&self, stream: StreamId, command: &Command) -> Loaded {
        let mut asked = Loaded::default();
        let mut wanted: Vec<StreamId> = std::iter::once(stream).chain(self.known.iter().copied()).collect();
        for _ in 0..8 {
            for stream in wanted {
                let known = self.loaded.streams.get(&stream).cloned().unwrap_or_else(|| LoadedStream::empty(stream));
                asked.streams.insert(stream, known);
            }
            for query in command.claims(stream.id, &asked) {
                let holdings = self.loaded.claims.get(&query.key).cloned().unwrap_or_default();
                asked.claims.insert(query.key, holdings);
            }
            wanted = command.reads(stream.id, &self.actor, &asked);
        }
        // As many as the lane lets a command read.
        let read = asked.streams.len();
        assert!(read <= 64 + self.known.len(), "{command:?} reads {read} streams");
        asked
    }
}
