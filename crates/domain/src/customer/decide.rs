//! By which rules commands become events.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::command::Command;
use super::event::Event;
use super::fields::{Address, ConsentBasis, ConsentChannel, ExternalRef, Lifecycle, NewAddress, Place};
use super::reference::EXTERNAL_REFS_MAX;
use super::state::{Consent, Customer, Standing};
use super::{chain, contact, merge, organization, reference, register, survivor};
use crate::agent::{Agent, Role};
use crate::decider::{Aggregate, ClaimKey, ClaimQuery, Context, Decision, Loaded, actor_stream};
use crate::envelope::{Actor, ActorKind};
use crate::ids::{AgentId, CustomerId, StreamId};
use crate::personal::Personal;
use crate::rejection::{Code, FieldError, Rejection};
use crate::text::Name;

/// The most contact points of a customer.
pub const CONTACT_POINTS_MAX: usize = 20;
/// The most addresses of a customer.
pub const ADDRESSES_MAX: usize = 20;
/// The most tags of a customer.
pub const TAGS_MAX: usize = 50;
/// The most consents of a customer. Those on record can be withdrawn beyond it.
pub const CONSENTS_MAX: usize = 100;
/// How many holders of claims are followed to their survivors; any further one is named as it is.
const HOLDERS_MAX: usize = 8;

impl Aggregate for Customer {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Register { .. })
    }

    fn reads(id: Uuid, command: &Command, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        let own = CustomerId(id);
        let further: Vec<StreamId> = match command {
            Command::Register { .. } | Command::AddContactPoint { .. } | Command::LinkExternalRef { .. } => {
                holders(command, loaded)
            }
            Command::AssignOwner { owner } => vec![owner.stream()],
            Command::LinkOrganization { organization, .. } => organization::reads(loaded, *organization),
            Command::Merge { loser } => merge::reads(loaded, own, *loser),
            Command::Unmerge { loser } => vec![loser.stream()],
            Command::Erase {} => merge::alias_streams(loaded, own),
            Command::Rename { .. }
            | Command::RemoveContactPoint { .. }
            | Command::VerifyContactPoint { .. }
            | Command::SetPrimaryContactPoint { .. }
            | Command::AddAddress { .. }
            | Command::CorrectAddress { .. }
            | Command::RemoveAddress { .. }
            | Command::Tag { .. }
            | Command::Untag { .. }
            | Command::ChangeLifecycle { .. }
            | Command::GrantConsent { .. }
            | Command::WithdrawConsent { .. }
            | Command::Block { .. }
            | Command::Unblock {}
            | Command::UnlinkExternalRef { .. }
            | Command::UnlinkOrganization { .. }
            | Command::RequestErasure {} => Vec::new(),
        };
        let acting = role_needed(command).and_then(|_| actor_stream(actor));
        chain(loaded, own).into_iter().chain(further).chain(acting).collect()
    }

    fn claims(id: Uuid, command: &Command, loaded: &Loaded) -> Vec<ClaimQuery> {
        let erases = matches!(command, Command::Erase {});
        let keys = if erases { merge::identified_claims(loaded, CustomerId(id)) } else { claimed(command) };
        keys.into_iter().map(|key| ClaimQuery { key, range: None }).collect()
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        if let Some(role) = role_needed(command) {
            context.require_role(role)?;
        }
        self.refuse_if_gone(command, context)?;
        if !matches!(command, Command::Register { .. }) {
            context.require_existing()?;
        }
        match command {
            Command::Register { .. } => register::register(command, context),
            Command::Rename { display_name } => {
                let display_name = Personal::new(context.stream.id, display_name.clone());
                happened(context, Event::CustomerRenamed { display_name })
            }
            Command::AddContactPoint { contact_point, allow_duplicate } => {
                self.add_contact(contact_point, *allow_duplicate, context)
            }
            Command::RemoveContactPoint { contact_point_id } => Ok(self.remove_contact(*contact_point_id, context)),
            Command::VerifyContactPoint { contact_point_id } => self.verify_contact(*contact_point_id, context),
            Command::SetPrimaryContactPoint { contact_point_id } => self.prefer_contact(*contact_point_id, context),
            Command::AddAddress { address } => self.add_address(address, context),
            Command::CorrectAddress { address_id, place } => self.correct_address(*address_id, place, context),
            Command::RemoveAddress { address_id } if self.address(*address_id).is_none() => Ok(Decision::already()),
            Command::RemoveAddress { address_id } => {
                happened(context, Event::CustomerAddressRemoved { address_id: *address_id })
            }
            Command::Tag { tags } => self.tag(tags, context),
            Command::Untag { tags } => self.take_tags(tags, context),
            Command::AssignOwner { owner } => self.assign_owner(*owner, context),
            Command::ChangeLifecycle { lifecycle } => self.change_lifecycle(*lifecycle, context),
            Command::GrantConsent { purpose, channel, basis, source } => {
                self.grant(purpose, *channel, *basis, source, context)
            }
            Command::WithdrawConsent { purpose, channel, source } => self.withdraw(purpose, *channel, source, context),
            Command::Block { .. } if self.blocked => Ok(Decision::already()),
            Command::Block { reason } => {
                let reason = Personal::new(context.stream.id, reason.clone());
                happened(context, Event::CustomerBlocked { reason })
            }
            Command::Unblock {} if !self.blocked => Ok(Decision::already()),
            Command::Unblock {} => happened(context, Event::CustomerUnblocked {}),
            Command::LinkExternalRef { system, id } => self.link_reference(system, id, context),
            Command::UnlinkExternalRef { system, id } => Ok(self.unlink_reference(system, id, context)),
            Command::LinkOrganization { organization, role, active } => {
                self.link(*organization, role.as_ref(), *active, context)
            }
            Command::UnlinkOrganization { organization } => Ok(self.unlink(*organization, context)),
            Command::Merge { loser } => self.merge(*loser, context),
            Command::Unmerge { loser } => self.unmerge(*loser, context),
            Command::RequestErasure {} => self.request_erasure(context),
            Command::Erase {} => self.erase(context),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.fold(event);
    }
}

