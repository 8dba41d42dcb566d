//! From where each command is possible. All rules about states are read from here.

use super::fields::Status;
use crate::rejection::Rejection;

use Status::{Appealed, Draft, Finalized, Revised, Submitted, Upheld};

/// For each command but `draft`, the states from which it is possible. To finalize what is final changes nothing.
pub(super) const POSSIBLE: &[(&str, &[Status])] = &[
    ("score", &[Draft]),
    ("submit", &[Draft]),
    ("appeal", &[Submitted]),
    ("decide_appeal", &[Appealed]),
    ("finalize", &[Submitted, Upheld, Revised, Finalized]),
    ("raise_action", &[Submitted, Appealed, Upheld, Revised, Finalized]),
];

/// The commands that are possible in a state.
pub(super) fn allowed(status: Status) -> Vec<&'static str> {
    POSSIBLE.iter().filter(|(_, from)| from.contains(&status)).map(|(name, _)| *name).collect()
}

/// Refuses a command that is not possible in a state.
pub(super) fn possible(command: &str, status: Status) -> Result<(), Rejection> {
    let allowed = allowed(status);
    if allowed.contains(&command) {
        Ok(())
    } else {
        Err(Rejection::invalid_transition(status.name(), command, &allowed))
    }
}
