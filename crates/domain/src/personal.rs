//! Personal data: values that belong to a data subject and can be erased.
//!
//! A [`Personal`] value can be carried, mapped and stored, never read for a decision: no key, branch, index or
//! rollup may depend on one. In JSON it is `{"$personal": {"subject": …, "value": …}}`; the event store seals that
//! object before it reaches the log, and gives `{"$erased": subject}` where the subject's key is gone.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// A value that belongs to a data subject, or the trace that it was there.
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<T> {
    subject: Uuid,
    value: Option<T>,
}

impl<T> Personal<T> {
    /// Marks a value as belonging to `subject`.
    pub const fn new(subject: Uuid, value: T) -> Self {
        Self { subject, value: Some(value) }
    }

    /// A value that was erased.
    pub const fn erased(subject: Uuid) -> Self {
        Self { subject, value: None }
    }

    /// The data subject whose key seals the value.
    pub const fn subject(&self) -> Uuid {
        self.subject
    }

    /// The same subject's value, converted.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Personal<U> {
        Personal { subject: self.subject, value: self.value.map(convert) }
    }

    /// The same value as another subject's, where what was written passes to them: it is sealed under their key from
    /// there on.
    #[must_use]
    pub fn owned_by(self, subject: Uuid) -> Self {
        Self { subject, ..self }
    }

    /// A borrowed view, for [`Personal::map`].
    pub const fn as_ref(&self) -> Personal<&T> {
        Personal { subject: self.subject, value: self.value.as_ref() }
    }

    /// The value for rendering an answer to somebody who may see it, or `None` where it was erased. Not for decisions.
    pub fn reveal(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.value.is_some() { "Personal(…)" } else { "Personal(erased)" })
    }
}

#[derive(Serialize, Deserialize)]
struct Present<T> {
    subject: Uuid,
    value: T,
}

#[derive(Serialize, Deserialize)]
enum Form<T> {
    #[serde(rename = "$personal")]
    Present(Present<T>),
    #[serde(rename = "$erased")]
    Erased(Uuid),
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.value {
            Some(value) => Form::Present(Present { subject: self.subject, value }).serialize(serializer),
            None => Form::<T>::Erased(self.subject).serialize(serializer),
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Form::<T>::deserialize(deserializer).map_err(D::Error::custom)? {
            Form::Present(Present { subject, value }) => Ok(Self::new(subject, value)),
            Form::Erased(subject) => Ok(Self::erased(subject)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_never_shows_in_debug_output() {
        let name = Personal::new(Uuid::nil(), "王小明".to_owned());
        assert_eq!(format!("{name:?}"), "Personal(…)");
    }

    #[test]
    fn a_value_that_passes_to_another_subject_is_the_same_one() {
        let (before, after) = (Uuid::from_u128(7), Uuid::from_u128(8));
        assert_eq!(Personal::new(before, "a").owned_by(after), Personal::new(after, "a"));
        assert_eq!(Personal::<String>::erased(before).owned_by(after), Personal::erased(after));
    }

    #[test]
    fn a_personal_value_survives_json_and_so_does_its_erasure() -> Result<(), serde_json::Error> {
        let subject = Uuid::from_u128(7);
        for personal in [Personal::new(subject, "a".to_owned()), Personal::erased(subject)] {
            let json = serde_json::to_string(&personal)?;
            assert_eq!(serde_json::from_str::<Personal<String>>(&json)?, personal, "{json}");
        }
        Ok(())
    }
}
