//! Rows and facts in COPY's binary format, which spares PostgreSQL from taking text apart.

use std::collections::BTreeSet;

use chrono::{DateTime, Timelike as _, Utc};
use serde::Deserializer as _;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::fold::Version;
use crate::table::{Column, Form, PRESENT};

/// What stands before the first row: the signature, no flags, no extension.
const HEADER: &[u8; 19] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What stands behind the last row.
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();
/// The columns that every table of rows begins with.
const COLUMNS_OF_RUNNER: usize = 5;
/// 2000-01-01, from which PostgreSQL counts, in seconds of Unix time.
const EPOCH_S: i64 = 946_684_800;
/// `pg_type.oid` of the elements of arrays.
const TEXT: u32 = 25;
const UUID: u32 = 2950;

/// Rows of one table on their way into it.
#[derive(Debug)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { bytes: HEADER.to_vec() }
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - HEADER.len()
    }

    /// What is to be sent, if there is any row.
    pub(crate) fn finish(mut self) -> Option<Vec<u8>> {
        let any = self.len() > 0;
        self.bytes.extend(TRAILER);
        any.then_some(self.bytes)
    }

    /// Adds a version of a row of a model with these columns.
    ///
    /// # Errors
    /// The row does not fit the columns.
    pub(crate) fn version(&mut self, version: &Version, columns: &[Column]) -> Result<(), serde_json::Error> {
        let members = members(&version.json)?;
        self.tuple(COLUMNS_OF_RUNNER + columns.len());
        self.field(version.key.as_bytes());
        self.field(&crate::bigint(version.from).to_be_bytes());
        self.field(&version.to.map_or(PRESENT, crate::bigint).to_be_bytes());
        self.array(UUID, version.subjects.iter().map(Uuid::as_bytes));
        match version.stale_since {
            Some(position) => self.field(&crate::bigint(position).to_be_bytes()),
            None => self.null(),
        }
        // Members mostly come in the order of the columns.
        let mut next = 0;
        for column in columns {
            let is_named = |(name, _): &(&str, &RawValue)| *name == column.name;
            if !members.get(next).is_some_and(is_named) {
                next = members.iter().position(is_named).unwrap_or(members.len());
            }
            let json = members.get(next).map_or("null", |(_, value)| value.get());
            let added = self.value(json, column.form);
            added.map_err(|error| serde_json::Error::custom(format_args!("column {}: {error}", column.name)))?;
            next += 1;
        }
        Ok(())
    }

    /// Adds the state of a fact at a position.
    pub(crate) fn fact(&mut self, id: i32, position: u64, numbers: [i64; 4]) {
        self.tuple(2 + numbers.len());
        self.field(&id.to_be_bytes());
        self.field(&crate::bigint(position).to_be_bytes());
        numbers.iter().for_each(|number| self.field(&number.to_be_bytes()));
    }

    fn tuple(&mut self, fields: usize) {
        self.bytes.extend(i16::try_from(fields).unwrap_or(i16::MAX).to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        self.bytes.extend(length(bytes.len()));
        self.bytes.extend_from_slice(bytes);
    }

    fn null(&mut self) {
        self.bytes.extend((-1_i32).to_be_bytes());
    }

    fn array<B: AsRef<[u8]>>(&mut self, element: u32, items: impl ExactSizeIterator<Item = B>) {
        let begin = self.bytes.len();
        self.null();
        let (dimensions, has_nulls) = (u32::from(items.len() > 0), 0_u32);
        [dimensions, has_nulls, element].iter().for_each(|word| self.bytes.extend(word.to_be_bytes()));
        if items.len() > 0 {
            self.bytes.extend(length(items.len()));
            self.bytes.extend(1_u32.to_be_bytes());
        }
        items.for_each(|item| self.field(item.as_ref()));
        let size = length(self.bytes.len() - begin - 4);
        if let Some(place) = self.bytes.get_mut(begin..begin + 4) {
            place.copy_from_slice(&size);
        }
    }

    fn value(&mut self, json: &str, form: Form) -> Result<(), serde_json::Error> {
        if json == "null" {
            self.null();
            return Ok(());
        }
        match form {
            Form::Json => self.field(json.as_bytes()),
            Form::Jsonb => {
                self.bytes.extend(length(json.len() + 1));
                self.bytes.push(1);
                self.bytes.extend_from_slice(json.as_bytes());
            }
            Form::Bool => self.field(&[u8::from(serde_json::from_str::<bool>(json)?)]),
            Form::Smallint => self.field(&serde_json::from_str::<i16>(json)?.to_be_bytes()),
            Form::Integer => self.field(&serde_json::from_str::<i32>(json)?.to_be_bytes()),
            Form::Bigint => self.field(&serde_json::from_str::<i64>(json)?.to_be_bytes()),
            Form::Uuid => self.field(serde_json::from_str::<Uuid>(json)?.as_bytes()),
            Form::Time => self.field(&microseconds(serde_json::from_str(json)?).to_be_bytes()),
            Form::Text => match json.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                // Without a backslash a JSON string is its content.
                Some(text) if !text.contains('\\') => self.field(text.as_bytes()),
                Some(_) | None => self.field(serde_json::from_str::<String>(json)?.as_bytes()),
            },
            Form::Other => return Err(serde_json::Error::custom("a type that cannot be copied")),
            Form::Texts => self.array(TEXT, serde_json::from_str::<Vec<String>>(json)?.iter()),
            Form::Uuids => self.array(UUID, serde_json::from_str::<Vec<Uuid>>(json)?.iter().map(Uuid::as_bytes)),
        }
        Ok(())
    }
}

fn length(length: usize) -> [u8; 4] {
    i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes()
}

/// Rounded as PostgreSQL rounds a time given as text.
fn microseconds(time: DateTime<Utc>) -> i64 {
    let fraction = (f64::from(time.nanosecond()) / 1e9 * 1e6).round_ties_even();
    #[expect(clippy::cast_possible_truncation, reason = "at most two million")]
    let fraction = fraction as i64;
    (time.timestamp() - EPOCH_S) * 1_000_000 + fraction
}

/// The members of a JSON object, as they are written.
fn members(json: &str) -> Result<Vec<(&str, &RawValue)>, serde_json::Error> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(&'de str, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::with_capacity(40);
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(json).deserialize_map(Members)
}

/// Appends a version as a record for `json_populate_recordset`.
pub(crate) fn record(version: &Version, into: &mut String) {
    use std::fmt::Write as _;

    let to = version.to.map_or(PRESENT, crate::bigint);
    let _ = write!(into, "{{\"key\":\"{}\",\"from_position\":{},\"to_position\":{to}", version.key, version.from);
    if let Some(position) = version.stale_since {
        let _ = write!(into, ",\"stale_since\":{position}");
    }
    into.push_str(",\"subjects\":[");
    list(&version.subjects, into);
    into.push_str("],");
    into.push_str(version.json.trim_start_matches('{'));
}

fn list(ids: &BTreeSet<Uuid>, into: &mut String) {
    use std::fmt::Write as _;

    for (index, id) in ids.iter().enumerate() {
        let _ = write!(into, "{}\"{id}\"", if index > 0 { "," } else { "" });
    }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
