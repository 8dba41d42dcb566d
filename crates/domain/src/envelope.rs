//! Envelopes: what travels around every command and every event.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::aggregates::{Category, Command, Event};
use crate::codec::{self, VariantError};
use crate::ids::{AgentId, StreamId};
use crate::rejection::{Code, Rejection};
use crate::text::Name;
use crate::upcast;

/// How far `occurred_at` may lie in the future.
pub const CLOCK_SKEW_MAX: TimeDelta = TimeDelta::minutes(5);

/// The earliest `occurred_at`: before it there was no customer support to import, and not every store can tell the time.
pub const OCCURRED_AT_MIN: DateTime<Utc> = match NaiveDate::from_ymd_opt(1900, 1, 1) {
    Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
    None => DateTime::UNIX_EPOCH,
};

/// The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A person of the support desk; the id is that of an agent.
    Agent,
    /// A customer.
    Customer,
    /// Carelog itself.
    System,
    /// A rule, policy or bot.
    Rule,
    /// Another service.
    Service,
}

impl ActorKind {
    /// The kind as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Customer => "customer",
            Self::System => "system",
            Self::Rule => "rule",
            Self::Service => "service",
        }
    }
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The kind.
    pub kind: ActorKind,
    /// The id within the kind, 1 to 128 characters; a UUID for agents. Never personal data.
    pub id: Name<128>,
}

impl Actor {
    /// The acting agent, if it is one.
    #[must_use]
    pub fn agent(&self) -> Option<AgentId> {
        match self.kind {
            ActorKind::Agent => self.id.as_str().parse().ok(),
            ActorKind::Customer | ActorKind::System | ActorKind::Rule | ActorKind::Service => None,
        }
    }

    /// Carelog's own automation.
    ///
    /// # Panics
    /// Never: the id is a constant within the limits.
    #[must_use]
    pub fn automation() -> Self {
        #[expect(clippy::expect_used, reason = "a constant name within the limits")]
        let id = Name::parse("automation").expect("a valid name");
        Self { kind: ActorKind::System, id }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.id)
    }
}

/// The service that sends commands: 1 to 64 of `a–z 0–9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Publisher(String);

