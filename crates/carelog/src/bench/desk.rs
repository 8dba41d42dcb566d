//! The support desk that commands are about: its teams, agents and customers, and the life of a ticket.
//!
//! All of it follows from numbers, so that a fill that was broken off can go on: the same command has the same id again,
//! and gets its first outcome. Bodies are written as text; a tree of JSON values for each would cost the clients more
//! than some commands cost the system.

use uuid::{Builder, Uuid};

/// Teams of the desk.
pub const TEAMS: u64 = 64;
/// Agents of a team.
pub const AGENTS: u64 = 12;
/// Tickets of a customer, in the fill.
pub const TICKETS: u64 = 8;
/// How many commands a whole life has.
pub const STEPS: usize = 4;
/// The commands of a whole life, in their order.
pub const WHOLE_LIFE: [usize; STEPS] = [OPEN, ASSIGN, REPLY, RESOLVE];
const OPEN: usize = 0;
const ASSIGN: usize = 1;
const REPLY: usize = 2;
const RESOLVE: usize = 3;

/// 2026-01-01, from where the ids count.
const EPOCH_MS: u64 = 1_767_225_600_000;

const SUBJECT: &str = "Cannot log in since the password was reset";
const DESCRIPTION: &str = "Since yesterday's reset the portal says that the account is locked. I have tried two \
                           browsers and my phone, and waited for an hour.";
const ANSWER: &str = "We have unlocked the account. Please try again now, and choose a password of twelve letters.";

/// A command to be sent.
pub struct Order {
    /// The kind of aggregate.
    pub aggregate: &'static str,
    /// The command.
    pub name: &'static str,
    /// The message.
    pub body: String,
}

impl Order {
    fn new(aggregate: &'static str, name: &'static str, command_id: Uuid, id: Uuid, data: &str) -> Self {
        let body = format!(
            r#"{{"command_id":"{command_id}","id":"{id}","actor":{{"kind":"service","id":"bench"}},"data":{data}}}"#
        );
        Self { aggregate, name, body }
    }

