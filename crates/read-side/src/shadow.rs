//! A generation of a model in the making: its tables not yet shown, the rows touched last in memory.
//!
//! While the history is read, versions go to the tables by COPY as they end, and present ones as their rows are let go
//! of: no more than [`ROWS_IN_HAND_MAX`] rows are in memory. A row that is touched again later is read back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::stream::{self, StreamExt as _};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::copy::Rows;
use crate::decode::{self, Incoming};
use crate::error::ProjectorError;
use crate::fold::{Changes, FactChange, Folding, Parked};
use crate::model::Model;
use crate::schema::{self, Indexes};
use crate::table::Table;
use crate::{bigint, rows};

/// So many bytes go to PostgreSQL in one COPY.
const COPY_BYTES: usize = 4 << 20;
/// The most rows in memory between two pages of the history.
const ROWS_IN_HAND_MAX: usize = 40_960;
/// How many indexes of a model are made at once.
const INDEXES_AT_ONCE: usize = 2;
/// The models of this process whose indexes are made.
static INDEXING: Semaphore = Semaphore::const_new(1);
/// Present versions given out at once at the end.
const RELEASED_AT_ONCE: usize = 10_000;

pub(crate) struct Shadow {
    model: &'static dyn Model,
    generation: u32,
    table: Table,
    fold: Box<dyn Folding>,
    changes: Changes,
    /// The rows that were let go of, and may have to be read back.
    stored: Stored,
    /// Whether present versions can be found by their key.
    indexed: bool,
    rows_in_hand_max: usize,
    erased: BTreeSet<Uuid>,
    /// Rollups so far, with the numbers that stand for their names.
    totals: HashMap<String, (i32, [i64; 4])>,
    parked: BTreeMap<Uuid, (Parked, u64)>,
    versions: u64,
    rows: Rows,
    facts: Rows,
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
            stored: Stored::default(),
            indexed: false,
            rows_in_hand_max: ROWS_IN_HAND_MAX,
            erased: BTreeSet::new(),
            totals: HashMap::new(),
            parked: BTreeMap::new(),
            versions: 0,
            rows: Rows::default(),
            facts: Rows::default(),
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
    pub(crate) async fn fold(&mut self, events: &[Incoming]) -> Result<(), ProjectorError> {
        let reads = self.model.reads();
        if let Some((index, why)) = decode::first_unreadable(events, |category| reads.contains(&category)) {
            let position = events.get(index).map_or(0, |event| event.recorded.position);
            return Err(ProjectorError::Unreadable { position, detail: why.to_owned() });
        }
        self.erased.extend(decode::erased_subjects(events));
        self.read_back(events).await?;
        for happened in decode::read_by(self.model, events) {
            self.fold.apply(happened).map_err(|detail| self.defect(detail))?;
        }
        self.take();
        Ok(())
    }

