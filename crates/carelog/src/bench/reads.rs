//! Reads over HTTP from a million tickets: one by its id, and filtered lists.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::Bench;
use super::crew::Crew;
use super::database::Database;
use super::desk::{self, Ticket};
use super::figure::{Figure, Must, Unit};
use super::http::{Connection, Connections};
use super::load::{self, Load, Meter};
use super::models::ensure_model;
use super::rows::Row;
use super::yardsticks::{HTTP_CONNECTIONS, SELECT_CONNECTIONS};
use crate::roles::Role;

const GET_GOAL: f64 = 0.3;
const LISTS_PER_SECOND: f64 = 500.0;
const LIST_P99_MAX_MS: f64 = 25.0;
/// The lists are asked for this much longer than other rows are measured, for a p99 of some thousand.
const LONGER: u32 = 2;

/// The row `get`.
pub async fn get(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let (large, crew) = served(bench).await?;
    let yardstick = bench.selects().await?;
    let load = gets(crew.api()?, large.tickets(), &Meter::after_warm_up(bench.time)?).await?;
    crew.stop(&mut bench.peaks).await?;
    let what = format!("GET /v1/tickets/{{id}}, {HTTP_CONNECTIONS} connections, {} tickets", large.tickets());
    Ok(vec![
        Figure::new(Row::Get, what, load.rate(), Unit::PerSecond)
            .with(load.latencies())
            .beside(format!("pgbench -S {SELECT_CONNECTIONS}"), yardstick)
            .must(Must::RatioAtLeast(GET_GOAL)),
    ])
}

/// The row `list`.
pub async fn list(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let (large, crew) = served(bench).await?;
    let api = Connections::to(crew.api()?);
    let meter = Meter::after_warm_up(bench.time * LONGER)?;
    let refusals = Arc::new(AtomicU64::new(0));
    let arrive = |arrival, meant| {
        let (api, meter, refusals) = (api.clone(), meter.clone(), Arc::clone(&refusals));
        async move {
            refusals.fetch_add(api.get(&list_path(arrival), "").await?, Ordering::Relaxed);
            meter.answered(meant);
            Ok(())
        }
    };
    load::open(LISTS_PER_SECOND, &meter, &CancellationToken::new(), arrive).await?;
    crew.stop(&mut bench.peaks).await?;
    let load = meter.load();
    let note = format!(
        "open loop, by status with team: in turn open, new, resolved, and all that a team has; newest first; refused as \
         too many {} times, and asked again",
        refusals.load(Ordering::Relaxed)
    );
    let what = format!("filtered list of 50 at {LISTS_PER_SECOND}/s, {} tickets, p99", large.tickets());
    Ok(vec![
        Figure::new(Row::List, what, load.latencies().p99_ms, Unit::Milliseconds)
            .with(load.latencies())
            .must(Must::AtMost(LIST_P99_MAX_MS))
            .note(note),
    ])
}

/// The large history with its ticket model and a query API on it.
async fn served(bench: &mut Bench) -> anyhow::Result<(Database, Crew)> {
    let large = bench.large(0).await?;
    ensure_model(&bench.environment, &large).await?;
    let crew = Crew::start(&bench.environment, &bench.bus, &large, &[Role::Query]).await?;
    Ok((large, crew))
}

/// Reads tickets of the fill by their ids, here and there, over as many connections as the yardstick of HTTP. A request
/// that the server has no room for is made again, and counts from the first time.
///
/// # Errors
/// An answer is neither 200 nor 503.
pub async fn gets(addr: SocketAddr, tickets: u64, meter: &Meter) -> anyhow::Result<Load> {
    load::closed(HTTP_CONNECTIONS, meter, |worker, meter| async move {
        let mut connection = Connection::open(addr).await?;
        let mut turn = worker as u64;
        while meter.is_running() {
            let ticket = Ticket::of_fill(desk::scattered(turn) % tickets.max(1));
            let path = format!("/v1/tickets/{}", ticket.id);
            let begun = Instant::now();
            connection.get_patiently(&path, "").await?;
            meter.done(begun);
            turn += HTTP_CONNECTIONS as u64;
        }
        Ok(())
    })
    .await
}

fn list_path(arrival: u64) -> String {
    let team = desk::team(desk::scattered(arrival));
    match arrival % 4 {
        0 => format!("/v1/tickets?status=open&team={team}&sort=-opened_at&limit=50"),
        1 => format!("/v1/tickets?status=new&team={team}&sort=-opened_at&limit=50"),
        2 => format!("/v1/tickets?status=resolved&team={team}&sort=-opened_at&limit=50"),
        _ => format!("/v1/tickets?team={team}&sort=-opened_at&limit=50"),
    }
}
