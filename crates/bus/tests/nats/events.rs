//! The stream of events and those who read it, on a real server.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{CELL, EPOCH, LIMITS, bus, bus_of, clean_up, event, event_stream, events, within};
use async_nats::jetstream::stream::Config;
use carelog_bus::{
    Bus, BusConfig, BusError, EventMark, EventStream, EventSubscription, LastMessage, PowerSafety, PublishError,
    SubscriptionError, Tail,
};
use domain::Category;
use domain::envelope::RecordedEvent;
use tokio::sync::Barrier;

const WAIT: Duration = Duration::from_secs(20);

async fn subscribe(bus: &Bus, after: u64) -> Result<EventSubscription, SubscriptionError> {
    within(EventSubscription::open(bus, after)).await
}

/// Reads until that many events have come.
async fn read(subscription: &mut EventSubscription, count: usize) -> Vec<RecordedEvent> {
    let mut all = Vec::new();
    while all.len() < count {
        let batch = within(subscription.next_batch(count - all.len(), WAIT)).await.expect("a batch");
        assert!(!batch.is_empty(), "only {} of {count} events came", all.len());
        all.extend(batch.into_iter().map(|(event, epoch)| {
            assert_eq!(epoch, EPOCH);
            event
        }));
    }
    all
}

async fn error_of(subscription: &mut EventSubscription) -> SubscriptionError {
    loop {
        if let Err(error) = within(subscription.next_batch(100, WAIT)).await {
            return error;
        }
    }
}

async fn tail(stream: &EventStream) -> Tail {
    stream.tail().await.expect("an answer").expect("a stream")
}

#[tokio::test]
async fn a_stream_is_made_so_that_the_sequence_is_the_position() {
    let bus = bus().await;
    let stream = EventStream::new(&bus, LIMITS, CELL);
    assert_eq!(stream.tail().await.expect("an answer"), None);
    stream.create(101).await.expect("a new stream");
    stream.create(7).await.expect("the same stream");
    let empty = Tail { sequence: 100, first_sequence: 101, last: LastMessage::Missing };
    assert_eq!(tail(&stream).await, empty);
    assert_eq!(stream.publish(&events(101..=103), EPOCH).await.expect("published"), 103);
    let last = LastMessage::Event(EventMark::of(&event(103), EPOCH));
    assert_eq!(tail(&stream).await, Tail { sequence: 103, first_sequence: 101, last });
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_publish_at_the_wrong_sequence_is_refused_and_stores_nothing() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=3), EPOCH).await.expect("published");
    for wrong in [3, 5] {
        let error = stream.publish(&events(wrong..=wrong), EPOCH).await.expect_err("refused");
        assert!(matches!(error, PublishError::WrongSequence { position } if position == wrong), "{error}");
    }
    let last = LastMessage::Event(EventMark::of(&event(3), EPOCH));
    assert_eq!(tail(&stream).await, Tail { sequence: 3, first_sequence: 1, last });
    clean_up(&bus).await;
}

#[tokio::test]
async fn of_a_page_that_overlaps_the_stream_only_what_continues_it_is_stored() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=3), EPOCH).await.expect("published");
    let error = stream.publish(&events(2..=5), EPOCH).await.expect_err("refused");
    assert!(matches!(error, PublishError::WrongSequence { position: 2 }), "{error}");
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(read(&mut subscription, 5).await, events(1..=5));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_batch_holds_all_that_has_arrived() {
    const LAST: u64 = 900;
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=LAST), EPOCH).await.expect("published");
    let mut largest = 0;
    // How much arrives while the server answers something else is chance.
    for _ in 0..20 {
        let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
        let mut read = 0;
        while read < LAST {
            let batch = within(subscription.next_batch(1_000, WAIT)).await.expect("a batch").len() as u64;
            (read, largest) = (read + batch, largest.max(batch));
            tail(&stream).await;
        }
    }
    assert!(largest > 128, "at most {largest} events at once");
    clean_up(&bus).await;
}

