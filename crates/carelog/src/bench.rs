//! `carelog bench`: a first look at speed, each figure beside pgbench's single-row INSERT of an equal row on the same
//! server in the same run.
//!
//! It makes a database of its own and removes it afterwards. Durability is as in production. Machines are noisy: read
//! the ratios, not the rates.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bus::{Bus, BusConfig};
use clap::Args;
use command_side::lane::{Lane, Reply};
use command_side::{CommandSettings, commands};
use domain::envelope::{CommandMessage, Publisher};
use event_store::pool::{self, PoolRole};
use event_store::{MasterKeys, Outcome, Vault};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Environment;
use crate::exit;

const CUSTOMERS: usize = 512;
const AGENTS: usize = 256;
/// How long the role may take until it accepts its first command.
const SERVICE_WAIT_MAX: Duration = Duration::from_secs(10);
const SERVICE_RETRY_DELAY: Duration = Duration::from_millis(50);
/// The commands of a ticket's life: open, assign, reply, resolve.
const STEPS: usize = 4;

/// Measures appends through the lane and commands end to end, beside pgbench.
#[derive(Args, Clone, Debug)]
pub struct BenchArgs {
    /// How long each figure is measured, in seconds
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
}

/// Runs `carelog bench`.
///
/// # Errors
/// A server cannot be reached, or pgbench is missing.
pub async fn run(environment: &Environment, args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let server = environment.database_url()?;
    let name = format!("carelog_bench_{}", Uuid::new_v4().simple());
    let url = PgConnectOptions::from_str(&server)?.database(&name);
    let mut url = sqlx::ConnectOptions::to_url_lossy(&url);
    // sqlx's own parameters, which pgbench does not know.
    url.set_query(None);
    let url = url.to_string();
    let mut connection = PgConnection::connect(&server).await?;
    sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut connection).await?;
    let measured = measure(environment, &url, Duration::from_secs(args.seconds)).await;
    sqlx::query(AssertSqlSafe(format!("drop database {name} with (force)"))).execute(&mut connection).await?;
    measured?;
    Ok(ExitCode::from(exit::DONE))
}

async fn measure(environment: &Environment, url: &str, time: Duration) -> anyhow::Result<()> {
    event_store::migrate(url).await?;
    let inserts_1 = pgbench(url, 1, time).await?;
    let inserts_32 = pgbench(url, 32, time).await?;
    println!("pgbench single-row INSERT, prepared,  1 connection:  {inserts_1:>9.0}/s");
    println!("pgbench single-row INSERT, prepared, 32 connections: {inserts_32:>9.0}/s");
    let keys = MasterKeys::parse(&"11".repeat(32))?;
    let append = pool::connect(url, PoolRole::Append, 6).await?;
    let lane = Lane::start(append.clone(), Vault::new(append.clone(), keys.clone()), 8_192).0;
    let cast = Arc::new(Cast::make(&Target::Lane(lane.clone())).await?);
    for (in_flight, yardstick) in [(1, inserts_1), (32, inserts_32), (256, inserts_32), (1_024, inserts_32)] {
        let rate = drive(&Target::Lane(lane.clone()), &cast, in_flight, time).await?;
        line("appends through the lane", in_flight, rate, yardstick);
    }
    let prefix = format!("bench{}", Uuid::new_v4().simple());
    let bus = environment.bus("carelog-bench")?;
    let bus = BusConfig { prefix, ..bus };
    let stop = CancellationToken::new();
    let serving = Bus::connect(&bus).await?;
    let role = tokio::spawn(commands::run(append, keys, serving, CommandSettings::default(), stop.clone()));
    let client = Target::Nats(Box::new(Bus::connect(&bus).await?));
    let begun = Instant::now();
    while let Err(error) = drive(&client, &cast, 1, Duration::from_millis(200)).await {
        if begun.elapsed() > SERVICE_WAIT_MAX {
            return Err(error.context("the role `commands` takes no command"));
        }
        tokio::time::sleep(SERVICE_RETRY_DELAY).await;
    }
    let rate = drive(&client, &cast, 256, time).await?;
    line("commands end to end over NATS", 256, rate, inserts_32);
    stop.cancel();
    role.await??;
    if let Target::Nats(bus) = client {
        bus.jetstream.delete_stream(bus.subjects.inbox_stream()).await?;
    }
    Ok(())
}

fn line(what: &str, in_flight: usize, rate: f64, yardstick: f64) {
    println!("{what}, {in_flight:>5} in flight: {rate:>9.0}/s  = {:.2} of an INSERT", rate / yardstick);
}

/// Where commands go.
#[derive(Clone)]
enum Target {
    Lane(Lane),
    Nats(Box<Bus>),
}

impl Target {
    /// Sends a command and waits until it is accepted.
    async fn send(&self, name: &str, id: Uuid, data: &Value) -> anyhow::Result<()> {
        let (aggregate, command) = name.split_once('.').unwrap_or_default();
        let actor = json!({"kind": "service", "id": "bench"});
        let body = json!({"command_id": Uuid::now_v7(), "id": id, "actor": actor, "data": data}).to_string();
        match self {
            Self::Lane(lane) => {
                let publisher = Publisher::parse("bench").map_err(anyhow::Error::msg)?;
                let message = CommandMessage::parse(publisher, aggregate, command, body.as_bytes());
                let message = message.map_err(|rejection| anyhow::anyhow!("{name}: {}", rejection.detail))?;
                let reply = lane.submit(message, None).map_err(|rejection| anyhow::anyhow!(rejection.detail))?.await?;
                match reply {
                    Reply::Decided { outcome: Outcome::Accepted { .. }, .. } => Ok(()),
                    other @ (Reply::Decided { outcome: Outcome::Rejected(_), .. } | Reply::Undecided(_)) => {
                        bail!("{name} was not accepted: {other:?}")
                    }
                }
            }
            Self::Nats(bus) => {
                let subject = bus.subjects.command("bench", aggregate, command);
                let reply = bus.client.request(subject, body.into()).await?;
                let reply: Value = serde_json::from_slice(&reply.payload)?;
                if reply.get("outcome") != Some(&json!("accepted")) {
                    bail!("{name} was not accepted: {reply}");
                }
                Ok(())
            }
        }
    }
}

