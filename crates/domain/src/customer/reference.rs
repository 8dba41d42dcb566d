//! Ids of a customer in other systems: each belongs to one customer only, always.

use super::event::Event;
use super::fields::ExternalRef;
use super::state::Customer;
use super::survivor;
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, Context, Decision};
use crate::ids::CustomerId;
use crate::rejection::Rejection;
use crate::text::Name;

/// The most ids of a customer in other systems.
pub const EXTERNAL_REFS_MAX: usize = 50;

/// The claim of an id in another system. Names hold no control characters, so the NUL keeps the two parts apart.
pub(super) fn key(reference: &ExternalRef) -> ClaimKey {
    ClaimKey::new("customer.external_ref", format!("{}\0{}", reference.system, reference.id))
}

pub(super) fn check(reference: &ExternalRef, context: &Context<'_>) -> Result<(), Rejection> {
    match context.loaded.others(&key(reference), context.stream).next() {
        Some(holding) => {
            let holder = survivor(context.loaded, CustomerId(holding.holder.id));
            Err(Rejection::already_exists(holder.stream()))
        }
        None => Ok(()),
    }
}

impl Customer {
    pub(super) fn link_reference(
        &self,
        system: &Name<64>,
        id: &Name<128>,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        let reference = ExternalRef { system: system.clone(), id: id.clone() };
        if self.external_refs.contains(&reference) {
            return Ok(Decision::already());
        }
        check(&reference, context)?;
        if self.external_refs.len() >= EXTERNAL_REFS_MAX {
            return Err(Rejection::limit_exceeded("external references of a customer", EXTERNAL_REFS_MAX as u64));
        }
        let claim = key(&reference);
        let ExternalRef { system, id } = reference;
        let decision = Decision::event(context.stream, Event::CustomerExternalRefLinked { system, id });
        Ok(decision.claim(ClaimChange::Take { key: claim, holder: context.stream, kind: ClaimKind::Unique }))
    }

    pub(super) fn unlink_reference(&self, system: &Name<64>, id: &Name<128>, context: &Context<'_>) -> Decision {
        let reference = ExternalRef { system: system.clone(), id: id.clone() };
        if !self.external_refs.contains(&reference) {
            return Decision::already();
        }
        let claim = key(&reference);
        let ExternalRef { system, id } = reference;
        Decision::event(context.stream, Event::CustomerExternalRefUnlinked { system, id })
            .claim(ClaimChange::Release { key: claim, holder: context.stream })
    }
}
