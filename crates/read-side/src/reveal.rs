//! Personal data in JSON: found, emptied, and shown to those who may see it.
//!
//! A personal value is `{"$personal": {"subject": …, "value": …}}`, an erased one `{"$erased": subject}`.

use std::collections::{BTreeSet, HashSet};

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

const PERSONAL: &str = "$personal";
const ERASED: &str = "$erased";

/// An event's content with its personal values in place of their wrappers, `{"erased": true}` for those that were erased:
/// in the history, erased and never given are different things.
#[must_use]
pub fn reveal(value: Value) -> Value {
    match value {
        Value::Object(mut fields) if fields.len() == 1 && fields.contains_key(PERSONAL) => {
            let inner = fields.get_mut(PERSONAL).and_then(|personal| personal.get_mut("value")).map(Value::take);
            reveal(inner.unwrap_or(Value::Null))
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key(ERASED) => json!({"erased": true}),
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, reveal(value))).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(reveal).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Before a personal value in JSON as rows are written, without spaces. Inside of a text every quote has a backslash
/// before it, so no text looks like this.
const BEGIN: &str = r#"{"$personal":{"subject":""#;
const ERASED_BEGIN: &str = r#"{"$erased":""#;

/// A personal value as it is written.
#[derive(Deserialize)]
struct Personal<'a> {
    #[serde(rename = "$personal", borrow)]
    content: Content<'a>,
}

#[derive(Deserialize)]
struct Content<'a> {
    subject: Uuid,
    #[serde(borrow)]
    value: &'a RawValue,
}

/// The data subjects whose values are present in a row.
pub(crate) fn subjects_in(row: &str) -> BTreeSet<Uuid> {
    let subjects = row.match_indices(BEGIN).filter_map(|(at, _)| {
        let begin = at + BEGIN.len();
        row.get(begin..begin + 36).and_then(|subject| Uuid::try_parse(subject).ok())
    });
    subjects.collect()
}

/// A row in which the values of erased data subjects are empty.
///
/// # Errors
/// The row is not JSON as rows are written.
pub(crate) fn erase(row: &str, erased: &HashSet<Uuid>) -> Result<String, serde_json::Error> {
    let mut emptied = String::with_capacity(row.len());
    let mut rest = row;
    while let Some((before, personal)) = rest.find(BEGIN).map(|at| rest.split_at(at)) {
        emptied.push_str(before);
        let mut values = serde_json::Deserializer::from_str(personal).into_iter::<Personal<'_>>();
        let subject = values.next().transpose()?.map(|value| value.content.subject);
        let (value, after) = personal.split_at(values.byte_offset());
        match subject.filter(|subject| erased.contains(subject)) {
            Some(subject) => emptied.push_str(&json!({ ERASED: subject }).to_string()),
            None => emptied.push_str(value),
        }
        rest = after;
    }
    emptied.push_str(rest);
    Ok(emptied)
}

/// A row with its personal values in place of their wrappers, `null` for those that were erased.
///
/// # Errors
/// The row is not JSON as rows are written.
pub(crate) fn shown(row: &str) -> Result<String, serde_json::Error> {
    let mut shown = String::with_capacity(row.len());
    let mut rest = row;
    while let Some((before, personal)) = rest.find(BEGIN).map(|at| rest.split_at(at)) {
        nulled(before, &mut shown);
        let mut values = serde_json::Deserializer::from_str(personal).into_iter::<Personal<'_>>();
        if let Some(value) = values.next().transpose()? {
            shown.push_str(value.content.value.get());
        }
        (_, rest) = personal.split_at(values.byte_offset());
    }
    nulled(rest, &mut shown);
    Ok(shown)
}

/// Writes JSON in which there is no personal value, `null` for those that were erased.
fn nulled(json: &str, written: &mut String) {
    let mut parts = json.split(ERASED_BEGIN);
    written.push_str(parts.next().unwrap_or_default());
    for part in parts {
        written.push_str("null");
        written.push_str(part.split_once('}').map_or(part, |(_, after)| after));
    }
}

#[cfg(test)]
mod tests {
    use domain::personal::Personal;

    use super::*;

    const LI: Uuid = Uuid::from_u128(1);
    const WANG: Uuid = Uuid::from_u128(2);

    fn row() -> Value {
        json!({"names": [Personal::new(LI, "李"), Personal::new(WANG, "王")], "gone": Personal::<String>::erased(LI), "n": 1})
    }

    #[test]
    fn revealed_content_has_the_values_themselves_and_says_what_was_erased() {
        let seen: Value = serde_json::from_str(&shown(&row().to_string()).unwrap()).unwrap();
        assert_eq!(seen, json!({"names": ["李", "王"], "gone": null, "n": 1}));
        assert_eq!(reveal(row()), json!({"names": ["李", "王"], "gone": {"erased": true}, "n": 1}));
    }

    #[test]
    fn erasing_a_subject_empties_its_values_and_no_others() {
        let emptied = erase(&row().to_string(), &HashSet::from([LI])).unwrap();
        let seen: Value = serde_json::from_str(&shown(&emptied).unwrap()).unwrap();
        assert_eq!(seen, json!({"names": [null, "王"], "gone": null, "n": 1}));
        assert_eq!(subjects_in(&emptied), BTreeSet::from([WANG]));
        assert_eq!(erase(&emptied, &HashSet::from([LI])).unwrap(), emptied);
    }

    #[test]
    fn what_people_write_is_never_taken_for_personal_data_of_another() {
        let quoting = json!({"text": row().to_string(), "own": Personal::new(WANG, row().to_string())}).to_string();
        assert_eq!(subjects_in(&quoting), BTreeSet::from([WANG]));
        assert_eq!(erase(&quoting, &HashSet::from([LI])).unwrap(), quoting);
        let seen: Value = serde_json::from_str(&shown(&quoting).unwrap()).unwrap();
        assert_eq!(seen, json!({"text": row().to_string(), "own": row().to_string()}));
    }
}
