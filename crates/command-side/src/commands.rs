//! The role `commands`: takes commands from NATS, by request–reply and from the durable inbox, into the lane, and
//! answers them when they are durable.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::{Bus, BusError, CommandRequest, CommandService, Inbox, InboxMessage, RawCommand};
use chrono::Utc;
use domain::envelope::{ActorKind, CommandMessage, Publisher};
use domain::rejection::{Code, Rejection};
use event_store::{DeadLetters, KEY_CACHE_LIFE, MasterKeys, StoreError, Vault, pool, rejection_body};
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::lane::{Lane, Reply};

/// The most bytes of commands under way in one process.
const IN_FLIGHT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// One permit of the byte bound.
const PERMIT_BYTES: usize = 1_024;
/// The most durable commands under way in one process.
const INBOX_IN_FLIGHT_MAX: usize = 512;
/// When a durable command is delivered again that could not be decided.
const INBOX_RETRY: Duration = Duration::from_secs(1);
/// How long a sender waits for the lane (less than the five seconds that clients commonly wait); after that the outcome is
/// not known. The command goes on.
const REPLY_TIMEOUT: Duration = Duration::from_secs(4);
/// How often a durable command is tried that fails by itself, until it is set aside.
const INBOX_DELIVERIES_MAX: u64 = 10;
/// When a sender may ask again.
const RETRY_AFTER_S: u32 = 1;

/// Settings of the role.
#[derive(Clone, Debug)]
pub struct CommandSettings {
    /// The most commands that wait for the lane; more are answered `overloaded`.
    pub queue_commands_max: usize,
    /// The actor kinds that a publisher may name; publishers that are not listed may name every kind.
    pub publisher_actors: HashMap<String, Vec<ActorKind>>,
}

impl Default for CommandSettings {
    fn default() -> Self {
        Self { queue_commands_max: 8_192, publisher_actors: HashMap::new() }
    }
}

/// Why the role ended.
#[derive(Debug, thiserror::Error)]
pub enum CommandSideError {
    /// NATS: see its variants for what to do.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// The store: see its variants for what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The lane ended although nobody asked it to: a defect.
    #[error("the lane has ended")]
    LaneEnded,
    /// A task of the role panicked: a defect.
    #[error("a task failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs the role until `stop`; then takes no more commands and answers those under way. `pool` has the append role.
///
/// # Errors
/// The server could lose accepted commands, or NATS cannot be reached at the start.
pub async fn run(
    pool: PgPool,
    keys: MasterKeys,
    bus: Bus,
    settings: CommandSettings,
    stop: CancellationToken,
) -> Result<(), CommandSideError> {
    pool::require_durable(&pool).await?;
    keys.require_oldest(&pool).await?;
    let (lane, mut lane_task) =
        Lane::start(pool.clone(), Vault::new(pool.clone(), keys.clone()), settings.queue_commands_max);
    let intake = Arc::new(Intake {
        lane,
        settings,
        dead_letters: DeadLetters::new(pool, keys),
        bytes: Arc::new(Semaphore::new(IN_FLIGHT_BYTES_MAX / PERMIT_BYTES)),
        tasks: TaskTracker::new(),
    });
    let mut service = CommandService::start(&bus).await?;
    let stop = stop.child_token();
    // Whatever ends this role ends its reading of the inbox too.
    let _stop_inbox = stop.clone().drop_guard();
    let inbox_task = tokio::spawn(Arc::clone(&intake).read_inbox(Inbox::open(&bus).await?, stop.clone()));
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => break,
            ended = &mut lane_task => return ended.map_err(CommandSideError::Task).and(Err(CommandSideError::LaneEnded)),
            request = service.next() => match request {
                Some(request) => intake.take(request).await,
                None => break,
            },
        }
    }
    stop.cancel();
    service.stop().await;
    while let Some(request) = service.next().await {
        intake.take(request).await;
    }
    inbox_task.await?;
    intake.tasks.close();
    intake.tasks.wait().await;
    drop(intake);
    lane_task.await?;
    Ok(())
}

