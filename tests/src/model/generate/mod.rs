//! Random commands over a few hot ids, drawn so that every command and every reason for a refusal is met.
//!
//! Of several candidates one is taken, either the first that the reference accepts or the one whose outcome was seen
//! least; so rare outcomes are met often, and the world does not stand still.

mod customer;
mod desk;
mod spoil;
mod ticket;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::coverage::Coverage;
use super::message::written;
use crate::reference::{Ask, COMMANDS, DAY, Flaw, SECOND, World};

/// Out of how many candidates a command is taken.
const CANDIDATES: usize = 4;

/// How times are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    /// The clock is the run's own: also the exact ends of windows.
    Exact,
    /// The clock is the machine's: whole days before the run's start, so that what is decided does not hang on the
    /// instant.
    Coarse {
        /// The run's start, in microseconds.
        start: i64,
    },
}

/// The ids of one world.
struct Cast {
    customers: Vec<Uuid>,
    agents: Vec<Uuid>,
    teams: Vec<Uuid>,
    tickets: Vec<Uuid>,
    transactions: Vec<Uuid>,
    parts: Vec<Uuid>,
    /// Named rarely, so that mostly nobody has it.
    rare: Uuid,
    /// Distinguishes what must be unique from other worlds.
    mark: u32,
}

impl Cast {
    fn draw(random: &mut StdRng) -> Self {
        let mut ids = |count: usize| (0..count).map(|_| Uuid::from_u128(random.random())).collect::<Vec<_>>();
        let (customers, agents, teams) = (ids(8), ids(6), ids(3));
        let (tickets, transactions, parts) = (ids(24), ids(6), ids(12));
        let (rare, mark) = (Uuid::from_u128(random.random()), random.random());
        Self { customers, agents, teams, tickets, transactions, parts, rare, mark }
    }
}

/// A source of commands.
pub(crate) struct Generator {
    random: StdRng,
    times: Times,
    cast: Cast,
}

