//! What a client sent and was told.

use std::sync::Arc;

use event_store::Outcome as Stored;

use crate::reference::Ask;

/// Why a command was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// For the first time.
    First,
    /// Again, after it was answered.
    Again,
    /// With an id that was answered for good, and other content.
    Other,
}

/// What a client was told.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// For good, now or before.
    Decided { outcome: Stored, replayed: bool },
    /// Not for good: it may be asked again.
    Undecided(&'static str),
    /// The message cannot be read.
    Unread(&'static str),
    /// Nothing.
    Unknown,
}

impl Answer {
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Decided { outcome: Stored::Accepted { events, .. }, .. } if events.is_empty() => "already_so",
            Self::Decided { outcome: Stored::Accepted { .. }, .. } => "accepted",
            Self::Decided { outcome: Stored::Rejected(rejection), .. } => rejection.code.as_str(),
            Self::Undecided(code) | Self::Unread(code) => code,
            Self::Unknown => "unknown",
        }
    }
}

/// A command that was sent, to one lane or to two at once.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) world: usize,
    pub(crate) ask: Arc<Ask>,
    pub(crate) purpose: Purpose,
    /// The head of the history before it was sent.
    pub(crate) from: u64,
    /// The head of the history after it was answered.
    pub(crate) until: u64,
    /// When it was sent, in microseconds.
    pub(crate) at: i64,
    /// When it was answered, in microseconds.
    pub(crate) ended: i64,
    pub(crate) answers: Vec<Answer>,
}

impl Attempt {
    /// The outcome, if it was decided for good, and whether it had been before.
    pub(crate) fn decided(&self) -> Option<(&Stored, bool)> {
        self.answers.iter().find_map(|answer| match answer {
            Answer::Decided { outcome, replayed } => Some((outcome, *replayed)),
            Answer::Undecided(_) | Answer::Unread(_) | Answer::Unknown => None,
        })
    }

    pub(crate) fn is_unknown(&self) -> bool {
        self.answers.iter().any(|answer| matches!(answer, Answer::Unknown))
    }

    /// Everything about it in a line.
    pub(crate) fn told(&self) -> String {
        let Ask { aggregate, name, id, data, expected_version, occurred_at, actor_kind, actor_id, command_id, .. } =
            self.ask.as_ref();
        let answers: Vec<&str> = self.answers.iter().map(Answer::label).collect();
        format!(
            "{aggregate}.{name} {id} {data} by {actor_kind} {actor_id}, expected version {expected_version:?}, occurred \
             at {occurred_at:?}, command {command_id}, {:?}, between positions {} and {}: {answers:?}",
            self.purpose, self.from, self.until
        )
    }
}
