//! The form through PostgreSQL: clients that wait for their answers send commands on a few hot ids to several lanes, each
//! with a pool of its own, as handler processes have; then every answer is explained by the reference.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use command_side::lane::{Lane, Reply};
use domain::envelope::CommandMessage;
use domain::rejection::Code;
use event_store::pool::PoolRole;
use event_store::{Outcome, Reader, Vault};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::attempt::{Answer, Attempt, Purpose};
use super::generate::{Generator, Times};
use super::{Coverage, Evidence, explain, message};
use crate::reference::{Ask, World};
use crate::{TestDatabase, keys};

/// How many commands a world lives.
const WORLD_COMMANDS: u64 = 600;
/// How often a command is asked again whose outcome is not known.
const TRIES_MAX: usize = 20;
/// As many commands are told of at once.
const TOLD_EVERY: u64 = 10_000;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many commands.
    pub commands: u64,
    /// The seed of everything that is random but the order in which the clients come.
    pub seed: u64,
    /// How many clients send commands.
    pub clients: usize,
    /// To how many lanes.
    pub lanes: usize,
}

/// What the clients have in common: where commands come from, and a world as it may be by now, to draw them by.
struct Guide {
    generator: Generator,
    random: StdRng,
    world: World,
    number: usize,
    sent: u64,
    left: u64,
    coverage: Coverage,
    /// The commands of this world that were answered, and whether for good.
    answered: Vec<(Arc<Ask>, bool)>,
}

/// What a client does next.
struct Plan {
    world: usize,
    ask: Arc<Ask>,
    purpose: Purpose,
    /// How many lanes get it at once.
    copies: usize,
}

impl Guide {
    fn new(settings: Settings, start: i64) -> Self {
        Self {
            generator: Generator::new(settings.seed, Times::Coarse { start }),
            random: StdRng::seed_from_u64(settings.seed ^ 1),
            world: World::default(),
            number: 0,
            sent: 0,
            left: settings.commands,
            coverage: Coverage::default(),
            answered: Vec::new(),
        }
    }

    fn plan(&mut self, now: i64) -> Option<Plan> {
        self.left = self.left.checked_sub(1)?;
        if self.left.is_multiple_of(TOLD_EVERY) {
            println!("model-postgres: {} commands left", self.left);
        }
        if self.sent == WORLD_COMMANDS {
            self.generator.new_world();
            (self.world, self.sent, self.answered) = (World::default(), 0, Vec::new());
            self.number += 1;
        }
        self.sent += 1;
        let again = self.random.random_bool(0.06).then(|| self.answered.choose(&mut self.random).cloned()).flatten();
        let (ask, purpose) = match again {
            Some((ask, true)) if self.random.random_bool(0.4) => {
                (Arc::new(self.generator.other_content(&ask)), Purpose::Other)
            }
            Some((ask, _)) => (ask, Purpose::Again),
            None => (Arc::new(self.generator.ask(&self.world, now, &self.coverage)), Purpose::First),
        };
        let copies = if self.random.random_bool(0.05) { 2 } else { 1 };
        Some(Plan { world: self.number, ask, purpose, copies })
    }

    fn learn(&mut self, attempt: &Attempt) {
        let ask = &attempt.ask;
        for answer in &attempt.answers {
            self.coverage.count(ask, answer.label());
        }
        if attempt.world != self.number || attempt.purpose == Purpose::Other {
            return;
        }
        self.answered.push((Arc::clone(ask), attempt.decided().is_some()));
        let accepted =
            matches!(attempt.decided(), Some((Outcome::Accepted { events, .. }, false)) if !events.is_empty());
        if let Some(effects) = self.world.verdict(ask, attempt.at).accepted.filter(|_| accepted) {
            self.world.apply(effects);
        }
    }
}

fn locked(guide: &Mutex<Guide>) -> MutexGuard<'_, Guide> {
    guide.lock().expect("no client panicked")
}

