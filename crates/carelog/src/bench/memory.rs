//! Memory of each role: idle after a start, and at the highest load of this run.

use std::time::{Duration, Instant};

use super::Bench;
use super::figure::{Figure, Must, Unit};
use super::load::Meter;
use super::reads;
use super::rows::Row;
use super::target::{Brake, Target};
use crate::roles::Role;

const IN_FLIGHT: usize = 1_024;
const IDLE_MAX_MIB: f64 = 64.0;
const LOADED_MAX_MIB: f64 = 512.0;
/// How long the roles do nothing before they are looked at.
const REST: Duration = Duration::from_secs(2);

/// The row `memory`.
pub async fn memory(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    // A projector that starts on a long history builds its models first, which is not idle: they are made before.
    bench.crew(&[Role::Relay, Role::Projector]).await?.stop(&mut bench.peaks).await?;
    let crew = bench.crew(&Role::ALL).await?;
    tokio::time::sleep(REST.min(bench.time)).await;
    let idle = crew.memory()?;
    let small = bench.small().await?;
    let meter = Meter::after_warm_up(bench.time)?;
    let gets_meter = meter.another();
    let (target, brake) = (Target::nats(&bench.bus), Brake::default());
    let commands = target.lives(small.customers, IN_FLIGHT, &meter, &brake);
    let gets = reads::gets(crew.api()?, small.tickets(), &gets_meter);
    let begun = Instant::now();
    let (commands, gets) = tokio::try_join!(commands, gets)?;
    crew.stop(&mut bench.peaks).await?;
    let note = format!(
        "the highest of this run; here {:.0} commands/s ({IN_FLIGHT} in flight) and {:.0} GET/s for {:.0} s",
        commands.rate(),
        gets.rate(),
        begun.elapsed().as_secs_f64()
    );
    let mut figures = Vec::new();
    for (role, memory) in idle {
        figures.push(
            Figure::new(Row::Memory, format!("RSS of {role}, idle"), mebibytes(memory.now_kib), Unit::Mebibytes)
                .must(Must::AtMost(IDLE_MAX_MIB)),
        );
        let peak_kib = bench.peaks.get(&role).copied().unwrap_or_default();
        let loaded = Figure::new(Row::Memory, format!("RSS of {role}, peak"), mebibytes(peak_kib), Unit::Mebibytes)
            .must(Must::AtMost(LOADED_MAX_MIB));
        figures.push(if figures.len() == 1 { loaded.note(note.clone()) } else { loaded });
    }
    Ok(figures)
}

/// KiB as MiB.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "sizes of processes stay far below 2^53")]
pub fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1_024.0
}
