//! Customers: one row each, aliases and erased ones too.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::customer::{
    Address, ConsentBasis, ConsentChannel, ContactPoint, Event, ExternalRef, Filled, Kind, Lifecycle, Locale,
    OrganizationLink, Place, Timezone, Withdrawn,
};
use domain::ids::{AgentId, CustomerId};
use domain::personal::Personal;
use domain::text::{FreeText, Name};
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// Where a customer stands, the ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Known, nothing bought yet 潜在.
    Prospect,
    /// Buys 活跃.
    Active,
    /// Bought once 沉睡.
    Dormant,
    /// Gone 流失.
    Churned,
    /// An alias of another customer.
    Merged,
    /// Erased.
    Erased,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Prospect, Self::Active, Self::Dormant, Self::Churned, Self::Merged, Self::Erased];

    /// The name as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prospect => Lifecycle::Prospect.name(),
            Self::Active => Lifecycle::Active.name(),
            Self::Dormant => Lifecycle::Dormant.name(),
            Self::Churned => Lifecycle::Churned.name(),
            Self::Merged => "merged",
            Self::Erased => "erased",
        }
    }

    const fn is_live(self) -> bool {
        !matches!(self, Self::Merged | Self::Erased)
    }
}

impl From<Lifecycle> for Standing {
    fn from(lifecycle: Lifecycle) -> Self {
        match lifecycle {
            Lifecycle::Prospect => Self::Prospect,
            Lifecycle::Active => Self::Active,
            Lifecycle::Dormant => Self::Dormant,
            Lifecycle::Churned => Self::Churned,
        }
    }
}

/// Whether a consent holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentState {
    /// It was given.
    Granted,
    /// It was taken back.
    Withdrawn,
}

/// A customer's consent, one per purpose and channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    /// What for.
    #[schema(value_type = String)]
    pub purpose: Name<64>,
    /// By which way.
    #[schema(value_type = String)]
    pub channel: ConsentChannel,
    /// Whether it holds.
    pub state: ConsentState,
    /// On which legal ground it was given.
    #[schema(value_type = Option<String>)]
    pub basis: Option<ConsentBasis>,
    /// Where it was given or taken back.
    #[schema(value_type = String)]
    pub source: Name<64>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Customer)]
