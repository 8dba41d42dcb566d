//! A support desk at work, as commands: the same seed makes the same ones, ids included.

use chrono::{DateTime, TimeDelta, Utc};
use domain::envelope::CommandBody;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::value::to_raw_value;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::Outgoing;

use super::texts::{AGENTS, CHINESE_NAMES, ENGLISH_NAMES, GOODS, Language, MATTERS, Matter};

/// A command as the generator makes it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// AGGREGATE.COMMAND.
    pub name: &'static str,
    /// The aggregate.
    pub id: Uuid,
    /// The command's own id.
    pub command_id: Uuid,
    /// Who acts, as `KIND` and id.
    pub actor: (&'static str, String),
    /// When it happened, if not now.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The content.
    pub data: Value,
    /// The code with which it has to be refused, if it asks for something impossible.
    pub refused: Option<&'static str>,
}

impl Planned {
    /// The command as it is sent.
    ///
    /// # Errors
    /// Never: what the generator makes is a command.
    pub fn outgoing(&self) -> anyhow::Result<Outgoing> {
        let (aggregate, name) = Outgoing::split_name(self.name).map_err(anyhow::Error::msg)?;
        let (kind, actor_id) = &self.actor;
        let body = CommandBody {
            command_id: self.command_id,
            id: self.id,
            expected_version: None,
            occurred_at: self.occurred_at,
            actor: serde_json::from_value(json!({"kind": kind, "id": actor_id}))?,
            correlation_id: None,
            causation_id: None,
            data: to_raw_value(&self.data)?,
        };
        Ok(Outgoing { aggregate, name, body })
    }
}

/// Makes commands.
pub struct Generator {
    seed: u64,
    random: StdRng,
    team: Uuid,
    agents: Vec<Uuid>,
}