#[tokio::test]
async fn publishing_without_a_stream_is_told() {
    let bus = bus().await;
    let stream = EventStream::new(&bus, LIMITS, CELL);
    assert!(matches!(stream.publish(&events(1..=1), EPOCH).await, Err(PublishError::Gone)));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_publishers_at_once_store_each_position_once_and_in_order() {
    const LAST: u64 = 3_000;
    let bus = bus().await;
    event_stream(&bus, 1).await;
    let together = Arc::new(Barrier::new(3));
    let publish = async |prefix: String, page: u64, together: Arc<Barrier>| {
        let bus = bus_of(&prefix).await;
        let stream = EventStream::new(&bus, LIMITS, CELL);
        let (mut published, mut refused) = (0, 0);
        together.wait().await;
        loop {
            let end = tail(&stream).await.sequence;
            if end >= LAST {
                return (published, refused);
            }
            match stream.publish(&events(end + 1..=LAST.min(end + page)), EPOCH).await {
                Ok(last) => published += last - end,
                Err(PublishError::WrongSequence { .. }) => refused += 1,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let publishers = [7, 20, 33].map(|page| {
        let (prefix, together) = (bus.subjects.prefix().to_owned(), together.clone());
        tokio::spawn(async move { publish(prefix, page, together).await })
    });
    let mut refused_total = 0;
    for publisher in publishers {
        let (published, refused) = within(publisher).await.expect("a publisher");
        println!("published {published}, refused {refused}");
        refused_total += refused;
    }
    assert!(refused_total > 0, "the publishers never met");
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(read(&mut subscription, LAST as usize).await, events(1..=LAST));
    clean_up(&bus).await;
}

#[tokio::test]
async fn events_are_read_in_order_from_any_position() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=50), EPOCH).await.expect("published");
    let mut subscription = subscribe(&bus, 20).await.expect("a subscription");
    assert_eq!(read(&mut subscription, 30).await, events(21..=50));
    stream.publish(&events(51..=52), EPOCH).await.expect("published");
    assert_eq!(read(&mut subscription, 2).await, events(51..=52));
    clean_up(&bus).await;
}

#[tokio::test]
async fn the_largest_events_are_read_too_though_few_are_under_way_at_once() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    let large = |position| RecordedEvent { payload: format!(r#""{}""#, "x".repeat(512 * 1024)), ..event(position) };
    let all: Vec<RecordedEvent> = (1..=40).map(large).collect();
    stream.publish(&all, EPOCH).await.expect("published");
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert!(read(&mut subscription, 40).await == all);
    clean_up(&bus).await;
}

#[tokio::test]
async fn nothing_new_is_an_empty_batch_after_the_wait() {
    let bus = bus().await;
    event_stream(&bus, 1).await;
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(within(subscription.next_batch(10, Duration::from_millis(10))).await, Ok(Vec::new()));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_reader_that_is_ahead_of_the_stream_skips_what_it_has() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=3), EPOCH).await.expect("published");
    let mut subscription = subscribe(&bus, 5).await.expect("a subscription");
    stream.publish(&events(4..=8), EPOCH).await.expect("published");
    assert_eq!(read(&mut subscription, 3).await, events(6..=8));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_purged_stream_continues_and_its_hole_is_told() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=10), EPOCH).await.expect("published");
    let mut reading = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(read(&mut reading, 10).await, events(1..=10));
    let raw = bus.jetstream.get_stream(bus.subjects.events_stream()).await.expect("a stream");
    raw.purge().await.expect("purged");
    assert_eq!(tail(&stream).await, Tail { sequence: 10, first_sequence: 11, last: LastMessage::Missing });
    assert_eq!(subscribe(&bus, 5).await.map(drop), Err(SubscriptionError::Hole { expected: 6, found: 11 }));
    stream.publish(&events(11..=12), EPOCH).await.expect("published");
    assert_eq!(read(&mut reading, 2).await, events(11..=12));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_hole_is_told_and_so_it_is_when_reading_begins_before_it() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=2), EPOCH).await.expect("published");
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(read(&mut subscription, 2).await, events(1..=2));
    // Beyond the end: the server continues from there.
    let raw = bus.jetstream.get_stream(bus.subjects.events_stream()).await.expect("a stream");
    raw.purge().sequence(10).await.expect("purged");
    stream.publish(&events(10..=11), EPOCH).await.expect("published");
    assert_eq!(error_of(&mut subscription).await, SubscriptionError::Hole { expected: 3, found: 10 });
    assert_eq!(subscribe(&bus, 2).await.map(drop), Err(SubscriptionError::Hole { expected: 3, found: 10 }));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_stream_deleted_while_it_is_read_is_reported() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    stream.publish(&events(1..=1), EPOCH).await.expect("published");
    assert_eq!(read(&mut subscription, 1).await, events(1..=1));
    bus.jetstream.delete_stream(bus.subjects.events_stream()).await.expect("deleted");
    let error = error_of(&mut subscription).await;
    assert!(matches!(error, SubscriptionError::Lost(_)), "{error}");
    assert_eq!(within(subscription.next_batch(1, WAIT)).await, Err(error));
    assert_eq!(subscribe(&bus, 1).await.map(drop), Err(SubscriptionError::Gone));
}