/// Runs it on a database of its own on the server of `DATABASE_URL`.
///
/// # Panics
/// The server cannot be reached.
pub async fn run(settings: Settings) -> Evidence {
    let begun = Instant::now();
    let database = TestDatabase::create().await;
    let reader = database.reader().await;
    let mut lanes = Vec::new();
    for _ in 0..settings.lanes.max(1) {
        let pool = database.pool(PoolRole::Append).await;
        lanes.push(Lane::start(pool.clone(), Vault::new(pool, keys()), 4_096).0);
    }
    let guide = Arc::new(Mutex::new(Guide::new(settings, chrono::Utc::now().timestamp_micros())));
    let clients = (0..settings.clients.max(1) as u64).map(|client| {
        let (guide, lanes, reader) = (Arc::clone(&guide), lanes.clone(), reader.clone());
        tokio::spawn(work(guide, lanes, reader, StdRng::seed_from_u64(settings.seed ^ (client + 2))))
    });
    let mut attempts: Vec<Attempt> = join_all(clients.collect::<Vec<_>>())
        .await
        .into_iter()
        .flat_map(|done| done.expect("no client panicked"))
        .collect();
    attempts.sort_by_key(|attempt| attempt.at);
    let answered_s = begun.elapsed().as_secs_f64();
    println!("model-postgres: {} commands answered after {answered_s:.1} s", attempts.len());
    let unknown = attempts.iter().filter(|attempt| attempt.is_unknown()).count() as u64;
    let (events, violations) = explain::check(&attempts, &database).await;
    let coverage = locked(&guide).coverage.clone();
    database.remove().await;
    Evidence {
        scenario: "model-postgres",
        seed: settings.seed,
        invoked: attempts.len() as u64,
        unknown,
        events,
        violations,
        wall_s: begun.elapsed().as_secs_f64(),
        coverage,
        with_receipts: true,
        clients: (settings.clients.max(1), settings.lanes.max(1)),
    }
}

/// One client: sends a command, waits for the answer, and goes on until none is left.
async fn work(guide: Arc<Mutex<Guide>>, lanes: Vec<Lane>, reader: Reader, mut random: StdRng) -> Vec<Attempt> {
    let mut attempts = Vec::new();
    loop {
        let at = chrono::Utc::now().timestamp_micros();
        let Some(plan) = locked(&guide).plan(at) else { return attempts };
        let Plan { world, ask, purpose, copies } = plan;
        let mut attempt = Attempt { world, ask, purpose, from: 0, until: 0, at, ended: at, answers: Vec::new() };
        match message::read(&attempt.ask) {
            Err(rejection) => attempt.answers.push(Answer::Unread(rejection.code.as_str())),
            Ok(message) => {
                attempt.from = reader.head().await.expect("the database answers").position;
                let chosen: Vec<&Lane> = lanes.sample(&mut random, copies).collect();
                let asked = chosen.into_iter().map(|lane| answered(lane, &message));
                attempt.answers = join_all(asked).await;
                attempt.until = reader.head().await.expect("the database answers").position;
            }
        }
        attempt.ended = chrono::Utc::now().timestamp_micros();
        locked(&guide).learn(&attempt);
        attempts.push(attempt);
        // Staggered: some give way between commands, so that batches of all sizes meet.
        for _ in 0..random.random_range(0..4) {
            tokio::task::yield_now().await;
        }
    }
}

/// Sends a command until it has an outcome, with the same id, as a careful client does.
async fn answered(lane: &Lane, message: &CommandMessage) -> Answer {
    for _ in 0..TRIES_MAX {
        let reply = match lane.submit_waiting(message.clone(), None).await {
            Ok(reply) => reply.await,
            Err(_) => return Answer::Unknown,
        };
        match reply {
            Ok(Reply::Decided { outcome, replayed, .. }) => return Answer::Decided { outcome, replayed },
            Ok(Reply::Undecided(rejection)) if rejection.code != Code::Unavailable => {
                return Answer::Undecided(rejection.code.as_str());
            }
            Ok(Reply::Undecided(_)) | Err(_) => {}
        }
    }
    Answer::Unknown
}
