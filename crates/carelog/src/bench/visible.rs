//! From accepted to visible: how soon the query API shows what a command has changed.

use tokio_util::sync::CancellationToken;

use super::Bench;
use super::figure::{Figure, Must, Unit};
use super::flow::Flow;
use super::http::Connections;
use super::load::{self, Meter};
use super::rows::Row;
use super::target::position;
use crate::roles::Role;

/// How many commands a second are looked for in the API.
const LOOKED_FOR_PER_SECOND: f64 = 200.0;
const P99_MAX_MS: f64 = 150.0;
/// Twice the time of other rows, for a p99.9 of some thousand.
const LONGER: u32 = 2;

/// The row `visible`.
pub async fn visible(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let rate = bench.sustained_rate().await? / 2.0;
    let crew = bench.crew(&[Role::Commands, Role::Relay, Role::Projector, Role::Query]).await?;
    let api = Connections::to(crew.api()?);
    let customers = bench.small().await?.customers;
    let flow = Flow::new(&bench.bus, customers);
    let accepted = Meter::after_warm_up(bench.time * LONGER)?;
    let (visible, in_all) = (accepted.another(), accepted.another());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number of commands")]
    let every = (rate / LOOKED_FOR_PER_SECOND).ceil().max(1.0) as u64;
    let arrive = |arrival: u64, meant| {
        let (flow, api) = (flow.clone(), api.clone());
        let (accepted, visible, in_all) = (accepted.clone(), visible.clone(), in_all.clone());
        async move {
            let sent = flow.next().await?;
            let accepted_at = std::time::Instant::now();
            accepted.answered(meant);
            if arrival.is_multiple_of(every) {
                let freshness = format!("carelog-min-position: {}\r\nprefer: wait=10\r\n", position(&sent.reply)?);
                api.get(&format!("/v1/tickets/{}", sent.ticket.id), &freshness).await?;
                visible.note(meant, accepted_at);
                in_all.answered(meant);
            }
            Ok(())
        }
    };
    load::open(rate, &accepted, &CancellationToken::new(), arrive).await?;
    crew.stop(&mut bench.peaks).await?;
    let [accepted, visible, in_all] = [&accepted, &visible, &in_all].map(Meter::load);
    let note = format!(
        "open loop at {rate:.0} commands/s, half of what was sustained; {} of {} were looked for",
        visible.count(),
        accepted.count()
    );
    Ok(vec![
        Figure::new(Row::Visible, "accepted → visible in the API, p99", visible.latencies().p99_ms, Unit::Milliseconds)
            .with(visible.latencies())
            .must(Must::AtMost(P99_MAX_MS))
            .note(note),
        Figure::new(Row::Visible, "meant to be sent → accepted, p99", accepted.latencies().p99_ms, Unit::Milliseconds)
            .with(accepted.latencies()),
        Figure::new(Row::Visible, "meant to be sent → visible, p99", in_all.latencies().p99_ms, Unit::Milliseconds)
            .with(in_all.latencies()),
    ])
}
