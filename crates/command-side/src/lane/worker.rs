//! One worker of the lane: it gathers what is queued up, decides it, appends it, and answers.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::StreamId;
use domain::decider::{ClaimQuery, Holding, LoadedStream};
use domain::envelope::{CommandMessage, Publisher};
use domain::rejection::{Code, Rejection};
use event_store::{Answer, Batch, Seen, StoreError, Vault, Verdict, load_claims, load_streams, lock};
use seeded_bugs::{Bug, is_active};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::cache::{self, Cache};
use super::workspace::{Missing, Used, Workspace};
use super::{Reply, Submission};

/// The most commands of a batch.
const BATCH_COMMANDS_MAX: usize = 1_024;
/// How long a batch waits at most for what is about to come.
const GATHERING_MAX: Duration = Duration::from_millis(2);
/// How often a command is refused before it goes the sure way.
const REFUSALS_MAX: u8 = 2;
/// The most rounds of asking what a command wants to read.
const READ_ROUNDS_MAX: usize = 8;
/// How long a batch is tried again while the database is away.
const OUTAGE_MAX: Duration = Duration::from_secs(3);
/// The pause between tries while the database is away.
const OUTAGE_PAUSE: Duration = Duration::from_millis(50);

/// A command on its way, with everybody who waits for its answer.
struct Pending {
    message: CommandMessage,
    fingerprint: [u8; 32],
    deadline: Option<DateTime<Utc>>,
    refusals: u8,
    /// Whether an attempt failed, so that the command may be durable although nobody knows.
    in_doubt: bool,
    /// Whether a refusal without a receipt rested on remembered states: no guard would have noticed that they are old.
    doubted: bool,
    waiting: Vec<oneshot::Sender<Reply>>,
}

impl Pending {
    fn answer(self, reply: &Reply) {
        for waiting in self.waiting {
            // A sender that no longer waits will ask again with the same id.
            let _ = waiting.send(reply.clone());
        }
    }
}

pub(super) struct Worker {
    pool: PgPool,
    /// The one that it works with until it fails or there is nothing to do: another one has to find everything anew,
    /// and to be given back. One that is not given back is never looked at for its age.
    connection: Option<PoolConnection<Postgres>>,
    vault: Vault,
    cache: Cache,
    /// Everything that is remembered holds up to here.
    seen: Option<Seen>,
}

impl Worker {
    pub(super) fn new(pool: PgPool, vault: Vault) -> Self {
        Self { pool, connection: None, vault, cache: Cache::new(), seen: None }
    }

