//! Commands by way of the durable stream, on a real server.

use std::time::Duration;

use crate::support::{bus, bus_of, clean_up, within};
use async_nats::HeaderMap;
use carelog_bus::{Bus, Inbox, InboxMessage};
use domain::rejection::Code;
use futures_util::StreamExt as _;

async fn open(bus: &Bus) -> Inbox {
    Inbox::open(bus).await.expect("an inbox")
}

async fn send(bus: &Bus, name: &str, headers: HeaderMap) {
    let subject = bus.subjects.inbox("web", "ticket", name);
    let ack = bus.jetstream.publish_with_headers(subject, headers, "{}".into()).await.expect("sent");
    ack.await.expect("stored");
}

async fn stored(bus: &Bus) -> u64 {
    let stream = bus.jetstream.get_stream(bus.subjects.inbox_stream()).await.expect("a stream");
    stream.cached_info().state.messages
}

#[tokio::test]
async fn a_command_comes_again_until_it_is_acknowledged() {
    let bus = bus().await;
    let mut inbox = open(&bus).await;
    send(&bus, "open", HeaderMap::new()).await;
    let first = within(inbox.next()).await;
    assert_eq!((first.deliveries, first.command.name.as_str()), (1, "open"));
    first.in_progress().await.expect("noted");
    first.retry(Duration::ZERO).await.expect("given back");
    let second = within(inbox.next()).await;
    assert_eq!((second.deliveries, second.sequence), (2, first.sequence));
    second.ack().await.expect("noted");
    assert_eq!(stored(&bus).await, 0);
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_command_that_another_process_gave_back_comes_to_this_one() {
    let bus = bus().await;
    let mut gone = open(&bus).await;
    send(&bus, "open", HeaderMap::new()).await;
    let message = within(gone.next()).await;
    drop(gone);
    message.retry(Duration::ZERO).await.expect("given back");
    let other = bus_of(bus.subjects.prefix()).await;
    let again = within(open(&other).await.next()).await;
    assert_eq!(again.sequence, message.sequence);
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_discarded_command_does_not_come_again() {
    let bus = bus().await;
    let mut inbox = open(&bus).await;
    send(&bus, "open", HeaderMap::new()).await;
    within(inbox.next()).await.discard().await.expect("noted");
    assert_eq!(stored(&bus).await, 0);
    send(&bus, "close", HeaderMap::new()).await;
    assert_eq!(within(inbox.next()).await.command.name, "close");
    clean_up(&bus).await;
}

#[tokio::test]
async fn an_outcome_goes_only_where_the_publisher_may_ask_for_it() {
    let bus = bus().await;
    let mut inbox = open(&bus).await;
    let mut asked = async |subject: &str| -> InboxMessage {
        let mut headers = HeaderMap::new();
        headers.insert("Carelog-Reply-To", subject);
        send(&bus, "open", headers).await;
        let message = within(inbox.next()).await;
        message.ack().await.expect("noted");
        message
    };
    let own = format!("{}desk.1", bus.subjects.outcome("web"));
    let mut outcomes = bus.client.subscribe(own.clone()).await.expect("a subscription");
    let message = asked(&own).await;
    message.reply_rejected(Code::NotFound, b"why".to_vec()).await;
    let outcome = within(outcomes.next()).await.expect("an outcome");
    assert_eq!(outcome.payload, "why");
    assert_eq!(outcome.headers.expect("headers").get("Nats-Service-Error-Code").map(|code| code.as_str()), Some("404"));
    let others = [bus.subjects.outcome("app") + "1", bus.subjects.outcome("web"), "_INBOX.a".to_owned()];
    for subject in others {
        assert_eq!(asked(&subject).await.reply_to, None, "{subject}");
    }
    clean_up(&bus).await;
}

#[tokio::test]
async fn a_subject_of_another_shape_is_not_stored() {
    let bus = bus().await;
    let _inbox = open(&bus).await;
    let subject = format!("{}.inbox.web.ticket", bus.subjects.prefix());
    let ack = bus.jetstream.publish(subject, "{}".into()).await.expect("sent");
    within(ack.into_future()).await.expect_err("nobody stores it");
    clean_up(&bus).await;
}

#[tokio::test]
async fn whoever_begins_to_read_leaves_the_consumer_as_it_is() {
    let bus = bus().await;
    let mut first = open(&bus).await;
    let created = async || {
        let stream = bus.jetstream.get_stream(bus.subjects.inbox_stream()).await.expect("the stream");
        stream.consumer_info("commands").await.expect("the consumer").created
    };
    let before = created().await;
    let _second = open(&bus).await;
    send(&bus, "open", HeaderMap::new()).await;
    send(&bus, "close", HeaderMap::new()).await;
    within(first.next()).await.ack().await.expect("noted");
    let _third = open(&bus).await;
    assert_eq!(created().await, before);
    clean_up(&bus).await;
}

#[tokio::test]
async fn reading_goes_on_after_the_consumer_was_deleted() {
    let bus = bus().await;
    let mut inbox = open(&bus).await;
    bus.jetstream.delete_consumer_from_stream("commands", bus.subjects.inbox_stream()).await.expect("deleted");
    send(&bus, "open", HeaderMap::new()).await;
    assert_eq!(within(inbox.next()).await.command.name, "open");
    clean_up(&bus).await;
}

#[tokio::test]
async fn reading_goes_on_after_the_stream_was_deleted() {
    let bus = bus().await;
    let mut inbox = open(&bus).await;
    bus.jetstream.delete_stream(bus.subjects.inbox_stream()).await.expect("deleted");
    let reading = tokio::spawn(async move { inbox.next().await });
    let sending = async {
        loop {
            let subject = bus.subjects.inbox("web", "ticket", "open");
            let ack = bus.jetstream.publish(subject, "{}".into()).await.expect("sent");
            if ack.await.is_ok() {
                break;
            }
        }
    };
    within(sending).await;
    assert_eq!(within(reading).await.expect("a message").command.name, "open");
    clean_up(&bus).await;
}
