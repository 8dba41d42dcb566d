//! Whose a ticket is: for the decisions of whatever is about one.

use super::state::Ticket;
use crate::customer;
use crate::decider::Loaded;
use crate::ids::{CustomerId, StreamId, TicketId};
use crate::rejection::Rejection;

/// Those who may speak of it: the customer, and whoever asked for the customer.
fn owners(ticket: &Ticket) -> impl Iterator<Item = CustomerId> {
    ticket.matter.iter().flat_map(|matter| std::iter::once(matter.customer).chain(matter.requester))
}

/// What [`of_customer`] reads of a ticket: its stream and, once that is loaded, the chains of those who may speak of it.
pub(crate) fn owned_reads(loaded: &Loaded, ticket: TicketId) -> Vec<StreamId> {
    let owners = loaded.get::<Ticket>(ticket.stream()).into_iter().flat_map(owners);
    std::iter::once(ticket.stream()).chain(owners.flat_map(|owner| customer::chain(loaded, owner))).collect()
}

/// A customer's ticket, or one for which the customer asked. What [`owned_reads`] names must be among the reads, and so
/// must the customer's chain.
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
    if owners(ticket).any(|owner| customer::are_one(loaded, owner, customer)) {
        Ok(ticket)
    } else {
        Err(Rejection::customer_mismatch(pointer, id.stream()))
    }
}