/// The customers and agents of the tickets.
struct Cast {
    customers: Vec<Uuid>,
    agents: Vec<Uuid>,
    next: AtomicUsize,
}

impl Cast {
    async fn make(target: &Target) -> anyhow::Result<Self> {
        let ids = |count: usize| (0..count).map(|_| Uuid::now_v7()).collect::<Vec<_>>();
        let (customers, agents) = (ids(CUSTOMERS), ids(AGENTS));
        let mut sending = JoinSet::new();
        for (n, id) in customers.iter().copied().enumerate() {
            let target = target.clone();
            let data = json!({"display_name": format!("Customer {n}")});
            sending.spawn(async move { target.send("customer.register", id, &data).await });
        }
        for (n, id) in agents.iter().copied().enumerate() {
            let target = target.clone();
            let data = json!({"name": format!("Agent {n}"), "capacity": 1_000});
            sending.spawn(async move { target.send("agent.register", id, &data).await });
        }
        while let Some(sent) = sending.join_next().await {
            sent??;
        }
        Ok(Self { customers, agents, next: AtomicUsize::new(0) })
    }

    fn pick(&self) -> (Uuid, Uuid) {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        let of = |ids: &[Uuid]| ids.get(n % ids.len().max(1)).copied().unwrap_or_default();
        (of(&self.customers), of(&self.agents))
    }
}

/// Keeps `in_flight` tickets under way for a while, and gives the accepted commands per second.
async fn drive(target: &Target, cast: &Arc<Cast>, in_flight: usize, time: Duration) -> anyhow::Result<f64> {
    let done = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let mut workers = JoinSet::new();
    for _ in 0..in_flight {
        let (target, cast, done) = (target.clone(), Arc::clone(cast), Arc::clone(&done));
        workers.spawn(async move {
            while begun.elapsed() < time {
                let (customer, agent) = cast.pick();
                let ticket = Uuid::now_v7();
                for (name, data) in life(customer, agent) {
                    target.send(name, ticket, &data).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
            anyhow::Ok(())
        });
    }
    while let Some(worked) = workers.join_next().await {
        worked??;
    }
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let done = done.load(Ordering::Relaxed) as f64;
    Ok(done / begun.elapsed().as_secs_f64())
}

fn life(customer: Uuid, agent: Uuid) -> [(&'static str, Value); STEPS] {
    let open = json!({"customer": customer, "type": "incident", "subject": "Cannot log in", "channel": "web",
                      "impact": 3, "urgency": 2});
    [
        ("ticket.open", open),
        ("ticket.assign", json!({"agent": agent})),
        ("ticket.reply", json!({"body": "Please try again now.", "public": true})),
        ("ticket.resolve", json!({"code": "assistance", "text": "Password reset."})),
    ]
}

/// pgbench with one INSERT of a row like an event's, with the same indexes.
async fn pgbench(url: &str, connections: u32, time: Duration) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    for statement in [
        "drop table if exists public.bench_row",
        "create table public.bench_row (position bigserial primary key, event_id uuid, category text, stream_id uuid, \
         version bigint, type text, schema_version smallint, occurred_at timestamptz, recorded_at timestamptz, \
         ordinal bigint, metadata json, payload json, content_hash bytea, unique (category, stream_id, version))",
        "create index on public.bench_row (type, position)",
    ] {
        sqlx::query(statement).execute(&mut connection).await?;
    }
    let script = std::env::temp_dir().join(format!("carelog-bench-{}.sql", Uuid::new_v4().simple()));
    let statement = r#"insert into public.bench_row (event_id, category, stream_id, version, type, schema_version,
 occurred_at, recorded_at, ordinal, metadata, payload, content_hash)
 values (gen_random_uuid(), 'ticket', gen_random_uuid(), 1, 'TicketAssigned', 1, now(), now(), null,
 '{"publisher":"bench","command_id":"0199f0a0-0000-7000-8000-000000000000","actor":{"kind":"service","id":"bench"}}',
 '{"agent":"0199f0a0-0000-7000-8000-000000000000","status":"open"}',
 '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff');"#;
    std::fs::write(&script, statement.replace('\n', ""))?;
    let output = Command::new(pgbench_program())
        .args([
            "-n",
            "-M",
            "prepared",
            "-j",
            "2",
            "-c",
            &connections.to_string(),
            "-T",
            &time.as_secs().to_string(),
            "-f",
        ])
        .arg(&script)
        .arg(url)
        .output()
        .await
        .context("pgbench cannot be run: it comes with PostgreSQL")?;
    std::fs::remove_file(&script)?;
    let told = String::from_utf8_lossy(&output.stdout);
    let rate = told.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.with_context(|| format!("pgbench told no rate: {told} {}", String::from_utf8_lossy(&output.stderr)))
}

/// The newest installed pgbench, else the one on PATH.
fn pgbench_program() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path().join("bin/pgbench"))))
        .filter(|(_, program)| program.exists())
        .max();
    newest.map_or_else(|| PathBuf::from("pgbench"), |(_, program)| program)
}
