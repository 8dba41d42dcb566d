//! The workspace of one batch: what was loaded, what the commands decided so far would change, and what they used.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use domain::StreamId;
use domain::aggregates::COUNTED_EVENTS;
use domain::decider::{ClaimChange, ClaimKey, ClaimKind, ClaimQuery, Context, Decision, Holding, Loaded};
use domain::envelope::{CLOCK_SKEW_MAX, CommandMessage, Metadata};
use domain::rejection::{Code, Rejection};
use event_store::{Batch, ClaimLook, CommandEntry, EventEntry, Expected, Guard};
use uuid::Uuid;

use super::groups::Groups;

/// The most streams that one command may read.
pub(super) const STREAMS_MAX: usize = 64;

/// A thing that commands use and change.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Thing {
    Stream(StreamId),
    Claim(ClaimKey),
}

/// What a command needs that is not there yet.
#[derive(Default)]
pub(super) struct Missing {
    pub(super) streams: HashSet<StreamId>,
    pub(super) claims: HashSet<ClaimQuery>,
}

impl Missing {
    pub(super) fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.claims.is_empty()
    }
}

/// What a command wants to read, given what is known so far.
pub(super) struct Wanted {
    streams: Vec<StreamId>,
    claims: Vec<ClaimQuery>,
}

/// What a decided command used: all of it is guarded.
pub(super) struct Used {
    pub(super) streams: Vec<StreamId>,
    pub(super) claims: Vec<ClaimQuery>,
    /// The counted claims that it took, and so needs room in; of the others it needs what it saw.
    takes: HashSet<ClaimKey>,
    /// The claims that it gave back, which nothing guards but the stream that held them.
    pub(super) releases: Vec<ClaimKey>,
}

/// One batch in the making.
pub(super) struct Workspace {
    /// The speculative state: loaded, then changed by the commands decided so far.
    loaded: Loaded,
    base_versions: HashMap<StreamId, u64>,
    base_claims: HashMap<ClaimQuery, Vec<Holding>>,
    changed_claims: HashSet<(ClaimKey, StreamId)>,
    limits: HashMap<ClaimKey, HashSet<u32>>,
    groups: Groups<Thing>,
    used: Vec<Used>,
    batch: Batch,
    timer_causes: Vec<(usize, Uuid, domain::decider::TimerChange)>,
    claim_changes: Vec<(usize, ClaimChange)>,
    erased: Vec<(usize, Uuid)>,
}

impl Workspace {
    pub(super) fn new(commands: usize) -> Self {
        Self {
            loaded: Loaded::default(),
            base_versions: HashMap::new(),
            base_claims: HashMap::new(),
            changed_claims: HashSet::new(),
            limits: HashMap::new(),
            groups: Groups::new(commands),
            used: Vec::with_capacity(commands),
            batch: Batch::default(),
            timer_causes: Vec::new(),
            claim_changes: Vec::new(),
            erased: Vec::new(),
        }
    }

    pub(super) const fn loaded(&self) -> &Loaded {
        &self.loaded
    }

    /// What each command used, in the order of the batch.
    pub(super) fn used(&self) -> &[Used] {
        &self.used
    }

    /// The claims that the batch changed, each with the holder whose part in it is another now.
    pub(super) const fn changed_claims(&self) -> &HashSet<(ClaimKey, StreamId)> {
        &self.changed_claims
    }

    /// Whether the batch changed a stream.
    pub(super) fn is_changed(&self, stream: StreamId) -> bool {
        let version = self.loaded.streams.get(&stream).map_or(0, |state| state.version);
        self.base_versions.get(&stream).copied().unwrap_or(0) != version
    }

    /// What a command wants to read: its own stream, and what its decision asks for.
    pub(super) fn wanted(&self, message: &CommandMessage) -> Wanted {
        let id = message.stream.id;
        let mut streams = message.command.reads(id, &message.actor, &self.loaded);
        streams.push(message.stream);
        streams.sort_unstable();
        streams.dedup();
        Wanted { streams, claims: message.command.claims(id, &self.loaded) }
    }

    /// Whether some of what is wanted is not there yet; adds it to `missing`.
    pub(super) fn is_missing(&self, wanted: &Wanted, missing: &mut Missing) -> bool {
        let streams = wanted.streams.iter().filter(|stream| !self.loaded.streams.contains_key(stream));
        let claims = wanted.claims.iter().filter(|query| !self.base_claims.contains_key(query));
        let (mut streams, mut claims) = (streams.peekable(), claims.peekable());
        let some = streams.peek().is_some() || claims.peek().is_some();
        missing.streams.extend(streams);
        missing.claims.extend(claims.cloned());
        some
    }