fn happened(context: &Context<'_>, event: Event) -> Result<Decision, Rejection> {
    Ok(Decision::event(context.stream, event))
}

fn role_needed(command: &Command) -> Option<Role> {
    match command {
        Command::Merge { .. } | Command::Unmerge { .. } => Some(Role::Supervisor),
        Command::Erase {} => Some(Role::Admin),
        Command::Register { .. }
        | Command::Rename { .. }
        | Command::AddContactPoint { .. }
        | Command::RemoveContactPoint { .. }
        | Command::VerifyContactPoint { .. }
        | Command::SetPrimaryContactPoint { .. }
        | Command::AddAddress { .. }
        | Command::CorrectAddress { .. }
        | Command::RemoveAddress { .. }
        | Command::Tag { .. }
        | Command::Untag { .. }
        | Command::AssignOwner { .. }
        | Command::ChangeLifecycle { .. }
        | Command::GrantConsent { .. }
        | Command::WithdrawConsent { .. }
        | Command::Block { .. }
        | Command::Unblock {}
        | Command::LinkExternalRef { .. }
        | Command::UnlinkExternalRef { .. }
        | Command::LinkOrganization { .. }
        | Command::UnlinkOrganization { .. }
        | Command::RequestErasure {} => None,
    }
}

/// The claims that a command takes or must find free.
fn claimed(command: &Command) -> Vec<ClaimKey> {
    match command {
        Command::Register { contact_points, external_refs, allow_duplicate, .. } => {
            // No more than can be accepted: whatever else is in the message is refused unseen.
            let claiming = contact_points.iter().take(CONTACT_POINTS_MAX).filter(|_| !allow_duplicate);
            let contacts = claiming.filter_map(contact::claimed);
            contacts.chain(external_refs.iter().take(EXTERNAL_REFS_MAX).map(reference::key)).collect()
        }
        Command::AddContactPoint { contact_point, allow_duplicate: false } => {
            contact::claimed(contact_point).into_iter().collect()
        }
        Command::LinkExternalRef { system, id } => {
            vec![reference::key(&ExternalRef { system: system.clone(), id: id.clone() })]
        }
        Command::AddContactPoint { allow_duplicate: true, .. }
        | Command::Rename { .. }
        | Command::RemoveContactPoint { .. }
        | Command::VerifyContactPoint { .. }
        | Command::SetPrimaryContactPoint { .. }
        | Command::AddAddress { .. }
        | Command::CorrectAddress { .. }
        | Command::RemoveAddress { .. }
        | Command::Tag { .. }
        | Command::Untag { .. }
        | Command::AssignOwner { .. }
        | Command::ChangeLifecycle { .. }
        | Command::GrantConsent { .. }
        | Command::WithdrawConsent { .. }
        | Command::Block { .. }
        | Command::Unblock {}
        | Command::UnlinkExternalRef { .. }
        | Command::LinkOrganization { .. }
        | Command::UnlinkOrganization { .. }
        | Command::Merge { .. }
        | Command::Unmerge { .. }
        | Command::RequestErasure {}
        | Command::Erase {} => Vec::new(),
    }
}

