//! Fingerprints of models: two models with the same fingerprint hold the same rows, versions, facts and parked keys.

use std::fmt;

use sqlx::{AssertSqlSafe, PgPool};

use crate::error::ProjectorError;
use crate::model::Model;
use crate::{number, spawned};

/// What a model holds, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The last event that its rows hold.
    pub position: u64,
    /// How many versions of rows there are.
    pub versions: u64,
    /// How many facts there are.
    pub facts: u64,
    /// MD5 over the versions and MD5 over the facts, each in order.
    pub hash: [u8; 32],
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The fingerprint of a model as its views show it, from one snapshot. It reads the whole model.
///
/// # Errors
/// The database cannot be reached.
pub async fn fingerprint(pool: &PgPool, model: &'static dyn Model) -> Result<Fingerprint, ProjectorError> {
    let pool = pool.clone();
    spawned(async move { fingerprint_now(&pool, model).await }).await
}

async fn fingerprint_now(pool: &PgPool, model: &'static dyn Model) -> Result<Fingerprint, ProjectorError> {
    let name = model.name();
    let statement = format!(
        "select c.position, v.n, f.n, v.hash, f.hash
           from read.checkpoint c,
                (select count(*) as n,
                        decode(md5(coalesce(string_agg(md5(r::text), '' order by r.key, r.from_position), '')), 'hex')
                            as hash
                   from read.{name} r) v,
                (select count(*) as n,
                        decode(md5(coalesce(string_agg(md5(r::text), '' order by r.fact, r.position), '')), 'hex')
                            as hash
                   from (select n.fact, f.position, f.n1, f.n2, f.n3, f.n4
                           from read.{name}_fact f join read.fact_name n on n.id = f.fact_id) r) f
          where c.model = $1"
    );
    let mut tx = pool.begin().await?;
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await?;
    let (position, versions, facts, rows_hash, facts_hash): (i64, i64, i64, Vec<u8>, Vec<u8>) =
        sqlx::query_as(AssertSqlSafe(statement)).bind(name).fetch_one(&mut *tx).await?;
    tx.commit().await?;
    let mut hash = [0; 32];
    hash.iter_mut().zip(rows_hash.into_iter().chain(facts_hash)).for_each(|(byte, from)| *byte = from);
    Ok(Fingerprint { position: number(position)?, versions: number(versions)?, facts: number(facts)?, hash })
}
