//! Reading the history: by position, stream, type and time, and the receipts.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use domain::envelope::{Publisher, RecordedEvent};
use domain::{Category, StreamId};
use sqlx::{PgConnection, PgPool, Row as _};
use uuid::Uuid;

use crate::append::Answer;
use crate::error::StoreError;
use crate::load::LOCK_KEY;
use crate::outcome::{Receipt, outcome};
use crate::row::{EventRow, bigint, category, event_columns, number};

/// For how long after a moment an append from before it can be under way: more than any transaction lives.
const RECENT: TimeDelta = TimeDelta::seconds(60);
/// How far the database's clock may be behind ours for a moment to be waited for.
const CLOCKS_APART_MAX_MS: f64 = 2_000.0;

/// The end of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last position, 0 for an empty history.
    pub position: u64,
    /// Raised whenever the history was restored.
    pub epoch: u64,
}

/// Which events to read. Empty lists do not restrict.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only positions above this one.
    pub after: u64,
    /// Only positions up to this one.
    pub until: Option<u64>,
    /// Only these streams.
    pub streams: Vec<StreamId>,
    /// Only these types.
    pub event_types: Vec<String>,
    /// Only these categories.
    pub categories: Vec<Category>,
    /// The latest first.
    pub descending: bool,
}

macro_rules! selected {
    () => {
        concat!(
            "select ",
            event_columns!(),
            " from log.event e where e.position > $1 and e.position <= $2 and ($3 or e.type = any ($4::text[])) \
              and (cardinality($5::text[]) = 0 or e.category = any ($5::text[])) \
              and cardinality($6::text[]) = 0 and cardinality($7::uuid[]) = 0"
        )
    };
}
macro_rules! selected_streams {
    () => {
        concat!(
            "select ",
            event_columns!(),
            " from unnest($6::text[], $7::uuid[]) as wanted (category, stream_id) \
              join log.event e on e.category = wanted.category and e.stream_id = wanted.stream_id \
             where e.position > $1 and e.position <= $2 and ($3 or e.type = any ($4::text[])) \
              and (cardinality($5::text[]) = 0 or e.category = any ($5::text[]))"
        )
    };
}

/// Reads the history. Cheap to clone. Every method is one statement.
#[derive(Clone, Debug)]
pub struct Reader {
    pool: PgPool,
}

