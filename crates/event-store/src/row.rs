//! Rows of `log.event` as recorded events.

use chrono::{DateTime, Utc};
use domain::envelope::RecordedEvent;
use domain::{Category, StreamId};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, Row as _};

/// The columns that [`EventRow`] reads, for `select`.
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
        let category = category(row.try_get("category")?)?;
        let hash: &[u8] = row.try_get("content_hash")?;
        Ok(Self(RecordedEvent {
            position: number(row.try_get("position")?)?,
            event_id: row.try_get("event_id")?,
            stream: StreamId { category, id: row.try_get("stream_id")? },
            version: number(row.try_get("version")?)?,
            event_type: row.try_get("type")?,
            schema_version: u16::try_from(row.try_get::<i16, _>("schema_version")?).map_err(decode)?,
            occurred_at: row.try_get::<DateTime<Utc>, _>("occurred_at")?,
            recorded_at: row.try_get::<DateTime<Utc>, _>("recorded_at")?,
            ordinal: row.try_get::<Option<i64>, _>("ordinal")?.map(number).transpose()?,
            metadata: row.try_get::<Json<_>, _>("metadata")?.0,
            payload: row.try_get("payload")?,
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
