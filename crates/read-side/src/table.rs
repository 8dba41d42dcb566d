//! The tables of one generation of a model: their names, their columns, and rows as COPY's text format.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::fold::Version;
use crate::model::Model;

/// The end of the present version of a row: the largest `bigint`.
pub const PRESENT: i64 = i64::MAX;

/// How a column's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Array,
    Plain,
}

/// A column of a model's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
    form: Form,
}

/// The columns that a model declares, one a line.
pub(crate) fn columns(declared: &'static str) -> Vec<Column> {
    declared.lines().filter_map(column).collect()
}

fn column(line: &'static str) -> Option<Column> {
    let code = line.split_once("--").map_or(line, |(code, _)| code).trim();
    let definition = code.strip_suffix(',').unwrap_or(code);
    let (name, rest) = definition.split_once(char::is_whitespace)?;
    let kind = rest.split_whitespace().next()?;
    let form = match kind {
        "json" | "jsonb" => Form::Json,
        array if array.ends_with("[]") => Form::Array,
        _ => Form::Plain,
    };
    Some(Column { name: name.trim_matches('"'), definition, form })
}

/// The tables of one generation.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The rows' table with its schema.
    pub(crate) rows: String,
    /// The facts' table with its schema.
    pub(crate) facts: String,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    pub(crate) fn new(model: &dyn Model, revision: u32, generation: u32) -> Self {
        let name = model.name();
        Self {
            rows: format!("read.{name}_r{revision}_g{generation}"),
            facts: format!("read.{name}_fact_r{revision}_g{generation}"),
            columns: columns(model.columns()),
        }
    }

    /// The model's own columns, each after `prefix`, for a select list.
    pub(crate) fn list(&self, prefix: &str) -> String {
        self.columns.iter().map(|column| format!("{prefix}\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Appends a version as one line of COPY's text format, in the table's column order.
    pub(crate) fn copy_row(&self, version: &Version, into: &mut String) {
        let to = version.to.map_or(PRESENT, crate::bigint);
        let _ = write!(into, "{}\t{}\t{to}\t", version.key, version.from);
        copy_uuids(&version.subjects, into);
        match version.stale_since {
            Some(position) => _ = write!(into, "\t{position}"),
            None => into.push_str("\t\\N"),
        }
        for column in &self.columns {
            into.push('\t');
            copy_value(version.row.get(column.name).unwrap_or(&Value::Null), column.form, into);
        }
        into.push('\n');
    }
}

/// Appends a fact as one line of COPY's text format.
pub(crate) fn copy_fact(fact: &str, position: u64, [n1, n2, n3, n4]: [i64; 4], into: &mut String) {
    copy_escaped(fact, into);
    let _ = writeln!(into, "\t{position}\t{n1}\t{n2}\t{n3}\t{n4}");
}

/// A version as a record for `json_populate_recordset`.
pub(crate) fn record(version: Version) -> Map<String, Value> {
    let Version { key, from, to, stale_since, subjects, mut row } = version;
    row.insert("key".to_owned(), Value::from(key.to_string()));
    row.insert("from_position".to_owned(), from.into());
    row.insert("to_position".to_owned(), to.map_or(PRESENT, crate::bigint).into());
    row.insert("stale_since".to_owned(), stale_since.into());
    row.insert("subjects".to_owned(), subjects.iter().map(Uuid::to_string).collect());
    row
}

fn copy_uuids(uuids: &[Uuid], into: &mut String) {
    into.push('{');
    for (index, uuid) in uuids.iter().enumerate() {
        let _ = write!(into, "{}{uuid}", if index > 0 { "," } else { "" });
    }
    into.push('}');
}

fn copy_value(value: &Value, form: Form, into: &mut String) {
    match (value, form) {
        (Value::Null, Form::Json | Form::Array | Form::Plain) => into.push_str("\\N"),
        (value, Form::Json) => copy_escaped(&value.to_string(), into),
        (Value::Array(items), Form::Array) => copy_escaped(&array_literal(items), into),
        (Value::String(text), Form::Array | Form::Plain) => copy_escaped(text, into),
        (value, Form::Array | Form::Plain) => copy_escaped(&value.to_string(), into),
    }
}

fn array_literal(items: &[Value]) -> String {
    let item = |item: &Value| match item {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        value @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => value.to_string(),
    };
    format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(","))
}

fn copy_escaped(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_are_read_with_and_without_commas_and_comments() {
        let read =
            columns("\n  name text not null,\n  \"order\" bigint -- why\n  tags text[] not null,\n  more jsonb\n");
        let parts: Vec<_> = read.iter().map(|column| (column.name, column.definition, column.form)).collect();
        let expected = [
            ("name", "name text not null", Form::Plain),
            ("order", "\"order\" bigint", Form::Plain),
            ("tags", "tags text[] not null", Form::Array),
            ("more", "more jsonb", Form::Json),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_version_is_one_line_of_copy_text_whatever_is_in_it() {
        let table = Table {
            rows: String::new(),
            facts: String::new(),
            columns: columns("a text\nb jsonb\nc text[]\nd bigint\ne text\nf jsonb"),
        };
        let row =
            json!({"a": "x\t\\y\n", "b": "x\"\n", "c": ["q\"\\", "b"], "d": -5, "e": null, "f": [1, {"g": null}]});
        let version = Version {
            key: Uuid::nil(),
            from: 3,
            to: None,
            stale_since: None,
            subjects: vec![Uuid::nil()],
            row: row.as_object().cloned().unwrap(),
        };
        let mut line = String::new();
        table.copy_row(&version, &mut line);
        let nil = Uuid::nil();
        let expected = format!(
            "{nil}\t3\t9223372036854775807\t{{{nil}}}\t\\N\tx\\t\\\\y\\n\t\"x\\\\\"\\\\n\"\t{{\"q\\\\\"\\\\\\\\\",\"b\"}}\t-5\t\\N\t[1,{{\"g\":null}}]\n"
        );
        assert_eq!(line, expected);
    }
}
