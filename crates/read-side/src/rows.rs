//! Rows in PostgreSQL: touched ones read in one statement, changes written in one.

use std::collections::{BTreeSet, HashMap, HashSet};

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::bigint;
use crate::copy::record;
use crate::error::ProjectorError;
use crate::fold::{Changes, FactChange, Parked, StoredRow, Version};
use crate::reveal;
use crate::row_json::RowJson;
use crate::table::Table;

/// The most versions in one statement.
const VERSIONS_MAX: usize = 5_000;
/// The most versions that erasing rewrites in one statement.
const ERASED_MAX: i64 = 500;

/// Reads the present versions of rows.
pub(crate) async fn load(
    connection: &mut PgConnection,
    table: &Table,
    keys: &[Uuid],
) -> Result<Vec<StoredRow>, ProjectorError> {
    let (rows, list) = (&table.rows, table.list("t."));
    let statement = format!(
        "select t.key, t.from_position, {list}
           from unnest($1::uuid[]) as k (key)
           join {rows} t on t.key = k.key and t.to_position = 9223372036854775807"
    );
    stored(&sqlx::query(AssertSqlSafe(statement)).bind(keys).fetch_all(connection).await?)
}

fn stored(rows: &[PgRow]) -> Result<Vec<StoredRow>, ProjectorError> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let json = RowJson::of(first);
    let stored = |row: &PgRow| {
        let from = crate::number(row.try_get("from_position")?)?;
        Ok(StoredRow { key: row.try_get("key")?, from, json: json.written(row)? })
    };
    rows.iter().map(stored).collect()
}

/// Which of the keys are parked.
pub(crate) async fn parked(
    connection: &mut PgConnection,
    model: &str,
    keys: &[Uuid],
) -> Result<Vec<Uuid>, ProjectorError> {
    let found: Vec<(Uuid,)> = sqlx::query_as("select key from read.parked where model = $1 and key = any ($2)")
        .bind(model)
        .bind(keys)
        .fetch_all(connection)
        .await?;
    Ok(found.into_iter().map(|(key,)| key).collect())
}

/// Writes rows and facts. Parked keys are the caller's.
pub(crate) async fn write(
    connection: &mut PgConnection,
    table: &Table,
    changes: &mut Changes,
) -> Result<(), ProjectorError> {
    let closed = std::mem::take(&mut changes.closed);
    let mut versions = std::mem::take(&mut changes.versions);
    let later = versions.split_off(versions.len().min(VERSIONS_MAX));
    // Old versions end before new ones begin: there is one present version of a row at any time.
    write_versions(connection, table, &closed, versions).await?;
    let mut later = later.into_iter().peekable();
    while later.peek().is_some() {
        let chunk = later.by_ref().take(VERSIONS_MAX).collect();
        write_versions(connection, table, &[], chunk).await?;
    }
    if !changes.stale.is_empty() {
        let (keys, positions) = pairs(&changes.stale);
        let statement = format!(
            "update {} t set stale_since = s.position
               from unnest($1::uuid[], $2::bigint[]) as s (key, position)
              where t.key = s.key and t.to_position = 9223372036854775807",
            table.rows
        );
        sqlx::query(AssertSqlSafe(statement)).bind(keys).bind(positions).execute(&mut *connection).await?;
    }
    write_facts(connection, table, &changes.facts).await
}

fn pairs(of: &[(Uuid, u64)]) -> (Vec<Uuid>, Vec<i64>) {
    of.iter().map(|(key, position)| (*key, bigint(*position))).unzip()
}

/// Versions as an argument of `json_populate_recordset`.
fn records(versions: &[Version]) -> String {
    let mut records = String::from("[");
    for (index, version) in versions.iter().enumerate() {
        records.push_str(if index > 0 { "," } else { "" });
        record(version, &mut records);
    }
    records.push(']');
    records
}

async fn write_versions(
    connection: &mut PgConnection,
    table: &Table,
    closed: &[(Uuid, u64)],
    versions: Vec<Version>,
) -> Result<(), ProjectorError> {
    if closed.is_empty() && versions.is_empty() {
        return Ok(());
    }
    let rows = &table.rows;
    // Counting the closed ones makes PostgreSQL end them first, whatever order it would choose.
    let statement = format!(
        "with closed as (
             update {rows} t set to_position = c.position
               from unnest($1::uuid[], $2::bigint[]) as c (key, position)
              where t.key = c.key and t.to_position = 9223372036854775807
             returning 1
         )
         insert into {rows}
         select v.* from json_populate_recordset(null::{rows}, $3::text::json) v
          where (select count(*) from closed) >= 0"
    );
    let (keys, positions) = pairs(closed);
    let records = records(&versions);
    sqlx::query(AssertSqlSafe(statement)).bind(keys).bind(positions).bind(records).execute(connection).await?;
    Ok(())
}

