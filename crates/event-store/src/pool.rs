//! Connections: small pools, each with the rights and time limits of its use.

use std::str::FromStr as _;
use std::time::Duration;

use seeded_bugs::{Bug, is_active};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row as _};

use crate::error::StoreError;

/// What a pool is for; decides its database role and its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolRole {
    /// Appends to the history.
    Append,
    /// Folds the history into read models.
    Project,
    /// Answers questions: statements end after 2 s.
    Query,
    /// Reads the history for publishing, and holds the relay's lease.
    Relay,
    /// Changes the schema, with the rights of the URL's own user.
    Migrate,
}

impl PoolRole {
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            // Plans of the append function are made before there are statistics: only index look-ups stay linear. Made
            // anew for each batch they would cost more than the batch.
            Self::Append => &[
                ("role", "carelog_append"),
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                ("idle_in_transaction_session_timeout", "10s"),
                ("jit", "off"),
                ("plan_cache_mode", "force_generic_plan"),
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
                ("enable_seqscan", "off"),
                // It reads the dead rows of claims that come and go again and again; an index scan marks them.
                ("enable_bitmapscan", "off"),
            ],
            Self::Project => &[
                ("role", "carelog_project"),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "60s"),
                ("jit", "off"),
            ],
            Self::Query => &[
                ("role", "carelog_query"),
                ("statement_timeout", "2s"),
                ("lock_timeout", "1s"),
                ("idle_in_transaction_session_timeout", "10s"),
                ("jit", "off"),
            ],
            Self::Relay => &[("role", "carelog_query"), ("statement_timeout", "5s"), ("jit", "off")],
            Self::Migrate => &[],
        }
    }

    const fn application_name(self) -> &'static str {
        match self {
            Self::Append => "carelog-append",
            Self::Project => "carelog-project",
            Self::Query => "carelog-query",
            Self::Relay => "carelog-relay",
            Self::Migrate => "carelog-migrate",
        }
    }
}

/// Opens a pool. One connection is made at once, so that a wrong URL is told at once.
///
/// # Errors
/// The URL is malformed, the server refuses it, or it cannot be reached.
pub async fn connect(database_url: &str, role: PoolRole, connections_max: u32) -> Result<PgPool, StoreError> {
    let mut options = PgConnectOptions::from_str(database_url)
        .map_err(|error| StoreError::Unsafe(format!("DATABASE_URL cannot be used: {error}")))?
        .application_name(role.application_name())
        .options(role.settings().iter().copied());
    if is_active(Bug::AsyncCommit) && role == PoolRole::Append {
        options = options.options([("synchronous_commit", "off")]);
    }
    let place = format!("PostgreSQL at {}:{}", options.get_host(), options.get_port());
    let pool = PgPoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(Duration::from_secs(2))
        .test_before_acquire(false)
        .max_lifetime(Duration::from_mins(30))
        .connect_with(options)
        .await;
    pool.map_err(|error| match StoreError::from(error) {
        StoreError::Unavailable(detail) => StoreError::Unavailable(format!("{place}: {detail}")),
        StoreError::Refused(detail) => StoreError::Refused(format!("{place}: {detail}")),
        other @ (StoreError::HistoryForked { .. } | StoreError::Unsafe(_) | StoreError::Corrupt(_)) => other,
    })
}

/// Refuses a server that could lose what it acknowledged.
///
/// # Errors
/// [`StoreError::Unsafe`], naming the setting.
pub async fn require_durable(pool: &PgPool) -> Result<(), StoreError> {
    let row = sqlx::query(
        "select current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')",
    )
    .fetch_one(pool)
    .await?;
    for (column, setting) in ["fsync", "full_page_writes", "synchronous_commit"].into_iter().enumerate() {
        let value: String = row.try_get(column)?;
        if matches!(value.as_str(), "off" | "local") && !is_active(Bug::AsyncCommit) {
            return Err(StoreError::Unsafe(format!(
                "PostgreSQL runs with {setting} = {value}, which can lose accepted commands"
            )));
        }
    }
    Ok(())
}
