//! The relay: publishes the history to the stream of events, each event at the sequence that is its position.
//!
//! The events table is the outbox; there is no other. Where to go on is read from the stream's own end, so nothing needs
//! to be kept. One relay is active (a lease); should two be, the stream refuses whatever does not continue it. Before
//! and between publishing the relay compares the stream's last event with the history: if they differ, one of them was
//! restored or has lost its end, and going on would hide it.

mod lease;
mod page_size;

use std::time::Duration;

use bus::{Bus, BusError, EventMark, EventStream, LastMessage, PublishError, StreamLimits, Tail};
use chrono::{TimeDelta, Utc};
use domain::envelope::RecordedEvent;
use event_store::{Head, Reader, StoreError};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use std::sync::Arc;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use lease::Lease;
use page_size::PageSize;

/// The channel on which the lane tells that it has appended.
const CHANNEL: &str = "carelog_log";
/// Notifications only make it faster: without one, this is how long an event waits at most.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// How often another process looks whether the lease is free.
const STANDBY_INTERVAL: Duration = Duration::from_millis(500);
/// How often an idle relay looks whether the stream is still as it left it.
const VERIFY_INTERVAL: Duration = Duration::from_secs(5);
const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);

/// How to relay.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// The name of the installation, in the events' `source`.
    pub cell: String,
    /// How much of the history the stream keeps.
    pub limits: StreamLimits,
}

/// Why the relay has halted; an operator must act.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The stream and the history differ: one of them was restored, or has lost its end.
    #[error("history_forked at position {position}: {detail}")]
    HistoryForked {
        /// Where they differ.
        position: u64,
        /// How they differ.
        detail: String,
    },
    /// Somebody else has published to the stream of events.
    #[error("a foreign message stands in the stream of events at sequence {sequence}: {detail}")]
    ForeignMessage {
        /// Where it stands.
        sequence: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// Something else than the stream acknowledges events.
    #[error("publishing: {0}")]
    ForeignAck(PublishError),
    /// The store is not as it must be.
    #[error(transparent)]
    Store(StoreError),
    /// NATS, or the stream on it, is not fit for use.
    #[error(transparent)]
    Bus(BusError),
    /// A defect of the relay itself.
    #[error("the relay has ended: {0}")]
    Defect(String),
}

/// Relays until it is stopped: reads with `store`, takes the lease and listens with `pool`. Both may be the same pool, of
/// three connections or more. Any number of processes may run it. When the returned future is dropped, relaying stops in
/// good order behind it.
///
/// # Errors
/// What only an operator can put right. Whatever passes is waited out.
pub async fn run(
    store: Reader,
    pool: PgPool,
    bus: Bus,
    settings: RelaySettings,
    stop: CancellationToken,
) -> Result<(), RelayError> {
    let stop = stop.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let lease = Lease::new(pool.clone(), bus.subjects.prefix());
    let stream = EventStream::new(&bus, settings.limits, &settings.cell);
    let relay = Relay { store, lease, bus, stream, limits: settings.limits, cursor: None, page: PageSize::default() };
    // A task of its own: the caller may drop this future, and no call to the database may be dropped.
    match tokio::spawn(relay.run(pool, stop)).await {
        Ok(result) => result,
        Err(error) => Err(RelayError::Defect(error.to_string())),
    }
}

struct Relay {
    store: Reader,
    lease: Lease,
    bus: Bus,
    stream: EventStream,
    limits: StreamLimits,
    cursor: Option<Cursor>,
    page: PageSize,
}

/// Where the stream ends, as far as this relay knows.
struct Cursor {
    position: u64,
    /// The event there; `None` if the stream holds none.
    mark: Option<EventMark>,
    epoch: u64,
    verified_at: Instant,
    /// The count of connections when it was verified: a higher one tells of a server that may have lost its end.
    connections_total: u64,
}

enum Round {
    /// There may be more to publish.
    More,
    /// Everything is published.
    Idle,
    /// Another process has the lease.
    Standby,
}

enum Problem {
    Passing(String),
    Halt(RelayError),
}

