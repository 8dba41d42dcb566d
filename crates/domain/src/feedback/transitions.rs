//! The transition table: what each command does in each state. All rules about states are read from here.

use super::command::Command;
use super::fields::Status;
use crate::rejection::Rejection;

/// What a command does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// It leads to another state, or to the same by another event.
    To(Status),
    /// It is possible and the state stays.
    Stay,
    /// It is so already.
    Already,
    /// It ends a complaint that is withdrawn, and is not possible otherwise.
    IfWithdrawn,
}

use Cell::{Already, IfWithdrawn, Stay, To};
use Status::{
    Accepted, Acknowledged, Amended, Closed, Escalated, Expired, Investigating, Received, Rejected, RemedyOffered,
    Reminded, Requested, Responded, Submitted,
};

/// Where a complaint or a remark stands: it can ask for something that is wanted at any time.
const ASKING: &[(Status, Cell)] = &[
    (Received, Stay),
    (Acknowledged, Stay),
    (Investigating, Stay),
    (RemedyOffered, Stay),
    (Accepted, Stay),
    (Rejected, Stay),
    (Escalated, Stay),
    (Closed, Stay),
    (Submitted, Stay),
];

/// For each command that does not begin something, the states in which it is possible. A timer's command comes too late
/// where a survey was answered or has expired: that is so already.
pub(super) const TABLE: &[(&str, &[(Status, Cell)])] = &[
    ("remind", &[(Requested, To(Reminded)), (Reminded, Already)]),
    ("submit", &[(Requested, To(Responded)), (Reminded, To(Responded))]),
    ("amend", &[(Responded, To(Amended)), (Amended, To(Amended))]),
    (
        "expire",
        &[
            (Requested, To(Expired)),
            (Reminded, To(Expired)),
            (Responded, Already),
            (Amended, Already),
            (Expired, Already),
        ],
    ),
    ("acknowledge", &[(Received, To(Acknowledged)), (Acknowledged, Already)]),
    ("start_investigation", &[(Acknowledged, To(Investigating)), (Investigating, Already)]),
    ("offer_remedy", &[(Investigating, To(RemedyOffered)), (Escalated, To(RemedyOffered))]),
    ("accept_remedy", &[(RemedyOffered, To(Accepted)), (Accepted, Already)]),
    ("reject_remedy", &[(RemedyOffered, To(Rejected)), (Rejected, Already)]),
    ("escalate", &[(Rejected, To(Escalated)), (Escalated, Already)]),
    ("raise_need", ASKING),
    ("link_to_need", ASKING),
    (
        "close",
        &[
            (Received, IfWithdrawn),
            (Acknowledged, IfWithdrawn),
            (Investigating, IfWithdrawn),
            (RemedyOffered, IfWithdrawn),
            (Accepted, To(Closed)),
            (Rejected, IfWithdrawn),
            (Escalated, To(Closed)),
        ],
    ),
];

/// What a command does in a state; `None` if it is not possible.
pub(super) fn cell(command: &str, status: Status) -> Option<Cell> {
    let (_, row) = TABLE.iter().find(|(name, _)| *name == command)?;
    row.iter().find(|(column, _)| *column == status).map(|(_, cell)| *cell)
}

/// The commands that are possible in a state.
pub(super) fn allowed(status: Status) -> Vec<&'static str> {
    TABLE.iter().map(|(name, _)| *name).filter(|name| cell(name, status).is_some()).collect()
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
            Self::RequestSurvey { .. } => "request_survey",
            Self::Remind {} => "remind",
            Self::Submit { .. } => "submit",
            Self::Amend { .. } => "amend",
            Self::Expire {} => "expire",
            Self::FileComplaint { .. } => "file_complaint",
            Self::Acknowledge {} => "acknowledge",
            Self::StartInvestigation {} => "start_investigation",
            Self::OfferRemedy { .. } => "offer_remedy",
            Self::AcceptRemedy {} => "accept_remedy",
            Self::RejectRemedy { .. } => "reject_remedy",
            Self::Escalate { .. } => "escalate",
            Self::Close { .. } => "close",
            Self::RaiseNeed { .. } => "raise_need",
            Self::LinkToNeed { .. } => "link_to_need",
            Self::Suggest { .. } => "suggest",
            Self::Praise { .. } => "praise",
        }
    }
}
