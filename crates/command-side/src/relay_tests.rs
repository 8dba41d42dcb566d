use chrono::DateTime;
use domain::envelope::{Actor, Metadata, Publisher};
use domain::{Category, StreamId};
use uuid::Uuid;

use super::*;

fn event() -> RecordedEvent {
    let id = Uuid::from_u128(1);
    RecordedEvent {
        position: 5,
        event_id: id,
        stream: StreamId { category: Category::Ticket, id },
        version: 1,
        event_type: "TicketOpened".to_owned(),
        schema_version: 1,
        occurred_at: DateTime::UNIX_EPOCH,
        recorded_at: DateTime::UNIX_EPOCH,
        ordinal: None,
        metadata: Metadata {
            publisher: Publisher::timer(),
            command_id: id,
            actor: Actor::automation(),
            correlation_id: None,
            causation_id: None,
        },
        payload: "{}".to_owned(),
        content_hash: [1; 32],
    }
}

fn compared(mark: EventMark, event: Option<&RecordedEvent>) -> Result<(), String> {
    compare(5, &mark, event, 2).map_err(|problem| match problem {
        Problem::Halt(RelayError::HistoryForked { position: 5, detail }) => detail,
        Problem::Halt(error) => panic!("{error}"),
        Problem::Passing(problem) => panic!("{problem}"),
    })
}

#[test]
fn the_same_event_in_stream_and_history_is_no_fork() {
    assert_eq!(compared(EventMark::of(&event(), 2), Some(&event())), Ok(()));
}

#[test]
fn whatever_differs_at_the_streams_end_is_a_fork_that_says_how() {
    let same = EventMark::of(&event(), 2);
    let elsewhere = RecordedEvent { position: 6, ..event() };
    let cases = [
        (same, None, "the history holds none"),
        (same, Some(elsewhere), "the history holds none"),
        (EventMark { event_id: Uuid::nil(), ..same }, Some(event()), "the stream holds event 00000000"),
        (EventMark { content_hash: [2; 32], ..same }, Some(event()), "another content"),
        (EventMark { epoch: 1, ..same }, Some(event()), "of epoch 1, the history of epoch 2"),
    ];
    for (mark, event, expected) in cases {
        let detail = compared(mark, event.as_ref()).expect_err("a fork");
        assert!(detail.contains(expected), "{detail}");
    }
}

#[test]
fn only_what_passes_is_waited_out() {
    let is_passing = |problem: Problem| matches!(problem, Problem::Passing(_));
    assert!(is_passing(StoreError::Unavailable(String::new()).into()));
    assert!(is_passing(BusError::Unavailable(String::new()).into()));
    assert!(is_passing(PublishError::WrongSequence { position: 5 }.into()));
    assert!(is_passing(PublishError::Gone.into()));
    assert!(!is_passing(StoreError::Corrupt(String::new()).into()));
    assert!(!is_passing(BusError::Unsuitable(String::new()).into()));
    let foreign = PublishError::ForeignAck { position: 5, stream: "OTHER".to_owned(), sequence: 9 };
    assert!(!is_passing(foreign.into()));
}