impl Publisher {
    /// Parses a publisher's name.
    ///
    /// # Errors
    /// A sentence that says what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let clean = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(clean) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a publisher is 1 to 64 of a-z, 0-9, - and _".to_owned())
        }
    }

    /// The publisher of timers.
    #[must_use]
    pub fn timer() -> Self {
        Self("timer".to_owned())
    }

    /// Whether it is Carelog's own automation, which may never be claimed from outside.
    #[must_use]
    pub fn is_automation(&self) -> bool {
        matches!(self.0.as_str(), "timer" | "policy")
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Publisher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The body of a command message, as the public contract has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandBody {
    /// Makes the command idempotent, per publisher.
    pub command_id: Uuid,
    /// The aggregate.
    pub id: Uuid,
    /// The version that the sender saw; the command is refused if others have appended since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// Who acts.
    pub actor: Actor,
    /// Groups the commands and events of one business matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// What caused the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
    /// The command's content.
    pub data: Box<RawValue>,
}

/// A command, read and checked, ready to be decided.
#[derive(Clone, Debug)]
pub struct CommandMessage {
    /// The sending service.
    pub publisher: Publisher,
    /// Makes the command idempotent, per publisher.
    pub command_id: Uuid,
    /// The aggregate's stream.
    pub stream: StreamId,
    /// The version that the sender saw.
    pub expected_version: Option<u64>,
    /// When it happened, if not now; whole microseconds.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Who acts.
    pub actor: Actor,
    /// Groups the commands and events of one business matter.
    pub correlation_id: Option<Uuid>,
    /// What caused the command.
    pub causation_id: Option<Uuid>,
    /// What is asked.
    pub command: Command,
    /// The content in a canonical form, by which two commands are the same or not. In clear: never stored.
    pub canonical: String,
}

impl CommandMessage {
    /// Reads a message body.
    ///
    /// # Errors
    /// `payload_too_large`, `malformed`, `unknown_command` or `validation`.
    pub fn parse(publisher: Publisher, aggregate: &str, name: &str, body: &[u8]) -> Result<Self, Rejection> {
        codec::check(body)?;
        Self::from_body(publisher, aggregate, name, codec::read("", body)?)
    }

    /// Takes a body that was read already.
    ///
    /// # Errors
    /// `unknown_command`, `malformed` or `validation`.
    pub fn from_body(publisher: Publisher, aggregate: &str, name: &str, body: CommandBody) -> Result<Self, Rejection> {
        let unknown = || Rejection::new(Code::UnknownCommand, format!("there is no command {aggregate}.{name}"));
        let category = Category::parse(aggregate).ok_or_else(unknown)?;
        let command = Command::read(category, name, body.data.get()).map_err(|error| match error {
            VariantError::UnknownName => unknown(),
            VariantError::Content(field) => Rejection::validation(field.pointer, field.detail),
        })?;
        if body.actor.kind == ActorKind::Agent && body.actor.agent().is_none() {
            return Err(Rejection::validation("/actor/id", "the id of an agent is a UUID"));
        }
        if body.occurred_at.is_some_and(|time| time < OCCURRED_AT_MIN) {
            return Err(Rejection::validation("/occurred_at", format!("must not be before {OCCURRED_AT_MIN}")));
        }
        let malformed = |error: serde_json::Error| Rejection::new(Code::Malformed, error.to_string());
        let data: Value = serde_json::from_str(body.data.get()).map_err(malformed)?;
        // As the store keeps it: to the microsecond, and a leap second is the first one after it.
        let kept = |time: DateTime<Utc>| DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time);
        let occurred_at = body.occurred_at.map(kept);
        let CommandBody { command_id, id, expected_version, actor, correlation_id, causation_id, .. } = body;
        let canonical =
            serde_json::json!([aggregate, name, id, expected_version, occurred_at, actor, data]).to_string();
        let stream = StreamId { category, id };
        Ok(Self {
            publisher,
            command_id,
            stream,
            expected_version,
            occurred_at,
            actor,
            correlation_id,
            causation_id,
            command,
            canonical,
        })
    }
}

/// What is known about an event beside its content: who caused it, and by what. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// The service that sent the command.
    pub publisher: Publisher,
    /// The command that brought it about.
    pub command_id: Uuid,
    /// Who acted.
    pub actor: Actor,
    /// Groups the commands and events of one business matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Uuid>,
    /// What caused the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation_id: Option<Uuid>,
}

/// An event as it stands in the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The place in the one global history: 1, 2, 3 … without gaps.
    pub position: u64,
    /// The event's id.
    pub event_id: Uuid,
    /// The stream that holds it.
    pub stream: StreamId,
    /// The place in the stream: 1, 2, 3 … without gaps.
    pub version: u64,
    /// The type, e.g. `TicketOpened`.
    pub event_type: String,
    /// The schema version of the content.
    pub schema_version: u16,
    /// When it happened in the business.
    pub occurred_at: DateTime<Utc>,
    /// When it was recorded; rises strictly with the position.
    pub recorded_at: DateTime<Utc>,
    /// The gap-free number of this event among those of its type, if the type is counted.
    pub ordinal: Option<u64>,
    /// Who caused it, and by what.
    pub metadata: Metadata,
    /// The content as stored: JSON, byte for byte, personal values sealed.
    pub payload: String,
    /// SHA-256 over the stored event (without position, ordinal and `recorded_at`).
    pub content_hash: [u8; 32],
}

/// Why a stored event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The type or its version is newer than this program.
    #[error("unknown event {event_type} version {schema_version} at position {position}")]
    Unknown {
        /// The event's type.
        event_type: String,
        /// Its schema version.
        schema_version: u16,
        /// Where it stands.
        position: u64,
    },
    /// The content does not fit its type.
    #[error("event at position {position} cannot be read: {detail}")]
    Content {
        /// Where it stands.
        position: u64,
        /// What is wrong.
        detail: String,
    },
}