pub struct CustomerRow {
    /// Person or organization.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// The name.
    #[schema(value_type = Option<String>)]
    pub display_name: Personal<Name<200>>,
    /// Ways to reach the customer: `id, kind, contact {value, normalized, label}, primary, verified`.
    #[schema(value_type = Vec<Object>)]
    pub contact_points: Vec<ContactPoint>,
    /// Addresses: `id, kind, place {country, province, city, district, lines, postcode}`.
    #[schema(value_type = Vec<Object>)]
    pub addresses: Vec<Address>,
    /// Ids in other systems: `system, id`.
    #[schema(value_type = Vec<Object>)]
    pub external_refs: BTreeSet<ExternalRef>,
    /// Places in organizations: `organization, role, active`.
    #[schema(value_type = Vec<Object>)]
    pub organization_links: Vec<OrganizationLink>,
    /// Tags.
    #[schema(value_type = Vec<String>)]
    pub tags: BTreeSet<Name<64>>,
    /// Language and region.
    #[schema(value_type = Option<String>)]
    pub locale: Option<Locale>,
    /// Time zone.
    #[schema(value_type = Option<String>)]
    pub timezone: Option<Timezone>,
    /// The responsible agent.
    #[schema(value_type = Option<Uuid>)]
    pub owner: Option<AgentId>,
    /// What the customer agreed to.
    pub consents: Vec<Consent>,
    /// Where the customer stands.
    pub lifecycle: Standing,
    /// Where the customer stood before it was merged, while it is.
    pub lifecycle_before_merge: Option<Standing>,
    /// Whether the customer is blocked.
    pub blocked: bool,
    /// Why, if so.
    #[schema(value_type = Option<String>)]
    pub blocked_reason: Option<Personal<FreeText<500>>>,
    /// Of whom the customer is an alias.
    #[schema(value_type = Option<Uuid>)]
    pub merged_into: Option<CustomerId>,
    /// Who was merged into the customer directly.
    #[schema(value_type = Vec<Uuid>)]
    pub aliases: BTreeSet<CustomerId>,
    /// When the customer asked to be erased.
    pub erasure_requested_at: Option<DateTime<Utc>>,
    /// When the customer was erased.
    pub erased_at: Option<DateTime<Utc>>,
    /// When the customer was registered.
    pub registered_at: DateTime<Utc>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of customers.
#[derive(Debug)]
pub struct Customer;

impl Entity for Customer {
    const NAME: &'static str = "customer";
    const REVISION: u32 = 3;
    const READS: &'static [Category] = &[Category::Customer];
    const COLUMNS: &'static str = include_str!("customer_columns.sql");
    const INDEXES: &'static str = include_str!("customer_indexes.sql");
    type Row = CustomerRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<CustomerRow>, happened: &Happened) -> Result<Option<CustomerRow>, Unfit> {
        let AnyEvent::Customer(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::CustomerRegistered { .. }) => return Ok(Some(registered(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the customer was not registered".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        Ok(Some(row))
    }

    fn facts(row: &CustomerRow) -> Vec<Fact> {
        let live = i64::from(row.lifecycle.is_live());
        let blocked = i64::from(row.blocked && row.lifecycle.is_live());
        vec![("total".to_owned(), [live, blocked, 0, 0]), (format!("lifecycle/{}", row.lifecycle.name()), [1, 0, 0, 0])]
    }
}

fn registered(event: &Event, happened: &Happened) -> Result<CustomerRow, Unfit> {
    let Event::CustomerRegistered {
        kind,
        display_name,
        contact_points,
        addresses,
        external_refs,
        tags,
        locale,
        timezone,
        lifecycle,
    } = event
    else {
        return Err(Unfit("not a registration".to_owned()));
    };
    Ok(CustomerRow {
        kind: *kind,
        display_name: display_name.clone(),
        contact_points: contact_points.clone(),
        addresses: addresses.clone(),
        external_refs: external_refs.clone(),
        organization_links: Vec::new(),
        tags: tags.clone(),
        locale: locale.clone(),
        timezone: timezone.clone(),
        owner: None,
        consents: Vec::new(),
        lifecycle: (*lifecycle).into(),
        lifecycle_before_merge: None,
        blocked: false,
        blocked_reason: None,
        merged_into: None,
        aliases: BTreeSet::new(),
        erasure_requested_at: None,
        erased_at: None,
        registered_at: happened.occurred_at,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl CustomerRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::CustomerRegistered { .. } => return Err(Unfit("the customer was registered twice".to_owned())),
            Event::CustomerRenamed { display_name } => self.display_name = display_name.clone(),
            Event::CustomerContactPointAdded { contact_point } => self.add_contact_point(contact_point.clone()),
            Event::CustomerContactPointRemoved { contact_point_id } => {
                self.contact_points.retain(|point| point.id != *contact_point_id);
            }
            Event::CustomerContactPointVerified { contact_point_id } => self.verify(*contact_point_id)?,
            Event::CustomerPrimaryContactPointSet { contact_point_id } => self.set_primary(*contact_point_id)?,
            Event::CustomerAddressAdded { address } => self.addresses.push(address.clone()),
            Event::CustomerAddressCorrected { address_id, place } => self.correct_address(*address_id, place)?,
            Event::CustomerAddressRemoved { address_id } => self.addresses.retain(|address| address.id != *address_id),
            Event::CustomerTagged { tags } => self.tags.extend(tags.iter().cloned()),
            Event::CustomerUntagged { tags } => self.tags.retain(|tag| !tags.contains(tag)),
            Event::CustomerOwnerAssigned { owner } => self.owner = Some(*owner),
            Event::CustomerLifecycleChanged { from: _, to } => self.lifecycle = (*to).into(),
            Event::CustomerConsentGranted { purpose, channel, basis, source } => self.consent(Consent {
                purpose: purpose.clone(),
                channel: *channel,
                state: ConsentState::Granted,
                basis: Some(*basis),
                source: source.clone(),
                at: happened.occurred_at,
            }),
            Event::CustomerConsentWithdrawn { purpose, channel, source } => self.consent(Consent {
                purpose: purpose.clone(),
                channel: *channel,
                state: ConsentState::Withdrawn,
                basis: None,
                source: source.clone(),
                at: happened.occurred_at,
            }),
            Event::CustomerBlocked { reason } => {
                self.blocked = true;
                self.blocked_reason = Some(reason.clone());
            }
            Event::CustomerUnblocked {} => {
                self.blocked = false;
                self.blocked_reason = None;
            }
            Event::CustomerExternalRefLinked { system, id } => {
                self.external_refs.insert(ExternalRef { system: system.clone(), id: id.clone() });
            }
            Event::CustomerExternalRefUnlinked { system, id } => {
                self.external_refs.retain(|other| other.system != *system || other.id != *id);
            }
            Event::CustomerOrganizationLinked { organization, role, active } => {
                self.organization_links.retain(|link| link.organization != *organization);
                let link = OrganizationLink { organization: *organization, role: role.clone(), active: *active };
                self.organization_links.push(link);
            }
            Event::CustomerOrganizationUnlinked { organization } => {
                self.organization_links.retain(|link| link.organization != *organization);
            }
            Event::CustomerMerged { loser, aliases: _, filled } => {
                self.aliases.insert(*loser);
                self.take_over(filled);
            }
            Event::CustomerUnmerged { loser, withdrawn } => {
                self.aliases.remove(loser);
                self.give_back(withdrawn);
            }
            Event::CustomerMergedInto { survivor } => {
                self.lifecycle_before_merge = Some(self.lifecycle);
                self.lifecycle = Standing::Merged;
                self.merged_into = Some(*survivor);
            }
            Event::CustomerRestored { survivor: _ } => {
                self.merged_into = None;
                self.lifecycle = self.lifecycle_before_merge.take().unwrap_or(self.lifecycle);
            }
            Event::CustomerErasureRequested {} => self.erasure_requested_at = Some(happened.occurred_at),
            Event::CustomerErased { .. } => self.erase(happened.occurred_at),
        }
        Ok(())
    }

    fn add_contact_point(&mut self, added: ContactPoint) {
        if added.primary {
            self.contact_points
                .iter_mut()
                .filter(|point| point.kind == added.kind)
                .for_each(|point| point.primary = false);
        }
        self.contact_points.push(added);
    }

    fn verify(&mut self, id: Uuid) -> Result<(), Unfit> {
        let point = self.contact_points.iter_mut().find(|point| point.id == id);
        point.ok_or_else(|| Unfit(format!("no contact point {id}")))?.verified = true;
        Ok(())
    }

    fn set_primary(&mut self, id: Uuid) -> Result<(), Unfit> {
        let kind = self.contact_points.iter().find(|point| point.id == id).map(|point| point.kind);
        let kind = kind.ok_or_else(|| Unfit(format!("no contact point {id}")))?;
        for point in self.contact_points.iter_mut().filter(|point| point.kind == kind) {
            point.primary = point.id == id;
        }
        Ok(())
    }

    fn correct_address(&mut self, id: Uuid, place: &Personal<Place>) -> Result<(), Unfit> {
        let address = self.addresses.iter_mut().find(|address| address.id == id);
        address.ok_or_else(|| Unfit(format!("no address {id}")))?.place = place.clone();
        Ok(())
    }

    fn consent(&mut self, consent: Consent) {
        self.consents.retain(|other| other.purpose != consent.purpose || other.channel != consent.channel);
        self.consents.push(consent);
    }

    fn take_over(&mut self, filled: &Filled) {
        let Filled { contact_points, addresses, tags, locale, timezone, owner } = filled;
        contact_points.iter().cloned().for_each(|point| self.add_contact_point(point));
        self.addresses.extend(addresses.iter().cloned());
        self.tags.extend(tags.iter().cloned());
        self.locale = locale.clone().or(self.locale.take());
        self.timezone = timezone.clone().or(self.timezone.take());
        self.owner = owner.or(self.owner);
    }

    fn give_back(&mut self, withdrawn: &Withdrawn) {
        let Withdrawn { contact_points, addresses, tags, locale, timezone, owner } = withdrawn;
        self.contact_points.retain(|point| !contact_points.contains(&point.id));
        self.addresses.retain(|address| !addresses.contains(&address.id));
        self.tags.retain(|tag| !tags.contains(tag));
        self.locale = self.locale.take().filter(|_| !locale);
        self.timezone = self.timezone.take().filter(|_| !timezone);
        self.owner = self.owner.filter(|_| !owner);
    }

    /// The values themselves are emptied by the runner, in all versions; what could point at the person goes here.
    fn erase(&mut self, at: DateTime<Utc>) {
        self.contact_points.clear();
        self.addresses.clear();
        self.external_refs.clear();
        self.blocked_reason = None;
        self.lifecycle = Standing::Erased;
        self.erased_at = Some(at);
    }
}

#[cfg(test)]
#[path = "customer_tests.rs"]
mod tests;
