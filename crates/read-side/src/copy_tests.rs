use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::*;
use crate::table::columns;

const COLUMNS: &str = "a bigint\nb boolean\nc integer\nd json\ne jsonb\nf smallint\ng text\nh text[]\ni timestamptz\nj uuid\nk uuid[]\nl text\nm json\nn text[]";

fn version(row: &serde_json::Value, to: Option<u64>) -> Version {
    let (from, stale_since) = (3, to.map(|to| to + 1));
    let subjects = if to.is_some() { BTreeSet::from([Uuid::nil(), Uuid::max()]) } else { BTreeSet::new() };
    Version { key: Uuid::from_u128(7), from, to, stale_since, subjects, json: row.to_string() }
}

/// Rows of all types with what is hard to write: quotes, backslashes, line ends, NULL, empty lists, fractions of
/// microseconds, times before 1970 and far ahead.
fn versions() -> Vec<Version> {
    let texts = ["", "x\t\\y\n\r", "\"quoted\"", "N", "\\N", "中文 🎉", "{a,b}", "null"];
    let times = [
        "2026-11-25T13:15:59.407879Z",
        "1969-12-31T23:59:59.9999996Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999499Z",
        "2026-01-01T00:00:00.1234565Z",
        "2026-01-01T00:00:00.0000005Z",
        "2026-01-01T00:00:00.0000015Z",
        "2026-01-01T08:00:00+08:00",
    ];
    let filled = texts.iter().zip(times).map(|(text, time)| {
        let row = json!({"a": i64::MIN, "b": true, "c": -5, "d": {"text": text, "list": [1, null]}, "e": [text, 1.5],
                         "f": 7, "g": text, "h": [text, text], "i": time, "j": Uuid::max(), "k": [Uuid::nil()],
                         "l": text, "m": text, "n": []});
        version(&row, Some(9))
    });
    let empty = version(&json!({"b": false, "k": [], "d": null}), None);
    let disordered = version(&json!({"l": "x", "a": 1, "unknown": 1, "g": "y", "b": true}), None);
    filled.chain([empty, disordered]).collect()
}

#[tokio::test]
async fn postgresql_takes_a_row_by_copy_for_the_same_as_by_statement() {
    let server = std::env::var("DATABASE_URL").expect("DATABASE_URL: run the tests with tests/run");
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let own = columns(COLUMNS);
    let definitions: Vec<_> = own.iter().map(|column| column.definition).collect();
    let ddl = format!(
        "create temporary table told (
             key uuid, from_position bigint, to_position bigint, subjects uuid[], stale_since bigint, {});
         create temporary table copied (like told)",
        definitions.join(", ")
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(ddl)).execute(&mut connection).await.unwrap();
    let mut rows = Rows::default();
    for version in versions() {
        rows.version(&version, &own).unwrap();
        let mut told = String::new();
        record(&version, &mut told);
        sqlx::query("insert into told select * from json_populate_record(null::told, $1::text::json)")
            .bind(told)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let mut copy = connection.copy_in_raw("copy copied from stdin (format binary)").await.unwrap();
    copy.send(rows.finish().unwrap()).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), versions().len() as u64);
    let all: [Vec<(String,)>; 2] = [
        sqlx::query_as("select t::text from told t").fetch_all(&mut connection).await.unwrap(),
        sqlx::query_as("select t::text from copied t").fetch_all(&mut connection).await.unwrap(),
    ];
    assert_eq!(all[0], all[1]);
}

#[test]
fn a_row_that_does_not_fit_its_columns_is_refused_with_the_columns_name() {
    let error = |row: &serde_json::Value| {
        Rows::default().version(&version(row, None), &columns(COLUMNS)).unwrap_err().to_string()
    };
    assert!(error(&json!({"f": 70_000})).starts_with("column f: "));
    assert!(error(&json!({"j": "no id"})).starts_with("column j: "));
    let of_a_date = version(&json!({"day": "2026-11-25"}), None);
    assert!(Rows::default().version(&of_a_date, &columns("day date")).is_err());
}

#[test]
fn without_rows_there_is_nothing_to_send() {
    assert_eq!(Rows::default().finish(), None);
}
