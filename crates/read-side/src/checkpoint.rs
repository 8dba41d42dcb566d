//! Checkpoints: how far each model has come, and proof that it came through this history.

use domain::envelope::RecordedEvent;
use event_store::{Head, Reader};
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::error::ProjectorError;
use crate::model::Model;
use crate::{bigint, number, spawned};

/// The last event that a model holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) event_id: Uuid,
    pub(crate) content_hash: [u8; 32],
}

impl Mark {
    pub(crate) fn of(recorded: &RecordedEvent) -> Self {
        Self { event_id: recorded.event_id, content_hash: recorded.content_hash }
    }
}

/// Where a model stands.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoint {
    pub(crate) model: &'static dyn Model,
    pub(crate) revision: u32,
    pub(crate) generation: u32,
    pub(crate) position: u64,
    pub(crate) mark: Option<Mark>,
    pub(crate) epoch: u64,
    pub(crate) blocked: Option<String>,
    /// Whether it has parked keys.
    pub(crate) parks: bool,
}

type CheckpointRow = (String, i32, i32, i64, Option<Uuid>, Option<Vec<u8>>, i64, Option<String>, bool);

macro_rules! checkpoint_columns {
    () => {
        "select c.model, c.revision, c.generation, c.position, c.event_id, c.content_hash, c.epoch, c.blocked,
                exists (select from read.parked p where p.model = c.model) as parks
           from read.checkpoint c
          where c.model = any ($1)
          order by c.model"
    };
}

fn read_rows(models: &[&'static dyn Model], rows: Vec<CheckpointRow>) -> Result<Vec<Checkpoint>, ProjectorError> {
    let read = |row: CheckpointRow| {
        let (name, revision, generation, position, event_id, content_hash, epoch, blocked, parks) = row;
        let model = models.iter().copied().find(|model| model.name() == name);
        let model = model.ok_or_else(|| ProjectorError::UnknownModel(name.clone()))?;
        let hash = content_hash.and_then(|hash| <[u8; 32]>::try_from(hash).ok());
        let mark = event_id.zip(hash).map(|(event_id, content_hash)| Mark { event_id, content_hash });
        let (revision, generation) = (revision.unsigned_abs(), generation.unsigned_abs());
        let (position, epoch) = (number(position)?, number(epoch)?);
        Ok(Checkpoint { model, revision, generation, position, mark, epoch, blocked, parks })
    };
    rows.into_iter().map(read).collect()
}

fn names(models: &[&'static dyn Model]) -> Vec<&'static str> {
    models.iter().map(|model| model.name()).collect()
}

/// Reads the checkpoints of models, in order of their names.
pub(crate) async fn load(pool: &PgPool, models: &[&'static dyn Model]) -> Result<Vec<Checkpoint>, ProjectorError> {
    let rows = sqlx::query_as(checkpoint_columns!()).bind(names(models)).fetch_all(pool).await?;
    read_rows(models, rows)
}

/// Reads the checkpoints of models and locks them until the transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    models: &[&'static dyn Model],
) -> Result<Vec<Checkpoint>, ProjectorError> {
    let statement = concat!(checkpoint_columns!(), " for update of c");
    let rows = sqlx::query_as(statement).bind(names(models)).fetch_all(connection).await?;
    read_rows(models, rows)
}

/// Moves checkpoints on. Says whether all of them were still where `old` has them.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    old: &[Checkpoint],
    new: &[Checkpoint],
) -> Result<bool, ProjectorError> {
    let column =
        |of: fn(&Checkpoint) -> i64, checkpoints: &[Checkpoint]| checkpoints.iter().map(of).collect::<Vec<_>>();
    let marks = |of: fn(Mark) -> Vec<u8>| new.iter().map(|new| new.mark.map(of)).collect::<Vec<_>>();
    let moved = sqlx::query(
        "update read.checkpoint c
            set position = m.position, event_id = m.event_id, content_hash = m.content_hash, epoch = m.epoch,
                blocked = m.blocked, updated_at = clock_timestamp()
           from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], $7::bytea[],
                       $8::bigint[], $9::text[])
                as m (model, old_position, old_epoch, generation, position, event_id, content_hash, epoch, blocked)
          where c.model = m.model
            and c.position = m.old_position
            and c.epoch = m.old_epoch
            and c.generation = m.generation",
    )
    .bind(old.iter().map(|old| old.model.name()).collect::<Vec<_>>())
    .bind(column(|old| bigint(old.position), old))
    .bind(column(|old| bigint(old.epoch), old))
    .bind(column(|old| i64::from(old.generation), old))
    .bind(column(|new| bigint(new.position), new))
    .bind(new.iter().map(|new| new.mark.map(|mark| mark.event_id)).collect::<Vec<_>>())
    .bind(marks(|mark| mark.content_hash.to_vec()))
    .bind(column(|new| bigint(new.epoch), new))
    .bind(new.iter().map(|new| new.blocked.as_deref()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == new.len() as u64)
}

/// Says beside its checkpoint why a model does not go on that could not be rebuilt; unless it was rebuilt meanwhile.
pub(crate) async fn block(pool: &PgPool, model: &'static dyn Model, why: &str) -> Result<(), ProjectorError> {
    let (pool, why) = (pool.clone(), why.to_owned());
    spawned(async move {
        sqlx::query(
            "update read.checkpoint set blocked = $3, updated_at = clock_timestamp()
              where model = $1 and (revision < $2 or revision = $2 and position = 0)",
        )
        .bind(model.name())
        .bind(model.revision().cast_signed())
        .bind(why)
        .execute(&pool)
        .await
        .map(|_| ())
    })
    .await
}

/// Compares each checkpoint with the event that the history has at its position.
///
/// # Errors
/// [`ProjectorError::HistoryForked`], where they differ.
pub(crate) async fn verify(reader: &Reader, checkpoints: &[Checkpoint]) -> Result<Head, ProjectorError> {
    let head = reader.head().await?;
    let mut seen: Option<RecordedEvent> = None;
    for checkpoint in checkpoints.iter().filter(|checkpoint| checkpoint.position > 0) {
        let Checkpoint { model, position, mark, .. } = checkpoint;
        if seen.as_ref().map(|event| event.position) != Some(*position) {
            seen = reader.at(*position).await?;
        }
        let forked = |detail: String| {
            Err(ProjectorError::HistoryForked { model: model.name().to_owned(), position: *position, detail })
        };
        match (&seen, mark) {
            (None, _) => return forked(format!("the history ends at {}", head.position)),
            (Some(event), Some(mark)) if Mark::of(event) != *mark => {
                return forked(format!("it read event {}, the history has {}", mark.event_id, event.event_id));
            }
            (Some(_), Some(_) | None) => {}
        }
    }
    Ok(head)
}
