//! What can be asked of a customer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fields::{
    ConsentBasis, ConsentChannel, ExternalRef, Kind, Lifecycle, Locale, NewAddress, NewContactPoint, Place, Timezone,
};
use crate::ids::{AgentId, CustomerId};
use crate::text::{FreeText, Name};

/// What can be asked of a customer. Merging and unmerging take the role supervisor, erasing admin.
///
/// A merged customer refuses everything but `withdraw_consent` (`merged_into`), an erased one everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Registers a new customer.
    Register {
        /// A person unless said otherwise.
        #[serde(default)]
        kind: Kind,
        /// The name by which the customer is known.
        display_name: Name<200>,
        /// Ways to reach the customer, at most 20.
        #[serde(default)]
        contact_points: Vec<NewContactPoint>,
        /// Addresses, at most 20.
        #[serde(default)]
        addresses: Vec<NewAddress>,
        /// Ids in other systems, at most 50, each of one customer only.
        #[serde(default)]
        external_refs: Vec<ExternalRef>,
        /// Tags, at most 50.
        #[serde(default)]
        tags: BTreeSet<Name<64>>,
        /// The customer's language and region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<Locale>,
        /// The customer's time zone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timezone: Option<Timezone>,
        /// A prospect unless said otherwise.
        #[serde(default)]
        lifecycle: Lifecycle,
        /// Whether its emails and phones may be other customers' too; they are not claimed then.
        #[serde(default)]
        allow_duplicate: bool,
    },
    /// Gives the customer another name.
    Rename {
        /// The new name.
        display_name: Name<200>,
    },
    /// Adds a way to reach the customer.
    AddContactPoint {
        /// The contact point.
        contact_point: NewContactPoint,
        /// Whether it may be another customer's too; it is not claimed then.
        #[serde(default)]
        allow_duplicate: bool,
    },
    /// Takes a contact point away.
    RemoveContactPoint {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// Says that the customer was seen to answer there.
    VerifyContactPoint {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// Makes a contact point the one to use among those of its kind.
    SetPrimaryContactPoint {
        /// Which one.
        contact_point_id: Uuid,
    },
    /// Adds an address.
    AddAddress {
        /// The address.
        address: NewAddress,
    },
    /// Corrects an address.
    CorrectAddress {
        /// Which one.
        address_id: Uuid,
        /// The right place.
        place: Place,
    },
    /// Takes an address away.
    RemoveAddress {
        /// Which one.
        address_id: Uuid,
    },
    /// Adds tags.
    Tag {
        /// The tags; those already there are passed over.
        tags: BTreeSet<Name<64>>,
    },
    /// Takes tags away.
    Untag {
        /// The tags; those not there are passed over.
        tags: BTreeSet<Name<64>>,
    },
    /// Makes an agent responsible for the customer.
    AssignOwner {
        /// Who.
        owner: AgentId,
    },
    /// Moves the customer along `prospect → active ↔ dormant → churned → active`.
    ChangeLifecycle {
        /// Where to.
        lifecycle: Lifecycle,
    },
    /// Records a consent.
    GrantConsent {
        /// What for, e.g. `newsletter`.
        purpose: Name<64>,
        /// By which way.
        channel: ConsentChannel,
        /// On which legal ground.
        #[serde(default)]
        basis: ConsentBasis,
        /// Where it was given, e.g. `web form`.
        source: Name<64>,
    },
    /// Records that a consent was taken back. Possible in every state but erased, also if none was recorded.
    WithdrawConsent {
        /// What for.
        purpose: Name<64>,
        /// By which way.
        channel: ConsentChannel,
        /// Where it was taken back.
        source: Name<64>,
    },
    /// Blocks the customer 拉黑.
    Block {
        /// Why.
        reason: FreeText<500>,
    },
    /// Ends the blocking.
    Unblock {},
    /// Notes the customer's id in another system.
    LinkExternalRef {
        /// The other system.
        system: Name<64>,
        /// The id there.
        id: Name<128>,
    },
    /// Takes an id in another system away.
    UnlinkExternalRef {
        /// The other system.
        system: Name<64>,
        /// The id there.
        id: Name<128>,
    },
    /// Places the customer in an organization, or changes its place there.
    LinkOrganization {
        /// The organization.
        organization: CustomerId,
        /// What the customer is there, e.g. `buyer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Name<64>>,
        /// Whether it still is; yes unless said otherwise.
        #[serde(default = "yes")]
        active: bool,
    },
    /// Takes the customer out of an organization.
    UnlinkOrganization {
        /// The organization.
        organization: CustomerId,
    },
    /// Makes another customer an alias of this one, the survivor. At most 60 stand behind one, and at most five are
    /// merged one into the other.
    Merge {
        /// Who becomes the alias.
        loser: CustomerId,
    },
    /// Sets a merged customer free again, exactly as it was.
    Unmerge {
        /// Who was merged into this one.
        loser: CustomerId,
    },
    /// Records that the customer wants to be erased.
    RequestErasure {},
    /// Erases the customer and all who were merged into it, for ever. It must have been requested.
    Erase {},
}

const fn yes() -> bool {
    true
}