    /// Works until the queue is closed and empty.
    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<Submission>) {
        let mut gathered = Vec::new();
        loop {
            // `recv_many` is cancel safe; the pause lets states age out of the cache of an idle lane.
            match tokio::time::timeout(cache::HALF_LIFE, receiver.recv_many(&mut gathered, BATCH_COMMANDS_MAX)).await {
                Ok(0) => return,
                Ok(_) => {
                    Self::gather(&mut gathered, &mut receiver).await;
                    metrics::histogram!("carelog_lane_batch_commands")
                        .record(u32::try_from(gathered.len()).unwrap_or(u32::MAX));
                    while !gathered.is_empty() {
                        let pending = Self::joined(&mut gathered);
                        self.conclude(pending).await;
                    }
                }
                Err(_) => self.connection = None,
            }
            self.cache.turn();
        }
    }

    /// Takes what is about to come, too. The answers of a batch wake many senders, and the first of them would have the
    /// next batch for itself, while all others wait for it.
    async fn gather(gathered: &mut Vec<Submission>, receiver: &mut mpsc::Receiver<Submission>) {
        let begun = Instant::now();
        let mut before = 0;
        while before < gathered.len() && gathered.len() < BATCH_COMMANDS_MAX && begun.elapsed() < GATHERING_MAX {
            before = gathered.len();
            tokio::task::yield_now().await;
            while gathered.len() < BATCH_COMMANDS_MAX
                && let Ok(submission) = receiver.try_recv()
            {
                gathered.push(submission);
            }
        }
    }

    /// Brings every command to its answer.
    async fn conclude(&mut self, mut pending: Vec<Pending>) {
        let mut away_since = None;
        while !pending.is_empty() {
            let sure = pending.iter().any(|command| self.goes_surely(command));
            let afresh = !sure && pending.iter().any(|command| command.doubted);
            let (turn, later): (Vec<_>, Vec<_>) = pending
                .into_iter()
                .partition(|command| if sure { self.goes_surely(command) } else { command.doubted == afresh });
            pending = later;
            let turn = in_time(turn);
            match self.attempt(&turn, sure).await {
                Ok(settled) => pending.extend(settle(turn, settled, sure)),
                Err(error) => {
                    // The server may be another one by now: nothing is relied on.
                    (self.cache, self.seen) = (Cache::new(), None);
                    let since = *away_since.get_or_insert_with(Instant::now);
                    if error.is_passing() && since.elapsed() < OUTAGE_MAX {
                        pending.extend(turn.into_iter().map(|command| Pending { in_doubt: true, ..command }));
                        tokio::time::sleep(OUTAGE_PAUSE).await;
                    } else if error.is_passing() || turn.len() == 1 {
                        tracing::error!(%error, commands = turn.len(), "commands could not be appended");
                        let detail = "the store did not answer; ask again with the same command id";
                        let reply = Reply::Undecided(Rejection::new(Code::Unavailable, detail));
                        turn.into_iter().for_each(|command| command.answer(&reply));
                    } else {
                        // One of them cannot be appended: it must not fail its companions.
                        tracing::warn!(%error, commands = turn.len(), "a batch failed; its commands go one by one");
                        self.one_by_one(turn).await;
                    }
                }
            }
        }
    }

    fn goes_surely(&self, command: &Pending) -> bool {
        command.refusals >= REFUSALS_MAX || self.cache.is_contested(&command.message.stream)
    }

    /// Brings commands to their answers one after the other, each in a batch of its own.
    async fn one_by_one(&mut self, turn: Vec<Pending>) {
        for command in turn {
            Box::pin(self.conclude(vec![command])).await;
        }
    }

    /// One entry per command id: the same command sent twice is decided once. Other content under the same id stays
    /// behind until then: which of them is the first is told by the receipt.
    fn joined(gathered: &mut Vec<Submission>) -> Vec<Pending> {
        let mut pending: Vec<Pending> = Vec::with_capacity(gathered.len());
        let mut known: HashMap<(Publisher, Uuid), usize> = HashMap::new();
        for Submission { message, fingerprint, deadline, reply } in std::mem::take(gathered) {
            let first = known.get(&(message.publisher.clone(), message.command_id)).copied();
            match first.and_then(|index| pending.get_mut(index)) {
                Some(first) if first.fingerprint == fingerprint => {
                    // Whoever waits longest decides for how long.
                    first.deadline = first.deadline.zip(deadline).map(|(one, other)| one.max(other));
                    first.waiting.push(reply);
                }
                Some(_) => gathered.push(Submission { message, fingerprint, deadline, reply }),
                None => {
                    known.insert((message.publisher.clone(), message.command_id), pending.len());
                    pending.push(Pending {
                        message,
                        fingerprint,
                        deadline,
                        refusals: 0,
                        in_doubt: false,
                        doubted: false,
                        waiting: vec![reply],
                    });
                }
            }
        }
        pending
    }

    /// Brings a turn into the history as far as it goes.
    async fn attempt(&mut self, turn: &[Pending], sure: bool) -> Result<Vec<Settled>, StoreError> {
        if turn.is_empty() {
            return Ok(Vec::new());
        }
        let begun = Instant::now();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.pool.acquire().await?,
        };
        if is_active(Bug::DroppedFuture) {
            // At any of its awaits, however fast the machine.
            let time = Duration::from_micros(u64::from(Utc::now().timestamp_subsec_micros() % 400));
            let _ = tokio::time::timeout(time, connection.begin()).await;
        }
        if is_active(Bug::AcceptBeforeCommit) {
            sqlx::query("begin").execute(&mut *connection).await?;
        }
        let appended = if sure {
            self.append_surely(turn, &mut connection).await?
        } else if turn.iter().all(|command| command.doubted) {
            self.append_afresh(turn, &mut connection, false).await?
        } else {
            self.append_hopefully(turn, &mut connection).await?
        };
        if is_active(Bug::AcceptBeforeCommit) {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(5)).await;
                sqlx::query("commit").execute(&mut *connection).await
            });
        } else {
            self.connection = Some(connection);
        }
        self.remember(&appended, begun);
        if sure {
            appended.unconfirmed().flat_map(|used| &used.streams).for_each(|stream| self.cache.forget(stream));
        }
        let settled = appended.settled().into_iter().zip(turn).map(|(settled, command)| match settled {
            Settled::Answered(Answer::Refused) if sure && command.refusals > REFUSALS_MAX => {
                Settled::Undecided(refused_under_the_lock())
            }
            settled @ (Settled::Answered(_) | Settled::Undecided(_)) => settled,
        });
        Ok(settled.collect())
    }

    /// Decides on what is remembered.
    async fn append_hopefully(
        &mut self,
        turn: &[Pending],
        connection: &mut PgConnection,
    ) -> Result<Appended, StoreError> {
        let (mut workspace, undecided) = self.decide(turn, connection, false).await?;
        let batch = Batch { seen: self.seen, ..workspace.finish(false) };
        let verdict = batch.append(connection, &self.vault).await?;
        Ok(Appended { known: vec![Answer::Refused; turn.len()], workspace, undecided, verdict })
    }

    /// Under the append lock nobody can get ahead: what is undecided then is decided for good. Only what is remembered
    /// can still be wrong, where a data subject was erased meanwhile: then all is read again, once.
    async fn append_surely(&mut self, turn: &[Pending], connection: &mut PgConnection) -> Result<Appended, StoreError> {
        metrics::counter!("carelog_lane_sure_way_total").increment(1);
        let mut tx = connection.begin().await?;
        lock(&mut tx).await?;
        let appended = self.append_afresh(turn, &mut tx, true).await?;
        tx.commit().await?;
        Ok(appended)
    }

    /// Decides on what is stored now. Commands that were decided before are answered from their receipts, also where
    /// whoever sends them again may not ask for them any longer.
    async fn append_afresh(
        &mut self,
        turn: &[Pending],
        connection: &mut PgConnection,
        exact: bool,
    ) -> Result<Appended, StoreError> {
        let known = known(turn, connection).await?;
        let open: Vec<&Pending> = turn
            .iter()
            .zip(&known)
            .filter(|(_, known)| **known == Answer::Refused)
            .map(|(command, _)| command)
            .collect();
        let (mut workspace, undecided) = self.decide(&open, connection, true).await?;
        let batch = Batch { seen: self.seen, ..workspace.finish(exact) };
        let verdict = batch.append(connection, &self.vault).await?;
        Ok(Appended { known, workspace, undecided, verdict })
    }

    /// Decides the commands in turn; `afresh` relies on nothing that is remembered without a look at what came after.
    /// Gives the workspace and, for each command, why it was not decided and is not part of the batch.
    async fn decide<P: std::borrow::Borrow<Pending>>(
        &mut self,
        turn: &[P],
        connection: &mut PgConnection,
        afresh: bool,
    ) -> Result<(Workspace, Vec<Option<Rejection>>), StoreError> {
        let mut workspace = Workspace::new(turn.len());
        let messages: Vec<&CommandMessage> = turn.iter().map(|command| &command.borrow().message).collect();
        if !afresh {
            self.expect_new(&mut workspace, turn);
        }
        // What most of them want is read for all at once; what is missing then depends on the commands before.
        self.load_wanted(&mut workspace, messages, connection, afresh).await?;
        let clock = Utc::now();
        let mut undecided = Vec::with_capacity(turn.len());
        for command in turn.iter().map(std::borrow::Borrow::borrow) {
            let complete = self.load_wanted(&mut workspace, vec![&command.message], connection, afresh).await?;
            let wanted = workspace.wanted(&command.message);
            let mut outcome = match complete {
                true => workspace.decide(&command.message, &wanted, clock),
                false => Err(Rejection::limit_exceeded("rounds of reading for one command", READ_ROUNDS_MAX as u64)),
            };
            if let Ok(decision) = &outcome {
                let unasked = workspace.unasked(decision);
                if !unasked.is_empty() {
                    self.load(&mut workspace, unasked, connection, afresh).await?;
                    outcome = workspace.decide(&command.message, &wanted, clock);
                }
            }
            match outcome {
                Err(rejection) if !rejection.code.is_decided() => undecided.push(Some(rejection)),
                outcome => {
                    workspace
                        .take(&command.message, command.fingerprint, wanted, clock, outcome)
                        .map_err(|error| StoreError::Corrupt(error.to_string()))?;
                    undecided.push(None);
                }
            }
        }
        Ok((workspace, undecided))
    }

    /// A command that creates an aggregate is decided as if there were none: if there is one, its guard refuses the
    /// command, and the next attempt reads it.
    fn expect_new<P: std::borrow::Borrow<Pending>>(&self, workspace: &mut Workspace, turn: &[P]) {
        for Pending { message, refusals, .. } in turn.iter().map(std::borrow::Borrow::borrow) {
            let stream = message.stream;
            if *refusals == 0 && message.command.creates() && self.cache.stream(&stream).is_none() {
                workspace.add_stream(stream, LoadedStream::empty(stream));
            }
        }
    }

    /// Loads what the commands want to read, until they want nothing new. Says whether that came to an end.
    async fn load_wanted(
        &mut self,
        workspace: &mut Workspace,
        mut messages: Vec<&CommandMessage>,
        connection: &mut PgConnection,
        afresh: bool,
    ) -> Result<bool, StoreError> {
        for _ in 0..=READ_ROUNDS_MAX {
            let mut missing = Missing::default();
            messages.retain(|message| workspace.is_missing(&workspace.wanted(message), &mut missing));
            if missing.is_empty() {
                return Ok(true);
            }
            self.load(workspace, missing, connection, afresh).await?;
        }
        Ok(false)
    }

    async fn load(
        &mut self,
        workspace: &mut Workspace,
        missing: Missing,
        connection: &mut PgConnection,
        afresh: bool,
    ) -> Result<(), StoreError> {
        let mut streams = HashMap::new();
        for id in missing.streams {
            match self.cache.stream(&id) {
                Some(known) if !afresh && known.is_latest() => workspace.add_stream(id, known.stream.clone()),
                known => _ = streams.insert(id, known.cloned()),
            }
        }
        if !streams.is_empty() {
            let asked_at = Instant::now();
            let known = streams.iter().map(|(id, known)| (*id, known.as_ref().map(|known| known.stream.clone())));
            for (id, stream) in load_streams(connection, &self.vault, known).await? {
                if stream.version > 0 {
                    self.cache.put_read(id, stream.clone(), streams.remove(&id).flatten(), asked_at);
                }
                workspace.add_stream(id, stream);
            }
        }
        let mut queries = Vec::new();
        for query in missing.claims {
            match self.remembered(&query).filter(|_| !afresh) {
                Some(held) => workspace.add_claim(query, held.clone()),
                None => queries.push(query),
            }
        }
        if !queries.is_empty() {
            let mut held = load_claims(connection, self.vault.master(), &queries).await?;
            for query in queries {
                let holdings = held
                    .get_mut(&query.key)
                    .map(|holdings| holdings.iter().filter(|held| in_range(held, &query)).copied().collect::<Vec<_>>());
                let holdings = holdings.unwrap_or_default();
                if !afresh && query.range.is_none() {
                    self.cache.claims.put(self.vault.master().claim(&query.key), holdings.clone());
                }
                workspace.add_claim(query, holdings);
            }
        }
        Ok(())
    }

    /// The holders of a claim as far as they are remembered.
    fn remembered(&self, query: &ClaimQuery) -> Option<&Vec<Holding>> {
        match query.range {
            None => self.cache.claims.get(&self.vault.master().claim(&query.key)),
            Some(_) => None,
        }
    }

    /// Keeps what the append confirmed, and doubts what it did not. What a confirmed command read may have been changed
    /// by a refused one after it, whose change was never appended.
    fn remember(&mut self, appended: &Appended, begun: Instant) {
        let Verdict { answers, seen, changed } = &appended.verdict;
        match changed {
            Some(changed) => changed.iter().for_each(|(stream, version)| self.cache.learn(stream, *version)),
            None => self.cache.outdate(),
        }
        self.seen = *seen;
        let workspace = &appended.workspace;
        let mut recorded: HashMap<_, DateTime<Utc>> = HashMap::new();
        for (answer, used) in answers.iter().zip(workspace.used()) {
            if let Answer::Decided { recorded_at, .. } = answer {
                recorded.extend(used.streams.iter().map(|stream| (*stream, *recorded_at)));
            }
        }
        let unconfirmed: HashSet<_> = appended.unconfirmed().flat_map(|used| &used.streams).collect();
        let is_ours = |id: &StreamId| workspace.is_changed(*id) && !unconfirmed.contains(id);
        for (id, recorded_at) in recorded.into_iter().filter(|(id, _)| is_ours(id)) {
            if let Some(stream) = workspace.loaded().streams.get(&id) {
                self.cache.put_appended(id, LoadedStream { recorded_at: Some(recorded_at), ..stream.clone() }, begun);
            }
        }
        for (key, holder) in workspace.changed_claims() {
            if let Some(held) = self.cache.claims.get_mut(&self.vault.master().claim(key)) {
                let now = workspace.loaded().claims.get(key).into_iter().flatten();
                held.retain(|held| held.holder != *holder);
                held.extend(now.filter(|held| held.holder == *holder));
            }
        }
        for used in appended.unconfirmed() {
            used.streams.iter().for_each(|stream| self.cache.doubt(stream));
            for key in used.claims.iter().map(|query| &query.key).chain(&used.releases) {
                self.cache.claims.evict(&self.vault.master().claim(key));
            }
        }
    }
}

