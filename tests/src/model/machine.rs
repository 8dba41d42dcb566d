//! The domain at work in memory: commands are read, decided and folded as a lane does, one after the other.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::StreamId;
use domain::decider::{ClaimChange, ClaimKey, ClaimKind, Context, Decision, Holding, Loaded, LoadedStream};
use domain::envelope::{CLOCK_SKEW_MAX, CommandMessage};
use domain::rejection::{Code, Rejection};

use super::message;
use super::outcome::Outcome;
use crate::reference::Ask;

/// As many rounds of reading and as many streams as a lane allows one command.
const READ_ROUNDS_MAX: usize = 8;
const STREAMS_MAX: usize = 64;
/// Every so many events, one is written and read again.
const READ_BACK_EVERY: u64 = 16;

/// All streams and claims.
#[derive(Default)]
pub(crate) struct Machine {
    streams: HashMap<StreamId, LoadedStream>,
    claims: HashMap<ClaimKey, Vec<Holding>>,
    events: u64,
}

impl Machine {
    /// How many events there are.
    pub(crate) const fn events(&self) -> u64 {
        self.events
    }

    /// A stream that exists.
    pub(crate) fn stream(&self, stream: StreamId) -> Option<&LoadedStream> {
        self.streams.get(&stream)
    }

    /// Decides a command and takes in what comes of it; gives the streams that changed.
    pub(crate) fn submit(&mut self, ask: &Ask, now: DateTime<Utc>) -> (Outcome, Vec<StreamId>) {
        let decided = message::read(ask).and_then(|message| Ok((self.decide(&message, now)?, message)));
        match decided {
            Ok((decision, _)) => self.take(decision, now),
            Err(rejection) => (Outcome::Rejected(rejection.code.as_str()), Vec::new()),
        }
    }

    fn decide(&self, message: &CommandMessage, now: DateTime<Utc>) -> Result<Decision, Rejection> {
        let loaded = self.loaded(message)?;
        let occurred_at = message.occurred_at.unwrap_or(now);
        if occurred_at > now + CLOCK_SKEW_MAX {
            return Err(Rejection::new(Code::ClockSkew, "too far ahead"));
        }
        let version = self.streams.get(&message.stream).map_or(0, |stream| stream.version);
        if message.expected_version.is_some_and(|expected| expected != version) {
            return Err(Rejection::new(Code::VersionConflict, "another version"));
        }
        let exists = version > 0;
        let (stream, command_id, actor) = (message.stream, message.command_id, &message.actor);
        message.command.decide(&Context { stream, exists, now, occurred_at, command_id, actor, loaded: &loaded })
    }

    /// Only what the command asks for in the end: a decision must not rest on more, for nothing else is guarded.
    fn loaded(&self, message: &CommandMessage) -> Result<Loaded, Rejection> {
        let id = message.stream.id;
        let mut loaded = Loaded::default();
        for _ in 0..=READ_ROUNDS_MAX {
            let mut streams = message.command.reads(id, &message.actor, &loaded);
            streams.push(message.stream);
            let queries = message.command.claims(id, &loaded);
            let complete = streams.iter().all(|stream| loaded.streams.contains_key(stream))
                && queries.iter().all(|query| loaded.claims.contains_key(&query.key));
            if complete {
                loaded.streams.retain(|stream, _| streams.contains(stream));
                loaded.claims.retain(|key, _| queries.iter().any(|query| query.key == *key));
                return if loaded.streams.len() > STREAMS_MAX {
                    Err(Rejection::limit_exceeded("streams", STREAMS_MAX as u64))
                } else {
                    Ok(loaded)
                };
            }
            for stream in streams {
                let known = self.streams.get(&stream).cloned().unwrap_or_else(|| LoadedStream::empty(stream));
                loaded.streams.insert(stream, known);
            }
            for query in queries {
                let held = self.claims.get(&query.key).cloned().unwrap_or_default();
                loaded.claims.insert(query.key, held);
            }
        }
        Err(Rejection::limit_exceeded("rounds", READ_ROUNDS_MAX as u64))
    }

    fn take(&mut self, decision: Decision, now: DateTime<Utc>) -> (Outcome, Vec<StreamId>) {
        let (mut events, mut changed) = (Vec::new(), Vec::new());
        for (stream, event) in decision.events {
            let (event_type, content) = match event.write() {
                Ok(written) => written,
                Err(error) => return (Outcome::Broken(format!("an event cannot be written: {error}")), changed),
            };
            self.events += 1;
            if self.events.is_multiple_of(READ_BACK_EVERY) {
                let read = domain::Event::read(stream.category, &event_type, &content);
                if read.as_ref().ok() != Some(&event) {
                    return (Outcome::Broken(format!("{event_type} reads back as another event")), changed);
                }
            }
            let state = self.streams.entry(stream).or_insert_with(|| LoadedStream::empty(stream));
            state.version += 1;
            state.manual_version = state.version;
            state.recorded_at = Some(now);
            Arc::make_mut(&mut state.state).evolve(&event);
            events.push((message::stream_of(stream), event_type));
            if !changed.contains(&stream) {
                changed.push(stream);
            }
        }
        for change in decision.claims {
            if let Err(broken) = self.change_claim(change) {
                return (Outcome::Broken(broken), changed);
            }
        }
        (Outcome::Accepted(events), changed)
    }

    /// A claim that a decision takes must be free: the append would refuse it.
    fn change_claim(&mut self, change: ClaimChange) -> Result<(), String> {
        match change {
            ClaimChange::Release { key, holder } => {
                self.claims.entry(key).or_default().retain(|held| held.holder != holder);
            }
            ClaimChange::Take { key, holder, kind } => {
                let held = self.claims.entry(key.clone()).or_default();
                held.retain(|held| held.holder != holder);
                let (weight, range, free) = match kind {
                    ClaimKind::Unique => (1, None, held.is_empty()),
                    ClaimKind::Counted { weight, limit } => {
                        let taken: u64 = held.iter().map(|held| u64::from(held.weight)).sum();
                        (weight, None, taken + u64::from(weight) <= u64::from(limit))
                    }
                    ClaimKind::Interval(range) => {
                        let overlaps = |held: &Holding| held.range.is_none_or(|held| held.overlaps(&range));
                        (1, Some(range), !held.iter().any(overlaps))
                    }
                };
                if !free {
                    return Err(format!("the decision takes a claim {} that is not free", key.scope));
                }
                held.push(Holding { holder, weight, range });
            }
        }
        Ok(())
    }
}
