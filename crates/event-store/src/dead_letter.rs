//! Durable commands that could not be read: kept, sealed as they came, for an operator to look at.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::error::StoreError;
use crate::sealing::MasterKeys;

/// One undecodable message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub id: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
    /// The subject that it was sent to.
    pub subject: String,
    /// The code of its rejection.
    pub code: String,
    /// What is wrong with it.
    pub detail: String,
    /// The message, opened; `None` if its master key is gone.
    pub message: Option<Vec<u8>>,
}

type Row = (i64, DateTime<Utc>, String, String, String, Vec<u8>);

/// The dead-letter table.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    pool: PgPool,
    keys: MasterKeys,
}

impl DeadLetters {
    /// The table, over a pool with the append role.
    #[must_use]
    pub const fn new(pool: PgPool, keys: MasterKeys) -> Self {
        Self { pool, keys }
    }

    /// Keeps a message.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn keep(&self, subject: &str, code: &str, detail: &str, message: &[u8]) -> Result<(), StoreError> {
        sqlx::query("insert into log.dead_letter (subject, code, detail, sealed) values ($1, $2, $3, $4)")
            .bind(subject)
            .bind(code)
            .bind(detail)
            .bind(self.keys.seal_bytes(message)?)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// The latest messages, newest first.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn latest(&self, limit: u32) -> Result<Vec<DeadLetter>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select id, received_at, subject, code, detail, sealed from log.dead_letter order by id desc limit $1",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let opened = rows.into_iter().map(|(id, received_at, subject, code, detail, sealed)| {
            let message = self.keys.open_bytes(&sealed);
            DeadLetter { id, received_at, subject, code, detail, message }
        });
        Ok(opened.collect())
    }
}
