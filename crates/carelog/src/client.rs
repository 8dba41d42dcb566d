//! Sending commands as any other service does: request–reply over NATS, the same id again until the outcome is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::{Request, RequestErrorKind};
use bus::{Bus, BusConfig, BusError};
use bytes::Bytes;
use domain::envelope::{CommandBody, Publisher};
use domain::rejection::{Code, FieldError};
use serde::Deserialize;

const RETRY_DELAY_MIN: Duration = Duration::from_millis(50);
const RETRY_DELAY_MAX: Duration = Duration::from_secs(2);

/// How long one attempt waits for its reply.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);

/// A command to be sent.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The kind of aggregate, e.g. `ticket`.
    pub aggregate: String,
    /// The command's name, e.g. `open`.
    pub name: String,
    /// The message.
    pub body: CommandBody,
}

impl Outgoing {
    /// Splits `ticket.open`.
    ///
    /// # Errors
    /// It is not of that form.
    pub fn split_name(text: &str) -> Result<(String, String), String> {
        let plain = |part: &str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        match text.split_once('.') {
            Some((aggregate, name)) if plain(aggregate) && plain(name) => Ok((aggregate.to_owned(), name.to_owned())),
            Some(_) | None => Err(format!("{text:?} is no command: give AGGREGATE.COMMAND, such as ticket.open")),
        }
    }
}

/// What is known of a command after sending it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Its events are durable.
    Accepted(Accepted),
    /// Nothing was changed.
    Rejected(Rejected),
    /// It waits in the durable inbox; its outcome will be found under its id.
    Stored,
    /// Nobody could tell. It may have happened; sending it again with the same id is safe.
    Unknown(String),
    /// It was not sent, because the outcome of another that it depends on is unknown.
    NotSent,
}

/// An acceptance, as the reply has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Accepted {
    /// The version of the aggregate afterwards.
    pub version: u64,
    /// The position of its last event; without events the end of the history that was seen.
    pub position: u64,
    /// The types of its events.
    pub events: Vec<String>,
    /// The number for people, if it got one.
    #[serde(default)]
    pub ordinal: Option<u64>,
    /// Whether this is the outcome of an earlier time.
    #[serde(default)]
    pub replayed: bool,
}

/// A rejection, as the reply has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rejected {
    /// The stable code.
    pub code: String,
    /// The HTTP-like status.
    #[serde(default)]
    pub status: u16,
    /// What happened this time.
    #[serde(default)]
    pub detail: String,
    /// The fields at fault.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// Whether this is the outcome of an earlier time.
    #[serde(default)]
    pub replayed: bool,
}

impl From<domain::rejection::Rejection> for Rejected {
    fn from(rejection: domain::rejection::Rejection) -> Self {
        let domain::rejection::Rejection { code, detail, errors, facts: _ } = rejection;
        Self { code: code.as_str().to_owned(), status: code.status(), detail, errors, replayed: false }
    }
}

#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
enum Reply {
    Accepted(Accepted),
    Rejected(Rejected),
}

/// An outcome together with the reply that told it.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The outcome.
    pub outcome: Outcome,
    /// The reply's bytes, where there was a reply.
    pub reply: Option<Bytes>,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, reply: None }
    }
}

/// Sends commands in the name of one publisher.
pub struct Client {
    bus: Bus,
    publisher: Publisher,
    patience: Duration,
    has_warned: AtomicBool,
}

enum Attempt {
    Done(Answer),
    Again { problem: String, after: Duration },
}

impl Client {
    /// Connects. A command is asked for again and again for as long as `patience`, and no longer is the first connection
    /// tried.
    ///
    /// # Errors
    /// NATS cannot be reached or is not fit for use.
    pub async fn connect(config: &BusConfig, publisher: Publisher, patience: Duration) -> Result<Self, BusError> {
        let config = BusConfig { patience: config.patience.min(patience), ..config.clone() };
        Ok(Self::over(Bus::connect(&config).await?, publisher, patience))
    }

    /// A client over a connection.
    #[must_use]
    pub fn over(bus: Bus, publisher: Publisher, patience: Duration) -> Self {
        Self { bus, publisher, patience, has_warned: AtomicBool::new(false) }
    }

    /// Sends a command and returns its outcome: asks again with the same id while it is unknown or the system too busy,
    /// as the reply's `Retry-After` says.
    pub async fn send(&self, command: &Outgoing) -> Answer {
        let subject = self.bus.subjects.command(self.publisher.as_str(), &command.aggregate, &command.name);
        self.persist(command, |body| self.ask(subject.clone(), body)).await
    }

    /// Puts a command into the durable inbox: it is decided later, and kept until then.
    pub async fn store(&self, command: &Outgoing) -> Answer {
        let subject = self.bus.subjects.inbox(self.publisher.as_str(), &command.aggregate, &command.name);
        self.persist(command, |body| self.put(subject.clone(), body)).await
    }