/// Who holds them, and whom the holders were merged into.
fn holders(command: &Command, loaded: &Loaded) -> Vec<StreamId> {
    let holdings = claimed(command).into_iter().filter_map(|key| loaded.claims.get(&key)).flatten();
    let holders: BTreeSet<CustomerId> = holdings.map(|holding| CustomerId(holding.holder.id)).collect();
    holders.into_iter().take(HOLDERS_MAX).flat_map(|holder| chain(loaded, holder)).collect()
}

/// The id of a part that was given none: the same each time that the command is decided.
pub(super) fn derived_id(context: &Context<'_>, pointer: &str) -> Uuid {
    Uuid::new_v5(&context.command_id, pointer.as_bytes())
}

/// A command names a contact point or address that the customer does not have.
pub(super) fn missing_part(pointer: &str, what: &str, id: Uuid) -> Rejection {
    let mut rejection = Rejection::new(Code::ReferenceMissing, format!("the customer has no {what} {id}"));
    rejection.errors.push(FieldError { pointer: pointer.to_owned(), detail: rejection.detail.clone() });
    rejection
}

pub(super) fn new_address(new: &NewAddress, pointer: &str, context: &Context<'_>) -> Address {
    let id = new.id.unwrap_or_else(|| derived_id(context, pointer));
    Address { id, kind: new.kind, place: Personal::new(context.stream.id, new.place.clone()) }
}

impl Customer {
    /// An erased customer refuses everything, a merged one everything but the withdrawal of a consent.
    fn refuse_if_gone(&self, command: &Command, context: &Context<'_>) -> Result<(), Rejection> {
        let own = CustomerId(context.stream.id);
        match (self.standing, command) {
            (Standing::Erased, _) => Err(Rejection::subject_erased(own.0)),
            (Standing::Live, _) | (Standing::Merged { .. }, Command::WithdrawConsent { .. }) => Ok(()),
            (Standing::Merged { .. }, Command::Merge { loser })
                if merge::closes_circle(context.loaded, own, *loser) =>
            {
                Err(Rejection::new(Code::MergeCycle, format!("{own} is merged into {loser} already")))
            }
            (Standing::Merged { .. }, _) => Err(Rejection::merged_into(survivor(context.loaded, own).0)),
        }
    }

    fn add_address(&self, new: &NewAddress, context: &Context<'_>) -> Result<Decision, Rejection> {
        let address = new_address(new, "/data/address", context);
        if self.address(address.id).is_some() {
            return Ok(Decision::already());
        }
        if self.addresses.len() >= ADDRESSES_MAX {
            return Err(Rejection::limit_exceeded("addresses of a customer", ADDRESSES_MAX as u64));
        }
        happened(context, Event::CustomerAddressAdded { address })
    }

