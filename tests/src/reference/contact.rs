//! Contact points and addresses.

use serde_json::Value;
use uuid::Uuid;

use super::{Altered, Ask, Case, Customer, Judgement};

/// A way to reach a customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contact {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    /// In the form in which two are compared.
    pub(crate) value: String,
    pub(crate) primary: bool,
    pub(crate) verified: bool,
    /// Whether it is this customer's alone.
    pub(crate) unique: bool,
}

/// An address; where it is does not matter to any rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Address {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
}

/// E.164 for phones, lower case with IDN for emails; `None` where it is neither. Knows what the generator writes.
pub(crate) fn normal(kind: &str, value: &str) -> Option<String> {
    let value = super::name(value);
    match kind {
        "email" => {
            let (local, domain) = value.rsplit_once('@')?;
            let domain = domain.to_lowercase().replace("bücher.example", "xn--bcher-kva.example");
            let odd = local.is_empty() || local.contains([' ', '@']) || !domain.contains('.') || domain.contains("..");
            (!odd).then(|| format!("{}@{domain}", local.to_lowercase()))
        }
        "phone" => {
            let digits: String = value.chars().filter(|letter| !matches!(letter, ' ' | '-' | '(' | ')')).collect();
            let number = digits.strip_prefix('+').filter(|number| number.bytes().all(|digit| digit.is_ascii_digit()));
            number.filter(|number| number.len() >= 10).map(|number| format!("+{number}"))
        }
        "wechat" => Some(value.to_lowercase()),
        _ => Some(value),
    }
}

fn is_claimed(kind: &str) -> bool {
    matches!(kind, "email" | "phone")
}

