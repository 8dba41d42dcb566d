//! Connections for questions, kept from one to the next. The pool asks each connection that is given back whether it
//! still lives, which costs as much as a question.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// How long a question waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// For how long a connection is kept, or twice as long: then the pool looks at its age and health.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Three quarters of a pool's connections; the others are for the history, the feed and the probes, which no number of
/// questions holds up. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Connections {
    pool: PgPool,
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Kept>>>,
}

struct Kept {
    connection: PoolConnection<Postgres>,
    since: Instant,
}

impl Connections {
    pub(crate) fn of(pool: PgPool) -> Self {
        let places = pool.options().get_max_connections() * 3 / 4;
        let idle = Arc::default();
        tokio::spawn(give_back(Arc::downgrade(&idle)));
        Self { pool, places: Arc::new(Semaphore::new(places.max(1) as usize)), idle }
    }

    /// A place among the questions that are asked at once.
    ///
    /// # Errors
    /// `overloaded`, if there is none for too long.
    pub(crate) async fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        match tokio::time::timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => {
                metrics::counter!("carelog_http_requests_shed_total").increment(1);
                Err(ApiError::Overloaded("too many questions at once"))
            }
        }
    }

    /// Asks a question. Whoever calls has a place and sees this to its end: sqlx must not see its futures dropped.
    ///
    /// # Errors
    /// The database cannot be asked.
    pub(crate) async fn ask<T, Q>(&self, question: Q) -> Result<T, sqlx::Error>
    where
        Q: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
    {
        let mut kept = match self.kept() {
            Some(kept) => kept,
            None => Kept { connection: self.pool.acquire().await?, since: Instant::now() },
        };
        let answer = question(&mut kept.connection).await;
        match &answer {
            Ok(_) if kept.since.elapsed() < KEPT_FOR => {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
            Ok(_) => {}
            // It would go on preparing statements for a view as it was.
            Err(error) if is_outdated(error) => drop(kept.connection.detach()),
            Err(error) if error.as_database_error().is_some() => {}
            // The server may be another one by now: the others are looked at, too, before they are used.
            Err(_) => self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear(),
        }
        answer
    }

    /// The connection that was used last.
    fn kept(&self) -> Option<Kept> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

/// Gives connections that were kept for long back to the pool, also where nobody asks any more.
async fn give_back(idle: Weak<Mutex<Vec<Kept>>>) {
    loop {
        tokio::time::sleep(KEPT_FOR).await;
        let Some(idle) = idle.upgrade() else { return };
        idle.lock().unwrap_or_else(PoisonError::into_inner).retain(|kept| kept.since.elapsed() < KEPT_FOR);
    }
}

/// Whether a statement was prepared for a view that a model of a newer revision has replaced since.
pub(crate) fn is_outdated(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).as_deref() == Some("0A000")
}
