//! Generations that no checkpoint names: what an interrupted rebuild left, and old ones that could not be dropped when
//! the new ones were shown. Nobody asks them, but they hold personal values: erasing must not miss them.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::error::ProjectorError;
use crate::model::Model;

/// The first half of the advisory lock of a model's rebuild.
const REBUILD_LOCK: i32 = 0x6361_7265;
/// How often who erases tries to get it: other projectors hold it for a moment, rebuilds for long.
const LOCKS_MAX: u32 = 5;
/// How long between two tries.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Takes the lock of a model's rebuild for the session. Says whether it was free.
pub(crate) async fn try_lock(connection: &mut PgConnection, model: &str) -> Result<bool, ProjectorError> {
    lock_with(connection, "select pg_try_advisory_lock($1, hashtext($2))", model).await
}

/// Likewise until the transaction ends.
async fn try_lock_for_now(connection: &mut PgConnection, model: &str) -> Result<bool, ProjectorError> {
    lock_with(connection, "select pg_try_advisory_xact_lock($1, hashtext($2))", model).await
}

async fn lock_with(
    connection: &mut PgConnection,
    statement: &'static str,
    model: &str,
) -> Result<bool, ProjectorError> {
    let (locked,): (bool,) = sqlx::query_as(statement).bind(REBUILD_LOCK).bind(model).fetch_one(connection).await?;
    Ok(locked)
}

/// A model's name, a table of it that no checkpoint names, and whether that holds rows rather than facts. The first
/// tables of a model come in the transaction of its checkpoint, so they are never among these.
type Stray = (String, String, bool);

async fn find(connection: &mut PgConnection, models: &[&str]) -> Result<Vec<Stray>, ProjectorError> {
    let found = sqlx::query_as(
        "select c.model, format('%I.%I', t.schemaname, t.tablename), t.tablename ~ ('^' || c.model || '_r[0-9]')
           from read.checkpoint c
           join pg_tables t
             on t.schemaname = 'read' and t.tablename ~ ('^' || c.model || '(_fact)?_r[0-9]+_g[0-9]+$')
          where c.model = any ($1)
            and t.tablename <> c.model || '_r' || c.revision || '_g' || c.generation
            and t.tablename <> c.model || '_fact_r' || c.revision || '_g' || c.generation
          order by 1, 2",
    )
    .bind(models)
    .fetch_all(connection)
    .await?;
    Ok(found)
}

/// Drops them, but for models that are being rebuilt. What cannot be dropped now, as someone reads it, is left for the
/// next time.
pub(crate) async fn sweep(pool: PgPool, models: Vec<&'static dyn Model>) -> Result<(), ProjectorError> {
    let names: Vec<&str> = models.iter().map(|model| model.name()).collect();
    let mut strays = find(&mut *pool.acquire().await?, &names).await?;
    strays.dedup_by(|(one, ..), (other, ..)| one == other);
    for (model, ..) in strays {
        let mut tx = pool.begin().await?;
        let free = try_lock_for_now(&mut tx, &model).await?;
        // Who erases waits for the lock, so nothing is waited for under it.
        let dropped = if free { drop_of(&mut tx, &model, "nowait").await } else { Ok(()) };
        end(tx, &model, dropped).await?;
    }
    Ok(())
}

/// Drops those of a model, or leaves them for a projector. The caller holds the lock of its rebuild.
pub(crate) async fn sweep_locked(pool: &PgPool, model: &str) -> Result<(), ProjectorError> {
    let mut tx = pool.begin().await?;
    let dropped = drop_of(&mut tx, model, "").await;
    end(tx, model, dropped).await
}

async fn drop_of(connection: &mut PgConnection, model: &str, wait: &str) -> Result<(), ProjectorError> {
    let strays = find(connection, &[model]).await?;
    if !strays.is_empty() {
        let tables = strays.into_iter().map(|(_, table, _)| table).collect::<Vec<_>>().join(", ");
        let statement = format!("lock table {tables} in access exclusive mode {wait}; drop table {tables}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
        tracing::info!(model, tables, "dropped tables that are not shown");
    }
    Ok(())
}

async fn end(
    tx: Transaction<'_, Postgres>,
    model: &str,
    dropped: Result<(), ProjectorError>,
) -> Result<(), ProjectorError> {
    match dropped {
        Ok(()) => tx.commit().await?,
        Err(error) => {
            tx.rollback().await?;
            tracing::info!(model, %error, "tables that are not shown are left for later");
        }
    }
    Ok(())
}

/// Deletes the rows of erased subjects from them; whole rows, as these may have any revision's columns. A rebuild at
/// work erases its own tables itself, and drops them if it fails.
pub(crate) async fn erase(connection: &mut PgConnection, model: &str, subjects: &[Uuid]) -> Result<(), ProjectorError> {
    if subjects.is_empty() || find(connection, &[model]).await?.is_empty() {
        return Ok(());
    }
    let mut tries = 1;
    while !try_lock_for_now(connection, model).await? {
        if tries == LOCKS_MAX {
            return Ok(());
        }
        tries += 1;
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
    for (_, table, _) in find(connection, &[model]).await?.into_iter().filter(|(_, _, rows)| *rows) {
        let statement = format!("delete from {table} where subjects && $1");
        sqlx::query(AssertSqlSafe(statement)).bind(subjects).execute(&mut *connection).await?;
    }
    Ok(())
}
