//! The one append: a batch of decided commands becomes rows in one call of one SQL function.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::StreamId;
use domain::decider::{ClaimChange, ClaimKey, ClaimKind, Holding, TimeRange, TimerChange};
use domain::envelope::{Metadata, Publisher};
use domain::rejection::Rejection;
use domain::upcast::{STEPS, current_version};
use seeded_bugs::{Bug, is_active};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use crate::error::StoreError;
use crate::hash::content_hash;
use crate::outcome::{Outcome, outcome, write_rejection};
use crate::row::bigint;
use crate::sealing::{Clear, NewKey, SealError, SubjectKeys, Vault};

/// The namespace of the ids of timers' commands.
const TIMER_NAMESPACE: Uuid = Uuid::from_u128(0x7c1d_5a0e_9f2b_4c53_8b1e_d4a6_03f7_1e92);

/// A decided command, about to be appended.
#[derive(Clone, Debug)]
pub struct CommandEntry {
    /// The group that it belongs to: groups go in or are refused whole.
    pub group: i32,
    /// Who sent it.
    pub publisher: Publisher,
    /// Its id.
    pub command_id: Uuid,
    /// The HMAC of its content.
    pub fingerprint: [u8; 32],
    /// The stream that it is for.
    pub stream: StreamId,
    /// The stream's version after it.
    pub version: u64,
    /// Why it is rejected, if it is.
    pub rejection: Option<Rejection>,
}

/// An event, about to be appended.
#[derive(Clone, Debug)]
pub struct EventEntry {
    /// The index of its command in the batch.
    pub command: usize,
    /// Its id.
    pub event_id: Uuid,
    /// The stream that will hold it.
    pub stream: StreamId,
    /// Its place there.
    pub version: u64,
    /// Its type.
    pub event_type: String,
    /// Its content with personal data in clear; sealed before it is stored.
    pub payload: String,
    /// When it happened in the business.
    pub occurred_at: DateTime<Utc>,
    /// Who caused it, and by what.
    pub metadata: Metadata,
    /// Whether it is given a number among the events of its type.
    pub counted: bool,
}

/// A stream that a group looked at, with its version before the batch.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// The group.
    pub group: i32,
    /// The stream.
    pub stream: StreamId,
    /// Its version before the batch.
    pub version: u64,
}

/// A claim that a group looked at, with what was seen before the batch.
#[derive(Clone, Debug)]
pub struct ClaimLook {
    /// The group.
    pub group: i32,
    /// The claim.
    pub key: ClaimKey,
    /// The range that was asked for, if it is an interval.
    pub range: Option<TimeRange>,
    /// What must hold at the append.
    pub expected: Expected,
}

/// What must hold of a claim at the append.
#[derive(Clone, Debug)]
pub enum Expected {
    /// Exactly these holders (in the range).
    Holders(Vec<Holding>),
    /// Room for `added` more within `limit`.
    Room {
        /// What the batch adds, in all.
        added: i64,
        /// What all holders may take together.
        limit: u32,
    },
}

/// Everything that goes into the history with one call.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The commands, in order.
    pub commands: Vec<CommandEntry>,
    /// Their events, in order.
    pub events: Vec<EventEntry>,
    /// The streams that were looked at.
    pub guards: Vec<Guard>,
    /// The claims that were looked at.
    pub looks: Vec<ClaimLook>,
    /// Changes of claims, by group; of several changes for one key and holder, the last counts.
    pub claims: Vec<(i32, ClaimChange)>,
    /// Changes of timers, by group, with the id of the event or command that caused them; of several for one name, the
    /// last counts.
    pub timers: Vec<(i32, Uuid, TimerChange)>,
    /// Data subjects to be erased, by group.
    pub erased_subjects: Vec<(i32, Uuid)>,
}

/// What became of a command in the append.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is durable now, with this outcome.
    Decided {
        /// What came of it.
        outcome: Outcome,
        /// When its last event was recorded.
        recorded_at: DateTime<Utc>,
    },
    /// It had been decided before, with this outcome.
    Known {
        /// What came of it.
        outcome: Outcome,
        /// When its receipt was recorded.
        recorded_at: DateTime<Utc>,
    },
    /// It had been decided before, with other content.
    Mismatch,
    /// Its group was refused: decide again.
    Refused,
}