/// What an append made of a turn.
struct Appended {
    /// The answers of those that were decided before; `Refused` for the others, which were decided now.
    known: Vec<Answer>,
    workspace: Workspace,
    /// Of those decided now, why each was not part of the batch.
    undecided: Vec<Option<Rejection>>,
    /// What became of the batch.
    verdict: Verdict,
}

impl Appended {
    /// What the commands of the batch used that were not appended now.
    fn unconfirmed(&self) -> impl Iterator<Item = &Used> {
        let used = self.verdict.answers.iter().zip(self.workspace.used());
        used.filter(|(answer, _)| !matches!(answer, Answer::Decided { .. })).map(|(_, used)| used)
    }

    /// What became of each command of the turn.
    fn settled(self) -> Vec<Settled> {
        let (mut undecided, mut answers) = (self.undecided.into_iter(), self.verdict.answers.into_iter());
        let settled = self.known.into_iter().map(|known| match known {
            Answer::Refused => match undecided.next() {
                Some(Some(rejection)) => Settled::Undecided(rejection),
                Some(None) | None => Settled::Answered(answers.next().unwrap_or(Answer::Refused)),
            },
            Answer::Decided { .. } | Answer::Known { .. } | Answer::Mismatch => Settled::Answered(known),
        });
        settled.collect()
    }
}

