//! Commands for agents, teams and transactions.

use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Generator, Object};
use crate::reference::World;

const ROLES: [&str; 3] = ["agent", "supervisor", "admin"];
const ROUTINGS: [&str; 3] = ["round_robin", "least_busy", "manual"];
const NAMES: [&str; 4] = ["Anna", " Anna ", "王小明", "Jose\u{301}"];
const SKILLS: [&str; 3] = ["sql", "法语", "billing"];

impl Generator {
    pub(super) fn desk(&mut self, world: &World, aggregate: &str, name: &str) -> (Uuid, Value) {
        match aggregate {
            "agent" => (self.agent(), self.for_agent(name)),
            "team" => self.for_team(world, name),
            _ => self.for_transaction(world, name),
        }
    }

    fn skills(&mut self) -> Value {
        if self.chance(0.04) {
            return json!((0..51).map(|n| format!("skill {n}")).collect::<Vec<_>>());
        }
        let count = self.below(3);
        json!((0..count).map(|_| self.word(&SKILLS)).collect::<Vec<_>>())
    }

    fn for_agent(&mut self, name: &str) -> Value {
        let given = self.word(&NAMES);
        let capacity = 1 + self.below(3) / 2 + self.below(2);
        match name {
            "register" => {
                let (role, skills) = (self.word(&ROLES), self.skills());
                let (has_role, has_skills) = (self.chance(0.8), self.chance(0.5));
                let object = Object::default().with("name", given).with("capacity", capacity);
                object.maybe(has_role, "role", role).maybe(has_skills, "skills", skills).value()
            }
            "rename" => json!({"name": given}),
            "change_role" => json!({"role": self.word(&ROLES)}),
            "change_capacity" => json!({"capacity": capacity}),
            "change_skills" => json!({"skills": self.skills()}),
            _ => json!({"availability": self.word(&["available", "available", "away", "offline"])}),
        }
    }

    fn for_team(&mut self, world: &World, name: &str) -> (Uuid, Value) {
        let id = self.team();
        let data = match name {
            "form" => {
                let routing = self.word(&ROUTINGS);
                let has_routing = self.chance(0.5);
                Object::default().with("name", "First line").maybe(has_routing, "routing", routing).value()
            }
            "rename" => json!({"name": self.word(&["First line", "Second line", " 一线 "])}),
            "change_routing" => json!({"routing": self.word(&ROUTINGS)}),
            "add_member" => json!({"agent": self.agent()}),
            _ => {
                let members = world.teams.get(&id).map(|team| team.members.clone()).unwrap_or_default();
                let other = self.agent();
                json!({"agent": self.rather(&members, other)})
            }
        };
        (id, data)
    }

    fn amount(&mut self) -> Value {
        let amount = *[0, 1, 250, 1_000, 1_000, 2_500, -5].choose(&mut self.random).expect("there are amounts");
        if self.chance(0.1) { json!(amount.to_string()) } else { json!(amount) }
    }

    fn currency(&mut self) -> &'static str {
        self.word(&["CNY", "CNY", "CNY", "CNY", "CNY", "EUR"])
    }

    /// Lines that add up to the amount, or miss it by one or by two minor units each.
    fn lines(&mut self, amount: &Value) -> Value {
        let amount = crate::reference::whole(amount).unwrap_or(0);
        let count = i64::try_from(self.below(3)).unwrap_or(0);
        if self.chance(0.02) {
            return json!(vec![json!({"sku": "a", "qty_milli": 1_000, "unit_minor": 0}); 201]);
        }
        let mut lines = Vec::new();
        for n in 0..count {
            let share = amount / count + if n == 0 { amount % count } else { 0 };
            let off = i64::try_from(self.below(7)).unwrap_or(0) - 3;
            let off = if self.chance(0.6) { 0 } else { off };
            let quantity = if self.chance(0.03) { 0 } else { 500 };
            let line = json!({"sku": "a", "qty_milli": quantity, "unit_minor": 2 * share, "tax_minor": off});
            lines.push(line);
        }
        json!(lines)
    }

    fn for_transaction(&mut self, world: &World, name: &str) -> (Uuid, Value) {
        let id = self.of(|cast| &cast.transactions);
        let (amount, currency) = (self.amount(), self.currency());
        let lines = self.lines(&amount);
        let has_lines = self.chance(0.6);
        let data = match name {
            "record" => {
                let n = self.below(4);
                let order = format!("{}-{n}", self.cast.mark);
                let order = if self.chance(0.2) { format!(" {order} ") } else { order };
                let system = self.word(&["shop", "till"]);
                let kind = self.word(&["purchase", "renewal", "payment", "refund", "credit_note"]);
                let (has_kind, has_channel, has_plan) = (self.chance(0.5), self.chance(0.3), self.chance(0.2));
                Object::default()
                    .with("customer", self.any_customer().to_string())
                    .with("source", json!({"system": system, "order_no": order}))
                    .with("currency", currency)
                    .with("amount_minor", amount)
                    .maybe(has_kind, "type", kind)
                    .maybe(has_lines, "lines", lines)
                    .maybe(has_channel, "channel", "web shop")
                    .maybe(has_plan, "plan", Uuid::from_u128(9).to_string())
                    .value()
            }
            "correct" => {
                let object = Object::default().with("currency", currency).with("amount_minor", amount);
                object.maybe(has_lines, "lines", lines).value()
            }
            "refund" => {
                let refunds = world.transactions.get(&id).map(|it| it.refunds.clone()).unwrap_or_default();
                let fresh = self.part();
                let refund = if self.chance(0.2) { self.rather(refunds.keys(), fresh) } else { fresh };
                json!({"refund_id": refund, "currency": currency, "amount_minor": amount})
            }
            _ => {
                let has_reason = self.chance(0.5);
                Object::default().maybe(has_reason, "reason", "entered twice").value()
            }
        };
        (id, data)
    }
}
