//! The yardsticks: what the same servers do without Carelog. Each is measured near the figures that stand beside it:
//! disks have moods, so INSERTs are measured anew for each row.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::Router;
use axum::routing::get;
use bus::Bus;
use futures_util::StreamExt as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::net::TcpListener;

use super::Bench;
use super::database::{Database, make_empty};
use super::figure::{Figure, Unit};
use super::http::Connection;
use super::load::{self, Load, Meter};
use super::pgbench::{self, Measured};
use super::rows::Row;

/// Rows of a COPY for each second that a figure is measured.
const COPY_ROWS: u64 = 40_000;
const COPY_ROWS_MAX: u64 = 200_000;
/// pgbench's tables have 100,000 rows for each.
const SELECT_SCALE: u32 = 10;
/// What pgbench is asked with for reads.
pub const SELECT_CONNECTIONS: u32 = 16;
/// Connections of the load over HTTP.
pub const HTTP_CONNECTIONS: usize = 64;
/// Requests in flight for the rate of NATS.
const NATS_IN_FLIGHT: usize = 256;

const TABLE: &str = "create table if not exists public.bench_row (position bigserial primary key, event_id uuid, \
     category text, stream_id uuid, version bigint, type text, schema_version smallint, occurred_at timestamptz, \
     recorded_at timestamptz, ordinal bigint, metadata json, payload json, content_hash bytea, \
     unique (category, stream_id, version))";
const INDEX: &str = "create index if not exists bench_row_type on public.bench_row (type, position)";
const COLUMNS: &str = "event_id, category, stream_id, version, type, schema_version, occurred_at, recorded_at, ordinal, \
                       metadata, payload, content_hash";
const VALUES: &str = r"gen_random_uuid(), 'ticket', gen_random_uuid(), 1, 'TicketAssigned', 1, now(), now(), null,
 :metadata, :payload, '\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'";

/// How long a measurement of INSERTs stands for the present.
const FRESH: Duration = Duration::from_secs(20);
/// How long the answering side of the request–reply may take to be there.
const ECHO_START_MAX: Duration = Duration::from_secs(5);

/// What was measured so far.
#[derive(Default)]
pub struct Yardsticks {
    inserts: BTreeMap<u32, (Instant, Measured)>,
    select: Option<f64>,
    nats_one: Option<f64>,
}

/// What is stored with an event, of one that is as large as they are on average.
struct Typical {
    metadata: String,
    payload: String,
}

async fn typical(database: &Database) -> anyhow::Result<Typical> {
    let (metadata, payload) = sqlx::query_as(
        "with latest as (select metadata::text, payload::text from log.event order by position desc limit 2000) \
         select metadata, payload from latest \
         order by abs(length(payload) - (select avg(length(payload)) from latest)) limit 1",
    )
    .fetch_one(&database.pool)
    .await?;
    Ok(Typical { metadata, payload })
}

impl Bench {
    /// Single-row INSERTs of rows like an event's, with the same indexes.
    pub(super) async fn inserts(&mut self, connections: u32) -> anyhow::Result<Measured> {
        if let Some((at, measured)) = self.yardsticks.inserts.get(&connections)
            && at.elapsed() < FRESH
        {
            return Ok(*measured);
        }
        let time = self.time;
        let small = self.small().await?;
        let Typical { metadata, payload } = typical(&small).await?;
        for statement in [TABLE, INDEX, "truncate public.bench_row"] {
            Self::execute(&small, statement).await?;
        }
        let statement = format!("insert into public.bench_row ({COLUMNS}) values ({VALUES});").replace('\n', "");
        let variables = [("metadata", metadata.as_str()), ("payload", payload.as_str())];
        let measured = pgbench::run(&small.url, &statement, &variables, connections, time).await?;
        self.yardsticks.inserts.insert(connections, (Instant::now(), measured));
        Ok(measured)
    }

    /// `pgbench -S` with [`SELECT_CONNECTIONS`], on a million rows.
    pub(super) async fn selects(&mut self) -> anyhow::Result<f64> {
        if let Some(rate) = self.yardsticks.select {
            return Ok(rate);
        }
        let url = make_empty(&self.server, &format!("{}_pgbench", self.prefix)).await?;
        pgbench::fill(&url, SELECT_SCALE).await?;
        let rate = pgbench::select(&url, SELECT_CONNECTIONS, self.time).await?.rate;
        self.yardsticks.select = Some(rate);
        Ok(rate)
    }

    /// The median of one bare request–reply in flight, in milliseconds.
    pub(super) async fn nats_one_ms(&mut self) -> anyhow::Result<f64> {
        if let Some(p50_ms) = self.yardsticks.nats_one {
            return Ok(p50_ms);
        }
        let p50_ms = self.echo(1).await?.latencies().p50_ms;
        self.yardsticks.nats_one = Some(p50_ms);
        Ok(p50_ms)
    }

