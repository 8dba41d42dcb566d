//! Timers: rows written in an append, read when due.

use chrono::{DateTime, Utc};
use domain::StreamId;
use serde_json::Value;
use sqlx::{PgPool, Row as _};
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::category;

/// A timer that is due: a command to be sent, under an id of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct DueTimer {
    /// Whose timer.
    pub stream: StreamId,
    /// Its name.
    pub name: String,
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// The id of its command; the same however often it fires.
    pub command_id: Uuid,
    /// The command's name.
    pub command: String,
    /// The command's content.
    pub data: Value,
}

/// Up to `limit` timers due by the server's clock, the oldest first.
///
/// # Errors
/// The database cannot be reached.
pub async fn due_timers(pool: &PgPool, limit: u32) -> Result<Vec<DueTimer>, StoreError> {
    let rows = sqlx::query(
        "select category, stream_id, name, due_at, command_id, command->>'name' as command, command->'data' as data
           from log.timer
          where due_at <= clock_timestamp()
          order by due_at
          limit $1",
    )
    .bind(i64::from(limit))
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(DueTimer {
                stream: StreamId { category: category(row.try_get("category")?)?, id: row.try_get("stream_id")? },
                name: row.try_get("name")?,
                due_at: row.try_get("due_at")?,
                command_id: row.try_get("command_id")?,
                command: row.try_get("command")?,
                data: row.try_get("data")?,
            })
        })
        .collect()
}
