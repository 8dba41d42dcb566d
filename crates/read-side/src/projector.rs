//! The projector: keeps all models up to date with the history, through restarts of everything.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use event_store::{Reader, Vault};
use metrics::gauge;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Checkpoint, Mark};
use crate::decode;
use crate::error::ProjectorError;
use crate::model::Model;
use crate::rebuild::{self, Rebuilt};
use crate::runner::{self, Applied};
use crate::source::{self, Batch, Source};
use crate::status;
use crate::{models, schema, spawned, stray};

const BACK_OFF_MIN: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);
/// How long to leave the field to another projector.
const YIELD: Duration = Duration::from_millis(50);
/// How long to leave a model alone that could not be rebuilt.
const REBUILD_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Likewise where another process rebuilds it, or the cause passes by itself.
const REBUILD_SOON_AFTER: Duration = Duration::from_secs(2);
/// How often figures are taken, and blocked models tried again where nothing else is to do.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// How often blocked models are tried again while others go on, and tables dropped that no one shows.
const TEND_EVERY: Duration = Duration::from_secs(10);

/// How a projector works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The models that it keeps.
    pub models: Vec<&'static dyn Model>,
    /// The most events in one transaction.
    pub batch_events_max: usize,
    /// How long to wait for news before asking PostgreSQL.
    pub poll_every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { models: models::all(), batch_events_max: 500, poll_every: Duration::from_millis(500) }
    }
}

