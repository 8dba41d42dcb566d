//! Customers and each other: organizations, merging, erasing.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::contact::settle;
use super::{Altered, Case, Contact, Customer, Judgement, Standing};

/// How deep links may lead before the system may refuse to follow them.
const DEPTH_SURE: usize = 6;

/// What a survivor took over from a loser, and still has.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Taken {
    pub(crate) contacts: BTreeSet<Uuid>,
    pub(crate) addresses: BTreeSet<Uuid>,
    pub(crate) tags: BTreeSet<String>,
    pub(crate) locale: bool,
    pub(crate) timezone: bool,
    pub(crate) owner: bool,
}

impl Case<'_> {
    /// Everybody to whom a customer leads: its organizations and, once merged, its survivor; and over how many steps.
    fn leads_to(&self, from: Uuid) -> (BTreeSet<Uuid>, usize) {
        let (mut reached, mut edge, mut steps) = (BTreeSet::from([from]), vec![from], 0);
        while !edge.is_empty() {
            let mut further = Vec::new();
            for customer in edge.iter().filter_map(|id| self.world.customers.get(id)) {
                further.extend(customer.organizations.keys().copied());
                if let Standing::Merged(survivor) = customer.standing {
                    further.push(survivor);
                }
            }
            further.retain(|id| reached.insert(*id));
            edge = further;
            steps += 1;
        }
        (reached, steps)
    }

    /// Everybody who was merged into a customer, or into one of those.
    fn behind(&self, id: Uuid) -> Vec<Uuid> {
        let all = self.world.customers.keys().copied();
        all.filter(|other| self.survivors(*other).contains(&id)).collect()
    }
}

pub(super) fn link(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let ask = case.ask;
    let organization = ask.id_in("organization");
    let active = ask.data.get("active").and_then(serde_json::Value::as_bool).unwrap_or(true);
    let place = (ask.name_of("role"), active);
    judged.already(customer.organizations.get(&organization) == Some(&place));
    let (reached, steps) = case.leads_to(organization);
    judged.rule(reached.contains(&ask.id) && !case.world.is(Altered::CirclesAllowed), "organization_cycle");
    judged.deep(steps > DEPTH_SURE);
    case.living(organization, judged);
    let person = case.world.customers.get(&organization).is_some_and(|other| !other.organization);
    judged.rule(person, "validation");
    judged.rule(
        customer.organizations.len() >= 20 && !customer.organizations.contains_key(&organization),
        "limit_exceeded",
    );
    judged.on_customer(ask.id, "CustomerOrganizationLinked", move |customer| {
        customer.organizations.insert(organization, place);
    });
}

pub(super) fn merge(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let (own, id) = (case.ask.id, case.ask.id_in("loser"));
    judged.rule(own == id, "self_merge");
    let Some(loser) = case.world.customers.get(&id) else { return judged.rule(true, "reference_missing") };
    judged.rule(loser.standing == Standing::Erased, "subject_erased");
    judged.rule(matches!(loser.standing, Standing::Merged(_)), "already_merged");
    let (reached, steps) = case.leads_to(own);
    let circle = own != id && reached.contains(&id);
    judged.rule(circle && !case.world.is(Altered::CirclesAllowed), "organization_cycle");
    judged.deep(steps > DEPTH_SURE);
    let behind = case.behind(id);
    // Five at most are merged one into the other; the loser and its new survivor are two of them.
    let longest = behind.iter().map(|alias| case.survivors(*alias).len()).max().unwrap_or(0);
    judged.rule(case.behind(own).len() + behind.len() + 1 > 60 || longest + 2 > 5, "limit_exceeded");
    let filled = Filled::of(customer, loser);
    judged.on_customer(own, "CustomerMerged", move |customer| filled.into(customer, id));
    judged.on_customer(id, "CustomerMergedInto", move |loser| loser.standing = Standing::Merged(own));
}

/// What a survivor takes over: of each kind of which it has none, and each tag that it lacks, as far as there is room.
struct Filled {
    contacts: Vec<Contact>,
    addresses: Vec<super::Address>,
    tags: BTreeSet<String>,
    locale: Option<String>,
    timezone: Option<String>,
    owner: Option<Uuid>,
}

