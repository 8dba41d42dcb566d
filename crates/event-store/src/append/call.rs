//! The call of the append function: a batch as arrays, one for each column.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use domain::StreamId;
use domain::decider::{ClaimChange, ClaimKey, ClaimKind, TimeRange, TimerChange};
use sqlx::PgConnection;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::counts::Counts;
use super::{Batch, Expected, Sealed};
use crate::error::StoreError;
use crate::outcome::write_rejection;
use crate::row::bigint;
use crate::sealing::Vault;

/// The namespace of the ids of timers' commands.
const TIMER_NAMESPACE: Uuid = Uuid::from_u128(0x7c1d_5a0e_9f2b_4c53_8b1e_d4a6_03f7_1e92);

impl Sealed {
    pub(super) async fn call(
        &self,
        batch: &Batch,
        counts: &Counts<'_>,
        vault: &Vault,
        connection: &mut PgConnection,
    ) -> Result<PgRow, StoreError> {
        let rejections = batch
            .commands
            .iter()
            .map(|command| command.rejection.as_ref().map(write_rejection).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let written: HashSet<StreamId> = batch.events.iter().map(|event| event.stream).collect();
        let (released, taken) = batch.claims_after();
        let timers = batch.timers_after()?;
        let row = sqlx::query(concat!("select * from log.append(", include_str!("arguments.sql"), ")"))
            .bind(batch.seen.map(|seen| bigint(seen.position)))
            .bind(batch.seen.map(|seen| seen.event_id))
            .bind(column(&batch.commands, |command| command.publisher.as_str()))
            .bind(column(&batch.commands, |command| command.command_id))
            .bind(column(&batch.commands, |command| command.fingerprint.to_vec()))
            .bind(column(&batch.commands, |command| command.group))
            .bind(column(&batch.commands, |command| command.stream.category.name()))
            .bind(column(&batch.commands, |command| command.stream.id))
            .bind(column(&batch.commands, |command| bigint(command.version)))
            .bind(column(&counts.commands, |command| command.place))
            .bind(column(&counts.commands, |command| command.types.join(",")))
            .bind(column(&counts.commands, |command| counts.counted_type(command)))
            .bind(column(&counts.commands, |command| command.counted.map(|(_, number)| number)))
            .bind(rejections)
            .bind(column(&batch.events, |event| event.event_id))
            .bind(column(&batch.events, |event| event.stream.category.name()))
            .bind(column(&batch.events, |event| event.stream.id))
            .bind(column(&batch.events, |event| bigint(event.version)))
            .bind(column(&batch.events, |event| event.event_type.as_str()))
            .bind(&self.schema_versions)
            .bind(column(&batch.events, |event| event.occurred_at))
            .bind(&counts.numbers)
            .bind(&self.metadata)
            .bind(&self.payloads)
            .bind(&self.hashes)
            .bind(column(&counts.types, |(name, _)| *name))
            .bind(column(&counts.types, |(_, count)| *count))
            .bind(column(&batch.guards, |guard| guard.group))
            .bind(column(&batch.guards, |guard| guard.stream.category.name()))
            .bind(column(&batch.guards, |guard| guard.stream.id))
            .bind(column(&batch.guards, |guard| bigint(guard.version)))
            .bind(column(&batch.guards, |guard| written.contains(&guard.stream)))
            .bind(column(&batch.looks, |look| look.group))
            .bind(column(&batch.looks, |look| vault.master().claim(&look.key)))
            .bind(column(&batch.looks, |look| look.range.map(|range| range.start)))
            .bind(column(&batch.looks, |look| look.range.map(|range| range.end)))
            .bind(column(&batch.looks, |look| look.expected.digest()))
            .bind(column(&batch.looks, |look| look.expected.room().map(|(added, _)| added)))
            .bind(column(&batch.looks, |look| look.expected.room().map(|(_, limit)| i64::from(limit))))
            .bind(column(&released, |(key, _)| vault.master().claim(key)))
            .bind(column(&released, |(_, holder)| holder.category.name()))
            .bind(column(&released, |(_, holder)| holder.id))
            .bind(column(&taken, |(key, ..)| vault.master().claim(key)))
            .bind(column(&taken, |(_, holder, _)| holder.category.name()))
            .bind(column(&taken, |(_, holder, _)| holder.id))
            .bind(column(&taken, |(.., kind)| weight(*kind)))
            .bind(column(&taken, |(.., kind)| range(*kind).map(|range| range.start)))
            .bind(column(&taken, |(.., kind)| range(*kind).map(|range| range.end)))
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
            .bind(column(&batch.erased_subjects, |(_, subject)| *subject))
            .bind(self.subjects.iter().map(|(group, _)| *group).collect::<Vec<_>>())
            .bind(self.subjects.iter().map(|(_, subject)| *subject).collect::<Vec<_>>())
            .fetch_one(connection)
            .await?;
        Ok(row)
    }
}

type Released<'a> = (&'a ClaimKey, StreamId);
type Taken<'a> = (&'a ClaimKey, StreamId, ClaimKind);

/// A timer as the append function takes it; without `due_at` it is cancelled.
struct TimerRow {
    stream: StreamId,
    name: &'static str,
    due_at: Option<DateTime<Utc>>,
    command_id: Option<Uuid>,
    command: Option<String>,
}

impl Batch {
    fn claims_after(&self) -> (Vec<Released<'_>>, Vec<Taken<'_>>) {
        let mut last: HashMap<(&ClaimKey, StreamId), Option<ClaimKind>> = HashMap::new();
        for (_, change) in &self.claims {
            let (key, holder, kind) = match change {
                ClaimChange::Take { key, holder, kind } => (key, *holder, Some(*kind)),
                ClaimChange::Release { key, holder } => (key, *holder, None),
            };
            last.insert((key, holder), kind);
        }
        let mut released = Vec::new();
        let mut taken = Vec::new();
        for ((key, holder), kind) in last {
            match kind {
                Some(kind) => taken.push((key, holder, kind)),
                None => released.push((key, holder)),
            }
        }
        (released, taken)
    }

    fn timers_after(&self) -> Result<Vec<TimerRow>, StoreError> {
        let mut last: HashMap<(StreamId, &'static str), TimerRow> = HashMap::new();
        for (_, cause, change) in &self.timers {
            let row = match change {
                TimerChange::Cancel { stream, name } => {
                    TimerRow { stream: *stream, name, due_at: None, command_id: None, command: None }
                }
                TimerChange::Set { stream, name, due_at, command } => {
                    let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string());
                    let (command, data) = command.write().map_err(corrupt)?;
                    let command_id = Uuid::new_v5(&TIMER_NAMESPACE, format!("{cause}/{name}/1").as_bytes());
                    TimerRow {
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