/// The size of the pool that [`run`] works with: all models may be rebuilt at once, each alone and with three connections,
/// while they are projected with two. Most of the time two are open.
#[must_use]
pub fn connections_max(models: &[&'static dyn Model]) -> u32 {
    u32::try_from(models.len()).unwrap_or(u32::MAX).saturating_mul(3).saturating_add(2)
}

/// Keeps models up to date until it is told to stop. Makes missing tables, rebuilds models of an older revision in the
/// background while the others go on, and waits for PostgreSQL and NATS whenever they are away. Any number of
/// projectors may run: each event takes effect once.
///
/// `pool` is of the role `Project`, of the size that [`connections_max`] gives; `reader` and `vault` may use the same. Without a bus it reads the history from PostgreSQL alone.
///
/// # Errors
/// [`ProjectorError::HistoryForked`], and whatever else trying again cannot help.
pub async fn run(
    pool: PgPool,
    reader: Reader,
    vault: Vault,
    bus: Option<Bus>,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), ProjectorError> {
    let source = Source::new(&pool, reader.clone(), bus, settings.poll_every);
    let mut projector = Projector {
        pool,
        reader,
        vault,
        settings,
        source,
        stop: stop.clone(),
        checkpoints: Vec::new(),
        epoch: 0,
        rebuilding: HashMap::new(),
        rebuild_again_at: HashMap::new(),
        back_off: BACK_OFF_MIN,
        report_at: Instant::now(),
        tend_at: Instant::now() + TEND_EVERY,
    };
    let outcome = loop {
        match projector.follow().await {
            Err(error) if error.is_passing() => {
                tracing::warn!(%error, "the projector waits");
                projector.pause(projector.back_off).await;
                projector.back_off = (projector.back_off * 2).min(BACK_OFF_MAX);
            }
            Ok(()) if stop.is_cancelled() => break Ok(()),
            Ok(()) => {}
            Err(_) if stop.is_cancelled() => break Ok(()),
            Err(error) => break Err(error),
        }
        if stop.is_cancelled() {
            break Ok(());
        }
    };
    projector.finish().await;
    outcome
}

struct Projector {
    pool: PgPool,
    reader: Reader,
    vault: Vault,
    settings: Settings,
    source: Source,
    stop: CancellationToken,
    checkpoints: Vec<Checkpoint>,
    epoch: u64,
    rebuilding: HashMap<&'static str, JoinHandle<Result<Rebuilt, ProjectorError>>>,
    rebuild_again_at: HashMap<&'static str, Instant>,
    back_off: Duration,
    report_at: Instant,
    tend_at: Instant,
}

impl Projector {
    /// Goes on from the checkpoints until something is to be looked at anew (`Ok`) or fails.
    async fn follow(&mut self) -> Result<(), ProjectorError> {
        let outdated = schema::prepare(&self.pool, &self.settings.models).await?;
        self.rebuild_in_background(outdated);
        self.load().await?;
        while !self.stop.is_cancelled() {
            self.report().await?;
            self.tend().await?;
            if self.collect_rebuilt().await? || self.rebuild_again() {
                return Ok(());
            }
            let Some((position, group, until)) = self.lowest() else {
                self.pause(REPORT_EVERY).await;
                return Ok(());
            };
            let Some(batch) = self.next_batch(position, until).await? else { continue };
            if batch.epoch.is_some_and(|epoch| epoch != self.epoch) {
                self.source.forget();
                return Ok(());
            }
            if batch.epoch.is_some() {
                self.compare_with_history(&group, &batch).await?;
            }
            match self.apply(group, batch).await? {
                Applied::Advanced(advanced) => self.advanced(advanced),
                Applied::Conflict => {
                    self.pause(YIELD).await;
                    self.load().await?;
                }
            }
        }
        Ok(())
    }

    /// Reads the checkpoints and compares them with the history.
    async fn load(&mut self) -> Result<(), ProjectorError> {
        let here = |model: &&'static dyn Model| !self.rebuilding.contains_key(model.name());
        let models: Vec<_> = self.settings.models.iter().copied().filter(here).collect();
        let (pool, reader) = (self.pool.clone(), self.reader.clone());
        let (checkpoints, head) = spawned(async move {
            let checkpoints = checkpoint::load(&pool, &models).await?;
            let head = checkpoint::verify(&reader, &checkpoints).await?;
            Ok::<_, ProjectorError>((checkpoints, head))
        })
        .await?;
        self.epoch = head.epoch;
        self.checkpoints = checkpoints.into_iter().filter(of_this_revision).collect();
        // A newer program may be able to go on: each start tries again.
        self.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.blocked = None);
        Ok(())
    }

    /// The models that are furthest behind, and where the next ones stand.
    fn lowest(&self) -> Option<(u64, Vec<Checkpoint>, Option<u64>)> {
        let free = || self.checkpoints.iter().filter(|checkpoint| checkpoint.blocked.is_none());
        let lowest = free().map(|checkpoint| checkpoint.position).min()?;
        let next = free().map(|checkpoint| checkpoint.position).filter(|position| *position > lowest).min();
        let group = free().filter(|checkpoint| checkpoint.position == lowest).cloned().collect();
        Some((lowest, group, next))
    }

    async fn next_batch(&mut self, after: u64, until: Option<u64>) -> Result<Option<Batch>, ProjectorError> {
        let limit = self.settings.batch_events_max;
        let stop = self.stop.clone();
        let next = async {
            match until {
                None => self.source.next(after, limit).await,
                Some(until) => {
                    let limit = usize::try_from(until - after).unwrap_or(usize::MAX).min(limit);
                    Ok(Batch { events: source::page(&self.reader, after, limit).await?, epoch: None })
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => Ok(None),
            batch = next => batch.map(|batch| Some(batch).filter(|batch| !batch.events.is_empty())),
        }
    }

    /// What the events' stream gave stands in the history too: a history that was set back lacks it, or has other
    /// events there. One look at the last event tells, because the stream is published in order.
    async fn compare_with_history(&self, group: &[Checkpoint], batch: &Batch) -> Result<(), ProjectorError> {
        let (Some(model), Some(last)) = (group.first(), batch.events.last()) else { return Ok(()) };
        let (reader, position) = (self.reader.clone(), last.position);
        let stored = spawned(async move { reader.at(position).await }).await?;
        if stored.is_some_and(|stored| Mark::of(&stored) == Mark::of(last)) {
            return Ok(());
        }
        Err(ProjectorError::HistoryForked {
            model: model.model.name().to_owned(),
            position: model.position,
            detail: format!("the stream has event {} at position {position}, the history does not", last.event_id),
        })
    }

    async fn apply(&self, group: Vec<Checkpoint>, batch: Batch) -> Result<Applied, ProjectorError> {
        let (pool, vault, epoch) = (self.pool.clone(), self.vault.clone(), self.epoch);
        spawned(async move {
            let incoming = decode::decode(&vault, batch.events).await?;
            runner::apply(pool, group, Arc::new(incoming), epoch).await
        })
        .await
    }

    fn advanced(&mut self, advanced: Vec<Checkpoint>) {
        self.back_off = BACK_OFF_MIN;
        for after in advanced {
            let model = after.model.name();
            #[expect(clippy::cast_precision_loss, reason = "metrics are floats; positions stay far below 2^53")]
            gauge!("carelog_model_position", "model" => model).set(after.position as f64);
            if let Some(why) = &after.blocked {
                tracing::error!(model, position = after.position, why, "the model is blocked");
            }
            if let Some(known) = self.checkpoints.iter_mut().find(|known| known.model.name() == model) {
                *known = after;
            }
        }
    }

    fn rebuild_in_background(&mut self, outdated: Vec<&'static dyn Model>) {
        self.rebuild_again_at.retain(|_, at| *at > Instant::now());
        for model in outdated {
            if self.rebuilding.contains_key(model.name()) || self.rebuild_again_at.contains_key(model.name()) {
                continue;
            }
            tracing::info!(model = model.name(), revision = model.revision(), "rebuilding the model");
            let (pool, reader, vault) = (self.pool.clone(), self.reader.clone(), self.vault.clone());
            let stop = self.stop.clone();
            self.rebuilding.insert(model.name(), tokio::spawn(rebuild::renew(pool, reader, vault, model, stop)));
        }
    }

    /// Whether a rebuild came to its end, so that the checkpoints are to be loaded anew.
    async fn collect_rebuilt(&mut self) -> Result<bool, ProjectorError> {
        let done = self.rebuilding.iter().find(|(_, rebuild)| rebuild.is_finished()).map(|(model, _)| *model);
        let Some((model, rebuild)) = done.and_then(|model| self.rebuilding.remove_entry(model)) else {
            return Ok(false);
        };
        match rebuild.await? {
            Ok(Rebuilt { events, position, .. }) => tracing::info!(model, events, position, "rebuilt the model"),
            Err(error @ ProjectorError::HistoryForked { .. }) => return Err(error),
            Err(error) if error.is_passing() || matches!(error, ProjectorError::Stopped(_)) => {
                tracing::info!(model, %error, "the model will be rebuilt later");
                self.rebuild_again_at.insert(model, Instant::now() + REBUILD_SOON_AFTER);
            }
            Err(error) => {
                tracing::error!(model, %error, "the model could not be rebuilt");
                self.rebuild_again_at.insert(model, Instant::now() + REBUILD_AGAIN_AFTER);
                if let Some(model) = self.settings.models.iter().copied().find(|known| known.name() == model) {
                    checkpoint::block(&self.pool, model, &error.to_string()).await?;
                }
            }
        }
        Ok(true)
    }

    fn rebuild_again(&self) -> bool {
        self.rebuild_again_at.values().any(|at| *at <= Instant::now())
    }

    /// Lets blocked models be tried again, and drops what interrupted rebuilds left meanwhile.
    async fn tend(&mut self) -> Result<(), ProjectorError> {
        if Instant::now() < self.tend_at {
            return Ok(());
        }
        self.tend_at = Instant::now() + TEND_EVERY;
        self.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.blocked = None);
        spawned(stray::sweep(self.pool.clone(), self.settings.models.clone())).await
    }

    async fn report(&mut self) -> Result<(), ProjectorError> {
        if Instant::now() < self.report_at {
            return Ok(());
        }
        self.report_at = Instant::now() + REPORT_EVERY;
        for status in status::status(&self.pool).await? {
            #[expect(clippy::cast_precision_loss, reason = "metrics are floats; counts stay far below 2^53")]
            let (lag, parked) = (status.lag_events as f64, status.parked_keys as f64);
            gauge!("carelog_model_lag_events", "model" => status.model.clone()).set(lag);
            gauge!("carelog_model_parked_keys", "model" => status.model.clone()).set(parked);
            gauge!("carelog_model_blocked", "model" => status.model).set(f64::from(u8::from(status.blocked.is_some())));
        }
        Ok(())
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    async fn finish(self) {
        self.stop.cancel();
        for (_, rebuild) in self.rebuilding {
            let _ = rebuild.await;
        }
    }
}

fn of_this_revision(checkpoint: &Checkpoint) -> bool {
    let Checkpoint { model, revision, .. } = checkpoint;
    let same = *revision == model.revision();
    if !same {
        tracing::warn!(
            model = model.name(),
            theirs = revision,
            ours = model.revision(),
            "the model is of another program"
        );
    }
    same
}
