//! The exit codes of the program.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; of commands: all accepted |
//! | 1 | failed; of commands: some were rejected |
//! | 2 | wrong usage |
//! | 3 | nobody could tell: a service did not answer, the outcome of a command is unknown |
//! | 4 | the history has forked: `carelog recover` |
//! | 75 | the local servers are already running |
//! | 130 | interrupted: a part of the input was not sent, or of the history not written |

use std::process::ExitCode;

use bus::BusError;
use command_side::CommandSideError;
use command_side::relay::RelayError;
use event_store::StoreError;
use read_side::ProjectorError;

/// Done; of commands: all accepted.
pub const DONE: u8 = 0;
/// Failed; of commands: some were rejected.
pub const FAILED: u8 = 1;
/// Wrong usage: the command line, a mapping, or a setting in the environment.
pub const USAGE: u8 = 2;
/// A service did not answer, or the outcome of a command is unknown: the same again is safe.
pub const UNKNOWN: u8 = 3;
/// The history is not the one that was read before.
pub const HISTORY_FORKED: u8 = 4;

/// Stopped before the end of the input, or of what was asked for: whatever else the outcomes are.
pub const INTERRUPTED: u8 = 130;

/// Says that the work was stopped before its end, and returns the exit code for it.
pub fn interrupted() -> ExitCode {
    eprintln!("interrupted");
    ExitCode::from(INTERRUPTED)
}

/// An error of whoever called the program. Its message names what to change.
#[derive(Debug)]
pub struct Usage(pub String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The exit code that an error stands for: that of the first cause that has one.
#[must_use]
pub fn code_of(error: &anyhow::Error) -> u8 {
    error.chain().find_map(code_of_cause).unwrap_or(FAILED)
}

fn code_of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if cause.is::<Usage>() {
        return Some(USAGE);
    }
    if let Some(error) = cause.downcast_ref::<StoreError>() {
        return Some(code_of_store(error));
    }
    if let Some(error) = cause.downcast_ref::<BusError>() {
        return Some(code_of_bus(error));
    }
    if let Some(error) = cause.downcast_ref::<CommandSideError>() {
        return Some(match error {
            CommandSideError::Bus(error) => code_of_bus(error),
            CommandSideError::Store(error) => code_of_store(error),
            CommandSideError::Task(_) | CommandSideError::LaneEnded => FAILED,
        });
    }
    if let Some(error) = cause.downcast_ref::<RelayError>() {
        return Some(match error {
            RelayError::HistoryForked { .. } => HISTORY_FORKED,
            RelayError::Bus(error) => code_of_bus(error),
            RelayError::Store(error) => code_of_store(error),
            RelayError::ForeignMessage { .. } | RelayError::ForeignAck(_) | RelayError::Defect(_) => FAILED,
        });
    }
    let error = cause.downcast_ref::<ProjectorError>()?;
    Some(match error {
        ProjectorError::HistoryForked { .. } => HISTORY_FORKED,
        ProjectorError::Store(error) => code_of_store(error),
        ProjectorError::UnknownModel(_) => USAGE,
        ProjectorError::Unreadable { .. }
        | ProjectorError::Busy(_)
        | ProjectorError::Defect { .. }
        | ProjectorError::Stopped(_) => FAILED,
    })
}

const fn code_of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::Unavailable(_) => UNKNOWN,
        StoreError::HistoryForked { .. } => HISTORY_FORKED,
        StoreError::Unsafe(_) | StoreError::Refused(_) | StoreError::Corrupt(_) => FAILED,
    }
}

const fn code_of_bus(error: &BusError) -> u8 {
    match error {
        BusError::Unavailable(_) => UNKNOWN,
        BusError::Setting(_) => USAGE,
        BusError::Forbidden(_) | BusError::Unsuitable(_) => FAILED,
    }
}
