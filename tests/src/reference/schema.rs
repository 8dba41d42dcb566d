//! The fields of every command: which there are, which must be there, and what fits into them.

use serde_json::Value;
use uuid::Uuid;

use super::whole;

/// What fits into a field.
pub(crate) enum Fits {
    /// 1 to so many characters, trimmed, no control characters.
    Name(usize),
    /// 1 to so many characters.
    Text(usize),
    Id,
    OneOf(&'static [&'static str]),
    Whole(i64, i64),
    /// A number of minor units, also as a text.
    Minor,
    Flag,
    Time,
    Currency,
    Country,
    Locale,
    Zone,
    /// A list of at most so many.
    Many(&'static Fits, usize),
    /// A list without a limit of its own; the command may have one.
    Any(&'static Fits),
    Object(&'static [Field]),
}

/// A field of a command or of a part of it.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) fits: Fits,
    pub(crate) needed: bool,
}

const fn must(name: &'static str, fits: Fits) -> Field {
    Field { name, fits, needed: true }
}

const fn may(name: &'static str, fits: Fits) -> Field {
    Field { name, fits, needed: false }
}

/// A command's name and fields.
pub(crate) struct Command {
    pub(crate) aggregate: &'static str,
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [Field],
}

const fn of(aggregate: &'static str, name: &'static str, fields: &'static [Field]) -> Command {
    Command { aggregate, name, fields }
}

const ROLE: Fits = Fits::OneOf(&["agent", "supervisor", "admin"]);
const ROUTING: Fits = Fits::OneOf(&["round_robin", "least_busy", "manual"]);
const CAPACITY: Fits = Fits::Whole(1, 1_000);
const LIFECYCLE: Fits = Fits::OneOf(&["prospect", "active", "dormant", "churned"]);
const CHANNEL: Fits = Fits::OneOf(&["email", "phone", "sms", "wechat", "post", "any"]);
const NAME_64: Fits = Fits::Name(64);
const REASON: Fits = Fits::Name(200);
const TYPE: Fits = Fits::OneOf(&["incident", "problem", "request", "question", "complaint"]);
const CATEGORY: Fits = Fits::Many(&NAME_64, 8);
const LEVEL: Fits = Fits::Whole(1, 5);
const PLACE: Fits = Fits::Object(&[
    must("country", Fits::Country),
    may("province", Fits::Name(100)),
    may("city", Fits::Name(100)),
    may("district", Fits::Name(100)),
    may("lines", Fits::Many(&Fits::Name(200), 5)),
    may("postcode", Fits::Name(20)),
]);
const CONTACT: Fits = Fits::Object(&[
    may("id", Fits::Id),
    must("kind", Fits::OneOf(&["phone", "email", "wechat", "other"])),
    must("value", Fits::Name(320)),
    may("label", NAME_64),
    may("primary", Fits::Flag),
]);
const ADDRESS: Fits = Fits::Object(&[
    may("id", Fits::Id),
    must("kind", Fits::OneOf(&["billing", "shipping", "service"])),
    must("place", PLACE),
]);
const REFERENCE: &[Field] = &[must("system", NAME_64), must("id", Fits::Name(128))];
const LINES: Fits = Fits::Any(&Fits::Object(&[
    must("sku", NAME_64),
    may("name", Fits::Name(200)),
    must("qty_milli", Fits::Whole(i64::MIN, i64::MAX)),
    must("unit_minor", Fits::Minor),
    may("discount_minor", Fits::Minor),
    may("tax_minor", Fits::Minor),
]));
const RESOLUTION: Fits = Fits::OneOf(&[
    "assistance",
    "configuration",
    "bug_fixed",
    "hardware_repair",
    "replacement",
    "software_update",
    "training",
    "duplicate",
    "cannot_reproduce",
    "wont_fix",
    "no_response",
    "by_design",
    "other",
]);

/// Every command.
pub(crate) const COMMANDS: &[Command] = &[
    of(
        "customer",
        "register",
        &[
            may("kind", Fits::OneOf(&["person", "organization"])),
            must("display_name", Fits::Name(200)),
            may("contact_points", Fits::Any(&CONTACT)),
            may("addresses", Fits::Any(&ADDRESS)),
            may("external_refs", Fits::Any(&Fits::Object(REFERENCE))),
            may("tags", Fits::Any(&NAME_64)),
            may("locale", Fits::Locale),
            may("timezone", Fits::Zone),
            may("lifecycle", LIFECYCLE),
            may("allow_duplicate", Fits::Flag),
        ],
    ),
    of("customer", "rename", &[must("display_name", Fits::Name(200))]),
    of("customer", "add_contact_point", &[must("contact_point", CONTACT), may("allow_duplicate", Fits::Flag)]),
    of("customer", "remove_contact_point", &[must("contact_point_id", Fits::Id)]),
    of("customer", "verify_contact_point", &[must("contact_point_id", Fits::Id)]),
    of("customer", "set_primary_contact_point", &[must("contact_point_id", Fits::Id)]),
    of("customer", "add_address", &[must("address", ADDRESS)]),
    of("customer", "correct_address", &[must("address_id", Fits::Id), must("place", PLACE)]),
    of("customer", "remove_address", &[must("address_id", Fits::Id)]),
    of("customer", "tag", &[must("tags", Fits::Any(&NAME_64))]),
    of("customer", "untag", &[must("tags", Fits::Any(&NAME_64))]),
    of("customer", "assign_owner", &[must("owner", Fits::Id)]),
    of("customer", "change_lifecycle", &[must("lifecycle", LIFECYCLE)]),
    of(
        "customer",
        "grant_consent",
        &[
            must("purpose", NAME_64),
            must("channel", CHANNEL),
            may("basis", Fits::OneOf(&["consent", "contract", "legal_obligation", "legitimate_interest"])),
            must("source", NAME_64),
        ],
    ),
    of("customer", "withdraw_consent", &[must("purpose", NAME_64), must("channel", CHANNEL), must("source", NAME_64)]),
    of("customer", "block", &[must("reason", Fits::Text(500))]),
    of("customer", "unblock", &[]),
    of("customer", "link_external_ref", REFERENCE),
    of("customer", "unlink_external_ref", REFERENCE),
    of(
        "customer",
        "link_organization",
        &[must("organization", Fits::Id), may("role", NAME_64), may("active", Fits::Flag)],
    ),
    of("customer", "unlink_organization", &[must("organization", Fits::Id)]),
    of("customer", "merge", &[must("loser", Fits::Id)]),
    of("customer", "unmerge", &[must("loser", Fits::Id)]),
    of("customer", "request_erasure", &[]),
    of("customer", "erase", &[]),
    of(
        "transaction",
        "record",
        &[
            must("customer", Fits::Id),
            must("source", Fits::Object(&[must("system", NAME_64), must("order_no", Fits::Name(128))])),
            may("type", Fits::OneOf(&["purchase", "renewal", "payment", "refund", "credit_note"])),
            must("currency", Fits::Currency),
            must("amount_minor", Fits::Minor),
            may("lines", LINES),
            may("channel", NAME_64),
            may("plan", Fits::Id),
        ],
    ),
    of(
        "transaction",
        "correct",
        &[must("currency", Fits::Currency), must("amount_minor", Fits::Minor), may("lines", LINES)],
    ),
    of(
        "transaction",
        "refund",
        &[must("refund_id", Fits::Id), must("currency", Fits::Currency), must("amount_minor", Fits::Minor)],
    ),
    of("transaction", "void", &[may("reason", Fits::Text(500))]),
    of(
        "agent",
        "register",
        &[
            must("name", Fits::Name(200)),
            may("role", ROLE),
            must("capacity", CAPACITY),
            may("skills", Fits::Any(&NAME_64)),
        ],
    ),
    of("agent", "rename", &[must("name", Fits::Name(200))]),
    of("agent", "change_role", &[must("role", ROLE)]),
    of("agent", "change_capacity", &[must("capacity", CAPACITY)]),
    of("agent", "change_skills", &[must("skills", Fits::Any(&NAME_64))]),
    of("agent", "change_availability", &[must("availability", Fits::OneOf(&["available", "away", "offline"]))]),
    of("team", "form", &[must("name", Fits::Name(200)), may("routing", ROUTING)]),
    of("team", "rename", &[must("name", Fits::Name(200))]),
    of("team", "change_routing", &[must("routing", ROUTING)]),
    of("team", "add_member", &[must("agent", Fits::Id)]),
    of("team", "remove_member", &[must("agent", Fits::Id)]),
    of(
        "ticket",
        "open",
        &[
            must("customer", Fits::Id),
            may("requester", Fits::Id),
            must("type", TYPE),
            must("subject", Fits::Text(300)),
            may("description", Fits::Text(20_000)),
            must("channel", Fits::OneOf(&["email", "phone", "chat", "web", "wechat", "api"])),
            may("category", CATEGORY),
            may("tags", Fits::Any(&NAME_64)),
            must("impact", Fits::Whole(1, 3)),
            must("urgency", Fits::Whole(1, 4)),
            may("team", Fits::Id),
        ],
    ),
    of("ticket", "classify", &[may("type", TYPE), may("category", CATEGORY)]),
    of(
        "ticket",
        "change_priority",
        &[
            may("impact", Fits::Whole(1, 3)),
            may("urgency", Fits::Whole(1, 4)),
            may("priority", Fits::OneOf(&["P1", "P2", "P3", "P4"])),
            may("reason", REASON),
        ],
    ),
    of("ticket", "route", &[must("team", Fits::Id)]),
    of("ticket", "assign", &[may("team", Fits::Id), must("agent", Fits::Id), may("override", Fits::Flag)]),
    of("ticket", "unassign", &[]),
    of("ticket", "reply", &[must("body", Fits::Text(30_000)), must("public", Fits::Flag)]),
    of("ticket", "receive_customer_reply", &[must("body", Fits::Text(30_000))]),
    of("ticket", "add_note", &[must("body", Fits::Text(30_000))]),
    of("ticket", "await_customer", &[must("reason", REASON), may("until", Fits::Time)]),
    of("ticket", "hold", &[must("reason", REASON)]),
    of("ticket", "resume", &[may("wake_up", Fits::Flag)]),
    of("ticket", "escalate", &[must("level", LEVEL), must("cause", REASON)]),
    of("ticket", "deescalate", &[may("level", LEVEL)]),
    of("ticket", "block", &[must("blocked_by", Fits::Id)]),
    of("ticket", "unblock", &[must("blocked_by", Fits::Id)]),
    of("ticket", "set_parent", &[must("parent", Fits::Id)]),
    of("ticket", "unset_parent", &[]),
    of("ticket", "relate", &[must("ticket", Fits::Id)]),
    of("ticket", "unrelate", &[must("ticket", Fits::Id)]),
    of("ticket", "mark_duplicate_of", &[must("ticket", Fits::Id)]),
    of("ticket", "unmark_duplicate_of", &[]),
    of(
        "ticket",
        "split",
        &[must("ticket", Fits::Id), must("messages", Fits::Any(&Fits::Id)), must("subject", Fits::Text(300))],
    ),
    of("ticket", "merge", &[must("loser", Fits::Id), may("override", Fits::Flag)]),
    of("ticket", "unmerge", &[must("loser", Fits::Id)]),
    of(
        "ticket",
        "resolve",
        &[
            must("code", RESOLUTION),
            may("text", Fits::Text(10_000)),
            may("root_cause", Fits::Name(500)),
            may("articles", Fits::Any(&Fits::Name(200))),
        ],
    ),
    of("ticket", "reject_resolution", &[may("reason", Fits::Text(5_000))]),
    of("ticket", "reopen", &[may("reason", REASON)]),
    of("ticket", "close", &[may("auto", Fits::Flag)]),
    of("ticket", "cancel", &[may("reason", REASON)]),
    of("ticket", "restore", &[]),
    of("ticket", "log_time", &[must("seconds", Fits::Whole(1, 3_600_000))]),
    of("ticket", "add_watcher", &[must("agent", Fits::Id)]),
    of("ticket", "remove_watcher", &[must("agent", Fits::Id)]),
    of("ticket", "tag", &[must("tag", NAME_64)]),
    of("ticket", "untag", &[must("tag", NAME_64)]),
];

/// Whether an object has all that it must have, nothing unknown, and only what fits.
pub(super) fn fits_all(fields: &[Field], value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let known = object.keys().all(|key| fields.iter().any(|field| field.name == key));
    known
        && fields.iter().all(|field| match object.get(field.name) {
            None => !field.needed,
            Some(value) => fits(&field.fits, value),
        })
}

fn fits(what: &Fits, value: &Value) -> bool {
    let text = value.as_str();
    match what {
        Fits::Name(max) => text.is_some_and(|text| {
            let name = super::name(text);
            (1..=*max).contains(&name.chars().count()) && !name.chars().any(char::is_control)
        }),
        Fits::Text(max) => text.is_some_and(|text| (1..=*max).contains(&text.chars().count())),
        Fits::Id => text.is_some_and(|text| Uuid::parse_str(text).is_ok()),
        Fits::OneOf(words) => text.is_some_and(|text| words.contains(&text)),
        Fits::Whole(min, max) => value.as_i64().is_some_and(|number| (*min..=*max).contains(&number)),
        Fits::Minor => whole(value).is_some(),
        Fits::Flag => value.is_boolean(),
        Fits::Time => text.is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        Fits::Currency => {
            text.is_some_and(|text| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
        }
        Fits::Country => text.is_some_and(|text| ["CN", "DE", "US"].contains(&text)),
        Fits::Locale => text.is_some_and(|text| ["zh-CN", "en", "de-DE"].contains(&text)),
        // A name that looks like a zone; whether there is such a zone is a rule of the command.
        Fits::Zone => text.is_some_and(|text| text.contains('/') && !text.contains(' ')),
        Fits::Many(one, max) => {
            value.as_array().is_some_and(|all| all.len() <= *max && all.iter().all(|it| fits(one, it)))
        }
        Fits::Any(one) => value.as_array().is_some_and(|all| all.iter().all(|it| fits(one, it))),
        Fits::Object(fields) => fits_all(fields, value),
    }
}
