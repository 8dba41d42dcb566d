//! Registering a customer with everything that is known about it.

use std::collections::BTreeSet;

use super::command::Command;
use super::contact::{self, Checked};
use super::decide::{ADDRESSES_MAX, CONTACT_POINTS_MAX, TAGS_MAX, new_address};
use super::event::Event;
use super::fields::{Address, ContactKind, ContactPoint, ExternalRef, NewAddress, NewContactPoint, Timezone};
use super::reference::{self, EXTERNAL_REFS_MAX};
use crate::decider::{ClaimChange, ClaimKey, ClaimKind, Context, Decision};
use crate::personal::Personal;
use crate::rejection::Rejection;

/// Decides a registration; any other command is left alone.
pub(super) fn register(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Register {
        kind,
        display_name,
        contact_points,
        addresses,
        external_refs,
        tags,
        locale,
        timezone,
        lifecycle,
        allow_duplicate,
    } = command
    else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    within(contact_points.len(), CONTACT_POINTS_MAX, "contact points of a customer")?;
    within(addresses.len(), ADDRESSES_MAX, "addresses of a customer")?;
    within(external_refs.len(), EXTERNAL_REFS_MAX, "external references of a customer")?;
    within(tags.len(), TAGS_MAX, "tags of a customer")?;
    check_timezone(timezone.as_ref())?;
    let (contact_points, mut claims) = check_contact_points(contact_points, *allow_duplicate, context)?;
    let addresses = check_addresses(addresses, context)?;
    let external_refs = check_references(external_refs, context)?;
    claims.extend(external_refs.iter().map(reference::key));
    let registered = Event::CustomerRegistered {
        kind: *kind,
        display_name: Personal::new(context.stream.id, display_name.clone()),
        contact_points,
        addresses,
        external_refs,
        tags: tags.clone(),
        locale: locale.clone(),
        timezone: timezone.clone(),
        lifecycle: *lifecycle,
    };
    let take = |key| ClaimChange::Take { key, holder: context.stream, kind: ClaimKind::Unique };
    Ok(claims.into_iter().map(take).fold(Decision::event(context.stream, registered), Decision::claim))
}

fn within(count: usize, max: usize, what: &str) -> Result<(), Rejection> {
    if count <= max { Ok(()) } else { Err(Rejection::limit_exceeded(what, max as u64)) }
}

fn check_timezone(timezone: Option<&Timezone>) -> Result<(), Rejection> {
    match timezone.filter(|timezone| !timezone.exists()) {
        Some(unknown) => Err(Rejection::validation("/data/timezone", format!("there is no time zone {unknown}"))),
        None => Ok(()),
    }
}

fn check_contact_points(
    given: &[NewContactPoint],
    allow_duplicate: bool,
    context: &Context<'_>,
) -> Result<(Vec<ContactPoint>, Vec<ClaimKey>), Rejection> {
    let (mut points, mut claims) = (Vec::new(), Vec::new());
    let (mut ids, mut values, mut primaries) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::<ContactKind>::new());
    for (index, new) in given.iter().enumerate() {
        let pointer = format!("/data/contact_points/{index}");
        let refuse = |field: &str, detail: &str| Err(Rejection::validation(format!("{pointer}/{field}"), detail));
        let Checked { point, claim } = contact::check(new, &pointer, allow_duplicate, context)?;
        if !ids.insert(point.id) {
            return refuse("id", "another contact point has this id");
        }
        if point.primary && !primaries.insert(point.kind) {
            return refuse("primary", "another contact point of this kind is primary");
        }
        if !values.insert((new.kind, contact::normalize(new.kind, &new.value).unwrap_or_default())) {
            return refuse("value", "it is given twice");
        }
        points.push(point);
        claims.extend(claim);
    }
    contact::settle(&mut points);
    Ok((points, claims))
}

fn check_addresses(given: &[NewAddress], context: &Context<'_>) -> Result<Vec<Address>, Rejection> {
    let mut addresses: Vec<Address> = Vec::new();
    for (index, new) in given.iter().enumerate() {
        let pointer = format!("/data/addresses/{index}");
        let address = new_address(new, &pointer, context);
        if addresses.iter().any(|other| other.id == address.id) {
            return Err(Rejection::validation(format!("{pointer}/id"), "another address has this id"));
        }
        addresses.push(address);
    }
    Ok(addresses)
}

fn check_references(given: &[ExternalRef], context: &Context<'_>) -> Result<BTreeSet<ExternalRef>, Rejection> {
    for reference in given {
        reference::check(reference, context)?;
    }
    Ok(given.iter().cloned().collect())
}
