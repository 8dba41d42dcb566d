//! `carelog migrate`: the schema of the store and the tables of the read models.

use event_store::StoreError;
use event_store::pool::{self, PoolRole};

/// The migrating user gives the read models their schema once; all within it belongs to the role that projects.
const READ_SCHEMA: &str = "
    select pg_advisory_xact_lock(7161970210);
    create schema if not exists read authorization carelog_project;
    grant usage on schema read to carelog_query;
";

/// Brings the database up to date; safe to repeat and to run from several processes at once. Read models that have to be
/// rebuilt are rebuilt by the projector.
///
/// # Errors
/// The database cannot be reached, or a migration fails.
pub async fn migrate(database_url: &str) -> anyhow::Result<()> {
    event_store::migrate(database_url).await?;
    create_read_schema(database_url).await?;
    let pool = pool::connect(database_url, PoolRole::Project, 2).await?;
    let outdated = read_side::schema::prepare(&pool, &read_side::models::all()).await;
    pool.close().await;
    for model in outdated? {
        tracing::info!(model = model.name(), "the projector will rebuild this model");
    }
    Ok(())
}

async fn create_read_schema(database_url: &str) -> Result<(), StoreError> {
    let pool = pool::connect(database_url, PoolRole::Migrate, 1).await?;
    let created = sqlx::raw_sql(READ_SCHEMA).execute(&pool).await;
    pool.close().await;
    created.map(drop).map_err(StoreError::from)
}
