//! Commands for tickets.

use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Generator, Object};
use crate::reference::{Status, Ticket, World};

const TYPES: [&str; 5] = ["incident", "problem", "request", "question", "complaint"];
const REASONS: [&str; 3] = ["waits for parts", " waits for parts ", "asked back"];

/// The active agents who have no room for another ticket.
fn full(world: &World) -> Vec<Uuid> {
    let taken = |agent: Uuid| {
        let tickets = world.tickets.values().filter(|ticket| ticket.status.is_unfinished());
        i64::try_from(tickets.filter(|ticket| ticket.assignee == Some(agent)).count()).unwrap_or(i64::MAX)
    };
    let agents = world.agents.iter().filter(|(id, agent)| agent.is_active() && taken(**id) >= agent.capacity);
    agents.map(|(id, _)| *id).collect()
}

impl Generator {
    /// One of the tickets: of the cast, or one that came of another.
    fn any_ticket(&mut self, world: &World) -> Uuid {
        let further: Vec<Uuid> = world.tickets.keys().filter(|id| !self.cast.tickets.contains(id)).copied().collect();
        match further.choose(&mut self.random) {
            Some(id) if self.random.random_bool(0.2) => *id,
            _ => self.of(|cast| &cast.tickets),
        }
    }

    /// A ticket for a command: rather one for which it means something.
    fn ticket_for(&mut self, world: &World, name: &str) -> Uuid {
        let other = self.any_ticket(world);
        let fits = |ticket: &Ticket| match name {
            "reopen" | "receive_customer_reply" => matches!(ticket.status, Status::Resolved | Status::Closed),
            "reject_resolution" | "close" => ticket.status == Status::Resolved,
            "restore" => ticket.status == Status::Cancelled,
            "resume" => matches!(ticket.status, Status::Pending | Status::OnHold),
            "resolve" => ticket.status.is_unfinished() && !(ticket.blocked_by.is_empty() && ticket.children.is_empty()),
            "assign" => ticket.status.is_unfinished() && ticket.assignee.is_none(),
            "unassign" => ticket.assignee.is_some(),
            "unblock" => !ticket.blocked_by.is_empty(),
            "unset_parent" => ticket.parent.is_some(),
            "unrelate" => !ticket.related.is_empty(),
            "unmark_duplicate_of" => ticket.duplicate_of.is_some(),
            "unmerge" => !ticket.merged.is_empty(),
            "split" => !ticket.messages.is_empty(),
            _ => false,
        };
        if self.chance(0.4) {
            return other;
        }
        let fitting: Vec<Uuid> = world.tickets.iter().filter(|(_, ticket)| fits(ticket)).map(|(id, _)| *id).collect();
        self.rather(&fitting, other)
    }

    pub(super) fn ticket(&mut self, world: &World, name: &str) -> (Uuid, Value) {
        let id = self.ticket_for(world, name);
        let known = world.tickets.get(&id).cloned().unwrap_or_default();
        let data = match name {
            "open" => self.opening(),
            "classify" | "change_priority" | "escalate" | "deescalate" => self.description(name),
            "route" => json!({"team": self.team()}),
            "assign" => {
                let (has_team, overridden) = (self.chance(0.3), self.chance(0.15));
                let (team, agent) = (self.team().to_string(), self.agent());
                let agent = if self.chance(0.2) { self.rather(known.assignee.as_ref(), agent) } else { agent };
                let agent = if self.chance(0.3) { self.rather(&full(world), agent) } else { agent };
                let object = Object::default().with("agent", agent.to_string()).maybe(has_team, "team", team);
                object.maybe(overridden, "override", true).value()
            }
            "reply" => json!({"body": "Please try again.", "public": self.chance(0.7)}),
            "receive_customer_reply" | "add_note" => json!({"body": "还是打不开"}),
            "await_customer" => {
                let (reason, until, has_until) = (self.word(&REASONS), self.until(), self.chance(0.5));
                Object::default().with("reason", reason).maybe(has_until, "until", until).value()
            }
            "hold" => json!({"reason": self.word(&REASONS)}),
            "resume" => {
                let timer = self.chance(0.4);
                Object::default().maybe(timer, "wake_up", true).value()
            }
            "close" => {
                let timer = self.chance(0.4);
                Object::default().maybe(timer, "auto", true).value()
            }
            "resolve" => self.resolution(),
            "split" => self.splitting(world, &known),
            "reject_resolution" | "reopen" | "cancel" => {
                let has_reason = self.chance(0.4);
                Object::default().maybe(has_reason, "reason", "still broken").value()
            }
            "log_time" => json!({"seconds": 1 + self.below(9_000)}),
            "add_watcher" => json!({"agent": self.agent()}),
            "remove_watcher" => {
                let other = self.agent();
                json!({"agent": self.rather(&known.watchers, other)})
            }
            "tag" | "untag" => {
                let tag = self.word(&["vip", " vip", "caf\u{e9}", "cafe\u{301}", "late"]).to_owned();
                let numbered = format!("tag {}", self.below(60));
                json!({"tag": if self.chance(0.3) { numbered } else { tag }})
            }
            _ => self.link(world, &known, name),
        };
        (id, data)
    }

