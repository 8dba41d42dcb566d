//! The tables of one generation of a model: their names and columns.

use crate::model::Model;

/// The end of the present version of a row: the largest `bigint`.
pub const PRESENT: i64 = i64::MAX;

/// How a column's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Bigint,
    Bool,
    Integer,
    Json,
    Jsonb,
    Smallint,
    Text,
    Texts,
    Time,
    Uuid,
    Uuids,
    /// A type that COPY's format is not written for: its values are refused.
    Other,
}

impl Form {
    fn of(sql_type: &str) -> Self {
        match sql_type {
            "bigint" => Self::Bigint,
            "boolean" => Self::Bool,
            "integer" => Self::Integer,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "smallint" => Self::Smallint,
            "text" => Self::Text,
            "text[]" => Self::Texts,
            "timestamptz" => Self::Time,
            "uuid" => Self::Uuid,
            "uuid[]" => Self::Uuids,
            _ => Self::Other,
        }
    }

    /// Of a type as it is named in a statement's result.
    pub(crate) fn of_result(sql_type: &str) -> Self {
        Self::of(match sql_type {
            "INT8" => "bigint",
            "BOOL" => "boolean",
            "INT4" => "integer",
            "JSON" => "json",
            "JSONB" => "jsonb",
            "INT2" => "smallint",
            "TEXT" => "text",
            "TEXT[]" => "text[]",
            "TIMESTAMPTZ" => "timestamptz",
            "UUID" => "uuid",
            "UUID[]" => "uuid[]",
            other => other,
        })
    }
}

/// A column of a model's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) definition: &'static str,
    pub(crate) form: Form,
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
    Some(Column { name: name.trim_matches('"'), definition, form: Form::of(kind) })
}

/// The tables of one generation.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The model's name.
    pub(crate) model: &'static str,
    /// The rows' table with its schema.
    pub(crate) rows: String,
    /// The facts' table with its schema.
    pub(crate) facts: String,
    pub(crate) columns: Vec<Column>,
}

impl Table {
    pub(crate) fn new(model: &'static dyn Model, revision: u32, generation: u32) -> Self {
        let name = model.name();
        Self {
            model: name,
            rows: format!("read.{name}_r{revision}_g{generation}"),
            facts: format!("read.{name}_fact_r{revision}_g{generation}"),
            columns: columns(model.columns()),
        }
    }

    /// The model's own columns, each after `prefix`, for a select list.
    pub(crate) fn list(&self, prefix: &str) -> String {
        self.columns.iter().map(|column| format!("{prefix}\"{}\"", column.name)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row_json::OTHERS;

    #[test]
    fn columns_are_read_with_and_without_commas_and_comments() {
        let read =
            columns("\n  name text not null,\n  \"order\" bigint -- why\n  tags text[] not null,\n  more jsonb\n");
        let parts: Vec<_> = read.iter().map(|column| (column.name, column.definition, column.form)).collect();
        let expected = [
            ("name", "name text not null", Form::Text),
            ("order", "\"order\" bigint", Form::Bigint),
            ("tags", "tags text[] not null", Form::Texts),
            ("more", "more jsonb", Form::Jsonb),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn every_column_of_every_model_can_be_copied_and_is_its_own() {
        for model in crate::models::all() {
            let columns = columns(model.columns());
            assert_eq!(columns.len(), model.columns().lines().filter(|line| !line.trim().is_empty()).count());
            assert!(columns.iter().all(|column| column.form != Form::Other), "{}", model.name());
            assert!(!columns.iter().any(|column| OTHERS.contains(&column.name)), "{}", model.name());
        }
    }
}
