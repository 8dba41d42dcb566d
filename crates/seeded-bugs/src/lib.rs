//! Bugs that are put in on purpose, to see that the tests catch them: `tests/torture --seeded-bugs`.
//!
//! Without the feature `on` no bug is ever active, and the compiler leaves out what one would do. With it the variable
//! `CARELOG_SEEDED_BUG` chooses one by its name.

#[cfg(all(feature = "on", not(debug_assertions)))]
compile_error!("bugs are put in on purpose only for tests, which are not optimised");

/// A mistake that systems of this kind have been shipped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Commits are acknowledged before they are on the disk, and the check at the start is passed over.
    AsyncCommit,
    /// Events are published whatever the stream's last sequence is.
    NoFence,
    /// Instead of by the expected sequence, duplicates are kept out by message ids, which the broker forgets.
    BrokerWindow,
    /// The checkpoint moves on in a transaction of its own, after that of the rows.
    CheckpointOutside,
    /// Events that the stream lacks are jumped over.
    HoleSkipped,
    /// An event that the program cannot read is passed over in silence.
    UnknownSkipped,
    /// The last page of the history, which is shorter than the others, does not get into a model that is rebuilt.
    RebuildForgets,
    /// A command is answered a moment before its events are committed.
    AcceptBeforeCommit,
    /// A database call is given up on after a time-out, in the middle of beginning a transaction.
    DroppedFuture,
    /// Receipts are written by a statement of their own, after that of the events.
    ReceiptOutside,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::AsyncCommit,
        Self::NoFence,
        Self::BrokerWindow,
        Self::CheckpointOutside,
        Self::HoleSkipped,
        Self::UnknownSkipped,
        Self::RebuildForgets,
        Self::AcceptBeforeCommit,
        Self::DroppedFuture,
        Self::ReceiptOutside,
    ];

    /// What `CARELOG_SEEDED_BUG` calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsyncCommit => "async-commit",
            Self::NoFence => "no-fence",
            Self::BrokerWindow => "broker-window",
            Self::CheckpointOutside => "checkpoint-outside",
            Self::HoleSkipped => "hole-skipped",
            Self::UnknownSkipped => "unknown-skipped",
            Self::RebuildForgets => "rebuild-forgets",
            Self::AcceptBeforeCommit => "accept-before-commit",
            Self::DroppedFuture => "dropped-future",
            Self::ReceiptOutside => "receipt-outside",
        }
    }
}

/// Whether a bug is to show. Never, without the feature `on`.
#[cfg(not(feature = "on"))]
#[must_use]
pub const fn is_active(_: Bug) -> bool {
    false
}

/// Whether a bug is to show. Ends the process where `CARELOG_SEEDED_BUG` names none that there is.
#[cfg(feature = "on")]
#[must_use]
pub fn is_active(bug: Bug) -> bool {
    static CHOSEN: std::sync::LazyLock<Option<Bug>> = std::sync::LazyLock::new(chosen);
    *CHOSEN == Some(bug)
}

#[cfg(feature = "on")]
fn chosen() -> Option<Bug> {
    let name = std::env::var("CARELOG_SEEDED_BUG").ok()?;
    let bug = Bug::ALL.into_iter().find(|bug| bug.name() == name);
    if bug.is_none() {
        let names = Bug::ALL.map(Bug::name).join(" ");
        eprintln!("CARELOG_SEEDED_BUG: there is no bug {name:?}; there are {names}");
        std::process::exit(2);
    }
    bug
}
