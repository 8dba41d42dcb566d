//! Where the models stand, for people and for monitoring.

use serde::Serialize;
use sqlx::PgPool;
use utoipa::ToSchema;

use crate::error::ProjectorError;
use crate::spawned;

/// Where a model stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelStatus {
    /// The model's name.
    pub model: String,
    /// The revision of its tables.
    pub revision: u32,
    /// Rises with each rebuild.
    pub generation: u32,
    /// The last event that its rows hold.
    pub position: u64,
    /// How many events it is behind the end of the history.
    pub lag_events: u64,
    /// How many rows are parked because an event did not fit them.
    pub parked_keys: u64,
    /// Why it does not go on, if it is blocked.
    pub blocked: Option<String>,
}

/// Where all models stand, in order of their names, from one statement.
///
/// # Errors
/// The database cannot be reached, or no projector has ever run on it.
pub async fn status(pool: &PgPool) -> Result<Vec<ModelStatus>, ProjectorError> {
    let pool = pool.clone();
    spawned(async move { status_now(&pool).await }).await
}

async fn status_now(pool: &PgPool) -> Result<Vec<ModelStatus>, ProjectorError> {
    type Row = (String, i32, i32, i64, i64, i64, Option<String>);
    let rows: Vec<Row> = sqlx::query_as(
        "select c.model, c.revision, c.generation, c.position,
                greatest((select coalesce(max(e.position), 0) from log.event e) - c.position, 0) as lag,
                (select count(*) from read.parked p where p.model = c.model) as parked,
                c.blocked
           from read.checkpoint c
          order by c.model",
    )
    .fetch_all(pool)
    .await?;
    let read = |(model, revision, generation, position, lag, parked, blocked): Row| ModelStatus {
        model,
        revision: revision.unsigned_abs(),
        generation: generation.unsigned_abs(),
        position: position.unsigned_abs(),
        lag_events: lag.unsigned_abs(),
        parked_keys: parked.unsigned_abs(),
        blocked,
    };
    Ok(rows.into_iter().map(read).collect())
}
