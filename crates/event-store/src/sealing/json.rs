//! Walking a payload: personal values are sealed on the way in and opened on the way out.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use uuid::Uuid;

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";
const ERASED: &str = "$erased";

/// A personal value in clear, at its path.
pub(super) struct Clear<'a> {
    pub(super) subject: Uuid,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
}

/// A sealed value.
pub(super) struct Sealed<'a> {
    pub(super) subject: Uuid,
    pub(super) key_version: u32,
    pub(super) path: &'a str,
    pub(super) data: &'a str,
}

/// Whether a payload may hold personal values in clear: no key in an event is given by a user.
pub(super) fn has_personal(payload: &str) -> bool {
    payload.contains("\"$personal\":")
}

/// Whether a payload may hold sealed values.
pub(super) fn has_sealed(payload: &str) -> bool {
    payload.contains("\"$sealed\":")
}

/// The subjects of the personal values in clear.
pub(super) fn subjects(value: &Value, found: &mut BTreeSet<Uuid>) {
    visit(value, &mut |object| {
        if let Some(subject) = member(object, PERSONAL).or_else(|| member(object, SEALED)).and_then(subject_of) {
            found.insert(subject);
        }
    });
}

fn visit(value: &Value, see: &mut impl FnMut(&Value)) {
    see(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, see)),
        Value::Object(members) => members.values().for_each(|member| visit(member, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Replaces every personal value by `seal` of it.
pub(super) fn seal<E>(
    value: &mut Value,
    path: &str,
    seal_one: &mut impl FnMut(Clear<'_>) -> Result<(u32, String), E>,
) -> Result<(), E> {
    let clear = member(value, PERSONAL).and_then(|inner| Some((subject_of(inner)?, inner.get("value")?)));
    if let Some((subject, inner)) = clear {
        let (key, data) = seal_one(Clear { subject, path, value: inner })?;
        *value = json!({ SEALED: { "subject": subject, "key": key, "path": path, "data": data } });
        return Ok(());
    }
    match value {
        Value::Array(items) => {
            items.iter_mut().enumerate().try_for_each(|(n, item)| seal(item, &format!("{path}/{n}"), seal_one))
        }
        Value::Object(members) => {
            members.iter_mut().try_for_each(|(name, member)| seal(member, &format!("{path}/{name}"), seal_one))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// Replaces every sealed value by what `open` makes of it: the value in clear, or `None` where it was erased.
pub(super) fn unseal<E>(
    value: &mut Value,
    open_one: &mut impl FnMut(Sealed<'_>) -> Result<Option<Value>, E>,
) -> Result<(), E> {
    if let Some(sealed) = member(value, SEALED).and_then(sealed_of) {
        let subject = sealed.subject;
        *value = match open_one(sealed)? {
            Some(clear) => json!({ PERSONAL: { "subject": subject, "value": clear } }),
            None => json!({ ERASED: subject }),
        };
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| unseal(item, open_one)),
        Value::Object(members) => members.values_mut().try_for_each(|member| unseal(member, open_one)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The value of an object's only member, if it has that name.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().filter(|members| members.len() == 1).and_then(|members| members.get(name))
}

fn subject_of(value: &Value) -> Option<Uuid> {
    value.get("subject")?.as_str()?.parse().ok()
}

fn sealed_of(value: &Value) -> Option<Sealed<'_>> {
    Some(Sealed {
        subject: subject_of(value)?,
        key_version: u32::try_from(value.get("key")?.as_u64()?).ok()?,
        path: value.get("path")?.as_str()?,
        data: value.get("data")?.as_str()?,
    })
}
