//! Rebuilding models from the history into new tables, while the old ones serve.
//!
//! The history is read once in pages, whatever the number of models. Rows are folded in memory, of which a bounded number
//! is kept; their versions go to the new table by COPY; then come indexes, the events that were appended
//! meanwhile, and the swap of views and checkpoint in one transaction. A live projector goes on all the time.

use std::sync::Arc;
use std::time::Duration;

use domain::envelope::RecordedEvent;
use event_store::{Reader, StoreError, Vault};
use seeded_bugs::{Bug, is_active};
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Checkpoint, Mark};
use crate::decode::{self, Incoming};
use crate::error::ProjectorError;
use crate::model::Model;
use crate::shadow::Shadow;
use crate::source::page;
use crate::{bigint, schema, spawned, stray};

/// Events read at once.
const PAGE_EVENTS: usize = 4_000;
/// Pages read ahead.
const PAGES_AHEAD: usize = 2;
/// So few events behind, the views are swapped.
const CAUGHT_UP_EVENTS: usize = 200;
/// How often the swap is tried while queries hold the views.
const SWAPS_MAX: u32 = 40;
/// How often a model's lock is tried: a projector that drops old tables holds it for a moment.
const LOCKS_MAX: u32 = 20;
/// How long between two tries.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// How far a rebuild has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The last event that was folded.
    pub position: u64,
    /// The end of the history.
    pub head: u64,
}

/// What is told how far a rebuild has come.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// A rebuild that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many events were folded.
    pub events: u64,
    /// The last of them.
    pub position: u64,
    /// How many versions of rows they made.
    pub versions: u64,
}

