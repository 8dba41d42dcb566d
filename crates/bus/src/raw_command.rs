//! A command as it came from NATS, before anything is believed.

use async_nats::HeaderMap;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::rejection::{Code, Rejection};

use crate::subjects::CommandSubject;

const DEADLINE: &str = "Carelog-Deadline";

/// A command as it came: what its subject says, its bytes, its headers.
#[derive(Clone, Debug)]
pub struct RawCommand {
    /// The sending service, as the subject has it; not checked.
    pub publisher: String,
    /// The kind of aggregate, as the subject has it; not checked.
    pub aggregate: String,
    /// The command's name, as the subject has it; not checked.
    pub name: String,
    /// The message body.
    pub payload: Bytes,
    headers: Option<HeaderMap>,
}

impl RawCommand {
    pub(crate) fn new(subject: CommandSubject<'_>, payload: Bytes, headers: Option<HeaderMap>) -> Self {
        let [publisher, aggregate, name] = [subject.publisher, subject.aggregate, subject.name].map(str::to_owned);
        Self { publisher, aggregate, name, payload, headers }
    }

    /// Until when the sender wants it decided, from the header `Carelog-Deadline` (RFC 3339).
    ///
    /// # Errors
    /// `malformed`, if the header is there and no time.
    pub fn deadline(&self) -> Result<Option<DateTime<Utc>>, Rejection> {
        let malformed =
            |_| Rejection::new(Code::Malformed, format!("the header {DEADLINE} is not a time as RFC 3339 has it"));
        self.header(DEADLINE).map(|text| text.parse().map_err(malformed)).transpose()
    }

    /// The W3C trace context, from the header `traceparent`; not checked.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.header("traceparent")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.as_ref()?.get(name).map(async_nats::HeaderValue::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_deadline(text: &str) -> RawCommand {
        let mut headers = HeaderMap::new();
        headers.insert(DEADLINE, text);
        let subject = CommandSubject { publisher: "web", aggregate: "ticket", name: "open" };
        RawCommand::new(subject, Bytes::new(), Some(headers))
    }

    #[test]
    fn a_deadline_is_read_whatever_its_zone() {
        let expected = "2026-01-30T16:00:00Z".parse().expect("a time");
        assert_eq!(with_deadline("2026-01-31T00:00:00+08:00").deadline(), Ok(Some(expected)));
    }

    #[test]
    fn a_deadline_that_is_no_time_is_malformed_not_ignored() {
        let code = with_deadline("tomorrow").deadline().map_err(|rejection| rejection.code);
        assert_eq!(code, Err(Code::Malformed));
    }
}