impl Batch {
    /// Appends the batch: one statement, durable when this returns. One answer per command, in order.
    ///
    /// # Errors
    /// The database cannot be reached: the outcome is unknown, and asking again with the same ids is safe.
    pub async fn append(mut self, connection: &mut PgConnection, vault: &Vault) -> Result<Vec<Answer>, StoreError> {
        if self.commands.is_empty() {
            return Ok(Vec::new());
        }
        let sealed = self.seal(connection, vault).await?;
        let rows = sealed.call(&self, vault, connection).await?;
        if is_active(Bug::ReceiptOutside) {
            sqlx::query("select log.write_receipts()").execute(&mut *connection).await?;
        }
        let mut answers: Vec<Answer> = self.commands.iter().map(|_| Answer::Refused).collect();
        for row in rows {
            let n: i32 = row.try_get("command")?;
            let index = usize::try_from(n - 1).unwrap_or(usize::MAX);
            let (Some(command), Some(answer)) = (self.commands.get(index), answers.get_mut(index)) else {
                return Err(StoreError::Corrupt(format!("an answer for command {n} of {}", self.commands.len())));
            };
            let fingerprint: Option<Vec<u8>> = row.try_get("fingerprint")?;
            *answer = match fingerprint {
                Some(stored) if stored != command.fingerprint => Answer::Mismatch,
                Some(_) => Answer::Known { outcome: outcome(&row)?, recorded_at: row.try_get("recorded_at")? },
                None => Answer::Decided { outcome: outcome(&row)?, recorded_at: row.try_get("recorded_at")? },
            };
        }
        Ok(answers)
    }

    /// Seals the events. A group that cannot be sealed, because its subject was erased meanwhile, is given a guard
    /// that cannot hold.
    async fn seal(&mut self, connection: &mut PgConnection, vault: &Vault) -> Result<Sealed, StoreError> {
        let clear: Vec<Option<Clear>> =
            self.events.iter().map(|event| Clear::read(&event.payload)).collect::<Result<_, _>>()?;
        let subjects = clear.iter().flatten().flat_map(|clear| &clear.subjects).copied().collect();
        let mut keys: SubjectKeys = vault.keys_for(connection, &subjects).await?;
        let mut sealed = Sealed::default();
        let mut refused = BTreeSet::new();
        let mut made_by: HashMap<Uuid, i32> = HashMap::new();
        for (event, clear) in self.events.iter().zip(clear) {
            let Some(clear) = clear else {
                sealed.event(event, event.payload.clone())?;
                continue;
            };
            let group = self.group_of(event.command);
            // A key goes in with the group that made it: what another group seals under it has to wait.
            let waits = clear.subjects.iter().any(|subject| made_by.get(subject).is_some_and(|maker| *maker != group));
            sealed.subjects.extend(clear.subjects.iter().map(|subject| (group, *subject)));
            let mut made = Vec::new();
            let payload = match keys.seal(event.event_id, clear, &mut made) {
                Ok(payload) => payload,
                Err(SealError::Store(error)) => return Err(error),
                Err(SealError::Erased) => {
                    refused.insert((group, event.stream));
                    "null".to_owned()
                }
            };
            if waits {
                refused.insert((group, event.stream));
            }
            made_by.extend(made.iter().map(|key| (key.subject, group)));
            sealed.keys.extend(made.into_iter().map(|key| (group, key)));
            sealed.event(event, payload)?;
        }
        self.guards.extend(refused.into_iter().map(|(group, stream)| Guard { group, stream, version: u64::MAX }));
        Ok(sealed)
    }
}

/// The events' stored form.
#[derive(Default)]
struct Sealed {
    schema_versions: Vec<i16>,
    metadata: Vec<String>,
    payloads: Vec<String>,
    hashes: Vec<Vec<u8>>,
    keys: Vec<(i32, NewKey)>,
    /// The subjects for whom each group seals: it is refused if one was erased meanwhile.
    subjects: BTreeSet<(i32, Uuid)>,
}

impl Sealed {
    fn event(&mut self, event: &EventEntry, payload: String) -> Result<(), StoreError> {
        let schema_version = current_version(STEPS, &event.event_type);
        let metadata =
            serde_json::to_string(&event.metadata).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let hash = content_hash(
            event.event_id,
            event.stream,
            event.version,
            &event.event_type,
            schema_version,
            event.occurred_at.timestamp_micros(),
            &metadata,
            &payload,
        );
        self.schema_versions.push(i16::try_from(schema_version).unwrap_or(i16::MAX));
        self.metadata.push(metadata);
        self.payloads.push(payload);
        self.hashes.push(hash.to_vec());
        Ok(())
    }

