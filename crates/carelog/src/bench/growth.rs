//! Growth: appends and reads on a long history beside the same on a young one, in turns.

use std::net::SocketAddr;

use super::Bench;
use super::crew::Crew;
use super::database::{Database, Size};
use super::figure::{Figure, Must, Unit};
use super::load::Meter;
use super::models::ensure_model;
use super::reads;
use super::rows::Row;
use super::target::Brake;
use crate::roles::Role;

const IN_FLIGHT: usize = 256;
const PAIRS: usize = 5;
const GOAL: f64 = 0.85;

/// The row `growth`.
pub async fn growth(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let large = bench.large(bench.args.grown_events).await?;
    let young = bench.filled("young", Size { tickets: u64::MAX, events: bench.args.events }).await?;
    let mut appends = Pairs::default();
    for _ in 0..PAIRS {
        let of_young = append_rate(bench, &young).await?;
        let of_large = append_rate(bench, &large).await?;
        appends.add(of_large, of_young);
    }
    for database in [&young, &large] {
        ensure_model(&bench.environment, database).await?;
    }
    let start = |database| Crew::start(&bench.environment, &bench.bus, database, &[Role::Query]);
    let (on_young, on_large) = (start(&young).await?, start(&large).await?);
    let mut gets = Pairs::default();
    for _ in 0..PAIRS {
        let of_young = get_rate(bench, on_young.api()?, &young).await?;
        let of_large = get_rate(bench, on_large.api()?, &large).await?;
        gets.add(of_large, of_young);
    }
    for crew in [on_young, on_large] {
        crew.stop(&mut bench.peaks).await?;
    }
    let (grown, before) = (large.head().await?, young.head().await?);
    let note = format!(
        "medians of {PAIRS} interleaved pairs; the large history has {grown} events by now, the young one {before}"
    );
    Ok(vec![
        appends.figure(&format!("appends, {IN_FLIGHT} in flight, on the large history")).note(note),
        gets.figure("GET of a ticket on the large history"),
    ])
}

async fn append_rate(bench: &Bench, database: &Database) -> anyhow::Result<f64> {
    let meter = Meter::after_warm_up(bench.time / 2)?;
    Ok(database.lane.lives(database.customers, IN_FLIGHT, &meter, &Brake::default()).await?.rate())
}

async fn get_rate(bench: &Bench, addr: SocketAddr, database: &Database) -> anyhow::Result<f64> {
    Ok(reads::gets(addr, database.tickets(), &Meter::after_warm_up(bench.time / 2)?).await?.rate())
}

/// Rates that were measured in turns.
#[derive(Default)]
struct Pairs {
    large: Vec<f64>,
    young: Vec<f64>,
    ratios: Vec<f64>,
}

impl Pairs {
    fn add(&mut self, large: f64, young: f64) {
        self.large.push(large);
        self.young.push(young);
        self.ratios.push(large / young);
    }

    /// The ratio is the median of the pairs' ratios, not that of the medians.
    fn figure(self, what: &str) -> Figure {
        let ratio = median(self.ratios);
        let figure =
            Figure::new(Row::Growth, what, median(self.large), Unit::PerSecond).beside("young", median(self.young));
        Figure { ratio: Some(ratio), ..figure }.must(Must::RatioAtLeast(GOAL))
    }
}

/// The middle one; not a number where there is none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_the_median_of_the_pairs() {
        let mut pairs = Pairs::default();
        for (large, young) in [(90.0, 100.0), (10.0, 100.0), (80.0, 100.0), (300.0, 100.0), (85.0, 100.0)] {
            pairs.add(large, young);
        }
        let figure = pairs.figure("appends");
        assert_eq!((figure.ratio, figure.reached), (Some(0.85), Some(true)));
    }
}
