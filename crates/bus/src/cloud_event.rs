//! Events on the wire: CloudEvents 1.0 in JSON, structured mode.
//!
//! `data` is the stored payload byte for byte, so that `contenthash` can be checked by whoever reads it. Positions and
//! ordinals are strings, as integers of CloudEvents have 32 bits. The aggregate's category is in the NATS subject.

use std::borrow::Cow;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::envelope::{Actor, ActorKind, Metadata, Publisher, RecordedEvent};
use domain::text::Name;
use domain::{Category, StreamId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

/// What tells one event from another at the same position: two histories that differ there have forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMark {
    /// The event's id.
    pub event_id: Uuid,
    /// SHA-256 over the stored event.
    pub content_hash: [u8; 32],
    /// The epoch of the history when the event was published.
    pub epoch: u64,
}

impl EventMark {
    /// The mark of an event in a history of that epoch.
    #[must_use]
    pub const fn of(event: &RecordedEvent, epoch: u64) -> Self {
        Self { event_id: event.event_id, content_hash: event.content_hash, epoch }
    }
}

/// A message is no event of Carelog.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of Carelog: {0}")]
pub struct NotAnEvent(pub String);

#[derive(Serialize, Deserialize)]
struct Attributes<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    id: Uuid,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    event_type: Cow<'a, str>,
    subject: Uuid,
    time: DateTime<Utc>,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    position: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ordinal: Option<String>,
    recordedat: DateTime<Utc>,
    streamversion: u64,
    schemaversion: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlationid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    causationid: Option<Uuid>,
    commandid: Uuid,
    publisher: Publisher,
    #[serde(borrow)]
    actor: Cow<'a, str>,
    epoch: u64,
    contenthash: String,
    /// Written by hand: serde_json would drop white space around it.
    #[serde(borrow, default, skip_serializing, deserialize_with = "present")]
    data: Option<&'a RawValue>,
}

/// A `null` is there, too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

const SPEC_VERSION: &str = "1.0";
const CONTENT_TYPE: &str = "application/json";

/// Writes an event of the history that has this epoch. `cell` names the installation, for `source`.
///
/// # Errors
/// None that a valid event could cause.
pub fn encode(event: &RecordedEvent, epoch: u64, cell: &str) -> Result<Bytes, serde_json::Error> {
    let metadata = &event.metadata;
    let mut json = serde_json::to_string(&Attributes {
        specversion: SPEC_VERSION.into(),
        id: event.event_id,
        source: format!("/carelog/{cell}").into(),
        event_type: event.event_type.as_str().into(),
        subject: event.stream.id,
        time: event.occurred_at,
        datacontenttype: CONTENT_TYPE.into(),
        position: event.position.to_string(),
        ordinal: event.ordinal.map(|ordinal| ordinal.to_string()),
        recordedat: event.recorded_at,
        streamversion: event.version,
        schemaversion: event.schema_version,
        correlationid: metadata.correlation_id,
        causationid: metadata.causation_id,
        commandid: metadata.command_id,
        publisher: metadata.publisher.clone(),
        actor: metadata.actor.to_string().into(),
        epoch,
        contenthash: hex::encode(event.content_hash),
        data: None,
    })?;
    json.truncate(json.len().saturating_sub(1));
    json.push_str(r#","data":"#);
    json.push_str(&event.payload);
    json.push('}');
    Ok(json.into())
}

/// Reads an event and the epoch of its history. `category` comes from the message's subject. Attributes that are not
/// known are left aside.
///
/// # Errors
/// It is no event of Carelog.
pub fn decode(category: Category, message: &[u8]) -> Result<(RecordedEvent, u64), NotAnEvent> {
    let message = std::str::from_utf8(message).map_err(|error| NotAnEvent(error.to_string()))?;
    let attributes: Attributes<'_> = serde_json::from_str(message).map_err(|error| NotAnEvent(error.to_string()))?;
    let wrong = |what: &str| NotAnEvent(format!("{what} cannot be read"));
    if attributes.specversion != SPEC_VERSION || attributes.datacontenttype != CONTENT_TYPE {
        return Err(wrong("its kind of CloudEvent"));
    }
    let data = attributes.data.ok_or_else(|| wrong("data"))?;
    let mut content_hash = [0; 32];
    hex::decode_to_slice(&attributes.contenthash, &mut content_hash).map_err(|_| wrong("contenthash"))?;
    let metadata = Metadata {
        publisher: attributes.publisher,
        command_id: attributes.commandid,
        actor: parse_actor(&attributes.actor).ok_or_else(|| wrong("actor"))?,
        correlation_id: attributes.correlationid,
        causation_id: attributes.causationid,
    };
    let ordinal = attributes.ordinal.map(|text| text.parse()).transpose();
    let event = RecordedEvent {
        position: attributes.position.parse().map_err(|_| wrong("position"))?,
        event_id: attributes.id,
        stream: StreamId { category, id: attributes.subject },
        version: attributes.streamversion,
        event_type: attributes.event_type.into_owned(),
        schema_version: attributes.schemaversion,
        occurred_at: attributes.time,
        recorded_at: attributes.recordedat,
        ordinal: ordinal.map_err(|_| wrong("ordinal"))?,
        metadata,
        payload: with_outer_space(message, data.get()).to_owned(),
        content_hash,
    };
    Ok((event, attributes.epoch))
}

/// `agent:<id>`, the reverse of how an actor is displayed.
fn parse_actor(text: &str) -> Option<Actor> {
    const KINDS: [ActorKind; 5] =
        [ActorKind::Agent, ActorKind::Customer, ActorKind::System, ActorKind::Rule, ActorKind::Service];
    let (kind, id) = text.split_once(':')?;
    let kind = KINDS.into_iter().find(|known| known.name() == kind)?;
    Some(Actor { kind, id: Name::parse(id).ok()? })
}

/// `value`, which is a part of `message`, together with the white space around it: [`encode`] writes none of its own.
fn with_outer_space<'a>(message: &'a str, value: &'a str) -> &'a str {
    const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];
    let start = (value.as_ptr() as usize).saturating_sub(message.as_ptr() as usize);
    let (Some(before), Some(after)) = (message.get(..start), message.get(start + value.len()..)) else {
        return value;
    };
    let first = before.trim_end_matches(SPACE).len();
    let behind = message.len() - after.trim_start_matches(SPACE).len();
    message.get(first..behind).unwrap_or(value)
}

#[cfg(test)]
#[path = "cloud_event_tests.rs"]
mod tests;