    async fn call(
        &self,
        batch: &Batch,
        vault: &Vault,
        connection: &mut PgConnection,
    ) -> Result<Vec<sqlx::postgres::PgRow>, StoreError> {
        let rejections = batch
            .commands
            .iter()
            .map(|command| command.rejection.as_ref().map(write_rejection).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let counts = batch.counts();
        let streams = batch.streams_after();
        let (released, taken) = batch.claims_after();
        let timers = batch.timers_after()?;
        let statement = match batch.commands.as_slice() {
            [_] => concat!("select * from log.append_one(", include_str!("append_arguments.sql"), ")"),
            _ => concat!("select * from log.append(", include_str!("append_arguments.sql"), ")"),
        };
        let rows = sqlx::query(statement)
            .bind(column(&batch.commands, |command| command.publisher.as_str()))
            .bind(column(&batch.commands, |command| command.command_id))
            .bind(column(&batch.commands, |command| command.fingerprint.to_vec()))
            .bind(column(&batch.commands, |command| command.group))
            .bind(column(&batch.commands, |command| command.stream.category.name()))
            .bind(column(&batch.commands, |command| command.stream.id))
            .bind(column(&batch.commands, |command| bigint(command.version)))
            .bind(column(&counts, |counts| counts.events))
            .bind(column(&counts, |counts| counts.types.as_str()))
            .bind(column(&counts, |counts| counts.counted_type))
            .bind(column(&counts, |counts| counts.counted))
            .bind(rejections)
            .bind(column(&batch.events, |event| batch.group_of(event.command)))
            .bind(column(&batch.events, |event| event.event_id))
            .bind(column(&batch.events, |event| event.stream.category.name()))
            .bind(column(&batch.events, |event| event.stream.id))
            .bind(column(&batch.events, |event| bigint(event.version)))
            .bind(column(&batch.events, |event| event.event_type.as_str()))
            .bind(&self.schema_versions)
            .bind(column(&batch.events, |event| event.occurred_at))
            .bind(&self.metadata)
            .bind(&self.payloads)
            .bind(&self.hashes)
            .bind(column(&batch.events, |event| event.counted))
            .bind(column(&batch.guards, |guard| guard.group))
            .bind(column(&batch.guards, |guard| guard.stream.category.name()))
            .bind(column(&batch.guards, |guard| guard.stream.id))
            .bind(column(&batch.guards, |guard| bigint(guard.version)))
            .bind(column(&streams, |(_, group, _)| *group))
            .bind(column(&streams, |(stream, _, _)| stream.category.name()))
            .bind(column(&streams, |(stream, _, _)| stream.id))
            .bind(column(&streams, |(_, _, version)| bigint(*version)))
            .bind(column(&batch.looks, |look| look.group))
            .bind(column(&batch.looks, |look| vault.master().claim(&look.key)))
            .bind(column(&batch.looks, |look| look.range.map(|range| range.start)))
            .bind(column(&batch.looks, |look| look.range.map(|range| range.end)))
            .bind(column(&batch.looks, |look| look.expected.digest()))
            .bind(column(&batch.looks, |look| look.expected.room().map(|(added, _)| added)))
            .bind(column(&batch.looks, |look| look.expected.room().map(|(_, limit)| i64::from(limit))))
            .bind(column(&released, |(group, ..)| *group))
            .bind(column(&released, |(_, key, _)| vault.master().claim(key)))
            .bind(column(&released, |(.., holder)| holder.category.name()))
            .bind(column(&released, |(.., holder)| holder.id))
            .bind(column(&taken, |(group, ..)| *group))
            .bind(column(&taken, |(_, key, ..)| vault.master().claim(key)))
            .bind(column(&taken, |(_, _, holder, _)| holder.category.name()))
            .bind(column(&taken, |(_, _, holder, _)| holder.id))
            .bind(column(&taken, |(.., kind)| weight(*kind)))
            .bind(column(&taken, |(.., kind)| range(*kind).map(|range| range.start)))
            .bind(column(&taken, |(.., kind)| range(*kind).map(|range| range.end)))
            .bind(column(&timers, |timer| timer.group))
            .bind(column(&timers, |timer| timer.stream.category.name()))
            .bind(column(&timers, |timer| timer.stream.id))
            .bind(column(&timers, |timer| timer.name))
            .bind(column(&timers, |timer| timer.due_at))
            .bind(column(&timers, |timer| timer.command_id))
            .bind(column(&timers, |timer| timer.command.clone()))
            .bind(column(&self.keys, |(group, _)| *group))
            .bind(column(&self.keys, |(_, key)| key.subject))
            .bind(column(&self.keys, |(_, key)| i32::try_from(key.key_version).unwrap_or(i32::MAX)))
            .bind(column(&self.keys, |(_, key)| i32::try_from(key.master_version).unwrap_or(i32::MAX)))
            .bind(column(&self.keys, |(_, key)| key.wrapped.clone()))
            .bind(column(&batch.erased_subjects, |(group, _)| *group))
            .bind(column(&batch.erased_subjects, |(_, subject)| *subject))
            .bind(self.subjects.iter().map(|(group, _)| *group).collect::<Vec<_>>())
            .bind(self.subjects.iter().map(|(_, subject)| *subject).collect::<Vec<_>>())
            .fetch_all(connection)
            .await?;
        Ok(rows)
    }
}

type Released<'a> = (i32, &'a ClaimKey, StreamId);
type Taken<'a> = (i32, &'a ClaimKey, StreamId, ClaimKind);

