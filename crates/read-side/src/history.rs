//! The history for audits: pages of events with personal values in clear or marked as erased, receipts, and times as
//! positions.

use chrono::{DateTime, Utc};
use domain::envelope::{Publisher, RecordedEvent};
use domain::ids::TicketId;
use domain::ticket::{Cause, Past, Run, explain, is_of_clocks};
use domain::{Event, StreamId};
use event_store::{Head, Reader, Receipt, Selection, StoreError, Vault};
use serde_json::Value;
use uuid::Uuid;

use crate::error::ProjectorError;
use crate::reveal::reveal;
use crate::spawned;

/// How many events of a ticket are read at once to tell its clocks.
const CLOCK_PAGE: u32 = 500;

/// An event with its content in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevealedEvent {
    /// The event as it is recorded; its payload is sealed.
    pub recorded: RecordedEvent,
    /// The content, at the schema version at which it was stored: personal values in clear, `{"erased": true}` where
    /// they were erased.
    pub content: Value,
}

/// Reads the history. Cheap to clone. Every method runs to its end, also where the caller is dropped.
#[derive(Clone)]
pub struct History {
    reader: Reader,
    vault: Vault,
}

impl History {
    /// Over a reader and a vault.
    #[must_use]
    pub const fn new(reader: Reader, vault: Vault) -> Self {
        Self { reader, vault }
    }

    /// The end of the history.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn head(&self) -> Result<Head, ProjectorError> {
        let reader = self.reader.clone();
        spawned(async move { reader.head().await }).await
    }

    /// Up to `limit` selected events, in order of position.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn select(&self, selection: Selection, limit: u32) -> Result<Vec<RevealedEvent>, ProjectorError> {
        let Self { reader, vault } = self.clone();
        spawned(async move {
            let events = reader.select(&selection, limit).await?;
            revealed(&vault, events).await
        })
        .await
    }

    /// Up to `limit` events of one stream above a version, in order.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn stream(
        &self,
        stream: StreamId,
        after_version: u64,
        limit: u32,
    ) -> Result<Vec<RevealedEvent>, ProjectorError> {
        let Self { reader, vault } = self.clone();
        spawned(async move {
            let events = reader.stream(stream, after_version, limit).await?;
            revealed(&vault, events).await
        })
        .await
    }

    /// Every run of the clocks of a ticket, as its history up to a position tells them; none where there is no such
    /// ticket by then.
    ///
    /// # Errors
    /// The database cannot be reached, or an event of the clocks cannot be read.
    pub async fn clock_runs(&self, ticket: TicketId, until: u64) -> Result<Option<Vec<Run>>, ProjectorError> {
        let reader = self.reader.clone();
        spawned(async move {
            let (mut history, mut version) = (Vec::new(), 0);
            loop {
                let page = reader.stream(ticket.stream(), version, CLOCK_PAGE).await?;
                let is_last = page.len() < CLOCK_PAGE as usize || page.iter().any(|event| event.position > until);
                version = page.last().map_or(version, |event| event.version);
                for recorded in page.into_iter().filter(|event| event.position <= until) {
                    history.push(past(recorded)?);
                }
                if is_last {
                    break;
                }
            }
            let told: Vec<Past<'_>> = history
                .iter()
                .map(|(cause, command_id, event)| {
                    let event = if let Some(Event::Ticket(event)) = event { Some(event) } else { None };
                    Past { cause: cause.clone(), command_id: *command_id, event }
                })
                .collect();
            Ok::<_, StoreError>((!told.is_empty()).then(|| explain(&told)))
        })
        .await
    }

    /// What came of a command, if it was decided.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn receipt(&self, publisher: Publisher, command_id: Uuid) -> Result<Option<Receipt>, ProjectorError> {
        let reader = self.reader.clone();
        spawned(async move { reader.receipt(&publisher, command_id).await }).await
    }

    /// The last position recorded at or before a moment; 0 if there is none.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn position_at(&self, moment: DateTime<Utc>) -> Result<u64, ProjectorError> {
        let reader = self.reader.clone();
        spawned(async move { reader.position_at(moment).await }).await
    }
}

/// An event of a ticket as far as its clocks are concerned.
fn past(recorded: RecordedEvent) -> Result<(Cause, Uuid, Option<Event>), StoreError> {
    let (position, event_id, event_type) = (recorded.position, recorded.event_id, recorded.event_type.clone());
    let read =
        |payload| recorded.read(payload).map_err(|error| StoreError::Corrupt(format!("event {event_id}: {error}")));
    let event = is_of_clocks(&event_type).then(|| read(recorded.payload.clone())).transpose()?;
    Ok((Cause { position, event_id, event_type }, recorded.metadata.command_id, event))
}

async fn revealed(vault: &Vault, events: Vec<RecordedEvent>) -> Result<Vec<RevealedEvent>, StoreError> {
    let payloads = vault.unseal(&events).await?;
    let reveal_one = |(recorded, payload): (RecordedEvent, String)| {
        let content = serde_json::from_str(&payload)
            .map_err(|error| StoreError::Corrupt(format!("event {}: {error}", recorded.event_id)))?;
        Ok(RevealedEvent { recorded, content: reveal(content) })
    };
    events.into_iter().zip(payloads).map(reveal_one).collect()
}
