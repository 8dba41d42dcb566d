//! Commands for customers.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Generator, Object};
use crate::reference::{Standing, World};

const LIFECYCLES: [&str; 4] = ["prospect", "active", "dormant", "churned"];
const CHANNELS: [&str; 3] = ["email", "sms", "any"];

impl Generator {
    pub(super) fn customer(&mut self, world: &World, name: &str) -> (Uuid, Value) {
        let id = self.any_customer();
        let known = world.customers.get(&id).cloned().unwrap_or_default();
        let data = match name {
            "register" => self.registration(),
            "rename" => json!({"display_name": self.word(&["Anna", "王小明"])}),
            "add_contact_point" => {
                let duplicate = self.chance(0.2);
                let object = Object::default().with("contact_point", self.contact());
                object.maybe(duplicate, "allow_duplicate", true).value()
            }
            "remove_contact_point" | "verify_contact_point" | "set_primary_contact_point" => {
                let other = self.part();
                json!({"contact_point_id": self.rather(known.contacts.iter().map(|it| &it.id), other)})
            }
            "add_address" => json!({"address": self.address()}),
            "correct_address" | "remove_address" => {
                let other = self.part();
                let address = self.rather(known.addresses.iter().map(|it| &it.id), other);
                let corrects = name == "correct_address";
                Object::default().with("address_id", address.to_string()).maybe(corrects, "place", self.place()).value()
            }
            "tag" | "untag" => json!({"tags": self.tags()}),
            "assign_owner" => json!({"owner": self.agent()}),
            "change_lifecycle" => json!({"lifecycle": self.word(&LIFECYCLES)}),
            "grant_consent" => {
                let has_basis = self.chance(0.3);
                self.consent().maybe(has_basis, "basis", "contract").value()
            }
            "withdraw_consent" => self.consent().value(),
            "block" => json!({"reason": "rude on the phone"}),
            "link_external_ref" | "unlink_external_ref" => self.reference(),
            "link_organization" | "unlink_organization" => {
                let other = self.any_customer();
                let organization = match name {
                    "unlink_organization" => self.rather(known.organizations.keys(), other),
                    _ => other,
                };
                let links = name == "link_organization";
                let (has_role, has_active) = (links && self.chance(0.4), links && self.chance(0.3));
                let (role, active) = (self.word(&["buyer", "owner"]), self.chance(0.5));
                let object = Object::default().with("organization", organization.to_string());
                object.maybe(has_role, "role", role).maybe(has_active, "active", active).value()
            }
            "merge" => {
                let (other, back) = (self.any_customer(), self.chance(0.4));
                let survivor = match known.standing {
                    Standing::Merged(survivor) if back => Some(survivor),
                    Standing::Merged(_) | Standing::Live | Standing::Erased => None,
                };
                json!({"loser": survivor.unwrap_or(other)})
            }
            "unmerge" => {
                let other = self.any_customer();
                json!({"loser": self.rather(known.merged.keys(), other)})
            }
            _ => json!({}),
        };
        (id, data)
    }

    fn consent(&mut self) -> Object {
        let (purpose, channel) = (self.word(&["newsletter", "survey"]), self.word(&CHANNELS));
        let purpose = if self.chance(0.03) { format!("purpose {}", self.below(200)) } else { purpose.to_owned() };
        let source = self.word(&["web form", "phone"]);
        Object::default().with("purpose", purpose).with("channel", channel).with("source", source)
    }

    fn reference(&mut self) -> Value {
        let n = self.below(4);
        let id = format!("{}-{n}", self.cast.mark);
        json!({"system": self.word(&["crm", " crm", "erp"]), "id": id})
    }

