//! The lease: which of several relays is active. It only saves work: correctness comes from the stream's own fence.

use event_store::StoreError;
use sqlx::{Connection as _, PgConnection, PgPool};

/// A lock that PostgreSQL holds for one connection and gives back when that connection ends.
pub(super) struct Lease {
    pool: PgPool,
    name: String,
    connection: Option<PgConnection>,
    is_held: bool,
}

impl Lease {
    /// Relays of the same prefix on the same database exclude each other.
    pub(super) fn new(pool: PgPool, prefix: &str) -> Self {
        Self { pool, name: format!("carelog relay {prefix}"), connection: None, is_held: false }
    }

    /// Takes the lease if it is free, or makes sure that it is still held. Returns whether it is.
    ///
    /// # Errors
    /// The database cannot be reached; then it is not held.
    pub(super) async fn hold(&mut self) -> Result<bool, StoreError> {
        let was_held = std::mem::take(&mut self.is_held);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            // Out of the pool: it lives as long as the lease, and never serves anybody else.
            None => self.pool.acquire().await?.detach(),
        };
        // The lock lives as long as the session: an answer on its connection says that it is held.
        let (is_held,): (bool,) = if was_held {
            sqlx::query_as("select true").fetch_one(&mut connection).await?
        } else {
            sqlx::query_as("select pg_try_advisory_lock(hashtextextended($1, 0))")
                .bind(&self.name)
                .fetch_one(&mut connection)
                .await?
        };
        self.connection = Some(connection);
        self.is_held = is_held;
        if is_held && !was_held {
            tracing::info!("this relay is active");
        }
        Ok(is_held)
    }

    /// Gives the lease back.
    pub(super) async fn release(&mut self) {
        self.is_held = false;
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::debug!(%error, "the lease's connection had ended already");
        }
    }
}