    pub(super) fn add_stream(&mut self, stream: StreamId, state: domain::decider::LoadedStream) {
        self.base_versions.insert(stream, state.version);
        self.loaded.streams.insert(stream, state);
    }

    /// Adds what the store holds of a claim. What the batch has changed already stays changed.
    pub(super) fn add_claim(&mut self, query: ClaimQuery, held: Vec<Holding>) {
        let holdings = self.loaded.claims.entry(query.key.clone()).or_default();
        for holding in &held {
            let changed = self.changed_claims.contains(&(query.key.clone(), holding.holder));
            if !changed && !holdings.contains(holding) {
                holdings.push(*holding);
            }
        }
        self.base_claims.insert(query, held);
    }

    /// The time of the decision (never before the last event of a stream that it reads), and of what happened.
    fn times(&self, message: &CommandMessage, wanted: &Wanted, clock: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let recorded = wanted.streams.iter().filter_map(|stream| self.loaded.streams.get(stream)?.recorded_at).max();
        let now = recorded.map_or(clock, |recorded| recorded.max(clock)).trunc_subsecs(6);
        let occurred_at = message.occurred_at.unwrap_or(now);
        // A timer is due by the database's clock: a handler whose clock is behind must not think it early.
        let now = if message.publisher.is_automation() { now.max(occurred_at) } else { now };
        (now, occurred_at)
    }

    /// Decides a command on the speculative state. Everything that it wants has been loaded.
    ///
    /// # Errors
    /// The rejection, with its stable code.
    pub(super) fn decide(
        &self,
        message: &CommandMessage,
        wanted: &Wanted,
        clock: DateTime<Utc>,
    ) -> Result<Decision, Rejection> {
        if wanted.streams.len() > STREAMS_MAX {
            return Err(Rejection::limit_exceeded("streams read by one command", STREAMS_MAX as u64));
        }
        let (now, occurred_at) = self.times(message, wanted, clock);
        if occurred_at > now + CLOCK_SKEW_MAX {
            let detail = format!("occurred_at {occurred_at} lies more than five minutes after {now}");
            return Err(Rejection::new(Code::ClockSkew, detail));
        }
        let seen = self.seen_by(wanted);
        let stream = self.loaded.streams.get(&message.stream);
        let (version, manual) = stream.map_or((0, 0), |stream| (stream.version, stream.manual_version));
        if let Some(expected) = message.expected_version.filter(|expected| *expected < manual || *expected > version) {
            let detail = format!("expected version {expected}, stream is at {version}");
            return Err(Rejection::new(Code::VersionConflict, detail).with("version", version));
        }
        message.command.decide(&Context {
            stream: message.stream,
            exists: version > 0,
            now,
            occurred_at,
            command_id: message.command_id,
            actor: &message.actor,
            loaded: seen.as_ref().unwrap_or(&self.loaded),
        })
    }

    /// What a command sees that asks for intervals: of each claim the holdings in the range that it asks for, as its
    /// guard will compare them, and those that the batch has changed. Ranges that its companions asked for were read at
    /// other times, and nothing that it sees in them would be guarded.
    fn seen_by(&self, wanted: &Wanted) -> Option<Loaded> {
        if wanted.claims.iter().all(|query| query.range.is_none()) {
            return None;
        }
        let mut seen = Loaded::default();
        let streams = wanted.streams.iter();
        seen.streams.extend(streams.filter_map(|stream| Some((*stream, self.loaded.streams.get(stream)?.clone()))));
        for query in &wanted.claims {
            let is_changed = |held: &&Holding| self.changed_claims.contains(&(query.key.clone(), held.holder));
            let before = self.base_claims.get(query).into_iter().flatten().filter(|held| !is_changed(held));
            let changed = self.loaded.claims.get(&query.key).into_iter().flatten().filter(is_changed);
            let holdings = seen.claims.entry(query.key.clone()).or_default();
            for held in before.chain(changed) {
                if !holdings.contains(held) {
                    holdings.push(*held);
                }
            }
        }
        Some(seen)
    }