impl Generator {
    /// A generator.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let team = new_id(&mut random);
        let agents = AGENTS.iter().map(|_| new_id(&mut random)).collect();
        Self { seed, random, team, agents }
    }

    /// A team and its agents.
    pub fn desk(&mut self) -> Vec<Planned> {
        let team = self.team;
        let mut commands =
            vec![self.by_service("team.form", team, json!({"name": format!("一线 First line {}", self.seed)}))];
        for (agent, name) in self.agents.clone().into_iter().zip(AGENTS) {
            let data = json!({"name": name, "capacity": 1_000, "skills": ["zh", "en"]});
            commands.push(self.by_service("agent.register", agent, data));
            commands.push(self.by_service("team.add_member", team, json!({"agent": agent})));
        }
        commands
    }

    /// A customer with purchases and, for most, a ticket through its life.
    pub fn customer(&mut self, number: usize) -> Vec<Planned> {
        let customer = self.new_id();
        let language = if self.random.random_bool(0.5) { Language::Chinese } else { Language::English };
        let mut commands = vec![self.register(customer, language, number)];
        for purchase in 0..self.random.random_range(0..4) {
            commands.push(self.purchase(customer, number, purchase));
        }
        if self.random.random_bool(0.85) {
            let matter = self.one_of(MATTERS);
            self.ticket(customer, language, matter, &mut commands);
        }
        commands
    }

    /// A ticket that is only opened, for a customer.
    pub fn open(&mut self, customer: Uuid) -> Planned {
        let ticket = self.new_id();
        let matter = self.one_of(MATTERS);
        self.opening(ticket, customer, Language::Chinese, matter)
    }

    fn register(&mut self, customer: Uuid, language: Language, number: usize) -> Planned {
        let (name, locale, timezone) = match language {
            Language::Chinese => {
                let (family, given) = CHINESE_NAMES;
                (format!("{}{}", self.one_of(family), self.one_of(given)), "zh-CN", "Asia/Shanghai")
            }
            Language::English => {
                let (given, family) = ENGLISH_NAMES;
                (format!("{} {}", self.one_of(given), self.one_of(family)), "en-GB", "Europe/London")
            }
        };
        // Unique, also beside the customers of other seeds.
        let email = format!("c{number}.{:x}@example.com", self.seed);
        let data = json!({
            "display_name": name,
            "contact_points": [{"kind": "email", "value": email, "primary": true}],
            "locale": locale,
            "timezone": timezone,
            "tags": ["demo"],
        });
        self.by_service("customer.register", customer, data)
    }

    fn purchase(&mut self, customer: Uuid, number: usize, purchase: usize) -> Planned {
        let (sku, unit_minor) = *self.one_of(GOODS);
        let quantity = self.random.random_range(1..4);
        let id = self.new_id();
        let data = json!({
            "customer": customer,
            "source": {"system": format!("demo-{:x}", self.seed), "order_no": format!("{number}-{purchase}")},
            "type": "purchase",
            "currency": "CNY",
            "amount_minor": unit_minor * quantity,
            "lines": [{"sku": sku, "qty_milli": quantity * 1_000, "unit_minor": unit_minor}],
            "channel": "web shop",
        });
        // Counted from a day that is always the same, or a seed would not make the same commands tomorrow.
        let occurred_at = DateTime::UNIX_EPOCH + TimeDelta::days(20_454 - self.random.random_range(1..400));
        Planned { occurred_at: Some(occurred_at), ..self.by_service("transaction.record", id, data) }
    }

    fn ticket(&mut self, customer: Uuid, language: Language, matter: &'static Matter, commands: &mut Vec<Planned>) {
        let ticket = self.new_id();
        let words = matter.wording(language);
        let agent = *self.one_of(&self.agents.clone());
        let by_agent = ("agent", agent.to_string());
        let by_customer = ("customer", customer.to_string());
        commands.push(self.opening(ticket, customer, language, matter));
        if self.random.random_bool(0.05) {
            // A new ticket cannot be closed: an impatient click.
            let click = self.planned("ticket.close", ticket, &by_agent, json!({}));
            commands.push(Planned { refused: Some("invalid_transition"), ..click });
        }
        if self.random.random_bool(0.1) {
            return;
        }
        commands.push(self.planned("ticket.assign", ticket, &by_agent, json!({"team": self.team, "agent": agent})));
        let answer = json!({"body": words.answer, "public": true});
        commands.push(self.planned("ticket.reply", ticket, &by_agent, answer));
        if self.random.random_bool(0.5) {
            let reason = json!({"reason": "waits for the customer's test"});
            commands.push(self.planned("ticket.await_customer", ticket, &by_agent, reason));
            if self.random.random_bool(0.2) {
                return;
            }
            let thanks = json!({"body": words.thanks});
            commands.push(self.planned("ticket.receive_customer_reply", ticket, &by_customer, thanks));
        }
        if self.random.random_bool(0.2) {
            commands.push(self.planned(
                "ticket.add_note",
                ticket,
                &by_agent,
                json!({"body": "客户情绪良好 / customer is calm"}),
            ));
        }
        let resolution =
            json!({"code": matter.resolution, "text": words.answer, "root_cause": "known, see the article"});
        commands.push(self.planned("ticket.resolve", ticket, &by_agent, resolution));
        match self.random.random_range(0..10) {
            0 => commands.push(self.planned("ticket.reopen", ticket, &by_customer, json!({"reason": "it is back"}))),
            1..6 => commands.push(self.planned("ticket.close", ticket, &by_customer, json!({}))),
            // Left to the timer.
            _ => {}
        }
    }

    fn opening(&mut self, ticket: Uuid, customer: Uuid, language: Language, matter: &Matter) -> Planned {
        let words = matter.wording(language);
        let data = json!({
            "customer": customer,
            "type": matter.ticket_type,
            "subject": words.subject,
            "description": words.description,
            "channel": self.one_of(&["web", "wechat", "email", "chat"]),
            "category": matter.category,
            "impact": self.random.random_range(1..=3),
            "urgency": self.random.random_range(1..=4),
            "team": self.team,
        });
        self.planned("ticket.open", ticket, &("customer", customer.to_string()), data)
    }

    fn by_service(&mut self, name: &'static str, id: Uuid, data: Value) -> Planned {
        self.planned(name, id, &("service", "demo".to_owned()), data)
    }

    fn planned(&mut self, name: &'static str, id: Uuid, actor: &(&'static str, String), data: Value) -> Planned {
        let command_id = self.new_id();
        Planned { name, id, command_id, actor: actor.clone(), occurred_at: None, data, refused: None }
    }

    fn new_id(&mut self) -> Uuid {
        new_id(&mut self.random)
    }

    fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        #[expect(clippy::expect_used, reason = "all choices are constants, or the agents, of which there are some")]
        choices.choose(&mut self.random).expect("a choice")
    }
}

fn new_id(random: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(random.random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use domain::envelope::{CommandMessage, Publisher};

    use super::*;

    fn commands(seed: u64) -> Vec<Planned> {
        let mut generator = Generator::new(seed);
        let mut commands = generator.desk();
        commands.extend((0..200).flat_map(|number| generator.customer(number)).collect::<Vec<_>>());
        commands
    }

    #[test]
    fn the_same_seed_makes_the_same_commands() {
        let texts = |seed| commands(seed).into_iter().map(|command| format!("{command:?}")).collect::<Vec<_>>();
        assert_eq!(texts(1), texts(1));
        assert_ne!(texts(1), texts(2));
    }

    #[test]
    fn every_command_is_one_that_the_domain_knows() {
        for planned in commands(3) {
            let outgoing = planned.outgoing().expect("a command");
            let body = serde_json::to_vec(&outgoing.body).expect("JSON");
            let publisher = Publisher::parse("demo").expect("a name");
            let read = CommandMessage::parse(publisher, &outgoing.aggregate, &outgoing.name, &body);
            assert!(read.is_ok(), "{planned:?}: {read:?}");
        }
    }
}