impl RecordedEvent {
    /// The event, from its content with personal values in clear (or erased), at the current schema version.
    ///
    /// # Errors
    /// The event is newer than this program, or damaged.
    pub fn read(&self, unsealed_payload: String) -> Result<Event, EventError> {
        let unknown = || EventError::Unknown {
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            position: self.position,
        };
        let damaged = |detail: String| EventError::Content { position: self.position, detail };
        let content = upcast::upcast(upcast::STEPS, &self.event_type, self.schema_version, unsealed_payload)
            .map_err(|error| damaged(error.to_string()))?
            .ok_or_else(unknown)?;
        Event::read(self.stream.category, &self.event_type, &content).map_err(|error| match error {
            VariantError::UnknownName => unknown(),
            // Not the reader's own words: they quote the value, which may be personal.
            VariantError::Content(field) => {
                damaged(format!("the content does not fit its type at {:?}", field.pointer))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<CommandMessage, Rejection> {
        let publisher = Publisher::parse("web").map_err(|detail| Rejection::new(Code::Malformed, detail))?;
        CommandMessage::parse(publisher, "team", "form", body.as_bytes())
    }

    fn body(extra: &str) -> String {
        let id = Uuid::from_u128(1);
        let actor = r#"{"kind":"service","id":"web"}"#;
        format!(r#"{{"command_id":"{id}","id":"{id}","actor":{actor},"data":{{"name":"First line"}}{extra}}}"#)
    }

    #[test]
    fn a_command_is_the_same_whatever_its_white_space_and_key_order() {
        let id = Uuid::from_u128(1);
        let other = format!(
            r#"{{"data": {{ "name": "First line" }}, "id":"{id}", "actor":{{"id":"web","kind":"service"}}, "command_id":"{id}"}}"#
        );
        let canonical = |text: &str| parse(text).map(|message| message.canonical);
        assert_eq!(canonical(&body("")), canonical(&other));
        assert_ne!(canonical(&body("")), canonical(&body(r#","expected_version":1"#)));
    }

    #[test]
    fn an_unknown_field_is_named_by_its_pointer() {
        let rejection = parse(&body(r#","extra":1"#)).err();
        let pointers = rejection.map(|rejection| rejection.errors.into_iter().map(|error| error.pointer).collect());
        assert_eq!(pointers, Some(vec!["/extra".to_owned()]));
    }

    #[test]
    fn an_agent_is_named_by_a_uuid() {
        let text = body("").replace("service", "agent");
        assert_eq!(parse(&text).err().map(|rejection| rejection.code), Some(Code::Validation));
    }

    #[test]
    fn a_time_before_1900_is_refused_whatever_the_calendar_makes_of_it() {
        let at = |time: &str| parse(&body(&format!(r#","occurred_at":"{time}""#))).map(|message| message.occurred_at);
        for ancient in ["1899-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "-100000-01-01T00:00:00Z"] {
            assert_eq!(at(ancient).err().map(|rejection| rejection.code), Some(Code::Validation), "{ancient}");
        }
        assert_eq!(at("1900-01-01T00:00:00Z"), Ok(Some(OCCURRED_AT_MIN)));
    }

    #[test]
    fn a_leap_second_is_the_one_after_it() {
        let at = |time: &str| parse(&body(&format!(r#","occurred_at":"{time}""#))).map(|message| message.occurred_at);
        assert_eq!(at("2016-12-31T23:59:60Z"), at("2017-01-01T00:00:00Z"));
        assert_eq!(at("2016-12-31T23:59:60.5Z"), at("2017-01-01T00:00:00.5Z"));
    }

    #[test]
    fn the_content_of_a_command_is_an_object() {
        let text = body("").replace(r#"{"name":"First line"}"#, r#"["First line","manual"]"#);
        let pointers =
            parse(&text).err().map(|rejection| rejection.errors.into_iter().map(|error| error.pointer).collect());
        assert_eq!(pointers, Some(vec!["/data".to_owned()]));
    }

    #[test]
    fn a_publisher_is_a_plain_token() {
        assert!(Publisher::parse("web-2_a").is_ok());
        for wrong in ["", "Web", "a.b", "a*", "服务"] {
            assert!(Publisher::parse(wrong).is_err(), "{wrong}");
        }
    }
}
