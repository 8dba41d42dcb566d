//! A model rebuilt from the history and the history replayed, each by a process of its own, beside COPY of the same
//! events.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use futures_util::StreamExt as _;
use read_side::status::status;
use sqlx::{Connection as _, PgConnection};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::Bench;
use super::crew::Memory;
use super::database::Database;
use super::figure::{Figure, Must, Unit};
use super::memory::mebibytes;
use super::rows::Row;
use super::yardsticks::per_second;
use crate::config::Environment;

const REBUILD_RATE_MIN: f64 = 100_000.0;
const REBUILD_MAX_MIB: f64 = 512.0;
const REPLAY_GOAL: f64 = 0.4;
const LOOK: Duration = Duration::from_millis(20);
const MODEL: &str = "ticket";

/// The row `rebuild`.
pub async fn rebuild(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let large = bench.large(0).await?;
    let events = format!("category = '{MODEL}'");
    let (events, copying) = copy_out(&large, &format!("select * from log.event where {events}")).await?;
    let (rebuilding, peak_kib) = rebuild_model(&bench.environment, &large).await?;
    large.settle().await?;
    let what = format!("rebuild of the {MODEL} model, {events} events");
    Ok(vec![
        Figure::new(Row::Rebuild, what, per_second(events, rebuilding), Unit::PerSecond)
            .beside("COPY out", per_second(events, copying))
            .must(Must::AtLeast(REBUILD_RATE_MIN))
            .note("one pass, with unsealing, all versions and the indexes; the process's start counts"),
        Figure::new(Row::Rebuild, "RSS of the rebuild, peak", mebibytes(peak_kib), Unit::Mebibytes)
            .must(Must::AtMost(REBUILD_MAX_MIB)),
    ])
}

/// The row `replay`.
pub async fn replay(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let large = bench.large(0).await?;
    let (events, copying) = copy_out(&large, "table log.event").await?;
    let begun = Instant::now();
    let mut child = carelog(&bench.environment, &large, &["replay"])?.stdout(Stdio::piped()).spawn()?;
    let mut output = child.stdout.take().context("the output of the replay")?;
    let mut buffer = vec![0; 1 << 18];
    let mut lines = 0_u64;
    loop {
        let read = output.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        lines += buffer.iter().take(read).filter(|byte| **byte == b'\n').count() as u64;
    }
    ensure!(child.wait().await?.success(), "the replay failed");
    ensure!(lines == events, "the replay gave {lines} of {events} events");
    let replaying = begun.elapsed();
    Ok(vec![
        Figure::new(
            Row::Replay,
            format!("replay as NDJSON, {events} events"),
            per_second(events, replaying),
            Unit::PerSecond,
        )
        .beside("COPY out", per_second(events, copying))
        .must(Must::RatioAtLeast(REPLAY_GOAL)),
    ])
}

/// Brings the ticket model of a history up to its end, if it is not there.
///
/// # Errors
/// The rebuild fails.
pub async fn ensure_model(environment: &Environment, database: &Database) -> anyhow::Result<()> {
    let head = database.head().await?;
    let models = status(&database.pool).await.unwrap_or_default();
    if !models.iter().any(|model| model.model == MODEL && model.position == head) {
        rebuild_model(environment, database).await?;
        database.settle().await?;
    }
    Ok(())
}

/// Rebuilds the ticket model in a process of its own. Gives how long that took, and the most memory in KiB.
async fn rebuild_model(environment: &Environment, database: &Database) -> anyhow::Result<(Duration, u64)> {
    let begun = Instant::now();
    let mut command = carelog(environment, database, &["models", "rebuild", MODEL])?;
    let mut child: Child = command.stdout(Stdio::null()).spawn()?;
    let process_id = child.id().context("the rebuild has no process id")?;
    let mut peak_kib = 0;
    loop {
        match tokio::time::timeout(LOOK, child.wait()).await {
            Ok(ended) => {
                ensure!(ended?.success(), "the rebuild failed");
                return Ok((begun.elapsed(), peak_kib));
            }
            // A process that has ended in this moment has no memory left to tell.
            Err(_) => peak_kib = Memory::of(process_id).map_or(peak_kib, |memory| memory.peak_kib),
        }
    }
}

fn carelog(environment: &Environment, database: &Database, args: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("cannot tell the path of this program")?);
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command.env("DATABASE_URL", &database.url).env_remove("CARELOG_MASTER_KEY_FILE");
    command.env("CARELOG_MASTER_KEY", environment.required("CARELOG_MASTER_KEY", "the bench sets it")?);
    Ok(command)
}

/// Reads what a query gives by COPY and drops it. Gives how many rows there were, and how long it took.
async fn copy_out(database: &Database, query: &str) -> anyhow::Result<(u64, Duration)> {
    let mut connection = PgConnection::connect(&database.url).await?;
    let begun = Instant::now();
    let mut rows = connection.copy_out_raw(&format!("copy ({query}) to stdout")).await?;
    let mut lines = 0_u64;
    while let Some(part) = rows.next().await {
        // In COPY's text format a line break inside a value is escaped.
        lines += part?.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok((lines, begun.elapsed()))
}
