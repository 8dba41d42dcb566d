//! The read side: entity models folded from the history, kept up to date by a projector, rebuilt while they serve,
//! and the reads that an audit needs.
//!
//! A model is a pure fold ([`entity::Entity`]); [`projector`] keeps models up to date, [`rebuild`] makes one anew,
//! [`feed`] tells how far they are, [`history`] reads what they are made from.

mod checkpoint;
pub mod compare;
mod copy;
mod decode;
pub mod entity;
mod error;
pub mod feed;
mod fold;
pub mod history;
pub mod model;
pub mod models;
pub mod projector;
pub mod rebuild;
pub mod reveal;
mod row_json;
mod rows;
mod runner;
pub mod schema;
mod shadow;
mod source;
pub mod status;
mod stray;
mod table;

pub use error::ProjectorError;
pub use table::PRESENT;

use std::future::Future;

/// A position as PostgreSQL's `bigint`. Positions never come near its end.
pub(crate) fn bigint(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(crate) fn number(value: i64) -> Result<u64, ProjectorError> {
    u64::try_from(value)
        .map_err(|_| ProjectorError::Store(event_store::StoreError::Corrupt(format!("{value} is below zero"))))
}

/// Runs database work to its end, also where the caller is cancelled: a dropped database future leaves its connection
/// inside a stale transaction.
pub(crate) async fn spawned<T, E>(
    work: impl Future<Output = Result<T, E>> + Send + 'static,
) -> Result<T, ProjectorError>
where
    T: Send + 'static,
    E: Into<ProjectorError> + Send + 'static,
{
    tokio::spawn(work).await?.map_err(Into::into)
}
