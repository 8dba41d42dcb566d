//! A customer's state, and how events change it.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::event::Event;
use super::fields::{
    Address, ConsentBasis, ConsentChannel, ContactKind, ContactPoint, ExternalRef, Filled, Kind, Lifecycle, Locale,
    OrganizationLink, Timezone, Withdrawn,
};
use crate::ids::{AgentId, CustomerId};
use crate::text::Name;

/// Whether a customer stands for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    #[default]
    Live,
    /// It is an alias.
    Merged {
        /// Of whom.
        survivor: CustomerId,
    },
    /// It was erased.
    Erased,
}

/// What became of a consent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It was given.
    Granted {
        /// On which legal ground.
        basis: ConsentBasis,
        /// Where.
        source: Name<64>,
    },
    /// It was taken back.
    Withdrawn {
        /// Where.
        source: Name<64>,
    },
}

/// A customer who was merged into this one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alias {
    /// Those who had been merged into it before.
    pub aliases: BTreeSet<CustomerId>,
    /// What came from it and is still there.
    pub withdrawn: Withdrawn,
}

/// A customer, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Customer {
    /// Whether it stands for itself.
    pub standing: Standing,
    /// Person or organization.
    pub kind: Kind,
    /// Where it stands.
    pub lifecycle: Lifecycle,
    /// Whether it is blocked.
    pub blocked: bool,
    /// Whether it wants to be erased.
    pub erasure_requested: bool,
    /// Ways to reach it, in the order in which they came. At most one of a kind is primary.
    pub contact_points: Vec<ContactPoint>,
    /// Addresses, in the order in which they came.
    pub addresses: Vec<Address>,
    /// Ids in other systems.
    pub external_refs: BTreeSet<ExternalRef>,
    /// Tags.
    pub tags: BTreeSet<Name<64>>,
    /// Language and region.
    pub locale: Option<Locale>,
    /// Time zone.
    pub timezone: Option<Timezone>,
    /// The responsible agent.
    pub owner: Option<AgentId>,
    /// The latest word on each consent.
    pub consents: BTreeMap<(Name<64>, ConsentChannel), Consent>,
    /// Places in organizations.
    pub organizations: BTreeMap<CustomerId, OrganizationLink>,
    /// Who was merged into this customer itself.
    pub merged: BTreeMap<CustomerId, Alias>,
}

impl Customer {
    /// The survivor, if the customer is an alias.
    #[must_use]
    pub const fn survivor(&self) -> Option<CustomerId> {
        match self.standing {
            Standing::Merged { survivor } => Some(survivor),
            Standing::Live | Standing::Erased => None,
        }
    }

    /// Everybody who stands behind this customer, merged into it or into one of its aliases.
    pub fn aliases(&self) -> impl Iterator<Item = CustomerId> {
        self.merged.iter().flat_map(|(loser, alias)| std::iter::once(*loser).chain(alias.aliases.iter().copied()))
    }

    /// The contact point of that id.
    #[must_use]
    pub fn contact_point(&self, id: Uuid) -> Option<&ContactPoint> {
        self.contact_points.iter().find(|point| point.id == id)
    }