/// The size of a pool that [`rebuild`] works with: a connection for each model, and three.
#[must_use]
pub fn connections_max(models: &[&'static dyn Model]) -> u32 {
    u32::try_from(models.len()).unwrap_or(u32::MAX).saturating_add(3)
}

/// Rebuilds models from the first event on, in one pass over the history. Readers see the old rows until the new ones
/// are complete, then the new ones; the position that they see never falls, unless the epoch of the history was raised.
/// Runs to its end or to `stop`, also where the caller is dropped. A rebuild that failed leaves the model as it was.
///
/// `pool` is of the role `Project`, of the size that [`connections_max`] gives.
///
/// # Errors
/// Another process rebuilds one of the models, the history has forked under them, it holds an event that cannot be read, or the database fails.
pub async fn rebuild(
    pool: &PgPool,
    reader: &Reader,
    vault: &Vault,
    models: &[&'static dyn Model],
    stop: &CancellationToken,
    on_progress: OnProgress,
) -> Result<Rebuilt, ProjectorError> {
    schema::prepare(pool, models).await?;
    let (pool, models) = (pool.clone(), models.to_vec());
    let history =
        History { reader: reader.clone(), vault: vault.clone(), stop: stop.clone(), on_progress, outdated_only: false };
    spawned(async move { rebuild_alone(&pool, &history, &models).await }).await
}

/// Rebuilds a model of an older revision or without rows, unless another process did so meanwhile.
pub(crate) async fn renew(
    pool: PgPool,
    reader: Reader,
    vault: Vault,
    model: &'static dyn Model,
    stop: CancellationToken,
) -> Result<Rebuilt, ProjectorError> {
    let history = History { reader, vault, stop, on_progress: Arc::new(|_| {}), outdated_only: true };
    spawned(async move { rebuild_alone(&pool, &history, &[model]).await }).await
}

/// Gives the parked keys of a model another try, by rebuilding it.
///
/// # Errors
/// As [`rebuild`].
pub async fn retry(
    pool: &PgPool,
    reader: &Reader,
    vault: &Vault,
    model: &'static dyn Model,
    stop: &CancellationToken,
) -> Result<Rebuilt, ProjectorError> {
    rebuild(pool, reader, vault, &[model], stop, Arc::new(|_| {})).await
}

struct History {
    reader: Reader,
    vault: Vault,
    stop: CancellationToken,
    on_progress: OnProgress,
    /// Whether models with rows of this revision are left as they are.
    outdated_only: bool,
}

async fn rebuild_alone(
    pool: &PgPool,
    history: &History,
    models: &[&'static dyn Model],
) -> Result<Rebuilt, ProjectorError> {
    let mut guard = pool.acquire().await?;
    let outcome = match lock(&mut guard, models).await {
        Ok(()) => rebuild_locked(pool, history, models).await,
        Err(error) => Err(error),
    };
    // A session's lock would outlive this use of the connection.
    if sqlx::query("select pg_advisory_unlock_all()").execute(&mut *guard).await.is_err() {
        drop(guard.detach());
    }
    outcome
}

async fn lock(guard: &mut PoolConnection<Postgres>, models: &[&'static dyn Model]) -> Result<(), ProjectorError> {
    for model in models {
        let mut tries = 1;
        while !stray::try_lock(guard, model.name()).await? {
            if tries == LOCKS_MAX {
                return Err(ProjectorError::Busy(model.name().to_owned()));
            }
            tries += 1;
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }
    Ok(())
}

async fn rebuild_locked(
    pool: &PgPool,
    history: &History,
    models: &[&'static dyn Model],
) -> Result<Rebuilt, ProjectorError> {
    let checkpoints = checkpoint::load(pool, models).await?;
    if history.outdated_only && checkpoints.iter().all(is_current) {
        let position = checkpoints.iter().map(|checkpoint| checkpoint.position).min().unwrap_or(0);
        return Ok(Rebuilt { events: 0, position, versions: 0 });
    }
    let epoch = history.reader.head().await?.epoch;
    let of_this_history: Vec<_> = checkpoints.iter().filter(|checkpoint| checkpoint.epoch == epoch).cloned().collect();
    // A forked history is not to be covered up: only after the epoch was raised may a model start over on another one.
    checkpoint::verify(&history.reader, &of_this_history).await?;
    // From here on nobody else erases what older rebuilds left, so it goes first.
    for model in models {
        stray::sweep_locked(pool, model.name()).await?;
    }
    let mut shadows = Vec::with_capacity(models.len());
    let outcome = build(pool, history, checkpoints, &mut shadows).await;
    for shadow in &mut shadows {
        shadow.rest().await;
    }
    // Whatever became of it, the checkpoints tell which tables are shown.
    for model in models {
        if let Err(error) = stray::sweep_locked(pool, model.name()).await {
            tracing::warn!(model = model.name(), %error, "unshown tables are left for a projector to drop");
        }
    }
    outcome
}

fn is_current(checkpoint: &Checkpoint) -> bool {
    let Checkpoint { model, revision, position, .. } = checkpoint;
    *revision > model.revision() || *revision == model.revision() && *position > 0
}

/// Fills new tables and shows them.
async fn build(
    pool: &PgPool,
    history: &History,
    checkpoints: Vec<Checkpoint>,
    shadows: &mut Vec<Shadow>,
) -> Result<Rebuilt, ProjectorError> {
    for checkpoint in checkpoints {
        shadows.push(Shadow::create(pool, checkpoint.model, checkpoint.generation + 1).await?);
    }
    let mut end = read_all(history, shadows).await?;
    for shadow in &mut *shadows {
        shadow.complete(pool).await?;
    }
    end = catch_up(pool, history, shadows, end).await?;
    for attempt in 1.. {
        match swap(pool, history, shadows, &mut end).await {
            Err(error) if error.is_passing() && attempt < SWAPS_MAX => {
                tracing::info!(%error, "queries hold the views; trying again to swap them");
                tokio::time::sleep(TRY_AGAIN_AFTER).await;
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    let versions = shadows.iter().map(Shadow::versions).sum();
    Ok(Rebuilt { events: end.position, position: end.position, versions })
}

/// The last event that was folded.
#[derive(Clone, Copy)]
struct End {
    position: u64,
    mark: Option<Mark>,
}

impl End {
    fn after(self, events: &[Incoming]) -> Self {
        let last = events.last().map(|last| &last.recorded);
        last.map_or(self, |last| Self { position: last.position, mark: Some(Mark::of(last)) })
    }
}

type Decoded = JoinHandle<Result<Vec<Incoming>, StoreError>>;

/// Reads pages ahead and decodes them while earlier ones are folded.
fn pages(history: &History) -> mpsc::Receiver<Result<Decoded, ProjectorError>> {
    let (sender, receiver) = mpsc::channel(PAGES_AHEAD);
    let (reader, vault) = (history.reader.clone(), history.vault.clone());
    tokio::spawn(async move {
        let mut after = 0;
        loop {
            let events = match page(&reader, after, PAGE_EVENTS).await {
                Ok(events) => events,
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            };
            let Some(last) = events.last().map(|event: &RecordedEvent| event.position) else { return };
            after = last;
            let vault = vault.clone();
            let decoded = tokio::spawn(async move { decode::decode(&vault, events).await });
            if sender.send(Ok(decoded)).await.is_err() {
                return;
            }
        }
    });
    receiver
}

async fn read_all(history: &History, shadows: &mut [Shadow]) -> Result<End, ProjectorError> {
    let head = history.reader.head().await?.position;
    let mut end = End { position: 0, mark: None };
    let mut pages = pages(history);
    while let Some(decoded) = pages.recv().await {
        if history.stop.is_cancelled() {
            return Err(ProjectorError::Stopped("the rebuild was told to stop".to_owned()));
        }
        let events = decoded?.await??;
        if is_active(Bug::RebuildForgets) && events.len() < PAGE_EVENTS {
            end = end.after(&events);
            continue;
        }
        for shadow in &mut *shadows {
            shadow.fold(&events).await?;
            shadow.copy().await?;
        }
        end = end.after(&events);
        (history.on_progress)(Progress { position: end.position, head: head.max(end.position) });
    }
    Ok(end)
}

/// Folds what was appended since, until little is missing.
async fn catch_up(
    pool: &PgPool,
    history: &History,
    shadows: &mut [Shadow],
    mut end: End,
) -> Result<End, ProjectorError> {
    loop {
        let events = page(&history.reader, end.position, PAGE_EVENTS).await?;
        let few = events.len() < CAUGHT_UP_EVENTS;
        end = write_on(pool, history, shadows, end, events).await?;
        (history.on_progress)(Progress { position: end.position, head: end.position });
        if few {
            return Ok(end);
        }
    }
}

async fn write_on(
    pool: &PgPool,
    history: &History,
    shadows: &mut [Shadow],
    end: End,
    events: Vec<RecordedEvent>,
) -> Result<End, ProjectorError> {
    let events = decode::decode(&history.vault, events).await?;
    for shadow in &mut *shadows {
        shadow.fold(&events).await?;
        shadow.write(pool).await?;
    }
    Ok(end.after(&events))
}

/// Shows the new tables. The models' checkpoints are locked meanwhile, so no projector can be ahead of the new rows.
async fn swap(pool: &PgPool, history: &History, shadows: &mut [Shadow], end: &mut End) -> Result<(), ProjectorError> {
    let models: Vec<_> = shadows.iter().map(Shadow::model).collect();
    let mut tx = pool.begin().await?;
    sqlx::query("set local lock_timeout = '1s'").execute(&mut *tx).await?;
    let locked = checkpoint::lock(&mut tx, &models).await?;
    let epoch = history.reader.head().await?.epoch;
    let here = locked.iter().filter(|checkpoint| checkpoint.epoch == epoch);
    let furthest = here.map(|checkpoint| checkpoint.position).max().unwrap_or(0);
    while end.position < furthest {
        let events = page(&history.reader, end.position, PAGE_EVENTS).await?;
        if events.is_empty() {
            return Err(forked(&locked, furthest, end.position));
        }
        // Half-written events cannot be written again: the rebuild is to be started anew.
        let written = write_on(pool, history, shadows, *end, events).await;
        *end = written.map_err(|error| ProjectorError::Stopped(error.to_string()))?;
    }
    for shadow in &*shadows {
        let older = locked.iter().find(|checkpoint| checkpoint.model.name() == shadow.model().name());
        let replaced = older.is_none_or(|older| older.revision != shadow.model().revision());
        shadow.show(&mut tx, replaced).await?;
        sqlx::query(
            "update read.checkpoint
                set revision = $2, generation = $3, position = $4, event_id = $5, content_hash = $6, epoch = $7,
                    blocked = null, updated_at = clock_timestamp()
              where model = $1",
        )
        .bind(shadow.model().name())
        .bind(shadow.model().revision().cast_signed())
        .bind(shadow.generation().cast_signed())
        .bind(bigint(end.position))
        .bind(end.mark.map(|mark| mark.event_id))
        .bind(end.mark.map(|mark| mark.content_hash.to_vec()))
        .bind(bigint(epoch))
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

fn forked(locked: &[Checkpoint], furthest: u64, end: u64) -> ProjectorError {
    let ahead = locked.iter().find(|checkpoint| checkpoint.position == furthest);
    let model = ahead.map_or_else(String::new, |checkpoint| checkpoint.model.name().to_owned());
    ProjectorError::HistoryForked { model, position: furthest, detail: format!("the history ends at {end}") }
}
