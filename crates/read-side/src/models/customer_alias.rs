//! Aliases of merged customers: one row per customer that was merged into another, as long as it is. Merging rewrites
//! no other rows; questions about a customer resolve the set of its aliases.

use domain::customer::Event;
use domain::ids::CustomerId;
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};

use crate::entity::{Entity, Happened, Keys, Unfit};

/// A customer that is an alias of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerAliasRow {
    /// The alias.
    pub customer: CustomerId,
    /// Of whom; may be an alias in turn.
    pub survivor: CustomerId,
}

/// The entity model of aliases.
#[derive(Debug)]
pub struct CustomerAlias;

impl Entity for CustomerAlias {
    const NAME: &'static str = "customer_alias";
    const REVISION: u32 = 2;
    const READS: &'static [Category] = &[Category::Customer];
    const COLUMNS: &'static str = "customer uuid not null\nsurvivor uuid not null";
    const INDEXES: &'static str = include_str!("customer_alias_indexes.sql");
    type Row = CustomerAliasRow;

    fn keys(happened: &Happened) -> Keys {
        let is_merging = matches!(
            &happened.event,
            AnyEvent::Customer(Event::CustomerMergedInto { .. } | Event::CustomerRestored { .. })
        );
        if is_merging { Keys::One(happened.stream.id) } else { Keys::Many(Vec::new()) }
    }

    fn apply(row: Option<CustomerAliasRow>, happened: &Happened) -> Result<Option<CustomerAliasRow>, Unfit> {
        let AnyEvent::Customer(event) = &happened.event else { return Ok(row) };
        let customer = CustomerId(happened.stream.id);
        match event {
            Event::CustomerMergedInto { survivor } => Ok(Some(CustomerAliasRow { customer, survivor: *survivor })),
            Event::CustomerRestored { survivor: _ } => Ok(None),
            Event::CustomerRegistered { .. }
            | Event::CustomerRenamed { .. }
            | Event::CustomerContactPointAdded { .. }
            | Event::CustomerContactPointRemoved { .. }
            | Event::CustomerContactPointVerified { .. }
            | Event::CustomerPrimaryContactPointSet { .. }
            | Event::CustomerAddressAdded { .. }
            | Event::CustomerAddressCorrected { .. }
            | Event::CustomerAddressRemoved { .. }
            | Event::CustomerTagged { .. }
            | Event::CustomerUntagged { .. }
            | Event::CustomerOwnerAssigned { .. }
            | Event::CustomerLifecycleChanged { .. }
            | Event::CustomerConsentGranted { .. }
            | Event::CustomerConsentWithdrawn { .. }
            | Event::CustomerBlocked { .. }
            | Event::CustomerUnblocked {}
            | Event::CustomerExternalRefLinked { .. }
            | Event::CustomerExternalRefUnlinked { .. }
            | Event::CustomerOrganizationLinked { .. }
            | Event::CustomerOrganizationUnlinked { .. }
            | Event::CustomerMerged { .. }
            | Event::CustomerUnmerged { .. }
            | Event::CustomerErasureRequested {}
            | Event::CustomerErased { .. } => Ok(row),
        }
    }
}
