//! The relay with a backlog: how fast it drains while the same load goes on.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio_util::sync::CancellationToken;

use super::Bench;
use super::crew::{self, Crew};
use super::database::Database;
use super::figure::{Figure, Must, Unit};
use super::flow::Flow;
use super::load::{self, Meter};
use super::rows::Row;
use super::yardsticks::per_second;
use crate::roles::Role;

const GOAL: f64 = 1.5;
/// So close to the end of the history the backlog counts as drained.
const NEAR_EVENTS: u64 = 500;
/// How often the time of other rows draining may take; what was published until then counts.
const DRAIN_TIMES_MAX: u32 = 4;
const LOOK: Duration = Duration::from_millis(10);
const START_MAX: Duration = Duration::from_secs(20);

/// What was seen while the backlog was drained.
struct Drained {
    published: u64,
    appended: u64,
    backlog: u64,
    elapsed: Duration,
}

/// The row `relay`.
pub async fn relay(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let rate = bench.sustained_rate().await?;
    let mut crew = bench.crew(&[Role::Commands, Role::Relay, Role::Projector]).await?;
    crew.stop_one(Role::Relay, &mut bench.peaks).await?;
    let small = bench.small().await?;
    let flow = Flow::new(&bench.bus, small.customers);
    let stop = CancellationToken::new();
    let meter = Meter::after_warm_up(bench.time * (DRAIN_TIMES_MAX + 1) + START_MAX)?;
    let loading = load::open(rate, &meter, &stop, |_, _| {
        let flow = flow.clone();
        async move { flow.next().await.map(drop) }
    });
    let draining = async {
        tokio::time::sleep(bench.time).await;
        let drained = drain(bench, &mut crew, &small).await;
        stop.cancel();
        drained
    };
    let (loaded, drained) = tokio::join!(loading, draining);
    crew.stop(&mut bench.peaks).await?;
    loaded?;
    let Drained { published, appended, backlog, elapsed } = drained?;
    let note = format!(
        "open loop at the sustained load, with the models; from a backlog of {backlog} events, while {:.0} events/s were \
         appended",
        per_second(appended, elapsed)
    );
    Ok(vec![
        Figure::new(
            Row::Relay,
            "relay with a backlog under that load",
            per_second(published, elapsed),
            Unit::PerSecond,
        )
        .beside("sustained", rate)
        .must(Must::RatioAtLeast(GOAL))
        .note(note),
    ])
}

/// Starts the relay and watches the stream until it has nearly caught up.
async fn drain(bench: &Bench, crew: &mut Crew, small: &Database) -> anyhow::Result<Drained> {
    let before = crew::published(&bench.bus).await;
    crew.start_one(&bench.environment, small, Role::Relay)?;
    let started = Instant::now();
    let mut first = crew::published(&bench.bus).await;
    while first <= before {
        ensure!(started.elapsed() < START_MAX, "the relay publishes nothing");
        tokio::time::sleep(LOOK).await;
        first = crew::published(&bench.bus).await;
    }
    let (begun, head_at_first) = (Instant::now(), small.head().await?);
    loop {
        tokio::time::sleep(LOOK).await;
        let (last, elapsed, head) = (crew::published(&bench.bus).await, begun.elapsed(), small.head().await?);
        if last + NEAR_EVENTS >= head || elapsed > bench.time * DRAIN_TIMES_MAX {
            let (published, appended) = (last - first, head - head_at_first);
            return Ok(Drained { published, appended, backlog: head_at_first - first, elapsed });
        }
    }
}
