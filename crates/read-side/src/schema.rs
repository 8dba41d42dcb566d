//! The tables of the read models: made when missing, one set for each revision and generation, behind stable views.

use event_store::Head;
use sqlx::{AssertSqlSafe, PgConnection, PgPool};

use crate::error::ProjectorError;
use crate::model::Model;
use crate::table::Table;
use crate::{bigint, spawned, stray};

/// Held while tables are made, so that processes that start together do not collide.
const PREPARE_LOCK: i64 = 0x6361_7265_6c6f_6701;

/// A model without rows is rebuilt rather than projected where the history is longer than this.
const REBUILD_ABOVE_EVENTS: u64 = 10_000;

/// Makes the tables that are missing and drops those that an interrupted rebuild left. Gives the models to be rebuilt before they go on: those whose tables are of an
/// older revision, and new ones on a long history. Idempotent; safe in several processes at once.
///
/// # Errors
/// The database cannot be reached, or refuses a model's table.
pub async fn prepare(pool: &PgPool, models: &[&'static dyn Model]) -> Result<Vec<&'static dyn Model>, ProjectorError> {
    let (pool, models) = (pool.clone(), models.to_vec());
    spawned(async move {
        let outdated = prepare_now(&pool, &models).await?;
        stray::sweep(pool, models).await?;
        Ok::<_, ProjectorError>(outdated)
    })
    .await
}

async fn prepare_now(pool: &PgPool, models: &[&'static dyn Model]) -> Result<Vec<&'static dyn Model>, ProjectorError> {
    let mut tx = pool.begin().await?;
    sqlx::query("select pg_advisory_xact_lock($1)").bind(PREPARE_LOCK).execute(&mut *tx).await?;
    let (present,): (bool,) = sqlx::query_as(
        "select bool_and(to_regclass('read.' || name) is not null)
           from unnest(array['checkpoint', 'parked', 'fact_name']) as t (name)",
    )
    .fetch_one(&mut *tx)
    .await?;
    if !present {
        sqlx::raw_sql(include_str!("sql/base.sql")).execute(&mut *tx).await?;
    }
    let known: Vec<(String, i32, i64)> =
        sqlx::query_as("select model, revision, position from read.checkpoint").fetch_all(&mut *tx).await?;
    let head = head(&mut tx).await?;
    let mut outdated = Vec::new();
    for model in models.iter().copied() {
        let known = known.iter().find(|(name, _, _)| name == model.name());
        match known.map(|(_, revision, position)| (i64::from(*revision), *position)) {
            None => {
                create_first_generation(&mut tx, model, head.epoch).await?;
                outdated.extend(Some(model).filter(|_| head.position > REBUILD_ABOVE_EVENTS));
            }
            Some((revision, _)) if revision < i64::from(model.revision()) => outdated.push(model),
            Some((revision, 0)) if revision == i64::from(model.revision()) => {
                outdated.extend(Some(model).filter(|_| head.position > REBUILD_ABOVE_EVENTS));
            }
            Some(_) => {}
        }
    }
    tx.commit().await?;
    Ok(outdated)
}

async fn head(connection: &mut PgConnection) -> Result<Head, ProjectorError> {
    let (position, epoch): (i64, i64) =
        sqlx::query_as("select coalesce((select max(position) from log.event), 0), epoch from log.epoch")
            .fetch_one(connection)
            .await?;
    Ok(Head { position: position.unsigned_abs(), epoch: epoch.unsigned_abs() })
}

async fn create_first_generation(
    connection: &mut PgConnection,
    model: &'static dyn Model,
    epoch: u64,
) -> Result<(), ProjectorError> {
    let table = Table::new(model, model.revision(), 1);
    create_tables(connection, &table).await?;
    index_present(connection, &table).await?;
    create_indexes(connection, model, &table).await?;
    show(connection, model, &table, false).await?;
    sqlx::query("insert into read.checkpoint (model, revision, generation, position, epoch) values ($1, $2, 1, 0, $3)")
        .bind(model.name())
        .bind(model.revision().cast_signed())
        .bind(bigint(epoch))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the tables of one generation, without indexes.
pub(crate) async fn create_tables(connection: &mut PgConnection, table: &Table) -> Result<(), ProjectorError> {
    let Table { rows, facts, columns, .. } = table;
    let own: Vec<&str> = columns.iter().map(|column| column.definition).collect();
    let own = own.join(",\n    ");
    let ddl = format!(
        "drop table if exists {rows};
         drop table if exists {facts};
         create table {rows} (
             key uuid not null,
             from_position bigint not null,
             to_position bigint not null,
             subjects uuid[] not null,
             stale_since bigint,
             {own}
         );
         create table {facts} (
             fact_id integer not null,
             position bigint not null,
             n1 bigint not null,
             n2 bigint not null,
             n3 bigint not null,
             n4 bigint not null
         );"
    );
    sqlx::raw_sql(AssertSqlSafe(ddl)).execute(connection).await?;
    Ok(())
}

/// Makes the index that finds the present version of a row, unless it is there.
pub(crate) async fn index_present(connection: &mut PgConnection, table: &Table) -> Result<(), ProjectorError> {
    let rows = &table.rows;
    let name = rows.trim_start_matches("read.");
    let ddl = format!(
        "create unique index if not exists {name}_present on {rows} (key) where to_position = 9223372036854775807"
    );
    sqlx::raw_sql(AssertSqlSafe(ddl)).execute(connection).await?;
    Ok(())
}

/// The other indexes of one generation.
pub(crate) struct Indexes {
    /// Statements that make them, in any order or at once.
    pub(crate) make: Vec<String>,
    /// What comes behind: keys and comments.
    pub(crate) finish: String,
}

impl Indexes {
    pub(crate) fn of(model: &'static dyn Model, table: &Table) -> Self {
        let Table { rows, facts, .. } = table;
        let [rows_key, facts_key] = [rows, facts].map(|name| format!("{}_pkey", name.trim_start_matches("read.")));
        let mut make = vec![
            format!("create unique index {facts_key} on {facts} (fact_id, position)"),
            format!("create unique index {rows_key} on {rows} (key, from_position)"),
            format!("create index on {rows} using gin (subjects) where subjects <> '{{}}'"),
        ];
        let mut finish = format!(
            "alter table {facts} add primary key using index {facts_key};
             alter table {rows} add primary key using index {rows_key};
             comment on column {rows}.from_position is 'The event that made this version of the row.';
             comment on column {rows}.to_position is
                 'The event that ended it; the largest bigint for the present version.';
             comment on column {rows}.subjects is 'The data subjects whose values are in the row.';
             comment on column {rows}.stale_since is 'The event that did not fit the row; later ones are skipped.';
             comment on table {facts} is
                 'Rollups, cumulative: the value at a position is the last row at or before it. Names: read.fact_name.';"
        );
        let declared = model.indexes().replace("{table}", rows).replace("{name}", rows.trim_start_matches("read."));
        for statement in declared.split_inclusive(";\n") {
            match statement.starts_with("create ") {
                true => make.push(statement.to_owned()),
                false => finish.push_str(statement),
            }
        }
        Self { make, finish }
    }
}

/// Makes the other indexes and the comments of one generation.
pub(crate) async fn create_indexes(
    connection: &mut PgConnection,
    model: &'static dyn Model,
    table: &Table,
) -> Result<(), ProjectorError> {
    let Indexes { make, finish } = Indexes::of(model, table);
    for statement in make.into_iter().chain([finish]) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Lets the model's views show a generation. `replaced` where they showed other columns before.
pub(crate) async fn show(
    connection: &mut PgConnection,
    model: &'static dyn Model,
    table: &Table,
    replaced: bool,
) -> Result<(), ProjectorError> {
    let (name, Table { rows, facts, .. }) = (model.name(), table);
    let gone = if replaced { format!("drop view if exists read.{name}, read.{name}_fact;") } else { String::new() };
    let ddl = format!(
        "{gone}
         create or replace view read.{name} as select * from {rows};
         create or replace view read.{name}_fact as select * from {facts};
         grant select on read.{name}, read.{name}_fact to carelog_query;
         comment on view read.{name} is 'Rows of the model {name}, all versions. Present: to_position = 9223372036854775807.';"
    );
    sqlx::raw_sql(AssertSqlSafe(ddl)).execute(connection).await?;
    Ok(())
}
