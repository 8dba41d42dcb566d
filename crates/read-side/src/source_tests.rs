use chrono::DateTime;
use domain::envelope::{Actor, Metadata, Publisher};
use domain::{Category, StreamId};
use uuid::Uuid;

use super::*;

fn event(position: u64) -> RecordedEvent {
    let id = Uuid::from_u128(position.into());
    let (publisher, actor) = (Publisher::timer(), Actor::automation());
    RecordedEvent {
        position,
        event_id: id,
        stream: StreamId { category: Category::Team, id },
        version: 1,
        event_type: "TeamFormed".to_owned(),
        schema_version: 1,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
        ordinal: None,
        metadata: Metadata { publisher, command_id: id, actor, correlation_id: None, causation_id: None },
        payload: "{}".to_owned(),
        content_hash: [0; 32],
    }
}

/// A source to which the events' stream gave these positions. PostgreSQL cannot be reached.
fn given(positions: &[(u64, u64)]) -> Source {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .acquire_timeout(Duration::from_millis(50))
        .connect_lazy("postgres://127.0.0.1:1/nowhere")
        .unwrap();
    let mut source = Source::new(&pool, Reader::new(pool.clone()), None, Duration::from_millis(1));
    source.pending = positions.iter().map(|(position, epoch)| (event(*position), *epoch)).collect();
    source
}

async fn taken(source: &mut Source, after: u64, limit: usize) -> (Vec<u64>, Option<u64>) {
    let batch = source.take_pending(after, limit).await.unwrap().unwrap_or_default();
    (batch.events.iter().map(|event| event.position).collect(), batch.epoch)
}

#[tokio::test]
async fn events_that_came_twice_or_late_are_dropped() {
    let mut source = given(&[(1, 7), (2, 7), (2, 7), (1, 7), (3, 7), (4, 7)]);
    assert_eq!(taken(&mut source, 0, 10).await, (vec![1, 2], Some(7)));
    assert_eq!(taken(&mut source, 2, 10).await, (vec![3, 4], Some(7)));
    assert_eq!(taken(&mut source, 4, 10).await, (vec![], None));
}

#[tokio::test]
async fn a_batch_is_bounded_and_of_one_epoch() {
    let mut source = given(&[(5, 1), (6, 1), (7, 1), (8, 2)]);
    assert_eq!(taken(&mut source, 4, 2).await, (vec![5, 6], Some(1)));
    assert_eq!(taken(&mut source, 6, 2).await, (vec![7], Some(1)));
    assert_eq!(taken(&mut source, 7, 2).await, (vec![8], Some(2)));
}

#[tokio::test]
async fn a_hole_is_asked_from_the_history_and_never_jumped() {
    let mut source = given(&[(3, 1)]);
    let asked = source.take_pending(1, 10).await;
    assert!(asked.is_err_and(|error| error.is_passing()), "PostgreSQL cannot be reached, so nothing is given");
    assert_eq!(source.pending.len(), 1, "what came is kept for afterwards");
}
