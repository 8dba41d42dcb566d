//! Where a ticket stands: its status, its assignee, what it waits for and what was answered. Claims, timers and clocks
//! follow from it.

use chrono::{DateTime, Utc};

use super::event::Event;
use super::fields::Status;
use crate::ids::AgentId;

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The status.
    pub status: Status,
    /// The status before it was cancelled or merged.
    pub status_before: Status,
    /// Whose work it is.
    pub assignee: Option<AgentId>,
    /// When it goes on without the customer's answer, if it is pending.
    pub wake_up_at: Option<DateTime<Utc>>,
    /// The last instant at which it may be reopened, if it is resolved.
    pub reopen_until: Option<DateTime<Utc>>,
    /// Whether a human agent wrote something that the customer sees.
    pub is_answered: bool,
    /// Whether the customer wrote and nobody has answered that. Until the first answer or resolution there is but the
    /// opening to be answered.
    pub awaits_answer: bool,
    /// Whether it was ever resolved.
    pub was_resolved: bool,
}

impl Default for Standing {
    fn default() -> Self {
        let status = Status::New;
        Self {
            status,
            status_before: status,
            assignee: None,
            wake_up_at: None,
            reopen_until: None,
            is_answered: false,
            awaits_answer: false,
            was_resolved: false,
        }
    }
}

impl Standing {
    /// The agent whose capacity it takes: unfinished tickets only.
    #[must_use]
    pub fn seat(&self) -> Option<AgentId> {
        self.assignee.filter(|_| self.status.unfinished())
    }

    /// When the timer `wake_up` is due, if there is one.
    #[must_use]
    pub fn wake_up_due(&self) -> Option<DateTime<Utc>> {
        self.wake_up_at.filter(|_| self.status == Status::Pending)
    }

    /// When the timer `auto_close` is due, if there is one.
    #[must_use]
    pub fn auto_close_due(&self) -> Option<DateTime<Utc>> {
        self.reopen_until.filter(|_| self.status == Status::Resolved)
    }

    fn end(&mut self, status: Status) {
        self.status_before = self.status;
        self.status = status;
    }

    /// Folds one event.
    pub fn evolve(&mut self, event: &Event) {
        match event {
            Event::TicketOpened { .. } => *self = Self::default(),
            Event::TicketAssigned { to, status, .. } => {
                self.assignee = Some(*to);
                self.status = *status;
            }
            Event::TicketUnassigned { .. } => self.assignee = None,
            Event::AgentReplied { status, public, agent, .. } => {
                self.status = *status;
                if *public && agent.is_some() {
                    (self.is_answered, self.awaits_answer) = (true, false);
                }
            }
            Event::CustomerReplied { status, .. } => {
                self.status = *status;
                self.awaits_answer = self.is_answered || self.was_resolved;
            }
            Event::TicketRestoredFromMerge { status, .. } | Event::TicketRestored { status } => self.status = *status,
            Event::TicketAwaitingCustomer { until, .. } => {
                self.status = Status::Pending;
                self.wake_up_at = *until;
            }
            Event::TicketPutOnHold { .. } => self.status = Status::OnHold,
            Event::TicketResumed { .. } | Event::TicketReopened { .. } => self.status = Status::Open,
            Event::TicketMergedInto { .. } => self.end(Status::Merged),
            Event::TicketCancelled { .. } => self.end(Status::Cancelled),
            Event::TicketResolved { reopen_until, .. } => {
                self.status = Status::Resolved;
                self.reopen_until = Some(*reopen_until);
                (self.was_resolved, self.awaits_answer) = (true, false);
            }
            Event::TicketClosed { .. } => self.status = Status::Closed,
            Event::TicketClassified { .. }
            | Event::TicketPrioritized { .. }
            | Event::TicketRouted { .. }
            | Event::InternalNoteAdded { .. }
            | Event::TicketEscalated { .. }
            | Event::TicketDeescalated { .. }
            | Event::TicketBlocked { .. }
            | Event::TicketBlocks { .. }
            | Event::TicketUnblocked { .. }
            | Event::TicketBlocksNoMore { .. }
            | Event::TicketParented { .. }
            | Event::TicketChildAdded { .. }
            | Event::TicketUnparented { .. }
            | Event::TicketChildRemoved { .. }
            | Event::TicketRelated { .. }
            | Event::TicketUnrelated { .. }
            | Event::TicketMarkedDuplicate { .. }
            | Event::TicketDuplicateAdded { .. }
            | Event::TicketUnmarkedDuplicate { .. }
            | Event::TicketDuplicateRemoved { .. }
            | Event::TicketSplitOff { .. }
            | Event::TicketSplitFrom { .. }
            | Event::TicketMerged { .. }
            | Event::TicketUnmerged { .. }
            | Event::ResolutionRejected { .. }
            | Event::FollowUpOpened { .. }
            | Event::TicketFollowedUp { .. }
            | Event::TimeLogged { .. }
            | Event::TicketWatcherAdded { .. }
            | Event::TicketWatcherRemoved { .. }
            | Event::TicketTagged { .. }
            | Event::TicketUntagged { .. }
            | Event::TicketPlanChanged { .. }
            | Event::SlaAttached { .. }
            | Event::SlaRetargeted { .. }
            | Event::SlaClocksChanged { .. }
            | Event::SlaMet { .. }
            | Event::SlaThresholdReached { .. }
            | Event::SlaBreached { .. } => {}
        }
    }
}