    /// Streams and claims that a decision writes without having asked for them.
    pub(super) fn unasked(&self, decision: &Decision) -> Missing {
        let streams = decision.events.iter().map(|(stream, _)| *stream);
        let claims = decision.claims.iter().filter_map(taken);
        Missing {
            streams: streams.filter(|stream| !self.loaded.streams.contains_key(stream)).collect(),
            claims: claims.filter(|query| !self.base_claims.contains_key(query)).collect(),
        }
    }

    /// Takes a decided command into the batch.
    ///
    /// # Errors
    /// An event cannot be written as JSON.
    pub(super) fn take(
        &mut self,
        message: &CommandMessage,
        fingerprint: [u8; 32],
        wanted: Wanted,
        clock: DateTime<Utc>,
        outcome: Result<Decision, Rejection>,
    ) -> Result<(), serde_json::Error> {
        let command = self.batch.commands.len();
        let (_, occurred_at) = self.times(message, &wanted, clock);
        let Wanted { mut streams, mut claims } = wanted;
        streams.truncate(STREAMS_MAX + 1);
        streams.retain(|stream| self.loaded.streams.contains_key(stream));
        let (decision, rejection) = match outcome {
            Ok(decision) => (decision, None),
            Err(rejection) => (Decision::default(), Some(rejection)),
        };
        claims.extend(decision.claims.iter().filter_map(taken));
        claims.retain(|query| self.base_claims.contains_key(query));
        streams.extend(decision.events.iter().map(|(stream, _)| *stream));
        streams.sort_unstable();
        streams.dedup();
        streams.iter().for_each(|stream| self.groups.used(command, &Thing::Stream(*stream)));
        claims.iter().for_each(|query| self.groups.used(command, &Thing::Claim(query.key.clone())));
        let takes = decision.claims.iter().filter_map(counted).cloned().collect();
        let releases = decision.claims.iter().filter_map(released).cloned().collect();
        self.used.push(Used { streams, claims, takes, releases });
        self.apply(command, message, occurred_at, decision)?;
        let version = self.loaded.streams.get(&message.stream).map_or(0, |stream| stream.version);
        self.batch.commands.push(CommandEntry {
            group: 0,
            publisher: message.publisher.clone(),
            command_id: message.command_id,
            fingerprint,
            stream: message.stream,
            version,
            rejection,
        });
        Ok(())
    }

    fn apply(
        &mut self,
        command: usize,
        message: &CommandMessage,
        occurred_at: DateTime<Utc>,
        decision: Decision,
    ) -> Result<(), serde_json::Error> {
        let metadata = Metadata {
            publisher: message.publisher.clone(),
            command_id: message.command_id,
            actor: message.actor.clone(),
            correlation_id: message.correlation_id,
            causation_id: message.causation_id,
        };
        let mut cause = message.command_id;
        for (stream, event) in decision.events {
            let Some(state) = self.loaded.streams.get_mut(&stream) else {
                return Err(serde::ser::Error::custom(format_args!("{stream} is written but was not loaded")));
            };
            state.version += 1;
            if !message.publisher.is_automation() {
                state.manual_version = state.version;
            }
            Arc::make_mut(&mut state.state).evolve(&event);
            let (event_type, payload) = event.write()?;
            let event_id = Uuid::now_v7();
            cause = event_id;
            self.batch.events.push(EventEntry {
                command,
                event_id,
                stream,
                version: state.version,
                counted: COUNTED_EVENTS.contains(&event_type.as_str()),
                event_type,
                payload,
                occurred_at,
                metadata: metadata.clone(),
            });
            self.groups.changed(command, Thing::Stream(stream));
        }
        decision.claims.into_iter().for_each(|change| self.change_claim(command, change));
        self.timer_causes.extend(decision.timers.into_iter().map(|change| (command, cause, change)));
        self.erased.extend(decision.erased_subjects.into_iter().map(|subject| (command, subject)));
        Ok(())
    }

    fn change_claim(&mut self, command: usize, change: ClaimChange) {
        let (key, holder, taken) = match &change {
            ClaimChange::Release { key, holder } => (key, *holder, None),
            ClaimChange::Take { key, holder, kind } => {
                let (weight, range) = match kind {
                    ClaimKind::Unique => (1, None),
                    ClaimKind::Counted { weight, limit } => {
                        self.limits.entry(key.clone()).or_default().insert(*limit);
                        (*weight, None)
                    }
                    ClaimKind::Interval(range) => (1, Some(*range)),
                };
                (key, *holder, Some(Holding { holder: *holder, weight, range }))
            }
        };
        let holdings = self.loaded.claims.entry(key.clone()).or_default();
        holdings.retain(|holding| holding.holder != holder);
        holdings.extend(taken);
        self.changed_claims.insert((key.clone(), holder));
        self.groups.changed(command, Thing::Claim(key.clone()));
        self.claim_changes.push((command, change));
    }

