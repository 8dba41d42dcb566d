//! Appends: decided commands through a lane of this process, without NATS.

use super::Bench;
use super::figure::{Figure, Must, Unit};
use super::load::Meter;
use super::rows::Row;
use super::target::Brake;

/// In flight, connections of the yardstick, and the goal.
const LEVELS: [(usize, u32, f64); 4] = [(1, 1, 0.4), (32, 32, 0.7), (256, 32, 1.5), (1_024, 32, 2.0)];

/// The row `appends`.
pub async fn appends(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (in_flight, connections, goal) in LEVELS {
        let yardstick = bench.inserts(connections).await?.rate;
        let time = bench.time;
        let small = bench.small().await?;
        let meter = Meter::after_warm_up(time)?;
        let load = small.lane.lives(small.customers, in_flight, &meter, &Brake::default()).await?;
        figures.push(
            Figure::new(Row::Appends, format!("appends, {in_flight} in flight"), load.rate(), Unit::PerSecond)
                .with(load.latencies())
                .beside(format!("INSERT {connections}"), yardstick)
                .must(Must::RatioAtLeast(goal)),
        );
    }
    Ok(figures)
}
