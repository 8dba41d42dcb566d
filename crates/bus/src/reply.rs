//! Answers to commands: where they may go, what their headers say.

use std::time::Duration;

use async_nats::service::{NATS_SERVICE_ERROR, NATS_SERVICE_ERROR_CODE};
use async_nats::{HeaderMap, HeaderValue};
use domain::rejection::Code;

use crate::subjects::is_literal;

/// While the connection is down answers wait for it no longer than this: then the sender has given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether an answer may be sent there. Whoever can name any reply subject could otherwise make the answering process
/// publish where it must not itself.
pub(crate) fn is_allowed(subject: &str, prefixes: &[String]) -> bool {
    is_literal(subject) && prefixes.iter().any(|prefix| !prefix.is_empty() && subject.starts_with(prefix.as_str()))
}

/// Counts an answer that is not sent because its subject is not allowed.
pub(crate) fn count_refused(publisher: &str) {
    metrics::counter!("carelog_replies_refused_total").increment(1);
    tracing::debug!(publisher, "a command asks for its answer on a subject that is not allowed");
}

/// The headers of a rejection. Constant texts only: what happened this time is in the body.
pub(crate) fn rejection_headers(code: Code, retry_after_s: Option<u32>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_SERVICE_ERROR_CODE, HeaderValue::from(u64::from(code.status())));
    headers.insert(NATS_SERVICE_ERROR, format!("{}: {}", code.as_str(), code.title()));
    if let Some(seconds) = retry_after_s {
        headers.insert("Retry-After", HeaderValue::from(u64::from(seconds)));
    }
    headers
}

/// Sends an answer within a bounded time. One that cannot be sent is counted: the sender asks again.
pub(crate) async fn send<E: std::fmt::Display>(publishing: impl Future<Output = Result<(), E>>) {
    let problem = match tokio::time::timeout(SEND_TIMEOUT, publishing).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(elapsed) => elapsed.to_string(),
    };
    metrics::counter!("carelog_replies_lost_total").increment(1);
    tracing::warn!(problem, "an answer could not be sent");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_subject_with_an_allowed_prefix_is_answered() {
        let prefixes = ["_INBOX.".to_owned()];
        assert!(is_allowed("_INBOX.web.a1", &prefixes));
        let refused =
            ["_INBOX", "_INBOX.", "_INBOX.>", "_INBOX.a.*", "_INBOX.a b", "_INBOX..a", "carelog.event.a.B", ""];
        for subject in refused {
            assert!(!is_allowed(subject, &prefixes), "{subject:?}");
        }
        assert!(!is_allowed("carelog.event.a.B", &[String::new()]));
    }

    #[test]
    fn a_rejection_tells_its_status_its_code_and_when_to_try_again() {
        let headers = rejection_headers(Code::Overloaded, Some(2));
        let header = |name: &str| headers.get(name).map(HeaderValue::as_str);
        assert_eq!(header("Nats-Service-Error-Code"), Some("503"));
        assert_eq!(header("Nats-Service-Error"), Some("overloaded: Too much work at once"));
        assert_eq!(header("Retry-After"), Some("2"));
    }
}
