//! `carelog bench`: fills, measures, and prints a table: each figure beside its yardstick, which is measured in the same
//! run on the same server, with its goal.
//!
//! It makes databases and NATS subjects of its own and removes them afterwards. Durability is as in production. Roles
//! run as processes of their own where a figure is about the system; the clients that make the load run in this process
//! and take their time from the same cores, which is why they do as little as they can. Machines are noisy: read the
//! ratios, not the rates.

mod commands;
mod crew;
mod database;
mod desk;
mod figure;
mod flow;
mod growth;
mod hot_ticket;
mod http;
mod lane;
mod load;
mod memory;
mod models;
mod pgbench;
mod reads;
mod relay;
mod report;
mod rows;
mod sustained;
mod target;
mod visible;
mod yardsticks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bus::Bus;
use clap::{Args, ValueEnum as _};
use sqlx::AssertSqlSafe;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::crew::{Crew, Peaks};
use self::database::{Database, MASTER_KEY, Size};
use self::figure::Figure;
use self::report::{Machine, Report};
use self::rows::Row;
use self::yardsticks::Yardsticks;
use crate::config::Environment;
use crate::exit;
use crate::output::say;
use crate::roles::Role;

/// The large history: first a million tickets, later five million events, unless it is told otherwise.
const LARGE_TICKETS: u64 = 1_000_000;
const GROWN_EVENTS: u64 = 5_000_000;
/// The young history of the growth row, and what the quick form fills unless it is told otherwise.
const YOUNG_EVENTS: u64 = 100_000;

/// Measures speed and memory, each figure beside its yardstick on the same server, and prints a table.
///
/// The quick form fills 100,000 events and takes a few minutes; rows about a large history say that they need --full,
/// which fills a million tickets, later five million events, and takes most of an hour. With --keep the large history
/// stays for the next run with the same name; a fill that was broken off goes on.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// How long each figure is measured, in seconds
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=600))]
    pub seconds: u64,
    /// Fill a million tickets and five million events for the rows that need them
    #[arg(long)]
    pub full: bool,
    /// Measure these rows only
    #[arg(long, value_name = "ROW", value_delimiter = ',')]
    pub only: Vec<Row>,
    /// How many events the small history is filled with
    #[arg(long, value_name = "N", default_value_t = YOUNG_EVENTS)]
    pub events: u64,
    /// How many tickets the large history is filled with; the goals are meant for a million
    #[arg(long, value_name = "N", default_value_t = LARGE_TICKETS)]
    pub tickets: u64,
    /// How many events the large history is filled with for the row growth
    #[arg(long, value_name = "N", default_value_t = GROWN_EVENTS)]
    pub grown_events: u64,
    /// Keep the large history for another run, in the database carelog_bench_NAME
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    pub keep: Option<String>,
    /// Write all figures to this file as JSON, too
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=32).contains(&text.len()) && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("1 to 32 of a-z, 0-9 and _".to_owned())
    }
}

/// Runs `carelog bench`.
///
/// # Errors
/// A server cannot be reached, pgbench is missing, or a command was not accepted.
pub async fn run(environment: &Environment, args: &BenchArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let server = environment.database_url()?;
    let prefix = format!("bench{}", Uuid::new_v4().simple());
    let bus = Bus::connect(&bus::BusConfig { prefix: prefix.clone(), ..environment.bus("carelog-bench")? }).await?;
    let mut bench = Bench {
        args: args.clone(),
        time: Duration::from_secs(args.seconds),
        environment: of_roles(environment, &prefix)?,
        server: server.clone(),
        prefix: prefix.clone(),
        bus: bus.clone(),
        small: None,
        large: None,
        yardsticks: Yardsticks::default(),
        sustained: None,
        peaks: Peaks::new(),
    };
    let reported = tokio::select! {
        reported = bench.report() => Some(reported),
        () = stop.cancelled() => None,
    };
    // Whatever came of it, nothing is left behind.
    drop(bench);
    database::sweep(&server, &prefix).await?;
    for stream in [bus.subjects.events_stream(), bus.subjects.inbox_stream()] {
        // Not every row makes both.
        let _ = bus.jetstream.delete_stream(stream).await;
    }
    let Some(reported) = reported else { return Ok(exit::interrupted()) };
    let report = reported?;
    say!("{}", report.table())?;
    if let Some(path) = &args.json {
        std::fs::write(path, report.json()?).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::from(exit::DONE))
}

