//! What can go wrong with the store, by what the caller can do about it.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or refused for a passing reason: try again; the outcome of a write is unknown.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The history is not the one that was read before: halt until the documented recovery was done.
    #[error("history_forked at position {position}: {detail}")]
    HistoryForked {
        /// Where the two histories differ.
        position: u64,
        /// How they differ.
        detail: String,
    },
    /// The server or the keys are set up in a way that could lose data: fix the set-up.
    #[error("unsafe set-up: {0}")]
    Unsafe(String),
    /// The server refuses this user, password or database: fix the URL, or make the database ready for use.
    #[error("the database cannot be used: {0}")]
    Refused(String),
    /// Stored data or a statement is not as this program expects it: a defect.
    #[error("the store is not as expected: {0}")]
    Corrupt(String),
}

impl StoreError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        // Invalid authorization, no such database; no such role, which only a database that was not migrated lacks. What
        // PostgreSQL says may be in any language.
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        match code.as_deref() {
            Some("22023") if error.to_string().contains("carelog_") => {
                return Self::Refused("it is not set up for Carelog: run carelog migrate".to_owned());
            }
            Some(code) if ["28", "3D"].iter().any(|class| code.starts_with(class)) => {
                return Self::Refused(error.to_string());
            }
            Some(_) | None => {}
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "sqlx's enum is non-exhaustive; the rest are defects")]
        let passing = match &error {
            sqlx::Error::Database(database) => database.code().is_none_or(|code| {
                // Connection, resources, operator intervention, the system below (a disk that fails to be read),
                // serialization, locks, a standby that is not the primary yet: PostgreSQL's appendix A.
                ["08", "53", "57", "58", "40", "55", "25006"].iter().any(|class| code.starts_with(class))
            }),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => true,
            _ => false,
        };
        if passing { Self::Unavailable(error.to_string()) } else { Self::Corrupt(error.to_string()) }
    }
}