/// The id that a part was given, or that follows from its place in the command.
fn id_of(part: &Value, ask: &Ask, pointer: &str) -> Uuid {
    let given = part.get("id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    given.unwrap_or_else(|| Uuid::new_v5(&ask.command_id, pointer.as_bytes()))
}

fn text(part: &Value, field: &str) -> String {
    part.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Reads a contact point; without a value where that is not valid.
pub(super) fn contact(part: &Value, ask: &Ask, pointer: &str) -> Contact {
    let kind = text(part, "kind");
    let value = normal(&kind, &text(part, "value")).unwrap_or_default();
    let primary = part.get("primary").and_then(Value::as_bool).unwrap_or(false);
    let unique = is_claimed(&kind) && !ask.flag("allow_duplicate");
    Contact { id: id_of(part, ask, pointer), kind, value, primary, verified: false, unique }
}

pub(super) fn address(part: &Value, ask: &Ask, pointer: &str) -> Address {
    Address { id: id_of(part, ask, pointer), kind: text(part, "kind") }
}

/// Makes the first of a kind primary where none is; tells which became so.
pub(super) fn settle(contacts: &mut [Contact]) -> Vec<Uuid> {
    let mut settled = Vec::new();
    for kind in ["phone", "email", "wechat", "other"] {
        let mut of_kind: Vec<&mut Contact> = contacts.iter_mut().filter(|contact| contact.kind == kind).collect();
        if of_kind.iter().any(|contact| contact.primary) {
            continue;
        }
        if let Some(first) = of_kind.first_mut() {
            first.primary = true;
            settled.push(first.id);
        }
    }
    settled
}

fn make_primary(customer: &mut Customer, id: Uuid) {
    let kind = customer.contacts.iter().find(|contact| contact.id == id).map(|contact| contact.kind.clone());
    for contact in customer.contacts.iter_mut().filter(|contact| Some(&contact.kind) == kind.as_ref()) {
        contact.primary = contact.id == id;
    }
}

impl Case<'_> {
    /// Whether somebody has the contact point for its own alone. Merged customers do, so that they can be set free.
    pub(super) fn is_taken(&self, contact: &Contact) -> bool {
        if !contact.unique || self.world.is(Altered::ContactShared) {
            return false;
        }
        let mut all = self.world.customers.values().flat_map(|customer| &customer.contacts);
        all.any(|other| other.unique && other.kind == contact.kind && other.value == contact.value)
    }
}

/// Takes the contact points and addresses of a registration.
pub(super) fn register(case: &Case<'_>, judged: &mut Judgement) -> (Vec<Contact>, Vec<Address>) {
    let ask = case.ask;
    let (points, places) = (ask.many("contact_points"), ask.many("addresses"));
    judged.rule(points.len() > 20, "limit_exceeded");
    judged.rule(places.len() > 20, "limit_exceeded");
    let mut contacts: Vec<Contact> = Vec::new();
    for (index, part) in points.iter().enumerate() {
        let new = contact(part, ask, &format!("/data/contact_points/{index}"));
        judged.rule(new.value.is_empty(), "validation");
        judged.rule(!new.value.is_empty() && case.is_taken(&new), "contact_point_taken");
        judged.rule(contacts.iter().any(|other| other.id == new.id), "validation");
        let same_kind = |other: &&Contact| other.kind == new.kind;
        judged.rule(new.primary && contacts.iter().filter(same_kind).any(|other| other.primary), "validation");
        judged.rule(contacts.iter().filter(same_kind).any(|other| other.value == new.value), "validation");
        contacts.push(new);
    }
    let mut addresses: Vec<Address> = Vec::new();
    for (index, part) in places.iter().enumerate() {
        let new = address(part, ask, &format!("/data/addresses/{index}"));
        judged.rule(addresses.iter().any(|other| other.id == new.id), "validation");
        addresses.push(new);
    }
    settle(&mut contacts);
    (contacts, addresses)
}

pub(super) fn add(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let part = ask.data.get("contact_point").cloned().unwrap_or_default();
    let mut new = contact(&part, ask, "/data/contact_point");
    judged.already(customer.contacts.iter().any(|other| other.id == new.id));
    judged.rule(customer.contacts.len() >= 20, "limit_exceeded");
    judged.rule(new.value.is_empty(), "validation");
    judged.rule(!new.value.is_empty() && case.is_taken(&new), "contact_point_taken");
    new.primary |= !customer.contacts.iter().any(|other| other.kind == new.kind);
    judged.on_customer(ask.id, "CustomerContactPointAdded", move |customer| {
        let (id, primary) = (new.id, new.primary);
        customer.contacts.push(new);
        if primary {
            make_primary(customer, id);
        }
    });
}

pub(super) fn remove(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let (ask, gone) = (case.ask, case.ask.id_in("contact_point_id"));
    judged.already(!customer.contacts.iter().any(|contact| contact.id == gone));
    let mut left: Vec<Contact> = customer.contacts.iter().filter(|contact| contact.id != gone).cloned().collect();
    judged.on_customer(ask.id, "CustomerContactPointRemoved", move |customer| {
        customer.contacts.retain(|contact| contact.id != gone);
        customer.merged.values_mut().for_each(|taken| {
            taken.contacts.remove(&gone);
        });
    });
    if case.world.is(Altered::PrimaryForgotten) {
        return;
    }
    for id in settle(&mut left) {
        judged.on_customer(ask.id, "CustomerPrimaryContactPointSet", move |customer| make_primary(customer, id));
    }
}

/// Verifies a contact point or makes it primary.
pub(super) fn mark(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let (ask, id) = (case.ask, case.ask.id_in("contact_point_id"));
    let known = customer.contacts.iter().find(|contact| contact.id == id);
    judged.rule(known.is_none(), "reference_missing");
    if ask.name == "verify_contact_point" {
        judged.already(known.is_some_and(|contact| contact.verified));
        judged.on_customer(ask.id, "CustomerContactPointVerified", move |customer| {
            customer.contacts.iter_mut().filter(|contact| contact.id == id).for_each(|contact| contact.verified = true);
        });
    } else {
        judged.already(known.is_some_and(|contact| contact.primary));
        judged.on_customer(ask.id, "CustomerPrimaryContactPointSet", move |customer| make_primary(customer, id));
    }
}

pub(super) fn add_address(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let part = ask.data.get("address").cloned().unwrap_or_default();
    let new = address(&part, ask, "/data/address");
    judged.already(customer.addresses.iter().any(|other| other.id == new.id));
    judged.rule(customer.addresses.len() >= 20, "limit_exceeded");
    judged.on_customer(ask.id, "CustomerAddressAdded", move |customer| customer.addresses.push(new));
}

pub(super) fn change_address(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let (ask, id) = (case.ask, case.ask.id_in("address_id"));
    let known = customer.addresses.iter().any(|address| address.id == id);
    if ask.name == "correct_address" {
        judged.rule(!known, "reference_missing");
        judged.on_customer(ask.id, "CustomerAddressCorrected", |_| {});
    } else {
        judged.already(!known);
        judged.on_customer(ask.id, "CustomerAddressRemoved", move |customer| {
            customer.addresses.retain(|address| address.id != id);
            customer.merged.values_mut().for_each(|taken| {
                taken.addresses.remove(&id);
            });
        });
    }
}
