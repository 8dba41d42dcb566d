//! What can have happened to a customer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    Address, ConsentBasis, ConsentChannel, ContactPoint, ExternalRef, Filled, Kind, Lifecycle, Locale, Place, Timezone,
    Withdrawn,
};
use crate::ids::{AgentId, CustomerId, InquiryId};
use crate::personal::Personal;
use crate::text::{FreeText, Name};

/// What can have happened to a customer. Personal values belong to the customer itself, but for those that a merge
/// filled in, which stay the loser's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The customer was registered.
    CustomerRegistered {
        /// Person or organization.
        kind: Kind,
        /// The name.
        display_name: Personal<Name<200>>,
        /// Ways to reach the customer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        contact_points: Vec<ContactPoint>,
        /// Addresses.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<Address>,
        /// Ids in other systems.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        external_refs: BTreeSet<ExternalRef>,
        /// Tags.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        tags: BTreeSet<Name<64>>,
        /// The customer's language and region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<Locale>,
        /// The customer's time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<Timezone>,
        /// Where the customer stands.
        lifecycle: Lifecycle,
    },
    /// The customer has another name.
    CustomerRenamed {
        /// The new name.
        display_name: Personal<Name<200>>,
    },
    /// There is a further way to reach the customer. If it is primary, no other of its kind is any longer.
    CustomerContactPointAdded {
        /// The contact point.
        contact_point: ContactPoint,
    },
    /// A contact point is gone.
    CustomerContactPointRemoved {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// The customer was seen to answer there.
    CustomerContactPointVerified {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// Another contact point is the one to use among those of its kind.
    CustomerPrimaryContactPointSet {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// There is a further address.
    CustomerAddressAdded {
        /// The address.
        address: Address,
    },
    /// An address was corrected.
    CustomerAddressCorrected {
        /// Which one.
        address_id: Uuid,
        /// The right place.
        place: Personal<Place>,
    },
    /// An address is gone.
    CustomerAddressRemoved {
        /// Which one.
        address_id: Uuid,
    },
    /// Tags were added.
    CustomerTagged {
        /// Those that were not there before.
        tags: BTreeSet<Name<64>>,
    },
    /// Tags were taken away.
    CustomerUntagged {
        /// Those that were there before.
        tags: BTreeSet<Name<64>>,
    },
    /// An agent is responsible for the customer.
    CustomerOwnerAssigned {
        /// Who.
        owner: AgentId,
    },
    /// The customer stands elsewhere.
    CustomerLifecycleChanged {
        /// Where it stood.
        from: Lifecycle,
        /// Where it stands.
        to: Lifecycle,
    },
    /// A consent was given.
    CustomerConsentGranted {
        /// What for.
        purpose: Name<64>,
        /// By which way.
        channel: ConsentChannel,
        /// On which legal ground.
        basis: ConsentBasis,
        /// Where it was given.
        source: Name<64>,
    },
    /// A consent was taken back.
    CustomerConsentWithdrawn {
        /// What for.
        purpose: Name<64>,
        /// By which way.
        channel: ConsentChannel,
        /// Where it was taken back.
        source: Name<64>,
    },
    /// The customer is blocked.
    CustomerBlocked {
        /// Why.
        reason: Personal<FreeText<500>>,
    },
    /// The customer is not blocked any longer.
    CustomerUnblocked {},
    /// The customer's id in another system is known.
    CustomerExternalRefLinked {
        /// The other system.
        system: Name<64>,
        /// The id there.
        id: Name<128>,
    },
    /// An id in another system is gone.
    CustomerExternalRefUnlinked {
        /// The other system.
        system: Name<64>,
        /// The id there.
        id: Name<128>,
    },
    /// The customer has a place in an organization; replaces the one it had there.
    CustomerOrganizationLinked {
        /// The organization.
        organization: CustomerId,
        /// What the customer is there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Name<64>>,
        /// Whether it still is.
        active: bool,
    },
    /// The customer has no place in an organization any longer.
    CustomerOrganizationUnlinked {
        /// The organization.
        organization: CustomerId,
    },
    /// On the survivor: another customer became its alias.
    CustomerMerged {
        /// Who became the alias.
        loser: CustomerId,
        /// Those who were merged into the loser before, and come with it.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        aliases: BTreeSet<CustomerId>,
        /// What the survivor lacked and takes over from the loser.
        filled: Filled,
    },
    /// On the loser: it is an alias of the survivor.
    CustomerMergedInto {
        /// The survivor.
        survivor: CustomerId,
    },
    /// On the survivor: a merged customer is free again.
    CustomerUnmerged {
        /// Who was the alias.
        loser: CustomerId,
        /// What had been taken over from the loser, and goes.
        withdrawn: Withdrawn,
    },
    /// On the loser: it is free again, as it was.
    CustomerRestored {
        /// Whose alias it was.
        survivor: CustomerId,
    },
    /// The customer wants to be erased.
    CustomerErasureRequested {},
    /// The customer is erased: its key is destroyed, and its personal data with it.
    CustomerErased {
        /// Inquiries that were identified as this customer's: the keys of their own subjects are destroyed as well.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        inquiries: Vec<InquiryId>,
    },
}
