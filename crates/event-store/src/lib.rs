//! The history on PostgreSQL: one append function with receipts, guards, claims and timers; reading by position,
//! stream, type and time; personal data sealed per data subject before it is stored.
//!
//! Nothing here holds state that is not a cache, and no correctness comes from NOTIFY.

mod append;
mod dead_letter;
mod error;
mod hash;
mod load;
mod outcome;
pub mod pool;
mod reader;
mod row;
pub mod sealing;
mod timers;

pub use append::{Answer, Batch, ClaimLook, CommandEntry, EventEntry, Expected, Guard, Seen, Verdict};
pub use dead_letter::{DeadLetter, DeadLetters};
pub use error::StoreError;
pub use hash::content_hash;
pub use load::{LOCK_KEY, load_claims, load_streams, lock};
pub use outcome::{Outcome, Receipt, rejection_body};
pub use reader::{Head, Reader, Selection, known_answers};
pub use sealing::{KEY_CACHE_LIFE, MasterKeys, Vault};
pub use timers::{DueTimer, due_timers};

/// Brings the store's schema up to date; safe to run from several processes at once.
///
/// # Errors
/// The database cannot be reached, or a migration fails.
pub async fn migrate(database_url: &str) -> Result<(), StoreError> {
    let pool = pool::connect(database_url, pool::PoolRole::Migrate, 1).await?;
    let migrated = sqlx::migrate!("../../migrations").run(&pool).await;
    pool.close().await;
    migrated.map_err(|error| StoreError::Corrupt(format!("migration failed: {error}")))
}
