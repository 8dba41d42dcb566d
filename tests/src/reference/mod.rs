//! The reference model: what the domain's specification says of each command, written down a second time.
//!
//! It shares nothing with the domain crate: ids are plain UUIDs, times are microseconds, names are texts. It is slow and
//! simple on purpose: claims are counted by looking at everybody, links are followed wherever they lead. For each command
//! it tells which outcomes are admissible. Where several reasons for a refusal hold at once, the specification leaves
//! open which of them is told; then any of them is.
//!
//! What the specification is silent about, and is assumed here:
//! - Reasons come in this order: a message that cannot be read; then time, version, existence, rights and state; then
//!   whether it is so already; then the rules of the command. Within one of these the order is open.
//! - Systems and services act with every right, customers and rules with none, agents with their role unless offline.
//! - Ids that a command leaves out follow from what it says: a message has its command's id, a contact point and an
//!   address the UUIDv5 of their place under the command's id, the n-th follow-up that of `follow-up n` under the
//!   ticket's id.
//! - The n-th resolution's survey has the UUIDv5 of `survey n` under the ticket's id; it is not requested where it would
//!   have expired by now.
//! - A merged customer keeps what is unique about it, so that it can be set free; its own links lead on.
//! - The limits of counts, where the specification names none, are those of the commands' documentation.

mod altered;
mod contact;
mod customer;
mod customer_merge;
mod desk;
mod message;
mod schema;
mod ticket;
mod ticket_links;
mod ticket_merge;
mod ticket_table;
mod ticket_work;
mod transaction;
mod verdict;

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

pub use altered::Altered;
pub(crate) use contact::{Address, Contact};
pub(crate) use customer::{Customer, Standing};
pub(crate) use customer_merge::Taken;
pub(crate) use desk::{Agent, Team, rank};
pub(crate) use schema::COMMANDS;
pub(crate) use ticket::Ticket;
pub(crate) use ticket_table::Status;
pub(crate) use ticket_work::Survey;
pub(crate) use transaction::{Line, Transaction};
pub(crate) use verdict::{Effect, Judgement, Verdict};

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds of a day of 24 hours.
pub(crate) const DAY: i64 = 24 * 3_600 * SECOND;

/// The kinds of aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Customer,
    Transaction,
    Agent,
    Team,
    Ticket,
    /// Only as the survey that a resolution asks for; nobody asks anything of it.
    Feedback,
}

impl Kind {
    /// Those that commands are for.
    pub(crate) const ALL: [Kind; 5] = [Self::Customer, Self::Transaction, Self::Agent, Self::Team, Self::Ticket];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Transaction => "transaction",
            Self::Agent => "agent",
            Self::Team => "team",
            Self::Ticket => "ticket",
            Self::Feedback => "feedback",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// An aggregate's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Stream {
    pub(crate) kind: Kind,
    pub(crate) id: Uuid,
}

/// What is wrong with a message as a whole, if anything is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// It ends in the middle.
    Broken,
    /// A key of it stands there twice.
    Doubled,
    /// It is nested deeper than 32.
    Deep,
    /// It is longer than 256 KiB.
    Large,
    /// It has a field that the contract does not know.
    Unknown,
}

/// A command as somebody sends it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) command_id: Uuid,
    pub(crate) aggregate: &'static str,
    pub(crate) name: &'static str,
    pub(crate) id: Uuid,
    pub(crate) expected_version: Option<u64>,
    /// Microseconds since 1970.
    pub(crate) occurred_at: Option<i64>,
    pub(crate) actor_kind: &'static str,
    pub(crate) actor_id: String,
    pub(crate) data: Value,
    pub(crate) flaw: Flaw,
}

impl Ask {
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.data.get(field).and_then(Value::as_str)
    }

    /// A name: composed and trimmed.
    pub(crate) fn name_of(&self, field: &str) -> Option<String> {
        self.text(field).map(name)
    }

    pub(crate) fn uuid(&self, field: &str) -> Option<Uuid> {
        self.text(field).and_then(|text| Uuid::parse_str(text).ok())
    }

    /// An id that the command cannot do without.
    pub(crate) fn id_in(&self, field: &str) -> Uuid {
        self.uuid(field).unwrap_or_default()
    }

    pub(crate) fn flag(&self, field: &str) -> bool {
        self.data.get(field).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(crate) fn whole(&self, field: &str) -> Option<i64> {
        self.data.get(field).and_then(whole)
    }

    pub(crate) fn many(&self, field: &str) -> &[Value] {
        self.data.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn names(&self, field: &str) -> std::collections::BTreeSet<String> {
        self.many(field).iter().filter_map(Value::as_str).map(name).collect()
    }
}

/// A whole number, also written as a text.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// A name in its one form: trimmed, and composed as far as the texts of the generator need it.
pub(crate) fn name(text: &str) -> String {
    text.trim().replace("e\u{301}", "\u{e9}")
}

/// Everything that there is.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) customers: BTreeMap<Uuid, Customer>,
    pub(crate) transactions: BTreeMap<Uuid, Transaction>,
    pub(crate) agents: BTreeMap<Uuid, Agent>,
    pub(crate) teams: BTreeMap<Uuid, Team>,
    pub(crate) tickets: BTreeMap<Uuid, Ticket>,
    pub(crate) surveys: BTreeMap<Uuid, Survey>,
    /// The rule that is kept differently, to see that the comparison notices.
    pub(crate) altered: Option<Altered>,
}

