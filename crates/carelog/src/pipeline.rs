//! Many commands at once, in order where it matters.
//!
//! Two commands that concern one aggregate are sent one after the other: a command waits for the replies of earlier
//! ones that were addressed to its own aggregate or to one that its data names, and of earlier ones that name its own
//! aggregate. So a transaction waits for the registration of its customer, while the transactions of one customer
//! travel together. Where the outcome of one is unknown, those that wait for it are not sent.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Answer, Client, Outcome, Outgoing};

/// How many commands may wait for others, for each one that may be under way.
const WAITING_PER_SENDING_MAX: usize = 8;

/// A command with the ids under which it may be tried.
pub struct Job {
    /// Where it comes from, e.g. the number of a line.
    pub source: u64,
    /// The command.
    pub command: Outgoing,
    /// Ids to try if under the command's own it was rejected at an earlier time.
    pub further_ids: Vec<Uuid>,
}

/// A command with what became of it.
pub struct Finished {
    /// Where it comes from.
    pub source: u64,
    /// The command, under the last id that was tried.
    pub command: Outgoing,
    /// What became of it.
    pub answer: Answer,
}

/// Whether commands are answered or put into the durable inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Request–reply.
    Answered,
    /// The durable inbox. Nothing is known of an outcome, so order is not kept beyond the moment of storing.
    Durable,
}

/// Sends commands, so many at once, and hands out what became of each.
pub struct Pipeline<F> {
    client: Arc<Client>,
    way: Way,
    sending: Arc<Semaphore>,
    admitted_max: usize,
    tasks: JoinSet<Finished>,
    users: HashMap<Uuid, Users>,
    on_finished: F,
}

/// Who of the admitted commands uses an aggregate.
#[derive(Default)]
struct Users {
    addressed: Option<Arc<Done>>,
    named_since: Vec<Arc<Done>>,
}

#[derive(Default)]
struct Done {
    token: CancellationToken,
    is_unknown: AtomicBool,
}

impl<F: FnMut(Finished)> Pipeline<F> {
    /// A pipeline with at most `in_flight` commands under way. `on_finished` gets each outcome, in no certain order.
    pub fn new(client: Arc<Client>, way: Way, in_flight: usize, on_finished: F) -> Self {
        let in_flight = in_flight.max(1);
        Self {
            client,
            way,
            sending: Arc::new(Semaphore::new(in_flight)),
            admitted_max: in_flight * WAITING_PER_SENDING_MAX,
            tasks: JoinSet::new(),
            users: HashMap::new(),
            on_finished,
        }
    }

    /// Takes a command; waits while there are too many.
    pub async fn submit(&mut self, job: Job) {
        while self.tasks.len() >= self.admitted_max {
            self.collect_one().await;
        }
        while let Some(Ok(finished)) = self.tasks.try_join_next() {
            self.hand_out(finished);
        }
        let done = Arc::new(Done::default());
        let earlier = self.enlist(&job.command, &done);
        let (client, way, sending) = (Arc::clone(&self.client), self.way, Arc::clone(&self.sending));
        self.tasks.spawn(async move {
            let finished = run(job, &earlier, &client, way, &sending).await;
            let is_unknown = matches!(finished.answer.outcome, Outcome::Unknown(_) | Outcome::NotSent);
            done.is_unknown.store(is_unknown, Ordering::Release);
            done.token.cancel();
            finished
        });
    }

    /// Waits for all that were taken.
    pub async fn finish(mut self) {
        while !self.tasks.is_empty() {
            self.collect_one().await;
        }
    }

    async fn collect_one(&mut self) {
        // A task ends only with its outcome: it is neither aborted nor does it panic.
        if let Some(Ok(finished)) = self.tasks.join_next().await {
            self.hand_out(finished);
        }
    }

    fn hand_out(&mut self, finished: Finished) {
        for id in ids_of(&finished.command) {
            if let Some(users) = self.users.get_mut(&id) {
                users.forget_finished();
                if users.addressed.is_none() && users.named_since.is_empty() {
                    self.users.remove(&id);
                }
            }
        }
        (self.on_finished)(finished);
    }

    /// Notes what a command concerns; returns the earlier ones that it has to wait for.
    fn enlist(&mut self, command: &Outgoing, done: &Arc<Done>) -> Vec<Arc<Done>> {
        let mut earlier = Vec::new();
        for id in ids_of(command) {
            let users = self.users.entry(id).or_default();
            users.forget_finished();
            earlier.extend(users.addressed.clone());
            if id == command.body.id {
                earlier.append(&mut users.named_since);
                users.addressed = Some(Arc::clone(done));
            } else {
                users.named_since.push(Arc::clone(done));
            }
        }
        earlier
    }
}

impl Users {
    fn forget_finished(&mut self) {
        // One whose outcome is unknown stays: whoever comes later must not be sent either.
        let matters = |done: &Arc<Done>| !done.token.is_cancelled() || done.is_unknown.load(Ordering::Acquire);
        self.addressed = self.addressed.take().filter(matters);
        self.named_since.retain(|done| !done.token.is_cancelled());
    }
}

async fn run(job: Job, earlier: &[Arc<Done>], client: &Client, way: Way, sending: &Semaphore) -> Finished {
    let Job { source, mut command, further_ids } = job;
    for done in earlier {
        done.token.cancelled().await;
        if done.is_unknown.load(Ordering::Acquire) {
            return Finished { source, command, answer: Outcome::NotSent.into() };
        }
    }
    // The semaphore is never closed.
    let _permit = sending.acquire().await;
    let mut answer = send(client, way, &command).await;
    for id in further_ids {
        if !matches!(&answer.outcome, Outcome::Rejected(rejected) if rejected.replayed) {
            break;
        }
        command.body.command_id = id;
        answer = send(client, way, &command).await;
    }
    Finished { source, command, answer }
}

async fn send(client: &Client, way: Way, command: &Outgoing) -> Answer {
    match way {
        Way::Answered => client.send(command).await,
        Way::Durable => client.store(command).await,
    }
}

/// The aggregates that a command concerns: its own first, then those whose ids stand in its data.
fn ids_of(command: &Outgoing) -> Vec<Uuid> {
    let mut ids = vec![command.body.id];
    if let Ok(data) = serde_json::from_str(command.body.data.get()) {
        collect_ids(&data, &mut ids);
    }
    ids
}

fn collect_ids(value: &Value, ids: &mut Vec<Uuid>) {
    match value {
        Value::String(text) if text.len() == 36 => {
            if let Ok(id) = Uuid::parse_str(text)
                && !ids.contains(&id)
            {
                ids.push(id);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_ids(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect_ids(field, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
