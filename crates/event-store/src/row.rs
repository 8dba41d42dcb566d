//! Rows of `log.event` as recorded events.

use chrono::{DateTime, Utc};
use domain::envelope::RecordedEvent;
use domain::{Category, StreamId};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

/// The columns that [`EventRow`] reads, for `select`: the first ones, in this order.
macro_rules! event_columns {
    () => {
        "e.position, e.event_id, e.category, e.stream_id, e.version, e.type, e.schema_version, e.occurred_at, \
         e.recorded_at, e.ordinal, e.metadata, e.payload::text as payload, e.content_hash"
    };
}
pub(crate) use event_columns;

pub(crate) struct EventRow(pub(crate) RecordedEvent);

impl FromRow<'_, PgRow> for EventRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let category = category(row.try_get(2)?)?;
        let hash: &[u8] = row.try_get(12)?;
        Ok(Self(RecordedEvent {
            position: number(row.try_get(0)?)?,
            event_id: row.try_get(1)?,
            stream: StreamId { category, id: row.try_get(3)? },
            version: number(row.try_get(4)?)?,
            event_type: row.try_get(5)?,
            schema_version: u16::try_from(row.try_get::<i16, _>(6)?).map_err(decode)?,
            occurred_at: row.try_get::<DateTime<Utc>, _>(7)?,
            recorded_at: row.try_get::<DateTime<Utc>, _>(8)?,
            ordinal: row.try_get::<Option<i64>, _>(9)?.map(number).transpose()?,
            metadata: row.try_get::<Json<_>, _>(10)?.0,
            payload: row.try_get(11)?,
            content_hash: hash.try_into().map_err(decode)?,
        }))
    }
}

pub(crate) fn category(name: &str) -> Result<Category, sqlx::Error> {
    Category::parse(name).ok_or_else(|| sqlx::Error::Decode(format!("unknown category {name}").into()))
}

pub(crate) fn number(value: i64) -> Result<u64, sqlx::Error> {
    u64::try_from(value).map_err(decode)
}

fn decode(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}

/// A number as PostgreSQL's `bigint`. Positions and versions never come near its end.
pub(crate) fn bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