#[tokio::test]
async fn a_consumer_deleted_while_it_is_used_is_reported() {
    let bus = bus().await;
    event_stream(&bus, 1).await;
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    let raw = bus.jetstream.get_stream(bus.subjects.events_stream()).await.expect("a stream");
    let names: Vec<String> = futures_util::TryStreamExt::try_collect(raw.consumer_names()).await.expect("names");
    for name in names {
        raw.delete_consumer(&name).await.expect("deleted");
    }
    let error = error_of(&mut subscription).await;
    assert!(matches!(error, SubscriptionError::Lost(_)), "{error}");
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_foreign_message_is_told_to_readers_and_to_the_writer() {
    let bus = bus().await;
    let stream = event_stream(&bus, 1).await;
    stream.publish(&events(1..=1), EPOCH).await.expect("published");
    let subject = bus.subjects.event(Category::Ticket, "TicketOpened");
    bus.jetstream.publish(subject, "forged".into()).await.expect("sent").await.expect("stored");
    let end = tail(&stream).await;
    assert!(matches!((end.sequence, &end.last), (2, LastMessage::Foreign { .. })), "{end:?}");
    let mut subscription = subscribe(&bus, 0).await.expect("a subscription");
    assert_eq!(read(&mut subscription, 1).await, events(1..=1));
    let error = error_of(&mut subscription).await;
    assert!(matches!(error, SubscriptionError::Foreign { sequence: 2, .. }), "{error}");
    assert!(matches!(stream.publish(&events(2..=2), EPOCH).await, Err(PublishError::WrongSequence { position: 2 })));
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_stream_that_was_reconfigured_is_put_right_when_its_tail_is_read() {
    let bus = bus().await;
    event_stream(&bus, 1).await;
    let name = bus.subjects.events_stream();
    let configured = async || bus.jetstream.get_stream(&name).await.expect("a stream").cached_info().config.clone();
    let right = configured().await;
    let odd = Config { max_messages_per_subject: 1, max_age: Duration::from_secs(600), ..right.clone() };
    bus.jetstream.update_stream(odd).await.expect("updated");
    EventStream::new(&bus, LIMITS, CELL).tail().await.expect("an answer");
    assert_eq!(configured().await, right);
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_stream_that_cannot_be_put_right_is_refused() {
    let bus = bus().await;
    let config = Config {
        name: bus.subjects.events_stream(),
        subjects: vec![bus.subjects.event_wildcard()],
        storage: async_nats::jetstream::stream::StorageType::Memory,
        ..Config::default()
    };
    bus.jetstream.create_stream(config).await.expect("a stream");
    let error = EventStream::new(&bus, LIMITS, CELL).tail().await.expect_err("refused");
    assert!(matches!(error, BusError::Unsuitable(_)), "{error}");
    clean_up(&bus).await;
}

#[tokio::test]
async fn wrong_credentials_are_told_at_once() {
    let bus = bus().await;
    if !bus.client.server_info().auth_required {
        println!("SKIPPED: the server asks for no credentials");
        return;
    }
    let info = bus.client.server_info();
    let urls = format!("nats://wrong@{}:{}", info.host, info.port);
    let error = within(Bus::connect(&BusConfig::new(&urls, "t", "test"))).await.map(drop).expect_err("refused");
    assert!(matches!(error, BusError::Forbidden(_)), "{error}");
}

#[tokio::test]
async fn power_safety_is_asked_on_the_monitoring_port_and_unknown_without_it() {
    let bus = bus().await;
    assert!(matches!(bus.inbox_power_safety(None).await, PowerSafety::Unknown(_)));
    match std::env::var("NATS_MONITOR_URL") {
        Ok(url) => {
            let safety = bus.inbox_power_safety(Some(&url)).await;
            assert!(matches!(safety, PowerSafety::Safe | PowerSafety::Unsafe), "{safety:?}");
        }
        Err(_) => println!("SKIPPED: NATS_MONITOR_URL is not set"),
    }
}
