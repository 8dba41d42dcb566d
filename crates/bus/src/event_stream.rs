//! The stream of events as its one writer sees it. The sequence of a message is the position of its event, always:
//! each is published with the sequence that must come before it, so two writers can never interleave.

use std::time::Duration;

use async_nats::jetstream::context::{PublishAckFuture, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, RawMessageErrorKind, RetentionPolicy, StorageType, Stream};
use domain::envelope::RecordedEvent;
use seeded_bugs::{Bug, is_active};

use crate::cloud_event::{self, EventMark};
use crate::connection::{Bus, BusError};
use crate::stream_config;

/// The shortest that the server takes.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);

/// How much of the history the stream keeps. Whoever needs more reads it from PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct StreamLimits {
    /// The age after which events leave the stream.
    pub max_age: Duration,
    /// The size above which the oldest events leave the stream. The server reserves as much of its storage.
    pub max_bytes: u64,
}

/// Where the stream ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last sequence that was ever stored: the position of the last event.
    pub sequence: u64,
    /// The first sequence that is still there; `sequence + 1` if none is.
    pub first_sequence: u64,
    /// What stands at `sequence`.
    pub last: LastMessage,
}

/// What stands at the stream's last sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastMessage {
    /// Nothing: the stream is new, was purged, or its messages have left it.
    Missing,
    /// An event.
    Event(EventMark),
    /// A message that no relay has published there.
    Foreign {
        /// What is wrong with it.
        detail: String,
    },
}

/// Why events could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The stream does not end where the first event continues. Read the tail, compare, go on from there.
    #[error("the stream does not end at position {}", position - 1)]
    WrongSequence {
        /// The event that was refused.
        position: u64,
    },
    /// Nobody stores events: the stream is gone, or JetStream is off.
    #[error("no stream stores the events")]
    Gone,
    /// Something else than the stream has acknowledged. Stop.
    #[error("position {position} was acknowledged as {stream} {sequence}")]
    ForeignAck {
        /// The event that was published.
        position: u64,
        /// The stream in the acknowledgement.
        stream: String,
        /// The sequence in the acknowledgement.
        sequence: u64,
    },
    /// No acknowledgement: whether the events were stored is unknown. Read the tail and go on from there.
    #[error("not acknowledged: {0}")]
    Unavailable(String),
}

/// The stream of events, for the relay.
#[derive(Clone)]
pub struct EventStream {
    bus: Bus,
    name: String,
    limits: StreamLimits,
    cell: String,
}

impl EventStream {
    /// Takes the stream, which need not exist. `cell` names the installation in the events' `source`.
    #[must_use]
    pub fn new(bus: &Bus, limits: StreamLimits, cell: &str) -> Self {
        Self { bus: bus.clone(), name: bus.subjects.events_stream(), limits, cell: cell.to_owned() }
    }

    /// Where the stream ends; `None` if there is no stream. Its configuration is brought to what it must be.
    ///
    /// # Errors
    /// The stream is not fit for use, or NATS cannot be reached.
    pub async fn tail(&self) -> Result<Option<Tail>, BusError> {
        let Some(stream) = self.find().await? else {
            return Ok(None);
        };
        let state = &stream.cached_info().state;
        let sequence = state.last_sequence;
        let last =
            if state.messages == 0 { LastMessage::Missing } else { self.last_message(&stream, sequence).await? };
        Ok(Some(Tail { sequence, first_sequence: state.first_sequence, last }))
    }

    /// Makes the stream so that its first message gets this sequence. Does nothing if there is one already: read the
    /// tail afterwards.
    ///
    /// # Errors
    /// The server refuses it, or NATS cannot be reached.
    pub async fn create(&self, first_sequence: u64) -> Result<(), BusError> {
        let config = Config { first_sequence: Some(first_sequence.max(1)), ..self.config() };
        stream_config::create(&self.bus.jetstream, &config).await
    }

