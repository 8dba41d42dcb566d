//! What the tests share: a bus of their own on the shared server, events, bounded waits.

use std::time::Duration;

use carelog_bus::{Bus, BusConfig, EventStream, StreamLimits};
use chrono::DateTime;
use domain::envelope::{Actor, Metadata, Publisher, RecordedEvent};
use domain::{Category, StreamId};
use uuid::Uuid;

pub const CELL: &str = "main";
pub const EPOCH: u64 = 1;
pub const LIMITS: StreamLimits = StreamLimits { max_age: Duration::from_secs(3600), max_bytes: 64 << 20 };

/// A bus whose names no other test uses.
pub async fn bus() -> Bus {
    bus_of(&format!("t{}", Uuid::new_v4().simple())).await
}

/// Another connection of a process with this prefix.
pub async fn bus_of(prefix: &str) -> Bus {
    let urls = std::env::var("NATS_URL").expect("NATS_URL is not set: run these tests with tests/run");
    Bus::connect(&BusConfig::new(&urls, prefix, "test")).await.expect("a connection")
}

/// What must happen, and soon.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it happens within 30 s")
}

/// The event that always stands at this position.
pub fn event(position: u64) -> RecordedEvent {
    let id = Uuid::from_u128(u128::from(position));
    let time = DateTime::from_timestamp_micros(1_769_790_600_000_000 + position as i64).expect("a time");
    RecordedEvent {
        position,
        event_id: id,
        stream: StreamId { category: Category::Customer, id },
        version: 1,
        event_type: "CustomerRegistered".to_owned(),
        schema_version: 1,
        occurred_at: time,
        recorded_at: time,
        ordinal: None,
        metadata: Metadata {
            publisher: Publisher::parse("web").expect("a publisher"),
            command_id: id,
            actor: Actor::automation(),
            correlation_id: None,
            causation_id: None,
        },
        payload: format!(r#"{{ "position": {position}}}"#),
        content_hash: [7; 32],
    }
}

pub fn events(positions: impl IntoIterator<Item = u64>) -> Vec<RecordedEvent> {
    positions.into_iter().map(event).collect()
}

/// A stream whose first event gets this position.
pub async fn event_stream(bus: &Bus, first_sequence: u64) -> EventStream {
    let stream = EventStream::new(bus, LIMITS, CELL);
    stream.create(first_sequence).await.expect("a new stream");
    stream
}

/// Removes the streams of a test.
pub async fn clean_up(bus: &Bus) {
    for name in [bus.subjects.events_stream(), bus.subjects.inbox_stream()] {
        let _ = bus.jetstream.delete_stream(name).await;
    }
}
