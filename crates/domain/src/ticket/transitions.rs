//! The transition table: what each command does in each state. All rules about states are read from here.

use super::command::Command;
use super::fields::Status;
use crate::rejection::Rejection;

use Cell::{Back, FollowUp, InWindow, InWindowOrFollowUp, Refused as No, Routed, Stay, Supervisor, To};

/// What a command does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// It is possible and the state stays.
    Stay,
    /// It leads to another state.
    To(Status),
    /// It is not possible.
    Refused,
    /// It reopens inside the window after the resolution, and is not possible later.
    InWindow,
    /// It reopens inside the window after the resolution, and opens a follow-up ticket later.
    InWindowOrFollowUp,
    /// It opens a follow-up ticket.
    FollowUp,
    /// It goes to the ticket into which this one was merged.
    Routed,
    /// It reopens, for supervisors.
    Supervisor,
    /// It leads back to new or open, what it was.
    Back,
}

const OPEN: Cell = To(Status::Open);
const PENDING: Cell = To(Status::Pending);
const ON_HOLD: Cell = To(Status::OnHold);
const RESOLVED: Cell = To(Status::Resolved);
const CANCELLED: Cell = To(Status::Cancelled);

/// For each command but `open`, by the ticket that it addresses, in the order of [`Status::ALL`]:
/// new, open, pending, on hold, resolved, closed, merged, cancelled.
pub(super) const TABLE: &[(&str, [Cell; 8])] = &[
    ("classify", [Stay, Stay, Stay, Stay, Stay, No, No, No]),
    ("change_priority", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("route", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("assign", [OPEN, Stay, Stay, Stay, No, No, No, No]),
    ("unassign", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("reply", [OPEN, Stay, Stay, Stay, Stay, No, No, No]),
    ("receive_customer_reply", [Stay, Stay, OPEN, Stay, InWindowOrFollowUp, FollowUp, Routed, FollowUp]),
    ("add_note", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("await_customer", [PENDING, PENDING, Stay, PENDING, No, No, No, No]),
    ("hold", [ON_HOLD, ON_HOLD, ON_HOLD, Stay, No, No, No, No]),
    ("resume", [No, Stay, OPEN, OPEN, No, No, No, No]),
    ("escalate", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("deescalate", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("block", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("unblock", [Stay, Stay, Stay, Stay, Stay, Stay, No, Stay]),
    ("set_parent", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("unset_parent", [Stay, Stay, Stay, Stay, Stay, Stay, No, Stay]),
    ("relate", [Stay, Stay, Stay, Stay, Stay, Stay, No, Stay]),
    ("unrelate", [Stay, Stay, Stay, Stay, Stay, Stay, No, Stay]),
    ("mark_duplicate_of", [Stay, Stay, Stay, Stay, Stay, No, No, No]),
    ("unmark_duplicate_of", [Stay, Stay, Stay, Stay, Stay, Stay, No, Stay]),
    ("split", [Stay, Stay, Stay, Stay, Stay, No, No, No]),
    ("merge", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("unmerge", [Stay, Stay, Stay, Stay, Stay, Stay, Stay, Stay]),
    ("resolve", [RESOLVED, RESOLVED, RESOLVED, RESOLVED, No, No, No, No]),
    ("reject_resolution", [No, No, No, No, InWindow, No, No, No]),
    ("reopen", [No, No, No, No, InWindow, Supervisor, No, No]),
    ("close", [No, No, No, No, To(Status::Closed), No, No, No]),
    ("cancel", [CANCELLED, CANCELLED, CANCELLED, CANCELLED, No, No, No, No]),
    ("restore", [No, No, No, No, No, No, No, Back]),
    ("log_time", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("add_watcher", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("remove_watcher", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("tag", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("untag", [Stay, Stay, Stay, Stay, Stay, Stay, No, No]),
    ("attach_sla", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("change_plan", [Stay, Stay, Stay, Stay, No, No, No, No]),
    ("notice_sla", [Stay, Stay, Stay, Stay, Stay, Stay, Stay, Stay]),
];

fn at(row: &[Cell; 8], status: Status) -> Cell {
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

impl Cell {
    /// The state after, if it depends on nothing else.
    pub(super) fn status(self, before: Status) -> Status {
        match self {
            Self::To(status) => status,
            Self::Stay
            | Self::Refused
            | Self::InWindow
            | Self::InWindowOrFollowUp
            | Self::FollowUp
            | Self::Routed
            | Self::Supervisor
            | Self::Back => before,
        }
    }
}

impl Command {
    /// The command's name on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open { .. } => "open",
            Self::Classify { .. } => "classify",
            Self::ChangePriority { .. } => "change_priority",
            Self::Route { .. } => "route",
            Self::Assign { .. } => "assign",
            Self::Unassign {} => "unassign",
            Self::Reply { .. } => "reply",
            Self::ReceiveCustomerReply { .. } => "receive_customer_reply",
            Self::AddNote { .. } => "add_note",
            Self::AwaitCustomer { .. } => "await_customer",
            Self::Hold { .. } => "hold",
            Self::Resume { .. } => "resume",
            Self::Escalate { .. } => "escalate",
            Self::Deescalate { .. } => "deescalate",
            Self::Block { .. } => "block",
            Self::Unblock { .. } => "unblock",
            Self::SetParent { .. } => "set_parent",
            Self::UnsetParent {} => "unset_parent",
            Self::Relate { .. } => "relate",
            Self::Unrelate { .. } => "unrelate",
            Self::MarkDuplicateOf { .. } => "mark_duplicate_of",
            Self::UnmarkDuplicateOf {} => "unmark_duplicate_of",
            Self::Split { .. } => "split",
            Self::Merge { .. } => "merge",
            Self::Unmerge { .. } => "unmerge",
            Self::Resolve { .. } => "resolve",
            Self::RejectResolution { .. } => "reject_resolution",
            Self::Reopen { .. } => "reopen",
            Self::Close { .. } => "close",
            Self::Cancel { .. } => "cancel",
            Self::Restore {} => "restore",
            Self::LogTime { .. } => "log_time",
            Self::AddWatcher { .. } => "add_watcher",
            Self::RemoveWatcher { .. } => "remove_watcher",
            Self::Tag { .. } => "tag",
            Self::Untag { .. } => "untag",
            Self::AttachSla { .. } => "attach_sla",
            Self::ChangePlan { .. } => "change_plan",
            Self::NoticeSla { .. } => "notice_sla",
        }
    }
}