impl Generator {
    pub(crate) fn new(seed: u64, times: Times) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let cast = Cast::draw(&mut random);
        Self { random, times, cast }
    }

    /// Goes on with new ids.
    pub(crate) fn new_world(&mut self) {
        self.cast = Cast::draw(&mut self.random);
    }

    /// How far the clock of a run in memory goes on, in microseconds.
    pub(crate) fn pause(&mut self) -> i64 {
        if self.random.random_bool(0.005) {
            self.random.random_range(1..15) * DAY
        } else {
            self.random.random_range(1..5 * SECOND)
        }
    }

    /// The next command.
    pub(crate) fn ask(&mut self, world: &World, now: i64, coverage: &Coverage) -> Ask {
        let wants_progress = self.random.random_bool(0.55);
        let mut best: Option<(u64, Ask)> = None;
        let never = COMMANDS.iter().filter(|command| coverage.accepted(command.aggregate, command.name) == 0);
        let never: Vec<_> = never.map(|command| (command.aggregate, command.name)).collect();
        for _ in 0..CANDIDATES {
            let command = match never.choose(&mut self.random) {
                Some(command) if self.random.random_bool(0.15) => *command,
                Some(_) | None => self.command(world),
            };
            let candidate = self.candidate(world, now, command);
            let outcome = world.verdict(&candidate, now).likeliest();
            let seen = coverage.of(&candidate, outcome);
            if wants_progress && outcome == "accepted" {
                return candidate;
            }
            if best.as_ref().is_none_or(|(least, _)| seen < *least) {
                best = Some((seen, candidate));
            }
        }
        best.expect("there are candidates").1
    }

    /// The same command id with other content.
    pub(crate) fn other_content(&mut self, ask: &Ask) -> Ask {
        let mut other = ask.clone();
        other.expected_version = match ask.expected_version {
            Some(version) if self.random.random_bool(0.5) => Some(version + 1),
            Some(_) => None,
            None => Some(self.random.random_range(0..9)),
        };
        other
    }

    fn candidate(&mut self, world: &World, now: i64, command: (&'static str, &'static str)) -> Ask {
        let (aggregate, name) = command;
        let (id, data) = match aggregate {
            "customer" => self.customer(world, name),
            "ticket" => self.ticket(world, name),
            _ => self.desk(world, aggregate, name),
        };
        let (actor_kind, actor_id) = self.actor(name);
        let mut ask = Ask {
            command_id: Uuid::from_u128(self.random.random()),
            aggregate,
            name,
            id,
            expected_version: None,
            occurred_at: None,
            actor_kind,
            actor_id,
            data,
            flaw: Flaw::None,
        };
        ask.expected_version = self.expected_version(world, &ask);
        ask.occurred_at = self.occurred_at(world, &ask, now);
        if self.random.random_bool(0.04) {
            self.spoil(&mut ask);
        }
        ask
    }

    /// Any command, with an eye on those without which the others have nothing to do.
    fn command(&mut self, world: &World) -> (&'static str, &'static str) {
        let lacks = [
            (world.customers.len() < 6, "customer", "register"),
            (world.agents.len() < 5, "agent", "register"),
            (world.teams.len() < 2, "team", "form"),
            (world.tickets.len() < 12, "ticket", "open"),
            (world.transactions.len() < 3, "transaction", "record"),
        ];
        let lacking: Vec<_> = lacks.into_iter().filter(|(lacks, ..)| *lacks).collect();
        match lacking.choose(&mut self.random) {
            Some((_, aggregate, name)) if self.random.random_bool(0.4) => (aggregate, name),
            _ => {
                let command = COMMANDS.choose(&mut self.random).expect("there are commands");
                (command.aggregate, command.name)
            }
        }
    }

    fn actor(&mut self, name: &str) -> (&'static str, String) {
        let timer = matches!(name, "close" | "resume") && self.random.random_bool(0.3);
        match self.random.random_range(0..100) {
            _ if timer => ("system", "clock".to_owned()),
            0..40 => ("service", "web".to_owned()),
            40..84 => ("agent", self.agent().to_string()),
            84..91 => ("customer", "somebody".to_owned()),
            91..95 => ("rule", "nightly".to_owned()),
            _ => ("system", "carelog".to_owned()),
        }
    }

    fn expected_version(&mut self, world: &World, ask: &Ask) -> Option<u64> {
        if !self.random.random_bool(0.12) {
            return None;
        }
        let kind = crate::reference::Kind::parse(ask.aggregate)?;
        let version = world.version(crate::reference::Stream { kind, id: ask.id });
        Some(match self.random.random_range(0..10) {
            0..7 => version,
            7 => version + 1,
            8 => version.saturating_sub(1),
            _ => 0,
        })
    }

    fn occurred_at(&mut self, world: &World, ask: &Ask, now: i64) -> Option<i64> {
        let resolved = world.tickets.get(&ask.id).and_then(|ticket| ticket.reopen_until);
        let bought = world.transactions.get(&ask.id).map(|transaction| transaction.at);
        // Some resolutions are told of long after: their window has passed.
        if ask.name == "resolve" && self.random.random_bool(0.3) {
            let start = match self.times {
                Times::Coarse { start } => start,
                Times::Exact => now,
            };
            return Some(start - self.random.random_range(15..40) * DAY);
        }
        let (chance, step) = (self.random.random_range(0..1_000), self.random.random_range(-1..=1));
        match (self.times, chance) {
            (_, 0..780) => None,
            (_, 780..785) => Some(-2_300_000_000 * SECOND),
            (_, 785..800) => Some(now + 3_600 * SECOND),
            (Times::Coarse { start }, _) => Some(start - self.random.random_range(1..40) * DAY),
            (Times::Exact, 800..810) => Some(now + 300 * SECOND + step),
            (Times::Exact, 810..880) => resolved.or(bought).map(|end| end + step),
            (Times::Exact, _) => Some(now - self.random.random_range(0..30 * DAY)),
        }
    }

    /// A time as text, for a wake-up: soon, in some days, or gone by.
    fn until(&mut self) -> String {
        let days = self.random.random_range(-30..30);
        match self.times {
            Times::Coarse { start } if self.random.random_bool(0.9) => written(start + days * DAY),
            Times::Exact if self.random.random_bool(0.9) => {
                written(super::pure::BEGINNING + (days + 60) * DAY + self.random.random_range(0..DAY))
            }
            Times::Coarse { .. } | Times::Exact => "2099-01-01T00:00:00Z".to_owned(),
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random.random_bool(probability)
    }

    fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    fn word(&mut self, words: &[&'static str]) -> &'static str {
        words.choose(&mut self.random).expect("there are words")
    }

    /// One of the ids, or now and then one that nobody has.
    fn of(&mut self, pick: fn(&Cast) -> &Vec<Uuid>) -> Uuid {
        if self.random.random_bool(0.02) {
            return self.cast.rare;
        }
        *pick(&self.cast).choose(&mut self.random).expect("there are ids")
    }

    fn agent(&mut self) -> Uuid {
        self.of(|cast| &cast.agents)
    }

    fn any_customer(&mut self) -> Uuid {
        self.of(|cast| &cast.customers)
    }

    fn team(&mut self) -> Uuid {
        self.of(|cast| &cast.teams)
    }

    fn part(&mut self) -> Uuid {
        self.of(|cast| &cast.parts)
    }

    /// One of these, if there are any and chance wills it; else another.
    fn rather<'a>(&mut self, these: impl IntoIterator<Item = &'a Uuid>, other: Uuid) -> Uuid {
        let these: Vec<Uuid> = these.into_iter().copied().collect();
        these.choose(&mut self.random).copied().filter(|_| self.random.random_bool(0.75)).unwrap_or(other)
    }

    fn tags(&mut self) -> Value {
        const TAGS: [&str; 7] = ["vip", " vip ", "caf\u{e9}", "cafe\u{301}", "退货", "late", "new"];
        if self.chance(0.02) {
            return json!((0..51).map(|n| format!("tag {n}")).collect::<Vec<_>>());
        }
        if self.chance(0.02) {
            return json!((0..49).map(|n| format!("tag {n}")).collect::<Vec<_>>());
        }
        let count = self.below(3);
        json!((0..count).map(|_| self.word(&TAGS)).collect::<Vec<_>>())
    }
}

/// An object in the making: fields that are there only sometimes.
#[derive(Default)]
struct Object(Map<String, Value>);

impl Object {
    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), value.into());
        self
    }

    fn maybe(self, is_there: bool, field: &str, value: impl Into<Value>) -> Self {
        if is_there { self.with(field, value) } else { self }
    }

    fn value(self) -> Value {
        Value::Object(self.0)
    }
}
