//! The one append: a batch of decided commands becomes rows in one call of one SQL function.

mod call;
mod counts;

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::decider::{ClaimChange, ClaimKey, Holding, TimeRange, TimerChange};
use domain::envelope::{Metadata, Publisher};
use domain::rejection::Rejection;
use domain::upcast::{STEPS, current_version};
use domain::{Category, StreamId};
use seeded_bugs::{Bug, is_active};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use self::counts::{CommandCounts, Counts};
use crate::error::StoreError;
use crate::hash::content_hash;
use crate::load::lock;
use crate::outcome::Outcome;
use crate::reader::known_answers;
use crate::row::number;
use crate::sealing::{Clear, NewKey, SealError, SubjectKeys, Vault};

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

/// A place in the history. The event's id tells it from the same place in another history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The position.
    pub position: u64,
    /// The id of the event there.
    pub event_id: Uuid,
}

/// Everything that goes into the history together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The last event up to which every change of the streams that were looked at is known. Without it each of them is
    /// looked up; with it those that are written or taken for new, and those that changed since.
    pub seen: Option<Seen>,
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

/// What an append tells.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What became of each command, in order.
    pub answers: Vec<Answer>,
    /// The last event that there is now.
    pub seen: Option<Seen>,
    /// The streams that have events after the one that the batch had seen, with their versions; `None` where it had seen
    /// none, or one long past.
    pub changed: Option<Vec<(StreamId, u64)>>,
}

impl Verdict {
    fn answer(&mut self, places: &[usize], answers: impl IntoIterator<Item = Answer>) {
        for (place, answer) in places.iter().zip(answers) {
            if let Some(slot) = self.answers.get_mut(*place) {
                *slot = answer;
            }
        }
    }

    fn learn(&mut self, row: &PgRow) -> Result<(), StoreError> {
        if !row.try_get::<bool, _>("is_same")? {
            return Err(StoreError::Unavailable("the history is not the one that was seen before".to_owned()));
        }
        let position = number(row.try_get("head")?)?;
        self.seen = row.try_get::<Option<Uuid>, _>("head_id")?.map(|event_id| Seen { position, event_id });
        let Some(names) = row.try_get::<Option<Vec<String>>, _>("changed_category")? else {
            self.changed = None;
            return Ok(());
        };
        let ids: Vec<Uuid> = row.try_get("changed_stream")?;
        let versions: Vec<i64> = row.try_get("changed_version")?;
        if let Some(changed) = &mut self.changed {
            for ((name, id), version) in names.into_iter().zip(ids).zip(versions) {
                // Of a category that only a later program knows nothing can have been looked at.
                if let Some(category) = Category::parse(&name) {
                    changed.push((StreamId { category, id }, number(version)?));
                }
            }
        }
        Ok(())
    }
}

impl Batch {
    /// Appends the batch, durable when this returns: in one statement; where groups of it are refused, the others in
    /// another one, under the lock, so that nobody gets ahead again.
    ///
    /// # Errors
    /// The database cannot be reached: the outcome is unknown, and asking again with the same ids is safe. Or the event
    /// seen is not in this history: then nothing that was read before holds.
    pub async fn append(mut self, connection: &mut PgConnection, vault: &Vault) -> Result<Verdict, StoreError> {
        let answers = vec![Answer::Refused; self.commands.len()];
        let mut verdict = Verdict { answers, seen: self.seen, changed: Some(Vec::new()) };
        let mut places: Vec<usize> = (0..self.commands.len()).collect();
        if !places.is_empty() {
            self.attempt(&mut places, &mut verdict, connection, vault).await?;
        }
        if !places.is_empty() {
            let mut tx = connection.begin().await?;
            lock(&mut tx).await?;
            while !places.is_empty() {
                self.attempt(&mut places, &mut verdict, &mut tx, vault).await?;
            }
            tx.commit().await?;
        }
        if is_active(Bug::ReceiptOutside) {
            sqlx::query("select log.write_receipts()").execute(&mut *connection).await?;
        }
        Ok(verdict)
    }

    /// Answers the commands that go in, or those that are refused. `places` tells which command of the verdict each
    /// command of the batch is; what has its answer is taken out.
    async fn attempt(
        &mut self,
        places: &mut Vec<usize>,
        verdict: &mut Verdict,
        connection: &mut PgConnection,
        vault: &Vault,
    ) -> Result<(), StoreError> {
        let (sealed, mut refused) = self.seal(connection, vault).await?;
        if refused.is_empty() {
            let counts = Counts::of(self);
            let row = sealed.call(self, &counts, vault, connection).await?;
            verdict.learn(&row)?;
            refused = row.try_get::<Vec<i32>, _>("refused")?.into_iter().collect();
            if refused.is_empty() {
                verdict.answer(places, self.decided(&counts, &row)?);
                let head = number(row.try_get("head")?)?;
                let position = head + self.events.len() as u64;
                let last = self.events.last().map(|last| Seen { position, event_id: last.event_id });
                verdict.seen = last.or(verdict.seen);
                places.clear();
                return Ok(());
            }
        }
        verdict.answer(places, self.known(&refused, connection).await?);
        self.seen = verdict.seen;
        self.remove(&refused, places);
        Ok(())
    }

