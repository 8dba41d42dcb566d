//! Customer 客户: who is served, how to reach them, and what they agreed to.
//!
//! A merge makes one customer an alias of another and can be undone exactly; an erasure cannot.

mod command;
mod contact;
mod decide;
mod event;
mod fields;
mod merge;
mod organization;
mod reference;
mod register;
mod state;

pub use command::Command;
pub use contact::normalize;
pub use decide::{ADDRESSES_MAX, CONSENTS_MAX, CONTACT_POINTS_MAX, TAGS_MAX};
pub use event::Event;
pub use fields::{
    Address, AddressKind, ConsentBasis, ConsentChannel, Contact, ContactKind, ContactPoint, Country, ExternalRef,
    Filled, Kind, Lifecycle, Lines, Locale, NewAddress, NewContactPoint, OrganizationLink, Place, Timezone, Withdrawn,
};
pub use merge::{ALIASES_MAX, CHAIN_MAX};
pub use organization::ORGANIZATIONS_MAX;
pub use reference::EXTERNAL_REFS_MAX;
pub use state::{Alias, Consent, Customer, Standing};

use crate::decider::Loaded;
use crate::ids::{CustomerId, StreamId};
use crate::rejection::Rejection;

/// A customer and those that it went into, one after the other, as far as they are loaded.
fn path(loaded: &Loaded, id: CustomerId) -> impl Iterator<Item = CustomerId> {
    std::iter::successors(Some(id), |id| loaded.get::<Customer>(id.stream())?.survivor()).take(ALIASES_MAX + 1)
}

/// What [`live_customer`] reads: the customer's stream and, where it was merged, those that it went into, one more
/// each time that it is asked.
#[must_use]
pub fn chain(loaded: &Loaded, id: CustomerId) -> Vec<StreamId> {
    path(loaded, id).map(CustomerId::stream).collect()
}

/// Who the customer is today: itself, or whom it was merged into in the end. Its [`chain`] must be among the reads.
#[must_use]
pub fn survivor(loaded: &Loaded, id: CustomerId) -> CustomerId {
    path(loaded, id).last().unwrap_or(id)
}

/// Whether two customers are one today. The [`chain`] of both must be among the reads.
#[must_use]
pub fn are_one(loaded: &Loaded, one: CustomerId, other: CustomerId) -> bool {
    survivor(loaded, one) == survivor(loaded, other)
}

/// A customer to whom something is done, for the decisions of other aggregates. Its [`chain`] must be among the reads.
///
/// # Errors
/// `reference_missing` at `pointer`, `merged_into` with the survivor, or `subject_erased`.
pub fn live_customer<'a>(loaded: &'a Loaded, pointer: &str, id: CustomerId) -> Result<&'a Customer, Rejection> {
    let customer =
        loaded.get::<Customer>(id.stream()).ok_or_else(|| Rejection::reference_missing(pointer, id.stream()))?;
    match customer.standing {
        Standing::Live => Ok(customer),
        Standing::Merged { .. } => Err(Rejection::merged_into(survivor(loaded, id).0)),
        Standing::Erased => Err(Rejection::subject_erased(id.0)),
    }
}

/// Refuses customers who were erased, or whose survivor was. The [`chain`] must be among the reads.
///
/// # Errors
/// `subject_erased`.
pub fn refuse_erased(id: CustomerId, loaded: &Loaded) -> Result<(), Rejection> {
    let erased = |id: CustomerId| {
        let found = loaded.get::<Customer>(id.stream());
        found.is_some_and(|customer| customer.standing == Standing::Erased)
    };
    if erased(id) || erased(survivor(loaded, id)) { Err(Rejection::subject_erased(id.0)) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