async fn write_facts(connection: &mut PgConnection, table: &Table, facts: &[FactChange]) -> Result<(), ProjectorError> {
    if facts.is_empty() {
        return Ok(());
    }
    let ids = fact_ids(connection, table, facts.iter().map(|change| change.fact.as_str()).collect()).await?;
    let target = &table.facts;
    let statement = format!(
        "with d as (
             select *
               from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
                    as d (fact_id, position, n1, n2, n3, n4)
         ), b as (
             select f.*
               from (select distinct fact_id from d) changed
              cross join lateral (
                    select f.* from {target} f where f.fact_id = changed.fact_id order by f.position desc limit 1
                    ) f
         )
         insert into {target} (fact_id, position, n1, n2, n3, n4)
         select d.fact_id, d.position,
                (coalesce(b.n1, 0) + sum(d.n1) over w)::bigint, (coalesce(b.n2, 0) + sum(d.n2) over w)::bigint,
                (coalesce(b.n3, 0) + sum(d.n3) over w)::bigint, (coalesce(b.n4, 0) + sum(d.n4) over w)::bigint
           from d
           left join b on b.fact_id = d.fact_id
         window w as (partition by d.fact_id order by d.position)"
    );
    let numbers = |of: fn(&[i64; 4]) -> i64| facts.iter().map(|change| of(&change.add)).collect::<Vec<_>>();
    sqlx::query(AssertSqlSafe(statement))
        .bind(facts.iter().map(|change| ids.get(&change.fact).copied()).collect::<Vec<_>>())
        .bind(facts.iter().map(|change| bigint(change.position)).collect::<Vec<_>>())
        .bind(numbers(|[n1, _, _, _]| *n1))
        .bind(numbers(|[_, n2, _, _]| *n2))
        .bind(numbers(|[_, _, n3, _]| *n3))
        .bind(numbers(|[_, _, _, n4]| *n4))
        .execute(connection)
        .await?;
    Ok(())
}

/// The numbers that stand for the names of facts, made for those that have none.
pub(crate) async fn fact_ids(
    connection: &mut PgConnection,
    table: &Table,
    names: BTreeSet<&str>,
) -> Result<HashMap<String, i32>, ProjectorError> {
    let mut ids = HashMap::with_capacity(names.len());
    // A name that another process makes at this moment is seen the next time.
    while ids.len() < names.len() {
        let known: Vec<(String, i32)> = sqlx::query_as(
            "with made as (
                 insert into read.fact_name (model, fact)
                 select $1, w.fact
                   from unnest($2::text[]) as w (fact)
                  where not exists (select from read.fact_name n where n.model = $1 and n.fact = w.fact)
                  order by w.fact
                     on conflict do nothing
                 returning fact, id
             )
             select fact, id from made
             union all
             select n.fact, n.id from read.fact_name n where n.model = $1 and n.fact = any ($2)",
        )
        .bind(table.model)
        .bind(names.iter().copied().collect::<Vec<_>>())
        .fetch_all(&mut *connection)
        .await?;
        ids.extend(known);
    }
    Ok(ids)
}

/// Records newly parked keys and counts skipped events.
pub(crate) async fn park(connection: &mut PgConnection, model: &str, changes: &Changes) -> Result<(), ProjectorError> {
    if changes.parked.is_empty() && changes.skipped.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into read.parked (model, key, position, error)
         select $1, p.key, p.position, p.error
           from unnest($2::uuid[], $3::bigint[], $4::text[]) as p (key, position, error)",
    )
    .bind(model)
    .bind(changes.parked.iter().map(|parked| parked.key).collect::<Vec<_>>())
    .bind(changes.parked.iter().map(|parked| bigint(parked.position)).collect::<Vec<_>>())
    .bind(changes.parked.iter().map(|Parked { error, .. }| error.as_str()).collect::<Vec<_>>())
    .execute(&mut *connection)
    .await?;
    let (keys, counts): (Vec<Uuid>, Vec<i64>) =
        changes.skipped.iter().map(|(key, count)| (*key, bigint(*count))).unzip();
    sqlx::query(
        "update read.parked p set skipped = p.skipped + s.count
           from unnest($2::uuid[], $3::bigint[]) as s (key, count)
          where p.model = $1 and p.key = s.key",
    )
    .bind(model)
    .bind(keys)
    .bind(counts)
    .execute(connection)
    .await?;
    Ok(())
}

/// Empties the values of erased data subjects in all versions of all rows.
pub(crate) async fn erase(
    connection: &mut PgConnection,
    table: &Table,
    subjects: &[Uuid],
) -> Result<(), ProjectorError> {
    let erased: HashSet<Uuid> = subjects.iter().copied().collect();
    let (rows, list) = (&table.rows, table.list("t."));
    let own: Vec<String> = table.columns.iter().map(|column| format!("\"{0}\" = v.\"{0}\"", column.name)).collect();
    let find = format!(
        "select t.key, t.from_position, {list}
           from {rows} t
          where t.subjects && $1 and t.subjects <> '{{}}'
          limit $2"
    );
    let rewrite = format!(
        "update {rows} t set {}, subjects = v.subjects
           from json_populate_recordset(null::{rows}, $1::text::json) v
          where t.key = v.key and t.from_position = v.from_position",
        own.join(", ")
    );
    while !subjects.is_empty() {
        let found = sqlx::query(AssertSqlSafe(find.clone()))
            .bind(subjects)
            .bind(ERASED_MAX)
            .fetch_all(&mut *connection)
            .await?;
        let found = stored(&found)?;
        if found.is_empty() {
            break;
        }
        let emptied: Result<Vec<Version>, ProjectorError> =
            found.into_iter().map(|row| emptied(row, &erased)).collect();
        sqlx::query(AssertSqlSafe(rewrite.clone())).bind(records(&emptied?)).execute(&mut *connection).await?;
    }
    Ok(())
}

fn emptied(row: StoredRow, erased: &HashSet<Uuid>) -> Result<Version, ProjectorError> {
    let StoredRow { key, from, json } = row;
    let json = reveal::erase(&json, erased).map_err(|error| event_store::StoreError::Corrupt(error.to_string()))?;
    let subjects = reveal::subjects_in(&json);
    if !subjects.is_disjoint(&erased.iter().copied().collect()) {
        return Err(
            event_store::StoreError::Corrupt("a value of an erased subject cannot be emptied".to_owned()).into()
        );
    }
    Ok(Version { key, from, to: None, stale_since: None, subjects, json })
}