    /// Takes rows in hand that are stored already.
    async fn read_back(&mut self, events: &[Incoming]) -> Result<(), ProjectorError> {
        let mut wanted = BTreeSet::new();
        for happened in decode::read_by(self.model, events) {
            let touched = self.fold.touched(happened).map_err(|detail| self.defect(detail))?;
            wanted.extend(touched.into_iter().filter(|key| self.stored.may_hold(*key) && !self.fold.holds(*key)));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.send().await?;
        self.sent().await?;
        let wanted: Vec<_> = wanted.into_iter().collect();
        let mut connection = self.pool.acquire().await?;
        if !self.indexed {
            schema::index_present(&mut connection, &self.table).await?;
            self.indexed = true;
        }
        for stored in rows::load(&mut connection, &self.table, &wanted).await? {
            self.fold.hold(stored).map_err(|detail| self.defect(detail))?;
        }
        Ok(())
    }

    /// Lets go of rows until no more than so many are in memory.
    fn release(&mut self, keep: usize) -> Result<(), ProjectorError> {
        self.fold.release(keep).map_err(|detail| self.defect(detail))?;
        self.take();
        Ok(())
    }

    fn take(&mut self) {
        let Changes { closed, versions, stale, parked, skipped, facts } = self.fold.take();
        self.versions += versions.len() as u64;
        versions.iter().filter(|version| version.to.is_none()).for_each(|version| self.stored.insert(version.key));
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

    /// Sends what was folded to the new tables, once there is enough.
    pub(crate) async fn copy(&mut self) -> Result<(), ProjectorError> {
        self.release(self.rows_in_hand_max)?;
        self.write_down().await
    }

    async fn write_down(&mut self) -> Result<(), ProjectorError> {
        let Changes { closed, stale, versions, facts, .. } = std::mem::take(&mut self.changes);
        if !closed.is_empty() || !stale.is_empty() {
            // A row's stored version ends before its next one can come.
            let mut ended = Changes { closed, stale, ..Changes::default() };
            let mut tx = self.pool.begin().await?;
            rows::write(&mut tx, &self.table, &mut ended).await?;
            tx.commit().await?;
        }
        for version in versions {
            let written = self.rows.version(&version, &self.table.columns);
            written.map_err(|error| self.defect(format!("a row does not fit its table: {error}")))?;
        }
        self.name(&facts).await?;
        for FactChange { fact, position, add } in facts {
            if let Some((id, totals)) = self.totals.get_mut(&fact) {
                totals.iter_mut().zip(add).for_each(|(total, add)| *total = total.saturating_add(add));
                self.facts.fact(*id, position, *totals);
            }
        }
        if self.rows.len() + self.facts.len() >= COPY_BYTES { self.send().await } else { Ok(()) }
    }

    /// Gives the facts that come for the first time their numbers.
    async fn name(&mut self, facts: &[FactChange]) -> Result<(), ProjectorError> {
        let names = facts.iter().map(|change| change.fact.as_str());
        let new: BTreeSet<_> = names.filter(|name| !self.totals.contains_key(*name)).collect();
        if !new.is_empty() {
            let ids = rows::fact_ids(&mut *self.pool.acquire().await?, &self.table, new).await?;
            self.totals.extend(ids.into_iter().map(|(name, id)| (name, (id, [0; 4]))));
        }
        Ok(())
    }

    /// Starts a COPY when the one before has ended.
    async fn send(&mut self) -> Result<(), ProjectorError> {
        self.sent().await?;
        let (pool, table) = (self.pool.clone(), self.table.clone());
        let rows = std::mem::take(&mut self.rows);
        let facts = std::mem::take(&mut self.facts);
        self.copying = Some(tokio::spawn(async move { copy_in(&pool, &table, rows, facts).await }));
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
        while self.fold.unstored() > 0 {
            self.release(self.fold.unstored().saturating_sub(RELEASED_AT_ONCE))?;
            self.write_down().await?;
        }
        self.send().await?;
        self.sent().await?;
        let Indexes { make, finish } = Indexes::of(self.model, &self.table);
        let mut tx = unhurried(pool).await?;
        schema::index_present(&mut tx, &self.table).await?;
        tx.commit().await?;
        // Indexes take memory and connections: of several models in turn. All are awaited, also where one has failed.
        let indexing = INDEXING.acquire().await.map_err(|error| ProjectorError::Stopped(error.to_string()))?;
        let made = stream::iter(make).map(|statement| make_index(pool, statement)).buffer_unordered(INDEXES_AT_ONCE);
        made.collect::<Vec<_>>().await.into_iter().collect::<Result<(), _>>()?;
        drop(indexing);
        self.indexed = true;
        let mut tx = unhurried(pool).await?;
        sqlx::raw_sql(AssertSqlSafe(finish)).execute(&mut *tx).await?;
        self.erase(&mut tx).await?;
        tx.commit().await?;
        let analyze = format!("analyze {}, {}", self.table.rows, self.table.facts);
        sqlx::raw_sql(AssertSqlSafe(analyze)).execute(pool).await?;
        Ok(())
    }

    async fn erase(&self, connection: &mut PgConnection) -> Result<(), ProjectorError> {
        let erased: Vec<_> = self.erased.iter().copied().collect();
        for some in erased.chunks(1_000) {
            rows::erase(connection, &self.table, some).await?;
        }
        Ok(())
    }

    /// Writes what was folded since the tables are complete, in one transaction.
    pub(crate) async fn write(&mut self, pool: &PgPool) -> Result<(), ProjectorError> {
        self.release(0)?;
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

/// Which rows were stored: says yes for all of them, and for a few others. Its size does not grow with the rows: the
/// keys' own bits are looked up in it, as in a Bloom filter.
#[derive(Default)]
struct Stored {
    bits: Vec<u64>,
}

impl Stored {
    /// 16 MiB: of ten million rows it tells apart 98 of 100 others.
    const WORDS: usize = 1 << 21;

    /// The words and bits of a key: its last 64 bits are random in most ids, and so are two halves of them.
    fn places(key: Uuid) -> [(usize, u64); 2] {
        let (high, low) = key.as_u64_pair();
        [low, low.rotate_left(32) ^ high].map(|bits| {
            let mixed = bits.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 37;
            ((mixed >> 6) as usize, 1 << (mixed & 63))
        })
    }

    fn insert(&mut self, key: Uuid) {
        self.bits.resize(Self::WORDS, 0);
        for (word, bit) in Self::places(key) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn may_hold(&self, key: Uuid) -> bool {
        Self::places(key).iter().all(|(word, bit)| self.bits.get(*word).is_some_and(|word| word & bit != 0))
    }
}

/// A transaction for what takes long.
async fn unhurried(pool: &PgPool) -> Result<Transaction<'static, Postgres>, ProjectorError> {
    let mut tx = pool.begin().await?;
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await?;
    sqlx::query("set local maintenance_work_mem = '256MB'").execute(&mut *tx).await?;
    Ok(tx)
}

async fn make_index(pool: &PgPool, statement: String) -> Result<(), ProjectorError> {
    let mut tx = unhurried(pool).await?;
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn copy_in(pool: &PgPool, table: &Table, rows: Rows, facts: Rows) -> Result<(), ProjectorError> {
    let mut tx = pool.begin().await?;
    sqlx::query("set local statement_timeout = 0").execute(&mut *tx).await?;
    sqlx::query("set local synchronous_commit = off").execute(&mut *tx).await?;
    for (target, bytes) in [(&table.rows, rows.finish()), (&table.facts, facts.finish())] {
        if let Some(bytes) = bytes {
            let mut copy = tx.copy_in_raw(&format!("copy {target} from stdin (format binary)")).await?;
            copy.send(bytes).await?;
            copy.finish().await?;
        }
    }
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
#[path = "shadow_tests.rs"]
mod tests;
