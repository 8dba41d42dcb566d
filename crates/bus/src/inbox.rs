//! Commands by way of a durable stream: kept until they are decided, delivered again until they are acknowledged.

use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, State, StorageType};
use async_nats::jetstream::{self, AckKind};
use async_nats::{Client, HeaderMap};
use domain::codec::MESSAGE_BYTES_MAX;
use domain::rejection::Code;
use futures_util::StreamExt as _;
use tokio::time::Instant;

use crate::connection::{Bus, BusError};
use crate::raw_command::RawCommand;
use crate::{reply, stream_config};

const CONSUMER: &str = "commands";
const REPLY_TO: &str = "Carelog-Reply-To";

const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Within it a message id that a publisher sets is stored once; the receipts do so for ever.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(120);
const MAX_BYTES: i64 = 1 << 30;
/// The largest command with its headers.
const MESSAGE_BYTES_WITH_HEADERS_MAX: i32 = MESSAGE_BYTES_MAX as i32 + 16 * 1024;
/// When a command is given to another process that this one did not bring to its end. The lane answers within four
/// seconds; what a killed process held must not wait much longer.
const ACK_WAIT: Duration = Duration::from_secs(10);
const ACK_PENDING_MAX: i64 = 1024;
/// How many messages one process holds beyond those it works on. Few: they wait here while their time runs.
const PULL_MESSAGES_MAX: usize = 128;
const PULL_EXPIRES: Duration = Duration::from_secs(30);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often stream and consumer are compared. A decided command has left the stream long before.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const RETRY_DELAY_MIN: Duration = Duration::from_millis(100);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(5);

/// The stream of durable commands and this process's place at it. Several processes share the commands.
pub struct Inbox {
    bus: Bus,
    messages: Option<pull::Stream>,
    retry_delay: Duration,
    next_look: Instant,
    /// The first message of the stream at the last look, if there were some that the consumer does not know.
    suspected: Option<u64>,
}

impl Inbox {
    /// Makes the stream and its consumer where they are missing, and begins to read.
    ///
    /// # Errors
    /// The stream is not fit for use, or NATS cannot be reached.
    pub async fn open(bus: &Bus) -> Result<Self, BusError> {
        let messages = subscribe(bus).await?;
        let (bus, messages) = (bus.clone(), Some(messages));
        Ok(Self { bus, messages, retry_delay: RETRY_DELAY_MIN, next_look: Instant::now(), suspected: None })
    }

