//! A generation of a model in the making: its rows in memory, its tables not yet shown.

use std::collections::{BTreeMap, HashMap};

use sqlx::{PgConnection, PgPool};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::decode::{self, Incoming};
use crate::error::ProjectorError;
use crate::fold::{Changes, Folding, Parked};
use crate::model::Model;
use crate::table::{Table, copy_fact};
use crate::{bigint, rows, schema};

/// So many bytes go to PostgreSQL in one COPY.
const COPY_BYTES: usize = 4 << 20;
/// Present versions given out at once.
const SETTLE_ROWS: usize = 10_000;

pub(crate) struct Shadow {
    model: &'static dyn Model,
    generation: u32,
    table: Table,
    fold: Box<dyn Folding>,
    changes: Changes,
    /// Rollups so far.
    totals: HashMap<String, [i64; 4]>,
    parked: BTreeMap<Uuid, (Parked, u64)>,
    versions: u64,
    rows_text: String,
    facts_text: String,
    copying: Option<JoinHandle<Result<(), ProjectorError>>>,
    pool: PgPool,
}

impl Shadow {
    /// Makes empty tables, in place of what a failed rebuild left.
    pub(crate) async fn create(
        pool: &PgPool,
        model: &'static dyn Model,
        generation: u32,
    ) -> Result<Self, ProjectorError> {
        let table = Table::new(model, model.revision(), generation);
        let mut tx = pool.begin().await?;
        schema::create_tables(&mut tx, &table).await?;
        tx.commit().await?;
        Ok(Self {
            model,
            generation,
            table,
            fold: model.fold(),
            changes: Changes::default(),
            totals: HashMap::new(),
            parked: BTreeMap::new(),
            versions: 0,
            rows_text: String::new(),
            facts_text: String::new(),
            copying: None,
            pool: pool.clone(),
        })
    }

