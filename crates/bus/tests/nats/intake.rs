//! Commands by request–reply, on a real server.

use crate::support::{bus, bus_of, within};
use async_nats::HeaderMap;
use carelog_bus::{Bus, CommandRequest, CommandService};
use domain::rejection::Code;
use futures_util::future::join_all;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::task::JoinHandle;

/// Answers every command with its own subject and body, until it is stopped; returns how many there were.
fn echo(mut service: CommandService) -> JoinHandle<usize> {
    tokio::spawn(async move {
        let mut count = 0;
        while let Some(request) = service.next().await {
            request.reply_accepted(echoed(&request)).await;
            count += 1;
            if request.command.name == "stop" {
                service.stop().await;
            }
        }
        count
    })
}

fn echoed(request: &CommandRequest) -> Vec<u8> {
    let command = &request.command;
    let body = String::from_utf8_lossy(&command.payload);
    format!("{} {} {} {body}", command.publisher, command.aggregate, command.name).into_bytes()
}

async fn start(bus: &Bus) -> CommandService {
    CommandService::start(bus).await.expect("a service")
}

#[tokio::test]
async fn a_command_is_answered() {
    let bus = bus().await;
    let _echo = echo(start(&bus).await);
    let subject = bus.subjects.command("web", "ticket", "open");
    let reply = within(bus.client.request(subject, "{}".into())).await.expect("a reply");
    assert_eq!(reply.payload, "web ticket open {}");
    assert!(reply.headers.is_none());
}

#[tokio::test]
async fn a_rejection_is_an_error_to_any_client_and_keeps_its_body() {
    let bus = bus().await;
    let mut service = start(&bus).await;
    let answering = tokio::spawn(async move {
        let request = service.next().await.expect("a request");
        request.reply_rejected(Code::Overloaded, b"why".to_vec(), Some(1)).await;
    });
    let subject = bus.subjects.command("web", "ticket", "open");
    let reply = within(bus.client.request(subject, "{}".into())).await.expect("a reply");
    answering.await.expect("an answer");
    assert_eq!(reply.payload, "why");
    let headers = reply.headers.expect("headers");
    let header = |name: &str| headers.get(name).map(|value| value.as_str());
    assert_eq!(header("Nats-Service-Error-Code"), Some("503"));
    assert_eq!(header("Nats-Service-Error"), Some("overloaded: Too much work at once"));
    assert_eq!(header("Retry-After"), Some("1"));
}

#[tokio::test]
async fn a_command_that_nobody_knows_reaches_the_service_too() {
    let bus = bus().await;
    let _echo = echo(start(&bus).await);
    for (tail, expected) in [("web.ticket.fly", "web ticket fly "), ("web.x", "web x  "), ("web.a.b.c", "web a b.c ")] {
        let subject = format!("{}.command.{tail}", bus.subjects.prefix());
        let reply = within(bus.client.request(subject, "".into())).await.expect("a reply");
        assert_eq!(reply.payload, expected);
    }
}

#[tokio::test]
async fn a_deadline_travels_with_the_command() {
    let bus = bus().await;
    let mut service = start(&bus).await;
    let mut headers = HeaderMap::new();
    headers.insert("Carelog-Deadline", "2026-01-30T16:30:00Z");
    let subject = bus.subjects.command("web", "ticket", "open");
    bus.client.publish_with_headers(subject, headers, "{}".into()).await.expect("sent");
    let request = within(service.next()).await.expect("a request");
    assert_eq!(request.command.deadline(), Ok(Some("2026-01-30T16:30:00Z".parse().expect("a time"))));
}

#[tokio::test]
async fn two_processes_share_the_commands_and_each_is_answered_once() {
    let first = bus().await;
    let second = bus_of(first.subjects.prefix()).await;
    let counts = [echo(start(&first).await), echo(start(&second).await)];
    let client = bus_of(first.subjects.prefix()).await;
    let send = |number: usize| {
        let subject = client.subjects.command("web", "ticket", "open");
        let client = client.client.clone();
        async move { client.request(subject, number.to_string().into()).await.expect("a reply").payload }
    };
    let replies = within(join_all((0..400).map(send))).await;
    for (number, reply) in replies.iter().enumerate() {
        assert_eq!(*reply, format!("web ticket open {number}"));
    }
    // One process takes one of these and stops, so each needs its own.
    for _ in &counts {
        let subject = client.subjects.command("web", "ticket", "stop");
        within(client.client.request(subject, "".into())).await.expect("a reply");
    }
    let mut total = 0;
    for count in counts {
        let count = within(count).await.expect("a count");
        assert!(count > 50, "one process got {count} of 400 commands");
        total += count;
    }
    assert_eq!(total, 402);
}

#[tokio::test]
async fn a_stopped_service_still_gives_out_what_has_arrived_and_then_ends() {
    let bus = bus().await;
    let mut service = start(&bus).await;
    for _ in 0..10 {
        bus.client.publish(bus.subjects.command("web", "ticket", "open"), "{}".into()).await.expect("sent");
    }
    // A round trip: what was sent before it has come back before it.
    let echo = format!("{}.round.trip", bus.subjects.prefix());
    let mut trips = bus.client.subscribe(echo.clone()).await.expect("a subscription");
    bus.client.publish(echo, "".into()).await.expect("sent");
    within(trips.next()).await.expect("the round trip");
    service.stop().await;
    let mut count = 0;
    while within(service.next()).await.is_some() {
        count += 1;
    }
    assert_eq!(count, 10);
    let subject = bus.subjects.command("web", "ticket", "open");
    let refused = within(bus.client.request(subject, "{}".into())).await.expect_err("no responders");
    assert_eq!(refused.kind(), async_nats::RequestErrorKind::NoResponders);
}

#[tokio::test]
async fn a_command_that_names_another_reply_subject_is_taken_but_not_answered_there() {
    let bus = bus().await;
    let _echo = echo(start(&bus).await);
    let target = bus.subjects.event(domain::Category::Ticket, "TicketOpened");
    let mut victim = bus.client.subscribe(target.clone()).await.expect("a subscription");
    let subject = bus.subjects.command("web", "ticket", "open");
    bus.client.publish_with_reply(subject.clone(), target, "{}".into()).await.expect("sent");
    // The service works in order, and so does the connection: an answer to the one before would have come by now.
    within(bus.client.request(subject, "{}".into())).await.expect("a reply");
    assert!(victim.next().now_or_never().is_none());
}

#[tokio::test]
async fn the_service_is_found_by_discovery() {
    let bus = bus().await;
    let _echo = echo(start(&bus).await);
    let subject = format!("$SRV.INFO.{}", bus.subjects.commands_service());
    let reply = within(bus.client.request(subject, "".into())).await.expect("a reply");
    let info: serde_json::Value = serde_json::from_slice(&reply.payload).expect("JSON");
    assert_eq!(info["endpoints"][0]["subject"], bus.subjects.command_wildcard().as_str());
    assert_eq!(info["endpoints"][0]["queue_group"], "commands");
}