struct Intake {
    lane: Lane,
    settings: CommandSettings,
    dead_letters: DeadLetters,
    bytes: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Intake {
    /// Takes one request. Never waits for the lane: what there is no room for is refused.
    async fn take(&self, request: CommandRequest) {
        let submitted = self.read(&request.command).and_then(|message| {
            let room = self.room(&request.command)?;
            let deadline = request.command.deadline()?;
            let (command_id, id) = (message.command_id, message.stream.id);
            let erases = erases(&message);
            Ok((command_id, id, room, erases, self.lane.submit(message, deadline)?))
        });
        match submitted {
            Ok((command_id, id, room, erases, reply)) => {
                self.tasks.spawn(async move {
                    let reply = awaited(reply, erases).await;
                    answer(&request, command_id, id, &reply).await;
                    drop(room);
                });
            }
            Err(rejection) => {
                let command_id = command_id(&request.command);
                refuse(&request, &rejection, command_id).await;
            }
        }
    }

    fn room(&self, command: &RawCommand) -> Result<OwnedSemaphorePermit, Rejection> {
        let permits = u32::try_from(command.payload.len() / PERMIT_BYTES + 1).unwrap_or(u32::MAX);
        Arc::clone(&self.bytes)
            .try_acquire_many_owned(permits)
            .map_err(|_| Rejection::new(Code::Overloaded, "too many bytes of commands are under way"))
    }

    /// Reads a command and checks who sends it.
    fn read(&self, raw: &RawCommand) -> Result<CommandMessage, Rejection> {
        let publisher = Publisher::parse(&raw.publisher).map_err(|detail| Rejection::new(Code::Malformed, detail))?;
        if publisher.is_automation() {
            let detail = format!("the publisher {publisher} is Carelog's own");
            return Err(Rejection::new(Code::Forbidden, detail));
        }
        let message = CommandMessage::parse(publisher, &raw.aggregate, &raw.name, &raw.payload)?;
        match self.settings.publisher_actors.get(message.publisher.as_str()) {
            Some(kinds) if !kinds.contains(&message.actor.kind) => {
                let detail = format!("{} may not act as {}", message.publisher, message.actor.kind.name());
                Err(Rejection::new(Code::Forbidden, detail))
            }
            Some(_) | None => Ok(message),
        }
    }

    async fn read_inbox(self: Arc<Self>, mut inbox: Inbox, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(INBOX_IN_FLIGHT_MAX));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let message = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                message = inbox.next() => message,
            };
            let intake = Arc::clone(&self);
            self.tasks.spawn(async move {
                if let Err(error) = intake.decide_durable(&message).await {
                    tracing::warn!(%error, sequence = message.sequence, "a durable command will be delivered again");
                }
                drop(place);
            });
        }
    }

    /// Brings a durable command to its end: acknowledged when its receipt is durable, set aside if it cannot be read.
    async fn decide_durable(&self, message: &InboxMessage) -> Result<(), CommandSideError> {
        let command = match self.read(&message.command) {
            Ok(command) => command,
            Err(rejection) => return self.set_aside(message, &rejection).await,
        };
        let deadline = match message.command.deadline() {
            Ok(deadline) => deadline,
            Err(rejection) => return self.set_aside(message, &rejection).await,
        };
        let (command_id, id, erases) = (command.command_id, command.stream.id, erases(&command));
        let reply = match self.lane.submit_waiting(command, deadline).await {
            Ok(reply) => awaited(reply, erases).await,
            Err(rejection) => Reply::Undecided(rejection),
        };
        match reply {
            Reply::Decided { outcome, replayed, .. } => {
                message.ack().await?;
                let body = bytes(&outcome.body(command_id, id, replayed));
                match &outcome {
                    event_store::Outcome::Accepted { .. } => message.reply_accepted(body).await,
                    event_store::Outcome::Rejected(rejection) => message.reply_rejected(rejection.code, body).await,
                }
                Ok(())
            }
            // Trying again helps only where the store or the queue was at fault, and not for ever.
            Reply::Undecided(rejection)
                if rejection.code.status() != 503
                    || rejection.code == Code::DeadlinePassed
                    || (rejection.code == Code::Unavailable && message.deliveries >= INBOX_DELIVERIES_MAX) =>
            {
                self.set_aside(message, &rejection).await
            }
            Reply::Undecided(_) => Ok(message.retry(INBOX_RETRY).await?),
        }
    }

    async fn set_aside(&self, message: &InboxMessage, rejection: &Rejection) -> Result<(), CommandSideError> {
        let raw = &message.command;
        let subject = format!("{}.{}.{}", raw.publisher, raw.aggregate, raw.name);
        // The fields at fault, not the sentence: it may quote what is personal.
        let fields: Vec<&str> = rejection.errors.iter().map(|error| error.pointer.as_str()).collect();
        let detail = format!("{} {}", rejection.code.title(), fields.join(" "));
        self.dead_letters.keep(&subject, rejection.code.as_str(), detail.trim_end(), &raw.payload).await?;
        message.discard().await?;
        let body = bytes(&rejection_body(rejection, command_id(raw), false));
        message.reply_rejected(rejection.code, body).await;
        Ok(())
    }
}