    /// Requests that are answered with what they say, over two connections.
    async fn echo(&self, in_flight: usize) -> anyhow::Result<Load> {
        let config =
            bus::BusConfig::new(self.environment.required("NATS_URL", "")?, &self.prefix, "carelog-bench-echo");
        let server = Bus::connect(&config).await?.client;
        let subject = format!("{}.echo", self.prefix);
        let mut requests = server.subscribe(subject.clone()).await?;
        let answering = tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                if let Some(reply) = request.reply
                    && server.publish(reply, request.payload).await.is_err()
                {
                    return;
                }
            }
        });
        let begun = Instant::now();
        while let Err(error) = self.bus.client.request(subject.clone(), bytes::Bytes::new()).await {
            ensure!(begun.elapsed() < ECHO_START_MAX, "nobody echoes: {error}");
        }
        let meter = Meter::after_warm_up(self.time)?;
        let load = load::closed(in_flight, &meter, |_, meter| {
            let (client, subject) = (self.bus.client.clone(), subject.clone());
            // As long as a command's reply.
            let payload = bytes::Bytes::from(vec![b'.'; 256]);
            async move {
                while meter.is_running() {
                    let begun = Instant::now();
                    client.request(subject.clone(), payload.clone()).await?;
                    meter.done(begun);
                }
                Ok(())
            }
        });
        let load = load.await;
        answering.abort();
        load
    }
}

/// The row `insert`.
pub async fn insert(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for connections in [1, 32] {
        let measured = bench.inserts(connections).await?;
        let what = format!("pgbench INSERT, {connections} connection{}", if connections == 1 { "" } else { "s" });
        figures.push(Figure::new(Row::Insert, what, measured.rate, Unit::PerSecond));
    }
    Ok(figures)
}

/// The row `copy`.
pub async fn copy(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let rows = (COPY_ROWS * bench.args.seconds).min(COPY_ROWS_MAX);
    let small = bench.small().await?;
    let Typical { metadata, payload } = typical(&small).await?;
    for statement in [TABLE, INDEX, "truncate public.bench_row"] {
        Bench::execute(&small, statement).await?;
    }
    let values = VALUES.replace(":metadata", "$1::json").replace(":payload", "$2::json");
    let make = format!("insert into public.bench_row ({COLUMNS}) select {values} from generate_series(1, $3)");
    let make = sqlx::query(AssertSqlSafe(make)).bind(metadata).bind(payload).bind(rows.cast_signed());
    make.execute(&small.pool).await?;
    let mut connection = PgConnection::connect(&small.url).await?;
    let mut text = Vec::new();
    let mut out = connection.copy_out_raw(&format!("copy public.bench_row ({COLUMNS}) to stdout")).await?;
    while let Some(part) = out.next().await {
        text.extend_from_slice(&part?);
    }
    drop(out);
    Bench::execute(&small, "truncate public.bench_row").await?;
    let begun = Instant::now();
    let mut copying = connection.copy_in_raw(&format!("copy public.bench_row ({COLUMNS}) from stdin")).await?;
    for part in text.chunks(1 << 20) {
        copying.send(part).await?;
    }
    let copied = copying.finish().await?;
    let rate = per_second(copied, begun.elapsed());
    Bench::execute(&small, "truncate public.bench_row").await?;
    Ok(vec![Figure::new(Row::Copy, "COPY in of equal rows", rate, Unit::PerSecond)])
}

/// The row `select`.
pub async fn select(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let what = format!("pgbench -S, {SELECT_CONNECTIONS} connections");
    Ok(vec![Figure::new(Row::Select, what, bench.selects().await?, Unit::PerSecond)])
}

/// The row `nats`.
pub async fn nats(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let p50_ms = bench.nats_one_ms().await?;
    let many = bench.echo(NATS_IN_FLIGHT).await?;
    let what = format!("bare NATS request–reply, {NATS_IN_FLIGHT} in flight");
    Ok(vec![
        Figure::new(Row::Nats, "bare NATS request–reply, 1 in flight, p50", p50_ms, Unit::Milliseconds),
        Figure::new(Row::Nats, what, many.rate(), Unit::PerSecond).with(many.latencies()),
    ])
}

/// The row `http`.
pub async fn http(bench: &mut Bench) -> anyhow::Result<Vec<Figure>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let serving = tokio::spawn(async move {
        let router = Router::new().route("/", get(|| async {}));
        axum::serve(listener, router).await
    });
    let meter = Meter::after_warm_up(bench.time)?;
    let load = load::closed(HTTP_CONNECTIONS, &meter, |_, meter| async move {
        let mut connection = Connection::open(addr).await?;
        while meter.is_running() {
            let begun = Instant::now();
            connection.get("/", "").await?;
            meter.done(begun);
        }
        Ok(())
    });
    let load = load.await.context("the empty route")?;
    serving.abort();
    let what = format!("empty axum route, {HTTP_CONNECTIONS} connections");
    Ok(vec![Figure::new(Row::Http, what, load.rate(), Unit::PerSecond).with(load.latencies())])
}

/// So many a second.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
pub fn per_second(count: u64, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}
