//! An even flow of commands: whole lives of tickets, one command at each arrival, in the order of each ticket.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bus::Bus;

use super::desk::{STEPS, Ticket};
use super::target::ask_patiently;

/// The tickets of an open loop. Clones share them.
#[derive(Clone)]
pub struct Flow {
    bus: Box<Bus>,
    customers: u64,
    waiting: Arc<Mutex<VecDeque<(Ticket, usize)>>>,
}

/// What became of a command of the flow.
pub struct Sent {
    /// The ticket that it was for.
    pub ticket: Ticket,
    /// The reply, which accepts it.
    pub reply: async_nats::Message,
}

impl Flow {
    /// A flow over NATS, of tickets of the first `customers` of the fill.
    #[must_use]
    pub fn new(bus: &Bus, customers: u64) -> Self {
        Self { bus: Box::new(bus.clone()), customers, waiting: Arc::default() }
    }

    /// Sends the next command of the ticket that waits the longest, or opens one if none waits.
    ///
    /// # Errors
    /// It is rejected, or nobody takes it in time.
    pub async fn next(&self) -> anyhow::Result<Sent> {
        let next = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let (ticket, step) = next.unwrap_or_else(|| (Ticket::new(self.customers), 0));
        let reply = ask_patiently(&self.bus, &ticket.order(step)).await?;
        if step + 1 < STEPS {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back((ticket, step + 1));
        }
        Ok(Sent { ticket, reply })
    }
}
