//! What may come of a command.

use std::fmt;

use super::{Agent, Customer, Kind, Stream, Survey, Team, Ticket, Transaction, World};

/// An event, and what it does to the world.
pub(crate) struct Effect {
    pub(crate) stream: Stream,
    pub(crate) event: &'static str,
    pub(crate) apply: Box<dyn FnOnce(&mut World) + Send>,
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {} {}", self.event, self.stream.kind.name(), self.stream.id)
    }
}

/// The outcomes that are admissible.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// The events, if it may be accepted with some.
    pub(crate) accepted: Option<Vec<Effect>>,
    /// Whether it may be accepted as being so already.
    pub(crate) already: bool,
    /// The codes with which it may be refused.
    pub(crate) codes: Vec<&'static str>,
}

impl Verdict {
    pub(crate) fn refused(code: &'static str) -> Self {
        Self { codes: vec![code], ..Self::default() }
    }

    /// The likeliest outcome, as it stands in the coverage.
    pub(crate) fn likeliest(&self) -> &'static str {
        match (&self.accepted, self.already) {
            (Some(_), _) => "accepted",
            (None, true) => "already_so",
            (None, false) => self.codes.first().copied().unwrap_or("nothing"),
        }
    }
}

/// A verdict in the making: all reasons for and against.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    gates: Vec<&'static str>,
    rules: Vec<&'static str>,
    already: bool,
    deep: bool,
    effects: Vec<Effect>,
}

impl Judgement {
    /// A reason of time, version, existence, right or state.
    pub(crate) fn gate(&mut self, holds: bool, code: &'static str) {
        if holds && !self.gates.contains(&code) {
            self.gates.push(code);
        }
    }

    /// A reason that a rule of the command gives.
    pub(crate) fn rule(&mut self, holds: bool, code: &'static str) {
        if holds && !self.rules.contains(&code) {
            self.rules.push(code);
        }
    }

    /// Whether it is so already.
    pub(crate) fn already(&mut self, holds: bool) {
        self.already |= holds;
    }

    /// So much has to be read that the system may refuse with `limit_exceeded`.
    pub(crate) fn deep(&mut self, holds: bool) {
        self.deep |= holds;
    }

    pub(crate) fn conclude(self) -> Verdict {
        let mut codes = Vec::new();
        let (mut accepted, mut already) = (None, false);
        if !self.gates.is_empty() {
            codes = self.gates;
        } else if self.already {
            already = true;
        } else if !self.rules.is_empty() {
            codes = self.rules;
        } else {
            accepted = Some(self.effects);
        }
        if self.deep && !codes.contains(&"limit_exceeded") {
            codes.push("limit_exceeded");
        }
        Verdict { accepted, already, codes }
    }

    pub(crate) fn on_customer(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Customer) + Send + 'static,
    ) {
        self.push(Kind::Customer, id, event, move |world| change(world.customers.entry(id).or_default()));
    }

    pub(crate) fn on_transaction(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Transaction) + Send + 'static,
    ) {
        self.push(Kind::Transaction, id, event, move |world| change(world.transactions.entry(id).or_default()));
    }

    pub(crate) fn on_agent(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Agent) + Send + 'static,
    ) {
        self.push(Kind::Agent, id, event, move |world| change(world.agents.entry(id).or_default()));
    }

    pub(crate) fn on_team(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Team) + Send + 'static,
    ) {
        self.push(Kind::Team, id, event, move |world| change(world.teams.entry(id).or_default()));
    }

    pub(crate) fn on_ticket(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Ticket) + Send + 'static,
    ) {
        self.push(Kind::Ticket, id, event, move |world| change(world.tickets.entry(id).or_default()));
    }

    pub(crate) fn on_survey(
        &mut self,
        id: uuid::Uuid,
        event: &'static str,
        change: impl FnOnce(&mut Survey) + Send + 'static,
    ) {
        self.push(Kind::Feedback, id, event, move |world| change(world.surveys.entry(id).or_default()));
    }

    fn push(
        &mut self,
        kind: Kind,
        id: uuid::Uuid,
        event: &'static str,
        apply: impl FnOnce(&mut World) + Send + 'static,
    ) {
        self.effects.push(Effect { stream: Stream { kind, id }, event, apply: Box::new(apply) });
    }
}
