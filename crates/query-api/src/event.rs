//! Events as the API shows them: the envelope, and the content with personal values in clear or marked as erased.

use chrono::{DateTime, Utc};
use domain::envelope::Actor;
use read_side::history::RevealedEvent;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// An event of the history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
pub struct EventItem {
    /// The place in the one history: 1, 2, 3 … without gaps.
    pub position: u64,
    /// The event's id.
    pub id: Uuid,
    /// The type.
    #[serde(rename = "type")]
    #[schema(example = "TicketOpened")]
    pub event_type: String,
    /// The aggregate's kind.
    #[schema(example = "ticket")]
    pub category: &'static str,
    /// The aggregate's id.
    pub aggregate_id: Uuid,
    /// The place in the aggregate's stream: 1, 2, 3 … without gaps.
    pub version: u64,
    /// The schema version of `data`.
    pub schema_version: u16,
    /// When it happened in the business.
    pub occurred_at: DateTime<Utc>,
    /// When it was recorded; rises strictly with the position.
    pub recorded_at: DateTime<Utc>,
    /// The gap-free number among the events of its type, for types that are counted.
    pub ordinal: Option<u64>,
    /// The service that sent the command.
    pub publisher: String,
    /// The command that brought it about.
    pub command_id: Uuid,
    /// Who acted: `kind, id`.
    #[schema(value_type = Object)]
    pub actor: Actor,
    /// Groups the events of one business matter.
    pub correlation_id: Option<Uuid>,
    /// What caused the command.
    pub causation_id: Option<Uuid>,
    /// SHA-256 over the event as stored, in hex.
    pub content_hash: String,
    /// The content; `{"erased": true}` stands where a personal value was erased.
    #[schema(value_type = Object)]
    pub data: Value,
}

impl From<RevealedEvent> for EventItem {
    fn from(RevealedEvent { recorded, content }: RevealedEvent) -> Self {
        Self {
            position: recorded.position,
            id: recorded.event_id,
            event_type: recorded.event_type,
            category: recorded.stream.category.name(),
            aggregate_id: recorded.stream.id,
            version: recorded.version,
            schema_version: recorded.schema_version,
            occurred_at: recorded.occurred_at,
            recorded_at: recorded.recorded_at,
            ordinal: recorded.ordinal,
            publisher: recorded.metadata.publisher.to_string(),
            command_id: recorded.metadata.command_id,
            actor: recorded.metadata.actor,
            correlation_id: recorded.metadata.correlation_id,
            causation_id: recorded.metadata.causation_id,
            content_hash: hex::encode(recorded.content_hash),
            data: content,
        }
    }
}
