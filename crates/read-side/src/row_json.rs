//! A row's columns as the JSON object that its type writes: without spaces, in the order of the columns. PostgreSQL's own
//! `row_to_json` looks up every column's type for every row, which costs more than all else of a question.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{Column as _, Decode, Postgres, Row as _, Type, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

use crate::table::Form;

/// The columns of a statement that are not the row's own: the runner's, and those of questions.
pub(crate) const OTHERS: [&str; 6] = ["position", "key", "from_position", "to_position", "subjects", "stale_since"];

/// How the rows of a statement become JSON.
pub(crate) struct RowJson {
    columns: Vec<(usize, Arc<str>, Form)>,
}

impl RowJson {
    /// For the rows of the statement that gave this one.
    pub(crate) fn of(row: &PgRow) -> Self {
        let own = row.columns().iter().filter(|column| !OTHERS.contains(&column.name()));
        let columns = own.map(|column| {
            (column.ordinal(), Arc::from(format!("\"{}\":", column.name())), Form::of_result(column.type_info().name()))
        });
        Self { columns: columns.collect() }
    }

    /// One of the rows.
    ///
    /// # Errors
    /// A value is not one of its column's type.
    pub(crate) fn written(&self, row: &PgRow) -> Result<String, sqlx::Error> {
        let mut json = Vec::with_capacity(1_024);
        json.push(b'{');
        for (place, (column, name, form)) in self.columns.iter().enumerate() {
            json.extend_from_slice(if place > 0 { b"," } else { b"" });
            json.extend_from_slice(name.as_bytes());
            write(row, *column, *form, &mut json)?;
        }
        json.push(b'}');
        String::from_utf8(json).map_err(undecoded)
    }
}

fn write(row: &PgRow, column: usize, form: Form, into: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    let raw = row.try_get_raw(column)?;
    if raw.is_null() {
        into.extend_from_slice(b"null");
        return Ok(());
    }
    match form {
        Form::Json => into.extend_from_slice(raw.as_bytes().map_err(sqlx::Error::Decode)?),
        Form::Jsonb => value::<Value>(row, column, into)?,
        Form::Bool => value::<bool>(row, column, into)?,
        Form::Smallint => value::<i16>(row, column, into)?,
        Form::Integer => value::<i32>(row, column, into)?,
        Form::Bigint => value::<i64>(row, column, into)?,
        Form::Uuid => value::<Uuid>(row, column, into)?,
        Form::Uuids => value::<Vec<Uuid>>(row, column, into)?,
        Form::Time => value::<DateTime<Utc>>(row, column, into)?,
        Form::Text => value::<&str>(row, column, into)?,
        Form::Texts => value::<Vec<String>>(row, column, into)?,
        Form::Other => return Err(sqlx::Error::Decode("a column of a type that rows do not have".into())),
    }
    Ok(())
}

fn value<'r, T>(row: &'r PgRow, column: usize, into: &mut Vec<u8>) -> Result<(), sqlx::Error>
where
    T: Decode<'r, Postgres> + Type<Postgres> + Serialize,
{
    serde_json::to_writer(into, &row.try_get::<T, _>(column)?).map_err(undecoded)
}

fn undecoded(error: impl std::error::Error + Send + Sync + 'static) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(error))
}