/// What an attempt made of a command.
#[derive(Debug, PartialEq)]
enum Settled {
    /// It was part of the batch.
    Answered(Answer),
    /// It was not: it can be asked again.
    Undecided(Rejection),
}

fn refused_under_the_lock() -> Rejection {
    tracing::error!("a command was refused under the append lock");
    Rejection::new(Code::Unavailable, "the command could not be appended; ask again with the same command id")
}

/// Whether a holding is one that a query asks for.
fn in_range(held: &domain::decider::Holding, query: &domain::decider::ClaimQuery) -> bool {
    match (held.range, query.range) {
        (Some(held), Some(asked)) => held.overlaps(&asked),
        (None, _) | (_, None) => true,
    }
}

/// Answers those whose sender no longer waits for a decision; the others go on.
fn in_time(turn: Vec<Pending>) -> Vec<Pending> {
    let now = Utc::now();
    let (late, turn): (Vec<_>, Vec<_>) = turn
        .into_iter()
        .partition(|command| !command.in_doubt && command.deadline.is_some_and(|deadline| deadline < now));
    for command in late {
        let reply = Reply::Undecided(Rejection::new(Code::DeadlinePassed, "the deadline passed before the decision"));
        command.answer(&reply);
    }
    turn
}

/// Answers the decided commands; gives back the refused ones, and those without a decision that may rest on old states or
/// on the changes of a refused companion.
fn settle(turn: Vec<Pending>, settled: Vec<Settled>, sure: bool) -> Vec<Pending> {
    let unsettled = settled.contains(&Settled::Answered(Answer::Refused));
    let mut refused = Vec::new();
    for (mut command, settled) in turn.into_iter().zip(settled) {
        match settled {
            Settled::Answered(Answer::Decided { outcome, recorded_at }) => {
                command.answer(&Reply::Decided { outcome, recorded_at, replayed: false });
            }
            Settled::Answered(Answer::Known { outcome, recorded_at }) => {
                command.answer(&Reply::Decided { outcome, recorded_at, replayed: true });
            }
            Settled::Answered(Answer::Mismatch) => {
                let reply = mismatch(command.message.command_id);
                command.answer(&reply);
            }
            Settled::Undecided(_) if unsettled || !(sure || command.doubted) => {
                command.doubted = true;
                refused.push(command);
            }
            Settled::Undecided(rejection) => command.answer(&Reply::Undecided(rejection)),
            Settled::Answered(Answer::Refused) => {
                command.refusals += 1;
                refused.push(command);
            }
        }
    }
    refused
}

async fn known(turn: &[Pending], connection: &mut PgConnection) -> Result<Vec<Answer>, StoreError> {
    let asked: Vec<_> = turn
        .iter()
        .map(|command| (command.message.publisher.as_str(), command.message.command_id, command.fingerprint))
        .collect();
    event_store::known_answers(connection, &asked).await
}

fn mismatch(command_id: Uuid) -> Reply {
    let detail = format!("the command id {command_id} was used with other content");
    Reply::Undecided(Rejection::new(Code::CommandMismatch, detail))
}
