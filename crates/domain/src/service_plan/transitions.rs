//! The transition table: what each command does in each state. All rules about states are read from here.

use super::command::Command;
use super::fields::Status;
use crate::rejection::Rejection;

use Cell::{Already, Refused as No, Stay, To};

/// What a command does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// It is possible and the state stays.
    Stay,
    /// It leads to another state.
    To(Status),
    /// It is so already: nothing happens.
    Already,
    /// It is not possible.
    Refused,
}

const ACTIVE: Cell = To(Status::Active);
const SUSPENDED: Cell = To(Status::Suspended);
const EXPIRED: Cell = To(Status::Expired);
const TERMINATED: Cell = To(Status::Terminated);

/// For each command but `draft`, in the order of [`Status::ALL`]: draft, active, suspended, expired, terminated.
pub(super) const TABLE: &[(&str, [Cell; 5])] = &[
    ("activate", [ACTIVE, Already, No, No, No]),
    ("revise", [Stay, Stay, Stay, No, No]),
    ("suspend", [No, SUSPENDED, Already, No, No]),
    ("resume", [No, Already, ACTIVE, No, No]),
    ("terminate", [TERMINATED, TERMINATED, TERMINATED, No, Already]),
    ("renew", [No, Stay, Stay, Stay, No]),
    ("expire", [Already, EXPIRED, EXPIRED, Already, Already]),
    ("top_up", [No, Stay, Stay, No, No]),
    ("plan_occurrences", [Already, Stay, Already, Already, Already]),
    ("cancel_occurrences", [Already, Already, Stay, Stay, Stay]),
    ("skip_occurrence", [No, Stay, Stay, No, No]),
];

fn at(row: &[Cell; 5], status: Status) -> Cell {
    Status::ALL.iter().zip(row).find(|(column, _)| **column == status).map_or(Cell::Refused, |(_, cell)| *cell)
}

/// What a command does in a state.
pub(super) fn cell(command: &str, status: Status) -> Cell {
    TABLE.iter().find(|(name, _)| *name == command).map_or(Cell::Refused, |(_, row)| at(row, status))
}

/// The commands that are possible in a state.
pub(super) fn allowed(status: Status) -> Vec<&'static str> {
    TABLE.iter().filter(|(_, row)| at(row, status) != Cell::Refused).map(|(name, _)| *name).collect()
}

/// The refusal of a command that is not possible in a state.
pub(super) fn not_possible(command: &str, status: Status) -> Rejection {
    Rejection::invalid_transition(status.name(), command, &allowed(status))
}

impl Command {
    /// The command's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft { .. } => "draft",
            Self::Activate {} => "activate",
            Self::Revise { .. } => "revise",
            Self::Suspend { .. } => "suspend",
            Self::Resume {} => "resume",
            Self::Terminate { .. } => "terminate",
            Self::Renew { .. } => "renew",
            Self::Expire {} => "expire",
            Self::TopUp { .. } => "top_up",
            Self::PlanOccurrences {} => "plan_occurrences",
            Self::CancelOccurrences { .. } => "cancel_occurrences",
            Self::SkipOccurrence { .. } => "skip_occurrence",
        }
    }
}
