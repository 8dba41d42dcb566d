//! Merging, unmerging and erasing: the decisions that concern several customers at once.
//!
//! A merged customer keeps its stream, its claims and its key, and refuses changes until it is set free; so an
//! unmerge restores both sides exactly, and chains come apart in the reverse order. What names others (organizations,
//! external references) and what was agreed to (consents) stays with the loser.

use std::collections::BTreeSet;

use super::decide::{ADDRESSES_MAX, CONTACT_POINTS_MAX, TAGS_MAX};
use super::event::Event;
use super::fields::{Address, ContactPoint, Filled};
use super::state::{Customer, Standing};
use super::{contact, organization, reference};
use crate::decider::{ClaimChange, ClaimKey, Context, Decision, Loaded};
use crate::ids::{CustomerId, InquiryId, StreamId};
use crate::inquiry::{identified_claim, own_subject};
use crate::rejection::{Code, Rejection};

/// The most customers behind one survivor, so that all of them can be erased in one append.
pub const ALIASES_MAX: usize = 60;
/// The most customers of whom each was merged into the next, so that whoever asks for the last one finds it in few
/// rounds of reading.
pub const CHAIN_MAX: usize = 5;

/// What a merge reads: the loser with those behind it who have others behind them, those whose values may be filled in
/// through it, and what rules a circle out.
pub(super) fn reads(loaded: &Loaded, own: CustomerId, loser: CustomerId) -> Vec<StreamId> {
    let mut streams = organization::walk_reads(loaded, own);
    streams.push(loser.stream());
    streams.extend(nested(loaded, loser));
    if let Some(customer) = loaded.get::<Customer>(loser.stream()) {
        let contacts = customer.contact_points.iter().map(|point| point.contact.subject());
        let subjects = contacts.chain(customer.addresses.iter().map(|address| address.place.subject()));
        let subjects: BTreeSet<CustomerId> = subjects.map(CustomerId).collect();
        streams.extend(subjects.into_iter().map(CustomerId::stream));
    }
    streams
}

/// The streams of those behind a customer who have others behind them.
fn nested(loaded: &Loaded, id: CustomerId) -> Vec<StreamId> {
    let merged = loaded.get::<Customer>(id.stream()).into_iter().flat_map(|customer| &customer.merged);
    let with_others = merged.filter(|(_, behind)| !behind.aliases.is_empty());
    with_others.flat_map(|(id, _)| std::iter::once(id.stream()).chain(nested(loaded, *id))).collect()
}

/// How many customers are on the longest way of merges that ends in one, itself among them. What [`nested`] names must
/// be among the reads.
fn longest_way(loaded: &Loaded, id: CustomerId) -> usize {
    let merged = loaded.get::<Customer>(id.stream()).into_iter().flat_map(|customer| &customer.merged);
    let ways = merged.map(|(id, behind)| if behind.aliases.is_empty() { 1 } else { longest_way(loaded, *id) });
    1 + ways.max().unwrap_or(0)
}

/// The streams of everybody who was merged into a customer.
pub(super) fn alias_streams(loaded: &Loaded, own: CustomerId) -> Vec<StreamId> {
    loaded.get::<Customer>(own.stream()).into_iter().flat_map(Customer::aliases).map(CustomerId::stream).collect()
}

/// What leads to the inquiries that were identified as a customer or as somebody who was merged into it.
pub(super) fn identified_claims(loaded: &Loaded, own: CustomerId) -> Vec<ClaimKey> {
    let aliases = loaded.get::<Customer>(own.stream()).into_iter().flat_map(Customer::aliases);
    std::iter::once(own).chain(aliases).map(identified_claim).collect()
}

/// Whether a merge would make a customer an alias of its own alias.
pub(super) fn closes_circle(loaded: &Loaded, own: CustomerId, loser: CustomerId) -> bool {
    loaded.get::<Customer>(loser.stream()).is_some_and(|customer| customer.aliases().any(|alias| alias == own))
}

fn other<'a>(loser: CustomerId, context: &Context<'a>) -> Result<&'a Customer, Rejection> {
    let missing = || Rejection::reference_missing("/data/loser", loser.stream());
    let customer = context.loaded.get::<Customer>(loser.stream()).ok_or_else(missing)?;
    match customer.standing {
        Standing::Erased => Err(Rejection::subject_erased(loser.0)),
        Standing::Live | Standing::Merged { .. } => Ok(customer),
    }
}