    /// The batch with its groups and guards. `exact` asks for every claim as it was seen; otherwise counted claims only
    /// ask for room, so that two processes can give one agent work at the same time.
    pub(super) fn finish(&mut self, exact: bool) -> Batch {
        let mut batch = std::mem::take(&mut self.batch);
        let groups: Vec<i32> = (0..batch.commands.len())
            .map(|command| i32::try_from(self.groups.group(command)).unwrap_or(i32::MAX))
            .collect();
        let group_of = |command: usize| groups.get(command).copied().unwrap_or(i32::MAX);
        batch.commands.iter_mut().zip(&groups).for_each(|(command, group)| command.group = *group);
        let mut guards = HashSet::new();
        let mut looks: HashMap<(i32, ClaimQuery), bool> = HashMap::new();
        for (used, group) in self.used.iter().zip(&groups) {
            guards.extend(used.streams.iter().map(|stream| (*group, *stream)));
            for query in &used.claims {
                *looks.entry((*group, query.clone())).or_default() |= !used.takes.contains(&query.key);
            }
        }
        batch.guards = guards
            .into_iter()
            .map(|(group, stream)| Guard {
                group,
                stream,
                version: self.base_versions.get(&stream).copied().unwrap_or(0),
            })
            .collect();
        batch.looks = looks
            .into_iter()
            .map(|((group, query), seen)| ClaimLook {
                group,
                expected: self.expected(&query, exact || seen),
                range: query.range,
                key: query.key,
            })
            .collect();
        batch.claims = self.claim_changes.drain(..).map(|(command, change)| (group_of(command), change)).collect();
        batch.timers =
            self.timer_causes.drain(..).map(|(command, cause, change)| (group_of(command), cause, change)).collect();
        batch.erased_subjects = self.erased.drain(..).map(|(command, subject)| (group_of(command), subject)).collect();
        batch
    }

    fn expected(&self, query: &ClaimQuery, exact: bool) -> Expected {
        let base: &[Holding] = self.base_claims.get(query).map_or(&[], Vec::as_slice);
        let limit =
            self.limits.get(&query.key).filter(|limits| limits.len() == 1).and_then(|limits| limits.iter().next());
        match limit {
            Some(limit) if !exact => {
                let after = self.loaded.claims.get(&query.key).map_or(&[][..], Vec::as_slice);
                // What is taken counts in full: that its holder had it before may be remembered wrongly.
                let is_taken = |held: &&Holding| {
                    let is_changed = self.changed_claims.contains(&(query.key.clone(), held.holder));
                    is_changed && after.iter().any(|now| now.holder == held.holder)
                };
                let weight = |held: &Holding| i64::from(held.weight);
                let had: i64 = base.iter().filter(|held| !is_taken(held)).map(weight).sum();
                Expected::Room { added: after.iter().map(weight).sum::<i64>() - had, limit: *limit }
            }
            Some(_) | None => Expected::Holders(base.to_vec()),
        }
    }
}

/// The claim that a change takes, as it is asked for.
fn taken(change: &ClaimChange) -> Option<ClaimQuery> {
    match change {
        ClaimChange::Take { key, kind: ClaimKind::Interval(range), .. } => {
            Some(ClaimQuery { key: key.clone(), range: Some(*range) })
        }
        ClaimChange::Take { key, kind: ClaimKind::Unique | ClaimKind::Counted { .. }, .. } => {
            Some(ClaimQuery { key: key.clone(), range: None })
        }
        ClaimChange::Release { .. } => None,
    }
}

/// The key of a claim that a change gives back.
const fn released(change: &ClaimChange) -> Option<&ClaimKey> {
    match change {
        ClaimChange::Release { key, .. } => Some(key),
        ClaimChange::Take { .. } => None,
    }
}

/// The key of a counted claim that a change takes.
fn counted(change: &ClaimChange) -> Option<&ClaimKey> {
    match change {
        ClaimChange::Take { key, kind: ClaimKind::Counted { .. }, .. } => Some(key),
        ClaimChange::Take { kind: ClaimKind::Unique | ClaimKind::Interval(_), .. } | ClaimChange::Release { .. } => {
            None
        }
    }
}

#[cfg(test)]
#[path = "workspace_tests.rs"]
mod tests;
