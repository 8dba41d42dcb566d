//! An inquiry as far as decisions need it, folded from its events.

use super::event::Event;
use super::fields::Status;
use crate::ids::{AgentId, CustomerId, TeamId, TicketId};
use crate::personal::Personal;
use crate::ticket::{Channel, Description, Priority, Subject};

/// What an inquiry is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// What it is about; carried into the ticket that it becomes.
    pub subject: Personal<Subject>,
    /// What is asked; carried into the ticket that it becomes.
    pub body: Personal<Description>,
    /// How it came in.
    pub channel: Channel,
    /// How important it is.
    pub priority: Priority,
}

/// An inquiry, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inquiry {
    /// What it is about; `None` before it was received.
    pub matter: Option<Matter>,
    /// Whose it is, if that is known.
    pub customer: Option<CustomerId>,
    /// Where it stands.
    pub status: Status,
    /// Which team has it.
    pub team: Option<TeamId>,
    /// Which agent has it.
    pub assignee: Option<AgentId>,
    /// Whether a human agent has answered.
    pub is_answered: bool,
    /// How many messages followed the first.
    pub messages: usize,
    /// The ticket as which it goes on.
    pub ticket: Option<TicketId>,
}

impl Inquiry {
    /// Where it stands when the desk has work to do on it.
    #[must_use]
    pub const fn at_work(&self) -> Status {
        if self.assignee.is_some() { Status::Assigned } else { Status::Received }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::InquiryReceived { customer, subject, body, channel, priority, team, .. } => {
                let (subject, body) = (subject.clone(), body.clone());
                self.matter = Some(Matter { subject, body, channel: *channel, priority: *priority });
                self.customer = *customer;
                self.team = *team;
            }
            Event::InquiryIdentified { customer } => self.customer = Some(*customer),
            Event::InquiryAssigned { team, from: _, to, status } => {
                self.team = *team;
                self.assignee = Some(*to);
                self.status = *status;
            }
            Event::InquiryAnswered { first, status, .. } => {
                self.is_answered |= *first;
                self.messages += 1;
                self.status = *status;
            }
            Event::InquiryCustomerReplied { status, .. } => {
                self.messages += 1;
                self.status = *status;
            }
            Event::InquiryConverted { ticket } => {
                self.ticket = Some(*ticket);
                self.status = Status::Converted;
            }
            Event::InquiryClosed { .. } => self.status = Status::Closed,
            Event::InquiryReopened { status, .. } => self.status = *status,
            Event::InquiryMarkedSpam {} => self.status = Status::Spam,
        }
    }
}