    async fn persist<F: Future<Output = Attempt>>(&self, command: &Outgoing, attempt: impl Fn(Bytes) -> F) -> Answer {
        let body = match serde_json::to_vec(&command.body) {
            Ok(body) => Bytes::from(body),
            Err(error) => return Outcome::Unknown(error.to_string()).into(),
        };
        let begun = Instant::now();
        let mut delay = RETRY_DELAY_MIN;
        loop {
            let (problem, after) = match attempt(body.clone()).await {
                Attempt::Done(answer) => return answer,
                Attempt::Again { problem, after } => (problem, after),
            };
            // Spread, so that many clients that were refused together do not come back together.
            let wait = after.max(delay.mul_f64(rand::random_range(0.5..1.5)));
            if begun.elapsed() + wait > self.patience {
                return Outcome::Unknown(problem).into();
            }
            self.warn_once(&problem);
            tokio::time::sleep(wait).await;
            delay = (delay * 2).min(RETRY_DELAY_MAX);
        }
    }

    async fn ask(&self, subject: String, body: Bytes) -> Attempt {
        let request = Request::new().payload(body).timeout(Some(ATTEMPT_TIMEOUT.min(self.patience)));
        match self.bus.client.send_request(subject, request).await {
            Ok(message) => read_reply(&message),
            Err(error) => match error.kind() {
                RequestErrorKind::MaxPayloadExceeded => Attempt::Done(too_large()),
                RequestErrorKind::InvalidSubject => Attempt::Done(invalid_subject()),
                RequestErrorKind::NoResponders => again("nobody takes commands: is the role `commands` running?"),
                RequestErrorKind::TimedOut => again("no reply in time"),
                RequestErrorKind::Other => again(&error.to_string()),
            },
        }
    }

    async fn put(&self, subject: String, body: Bytes) -> Attempt {
        let published = match self.bus.jetstream.publish(subject, body).await {
            Ok(acknowledgement) => acknowledgement.await.map(drop),
            Err(error) => Err(error),
        };
        match published {
            Ok(()) => Attempt::Done(Outcome::Stored.into()),
            Err(error) => match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => Attempt::Done(too_large()),
                PublishErrorKind::StreamNotFound => again("there is no durable inbox: is the role `commands` running?"),
                PublishErrorKind::WrongLastMessageId
                | PublishErrorKind::WrongLastSequence
                | PublishErrorKind::TimedOut
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::MaxAckPending
                | PublishErrorKind::Other => again(&error.to_string()),
            },
        }
    }

    fn warn_once(&self, problem: &str) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(problem, patience_s = self.patience.as_secs(), "asking again with the same id");
        }
    }
}

fn read_reply(message: &async_nats::Message) -> Attempt {
    let header = |name: &str| message.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str);
    let reply = match serde_json::from_slice(&message.payload) {
        Ok(reply) => reply,
        Err(error) => return again(&format!("the reply cannot be read: {error}")),
    };
    match reply {
        Reply::Rejected(rejected) if rejected.status == 503 => {
            let after = header("Retry-After")
                .and_then(|seconds| seconds.parse().ok())
                .map_or(Duration::ZERO, Duration::from_secs);
            Attempt::Again { problem: format!("{}: {}", rejected.code, rejected.detail), after }
        }
        Reply::Rejected(rejected) => {
            Attempt::Done(Answer { outcome: Outcome::Rejected(rejected), reply: Some(message.payload.clone()) })
        }
        Reply::Accepted(accepted) => {
            Attempt::Done(Answer { outcome: Outcome::Accepted(accepted), reply: Some(message.payload.clone()) })
        }
    }
}

fn again(problem: &str) -> Attempt {
    Attempt::Again { problem: problem.to_owned(), after: Duration::ZERO }
}

fn too_large() -> Answer {
    refused(Code::PayloadTooLarge, "the server takes no message of this size")
}

fn invalid_subject() -> Answer {
    refused(Code::UnknownCommand, "the command's name is no part of a subject")
}

fn refused(code: Code, detail: &str) -> Answer {
    Outcome::Rejected(domain::rejection::Rejection::new(code, detail).into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_named_by_its_aggregate_and_its_verb() {
        assert_eq!(Outgoing::split_name("ticket.open"), Ok(("ticket".to_owned(), "open".to_owned())));
        for wrong in ["ticket", "ticket.", ".open", "ticket.open.now", "ticket open.x", "ticket.*"] {
            assert!(Outgoing::split_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn replies_are_read_whatever_else_they_say() {
        let accepted: Reply = serde_json::from_str(
            r#"{"outcome":"accepted","command_id":"x","id":"y","version":4,"position":9,"events":["TicketOpened"],"ordinal":17}"#,
        )
        .expect("an acceptance");
        assert!(matches!(accepted, Reply::Accepted(Accepted { position: 9, ordinal: Some(17), replayed: false, .. })));
        let rejected: Reply =
            serde_json::from_str(r#"{"outcome":"rejected","code":"capacity","status":422,"holder":"z"}"#)
                .expect("a rejection");
        assert!(matches!(rejected, Reply::Rejected(Rejected { status: 422, .. })));
    }
}