/// What the roles are told: the servers of the environment, and nothing else of it.
fn of_roles(environment: &Environment, prefix: &str) -> anyhow::Result<Environment> {
    let nats = environment.required("NATS_URL", "the bench takes PostgreSQL and NATS")?;
    Ok(Environment::default()
        .with("NATS_URL", nats)
        .with("CARELOG_PREFIX", prefix)
        .with("CARELOG_MASTER_KEY", MASTER_KEY)
        .with("CARELOG_HTTP_ADDR", "127.0.0.1:0")
        .with("CARELOG_EVENTS_MAX_BYTES", "1GiB")
        // What is slow or refused is what is measured.
        .with("CARELOG_LOG", "error"))
}

/// What the rows share.
struct Bench {
    args: BenchArgs,
    /// How long each figure is measured.
    time: Duration,
    /// What the roles are told, but for the database.
    environment: Environment,
    server: String,
    prefix: String,
    bus: Bus,
    small: Option<Database>,
    large: Option<Database>,
    yardsticks: Yardsticks,
    /// The highest load that was sustained, in commands a second.
    sustained: Option<f64>,
    peaks: Peaks,
}

impl Bench {
    async fn report(&mut self) -> anyhow::Result<Report> {
        let mut rows = if self.args.only.is_empty() { Row::value_variants().to_vec() } else { self.args.only.clone() };
        rows.sort_unstable();
        rows.dedup();
        let (rows, needs_full): (Vec<Row>, Vec<Row>) =
            rows.into_iter().partition(|row| self.args.full || !row.needs_full());
        let machine = Machine::ask(&self.server, &self.bus.client, self.args.seconds).await?;
        let mut figures = Vec::new();
        for row in rows {
            eprintln!("measuring {} …", row.name());
            let measured = self.measure(row).await.with_context(|| format!("the row {}", row.name()))?;
            for figure in &measured {
                eprintln!("  {}: {}", figure.what, figure::written(figure.value, figure.unit));
            }
            figures.extend(measured);
        }
        Ok(Report { machine, figures, needs_full })
    }

    async fn measure(&mut self, row: Row) -> anyhow::Result<Vec<Figure>> {
        match row {
            Row::Insert => Box::pin(yardsticks::insert(self)).await,
            Row::Copy => Box::pin(yardsticks::copy(self)).await,
            Row::Select => Box::pin(yardsticks::select(self)).await,
            Row::Nats => Box::pin(yardsticks::nats(self)).await,
            Row::Http => Box::pin(yardsticks::http(self)).await,
            Row::Appends => Box::pin(lane::appends(self)).await,
            Row::Commands => Box::pin(commands::commands(self)).await,
            Row::OneCommand => Box::pin(commands::one_command(self)).await,
            Row::Sustained => Box::pin(sustained::sustained(self)).await,
            Row::Visible => Box::pin(visible::visible(self)).await,
            Row::Relay => Box::pin(relay::relay(self)).await,
            Row::HotTicket => Box::pin(hot_ticket::hot_ticket(self)).await,
            Row::Memory => Box::pin(memory::memory(self)).await,
            Row::Rebuild => Box::pin(models::rebuild(self)).await,
            Row::Replay => Box::pin(models::replay(self)).await,
            Row::Get => Box::pin(reads::get(self)).await,
            Row::List => Box::pin(reads::list(self)).await,
            Row::Growth => Box::pin(growth::growth(self)).await,
        }
    }

    /// The small history, filled when it is first asked for.
    async fn small(&mut self) -> anyhow::Result<Database> {
        if let Some(small) = &self.small {
            return Ok(small.clone());
        }
        let size = Size { tickets: u64::MAX, events: self.args.events };
        Ok(self.small.insert(self.filled("small", size).await?).clone())
    }

    /// A new history of some size.
    async fn filled(&self, suffix: &str, size: Size) -> anyhow::Result<Database> {
        let mut database = Database::open(&self.server, &format!("{}_{suffix}", self.prefix)).await?;
        database.fill(size).await?;
        Ok(database)
    }

    /// The large history, filled when it is first asked for, with this many events at least.
    async fn large(&mut self, events: u64) -> anyhow::Result<Database> {
        let mut large = match self.large.take() {
            Some(large) => large,
            None => {
                let kept = self.args.keep.as_ref().map(|name| format!("carelog_bench_{name}"));
                Database::open(&self.server, &kept.unwrap_or_else(|| format!("{}_large", self.prefix))).await?
            }
        };
        large.fill(Size { tickets: self.args.tickets, events }).await?;
        Ok(self.large.insert(large).clone())
    }

    /// Roles on the small history.
    async fn crew(&mut self, roles: &[Role]) -> anyhow::Result<Crew> {
        let small = self.small().await?;
        Crew::start(&self.environment, &self.bus, &small, roles).await
    }

    /// Runs a statement on a database that takes no parameters.
    async fn execute(database: &Database, statement: &str) -> anyhow::Result<()> {
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&database.pool).await?;
        Ok(())
    }
}