impl Relay {
    async fn run(mut self, pool: PgPool, stop: CancellationToken) -> Result<(), RelayError> {
        let appended = Arc::new(Notify::new());
        let listening = tokio::spawn(listen(pool, appended.clone(), stop.clone()));
        let result = self.relay(&appended, &stop).await;
        stop.cancel();
        self.lease.release().await;
        if let Err(error) = listening.await {
            tracing::warn!(%error, "listening has ended with a defect");
        }
        result
    }

    async fn relay(&mut self, appended: &Notify, stop: &CancellationToken) -> Result<(), RelayError> {
        let mut retry_delay = RETRY_DELAY_MIN;
        while !stop.is_cancelled() {
            let round = self.round().await;
            metrics::gauge!("carelog_relay_active").set(if self.cursor.is_some() { 1.0 } else { 0.0 });
            match round {
                Ok(round) => {
                    retry_delay = RETRY_DELAY_MIN;
                    match round {
                        Round::More => {}
                        Round::Idle => tokio::select! {
                            () = stop.cancelled() => {}
                            () = appended.notified() => {}
                            () = tokio::time::sleep(POLL_INTERVAL) => {}
                        },
                        Round::Standby => pause(STANDBY_INTERVAL, stop).await,
                    }
                }
                Err(Problem::Halt(error)) => return Err(error),
                Err(Problem::Passing(problem)) => {
                    // Once: what goes on failing is the same outage.
                    if retry_delay == RETRY_DELAY_MIN {
                        tracing::warn!(problem, "the relay waits and tries again");
                    } else {
                        tracing::debug!(problem, "the relay goes on waiting");
                    }
                    self.cursor = None;
                    pause(retry_delay, stop).await;
                    retry_delay = (retry_delay * 2).min(RETRY_DELAY_MAX);
                }
            }
        }
        Ok(())
    }

    async fn round(&mut self) -> Result<Round, Problem> {
        if !self.lease.hold().await? {
            self.cursor = None;
            return Ok(Round::Standby);
        }
        let connections_total = self.bus.connections_total();
        let is_fresh = |cursor: &Cursor| {
            cursor.connections_total == connections_total && cursor.verified_at.elapsed() < VERIFY_INTERVAL
        };
        let cursor = match self.cursor.take() {
            Some(cursor) if is_fresh(&cursor) => cursor,
            Some(_) | None => self.verify(connections_total).await?,
        };
        let (events, is_last_page) = self.page(&cursor).await?;
        let (Some(last), epoch) = (events.last(), cursor.epoch) else {
            self.cursor = Some(cursor);
            return Ok(Round::Idle);
        };
        self.stream.publish(&events, epoch).await?;
        metrics::counter!("carelog_relay_published_total").increment(u64::try_from(events.len()).unwrap_or_default());
        report_position(last.position);
        let mark = Some(EventMark::of(last, epoch));
        self.cursor = Some(Cursor { position: last.position, mark, ..cursor });
        Ok(if is_last_page { Round::Idle } else { Round::More })
    }

    /// The events that come next, and whether there were no more. The event at the cursor is read along and compared:
    /// where the history was exchanged since the last page, nothing is published.
    async fn page(&mut self, cursor: &Cursor) -> Result<(Vec<RecordedEvent>, bool), Problem> {
        let limit = self.page.events();
        let mut events = match &cursor.mark {
            None => self.store.after(cursor.position, limit).await?,
            Some(mark) => {
                let mut events = self.store.after(cursor.position.saturating_sub(1), limit.saturating_add(1)).await?;
                let at_cursor = (!events.is_empty()).then(|| events.remove(0));
                compare(cursor.position, mark, at_cursor.as_ref(), cursor.epoch)?;
                events
            }
        };
        let is_last_page = events.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        if let Some((index, _)) = (cursor.position + 1..).zip(&events).enumerate().find(|(_, (p, e))| *p != e.position)
        {
            if index == 0 {
                let detail = format!("the history has no event at position {}", cursor.position + 1);
                return Err(Problem::Halt(RelayError::Store(StoreError::Corrupt(detail))));
            }
            events.truncate(index);
        }
        self.page.learn(&events);
        Ok((events, is_last_page))
    }

