//! The feed: how far the models are, asked for once per process and shared by everybody who waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::ProjectorError;
use crate::spawned;

/// Between two questions while somebody waits.
const WAITED_FOR: Duration = Duration::from_millis(20);
/// Between two questions otherwise.
const IDLE: Duration = Duration::from_millis(500);

/// Where the models stand, by name.
pub type Positions = BTreeMap<String, u64>;

/// What came of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// All models hold the position; this is the lowest of theirs.
    Reached {
        /// The lowest position.
        lowest: u64,
    },
    /// They did not in time.
    NotCaughtUp {
        /// The lowest position.
        lowest: u64,
    },
}

/// Knows where the models stand. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    positions: watch::Receiver<Arc<Positions>>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: AtomicUsize,
    somebody: Notify,
}

/// Keeps the feed quick while it exists.
#[derive(Debug)]
pub struct Listening {
    /// Changes whenever a model moves.
    pub positions: watch::Receiver<Arc<Positions>>,
    waiting: Arc<Waiting>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.waiting.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Feed {
    /// Starts the one task that asks, until it is told to stop. It outlasts failures of PostgreSQL.
    #[must_use]
    pub fn start(pool: PgPool, stop: CancellationToken) -> (Self, JoinHandle<()>) {
        let (sender, positions) = watch::channel(Arc::default());
        let waiting = Arc::new(Waiting::default());
        let task = tokio::spawn(ask(pool, sender, Arc::clone(&waiting), stop));
        (Self { positions, waiting }, task)
    }

    /// Where the models stand, as far as is known now.
    #[must_use]
    pub fn positions(&self) -> Arc<Positions> {
        self.positions.borrow().clone()
    }

    /// The lowest position among models; 0 if one of them is not known.
    #[must_use]
    pub fn lowest(&self, models: &[&str]) -> u64 {
        lowest(&self.positions.borrow(), models)
    }

    /// Listens to every move, for live updates.
    #[must_use]
    pub fn listen(&self) -> Listening {
        self.waiting.count.fetch_add(1, Ordering::Relaxed);
        self.waiting.somebody.notify_one();
        Listening { positions: self.positions.clone(), waiting: Arc::clone(&self.waiting) }
    }

    /// Waits until all the models hold a position. Cancel safe.
    pub async fn wait_for(&self, models: &[&str], position: u64, timeout: Duration) -> Waited {
        let known = self.lowest(models);
        if known >= position {
            return Waited::Reached { lowest: known };
        }
        let mut listening = self.listen();
        let reached = listening.positions.wait_for(|positions| lowest(positions, models) >= position);
        let _ = tokio::time::timeout(timeout, reached).await;
        let lowest = self.lowest(models);
        if lowest >= position { Waited::Reached { lowest } } else { Waited::NotCaughtUp { lowest } }
    }
}

fn lowest(positions: &Positions, models: &[&str]) -> u64 {
    models.iter().map(|model| positions.get(*model).copied().unwrap_or(0)).min().unwrap_or(0)
}

async fn ask(pool: PgPool, sender: watch::Sender<Arc<Positions>>, waiting: Arc<Waiting>, stop: CancellationToken) {
    let mut failing = false;
    while !stop.is_cancelled() {
        match read(&pool).await {
            Ok(positions) => {
                failing = false;
                sender.send_if_modified(|known| {
                    let moved = **known != positions;
                    if moved {
                        *known = Arc::new(positions);
                    }
                    moved
                });
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "where the models stand is not known at the moment");
            }
            Err(_) => {}
        }
        let quick = !failing && waiting.count.load(Ordering::Relaxed) > 0;
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(if quick { WAITED_FOR } else { IDLE }) => {}
            () = waiting.somebody.notified(), if !quick && !failing => {}
        }
    }
}

async fn read(pool: &PgPool) -> Result<Positions, ProjectorError> {
    let pool = pool.clone();
    let rows: Vec<(String, i64)> = spawned(async move {
        sqlx::query_as("select model, position from read.checkpoint order by model").fetch_all(&pool).await
    })
    .await?;
    Ok(rows.into_iter().map(|(model, position)| (model, position.unsigned_abs())).collect())
}