    /// Publishes events that follow each other without a gap, all at once, and waits until each is stored at its
    /// position. Returns the last position. After an error some of the first may be stored, others may still be.
    ///
    /// # Errors
    /// See [`PublishError`]; the first thing that went wrong.
    pub async fn publish(&self, events: &[RecordedEvent], epoch: u64) -> Result<u64, PublishError> {
        let mut acks = Vec::with_capacity(events.len());
        for event in events {
            acks.push((event.position, self.send(event, epoch).await?));
        }
        let mut last = 0;
        for (position, ack) in acks {
            let ack = ack.await.map_err(|error| publish_error(position, &error))?;
            let fenced = !is_active(Bug::NoFence) && !is_active(Bug::BrokerWindow);
            if fenced && (ack.sequence != position || ack.stream != self.name || ack.duplicate) {
                return Err(PublishError::ForeignAck { position, stream: ack.stream, sequence: ack.sequence });
            }
            last = position;
        }
        Ok(last)
    }

    async fn send(&self, event: &RecordedEvent, epoch: u64) -> Result<PublishAckFuture, PublishError> {
        let message = cloud_event::encode(event, epoch, &self.cell)
            .map_err(|error| PublishError::Unavailable(format!("position {}: {error}", event.position)))?;
        // No message id: inside its window a second publish is acknowledged and not stored.
        let message = PublishMessage::build().payload(message).expected_stream(&self.name);
        let message = if is_active(Bug::NoFence) {
            message
        } else if is_active(Bug::BrokerWindow) {
            message.message_id(event.event_id.to_string())
        } else {
            message.expected_last_sequence(event.position.saturating_sub(1))
        };
        let subject = self.bus.subjects.event(event.stream.category, &event.event_type);
        let sent = self.bus.jetstream.send_publish(subject, message).await;
        sent.map_err(|error| publish_error(event.position, &error))
    }

    async fn find(&self) -> Result<Option<Stream>, BusError> {
        let found = stream_config::find(&self.bus.jetstream, &self.name).await?;
        if let Some(stream) = &found {
            stream_config::fit(&self.bus.jetstream, stream.cached_info(), &self.config()).await?;
        }
        Ok(found)
    }

    async fn last_message(&self, stream: &Stream, sequence: u64) -> Result<LastMessage, BusError> {
        // From the stream's leader: another replica may answer a direct get without knowing the last message.
        let message = match stream.get_raw_message(sequence).await {
            Ok(message) => message,
            Err(error) => {
                return match error.kind() {
                    RawMessageErrorKind::NoMessageFound => Ok(LastMessage::Missing),
                    RawMessageErrorKind::InvalidSubject
                    | RawMessageErrorKind::JetStream(_)
                    | RawMessageErrorKind::Other => Err(BusError::Unavailable(error.to_string())),
                };
            }
        };
        let foreign = |detail: String| Ok(LastMessage::Foreign { detail });
        let Some(category) = self.bus.subjects.parse_event(&message.subject) else {
            return foreign(format!("its subject is {}", message.subject));
        };
        match cloud_event::decode(category, &message.payload) {
            Ok((event, epoch)) if event.position == sequence => Ok(LastMessage::Event(EventMark::of(&event, epoch))),
            Ok((event, _epoch)) => foreign(format!("it carries position {}", event.position)),
            Err(error) => foreign(error.to_string()),
        }
    }

    fn config(&self) -> Config {
        Config {
            name: self.name.clone(),
            description: Some(
                "The events of Carelog; sequence = position. Can be made again from PostgreSQL".to_owned(),
            ),
            subjects: vec![self.bus.subjects.event_wildcard()],
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: self.limits.max_age,
            // Message ids are not used here; and the window may not be longer than the age.
            duplicate_window: DUPLICATE_WINDOW,
            max_bytes: i64::try_from(self.limits.max_bytes).unwrap_or(i64::MAX),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_message_size: -1,
            max_consumers: -1,
            num_replicas: 1,
            allow_direct: true,
            // A message in the middle is never taken out; an operator may still purge.
            deny_delete: true,
            ..Config::default()
        }
    }
}

fn publish_error(position: u64, error: &async_nats::jetstream::context::PublishError) -> PublishError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => PublishError::WrongSequence { position },
        PublishErrorKind::StreamNotFound => PublishError::Gone,
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::Other => PublishError::Unavailable(format!("position {position}: {error}")),
    }
}