    /// Emails and phones in several spellings of a few that are hot, some of them not valid.
    fn contact(&mut self) -> Value {
        let (mark, n) = (self.cast.mark, self.below(4));
        let (kind, value) = match self.below(16) {
            0..4 => ("email", format!("a{n}.{mark}@example.com")),
            4 => ("email", format!("A{n}.{mark}@Example.COM")),
            5 => ("email", format!("b.{mark}@b\u{fc}cher.example")),
            6 => ("email", format!("b.{mark}@xn--bcher-kva.example")),
            7 => ("email", self.word(&["nobody", "a b@example.com", "a@nowhere", "@example.com"]).to_owned()),
            8..11 => ("phone", format!("+86138{:08}", u64::from(mark % 10_000_000) * 4 + n as u64)),
            11 => {
                let digits = format!("{:08}", u64::from(mark % 10_000_000) * 4 + n as u64);
                ("phone", format!("+86 138 {} {}", &digits[..4], &digits[4..]))
            }
            12 => ("phone", self.word(&["12345", "+123", "no number"]).to_owned()),
            13 => ("wechat", format!("Wx{n}")),
            _ => ("other", format!("fax {n}")),
        };
        let (has_id, primary, has_label) = (self.chance(0.8), self.chance(0.2), self.chance(0.2));
        let id = self.part().to_string();
        let object = Object::default().with("kind", kind).with("value", value);
        object.maybe(has_id, "id", id).maybe(primary, "primary", true).maybe(has_label, "label", "home").value()
    }

    fn place(&mut self) -> Value {
        let (country, has_city) = (self.word(&["CN", "DE", "US"]), self.chance(0.5));
        Object::default()
            .with("country", country)
            .maybe(has_city, "city", "上海")
            .with("lines", json!(["1 Road"]))
            .value()
    }

    fn address(&mut self) -> Value {
        let (kind, has_id) = (self.word(&["billing", "shipping", "service"]), self.chance(0.8));
        let id = self.part().to_string();
        Object::default().with("kind", kind).with("place", self.place()).maybe(has_id, "id", id).value()
    }

    fn registration(&mut self) -> Value {
        let contacts = match self.below(40) {
            0 => (0..21).map(|n| json!({"kind": "other", "value": format!("fax {n}")})).collect(),
            1 => (0..19).map(|n| json!({"kind": "other", "value": format!("fax {n}")})).collect(),
            n => (0..n % 4).map(|_| self.contact()).collect::<Vec<_>>(),
        };
        let addresses = match self.below(60) {
            0 => (0..21).map(|_| json!({"kind": "service", "place": {"country": "CN"}})).collect(),
            1 => (0..20).map(|_| json!({"kind": "service", "place": {"country": "CN"}})).collect(),
            n => (0..n % 3).map(|_| self.address()).collect::<Vec<_>>(),
        };
        let references = match self.below(60) {
            0 => (0..51).map(|n| json!({"system": "old", "id": format!("{n}")})).collect(),
            n => (0..n % 3).map(|_| self.reference()).collect::<Vec<_>>(),
        };
        let (kind, lifecycle) = (self.word(&["person", "organization"]), self.word(&LIFECYCLES));
        let (has_kind, has_lifecycle, duplicate) = (self.chance(0.7), self.chance(0.4), self.chance(0.15));
        let (has_locale, has_zone, has_tags) = (self.chance(0.4), self.chance(0.4), self.chance(0.5));
        let zone = self.word(&["Asia/Shanghai", "Europe/Berlin", "Asia/Shanghai", "Mars/Atlantis"]);
        let locale = self.word(&["zh-CN", "en", "de-DE"]);
        let tags = self.tags();
        Object::default()
            .with("display_name", "王小明")
            .maybe(has_kind, "kind", kind)
            .maybe(!contacts.is_empty(), "contact_points", contacts)
            .maybe(!addresses.is_empty(), "addresses", addresses)
            .maybe(!references.is_empty(), "external_refs", references)
            .maybe(has_tags, "tags", tags)
            .maybe(has_locale, "locale", locale)
            .maybe(has_zone, "timezone", zone)
            .maybe(has_lifecycle, "lifecycle", lifecycle)
            .maybe(duplicate, "allow_duplicate", true)
            .value()
    }
}
