//! Old events read as new ones: pure steps from one schema version to the next.
//!
//! A stored event is never edited. When an event's content changes, its version rises by one and a step here turns
//! the older content into the newer; readers only ever see the newest.

use serde_json::Value;

/// One step: content of `event_type` at `from_version` becomes content at `from_version + 1`.
#[derive(Clone, Copy)]
pub struct Step {
    /// The event type.
    pub event_type: &'static str,
    /// The version that the step reads.
    pub from_version: u16,
    /// The conversion. Total: every content that was ever stored at `from_version` has a result.
    pub convert: fn(Value) -> Value,
}

/// Every step there is. Versions begin at 1.
pub const STEPS: &[Step] = &[];

/// The version at which an event type is written today.
#[must_use]
pub fn current_version(steps: &[Step], event_type: &str) -> u16 {
    1 + steps.iter().filter(|step| step.event_type == event_type).map(|step| step.from_version).max().unwrap_or(0)
}

/// Content at the current version, or `None` if the version is newer than this program knows.
///
/// # Errors
/// The content is not JSON.
pub fn upcast(
    steps: &[Step],
    event_type: &str,
    schema_version: u16,
    content: String,
) -> Result<Option<String>, serde_json::Error> {
    let current = current_version(steps, event_type);
    if schema_version == current {
        return Ok(Some(content));
    }
    if schema_version == 0 || schema_version > current {
        return Ok(None);
    }
    let mut value: Value = serde_json::from_str(&content)?;
    for version in schema_version..current {
        let step = steps.iter().find(|step| step.event_type == event_type && step.from_version == version);
        match step {
            Some(step) => value = (step.convert)(value),
            None => return Ok(None),
        }
    }
    Ok(Some(value.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn cents(mut value: Value) -> Value {
        if let Some(object) = value.as_object_mut() {
            let amount = object.remove("amount").and_then(|amount| amount.as_i64()).unwrap_or(0);
            object.insert("amount_minor".to_owned(), json!(amount * 100));
        }
        value
    }

    fn with_currency(mut value: Value) -> Value {
        if let Some(object) = value.as_object_mut() {
            object.insert("currency".to_owned(), json!("USD"));
        }
        value
    }

    const CHAIN: &[Step] = &[
        Step { event_type: "Paid", from_version: 1, convert: cents },
        Step { event_type: "Paid", from_version: 2, convert: with_currency },
    ];

    #[test]
    fn an_old_event_is_read_through_every_step_in_turn() {
        let read = |version, content: &str| upcast(CHAIN, "Paid", version, content.to_owned()).ok().flatten();
        let newest = r#"{"amount_minor":500,"currency":"USD"}"#;
        assert_eq!(read(1, r#"{"amount":5}"#).as_deref(), Some(newest));
        assert_eq!(read(2, r#"{"amount_minor":500}"#).as_deref(), Some(newest));
        assert_eq!(read(3, newest).as_deref(), Some(newest));
    }

    #[test]
    fn an_event_newer_than_the_program_is_not_read() {
        assert_eq!(upcast(CHAIN, "Paid", 4, "{}".to_owned()).ok(), Some(None));
        assert_eq!(upcast(CHAIN, "Other", 2, "{}".to_owned()).ok(), Some(None));
    }
}
