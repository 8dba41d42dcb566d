//! Many clients on one ticket, and four processes that decide: each append gets in the way of the other three.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Bench;
use super::desk::{Order, Ticket};
use super::figure::{Figure, Must, Unit};
use super::load::{self, Meter};
use super::rows::Row;
use super::target::{Target, ask};
use crate::roles::Role;

const CLIENTS: usize = 128;
const RATE_MIN: f64 = 1_500.0;
const P99_MAX_MS: f64 = 1_000.0;
/// One command in so many is a note, up to as many as a ticket can well have; the others log time.
const NOTE_EVERY: u64 = 4;
const NOTES_MAX: u64 = 8_000;

/// The row `hot-ticket`.
pub async fn hot_ticket(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let crew = bench.crew(&[Role::Commands; 4]).await?;
    let ticket = Ticket::new(bench.small().await?.customers);
    Target::nats(&bench.bus).send(ticket.order(0)).await?;
    let (sent, not_accepted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let meter = Meter::after_warm_up(bench.time)?;
    let load = load::closed(CLIENTS, &meter, |_, meter| {
        let (bus, id) = (bench.bus.clone(), ticket.id);
        let (sent, not_accepted) = (Arc::clone(&sent), Arc::clone(&not_accepted));
        async move {
            while meter.is_running() {
                let number = sent.fetch_add(1, Ordering::Relaxed);
                let is_note = number.is_multiple_of(NOTE_EVERY) && number / NOTE_EVERY < NOTES_MAX;
                let begun = Instant::now();
                match ask(&bus, &Order::small(id, is_note)).await {
                    Ok(_) => meter.done(begun),
                    Err(error) => {
                        tracing::warn!("{error:#}");
                        not_accepted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
            Ok(())
        }
    });
    let load = load.await?;
    crew.stop(&mut bench.peaks).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let not_accepted = not_accepted.load(Ordering::Relaxed) as f64;
    let what = format!("one ticket, {CLIENTS} clients, 4 processes");
    Ok(vec![
        Figure::new(Row::HotTicket, what.clone(), load.rate(), Unit::PerSecond)
            .with(load.latencies())
            .must(Must::AtLeast(RATE_MIN)),
        Figure::new(Row::HotTicket, format!("{what}, p99"), load.latencies().p99_ms, Unit::Milliseconds)
            .must(Must::AtMost(P99_MAX_MS)),
        Figure::new(Row::HotTicket, format!("{what}, not accepted"), not_accepted, Unit::Count).must(Must::AtMost(0.0)),
    ])
}