    /// Seals the events, and tells the groups that cannot be: their subject was erased meanwhile, or has its key made by
    /// another group, without which nothing can be sealed under it.
    async fn seal(&self, connection: &mut PgConnection, vault: &Vault) -> Result<(Sealed, HashSet<i32>), StoreError> {
        let clear: Vec<Option<Clear>> =
            self.events.iter().map(|event| Clear::read(&event.payload)).collect::<Result<_, _>>()?;
        let subjects = clear.iter().flatten().flat_map(|clear| &clear.subjects).copied().collect();
        let mut keys: SubjectKeys = vault.keys_for(connection, &subjects).await?;
        let mut sealed = Sealed::default();
        let mut refused = HashSet::new();
        let mut made_by: HashMap<Uuid, i32> = HashMap::new();
        for (event, clear) in self.events.iter().zip(clear) {
            let Some(clear) = clear else {
                sealed.event(event, event.payload.clone())?;
                continue;
            };
            let group = self.group_of(event.command);
            if clear.subjects.iter().any(|subject| made_by.get(subject).is_some_and(|maker| *maker != group)) {
                refused.insert(group);
            }
            sealed.subjects.extend(clear.subjects.iter().map(|subject| (group, *subject)));
            let mut made = Vec::new();
            match keys.seal(event.event_id, clear, &mut made) {
                Ok(payload) => sealed.event(event, payload)?,
                Err(SealError::Store(error)) => return Err(error),
                Err(SealError::Erased) => _ = refused.insert(group),
            }
            made_by.extend(made.iter().map(|key| (key.subject, group)));
            sealed.keys.extend(made.into_iter().map(|key| (group, key)));
        }
        Ok((sealed, refused))
    }

    fn group_of(&self, command: usize) -> i32 {
        self.commands.get(command).map_or(-1, |command| command.group)
    }

    /// The answers of a batch that went in.
    fn decided(&self, counts: &Counts<'_>, row: &PgRow) -> Result<Vec<Answer>, StoreError> {
        let head: i64 = row.try_get("head")?;
        let head_at: DateTime<Utc> = row.try_get("head_at")?;
        let numbers = row.try_get::<Option<Vec<i64>>, _>("numbers")?.unwrap_or_default();
        let answer = |(command, counts): (&CommandEntry, &CommandCounts)| {
            let outcome = match &command.rejection {
                Some(rejection) => Outcome::Rejected(rejection.clone()),
                None => Outcome::Accepted {
                    version: command.version,
                    position: number(head + counts.place)?,
                    events: counts.types.iter().map(|name| (*name).to_owned()).collect(),
                    ordinal: match counts.counted {
                        Some((counted, of_batch)) => numbers.get(counted).map(|before| number(before + of_batch)),
                        None => None,
                    }
                    .transpose()?,
                },
            };
            let recorded_at = head_at + TimeDelta::microseconds((counts.place - 1).max(0));
            Ok(Answer::Decided { outcome, recorded_at })
        };
        self.commands.iter().zip(&counts.commands).map(answer).collect()
    }

    /// The answers of the commands of refused groups that were decided before; `Refused` for all others.
    async fn known(&self, refused: &HashSet<i32>, connection: &mut PgConnection) -> Result<Vec<Answer>, StoreError> {
        let (places, asked): (Vec<_>, Vec<_>) = self
            .commands
            .iter()
            .enumerate()
            .filter(|(_, command)| refused.contains(&command.group))
            .map(|(place, command)| (place, (command.publisher.as_str(), command.command_id, command.fingerprint)))
            .unzip();
        let mut answers = vec![Answer::Refused; self.commands.len()];
        for (place, answer) in places.into_iter().zip(known_answers(connection, &asked).await?) {
            if let Some(slot) = answers.get_mut(place) {
                *slot = answer;
            }
        }
        Ok(answers)
    }

    /// Takes groups out. `places` has an entry for each command.
    fn remove(&mut self, groups: &HashSet<i32>, places: &mut Vec<usize>) {
        let stays: Vec<bool> = self.commands.iter().map(|command| !groups.contains(&command.group)).collect();
        let renumbered: Vec<usize> = stays
            .iter()
            .scan(0, |next, stays| {
                let place = *next;
                *next += usize::from(*stays);
                Some(place)
            })
            .collect();
        let stays = |command: usize| stays.get(command).copied().unwrap_or_default();
        let mut index = 0..;
        places.retain(|_| index.next().is_some_and(stays));
        self.events.retain(|event| stays(event.command));
        for event in &mut self.events {
            event.command = renumbered.get(event.command).copied().unwrap_or_default();
        }
        self.commands.retain(|command| !groups.contains(&command.group));
        self.guards.retain(|guard| !groups.contains(&guard.group));
        self.looks.retain(|look| !groups.contains(&look.group));
        self.claims.retain(|(group, _)| !groups.contains(group));
        self.timers.retain(|(group, ..)| !groups.contains(group));
        self.erased_subjects.retain(|(group, _)| !groups.contains(group));
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
}