    pub(crate) const fn model(&self) -> &'static dyn Model {
        self.model
    }

    pub(crate) const fn generation(&self) -> u32 {
        self.generation
    }

    pub(crate) const fn versions(&self) -> u64 {
        self.versions
    }

    fn defect(&self, detail: String) -> ProjectorError {
        ProjectorError::defect(self.model.name(), detail)
    }

    /// Folds events in order.
    pub(crate) fn fold(&mut self, events: &[Incoming]) -> Result<(), ProjectorError> {
        let reads = self.model.reads();
        if let Some((index, why)) = decode::first_unreadable(events, |category| reads.contains(&category)) {
            let position = events.get(index).map_or(0, |event| event.recorded.position);
            return Err(ProjectorError::Unreadable { position, detail: why.to_owned() });
        }
        decode::erased_subjects(events).into_iter().for_each(|subject| self.fold.erase(subject));
        for happened in decode::read_by(self.model, events) {
            self.fold.apply(happened).map_err(|detail| ProjectorError::defect(self.model.name(), detail))?;
        }
        self.take();
        Ok(())
    }

    fn take(&mut self) {
        let Changes { closed, versions, stale, parked, skipped, facts } = self.fold.take();
        self.versions += versions.len() as u64;
        self.changes.closed.extend(closed);
        self.changes.versions.extend(versions);
        self.changes.stale.extend(stale);
        self.changes.facts.extend(facts);
        self.parked.extend(parked.into_iter().map(|parked| (parked.key, (parked, 0))));
        for (key, count) in skipped {
            if let Some((_, skipped)) = self.parked.get_mut(&key) {
                *skipped += count;
            }
        }
    }

    /// Sends versions that ended and facts to the new tables, once there are enough.
    pub(crate) async fn copy(&mut self) -> Result<(), ProjectorError> {
        for version in self.changes.versions.drain(..) {
            self.table.copy_row(&version, &mut self.rows_text);
        }
        for change in self.changes.facts.drain(..) {
            let totals = self.totals.entry(change.fact.clone()).or_default();
            totals.iter_mut().zip(change.add).for_each(|(total, add)| *total = total.saturating_add(add));
            copy_fact(&change.fact, change.position, *totals, &mut self.facts_text);
        }
        if self.rows_text.len() + self.facts_text.len() >= COPY_BYTES { self.send().await } else { Ok(()) }
    }

    /// Starts a COPY when the one before has ended.
    async fn send(&mut self) -> Result<(), ProjectorError> {
        self.sent().await?;
        let (pool, table) = (self.pool.clone(), self.table.clone());
        let rows = std::mem::take(&mut self.rows_text);
        let facts = std::mem::take(&mut self.facts_text);
        self.copying = Some(tokio::spawn(async move { copy_in(&pool, &table, &rows, &facts).await }));
        Ok(())
    }

    async fn sent(&mut self) -> Result<(), ProjectorError> {
        match self.copying.take() {
            Some(copying) => copying.await?,
            None => Ok(()),
        }
    }

    /// Sends the present versions, then makes the indexes, then empties what erased subjects left in old versions.
    pub(crate) async fn complete(&mut self, pool: &PgPool) -> Result<(), ProjectorError> {
        loop {
            let more = self.fold.settle(SETTLE_ROWS).map_err(|detail| self.defect(detail))?;
            self.take();
            self.copy().await?;
            if !more {
                break;
            }
        }
        self.send().await?;
        self.sent().await?;
        let mut tx = pool.begin().await?;
        sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await?;
        sqlx::query("set local maintenance_work_mem = '256MB'").execute(&mut *tx).await?;
        schema::create_indexes(&mut tx, self.model, &self.table).await?;
        self.erase(&mut tx).await?;
        tx.commit().await?;
        let analyze = format!("analyze {}, {}", self.table.rows, self.table.facts);
        sqlx::raw_sql(sqlx::AssertSqlSafe(analyze)).execute(pool).await?;
        Ok(())
    }

    async fn erase(&self, connection: &mut PgConnection) -> Result<(), ProjectorError> {
        let erased = self.fold.erased();
        for some in erased.chunks(1_000) {
            rows::erase(connection, &self.table, some).await?;
        }
        Ok(())
    }

    /// Writes what was folded since the tables are complete, in one transaction.
    pub(crate) async fn write(&mut self, pool: &PgPool) -> Result<(), ProjectorError> {
        self.fold.settle(usize::MAX).map_err(|detail| self.defect(detail))?;
        self.take();
        let mut tx = pool.begin().await?;
        rows::write(&mut tx, &self.table, &mut self.changes).await?;
        self.erase(&mut tx).await?;
        tx.commit().await?;
        self.changes = Changes::default();
        Ok(())
    }

    /// Lets the views show the new tables, and replaces the parked keys.
    pub(crate) async fn show(&self, connection: &mut PgConnection, replaced: bool) -> Result<(), ProjectorError> {
        schema::show(connection, self.model, &self.table, replaced).await?;
        let name = self.model.name();
        sqlx::query("delete from read.parked where model = $1").bind(name).execute(&mut *connection).await?;
        let parked = || self.parked.values();
        sqlx::query(
            "insert into read.parked (model, key, position, error, skipped)
             select $1, p.key, p.position, p.error, p.skipped
               from unnest($2::uuid[], $3::bigint[], $4::text[], $5::bigint[]) as p (key, position, error, skipped)",
        )
        .bind(name)
        .bind(parked().map(|(parked, _)| parked.key).collect::<Vec<_>>())
        .bind(parked().map(|(parked, _)| bigint(parked.position)).collect::<Vec<_>>())
        .bind(parked().map(|(parked, _)| parked.error.as_str()).collect::<Vec<_>>())
        .bind(parked().map(|(_, skipped)| bigint(*skipped)).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Waits for what is still being copied, so that nothing holds the tables.
    pub(crate) async fn rest(&mut self) {
        if let Err(error) = self.sent().await {
            tracing::debug!(model = self.model.name(), %error, "the last copy failed");
        }
    }
}

async fn copy_in(pool: &PgPool, table: &Table, rows: &str, facts: &str) -> Result<(), ProjectorError> {
    let mut tx = pool.begin().await?;
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await?;
    sqlx::query("set local synchronous_commit = off").execute(&mut *tx).await?;
    for (target, text) in [(&table.rows, rows), (&table.facts, facts)] {
        if !text.is_empty() {
            let mut copy = tx.copy_in_raw(&format!("copy {target} from stdin")).await?;
            copy.send(text.as_bytes()).await?;
            copy.finish().await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