/// What a receipt tells of a command's events.
#[derive(Default)]
struct EventCounts<'a> {
    events: i32,
    /// Their types in order, with commas between.
    types: String,
    /// The counted type among them; no command has counted events of two types.
    counted_type: Option<&'a str>,
    counted: i32,
}

/// A timer as the append function takes it; without `due_at` it is cancelled.
struct TimerRow {
    group: i32,
    stream: StreamId,
    name: &'static str,
    due_at: Option<DateTime<Utc>>,
    command_id: Option<Uuid>,
    command: Option<String>,
}

impl Batch {
    fn group_of(&self, command: usize) -> i32 {
        self.commands.get(command).map_or(-1, |command| command.group)
    }

    fn counts(&self) -> Vec<EventCounts<'_>> {
        let mut counts: Vec<_> = self.commands.iter().map(|_| EventCounts::default()).collect();
        for event in &self.events {
            let Some(counts) = counts.get_mut(event.command) else { continue };
            if counts.events > 0 {
                counts.types.push(',');
            }
            counts.types.push_str(&event.event_type);
            counts.events += 1;
            if event.counted {
                counts.counted_type = Some(&event.event_type);
                counts.counted += 1;
            }
        }
        counts
    }

    fn streams_after(&self) -> Vec<(StreamId, i32, u64)> {
        let mut last = HashMap::new();
        for event in &self.events {
            last.insert(event.stream, (self.group_of(event.command), event.version));
        }
        last.into_iter().map(|(stream, (group, version))| (stream, group, version)).collect()
    }

    fn claims_after(&self) -> (Vec<Released<'_>>, Vec<Taken<'_>>) {
        let mut last: HashMap<(&ClaimKey, StreamId), (i32, Option<ClaimKind>)> = HashMap::new();
        for (group, change) in &self.claims {
            let (key, holder, kind) = match change {
                ClaimChange::Take { key, holder, kind } => (key, *holder, Some(*kind)),
                ClaimChange::Release { key, holder } => (key, *holder, None),
            };
            last.insert((key, holder), (*group, kind));
        }
        let mut released = Vec::new();
        let mut taken = Vec::new();
        for ((key, holder), (group, kind)) in last {
            match kind {
                Some(kind) => taken.push((group, key, holder, kind)),
                None => released.push((group, key, holder)),
            }
        }
        (released, taken)
    }

    fn timers_after(&self) -> Result<Vec<TimerRow>, StoreError> {
        let mut last: HashMap<(StreamId, &'static str), TimerRow> = HashMap::new();
        for (group, cause, change) in &self.timers {
            let group = *group;
            let row = match change {
                TimerChange::Cancel { stream, name } => {
                    TimerRow { group, stream: *stream, name, due_at: None, command_id: None, command: None }
                }
                TimerChange::Set { stream, name, due_at, command } => {
                    let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
                    let (command, data) = command.write().map_err(corrupt)?;
                    let command_id = Uuid::new_v5(&TIMER_NAMESPACE, format!("{cause}/{name}/1").as_bytes());
                    TimerRow {
                        group,
                        stream: *stream,
                        name,
                        due_at: Some(*due_at),
                        command_id: Some(command_id),
                        command: Some(format!(r#"{{"name":"{command}","data":{data}}}"#)),
                    }
                }
            };
            last.insert((row.stream, row.name), row);
        }
        Ok(last.into_values().collect())
    }
}

impl Expected {
    /// The holders as the append function writes them.
    fn digest(&self) -> Option<String> {
        let Self::Holders(holdings) = self else { return None };
        let mut holdings: Vec<_> =
            holdings.iter().map(|held| (held.holder.category.name(), held.holder.id, held.weight)).collect();
        holdings.sort_unstable();
        let one = |(category, id, weight): &(&str, Uuid, u32)| format!("{category}{id}:{weight}");
        Some(holdings.iter().map(one).collect::<Vec<_>>().join(","))
    }

    const fn room(&self) -> Option<(i64, u32)> {
        match self {
            Self::Room { added, limit } => Some((*added, *limit)),
            Self::Holders(_) => None,
        }
    }
}

fn weight(kind: ClaimKind) -> i64 {
    match kind {
        ClaimKind::Counted { weight, .. } => i64::from(weight),
        ClaimKind::Unique | ClaimKind::Interval(_) => 1,
    }
}

const fn range(kind: ClaimKind) -> Option<TimeRange> {
    match kind {
        ClaimKind::Interval(range) => Some(range),
        ClaimKind::Unique | ClaimKind::Counted { .. } => None,
    }
}

fn column<'a, R, T>(rows: &'a [R], pick: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(pick).collect()
}
