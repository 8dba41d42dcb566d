//! Random commands against the reference model of the domain, in memory and through PostgreSQL.
//!
//! `model --pure 5000000`; `carelog local -- model --postgres 100000` (needs `DATABASE_URL`).

use std::path::PathBuf;
use std::process::ExitCode;

use carelog_tests::model::{Evidence, postgres, pure};
use clap::Parser;

/// From so many commands on, a run is the full form.
const PURE_FULL: u64 = 5_000_000;
const POSTGRES_FULL: u64 = 100_000;

/// Random commands against the reference model of the domain.
#[derive(Parser)]
struct Arguments {
    /// So many commands in memory.
    #[arg(long, value_name = "COMMANDS")]
    pure: Option<u64>,
    /// So many commands through PostgreSQL.
    #[arg(long, value_name = "COMMANDS")]
    postgres: Option<u64>,
    /// The seed of everything that is random.
    #[arg(long)]
    seed: Option<u64>,
    /// Threads of the form in memory.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Clients of the form through PostgreSQL, each of which waits for its answers.
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Lanes of the form through PostgreSQL, each with a pool of its own, as in processes of their own.
    #[arg(long, default_value_t = 3)]
    lanes: usize,
    /// Where the results go as JSON.
    #[arg(long, default_value = "target/evidence")]
    evidence: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    println!("seed {seed}");
    let mut failed = false;
    if let Some(commands) = arguments.pure {
        let settings = pure::Settings { commands, seed, threads: arguments.threads, altered: None };
        failed |= tell(&pure::run(&settings), PURE_FULL, &arguments.evidence)?;
    }
    if let Some(commands) = arguments.postgres {
        let settings = postgres::Settings { commands, seed, clients: arguments.clients, lanes: arguments.lanes };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        failed |= tell(&runtime.block_on(postgres::run(settings)), POSTGRES_FULL, &arguments.evidence)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Tells what was seen; gives whether it is not as it should be. A short form may miss what is rare.
fn tell(evidence: &Evidence, full: u64, directory: &std::path::Path) -> anyhow::Result<bool> {
    print!("{}", evidence.coverage);
    evidence.write(directory, full)?;
    println!("{}", evidence.summary());
    let gaps = evidence.coverage.gaps(evidence.with_receipts);
    for gap in &gaps {
        println!("GAP {}: {gap}", evidence.scenario);
    }
    Ok(!evidence.violations.is_empty() || (evidence.invoked >= full && !gaps.is_empty()))
}
