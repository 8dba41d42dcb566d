//! Whose a ticket is: for the decisions of whatever is about one.

use super::state::Ticket;
use crate::customer;
use crate::decider::Loaded;
use crate::ids::{CustomerId, StreamId, TicketId};
use crate::rejection::Rejection;

/// What [`of_customer`] reads of a ticket: its stream and, once that is loaded, the chain of its customer.
pub(crate) fn owned_reads(loaded: &Loaded, ticket: TicketId) -> Vec<StreamId> {
    let matter = loaded.get::<Ticket>(ticket.stream()).and_then(|ticket| ticket.matter.as_ref());
    let chain = matter.map(|matter| customer::chain(loaded, matter.customer)).unwrap_or_default();
    std::iter::once(ticket.stream()).chain(chain).collect()
}

/// A customer's ticket. What [`owned_reads`] names must be among the reads, and so must the customer's chain.
///
/// # Errors
/// `reference_missing` or `customer_mismatch`, at `pointer`.
pub(crate) fn of_customer<'a>(
    loaded: &'a Loaded,
    pointer: &str,
    id: TicketId,
    customer: CustomerId,
) -> Result<&'a Ticket, Rejection> {
    let ticket = loaded.get::<Ticket>(id.stream()).ok_or_else(|| Rejection::reference_missing(pointer, id.stream()))?;
    let owner = ticket.matter.as_ref().map(|matter| matter.customer);
    if owner.is_some_and(|owner| customer::are_one(loaded, owner, customer)) {
        Ok(ticket)
    } else {
        Err(Rejection::customer_mismatch(pointer, id.stream()))
    }
}