    fn correct_address(&self, id: Uuid, place: &Place, context: &Context<'_>) -> Result<Decision, Rejection> {
        if self.address(id).is_none() {
            return Err(missing_part("/data/address_id", "address", id));
        }
        let place = Personal::new(context.stream.id, place.clone());
        happened(context, Event::CustomerAddressCorrected { address_id: id, place })
    }

    fn tag(&self, tags: &BTreeSet<Name<64>>, context: &Context<'_>) -> Result<Decision, Rejection> {
        let new: BTreeSet<_> = tags.difference(&self.tags).cloned().collect();
        if new.is_empty() {
            return Ok(Decision::already());
        }
        if self.tags.len() + new.len() > TAGS_MAX {
            return Err(Rejection::limit_exceeded("tags of a customer", TAGS_MAX as u64));
        }
        happened(context, Event::CustomerTagged { tags: new })
    }

    fn take_tags(&self, tags: &BTreeSet<Name<64>>, context: &Context<'_>) -> Result<Decision, Rejection> {
        let gone: BTreeSet<_> = tags.intersection(&self.tags).cloned().collect();
        if gone.is_empty() {
            Ok(Decision::already())
        } else {
            happened(context, Event::CustomerUntagged { tags: gone })
        }
    }

    fn assign_owner(&self, owner: AgentId, context: &Context<'_>) -> Result<Decision, Rejection> {
        if self.owner == Some(owner) {
            return Ok(Decision::already());
        }
        if context.loaded.get::<Agent>(owner.stream()).is_none() {
            return Err(Rejection::reference_missing("/data/owner", owner.stream()));
        }
        happened(context, Event::CustomerOwnerAssigned { owner })
    }

    fn change_lifecycle(&self, to: Lifecycle, context: &Context<'_>) -> Result<Decision, Rejection> {
        let from = self.lifecycle;
        if from == to {
            return Ok(Decision::already());
        }
        if !from.next().contains(&to) {
            let allowed: Vec<&str> = from.next().iter().map(|lifecycle| lifecycle.name()).collect();
            return Err(Rejection::invalid_transition(from.name(), "change_lifecycle", &allowed));
        }
        happened(context, Event::CustomerLifecycleChanged { from, to })
    }

    fn grant(
        &self,
        purpose: &Name<64>,
        channel: ConsentChannel,
        basis: ConsentBasis,
        source: &Name<64>,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        let before = self.consents.get(&(purpose.clone(), channel));
        if before == Some(&Consent::Granted { basis, source: source.clone() }) {
            return Ok(Decision::already());
        }
        if before.is_none() && self.consents.len() >= CONSENTS_MAX {
            return Err(Rejection::limit_exceeded("consents of a customer", CONSENTS_MAX as u64));
        }
        let (purpose, source) = (purpose.clone(), source.clone());
        happened(context, Event::CustomerConsentGranted { purpose, channel, basis, source })
    }

    fn withdraw(
        &self,
        purpose: &Name<64>,
        channel: ConsentChannel,
        source: &Name<64>,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        match self.consents.get(&(purpose.clone(), channel)) {
            Some(Consent::Withdrawn { .. }) => return Ok(Decision::already()),
            None if self.consents.len() >= CONSENTS_MAX => {
                return Err(Rejection::limit_exceeded("consents of a customer", CONSENTS_MAX as u64));
            }
            Some(Consent::Granted { .. }) | None => {}
        }
        let (purpose, source) = (purpose.clone(), source.clone());
        happened(context, Event::CustomerConsentWithdrawn { purpose, channel, source })
    }

    fn request_erasure(&self, context: &Context<'_>) -> Result<Decision, Rejection> {
        if context.actor.kind == ActorKind::Rule {
            return Err(Rejection::forbidden("a person, a service or the system, not a rule"));
        }
        if self.erasure_requested {
            return Ok(Decision::already());
        }
        happened(context, Event::CustomerErasureRequested {})
    }
}
