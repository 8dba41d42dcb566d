//! Mappings: which commands a row becomes. The format is documented at [`ImportArgs`](super::ImportArgs).

use domain::envelope::{Actor, ActorKind, CommandBody, Publisher};
use domain::text::Name;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::template::{Row, Template, Text};
use crate::client::Outgoing;

/// A checked mapping.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// The name of the import, from which all ids follow.
    pub name: String,
    /// In whose name is sent.
    pub publisher: Publisher,
    /// Who acts.
    pub actor: Actor,
    /// What a row becomes, in order.
    pub steps: Vec<Step>,
    namespace: Uuid,
}

/// One command that a row becomes.
#[derive(Clone, Debug)]
pub struct Step {
    /// What tells one such command from another.
    pub key: Text,
    /// Whether only the first row with a key counts.
    pub once: bool,
    /// Rows where this is empty are passed over.
    pub when: Option<Text>,
    name: String,
    aggregate: String,
    command: String,
    id: Text,
    occurred_at: Option<Template>,
    data: Template,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default)]
    publisher: Option<String>,
    #[serde(default)]
    actor: Option<String>,
    commands: Vec<WrittenStep>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenStep {
    /// Tells two steps with the same command apart.
    #[serde(default)]
    step: Option<String>,
    command: String,
    key: String,
    #[serde(default)]
    once: bool,
    #[serde(default)]
    when: Option<String>,
    id: String,
    #[serde(default)]
    occurred_at: Option<Value>,
    data: Value,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if written.name.trim().is_empty() || written.commands.is_empty() {
            return Err("a mapping has a name and at least one command".to_owned());
        }
        let publisher = Publisher::parse(written.publisher.as_deref().unwrap_or("import"))?;
        let actor = parse_actor(written.actor.as_deref(), &publisher)?;
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("carelog:import:{}", written.name).as_bytes());
        let mut steps: Vec<Step> = Vec::new();
        for (index, step) in written.commands.into_iter().enumerate() {
            let step = Step::parse(step, namespace).map_err(|error| format!("/commands/{index}{error}"))?;
            if steps.iter().any(|other| other.name == step.name) {
                let remedy = "give each a \"step\" of its own, which becomes part of its ids";
                return Err(format!("/commands/{index}: there are two steps {:?}: {remedy}", step.name));
            }
            steps.push(step);
        }
        Ok(Self { name: written.name, publisher, actor, steps, namespace })
    }

    /// The columns that it uses.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().flat_map(Step::columns)
    }

    /// The id of a command. Each attempt has its own; the first is what a run begins with.
    #[must_use]
    pub fn command_id(&self, step: &Step, key: &str, attempt: u32) -> Uuid {
        // The attempt first: a key may end in anything.
        Uuid::new_v5(&self.namespace, format!("command/{attempt}/{}/{key}", step.name).as_bytes())
    }
}

impl Step {
    fn parse(written: WrittenStep, namespace: Uuid) -> Result<Self, String> {
        let (aggregate, command) =
            Outgoing::split_name(&written.command).map_err(|error| format!("/command: {error}"))?;
        let text = |name: &str, text: &str| Text::parse(text).map_err(|error| format!("/{name}: {error}"));
        let template =
            |name: &str, value: &Value| Template::parse(value, namespace).map_err(|error| format!("/{name}{error}"));
        Ok(Self {
            key: text("key", &written.key)?,
            once: written.once,
            when: written.when.as_deref().map(|when| text("when", when)).transpose()?,
            name: written.step.unwrap_or(written.command),
            aggregate,
            command,
            id: text("id", &written.id)?,
            occurred_at: written.occurred_at.as_ref().map(|value| template("occurred_at", value)).transpose()?,
            data: template("data", &written.data)?,
        })
    }

    fn columns(&self) -> impl Iterator<Item = &str> {
        let texts = [Some(&self.key), Some(&self.id), self.when.as_ref()].into_iter().flatten().flat_map(Text::columns);
        let templates = [Some(&self.data), self.occurred_at.as_ref()].into_iter().flatten().flat_map(Template::columns);
        texts.chain(templates)
    }

    /// The command for a row.
    ///
    /// # Errors
    /// A pointer into the step and a sentence: a value of the row is not what its template asks for.
    pub fn command(&self, mapping: &Mapping, row: Row<'_>, command_id: Uuid) -> Result<Outgoing, (String, String)> {
        let at = |name: &'static str| move |detail: String| (format!("/{name}"), detail);
        let id = self.id.render(row).map_err(at("id"))?;
        let occurred_at = match &self.occurred_at {
            None => None,
            Some(template) => match template.render(row).map_err(at("occurred_at"))? {
                None => None,
                Some(value) => {
                    Some(serde_json::from_value(value).map_err(|error| at("occurred_at")(error.to_string()))?)
                }
            },
        };
        let data = self.data.render(row).map_err(at("data"))?.unwrap_or(Value::Null);
        let body = CommandBody {
            command_id,
            id: aggregate_id(mapping.namespace, &id),
            expected_version: None,
            occurred_at,
            actor: mapping.actor.clone(),
            correlation_id: None,
            causation_id: None,
            data: to_raw_value(&data).map_err(|error| at("data")(error.to_string()))?,
        };
        Ok(Outgoing { aggregate: self.aggregate.clone(), name: self.command.clone(), body })
    }
}

/// The id of the aggregate that a text names within an import.
#[must_use]
pub fn aggregate_id(namespace: Uuid, text: &str) -> Uuid {
    Uuid::new_v5(&namespace, format!("aggregate/{text}").as_bytes())
}

fn parse_actor(text: Option<&str>, publisher: &Publisher) -> Result<Actor, String> {
    let wrong = || "/actor: an actor is KIND:ID, such as service:import".to_owned();
    let (kind, id) = match text {
        None => (ActorKind::Service, publisher.as_str()),
        Some(text) => {
            let (kind, id) = text.split_once(':').ok_or_else(wrong)?;
            (serde_json::from_value(kind.into()).map_err(|_| wrong())?, id)
        }
    };
    Ok(Actor { kind, id: Name::parse(id)? })
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
