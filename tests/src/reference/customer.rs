//! Customers, one at a time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::{Address, Altered, Case, Contact, Judgement, Taken, contact, customer_merge, name};

/// Whether a customer stands for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    #[default]
    Live,
    Merged(Uuid),
    Erased,
}

/// A customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Customer {
    pub(crate) version: u64,
    pub(crate) standing: Standing,
    pub(crate) organization: bool,
    pub(crate) lifecycle: String,
    pub(crate) blocked: bool,
    pub(crate) erasure_requested: bool,
    pub(crate) contacts: Vec<Contact>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) refs: BTreeSet<(String, String)>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) locale: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) owner: Option<Uuid>,
    /// By purpose and channel: the basis if it was granted, and where.
    pub(crate) consents: BTreeMap<(String, String), (Option<String>, String)>,
    /// By organization: the role there, and whether it lasts.
    pub(crate) organizations: BTreeMap<Uuid, (Option<String>, bool)>,
    /// Who was merged into this customer itself, and what came from it and is still there.
    pub(crate) merged: BTreeMap<Uuid, Taken>,
}

impl Case<'_> {
    /// Refuses a customer to whom nothing can be done.
    pub(super) fn living(&self, id: Uuid, judged: &mut Judgement) {
        let standing = self.world.customers.get(&id).map(|customer| customer.standing);
        judged.rule(standing.is_none(), "reference_missing");
        judged.rule(matches!(standing, Some(Standing::Merged(_))), "merged_into");
        judged.rule(standing == Some(Standing::Erased), "subject_erased");
    }

    /// The customers into whom this one was merged, one after the other.
    pub(super) fn survivors(&self, id: Uuid) -> Vec<Uuid> {
        let next = |id: &Uuid| match self.world.customers.get(id)?.standing {
            Standing::Merged(survivor) => Some(survivor),
            Standing::Live | Standing::Erased => None,
        };
        std::iter::successors(next(&id), next).collect()
    }

    /// Who the customer is today.
    pub(super) fn today(&self, id: Uuid) -> Uuid {
        self.survivors(id).last().copied().unwrap_or(id)
    }

    fn is_reference_taken(&self, reference: &(String, String)) -> bool {
        let mut others = self.world.customers.iter().filter(|(id, _)| **id != self.ask.id);
        let held =
            others.any(|(_, customer)| customer.standing != Standing::Erased && customer.refs.contains(reference));
        held && !self.world.is(Altered::ReferenceShared)
    }
}

/// A reason against every change: erased, or merged into another (save that consents can be withdrawn).
fn gone(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    judged.gate(customer.standing == Standing::Erased, "subject_erased");
    if !matches!(customer.standing, Standing::Merged(_)) || ask.name == "withdraw_consent" {
        return;
    }
    if ask.name == "merge" && case.survivors(ask.id).contains(&ask.id_in("loser")) {
        judged.gate(true, "merge_cycle");
    } else {
        judged.gate(!case.world.is(Altered::MergedChanged), "merged_into");
    }
}

pub(super) fn judge(case: &Case<'_>, judged: &mut Judgement) {
    let Case { world, ask, .. } = case;
    let role = match ask.name {
        "merge" | "unmerge" => 2,
        "erase" => 3,
        _ => 0,
    };
    judged.gate(role > 0 && !case.has_role(role), "forbidden");
    let found = world.customers.get(&ask.id);
    if let Some(customer) = found {
        gone(case, customer, judged);
    }
    if ask.name == "register" {
        judged.gate(found.is_some(), "already_exists");
        return register(case, judged);
    }
    let Some(customer) = found else { return judged.gate(true, "not_found") };
    match ask.name {
        // What is personal cannot be compared: a name is given again.
        "rename" => judged.on_customer(ask.id, "CustomerRenamed", |_| {}),
        "add_contact_point" => contact::add(case, customer, judged),
        "remove_contact_point" => contact::remove(case, customer, judged),
        "verify_contact_point" | "set_primary_contact_point" => contact::mark(case, customer, judged),
        "add_address" => contact::add_address(case, customer, judged),
        "correct_address" | "remove_address" => contact::change_address(case, customer, judged),
        "tag" | "untag" => tag(case, customer, judged),
        "assign_owner" => {
            let owner = ask.id_in("owner");
            judged.already(customer.owner == Some(owner));
            judged.rule(!world.agents.contains_key(&owner), "reference_missing");
            judged.on_customer(ask.id, "CustomerOwnerAssigned", move |customer| {
                customer.owner = Some(owner);
                customer.merged.values_mut().for_each(|taken| taken.owner = false);
            });
        }
        "change_lifecycle" => {
            let to = ask.text("lifecycle").unwrap_or_default().to_owned();
            let ways = [
                ("prospect", "active"),
                ("active", "dormant"),
                ("dormant", "active"),
                ("dormant", "churned"),
                ("churned", "active"),
            ];
            judged.already(customer.lifecycle == to);
            judged.rule(!ways.contains(&(customer.lifecycle.as_str(), to.as_str())), "invalid_transition");
            judged.on_customer(ask.id, "CustomerLifecycleChanged", move |customer| customer.lifecycle = to);
        }
        "grant_consent" | "withdraw_consent" => consent(case, customer, judged),
        "block" | "unblock" => {
            let blocked = ask.name == "block";
            judged.already(customer.blocked == blocked);
            let event = if blocked { "CustomerBlocked" } else { "CustomerUnblocked" };
            judged.on_customer(ask.id, event, move |customer| customer.blocked = blocked);
        }
        "link_external_ref" | "unlink_external_ref" => reference(case, customer, judged),
        "link_organization" => customer_merge::link(case, customer, judged),
        "unlink_organization" => {
            let organization = ask.id_in("organization");
            judged.already(!customer.organizations.contains_key(&organization));
            judged.on_customer(ask.id, "CustomerOrganizationUnlinked", move |customer| {
                customer.organizations.remove(&organization);
            });
        }
        "merge" => customer_merge::merge(case, customer, judged),
        "unmerge" => customer_merge::unmerge(case, customer, judged),
        "request_erasure" => {
            judged.gate(ask.actor_kind == "rule", "forbidden");
            judged.already(customer.erasure_requested);
            judged.on_customer(ask.id, "CustomerErasureRequested", |customer| customer.erasure_requested = true);
        }
        _ => customer_merge::erase(case, customer, judged),
    }
}

