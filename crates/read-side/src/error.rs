//! What can go wrong on the read side, by what the caller can do about it.

use event_store::StoreError;

/// A failure of projecting or rebuilding.
#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    /// The database: see [`StoreError`] for what can be done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history is not the one that a model was made from: halt until the documented recovery was done.
    #[error("history_forked: model {model} stands at position {position}, {detail}")]
    HistoryForked {
        /// The model.
        model: String,
        /// Where it stands.
        position: u64,
        /// How the history differs from what was read there.
        detail: String,
    },
    /// The history holds an event that this program cannot read: run a newer program.
    #[error("the history cannot be read from position {position}: {detail}")]
    Unreadable {
        /// Where the event stands.
        position: u64,
        /// What is unknown or damaged.
        detail: String,
    },
    /// Another process rebuilds the model: wait for it.
    #[error("model {0} is being rebuilt by another process")]
    Busy(String),
    /// There is no such model: fix the name.
    #[error("there is no model {0}")]
    UnknownModel(String),
    /// A model does not keep what entity models promise: a defect of this program.
    #[error("model {model}: {detail}")]
    Defect {
        /// The model.
        model: String,
        /// What it does wrong.
        detail: String,
    },
    /// The work was told to stop, or its task ended early: start again where the result is still wanted.
    #[error("stopped: {0}")]
    Stopped(String),
}

impl ProjectorError {
    /// Whether trying again can help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        match self {
            Self::Store(error) => error.is_passing(),
            Self::Busy(_) => true,
            Self::HistoryForked { .. }
            | Self::Unreadable { .. }
            | Self::UnknownModel(_)
            | Self::Defect { .. }
            | Self::Stopped(_) => false,
        }
    }

    pub(crate) fn defect(model: &str, detail: impl Into<String>) -> Self {
        Self::Defect { model: model.to_owned(), detail: detail.into() }
    }
}

impl From<sqlx::Error> for ProjectorError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::from(error))
    }
}

impl From<tokio::task::JoinError> for ProjectorError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Stopped(error.to_string())
    }
}
