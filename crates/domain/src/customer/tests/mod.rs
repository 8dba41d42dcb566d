mod changes;
mod contact_points;
mod erasure;
mod merging;
mod organizations;
mod properties;
mod registration;

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::aggregates::Event as AnyEvent;
use crate::decider::{Aggregate as _, ClaimChange, ClaimKey, Decision};
use crate::given::{Given, given};
use crate::ids::AgentId;
use crate::rejection::Code;
use crate::text::Name;

const LI: CustomerId = CustomerId(Uuid::from_u128(1));
const MEI: CustomerId = CustomerId(Uuid::from_u128(2));
const BO: CustomerId = CustomerId(Uuid::from_u128(3));
const ACME: CustomerId = CustomerId(Uuid::from_u128(4));
const NOBODY: CustomerId = CustomerId(Uuid::from_u128(99));

fn name<const MAX: usize>(text: &str) -> Name<MAX> {
    Name::parse(text).unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A command as it comes over the wire.
fn command(name: &str, data: &str) -> Command {
    crate::codec::read_variant(name, "/data", data).unwrap_or_else(|error| panic!("{name} {data}: {error}"))
}

fn register(data: &str) -> Command {
    command("register", &data.replacen('{', r#"{"display_name":"李雷","#, 1).replace(",}", "}"))
}

fn email(number: u128, value: &str) -> Command {
    let point = format!(r#"{{"id":"{}","kind":"email","value":"{value}"}}"#, id(number));
    command("add_contact_point", &format!(r#"{{"contact_point":{point}}}"#))
}

fn merge(loser: CustomerId) -> Command {
    Command::Merge { loser }
}

fn unmerge(loser: CustomerId) -> Command {
    Command::Unmerge { loser }
}

/// Customers, what they are and what they hold, changed by commands only.
#[derive(Clone)]
struct World {
    given: Given,
    states: BTreeMap<CustomerId, Customer>,
    claims: Vec<(ClaimKey, CustomerId)>,
}

impl World {
    fn new() -> Self {
        Self { given: given([]), states: BTreeMap::new(), claims: Vec::new() }
    }

    fn when(&self, id: CustomerId, command: &Command) -> Result<Decision, Rejection> {
        self.given.when(id.stream(), command.clone())
    }

    fn try_send(&mut self, id: CustomerId, command: &Command) -> Result<Decision, Rejection> {
        let decision = self.when(id, command)?;
        self.given = self.given.clone().then(id.stream(), command.clone());
        for (stream, event) in &decision.events {
            let AnyEvent::Customer(event) = event else { panic!("an event of another category") };
            self.states.entry(CustomerId(stream.id)).or_default().evolve(event);
        }
        for change in &decision.claims {
            match change {
                ClaimChange::Take { key, holder, .. } => self.claims.push((key.clone(), CustomerId(holder.id))),
                ClaimChange::Release { key, holder } => {
                    let before = self.claims.len();
                    self.claims.retain(|claim| *claim != (key.clone(), CustomerId(holder.id)));
                    assert_eq!(self.claims.len() + 1, before, "only what is held is given back");
                }
            }
        }
        Ok(decision)
    }

    fn send(mut self, id: CustomerId, command: &Command) -> Self {
        if let Err(rejection) = self.try_send(id, command) {
            panic!("{command:?}: {rejection:?}");
        }
        self
    }

    fn state(&self, id: CustomerId) -> &Customer {
        &self.states[&id]
    }

    fn code(&self, id: CustomerId, command: &Command) -> Option<Code> {
        self.when(id, command).err().map(|rejection| rejection.code)
    }

    fn events(&self, id: CustomerId, command: &Command) -> Vec<String> {
        let decision = self.when(id, command).unwrap();
        decision.events.iter().map(|(_, event)| event.write().unwrap().0).collect()
    }

    /// The pointer at which a command is not valid.
    fn pointer(&self, id: CustomerId, command: &Command) -> Option<String> {
        let rejection = self.when(id, command).err()?;
        assert_eq!(rejection.code, Code::Validation);
        rejection.errors.into_iter().map(|error| error.pointer).next()
    }

    fn fact(&self, id: CustomerId, command: &Command, fact: &str) -> Option<String> {
        self.when(id, command).err()?.facts.get(fact)?.as_str().map(str::to_owned)
    }
}

/// Li, Mei and Bo are persons, Acme is an organization; nothing else is known of them.
fn customers() -> World {
    let organization = register(r#"{"kind":"organization"}"#);
    [LI, MEI, BO].into_iter().fold(World::new(), |world, id| world.send(id, &register("{}"))).send(ACME, &organization)
}

fn already() -> Result<Decision, Rejection> {
    Ok(Decision::already())
}
