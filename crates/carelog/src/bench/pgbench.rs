//! pgbench, the yardstick that comes with PostgreSQL.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use tokio::process::Command;
use uuid::Uuid;

/// A scratch directory, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> anyhow::Result<Self> {
        let path = std::env::temp_dir().join(format!("carelog-bench-{}", Uuid::new_v4().simple()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What pgbench measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// Transactions a second.
    pub rate: f64,
    /// Half of them took longer; measured with one connection only.
    pub p50_ms: Option<f64>,
}

/// Runs a statement again and again, prepared, over so many connections. `variables` are its parameters: where the
/// statement has `:name`.
///
/// # Errors
/// pgbench is missing or fails.
pub async fn run(
    url: &str,
    statement: &str,
    variables: &[(&str, &str)],
    connections: u32,
    time: Duration,
) -> anyhow::Result<Measured> {
    let scratch = Scratch::make()?;
    let script = scratch.0.join("script.sql");
    std::fs::write(&script, statement)?;
    let mut command = prepared(connections, time);
    command.arg("-f").arg(&script);
    for (name, value) in variables {
        command.args(["-D", &format!("{name}={value}")]);
    }
    let log_prefix = scratch.0.join("log");
    if connections == 1 {
        command.args(["-l", "--log-prefix"]).arg(&log_prefix);
    }
    let rate = rate(command.arg(url)).await?;
    let p50_ms = if connections == 1 { Some(p50_ms(&scratch.0)?) } else { None };
    Ok(Measured { rate, p50_ms })
}

/// `pgbench -S`: one row by its key, of the tables that [`fill`] made.
///
/// # Errors
/// pgbench is missing or fails.
pub async fn select(url: &str, connections: u32, time: Duration) -> anyhow::Result<Measured> {
    let rate = rate(prepared(connections, time).args(["-S"]).arg(url)).await?;
    Ok(Measured { rate, p50_ms: None })
}

/// Makes pgbench's own tables, with 100,000 rows for each of `scale`.
///
/// # Errors
/// pgbench is missing or fails.
pub async fn fill(url: &str, scale: u32) -> anyhow::Result<()> {
    let output = Command::new(program()).args(["-i", "-q", "-s", &scale.to_string(), url]).output().await;
    let output = output.context("pgbench cannot be run: it comes with PostgreSQL")?;
    anyhow::ensure!(output.status.success(), "pgbench -i: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

fn prepared(connections: u32, time: Duration) -> Command {
    let mut command = Command::new(program());
    let threads = connections.min(2).to_string();
    let seconds = time.as_secs().max(1).to_string();
    command.args(["-n", "-M", "prepared", "-j", &threads, "-c", &connections.to_string(), "-T", &seconds]);
    command
}

async fn rate(command: &mut Command) -> anyhow::Result<f64> {
    let output = command.output().await.context("pgbench cannot be run: it comes with PostgreSQL")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench told no rate: {told} {}", String::from_utf8_lossy(&output.stderr)))
}

/// The median of pgbench's log: a line a transaction, in which the third word is its time in microseconds.
fn p50_ms(directory: &Path) -> anyhow::Result<f64> {
    let mut times_us: Vec<u32> = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")) {
            let text = std::fs::read_to_string(path)?;
            times_us.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u32>().ok()));
        }
    }
    times_us.sort_unstable();
    let median = times_us.get(times_us.len() / 2).context("pgbench wrote no log")?;
    Ok(f64::from(*median) / 1_000.0)
}

/// The newest installed pgbench, else the one on PATH.
fn program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin/pgbench"))))
        .filter(|(_, program)| program.exists())
        .max();
    newest.map_or_else(|| PathBuf::from("pgbench"), |(_, program)| program)
}