impl Filled {
    fn of(own: &Customer, loser: &Customer) -> Self {
        let lacks =
            |contact: &&Contact| own.contacts.iter().all(|other| other.kind != contact.kind && other.id != contact.id);
        let (mut contacts, second): (Vec<Contact>, Vec<Contact>) =
            loser.contacts.iter().filter(lacks).cloned().partition(|contact| contact.primary);
        contacts.extend(second);
        contacts.truncate(20_usize.saturating_sub(own.contacts.len()));
        contacts.iter_mut().for_each(|contact| contact.unique = false);
        settle(&mut contacts);
        let lacks = |address: &&super::Address| {
            own.addresses.iter().all(|other| other.kind != address.kind && other.id != address.id)
        };
        let addresses = loser.addresses.iter().filter(lacks).cloned();
        let addresses = addresses.take(20_usize.saturating_sub(own.addresses.len())).collect();
        let room = 50_usize.saturating_sub(own.tags.len());
        Self {
            contacts,
            addresses,
            tags: loser.tags.difference(&own.tags).take(room).cloned().collect(),
            locale: loser.locale.clone().filter(|_| own.locale.is_none()),
            timezone: loser.timezone.clone().filter(|_| own.timezone.is_none()),
            owner: loser.owner.filter(|_| own.owner.is_none()),
        }
    }

    fn into(self, customer: &mut Customer, loser: Uuid) {
        let taken = Taken {
            contacts: self.contacts.iter().map(|contact| contact.id).collect(),
            addresses: self.addresses.iter().map(|address| address.id).collect(),
            tags: self.tags.clone(),
            locale: self.locale.is_some(),
            timezone: self.timezone.is_some(),
            owner: self.owner.is_some(),
        };
        customer.contacts.extend(self.contacts);
        customer.addresses.extend(self.addresses);
        customer.tags.extend(self.tags);
        customer.locale = customer.locale.take().or(self.locale);
        customer.timezone = customer.timezone.take().or(self.timezone);
        customer.owner = customer.owner.or(self.owner);
        customer.merged.insert(loser, taken);
    }
}

pub(super) fn unmerge(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let (own, id) = (case.ask.id, case.ask.id_in("loser"));
    let Some(loser) = case.world.customers.get(&id) else { return judged.rule(true, "reference_missing") };
    judged.rule(loser.standing == Standing::Erased, "subject_erased");
    let elsewhere = matches!(loser.standing, Standing::Merged(survivor) if survivor != own);
    judged.rule(elsewhere, "merged_into");
    judged.already(loser.standing == Standing::Live);
    let Some(taken) = customer.merged.get(&id).cloned() else { return };
    let mut left = customer.contacts.clone();
    left.retain(|contact| !taken.contacts.contains(&contact.id));
    let kept = case.world.is(Altered::FilledKept);
    judged.on_customer(own, "CustomerUnmerged", move |customer| {
        customer.merged.remove(&id);
        if kept {
            return;
        }
        customer.contacts.retain(|contact| !taken.contacts.contains(&contact.id));
        customer.addresses.retain(|address| !taken.addresses.contains(&address.id));
        customer.tags.retain(|tag| !taken.tags.contains(tag));
        customer.locale = customer.locale.take().filter(|_| !taken.locale);
        customer.timezone = customer.timezone.take().filter(|_| !taken.timezone);
        customer.owner = customer.owner.filter(|_| !taken.owner);
    });
    for point in settle(&mut left) {
        judged.on_customer(own, "CustomerPrimaryContactPointSet", move |customer| {
            let kind = customer.contacts.iter().find(|contact| contact.id == point).map(|contact| contact.kind.clone());
            let of_kind = customer.contacts.iter_mut().filter(|contact| Some(&contact.kind) == kind.as_ref());
            of_kind.for_each(|contact| contact.primary = contact.id == point);
        });
    }
    judged.on_customer(id, "CustomerRestored", |loser| loser.standing = Standing::Live);
}

pub(super) fn erase(case: &Case<'_>, customer: &Customer, judged: &mut Judgement) {
    let own = case.ask.id;
    let everybody: Vec<Uuid> = std::iter::once(own).chain(case.behind(own)).collect();
    let requested = |id: &Uuid| case.world.customers.get(id).is_some_and(|other| other.erasure_requested);
    judged.rule(!customer.erasure_requested && !everybody.iter().any(requested), "invalid_transition");
    for id in everybody {
        judged.on_customer(id, "CustomerErased", |customer| {
            customer.standing = Standing::Erased;
            customer.contacts.clear();
            customer.addresses.clear();
        });
    }
}
