//! Commands while the relay and the projectors of all models keep up.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::Bench;
use super::crew;
use super::database::Database;
use super::figure::{Figure, Must, Unit};
use super::load::Meter;
use super::rows::Row;
use super::target::{Brake, Target};
use super::yardsticks::per_second;
use crate::roles::Role;

const IN_FLIGHT: usize = 256;
const GOAL: f64 = 0.3;
/// While the slowest model lacks more events than this, the clients wait.
const LAG_MAX: u64 = 2_000;
const LOOK: Duration = Duration::from_millis(20);
/// How long PostgreSQL may take to publish its statistics.
const STATISTICS_DELAY: Duration = Duration::from_millis(1_500);
/// The window is longer than that of other rows: lag takes time to build up.
const LONGER: u32 = 2;

/// What the watch saw.
struct Watched {
    lag_at_start: u64,
    lag_at_end: u64,
    lag_max: u64,
}

/// The row `sustained`.
pub async fn sustained(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let yardstick = bench.inserts(32).await?.rate;
    let crew = bench.crew(&[Role::Commands, Role::Relay, Role::Projector]).await?;
    let time = bench.time * LONGER;
    let target = Target::nats(&bench.bus);
    let small = bench.small().await?;
    let (events_before, writes_before) = (small.head().await?, writes(&small).await?);
    let meter = Meter::after_warm_up(time)?;
    let brake = Brake::default();
    let watching = watch(&small, &meter, &brake);
    let load = target.lives(small.customers, IN_FLIGHT, &meter, &brake).await?;
    let watched = watching.await??;
    while crew::lag(&small).await? > 0 {
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(STATISTICS_DELAY).await;
    let (events, writes) = (small.head().await? - events_before, writes(&small).await? - writes_before);
    crew.stop(&mut bench.peaks).await?;
    // What was accepted but not yet projected was not sustained.
    let debt = per_second(watched.lag_at_end.saturating_sub(watched.lag_at_start), time);
    let rate = load.rate() - debt;
    bench.sustained = Some(rate);
    let note = format!(
        "the clients wait while a model lacks more than {LAG_MAX} events; it lacked {} at most, and what the lag grew \
         by in the window is taken off",
        watched.lag_max
    );
    Ok(vec![
        Figure::new(
            Row::Sustained,
            format!("sustained with relay and models, {IN_FLIGHT} in flight"),
            rate,
            Unit::PerSecond,
        )
        .with(load.latencies())
        .beside("INSERT 32", yardstick)
        .must(Must::RatioAtLeast(GOAL))
        .note(note),
        Figure::new(Row::Sustained, "rows written in the models per event", ratio(writes, events), Unit::Count),
    ])
}

impl Bench {
    /// The highest sustained load in commands a second, measured now if it was not before.
    pub(super) async fn sustained_rate(&mut self) -> anyhow::Result<f64> {
        if self.sustained.is_none() {
            sustained(self).await?;
        }
        Ok(self.sustained.unwrap_or_default())
    }
}

/// Pulls the brake while the models are too far behind, until the window has ended.
fn watch(database: &Database, meter: &Meter, brake: &Brake) -> JoinHandle<anyhow::Result<Watched>> {
    let (database, meter, brake) = (database.clone(), meter.clone(), brake.clone());
    tokio::spawn(async move {
        let (from, _) = meter.window();
        let mut watched = Watched { lag_at_start: 0, lag_at_end: 0, lag_max: 0 };
        while meter.is_running() {
            let lag = crew::lag(&database).await?;
            brake.set(lag > LAG_MAX);
            if std::time::Instant::now() < from {
                watched.lag_at_start = lag;
            }
            watched.lag_at_end = lag;
            watched.lag_max = watched.lag_max.max(lag);
            tokio::time::sleep(LOOK).await;
        }
        Ok(watched)
    })
}

/// How many rows were inserted, changed and removed in the models so far, their checkpoints apart.
async fn writes(database: &Database) -> anyhow::Result<u64> {
    let writes: i64 = sqlx::query_scalar(
        "select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint from pg_stat_user_tables \
         where schemaname = 'read' and relname <> 'checkpoint'",
    )
    .fetch_one(&database.pool)
    .await?;
    Ok(writes.unsigned_abs())
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn ratio(writes: u64, events: u64) -> f64 {
    writes as f64 / events.max(1) as f64
}