impl Customer {
    pub(super) fn merge(&self, loser_id: CustomerId, context: &Context<'_>) -> Result<Decision, Rejection> {
        let own = CustomerId(context.stream.id);
        if loser_id == own {
            return Err(Rejection::new(Code::SelfMerge, format!("{own} cannot be merged into itself")));
        }
        let loser = other(loser_id, context)?;
        if let Some(survivor) = loser.survivor() {
            let detail = format!("{loser_id} is merged into {survivor} already");
            return Err(Rejection::new(Code::AlreadyMerged, detail).with("survivor", survivor.to_string()));
        }
        let aliases: BTreeSet<CustomerId> = loser.aliases().collect();
        if self.aliases().count() + aliases.len() + 1 > ALIASES_MAX {
            return Err(Rejection::limit_exceeded("customers merged into one", ALIASES_MAX as u64));
        }
        if longest_way(context.loaded, loser_id) >= CHAIN_MAX {
            return Err(Rejection::limit_exceeded("customers merged one into the other", CHAIN_MAX as u64));
        }
        organization::rule_out_circle(context.loaded, own, loser_id)?;
        let merged = Event::CustomerMerged { loser: loser_id, aliases, filled: self.fill(loser) };
        let into = Event::CustomerMergedInto { survivor: own };
        Ok(Decision::event(context.stream, merged).and(loser_id.stream(), into))
    }

    /// What this customer lacks and the loser has. The values stay the loser's, and so do the claims.
    fn fill(&self, loser: &Customer) -> Filled {
        let lacks_point = |point: &&ContactPoint| {
            self.contact_point(point.id).is_none() && !self.contact_points.iter().any(|own| own.kind == point.kind)
        };
        let lacks_address = |address: &&Address| {
            self.address(address.id).is_none() && !self.addresses.iter().any(|own| own.kind == address.kind)
        };
        let room = |max: usize, taken: usize| max.saturating_sub(taken);
        let mut contact_points: Vec<_> = loser.contact_points.iter().filter(lacks_point).cloned().collect();
        contact_points.sort_by_key(|point| !point.primary);
        contact_points.truncate(room(CONTACT_POINTS_MAX, self.contact_points.len()));
        contact_points.iter_mut().for_each(|point| point.unique = false);
        contact::settle(&mut contact_points);
        let addresses = loser.addresses.iter().filter(lacks_address);
        Filled {
            contact_points,
            addresses: addresses.take(room(ADDRESSES_MAX, self.addresses.len())).cloned().collect(),
            tags: loser.tags.difference(&self.tags).take(room(TAGS_MAX, self.tags.len())).cloned().collect(),
            locale: loser.locale.clone().filter(|_| self.locale.is_none()),
            timezone: loser.timezone.clone().filter(|_| self.timezone.is_none()),
            owner: loser.owner.filter(|_| self.owner.is_none()),
        }
    }

    pub(super) fn unmerge(&self, loser_id: CustomerId, context: &Context<'_>) -> Result<Decision, Rejection> {
        let loser = other(loser_id, context)?;
        let Some(alias) = self.merged.get(&loser_id) else {
            return match loser.survivor() {
                Some(survivor) => Err(Rejection::merged_into(survivor.0)),
                None => Ok(Decision::already()),
            };
        };
        let unmerged = Event::CustomerUnmerged { loser: loser_id, withdrawn: alias.withdrawn.clone() };
        let restored = Event::CustomerRestored { survivor: CustomerId(context.stream.id) };
        Ok(self.and_settled(unmerged, context).and(loser_id.stream(), restored))
    }

    pub(super) fn erase(&self, context: &Context<'_>) -> Result<Decision, Rejection> {
        let own = CustomerId(context.stream.id);
        let mut everybody = vec![(own, self)];
        for alias in self.aliases() {
            let customer = context.loaded.get::<Customer>(alias.stream());
            let missing = || Rejection::new(Code::Unavailable, format!("{} was not loaded", alias.stream()));
            everybody.push((alias, customer.ok_or_else(missing)?));
        }
        if !everybody.iter().any(|(_, customer)| customer.erasure_requested) {
            return Err(Rejection::invalid_transition(self.lifecycle.name(), "erase", &["request_erasure"]));
        }
        let mut decision = Decision::default();
        for (id, customer) in everybody {
            let identified = identified_claim(id);
            let holdings = context.loaded.claims.get(&identified).into_iter().flatten();
            let inquiries: BTreeSet<InquiryId> = holdings.map(|holding| InquiryId(holding.holder.id)).collect();
            let given_back = inquiries.iter().map(|inquiry| inquiry.stream());
            decision.claims.extend(customer.given_back(id.stream()));
            decision.claims.extend(given_back.map(|holder| ClaimChange::Release { key: identified.clone(), holder }));
            decision.erased_subjects.push(id.0);
            decision.erased_subjects.extend(inquiries.iter().map(|inquiry| own_subject(*inquiry)));
            let inquiries = inquiries.into_iter().collect();
            decision = decision.and(id.stream(), Event::CustomerErased { inquiries });
        }
        Ok(decision)
    }

    fn given_back(&self, holder: StreamId) -> impl Iterator<Item = ClaimChange> {
        let contacts = self.contact_points.iter().filter_map(contact::own_claim);
        let references = self.external_refs.iter().map(reference::key);
        contacts.chain(references).map(move |key| ClaimChange::Release { key, holder })
    }
}
