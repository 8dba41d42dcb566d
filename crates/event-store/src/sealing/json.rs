//! Walking a payload: personal values are sealed on the way in and opened on the way out.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const PERSONAL: &str = "$personal";
const SEALED: &str = "$sealed";
const ERASED: &str = "$erased";
/// Payloads are written without spaces.
const SEALED_BEGIN: &str = r#"{"$sealed":"#;

/// A personal value in clear, at its path.
pub(super) struct Clear<'a> {
    pub(super) subject: Uuid,
    pub(super) path: &'a str,
    pub(super) value: &'a Value,
}

/// A sealed value.
#[derive(Deserialize)]
pub(super) struct Sealed<'a> {
    pub(super) subject: Uuid,
    #[serde(rename = "key")]
    pub(super) key_version: u32,
    #[serde(borrow)]
    pub(super) path: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) data: Cow<'a, str>,
}

/// The sealed values of a payload in order, each with the place of its wrapper.
pub(super) struct Found<'a>(pub(super) Vec<(Range<usize>, Sealed<'a>)>);

/// Whether a payload may hold personal values in clear: no key in an event is given by a user.
pub(super) fn has_personal(payload: &str) -> bool {
    payload.contains("\"$personal\":")
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

impl<'a> Found<'a> {
    /// Finds them without reading the rest: inside of a text every quote has a backslash before it, so no text looks
    /// like the beginning of a sealed value.
    ///
    /// # Errors
    /// A sealed value is not whole.
    pub(super) fn find(payload: &'a str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Wrapper<'a> {
            #[serde(rename = "$sealed", borrow)]
            sealed: Sealed<'a>,
        }

        let mut found = Vec::new();
        let mut from = 0;
        while let Some((at, rest)) =
            payload.get(from..).and_then(|rest| rest.find(SEALED_BEGIN).map(|at| (from + at, rest.split_at(at).1)))
        {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Wrapper<'a>>();
            let sealed = values.next().transpose()?.map(|wrapper| wrapper.sealed);
            from = at + values.byte_offset();
            found.extend(sealed.map(|sealed| (at..from, sealed)));
        }
        Ok(Self(found))
    }

    /// The payload with every sealed value replaced by what `open_one` makes of it: the value as JSON in clear, or `None`
    /// where it was erased.
    pub(super) fn open<E>(
        self,
        payload: &str,
        mut open_one: impl FnMut(&Sealed<'_>) -> Result<Option<String>, E>,
    ) -> Result<String, E> {
        let mut opened = String::with_capacity(payload.len());
        let mut end = 0;
        for (place, sealed) in self.0 {
            opened.push_str(payload.get(end..place.start).unwrap_or_default());
            let subject = sealed.subject;
            match open_one(&sealed)? {
                Some(clear) => {
                    opened.push_str(&format!(r#"{{"{PERSONAL}":{{"subject":"{subject}","value":{clear}}}}}"#));
                }
                None => opened.push_str(&format!(r#"{{"{ERASED}":"{subject}"}}"#)),
            }
            end = place.end;
        }
        opened.push_str(payload.get(end..).unwrap_or_default());
        Ok(opened)
    }
}

/// The value of an object's only member, if it has that name.
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    value.as_object().filter(|members| members.len() == 1).and_then(|members| members.get(name))
}

fn subject_of(value: &Value) -> Option<Uuid> {
    value.get("subject")?.as_str()?.parse().ok()
}