    fn opening(&mut self) -> Value {
        let (kind, channel) = (self.word(&TYPES), self.word(&["email", "phone", "web", "wechat"]));
        let (requester, team, tags) = (self.any_customer().to_string(), self.team().to_string(), self.tags());
        let (has_requester, has_team, has_tags) = (self.chance(0.2), self.chance(0.4), self.chance(0.3));
        let (described, has_category) = (self.chance(0.3), self.chance(0.3));
        Object::default()
            .with("customer", self.any_customer().to_string())
            .with("type", kind)
            .with("subject", "无法登录 🙁")
            .with("channel", channel)
            .with("impact", 1 + self.below(3))
            .with("urgency", 1 + self.below(4))
            .maybe(has_requester, "requester", requester)
            .maybe(has_team, "team", team)
            .maybe(has_tags, "tags", tags)
            .maybe(described, "description", "The whole story.")
            .maybe(has_category, "category", json!(["login", "sso"]))
            .value()
    }

    fn description(&mut self, name: &str) -> Value {
        let (one, two, three) = (self.chance(0.5), self.chance(0.5), self.chance(0.4));
        let level = 1 + self.below(5);
        match name {
            "classify" => {
                let kind = self.word(&TYPES);
                let category = if self.chance(0.5) { json!(["login"]) } else { json!(["login", " sso "]) };
                Object::default().maybe(one, "type", kind).maybe(two, "category", category).value()
            }
            "change_priority" => {
                let (impact, urgency) = (1 + self.below(3), 1 + self.below(4));
                let (priority, reason) = (self.word(&["P1", "P2", "P3", "P4"]), self.word(&["vip", "late"]));
                let explained = self.chance(0.6);
                let object = Object::default().maybe(one, "impact", impact).maybe(two, "urgency", urgency);
                object.maybe(three, "priority", priority).maybe(explained, "reason", reason).value()
            }
            "escalate" => json!({"level": level, "cause": "no answer"}),
            _ => Object::default().maybe(one, "level", level).value(),
        }
    }

    fn resolution(&mut self) -> Value {
        let code = self.word(&["assistance", "bug_fixed", "wont_fix", "no_response", "other"]);
        let (caused, told, linked) = (self.chance(0.6), self.chance(0.3), self.chance(0.2));
        let count = if self.chance(0.1) { 21 } else { 2 };
        let articles: Vec<String> = (0..count).map(|n| format!("kb/{n}")).collect();
        let object = Object::default().with("code", code).maybe(caused, "root_cause", "a full disk");
        object.maybe(told, "text", "Freed it.").maybe(linked, "articles", articles).value()
    }

    fn splitting(&mut self, world: &World, known: &Ticket) -> Value {
        let new = if self.chance(0.85) { Uuid::from_u128(self.random.random()) } else { self.any_ticket(world) };
        let count = 1 + self.below(2);
        let mut messages: Vec<Uuid> = known.messages.iter().copied().take(count).collect();
        if self.chance(0.06) {
            messages.clear();
        } else if self.chance(0.06) {
            messages.push(Uuid::from_u128(11));
        }
        json!({"ticket": new, "messages": messages, "subject": "another matter"})
    }

    /// Commands that name another ticket.
    fn link(&mut self, world: &World, known: &Ticket, name: &str) -> Value {
        let other = self.any_ticket(world);
        match name {
            "block" => json!({"blocked_by": self.circular(other, known.blocks.iter())}),
            "unblock" => json!({"blocked_by": self.rather(&known.blocked_by, other)}),
            "set_parent" => json!({"parent": self.circular(other, known.children.iter())}),
            "relate" => json!({"ticket": other}),
            "unrelate" => json!({"ticket": self.rather(&known.related, other)}),
            "mark_duplicate_of" => json!({"ticket": self.circular(other, known.duplicates.iter())}),
            "merge" => {
                let (same, overridden) = (self.chance(0.6), self.chance(0.2));
                let of_customer = world.tickets.iter().filter(|(_, ticket)| ticket.customer == known.customer);
                let of_customer: Vec<Uuid> = of_customer.map(|(id, _)| *id).collect();
                let loser = if same { self.rather(&of_customer, other) } else { other };
                let loser = if self.chance(0.1) { self.rather(&known.merged, loser) } else { loser };
                Object::default().with("loser", loser.to_string()).maybe(overridden, "override", true).value()
            }
            "unmerge" => json!({"loser": self.rather(&known.merged, other)}),
            _ => json!({}),
        }
    }

    /// Now and then a ticket that leads back.
    fn circular<'a>(&mut self, other: Uuid, back: impl Iterator<Item = &'a Uuid>) -> Uuid {
        if self.chance(0.15) { self.rather(back, other) } else { other }
    }
}
