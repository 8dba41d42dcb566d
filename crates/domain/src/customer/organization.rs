//! Links from customers to organizations, which never close a circle.
//!
//! A customer leads on to its organizations and, once merged, to its survivor. A merged customer's own links rest
//! but are followed all the same, so that no circle appears when it is set free.

use std::collections::{BTreeSet, VecDeque};

use super::event::Event;
use super::fields::{Kind, OrganizationLink};
use super::state::Customer;
use super::{chain, live_customer};
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{CustomerId, StreamId};
use crate::rejection::{Code, Rejection};
use crate::text::Name;

/// The most organizations of a customer.
pub const ORGANIZATIONS_MAX: usize = 20;
/// How many customers are looked at to rule a circle out.
const WALK_MAX: usize = 40;

/// Everything that `from` leads to, as far as it was loaded.
struct Walk {
    reached: BTreeSet<CustomerId>,
    unknown: bool,
    complete: bool,
}

fn walk(loaded: &Loaded, from: CustomerId) -> Walk {
    let mut walk = Walk { reached: BTreeSet::from([from]), unknown: false, complete: true };
    let mut next = VecDeque::from([from]);
    while let Some(id) = next.pop_front() {
        if !loaded.streams.contains_key(&id.stream()) {
            walk.unknown = true;
            continue;
        }
        let Some(customer) = loaded.get::<Customer>(id.stream()) else { continue };
        for further in customer.organizations.keys().copied().chain(customer.survivor()) {
            if walk.reached.len() >= WALK_MAX {
                walk.complete = false;
                return walk;
            }
            if walk.reached.insert(further) {
                next.push_back(further);
            }
        }
    }
    walk
}

/// What [`rule_out_circle`] reads: everybody on the way, also those already loaded, so that none of them can change unseen.
pub(super) fn walk_reads(loaded: &Loaded, from: CustomerId) -> Vec<StreamId> {
    walk(loaded, from).reached.into_iter().map(CustomerId::stream).collect()
}

/// Refuses a step from `to` to `from`, if `from` leads to `to` already.
pub(super) fn rule_out_circle(loaded: &Loaded, from: CustomerId, to: CustomerId) -> Result<(), Rejection> {
    let walk = walk(loaded, from);
    if walk.reached.contains(&to) {
        Err(Rejection::new(Code::OrganizationCycle, format!("{from} belongs to {to} already")))
    } else if !walk.complete || walk.unknown {
        Err(Rejection::limit_exceeded("organizations above one another", WALK_MAX as u64))
    } else {
        Ok(())
    }
}

pub(super) fn reads(loaded: &Loaded, organization: CustomerId) -> Vec<StreamId> {
    chain(loaded, organization).into_iter().chain(walk_reads(loaded, organization)).collect()
}

impl Customer {
    pub(super) fn link(
        &self,
        organization: CustomerId,
        role: Option<&Name<64>>,
        active: bool,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        const POINTER: &str = "/data/organization";
        let link = OrganizationLink { organization, role: role.cloned(), active };
        let before = self.organizations.get(&organization);
        if before == Some(&link) {
            return Ok(Decision::already());
        }
        rule_out_circle(context.loaded, organization, CustomerId(context.stream.id))?;
        if live_customer(context.loaded, POINTER, organization)?.kind != Kind::Organization {
            return Err(Rejection::validation(POINTER, "this customer is not an organization"));
        }
        if before.is_none() && self.organizations.len() >= ORGANIZATIONS_MAX {
            return Err(Rejection::limit_exceeded("organizations of a customer", ORGANIZATIONS_MAX as u64));
        }
        let OrganizationLink { organization, role, active } = link;
        Ok(Decision::event(context.stream, Event::CustomerOrganizationLinked { organization, role, active }))
    }

    pub(super) fn unlink(&self, organization: CustomerId, context: &Context<'_>) -> Decision {
        if self.organizations.contains_key(&organization) {
            Decision::event(context.stream, Event::CustomerOrganizationUnlinked { organization })
        } else {
            Decision::already()
        }
    }
}
