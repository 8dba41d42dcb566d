//! Two needs that are one become one, and two again.

use super::event::Event;
use super::state::Need;
use crate::agent::Role;
use crate::customer;
use crate::decider::{Context, Decision, Loaded};
use crate::ids::{CustomerId, NeedId, StreamId};
use crate::rejection::{Code, Rejection};

/// The most needs that are merged into one.
pub const MERGED_MAX: usize = 50;

/// What [`merge`] reads.
pub(super) fn merge_reads(loser: NeedId, loaded: &Loaded) -> Vec<StreamId> {
    let customer = loaded.get::<Need>(loser.stream()).and_then(|lost| lost.customer);
    let customers = customer.map(|customer| customer::chain(loaded, customer)).unwrap_or_default();
    std::iter::once(loser.stream()).chain(customers).collect()
}

fn existing(loaded: &Loaded, loser: NeedId) -> Result<&Need, Rejection> {
    loaded.get::<Need>(loser.stream()).ok_or_else(|| Rejection::reference_missing("/data/loser", loser.stream()))
}

pub(super) fn merge(
    need: &Need,
    customer: CustomerId,
    loser: NeedId,
    overridden: bool,
    context: &Context<'_>,
) -> Result<Decision, Rejection> {
    let survivor = NeedId(context.stream.id);
    if loser == survivor {
        return Err(Rejection::new(Code::SelfMerge, "a need is not merged into itself"));
    }
    if need.merged.contains(&loser) {
        return Ok(Decision::already());
    }
    let lost = existing(context.loaded, loser)?;
    if !lost.status.unfinished() {
        return Err(lost.refusal("merge"));
    }
    if overridden {
        context.require_role(Role::Supervisor)?;
    }
    let lost_customer = lost.customer.unwrap_or(customer);
    customer::refuse_erased(lost_customer, context.loaded)?;
    if !overridden && !customer::are_one(context.loaded, lost_customer, customer) {
        return Err(Rejection::customer_mismatch("/data/loser", loser.stream()));
    }
    if need.merged.len() >= MERGED_MAX {
        return Err(Rejection::limit_exceeded("needs merged into one", MERGED_MAX as u64));
    }
    Ok(Decision::event(context.stream, Event::NeedMerged { loser })
        .and(loser.stream(), Event::NeedMergedInto { survivor }))
}

pub(super) fn unmerge(need: &Need, loser: NeedId, context: &Context<'_>) -> Result<Decision, Rejection> {
    let lost = existing(context.loaded, loser)?;
    let (true, Some(merged)) = (need.merged.contains(&loser), lost.merged_into) else {
        return Ok(Decision::already());
    };
    let (survivor, status) = (NeedId(context.stream.id), merged.before);
    Ok(Decision::event(context.stream, Event::NeedUnmerged { loser })
        .and(loser.stream(), Event::NeedRestored { survivor, status }))
}