    /// Reads where the stream ends, makes it if there is none, and compares its last event with the history.
    async fn verify(&self, connections_total: u64) -> Result<Cursor, Problem> {
        let tail = match self.stream.tail().await? {
            Some(tail) => tail,
            None => self.create().await?,
        };
        // After the tail: another relay may publish what was appended in between.
        let Head { position, epoch } = self.store.head().await?;
        if tail.sequence > position {
            let detail = format!("the stream goes to {}, the history to {position}", tail.sequence);
            return Err(Problem::Halt(RelayError::HistoryForked { position: position + 1, detail }));
        }
        let mark = match tail.last {
            LastMessage::Missing => None,
            LastMessage::Event(mark) => {
                let event = self.store.at(tail.sequence).await?;
                compare(tail.sequence, &mark, event.as_ref(), epoch)?;
                Some(mark)
            }
            LastMessage::Foreign { detail } => {
                let sequence = tail.sequence;
                return Err(Problem::Halt(RelayError::ForeignMessage { sequence, detail }));
            }
        };
        report_position(tail.sequence);
        Ok(Cursor { position: tail.sequence, mark, epoch, verified_at: Instant::now(), connections_total })
    }

    /// Makes the stream for the events that would still be in it.
    async fn create(&self) -> Result<Tail, Problem> {
        let max_age = TimeDelta::from_std(self.limits.max_age).unwrap_or(TimeDelta::MAX);
        let first = match Utc::now().checked_sub_signed(max_age) {
            Some(oldest) => self.store.position_at(oldest).await? + 1,
            None => 1,
        };
        tracing::info!(first, "there is no stream of events: making it");
        self.stream.create(first).await?;
        let missing = || Problem::Passing("the stream of events was removed while it was made".to_owned());
        self.stream.tail().await?.ok_or_else(missing)
    }
}

fn report_position(position: u64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float; exact up to 2^53")]
    metrics::gauge!("carelog_relay_position").set(position as f64);
}

/// Compares what the stream holds at a position with what the history has there.
fn compare(position: u64, mark: &EventMark, event: Option<&RecordedEvent>, epoch: u64) -> Result<(), Problem> {
    let Some(event) = event.filter(|event| event.position == position) else {
        let detail = format!("the stream holds event {}, the history holds none", mark.event_id);
        return Err(Problem::Halt(RelayError::HistoryForked { position, detail }));
    };
    let detail = if mark.event_id != event.event_id {
        format!("the stream holds event {}, the history {}", mark.event_id, event.event_id)
    } else if mark.content_hash != event.content_hash {
        format!("event {} has another content in the stream than in the history", event.event_id)
    } else if mark.epoch != epoch {
        format!("the stream is of epoch {}, the history of epoch {epoch}", mark.epoch)
    } else {
        return Ok(());
    };
    Err(Problem::Halt(RelayError::HistoryForked { position, detail }))
}

async fn pause(duration: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(duration) => {}
    }
}

/// Passes on that something was appended. Nothing depends on it.
async fn listen(pool: PgPool, appended: Arc<Notify>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let problem = match PgListener::connect_with(&pool).await {
            Ok(mut listener) => match listener.listen(CHANNEL).await {
                Ok(()) => loop {
                    // Only the wait for a notification is dropped: no statement is under way on this connection.
                    let received = tokio::select! {
                        () = stop.cancelled() => return,
                        received = listener.recv() => received,
                    };
                    match received {
                        Ok(_notification) => appended.notify_one(),
                        Err(error) => break error,
                    }
                },
                Err(error) => error,
            },
            Err(error) => error,
        };
        tracing::debug!(error = %problem, "no notifications now; the relay polls");
        pause(RETRY_DELAY_MAX, &stop).await;
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_passing() { Self::Passing(error.to_string()) } else { Self::Halt(RelayError::Store(error)) }
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Unavailable(problem) => Self::Passing(problem),
            BusError::Setting(_) | BusError::Forbidden(_) | BusError::Unsuitable(_) => {
                Self::Halt(RelayError::Bus(error))
            }
        }
    }
}

impl From<PublishError> for Problem {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::WrongSequence { .. } | PublishError::Gone | PublishError::Unavailable(_) => {
                Self::Passing(error.to_string())
            }
            PublishError::ForeignAck { .. } => Self::Halt(RelayError::ForeignAck(error)),
        }
    }
}

#[cfg(test)]
#[path = "relay_tests.rs"]
mod tests;