    /// A note, or some minutes of work, on a ticket.
    #[must_use]
    pub fn small(ticket: Uuid, is_note: bool) -> Self {
        let command_id = Uuid::now_v7();
        if is_note {
            Self::new("ticket", "add_note", command_id, ticket, &format!(r#"{{"body":"{ANSWER}"}}"#))
        } else {
            Self::new("ticket", "log_time", command_id, ticket, r#"{"seconds":300}"#)
        }
    }
}

/// What an id is for; keeps ids of the same number apart.
#[derive(Clone, Copy)]
enum Of {
    Team,
    Agent,
    Customer,
    Ticket,
    FormTeam,
    RegisterAgent,
    AddMember,
    RegisterCustomer,
    Step,
}

/// An id as UUIDv7 has it: times rise with the number, the rest looks like chance.
fn id(of: Of, number: u64) -> Uuid {
    let seed = number ^ (of as u64) << 56;
    let mut random = [0_u8; 10];
    random[..8].copy_from_slice(&scattered(seed).to_le_bytes());
    random[8..].copy_from_slice(&scattered(!seed).to_le_bytes()[..2]);
    Builder::from_unix_timestamp_millis(EPOCH_MS + number, &random).into_uuid()
}

/// The finalizer of SplitMix64: near numbers become far ones.
#[must_use]
pub fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The id of a team.
#[must_use]
pub fn team(number: u64) -> Uuid {
    id(Of::Team, number % TEAMS)
}

fn agent(team: u64, number: u64) -> Uuid {
    id(Of::Agent, (team % TEAMS) * AGENTS + number % AGENTS)
}

/// The commands that form the teams; those of one team must come in order.
#[must_use]
pub fn staff() -> Vec<Vec<Order>> {
    let of_team = |number: u64| {
        let data = format!(r#"{{"name":"Team {number}"}}"#);
        let mut orders = vec![Order::new("team", "form", id(Of::FormTeam, number), team(number), &data)];
        for place in 0..AGENTS {
            let (agent, count) = (agent(number, place), number * AGENTS + place);
            let data = format!(r#"{{"name":"Agent {count}","capacity":1000}}"#);
            orders.push(Order::new("agent", "register", id(Of::RegisterAgent, count), agent, &data));
            let data = format!(r#"{{"agent":"{agent}"}}"#);
            orders.push(Order::new("team", "add_member", id(Of::AddMember, count), team(number), &data));
        }
        orders
    };
    (0..TEAMS).map(of_team).collect()
}

/// The command that registers a customer of the fill.
#[must_use]
pub fn customer(number: u64) -> Order {
    let data = format!(r#"{{"display_name":"Customer {number} 客户"}}"#);
    Order::new("customer", "register", id(Of::RegisterCustomer, number), id(Of::Customer, number), &data)
}

/// A ticket and what is going to happen to it.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// Its id.
    pub id: Uuid,
    customer: Uuid,
    team: u64,
    agent: u64,
    /// Where ids of commands come from: the number of a ticket of the fill, or chance.
    number: Option<u64>,
}

impl Ticket {
    /// A ticket of the fill.
    #[must_use]
    pub fn of_fill(number: u64) -> Self {
        let mixed = scattered(number);
        let customer = id(Of::Customer, number / TICKETS);
        let number_known = Some(number);
        Self { id: id(Of::Ticket, number), customer, team: mixed, agent: mixed >> 8, number: number_known }
    }

    /// A ticket that never was before, of a customer of the fill.
    #[must_use]
    pub fn new(customers: u64) -> Self {
        let id = Uuid::now_v7();
        let mixed = scattered(id.as_u64_pair().1);
        let customer = self::id(Of::Customer, (mixed >> 16) % customers.max(1));
        Self { id, customer, team: mixed, agent: mixed >> 8, number: None }
    }

    /// A command of its life: 0 opens it, 3 resolves it.
    #[must_use]
    pub fn order(&self, step: usize) -> Order {
        let command_id = match self.number {
            Some(number) => id(Of::Step, number * STEPS as u64 + step as u64),
            None => Uuid::now_v7(),
        };
        let order = |name, data: &str| Order::new("ticket", name, command_id, self.id, data);
        match step {
            OPEN => {
                let (customer, team) = (self.customer, team(self.team));
                order(
                    "open",
                    &format!(
                        r#"{{"customer":"{customer}","type":"incident","subject":"{SUBJECT}","description":"{DESCRIPTION}","channel":"web","impact":3,"urgency":2,"team":"{team}"}}"#
                    ),
                )
            }
            ASSIGN => order("assign", &format!(r#"{{"agent":"{}"}}"#, agent(self.team, self.agent))),
            REPLY => order("reply", &format!(r#"{{"body":"{ANSWER}","public":true}}"#)),
            _ => order("resolve", r#"{"code":"assistance","text":"Account unlocked and password reset."}"#),
        }
    }

    /// How many events a command of its life brings: a resolution asks for a survey, too.
    #[must_use]
    pub const fn events_of(step: usize) -> u64 {
        if step == RESOLVE { 2 } else { 1 }
    }

    /// The commands of a ticket of the fill while tickets matter more than events. Most are settled at first sight, some
    /// after a whole life; an eighth is new, and so many are assigned that each agent has some forty unfinished ones
    /// at a million tickets.
    #[must_use]
    pub fn steps_of_fill(number: u64) -> &'static [usize] {
        match scattered(number) >> 59 {
            0..4 => &[OPEN],
            4 => &[OPEN, ASSIGN],
            5..13 => &WHOLE_LIFE,
            _ => &[OPEN, RESOLVE],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::envelope::{CommandMessage, Publisher};

    use super::*;

    #[test]
    fn every_order_is_a_command() {
        let publisher = Publisher::parse("bench").expect("a publisher");
        let ticket = Ticket::of_fill(7);
        let orders = (0..STEPS).map(|step| ticket.order(step)).chain(staff().into_iter().flatten());
        for order in orders.chain([customer(1), Order::small(ticket.id, true), Order::small(ticket.id, false)]) {
            let read = CommandMessage::parse(publisher.clone(), order.aggregate, order.name, order.body.as_bytes());
            assert!(read.is_ok(), "{}: {read:?}", order.body);
        }
    }

    #[test]
    fn the_same_number_gives_the_same_ids_and_another_one_others() {
        assert_eq!(Ticket::of_fill(9).order(2).body, Ticket::of_fill(9).order(2).body);
        let ids: BTreeSet<_> = (0..1_000).map(|number| id(Of::Ticket, number)).collect();
        assert_eq!(ids.len(), 1_000);
        assert_ne!(id(Of::Ticket, 1), id(Of::Customer, 1));
    }
}
