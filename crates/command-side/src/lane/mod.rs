//! The lane: commands queue up, are decided in batches, and are appended with one call and one fsync per batch.
//!
//! While a batch commits, the next one gathers; there is no timer. Two workers share the commands by their streams, so
//! that one decides while the other commits; between them hold the same guards as between processes. Commands of a batch
//! are decided one after the other against the speculative state of those before them. A group that another worker or
//! process got ahead of is refused whole and decided again; after two refusals it goes the sure way, under the append
//! lock. Nothing is speculated across batches.

mod cache;
mod groups;
mod worker;
mod workspace;

use chrono::{DateTime, Utc};
use domain::envelope::CommandMessage;
use domain::rejection::{Code, Rejection};
use event_store::{MasterKeys, Outcome, Vault};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use self::worker::Worker;

/// How many workers a lane has: one decides while the other's batch commits. Commands on one stream go to one worker.
const WORKERS: usize = 2;

/// What a sender is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The command was decided, now or before.
    Decided {
        /// What came of it.
        outcome: Outcome,
        /// When it was recorded.
        recorded_at: DateTime<Utc>,
        /// Whether it had been decided before.
        replayed: bool,
    },
    /// The command was not decided (and has no receipt), or its outcome is not known yet: ask again with the same id.
    Undecided(Rejection),
}

/// A command in the lane.
struct Submission {
    message: CommandMessage,
    fingerprint: [u8; 32],
    deadline: Option<DateTime<Utc>>,
    reply: oneshot::Sender<Reply>,
}

/// The way into the lane. Cheap to clone; the lane ends when the last clone is gone.
#[derive(Clone)]
pub struct Lane {
    senders: [mpsc::Sender<Submission>; WORKERS],
    master: MasterKeys,
}

impl Lane {
    /// Starts a lane over a pool with the append role. `queue_commands_max` bounds the commands that wait, shared evenly
    /// by the workers. The handle ends with the lane, and panics if a worker did.
    #[must_use]
    pub fn start(pool: PgPool, vault: Vault, queue_commands_max: usize) -> (Self, JoinHandle<()>) {
        let master = vault.master().clone();
        let mut workers = JoinSet::new();
        let senders = std::array::from_fn(|_| {
            let (sender, receiver) = mpsc::channel(queue_commands_max.div_ceil(WORKERS));
            workers.spawn(Worker::new(pool.clone(), vault.clone()).run(receiver));
            sender
        });
        let ended = tokio::spawn(async move {
            workers.join_all().await;
        });
        (Self { senders, master }, ended)
    }

    /// Puts a command into the queue. The answer comes through the receiver; dropping it does not stop the command.
    ///
    /// # Errors
    /// `overloaded`, if the queue is full or the lane has stopped.
    pub fn submit(
        &self,
        message: CommandMessage,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<oneshot::Receiver<Reply>, Rejection> {
        let (submission, receiver) = self.submission(message, deadline);
        self.worker_of(&submission).try_send(submission).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Rejection::new(Code::Overloaded, "the queue is full"),
            mpsc::error::TrySendError::Closed(_) => Rejection::new(Code::Unavailable, "shutting down"),
        })?;
        Ok(receiver)
    }

    /// Puts a command into the queue, waiting for room. For senders whose own intake is bounded.
    ///
    /// # Errors
    /// `unavailable`, if the lane has stopped.
    pub async fn submit_waiting(
        &self,
        message: CommandMessage,
        deadline: Option<DateTime<Utc>>,
    ) -> Result<oneshot::Receiver<Reply>, Rejection> {
        let (submission, receiver) = self.submission(message, deadline);
        let stopped = |_| Rejection::new(Code::Unavailable, "shutting down");
        self.worker_of(&submission).send(submission).await.map_err(stopped)?;
        Ok(receiver)
    }

    fn submission(
        &self,
        message: CommandMessage,
        deadline: Option<DateTime<Utc>>,
    ) -> (Submission, oneshot::Receiver<Reply>) {
        let (reply, receiver) = oneshot::channel();
        let fingerprint = self.master.fingerprint(&message.canonical);
        (Submission { message, fingerprint, deadline, reply }, receiver)
    }

    fn worker_of(&self, submission: &Submission) -> &mpsc::Sender<Submission> {
        let [first, second] = &self.senders;
        if submission.message.stream.id.as_u128().is_multiple_of(2) { first } else { second }
    }
}