impl World {
    pub(crate) fn altered_by(altered: Option<Altered>) -> Self {
        Self { altered, ..Self::default() }
    }

    pub(crate) fn is(&self, altered: Altered) -> bool {
        self.altered == Some(altered)
    }

    /// The version of a stream; 0 where there is none.
    pub(crate) fn version(&self, stream: Stream) -> u64 {
        match stream.kind {
            Kind::Customer => self.customers.get(&stream.id).map(|it| it.version),
            Kind::Transaction => self.transactions.get(&stream.id).map(|it| it.version),
            Kind::Agent => self.agents.get(&stream.id).map(|it| it.version),
            Kind::Team => self.teams.get(&stream.id).map(|it| it.version),
            Kind::Ticket => self.tickets.get(&stream.id).map(|it| it.version),
            Kind::Feedback => self.surveys.get(&stream.id).map(|it| it.version),
        }
        .unwrap_or(0)
    }

    /// What may come of a command, given the time in microseconds.
    pub(crate) fn verdict(&self, ask: &Ask, now: i64) -> Verdict {
        if let Some(code) = message::flaw(ask) {
            return Verdict::refused(code);
        }
        let Some(kind) = Kind::parse(ask.aggregate) else { return Verdict::refused("unknown_command") };
        let at = ask.occurred_at.unwrap_or(now);
        let version = self.version(Stream { kind, id: ask.id });
        let skew_max = if self.is(Altered::SkewOfAnHour) { 3_600 * SECOND } else { 300 * SECOND };
        let mut judged = Judgement::default();
        judged.gate(at > now + skew_max, "clock_skew");
        let conflict = ask.expected_version.is_some_and(|expected| expected != version);
        judged.gate(conflict && !self.is(Altered::VersionIgnored), "version_conflict");
        let case = Case { world: self, ask, at, now };
        match kind {
            Kind::Customer => customer::judge(&case, &mut judged),
            Kind::Transaction => transaction::judge(&case, &mut judged),
            Kind::Agent => desk::judge_agent(&case, &mut judged),
            Kind::Team => desk::judge_team(&case, &mut judged),
            Kind::Ticket => ticket::judge(&case, &mut judged),
            Kind::Feedback => judged.gate(true, "unknown_command"),
        }
        judged.conclude()
    }

    /// Makes what was accepted part of the world.
    pub(crate) fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Stream { kind, id } = effect.stream;
            let version = match kind {
                Kind::Customer => &mut self.customers.entry(id).or_default().version,
                Kind::Transaction => &mut self.transactions.entry(id).or_default().version,
                Kind::Agent => &mut self.agents.entry(id).or_default().version,
                Kind::Team => &mut self.teams.entry(id).or_default().version,
                Kind::Ticket => &mut self.tickets.entry(id).or_default().version,
                Kind::Feedback => &mut self.surveys.entry(id).or_default().version,
            };
            *version += 1;
            (effect.apply)(self);
        }
    }
}

/// One command in one world.
pub(crate) struct Case<'a> {
    pub(crate) world: &'a World,
    pub(crate) ask: &'a Ask,
    /// When it happened, in microseconds.
    pub(crate) at: i64,
    /// When it is decided, in microseconds.
    pub(crate) now: i64,
}

impl Case<'_> {
    /// The acting agent's id, if it is one.
    pub(crate) fn acting_agent(&self) -> Option<Uuid> {
        (self.ask.actor_kind == "agent").then(|| Uuid::parse_str(&self.ask.actor_id).ok()).flatten()
    }

    /// Whether the actor has a role: 1 agent, 2 supervisor, 3 admin.
    pub(crate) fn has_role(&self, role: u8) -> bool {
        if self.world.is(Altered::RolesIgnored) {
            return true;
        }
        match self.ask.actor_kind {
            "system" | "service" => true,
            "agent" => {
                let agent = self.acting_agent().and_then(|id| self.world.agents.get(&id));
                agent.is_some_and(|agent| agent.is_active() && agent.role >= role)
            }
            _ => false,
        }
    }
}
