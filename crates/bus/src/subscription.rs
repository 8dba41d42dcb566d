//! The stream of events as a reader sees it: everything from a position, in order, without filters.
//!
//! A reader never trusts it to be whole. Whatever is odd ends the subscription: the reader takes what is missing from
//! PostgreSQL and opens it again.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::{self, stream};
use domain::envelope::RecordedEvent;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::time::Instant;

use crate::cloud_event;
use crate::connection::Bus;
use crate::stream_config;
use crate::subjects::Subjects;

/// The server says at least that often that it is there; without it the subscription is lost after two of them.
const HEARTBEAT: Duration = Duration::from_secs(2);
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// How many messages are under way at most.
const PULL_MESSAGES_MAX: usize = 1_000;
/// How many bytes are under way at most; more than the largest message.
const PULL_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The server forgets a reader that does not pull any more.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(60);

/// Why a subscription cannot go on. In any case: read from PostgreSQL, then open it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionError {
    /// Some positions are not in the stream: they have left it, were purged, or were lost under way.
    #[error("positions {expected} to {} are not in the stream", found - 1)]
    Hole {
        /// The first position that is missing.
        expected: u64,
        /// The first position behind the hole.
        found: u64,
    },
    /// A message is not the event that belongs there.
    #[error("a foreign message stands at sequence {sequence}: {detail}")]
    Foreign {
        /// Where it stands.
        sequence: u64,
        /// What is wrong with it.
        detail: String,
    },
    /// There is no stream of events.
    #[error("there is no stream of events")]
    Gone,
    /// The server, the stream or the subscription went away.
    #[error("the subscription is lost: {0}")]
    Lost(String),
}

/// Events in order from a position.
pub struct EventSubscription {
    messages: pull::Stream,
    subjects: Subjects,
    expected: u64,
    failed: Option<SubscriptionError>,
}

impl EventSubscription {
    /// Begins behind a position. The stream may be behind it: what it gets again is skipped.
    ///
    /// # Errors
    /// The stream does not hold the next position any more, is not there, or NATS cannot be reached.
    pub async fn open(bus: &Bus, after: u64) -> Result<Self, SubscriptionError> {
        let lost = |error: &dyn std::fmt::Display| SubscriptionError::Lost(error.to_string());
        let found = stream_config::find(&bus.jetstream, &bus.subjects.events_stream()).await;
        let stream = found.map_err(|error| lost(&error))?.ok_or(SubscriptionError::Gone)?;
        let expected = after.saturating_add(1);
        check_start(stream.cached_info(), expected)?;
        let consumer = stream.create_consumer(config(expected)).await.map_err(|error| lost(&error))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PULL_MESSAGES_MAX)
            .max_bytes_per_batch(PULL_BYTES_MAX)
            .expires(PULL_EXPIRES)
            .heartbeat(HEARTBEAT)
            .messages()
            .await
            .map_err(|error| lost(&error))?;
        Ok(Self { messages, subjects: bus.subjects.clone(), expected, failed: None })
    }

    /// The events that have arrived, with the epoch of their history, at most `events_max` and in order without a gap.
    /// Waits for the first one at most `wait`; then there may be none. Cancel safe.
    ///
    /// # Errors
    /// See [`SubscriptionError`]. What came before the error is returned first; afterwards the error stays.
    pub async fn next_batch(
        &mut self,
        events_max: usize,
        wait: Duration,
    ) -> Result<Vec<(RecordedEvent, u64)>, SubscriptionError> {
        let mut batch = Vec::new();
        let deadline = Instant::now() + wait;
        while batch.len() < events_max && self.failed.is_none() {
            // After the first event nothing is waited for, so none is lost if this future is dropped.
            let next = if batch.is_empty() {
                tokio::time::timeout_at(deadline, self.messages.next()).await.ok()
            } else {
                // The runtime would have it pause after 128 messages, and the reader take those for all there are.
                tokio::task::unconstrained(self.messages.next()).now_or_never()
            };
            match next.map(|item| self.take(item)) {
                None => break,
                Some(Ok(event)) => batch.extend(event),
                Some(Err(error)) => self.failed = Some(error),
            }
        }
        match &self.failed {
            Some(error) if batch.is_empty() => Err(error.clone()),
            Some(_) | None => Ok(batch),
        }
    }

    /// The event in a message, or `None` if it is one of those before the start.
    fn take(
        &mut self,
        item: Option<Result<jetstream::Message, pull::MessagesError>>,
    ) -> Result<Option<(RecordedEvent, u64)>, SubscriptionError> {
        let lost = |problem: String| SubscriptionError::Lost(problem);
        let message = item.ok_or_else(|| lost("it has ended".to_owned()))?.map_err(|error| lost(error.to_string()))?;
        let sequence = message.info().map_err(|error| lost(error.to_string()))?.stream_sequence;
        if sequence < self.expected {
            return Ok(None);
        }
        if sequence > self.expected {
            return Err(SubscriptionError::Hole { expected: self.expected, found: sequence });
        }
        let foreign = |detail: String| SubscriptionError::Foreign { sequence, detail };
        let category = self.subjects.parse_event(&message.subject);
        let category = category.ok_or_else(|| foreign(format!("its subject is {}", message.subject)))?;
        let (event, epoch) =
            cloud_event::decode(category, &message.payload).map_err(|error| foreign(error.to_string()))?;
        if event.position != sequence {
            return Err(foreign(format!("it carries position {}", event.position)));
        }
        self.expected += 1;
        Ok(Some((event, epoch)))
    }
}

/// Told at once: in a stream that was emptied, no message would ever show the hole until the next event.
fn check_start(info: &stream::Info, expected: u64) -> Result<(), SubscriptionError> {
    let found = info.state.first_sequence;
    if found > expected { Err(SubscriptionError::Hole { expected, found }) } else { Ok(()) }
}

/// What is called an ordered consumer: one reader, in memory, nothing acknowledged, nothing delivered twice.
fn config(start_sequence: u64) -> pull::Config {
    pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
        ack_policy: AckPolicy::None,
        memory_storage: true,
        num_replicas: 1,
        inactive_threshold: INACTIVE_THRESHOLD,
        ..pull::Config::default()
    }
}