    /// The next command. Waits as long as it takes; when the stream, its consumer or the server went away, makes and
    /// opens them again. Cancel safe.
    pub async fn next(&mut self) -> InboxMessage {
        loop {
            if self.messages.is_some() && self.next_look <= Instant::now() {
                self.look().await;
            }
            let problem = match &mut self.messages {
                Some(messages) => match tokio::time::timeout_at(self.next_look, messages.next()).await {
                    Ok(Some(Ok(message))) => match InboxMessage::new(&self.bus, message) {
                        Some(message) => {
                            self.retry_delay = RETRY_DELAY_MIN;
                            return message;
                        }
                        None => continue,
                    },
                    Ok(Some(Err(error))) => error.to_string(),
                    Ok(None) => "the subscription has ended".to_owned(),
                    Err(_time_to_look) => continue,
                },
                None => match Box::pin(subscribe(&self.bus)).await {
                    Ok(messages) => {
                        self.messages = Some(messages);
                        continue;
                    }
                    Err(error) => error.to_string(),
                },
            };
            tracing::warn!(problem, "the inbox is not to be read; trying again");
            self.messages = None;
            tokio::time::sleep(self.retry_delay).await;
            self.retry_delay = (self.retry_delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    /// Compares stream and consumer, and makes the consumer anew where it will not deliver all that the stream holds.
    /// What was decided already comes again then, and gets its outcome from the receipt. While messages flow the two are
    /// never told as of one instant, so that only a message counts that was the first at the last look too.
    async fn look(&mut self) {
        self.next_look = Instant::now() + LOOK_EVERY;
        // Without an answer nothing is known; whether the server is there is told by the subscription.
        let Ok(Knowledge { first_sequence, is_ahead, is_partial }) = knowledge(&self.bus).await else { return };
        let suspected = self.suspected.take();
        let stays = is_partial && suspected == Some(first_sequence);
        if !(is_ahead || stays) {
            self.suspected = is_partial.then_some(first_sequence);
            return;
        }
        tracing::warn!("the inbox holds commands that its consumer takes for acknowledged; all are delivered again");
        if let Err(error) =
            self.bus.jetstream.delete_consumer_from_stream(CONSUMER, self.bus.subjects.inbox_stream()).await
        {
            tracing::debug!(%error, "another process has deleted the consumer");
        }
        self.messages = None;
    }
}

async fn subscribe(bus: &Bus) -> Result<pull::Stream, BusError> {
    let wanted = stream(bus);
    match stream_config::find(&bus.jetstream, &wanted.name).await? {
        Some(found) => stream_config::fit(&bus.jetstream, found.cached_info(), &wanted).await?,
        None => stream_config::create(&bus.jetstream, &wanted).await?,
    }
    let consumer = bus.jetstream.create_consumer_on_stream(consumer(), wanted.name).await;
    let consumer = consumer.map_err(|error| unavailable(&error))?;
    consumer
        .stream()
        .max_messages_per_batch(PULL_MESSAGES_MAX)
        .expires(PULL_EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await
        .map_err(|error| unavailable(&error))
}

fn unavailable(error: &dyn std::fmt::Display) -> BusError {
    BusError::Unavailable(error.to_string())
}

/// What stream and consumer know of each other. They are files of their own: where the power or a disk failed, one of
/// them may remember more than the other, and messages that the consumer takes for acknowledged would stay for ever.
struct Knowledge {
    /// The first message that the stream holds.
    first_sequence: u64,
    /// Whether the consumer takes messages for acknowledged that the stream has yet to take in.
    is_ahead: bool,
    /// Whether the stream holds more than the consumer has to deliver and waits to be acknowledged.
    is_partial: bool,
}

/// Asks the consumer first: what it had acknowledged by then, the stream has taken in since.
async fn knowledge(bus: &Bus) -> Result<Knowledge, BusError> {
    let stream = bus.jetstream.get_stream_no_info(bus.subjects.inbox_stream()).await;
    let stream = stream.map_err(|error| unavailable(&error))?;
    let consumer = stream.consumer_info(CONSUMER).await.map_err(|error| unavailable(&error))?;
    let State { messages, first_sequence, last_sequence, .. } =
        stream.get_info().await.map_err(|error| unavailable(&error))?.state;
    let delivered = u64::try_from(consumer.num_ack_pending).unwrap_or(u64::MAX);
    let is_partial = consumer.num_pending.saturating_add(delivered) < messages;
    Ok(Knowledge { first_sequence, is_ahead: last_sequence < consumer.ack_floor.stream_sequence, is_partial })
}

fn stream(bus: &Bus) -> Config {
    Config {
        name: bus.subjects.inbox_stream(),
        description: Some("Commands that wait for their decision".to_owned()),
        subjects: vec![bus.subjects.inbox_wildcard()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        // A full inbox refuses; it never drops what it has acknowledged.
        discard: DiscardPolicy::New,
        max_age: MAX_AGE,
        duplicate_window: DUPLICATE_WINDOW,
        max_bytes: MAX_BYTES,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: MESSAGE_BYTES_WITH_HEADERS_MAX,
        max_consumers: -1,
        num_replicas: 1,
        ..Config::default()
    }
}

fn consumer() -> pull::Config {
    pull::Config {
        durable_name: Some(CONSUMER.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: ACK_PENDING_MAX,
        // For ever: what cannot be decided is set aside by whoever reads, never by a counter in the server.
        max_deliver: -1,
        ..pull::Config::default()
    }
}

/// A durable command. It is delivered again unless it is acknowledged within 10 s.
pub struct InboxMessage {
    /// The command.
    pub command: RawCommand,
    /// The sequence in the stream.
    pub sequence: u64,
    /// How often it was delivered, this time included.
    pub deliveries: u64,
    /// Where the sender wants the outcome, if it names a subject that it may name: `<prefix>.outcome.<publisher>.…`.
    pub reply_to: Option<String>,
    message: jetstream::Message,
    client: Client,
}

impl InboxMessage {
    fn new(bus: &Bus, message: jetstream::Message) -> Option<Self> {
        let subject = bus.subjects.parse_inbox(&message.subject)?;
        let command = RawCommand::new(subject, message.payload.clone(), message.headers.clone());
        let (sequence, deliveries) = match message.info() {
            Ok(info) => (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1)),
            Err(error) => {
                tracing::warn!(%error, "a message of the inbox cannot be acknowledged");
                return None;
            }
        };
        let asked = command.header(REPLY_TO).map(str::to_owned);
        let allowed = [bus.subjects.outcome(&command.publisher)];
        let is_asked = asked.is_some();
        let reply_to = asked.filter(|subject| reply::is_allowed(subject, &allowed));
        if is_asked && reply_to.is_none() {
            reply::count_refused(&command.publisher);
        }
        Some(Self { command, sequence, deliveries, reply_to, message, client: bus.client.clone() })
    }

    /// Says that the outcome is durable, and waits until the server has noted it.
    ///
    /// # Errors
    /// Not noted: the command comes again, and gets the same outcome.
    pub async fn ack(&self) -> Result<(), BusError> {
        self.message.double_ack().await.map_err(|error| BusError::Unavailable(error.to_string()))
    }

    /// Asks for another 10 s.
    ///
    /// # Errors
    /// NATS cannot be reached.
    pub async fn in_progress(&self) -> Result<(), BusError> {
        self.say(AckKind::Progress).await
    }

    /// Gives it back, to be delivered again after a while.
    ///
    /// # Errors
    /// NATS cannot be reached: then it comes again anyway.
    pub async fn retry(&self, delay: Duration) -> Result<(), BusError> {
        self.say(AckKind::Nak(Some(delay))).await
    }

    /// Takes it out of the stream undecided: to be called when it is set aside elsewhere.
    ///
    /// # Errors
    /// NATS cannot be reached: then it comes again.
    pub async fn discard(&self) -> Result<(), BusError> {
        let discarded = self.message.double_ack_with(AckKind::Term).await;
        discarded.map_err(|error| BusError::Unavailable(error.to_string()))
    }

    /// Sends the outcome of an accepted command to [`reply_to`](Self::reply_to), if there is one.
    pub async fn reply_accepted(&self, body: Vec<u8>) {
        self.reply(HeaderMap::new(), body).await;
    }

    /// Sends the outcome of a rejected command to [`reply_to`](Self::reply_to), if there is one.
    pub async fn reply_rejected(&self, code: Code, body: Vec<u8>) {
        self.reply(reply::rejection_headers(code, None), body).await;
    }

    async fn reply(&self, headers: HeaderMap, body: Vec<u8>) {
        if let Some(subject) = self.reply_to.clone() {
            reply::send(self.client.publish_with_headers(subject, headers, body.into())).await;
        }
    }

    async fn say(&self, kind: AckKind) -> Result<(), BusError> {
        self.message.ack_with(kind).await.map_err(|error| BusError::Unavailable(error.to_string()))
    }
}
