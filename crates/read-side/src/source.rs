//! Where a projector's events come from: the events' stream while it flows without holes, the history otherwise.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, EventSubscription};
use domain::envelope::RecordedEvent;
use event_store::{Reader, StoreError};
use seeded_bugs::{Bug, is_active};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::ProjectorError;
use crate::spawned;

/// Where the store notifies that it appended.
const CHANNEL: &str = "carelog_log";
/// How long to leave the events' stream alone after it failed.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// How often the stream may be silent while the history goes on, until it is subscribed anew.
const SILENCES_MAX: u32 = 3;

/// Events in order, without a hole after the position that was asked for.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) events: Vec<RecordedEvent>,
    /// The epoch that the events' stream gave them, if they come from there.
    pub(crate) epoch: Option<u64>,
}

/// A page of the history: without holes, or it is not a history.
pub(crate) async fn page(reader: &Reader, after: u64, limit: usize) -> Result<Vec<RecordedEvent>, ProjectorError> {
    let reader = reader.clone();
    let limit_rows = u32::try_from(limit).unwrap_or(u32::MAX);
    let events = spawned(async move { reader.after(after, limit_rows).await }).await?;
    for (expected, event) in (after + 1..).zip(&events) {
        if event.position != expected {
            let detail = format!("position {expected} is missing from the history");
            return Err(StoreError::Corrupt(detail).into());
        }
    }
    Ok(events)
}

pub(crate) struct Source {
    reader: Reader,
    bus: Option<Bus>,
    subscription: Option<EventSubscription>,
    pending: VecDeque<(RecordedEvent, u64)>,
    /// Whether the history is known to be longer than what the stream gave.
    behind: bool,
    silences: u32,
    reopen_at: Instant,
    wait: Duration,
    appended: Arc<Notify>,
    _listening: DropGuard,
}

impl Source {
    /// A source over the events' stream, or over the history alone, asked at least every `wait`.
    pub(crate) fn new(pool: &PgPool, reader: Reader, bus: Option<Bus>, wait: Duration) -> Self {
        let appended = Arc::new(Notify::new());
        let stop = CancellationToken::new();
        if bus.is_none() {
            tokio::spawn(listen(pool.clone(), Arc::clone(&appended), stop.clone()));
        }
        Self {
            reader,
            bus,
            subscription: None,
            pending: VecDeque::new(),
            behind: true,
            silences: 0,
            reopen_at: Instant::now(),
            wait,
            appended,
            _listening: stop.drop_guard(),
        }
    }

    /// Forgets what came from the events' stream.
    pub(crate) fn forget(&mut self) {
        self.pending.clear();
        self.subscription = None;
        self.behind = true;
    }

    /// Up to `limit` events after a position; none if there were none for a while. Cancel safe.
    pub(crate) async fn next(&mut self, after: u64, limit: usize) -> Result<Batch, ProjectorError> {
        loop {
            if let Some(batch) = self.take_pending(after, limit).await? {
                return Ok(batch);
            }
            if self.behind {
                let batch = self.history_page(after, limit).await?;
                if !batch.events.is_empty() {
                    return Ok(batch);
                }
            }
            let Some(bus) = self.bus.clone() else {
                let _ = tokio::time::timeout(self.wait, self.appended.notified()).await;
                return self.history_page(after, limit).await;
            };
            if !self.await_stream(&bus, after, limit).await {
                return self.history_page(after, limit).await;
            }
        }
    }

    async fn history_page(&mut self, after: u64, limit: usize) -> Result<Batch, ProjectorError> {
        let events = page(&self.reader, after, limit).await?;
        self.behind = events.len() == limit;
        if !events.is_empty() && self.subscription.is_some() {
            self.silences += 1;
            if self.silences >= SILENCES_MAX {
                tracing::warn!(after, "the events' stream is silent while the history goes on; subscribing anew");
                self.silences = 0;
                self.subscription = None;
            }
        }
        Ok(Batch { events, epoch: None })
    }

    /// What came already: duplicates are dropped, a hole is read from the history.
    async fn take_pending(&mut self, after: u64, limit: usize) -> Result<Option<Batch>, ProjectorError> {
        while self.pending.pop_front_if(|(event, _)| event.position <= after).is_some() {}
        let Some((first, epoch)) = self.pending.front().map(|(event, epoch)| (event.position, *epoch)) else {
            return Ok(None);
        };
        let missing = first - after - 1;
        if missing > 0 && !is_active(Bug::HoleSkipped) {
            let missing = usize::try_from(missing).unwrap_or(usize::MAX).min(limit);
            let events = page(&self.reader, after, missing).await?;
            return Ok(Some(Batch { events, epoch: None }));
        }
        self.silences = 0;
        let mut events = Vec::new();
        while let Some((event, _)) = self.pending.pop_front_if(|(event, of)| {
            *of == epoch && events.len() < limit && event.position == first + events.len() as u64
        }) {
            events.push(event);
        }
        Ok(Some(Batch { events, epoch: Some(epoch) }))
    }

    /// Waits for the events' stream; says whether something came.
    async fn await_stream(&mut self, bus: &Bus, after: u64, limit: usize) -> bool {
        if self.subscription.is_none() {
            if Instant::now() < self.reopen_at {
                tokio::time::sleep(self.wait.min(REOPEN_AFTER)).await;
                return false;
            }
            self.reopen_at = Instant::now() + REOPEN_AFTER;
            match EventSubscription::open(bus, after).await {
                Ok(subscription) => self.subscription = Some(subscription),
                // The relay makes it; until then the history serves as well.
                Err(error) => tracing::info!(%error, "no events' stream; reading the history instead"),
            }
        }
        let Some(subscription) = self.subscription.as_mut() else { return false };
        match subscription.next_batch(limit, self.wait).await {
            Ok(events) => {
                let some = !events.is_empty();
                self.pending.extend(events);
                some
            }
            Err(error) => {
                tracing::warn!(%error, "the events' stream failed; reading the history instead");
                self.subscription = None;
                false
            }
        }
    }
}

/// Wakes whoever waits when the store appended. Only a wake-up: nothing depends on it.
async fn listen(pool: PgPool, appended: Arc<Notify>, stop: CancellationToken) {
    let Ok(mut listener) = PgListener::connect_with(&pool).await else { return };
    if listener.listen(CHANNEL).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            received = listener.recv() => match received {
                Ok(_) => appended.notify_one(),
                Err(_) => return,
            },
        }
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
