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

const SCHEDULED: Cell = To(Status::Scheduled);
const DISPATCHED: Cell = To(Status::Dispatched);
const EN_ROUTE: Cell = To(Status::EnRoute);
const IN_PROGRESS: Cell = To(Status::InProgress);
const PAUSED: Cell = To(Status::Paused);
const COMPLETED: Cell = To(Status::Completed);
const VERIFIED: Cell = To(Status::Verified);
const FAILED: Cell = To(Status::CannotComplete);
const CANCELLED: Cell = To(Status::Cancelled);
const NO_SHOW: Cell = To(Status::NoShow);

/// For each command but `plan`, in the order of [`Status::ALL`]: planned, scheduled, dispatched, en route, in progress,
/// paused, completed, verified, cannot complete, cancelled, no show.
#[rustfmt::skip]
pub(super) const TABLE: &[(&str, [Cell; 11])] = &[
    ("schedule", [SCHEDULED, No, No, No, No, No, No, No, No, No, No]),
    ("reschedule", [No, Stay, SCHEDULED, No, No, No, No, No, No, No, No]),
    ("dispatch", [No, DISPATCHED, Already, No, No, No, No, No, No, No, No]),
    ("start_travel", [No, No, EN_ROUTE, Already, No, No, No, No, No, No, No]),
    ("start", [No, IN_PROGRESS, IN_PROGRESS, IN_PROGRESS, Already, No, No, No, No, No, No]),
    ("pause", [No, No, No, No, PAUSED, Already, No, No, No, No, No]),
    ("resume", [No, No, No, No, Already, IN_PROGRESS, No, No, No, No, No]),
    ("complete_item", [No, No, No, No, Stay, Stay, No, No, No, No, No]),
    ("use_part", [No, No, No, No, Stay, Stay, No, No, No, No, No]),
    ("complete", [No, No, No, No, COMPLETED, No, No, No, No, No, No]),
    ("sign_off", [No, No, No, No, No, No, VERIFIED, No, No, No, No]),
    ("fail", [No, FAILED, FAILED, FAILED, FAILED, FAILED, No, No, No, No, No]),
    ("cancel", [CANCELLED, CANCELLED, CANCELLED, CANCELLED, CANCELLED, CANCELLED, No, No, No, Already, No]),
    ("record_no_show", [No, NO_SHOW, NO_SHOW, NO_SHOW, No, No, No, No, No, No, Already]),
];

fn at(row: &[Cell; 11], status: Status) -> Cell {
    Status::ALL.iter().zip(row).find(|(column, _)| **column == status).map_or(Cell::Refused, |(_, cell)| *cell)
}

/// What a command does in a state.
pub(super) fn cell(command: &str, status: Status) -> Cell {
    TABLE.iter().find(|(name, _)| *name == command).map_or(Cell::Refused, |(_, row)| at(row, status))
}

/// The commands by which something happens in a state.
pub(super) fn allowed(status: Status) -> Vec<&'static str> {
    let happens = |row| match at(row, status) {
        Cell::Stay | Cell::To(_) => true,
        Cell::Already | Cell::Refused => false,
    };
    TABLE.iter().filter(|(_, row)| happens(row)).map(|(name, _)| *name).collect()
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
            Self::Plan { .. } => "plan",
            Self::Schedule { .. } => "schedule",
            Self::Reschedule { .. } => "reschedule",
            Self::Dispatch {} => "dispatch",
            Self::StartTravel {} => "start_travel",
            Self::Start {} => "start",
            Self::Pause { .. } => "pause",
            Self::Resume {} => "resume",
            Self::CompleteItem { .. } => "complete_item",
            Self::UsePart { .. } => "use_part",
            Self::Complete { .. } => "complete",
            Self::SignOff { .. } => "sign_off",
            Self::Fail { .. } => "fail",
            Self::Cancel { .. } => "cancel",
            Self::RecordNoShow {} => "record_no_show",
        }
    }
}