impl Reader {
    /// A reader over a pool.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool it reads with.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The end of the history.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn head(&self) -> Result<Head, StoreError> {
        let (position, epoch): (i64, i64) =
            sqlx::query_as("select coalesce((select max(position) from log.event), 0), epoch from log.epoch")
                .fetch_one(&self.pool)
                .await?;
        Ok(Head { position: number(position)?, epoch: number(epoch)? })
    }

    /// The event at a position.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn at(&self, position: u64) -> Result<Option<RecordedEvent>, StoreError> {
        let row: Option<EventRow> =
            sqlx::query_as(concat!("select ", event_columns!(), " from log.event e where e.position = $1"))
                .bind(bigint(position))
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|row| row.0))
    }

    /// Up to `limit` events above a position, in order.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn after(&self, position: u64, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(concat!(
            "select ",
            event_columns!(),
            " from log.event e where e.position > $1 order by e.position limit $2"
        ))
        .bind(bigint(position))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Up to `limit` events of a stream above a version, in order.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn stream(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<RecordedEvent>, StoreError> {
        let rows: Vec<EventRow> = sqlx::query_as(concat!(
            "select ",
            event_columns!(),
            " from log.event e where e.category = $1 and e.stream_id = $2 and e.version > $3 \
              order by e.version limit $4"
        ))
        .bind(stream.category.name())
        .bind(stream.id)
        .bind(bigint(after_version))
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// Up to `limit` selected events, in order of position.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn select(&self, selection: &Selection, limit: u32) -> Result<Vec<RecordedEvent>, StoreError> {
        let statement = match (selection.streams.is_empty(), selection.descending) {
            (true, false) => concat!(selected!(), " order by e.position limit $8"),
            (true, true) => concat!(selected!(), " order by e.position desc limit $8"),
            (false, false) => concat!(selected_streams!(), " order by e.position limit $8"),
            (false, true) => concat!(selected_streams!(), " order by e.position desc limit $8"),
        };
        // Once each: a stream that is named twice does not have its events twice.
        let streams: BTreeSet<_> = selection.streams.iter().collect();
        let (categories, ids): (Vec<_>, Vec<_>) =
            streams.into_iter().map(|stream| (stream.category.name(), stream.id)).unzip();
        let wanted: Vec<&str> = selection.categories.iter().map(|category| category.name()).collect();
        let rows: Vec<EventRow> = sqlx::query_as(statement)
            .bind(bigint(selection.after))
            .bind(selection.until.map_or(i64::MAX, bigint))
            .bind(selection.event_types.is_empty())
            .bind(&selection.event_types)
            .bind(wanted)
            .bind(categories)
            .bind(ids)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| row.0).collect())
    }

    /// The last position recorded at or before a moment; 0 if there is none. The answer for a moment never changes: for
    /// one that has only just passed it waits for the appends that are under way.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn position_at(&self, moment: DateTime<Utc>) -> Result<u64, StoreError> {
        loop {
            let mut tx = self.pool.begin().await?;
            if moment > Utc::now() - RECENT {
                // An append takes its time under this lock and is seen after it: none is half way while it is shared.
                sqlx::query("select pg_advisory_xact_lock_shared($1)").bind(LOCK_KEY).execute(&mut *tx).await?;
            }
            let (position, ahead_ms): (i64, f64) =
                sqlx::query_as("select log.position_at($1), extract(epoch from $1 - clock_timestamp())::float8 * 1000")
                    .bind(moment)
                    .fetch_one(&mut *tx)
                    .await?;
            tx.commit().await?;
            // The database's clock decides what has passed; ours may be a little ahead of it.
            if !(0.0..CLOCKS_APART_MAX_MS).contains(&ahead_ms) {
                return Ok(number(position)?);
            }
            tokio::time::sleep(std::time::Duration::from_millis(ahead_ms.ceil() as u64 + 1)).await;
        }
    }

    /// The receipt of a command, if it was decided.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn receipt(&self, publisher: &Publisher, command_id: Uuid) -> Result<Option<Receipt>, StoreError> {
        let row = sqlx::query(
            "select category, stream_id, version, position, event_types, ordinal, rejection::text as rejection
               from log.receipt
              where publisher = $1 and command_id = $2",
        )
        .bind(publisher.as_str())
        .bind(command_id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let stream = StreamId { category: category(row.try_get("category")?)?, id: row.try_get("stream_id")? };
            Ok(Receipt { publisher: publisher.clone(), command_id, stream, outcome: outcome(&row)? })
        })
        .transpose()
    }
}

/// The answers of commands that were decided before, in the order asked: publisher, command id, fingerprint. Commands
/// without a receipt are [`Answer::Refused`].
///
/// # Errors
/// The database cannot be reached.
pub async fn known_answers(
    connection: &mut PgConnection,
    asked: &[(&str, Uuid, [u8; 32])],
) -> Result<Vec<Answer>, StoreError> {
    let publishers: Vec<&str> = asked.iter().map(|(publisher, ..)| *publisher).collect();
    let ids: Vec<Uuid> = asked.iter().map(|(_, id, _)| *id).collect();
    let rows = sqlx::query(
        "select c.n, r.fingerprint, r.version, r.position, r.event_types, r.ordinal, r.rejection::text as rejection,
                r.recorded_at
           from unnest($1::text[], $2::uuid[]) with ordinality as c (publisher, id, n)
           join log.receipt r on r.publisher = c.publisher and r.command_id = c.id",
    )
    .bind(publishers)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    let mut answers = vec![Answer::Refused; asked.len()];
    for row in rows {
        let index = usize::try_from(row.try_get::<i64, _>("n")? - 1).unwrap_or(usize::MAX);
        if let (Some(answer), Some((.., fingerprint))) = (answers.get_mut(index), asked.get(index)) {
            let same = row.try_get::<Vec<u8>, _>("fingerprint")? == fingerprint;
            *answer = match same {
                true => Answer::Known { outcome: outcome(&row)?, recorded_at: row.try_get("recorded_at")? },
                false => Answer::Mismatch,
            };
        }
    }
    Ok(answers)
}
