//! What the system made of a command, beside what the reference admits.

use std::collections::BTreeMap;

use crate::reference::{Stream, Verdict};

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Accepted, with these events; none where it was so already.
    Accepted(Vec<(Stream, String)>),
    /// Refused, with a code.
    Rejected(&'static str),
    /// Something that must not happen.
    Broken(String),
}

impl Outcome {
    /// What it is called in the coverage.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Accepted(events) if events.is_empty() => "already_so",
            Self::Accepted(_) => "accepted",
            Self::Rejected(code) => code,
            Self::Broken(_) => "broken",
        }
    }

    /// Whether the reference admits it. The order of events on different streams means nothing: they are one append.
    pub(crate) fn is_admitted_by(&self, verdict: &Verdict) -> bool {
        match self {
            Self::Accepted(events) if events.is_empty() => verdict.already,
            Self::Accepted(events) => verdict.accepted.as_ref().is_some_and(|effects| {
                let expected = effects.iter().map(|effect| (effect.stream, effect.event));
                by_stream(expected) == by_stream(events.iter().map(|(stream, event)| (*stream, event.as_str())))
            }),
            Self::Rejected(code) => verdict.codes.contains(code),
            Self::Broken(_) => false,
        }
    }
}

fn by_stream<'a>(events: impl Iterator<Item = (Stream, &'a str)>) -> BTreeMap<Stream, Vec<&'a str>> {
    let mut streams: BTreeMap<Stream, Vec<&str>> = BTreeMap::new();
    for (stream, event) in events {
        streams.entry(stream).or_default().push(event);
    }
    streams
}
