//! Commands end to end: a request over NATS, decided, committed, replied to; only the role `commands` runs.

use super::Bench;
use super::figure::{Figure, Must, Unit};
use super::load::Meter;
use super::rows::Row;
use super::target::{Brake, Target};
use crate::roles::Role;

/// In flight, and the goal.
const LEVELS: [(usize, f64); 3] = [(32, 0.35), (256, 0.7), (1_024, 0.9)];
/// What one command alone may take, in INSERTs with request–replies.
const ONE_COMMAND_MAX: f64 = 2.5;

/// The row `commands`.
pub async fn commands(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let yardstick = bench.inserts(32).await?.rate;
    let crew = bench.crew(&[Role::Commands]).await?;
    let mut figures = Vec::new();
    for (in_flight, goal) in LEVELS {
        let meter = Meter::after_warm_up(bench.time)?;
        let target = Target::nats(&bench.bus);
        let customers = bench.small().await?.customers;
        let load = target.lives(customers, in_flight, &meter, &Brake::default()).await?;
        figures.push(
            Figure::new(
                Row::Commands,
                format!("commands over NATS, {in_flight} in flight"),
                load.rate(),
                Unit::PerSecond,
            )
            .with(load.latencies())
            .beside("INSERT 32", yardstick)
            .must(Must::RatioAtLeast(goal)),
        );
    }
    crew.stop(&mut bench.peaks).await?;
    Ok(figures)
}

/// The row `one-command`.
pub async fn one_command(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let insert_ms = bench.inserts(1).await?.p50_ms.unwrap_or(f64::NAN);
    let nats_ms = bench.nats_one_ms().await?;
    let crew = bench.crew(&[Role::Commands]).await?;
    let meter = Meter::after_warm_up(bench.time)?;
    let target = Target::nats(&bench.bus);
    let customers = bench.small().await?.customers;
    let load = target.lives(customers, 1, &meter, &Brake::default()).await?;
    crew.stop(&mut bench.peaks).await?;
    let what = "one command over NATS, p50";
    let note = format!("medians: INSERT over one connection {insert_ms:.2} ms + request–reply {nats_ms:.2} ms");
    Ok(vec![
        Figure::new(Row::OneCommand, what, load.latencies().p50_ms, Unit::Milliseconds)
            .with(load.latencies())
            .beside("INSERT + NATS", insert_ms + nats_ms)
            .must(Must::RatioAtMost(ONE_COMMAND_MAX))
            .note(note),
    ])
}
