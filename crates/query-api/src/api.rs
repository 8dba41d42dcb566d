//! What the handlers share: the history, the keys of the data subjects, the feed of positions, and the limits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use event_store::{Reader, Vault};
use futures_util::future::BoxFuture;
use read_side::feed::Feed;
use read_side::history::History;
use sqlx::{PgConnection, PgPool};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::as_of::AsOf;
use crate::auth::BearerKeys;
use crate::connections::Connections;
use crate::error::ApiError;
use crate::freshness::Freshness;

/// How many requests may be worked on at once; further ones are refused.
pub const REQUESTS_MAX: usize = 256;
/// How many live streams one holder of a key may have open.
pub const STREAMS_PER_HOLDER_MAX: usize = 20;

/// How often the end of the history is asked for while a request waits for it.
const HEAD_INTERVAL: Duration = Duration::from_millis(50);

/// Renders the metrics of the process in the Prometheus text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// The query API over one database. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    pub(crate) pool: PgPool,
    connections: Connections,
    pub(crate) history: History,
    pub(crate) feed: Feed,
    pub(crate) keys: Option<BearerKeys>,
    pub(crate) render_metrics: RenderMetrics,
    pub(crate) stop: CancellationToken,
    pub(crate) requests: Arc<Semaphore>,
    streams: Arc<Mutex<HashMap<Arc<str>, usize>>>,
}

impl Api {
    /// An API that reads with the reader's pool (of the query role). Without keys everyone who reaches it is let in.
    #[must_use]
    pub fn new(
        reader: Reader,
        vault: Vault,
        feed: Feed,
        keys: Option<BearerKeys>,
        render_metrics: RenderMetrics,
    ) -> Self {
        Self {
            pool: reader.pool().clone(),
            connections: Connections::of(reader.pool().clone()),
            history: History::new(reader, vault),
            feed,
            keys,
            render_metrics,
            stop: CancellationToken::new(),
            requests: Arc::new(Semaphore::new(REQUESTS_MAX)),
            streams: Arc::default(),
        }
    }

    /// Asks the database in a task of its own, which runs to its end even if the request goes away: sqlx must not see
    /// its futures dropped.
    ///
    /// # Errors
    /// `overloaded`, `unavailable`, or what the question says.
    pub(crate) async fn ask<T, Q>(&self, question: Q) -> Result<T, ApiError>
    where
        T: Send + 'static,
        Q: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>> + Send + 'static,
    {
        let place = self.connections.place().await?;
        let connections = self.connections.clone();
        let asking = async move {
            let _place = place;
            connections.ask(question).await
        };
        match tokio::spawn(asking).await {
            Ok(answer) => answer.map_err(ApiError::from),
            Err(error) => Err(ApiError::internal(&error)),
        }
    }

    /// Finds the point of the history that a request is about, and waits until the models have seen it.
    ///
    /// # Errors
    /// `validation` for a time in the future, `not_caught_up`, `unavailable`.
    pub(crate) async fn at(
        &self,
        models: &[&str],
        as_of: Option<AsOf>,
        freshness: Freshness,
    ) -> Result<Point, ApiError> {
        let as_of = self.position(as_of).await?;
        let point = Point { as_of, asked: freshness.min_position.max(as_of.unwrap_or(0)) };
        if point.asked > 0 && !models.is_empty() {
            // Whether it got there is told by the answer itself, see `Point::check`.
            let _ = self.feed.wait_for(models, point.asked, freshness.wait).await;
        }
        Ok(point)
    }

    async fn position(&self, as_of: Option<AsOf>) -> Result<Option<u64>, ApiError> {
        match as_of.map(|as_of| as_of.check(Utc::now())).transpose()? {
            None => Ok(None),
            Some(AsOf::Position(position)) => Ok(Some(position)),
            Some(AsOf::Moment(moment)) => Ok(Some(self.history.position_at(moment).await?)),
        }
    }

    /// The point of the history that a request for events is about, and the end of the history, which must have come
    /// that far; waits for it if need be.
    ///
    /// # Errors
    /// `validation` for a time in the future, `not_caught_up`, `unavailable`.
    pub(crate) async fn in_history(&self, as_of: Option<AsOf>, freshness: Freshness) -> Result<(Point, u64), ApiError> {
        let as_of = self.position(as_of).await?;
        let point = Point { as_of, asked: freshness.min_position.max(as_of.unwrap_or(0)) };
        let deadline = Instant::now() + freshness.wait;
        loop {
            let head = self.history.head().await?.position;
            if head >= point.asked || Instant::now() >= deadline {
                return point.check(head).map(|()| (point, head));
            }
            tokio::time::sleep(HEAD_INTERVAL).await;
        }
    }

    /// Takes one of the live streams that a holder may have.
    ///
    /// # Errors
    /// `overloaded`, if the holder has as many as allowed.
    pub(crate) fn open_stream(&self, holder: &Arc<str>) -> Result<OpenStream, ApiError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(Arc::clone(holder)).or_default();
        if *count >= STREAMS_PER_HOLDER_MAX {
            return Err(ApiError::Overloaded("20 live streams are open already"));
        }
        *count += 1;
        Ok(OpenStream { holder: Arc::clone(holder), streams: Arc::clone(&self.streams) })
    }
}

/// The point of the history that an answer has to be about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// The position, if not the present.
    pub as_of: Option<u64>,
    /// What the models must have seen.
    pub asked: u64,
}

impl Point {
    /// Refuses an answer that was read too early. The position comes from the statement that read the answer.
    ///
    /// # Errors
    /// `not_caught_up`.
    pub fn check(self, position: u64) -> Result<(), ApiError> {
        if position < self.asked { Err(ApiError::NotCaughtUp { position, asked: self.asked }) } else { Ok(()) }
    }
}

/// One live stream of a holder, given back when dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    holder: Arc<str>,
    streams: Arc<Mutex<HashMap<Arc<str>, usize>>>,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = streams.get_mut(&self.holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                streams.remove(&self.holder);
            }
        }
    }
}