fn register(case: &Case<'_>, judged: &mut Judgement) {
    let ask = case.ask;
    let (contacts, addresses) = contact::register(case, judged);
    let tags = ask.names("tags");
    judged.rule(tags.len() > 50, "limit_exceeded");
    let part = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(name).unwrap_or_default();
    let given = ask.many("external_refs");
    judged.rule(given.len() > 50, "limit_exceeded");
    let refs: BTreeSet<_> = given.iter().map(|value| (part(value, "system"), part(value, "id"))).collect();
    judged.rule(refs.iter().any(|reference| case.is_reference_taken(reference)), "already_exists");
    let timezone = ask.text("timezone").map(str::to_owned);
    judged.rule(timezone.as_deref().is_some_and(|zone| zone.ends_with("/Atlantis")), "validation");
    let customer = Customer {
        organization: ask.text("kind") == Some("organization"),
        lifecycle: ask.text("lifecycle").unwrap_or("prospect").to_owned(),
        contacts,
        addresses,
        refs,
        tags,
        locale: ask.text("locale").map(str::to_owned),
        timezone,
        ..Customer::default()
    };
    judged.on_customer(ask.id, "CustomerRegistered", move |it| *it = Customer { version: it.version, ..customer });
}

fn tag(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let tags = ask.names("tags");
    if ask.name == "tag" {
        let all = customer.tags.union(&tags).count();
        judged.already(all == customer.tags.len());
        judged.rule(all > 50, "limit_exceeded");
        judged.on_customer(ask.id, "CustomerTagged", move |customer| customer.tags.extend(tags));
    } else {
        judged.already(customer.tags.is_disjoint(&tags));
        judged.on_customer(ask.id, "CustomerUntagged", move |customer| {
            customer.tags.retain(|tag| !tags.contains(tag));
            customer.merged.values_mut().for_each(|taken| taken.tags.retain(|tag| !tags.contains(tag)));
        });
    }
}

fn consent(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let key = (ask.name_of("purpose").unwrap_or_default(), ask.text("channel").unwrap_or_default().to_owned());
    let grants = ask.name == "grant_consent";
    let basis = grants.then(|| ask.text("basis").unwrap_or("consent").to_owned());
    let word = (basis, ask.name_of("source").unwrap_or_default());
    let before = customer.consents.get(&key);
    // What was taken back stays so, whoever says it again.
    judged.already(if grants { before == Some(&word) } else { before.is_some_and(|(basis, _)| basis.is_none()) });
    judged.rule(before.is_none() && customer.consents.len() >= 100, "limit_exceeded");
    let event = if grants { "CustomerConsentGranted" } else { "CustomerConsentWithdrawn" };
    judged.on_customer(ask.id, event, move |customer| {
        customer.consents.insert(key, word);
    });
}

fn reference(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let reference = (ask.name_of("system").unwrap_or_default(), ask.name_of("id").unwrap_or_default());
    let has = customer.refs.contains(&reference);
    if ask.name == "link_external_ref" {
        judged.already(has);
        judged.rule(case.is_reference_taken(&reference), "already_exists");
        judged.rule(customer.refs.len() >= 50, "limit_exceeded");
        judged.on_customer(ask.id, "CustomerExternalRefLinked", move |customer| {
            customer.refs.insert(reference);
        });
    } else {
        judged.already(!has);
        judged.on_customer(ask.id, "CustomerExternalRefUnlinked", move |customer| {
            customer.refs.remove(&reference);
        });
    }
}
