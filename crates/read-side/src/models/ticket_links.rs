//! The links of a ticket, folded. Each link is a pair of events, one on each ticket.

use domain::ticket::Event;

use super::ticket::Links;

impl Links {
    /// Folds an event about links; every other changes nothing.
    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::TicketBlocked { blocked_by } => _ = self.blocked_by.insert(*blocked_by),
            Event::TicketUnblocked { blocked_by } => _ = self.blocked_by.remove(blocked_by),
            Event::TicketBlocks { blocked } => _ = self.blocks.insert(*blocked),
            Event::TicketBlocksNoMore { blocked } => _ = self.blocks.remove(blocked),
            Event::TicketParented { parent } => self.parent = Some(*parent),
            Event::TicketUnparented { parent: _ } => self.parent = None,
            Event::TicketChildAdded { child } => _ = self.children.insert(*child),
            Event::TicketChildRemoved { child } => _ = self.children.remove(child),
            Event::TicketRelated { ticket } => _ = self.related.insert(*ticket),
            Event::TicketUnrelated { ticket } => _ = self.related.remove(ticket),
            Event::TicketMarkedDuplicate { duplicate_of } => self.duplicate_of = Some(*duplicate_of),
            Event::TicketUnmarkedDuplicate { duplicate_of: _ } => self.duplicate_of = None,
            Event::TicketDuplicateAdded { duplicate } => _ = self.duplicates.insert(*duplicate),
            Event::TicketDuplicateRemoved { duplicate } => _ = self.duplicates.remove(duplicate),
            Event::TicketSplitOff { split, messages: _ } => _ = self.split_off.insert(*split),
            Event::TicketSplitFrom { origin, messages: _ } => self.split_from = Some(*origin),
            Event::TicketMerged { loser } => _ = self.merged.insert(*loser),
            Event::TicketUnmerged { loser } => _ = self.merged.remove(loser),
            Event::FollowUpOpened { follow_up } => _ = self.follow_ups.insert(*follow_up),
            Event::TicketFollowedUp { follow_up_of } => self.follow_up_of = Some(*follow_up_of),
            Event::TicketOpened { .. }
            | Event::TicketClassified { .. }
            | Event::TicketPrioritized { .. }
            | Event::TicketRouted { .. }
            | Event::TicketAssigned { .. }
            | Event::TicketUnassigned { .. }
            | Event::AgentReplied { .. }
            | Event::CustomerReplied { .. }
            | Event::InternalNoteAdded { .. }
            | Event::TicketAwaitingCustomer { .. }
            | Event::TicketPutOnHold { .. }
            | Event::TicketResumed { .. }
            | Event::TicketEscalated { .. }
            | Event::TicketDeescalated { .. }
            | Event::TicketMergedInto { .. }
            | Event::TicketRestoredFromMerge { .. }
            | Event::TicketResolved { .. }
            | Event::ResolutionRejected { .. }
            | Event::TicketReopened { .. }
            | Event::TicketClosed { .. }
            | Event::TicketCancelled { .. }
            | Event::TicketRestored { .. }
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
