//! Personal data in JSON: found, emptied, and shown to those who may see it.
//!
//! A personal value is `{"$personal": {"subject": …, "value": …}}`, an erased one `{"$erased": subject}`.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

const PERSONAL: &str = "$personal";
const ERASED: &str = "$erased";

/// How an erased value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasedAs {
    /// As `null`: for rows.
    Null,
    /// As `{"erased": true}`: for the history, where erased and never given are different things.
    Marker,
}

/// Content with its personal values in place of their wrappers.
#[must_use]
pub fn reveal(value: Value, erased: ErasedAs) -> Value {
    match value {
        Value::Object(mut fields) if fields.len() == 1 && fields.contains_key(PERSONAL) => {
            let inner = fields.get_mut(PERSONAL).and_then(|personal| personal.get_mut("value")).map(Value::take);
            reveal(inner.unwrap_or(Value::Null), erased)
        }
        Value::Object(fields) if fields.len() == 1 && fields.contains_key(ERASED) => match erased {
            ErasedAs::Null => Value::Null,
            ErasedAs::Marker => json!({"erased": true}),
        },
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, reveal(value, erased))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| reveal(item, erased)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

/// Adds the data subjects whose values are present.
pub(crate) fn collect_subjects(value: &Value, subjects: &mut BTreeSet<Uuid>) {
    match value {
        Value::Object(fields) => {
            if let Some(personal) = fields.get(PERSONAL).filter(|_| fields.len() == 1) {
                subjects.extend(subject_of(personal));
            }
            fields.values().for_each(|value| collect_subjects(value, subjects));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_subjects(item, subjects)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Empties the values of data subjects that were erased.
pub(crate) fn erase(value: &mut Value, erased: &HashSet<Uuid>) {
    match value {
        Value::Object(fields) => {
            let subject = fields.get(PERSONAL).filter(|_| fields.len() == 1).and_then(subject_of);
            match subject.filter(|subject| erased.contains(subject)) {
                Some(subject) => *value = json!({ERASED: subject}),
                None => fields.values_mut().for_each(|value| erase(value, erased)),
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| erase(item, erased)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn subject_of(personal: &Value) -> Option<Uuid> {
    personal.get("subject").and_then(Value::as_str).and_then(|subject| Uuid::parse_str(subject).ok())
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
        assert_eq!(reveal(row(), ErasedAs::Null), json!({"names": ["李", "王"], "gone": null, "n": 1}));
        let marked = reveal(row(), ErasedAs::Marker);
        assert_eq!(marked, json!({"names": ["李", "王"], "gone": {"erased": true}, "n": 1}));
    }

    #[test]
    fn erasing_a_subject_empties_its_values_and_no_others() {
        let mut row = row();
        erase(&mut row, &HashSet::from([LI]));
        assert_eq!(reveal(row.clone(), ErasedAs::Null), json!({"names": [null, "王"], "gone": null, "n": 1}));
        let mut subjects = BTreeSet::new();
        collect_subjects(&row, &mut subjects);
        assert_eq!(subjects, BTreeSet::from([WANG]));
    }
}