    /// The address of that id.
    #[must_use]
    pub fn address(&self, id: Uuid) -> Option<&Address> {
        self.addresses.iter().find(|address| address.id == id)
    }

    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::CustomerRegistered {
                kind,
                display_name: _,
                contact_points,
                addresses,
                external_refs,
                tags,
                locale,
                timezone,
                lifecycle,
            } => {
                self.kind = *kind;
                self.lifecycle = *lifecycle;
                self.contact_points.clone_from(contact_points);
                self.addresses.clone_from(addresses);
                self.external_refs.clone_from(external_refs);
                self.tags.clone_from(tags);
                self.locale.clone_from(locale);
                self.timezone.clone_from(timezone);
            }
            Event::CustomerRenamed { .. } => {}
            Event::CustomerContactPointAdded { contact_point } => self.add_contact_point(contact_point),
            Event::CustomerContactPointRemoved { contact_point_id } => self.remove_contact_point(*contact_point_id),
            Event::CustomerContactPointVerified { contact_point_id } => {
                if let Some(point) = self.contact_points.iter_mut().find(|point| point.id == *contact_point_id) {
                    point.verified = true;
                }
            }
            Event::CustomerPrimaryContactPointSet { contact_point_id } => {
                if let Some(kind) = self.contact_point(*contact_point_id).map(|point| point.kind) {
                    self.set_primary(kind, *contact_point_id);
                }
            }
            Event::CustomerAddressAdded { address } => self.addresses.push(address.clone()),
            Event::CustomerAddressCorrected { address_id, place } => {
                if let Some(address) = self.addresses.iter_mut().find(|address| address.id == *address_id) {
                    address.place = place.clone();
                }
            }
            Event::CustomerAddressRemoved { address_id } => self.remove_address(*address_id),
            Event::CustomerTagged { tags } => self.tags.extend(tags.iter().cloned()),
            Event::CustomerUntagged { tags } => self.untag(tags),
            Event::CustomerOwnerAssigned { owner } => self.assign(*owner),
            Event::CustomerLifecycleChanged { from: _, to } => self.lifecycle = *to,
            Event::CustomerConsentGranted { purpose, channel, basis, source } => {
                let granted = Consent::Granted { basis: *basis, source: source.clone() };
                self.consents.insert((purpose.clone(), *channel), granted);
            }
            Event::CustomerConsentWithdrawn { purpose, channel, source } => {
                let withdrawn = Consent::Withdrawn { source: source.clone() };
                self.consents.insert((purpose.clone(), *channel), withdrawn);
            }
            Event::CustomerBlocked { .. } => self.blocked = true,
            Event::CustomerUnblocked {} => self.blocked = false,
            Event::CustomerExternalRefLinked { system, id } => {
                self.external_refs.insert(ExternalRef { system: system.clone(), id: id.clone() });
            }
            Event::CustomerExternalRefUnlinked { system, id } => {
                self.external_refs.remove(&ExternalRef { system: system.clone(), id: id.clone() });
            }
            Event::CustomerOrganizationLinked { organization, role, active } => {
                let link = OrganizationLink { organization: *organization, role: role.clone(), active: *active };
                self.organizations.insert(*organization, link);
            }
            Event::CustomerOrganizationUnlinked { organization } => {
                self.organizations.remove(organization);
            }
            Event::CustomerMerged { loser, aliases, filled } => self.absorb(*loser, aliases, filled),
            Event::CustomerMergedInto { survivor } => self.standing = Standing::Merged { survivor: *survivor },
            Event::CustomerUnmerged { loser, withdrawn } => self.release(*loser, withdrawn),
            Event::CustomerRestored { .. } => self.standing = Standing::Live,
            Event::CustomerErasureRequested {} => self.erasure_requested = true,
            Event::CustomerErased { .. } => {
                self.standing = Standing::Erased;
                self.contact_points.clear();
                self.addresses.clear();
            }
        }
    }

    fn add_contact_point(&mut self, point: &ContactPoint) {
        self.contact_points.push(point.clone());
        if point.primary {
            self.set_primary(point.kind, point.id);
        }
    }

    fn set_primary(&mut self, kind: ContactKind, id: Uuid) {
        self.contact_points
            .iter_mut()
            .filter(|point| point.kind == kind)
            .for_each(|point| point.primary = point.id == id);
    }

    fn remove_contact_point(&mut self, id: Uuid) {
        self.contact_points.retain(|point| point.id != id);
        self.merged.values_mut().for_each(|alias| alias.withdrawn.contact_points.retain(|kept| *kept != id));
    }

    fn remove_address(&mut self, id: Uuid) {
        self.addresses.retain(|address| address.id != id);
        self.merged.values_mut().for_each(|alias| alias.withdrawn.addresses.retain(|kept| *kept != id));
    }

    fn untag(&mut self, tags: &BTreeSet<Name<64>>) {
        self.tags.retain(|tag| !tags.contains(tag));
        self.merged.values_mut().for_each(|alias| alias.withdrawn.tags.retain(|tag| !tags.contains(tag)));
    }

    fn assign(&mut self, owner: AgentId) {
        self.owner = Some(owner);
        self.merged.values_mut().for_each(|alias| alias.withdrawn.owner = false);
    }

    fn absorb(&mut self, loser: CustomerId, aliases: &BTreeSet<CustomerId>, filled: &Filled) {
        self.contact_points.extend(filled.contact_points.iter().cloned());
        self.addresses.extend(filled.addresses.iter().cloned());
        self.tags.extend(filled.tags.iter().cloned());
        self.locale = self.locale.take().or_else(|| filled.locale.clone());
        self.timezone = self.timezone.take().or_else(|| filled.timezone.clone());
        self.owner = self.owner.or(filled.owner);
        let withdrawn = Withdrawn {
            contact_points: filled.contact_points.iter().map(|point| point.id).collect(),
            addresses: filled.addresses.iter().map(|address| address.id).collect(),
            tags: filled.tags.clone(),
            locale: filled.locale.is_some(),
            timezone: filled.timezone.is_some(),
            owner: filled.owner.is_some(),
        };
        self.merged.insert(loser, Alias { aliases: aliases.clone(), withdrawn });
    }

    fn release(&mut self, loser: CustomerId, withdrawn: &Withdrawn) {
        self.merged.remove(&loser);
        self.contact_points.retain(|point| !withdrawn.contact_points.contains(&point.id));
        self.addresses.retain(|address| !withdrawn.addresses.contains(&address.id));
        self.tags.retain(|tag| !withdrawn.tags.contains(tag));
        self.locale = self.locale.take().filter(|_| !withdrawn.locale);
        self.timezone = self.timezone.take().filter(|_| !withdrawn.timezone);
        self.owner = self.owner.filter(|_| !withdrawn.owner);
    }
}
