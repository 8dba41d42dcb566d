//! The message that carries a command, and what is read from it.

use std::sync::LazyLock;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::StreamId;
use domain::aggregates::Category;
use domain::envelope::{CommandMessage, Publisher};
use domain::rejection::Rejection;

use crate::reference::{Ask, Flaw, Kind, Stream};

static PUBLISHER: LazyLock<Publisher> = LazyLock::new(|| Publisher::parse("model").expect("a plain token"));

/// The time of so many microseconds since 1970.
pub(crate) fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).expect("a time within the calendar")
}

/// A time as JSON has it.
pub(crate) fn written(micros: i64) -> String {
    time(micros).to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(crate) fn stream_of(stream: StreamId) -> Stream {
    let kind = match stream.category {
        Category::Customer => Kind::Customer,
        Category::Transaction => Kind::Transaction,
        Category::Agent => Kind::Agent,
        Category::Team => Kind::Team,
        Category::Ticket => Kind::Ticket,
        Category::Feedback => Kind::Feedback,
        Category::Need
        | Category::Inquiry
        | Category::ServicePlan
        | Category::ServiceExecution
        | Category::ServiceEvaluation
        | Category::Calendar
        | Category::SlaPolicy
        | Category::Scorecard => panic!("the model knows the core only"),
    };
    Stream { kind, id: stream.id }
}

/// The bytes of a command, flawed where it is meant to be.
pub(crate) fn bytes(ask: &Ask) -> Vec<u8> {
    let actor = serde_json::json!({"kind": ask.actor_kind, "id": ask.actor_id});
    let mut body = format!(r#"{{"command_id":"{}","id":"{}","actor":{actor}"#, ask.command_id, ask.id);
    if let Some(version) = ask.expected_version {
        body += &format!(r#","expected_version":{version}"#);
    }
    if let Some(at) = ask.occurred_at {
        body += &format!(r#","occurred_at":"{}""#, written(at));
    }
    body += &match ask.flaw {
        Flaw::Doubled => format!(r#","id":"{}""#, ask.id),
        Flaw::Unknown => r#","extra":1"#.to_owned(),
        Flaw::Deep => format!(r#","correlation_id":{}{}"#, "[".repeat(40), "]".repeat(40)),
        Flaw::Large => " ".repeat(256 * 1024),
        Flaw::None | Flaw::Broken => String::new(),
    };
    body += &format!(r#","data":{}}}"#, ask.data);
    if ask.flaw == Flaw::Broken {
        body.truncate(body.len() - 1);
    }
    body.into_bytes()
}

/// The command as the system reads it.
///
/// # Errors
/// The system refuses the message.
pub(crate) fn read(ask: &Ask) -> Result<CommandMessage, Rejection> {
    CommandMessage::parse(PUBLISHER.clone(), ask.aggregate, ask.name, &bytes(ask))
}