async fn answer(request: &CommandRequest, command_id: Uuid, id: Uuid, reply: &Reply) {
    match reply {
        Reply::Decided { outcome, replayed, .. } => {
            let body = bytes(&outcome.body(command_id, id, *replayed));
            match outcome {
                event_store::Outcome::Accepted { .. } => {
                    count(&request.command, "accepted");
                    request.reply_accepted(body).await;
                }
                event_store::Outcome::Rejected(rejection) => {
                    count(&request.command, rejection.code.as_str());
                    request.reply_rejected(rejection.code, body, None).await;
                }
            }
        }
        Reply::Undecided(rejection) => refuse(request, rejection, Some(command_id)).await,
    }
}

async fn refuse(request: &CommandRequest, rejection: &Rejection, command_id: Option<Uuid>) {
    count(&request.command, rejection.code.as_str());
    let body = bytes(&rejection_body(rejection, command_id, false));
    let retry_after_s = (rejection.code.status() == 503).then_some(RETRY_AFTER_S);
    request.reply_rejected(rejection.code, body, retry_after_s).await;
}

fn count(command: &RawCommand, outcome: &'static str) {
    // Only names that the domain knows become labels: a sender must not make new time series.
    let aggregate = domain::Category::parse(&command.aggregate).map_or("unknown", domain::Category::name);
    metrics::counter!("carelog_commands_total", "aggregate" => aggregate, "outcome" => outcome).increment(1);
}

/// Waits for the lane's answer. An erasure is told when no cache can hold its keys any more.
async fn awaited(reply: oneshot::Receiver<Reply>, erases: bool) -> Reply {
    let reply = tokio::time::timeout(REPLY_TIMEOUT, reply).await;
    let reply = reply.ok().and_then(Result::ok).unwrap_or_else(lost);
    if let (true, Reply::Decided { outcome: event_store::Outcome::Accepted { .. }, recorded_at, .. }) = (erases, &reply)
    {
        let age = Utc::now().signed_duration_since(recorded_at).to_std().unwrap_or_default();
        tokio::time::sleep(KEY_CACHE_LIFE.saturating_sub(age)).await;
    }
    reply
}

fn erases(message: &CommandMessage) -> bool {
    matches!(message.command, domain::Command::Customer(domain::customer::Command::Erase { .. }))
}

fn lost() -> Reply {
    let detail = "the outcome is not known; ask again with the same command id";
    Reply::Undecided(Rejection::new(Code::Unavailable, detail))
}

fn bytes(body: &Value) -> Vec<u8> {
    body.to_string().into_bytes()
}

/// The command id of a message that could not be read as a whole, as far as it can be told.
fn command_id(raw: &RawCommand) -> Option<Uuid> {
    #[derive(serde::Deserialize)]
    struct Id {
        command_id: Uuid,
    }
    serde_json::from_slice::<Id>(&raw.payload).ok().map(|id| id.command_id)
}
