//! The databases of the bench: made for it, filled with decided commands, removed afterwards.

use std::str::FromStr as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use command_side::lane::Lane;
use event_store::pool::{self, PoolRole};
use event_store::{MasterKeys, Reader, Vault};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tokio::task::JoinSet;

use super::desk::{self, TICKETS, Ticket, WHOLE_LIFE};
use super::target::Target;
use crate::progress::Progress;
use crate::schema;

/// The databases are the bench's own and hold nothing of anybody.
pub const MASTER_KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// How many customers are served at once while filling.
const FILL_IN_FLIGHT: u64 = 2_048;
const LANE_CONNECTIONS_MAX: u32 = 6;
const LANE_QUEUE_MAX: usize = 8_192;

/// How far a history is filled: first tickets, of which some stay unfinished, then whole lives until there are enough
/// events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// At least so many tickets, if the events reach.
    pub tickets: u64,
    /// At least so many events.
    pub events: u64,
}

impl Size {
    /// How many customers this takes, each with [`TICKETS`] tickets.
    fn customers(self) -> u64 {
        let mut events = 0;
        for customer in 0.. {
            let is_enough = events >= self.events && customer >= self.unfinished_customers();
            if is_enough || (self.tickets == u64::MAX && events >= self.events) {
                return customer;
            }
            let steps = (0..TICKETS).flat_map(|n| self.steps(customer * TICKETS + n));
            events += 1 + steps.map(|step| Ticket::events_of(*step)).sum::<u64>();
        }
        0
    }

    const fn unfinished_customers(self) -> u64 {
        self.tickets.div_ceil(TICKETS)
    }

    fn steps(self, ticket: u64) -> &'static [usize] {
        if ticket / TICKETS < self.unfinished_customers() { Ticket::steps_of_fill(ticket) } else { &WHOLE_LIFE }
    }
}

/// A database with a lane on it. Clones share it.
#[derive(Clone)]
pub struct Database {
    /// Where it is.
    pub url: String,
    /// A lane of this process.
    pub lane: Target,
    /// A pool that reads.
    pub pool: PgPool,
    /// The history.
    pub reader: Reader,
    /// How many customers it is filled with.
    pub customers: u64,
}

impl Database {
    /// Makes a database, or takes up the one that was kept under this name, and forms the teams.
    ///
    /// # Errors
    /// The server cannot be reached, or could lose commits.
    pub async fn open(server: &str, name: &str) -> anyhow::Result<Self> {
        let url = make_empty(server, name).await?;
        schema::migrate(&url).await?;
        let keys = MasterKeys::parse(MASTER_KEY)?;
        let append = pool::connect(&url, PoolRole::Append, LANE_CONNECTIONS_MAX).await?;
        pool::require_durable(&append).await?;
        let (lane, _ended) = Lane::start(append.clone(), Vault::new(append, keys), LANE_QUEUE_MAX);
        let lane = Target::lane(&lane)?;
        lane.form_teams().await?;
        let pool = pool::connect(&url, PoolRole::Migrate, 4).await?;
        let registered = "select count(*) from log.event where type = 'CustomerRegistered'";
        let customers: i64 = sqlx::query_scalar(registered).fetch_one(&pool).await?;
        Ok(Self { url, lane, reader: Reader::new(pool.clone()), pool, customers: customers.unsigned_abs() })
    }

    /// How many tickets it is filled with.
    #[must_use]
    pub const fn tickets(&self) -> u64 {
        self.customers * TICKETS
    }

    /// The end of the history.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn head(&self) -> anyhow::Result<u64> {
        Ok(self.reader.head().await?.position)
    }

    /// Fills the history up to a size with decided commands, many in flight. One that was broken off goes on: what was
    /// decided before gets its first outcome again.
    ///
    /// # Errors
    /// A command is not accepted.
    pub async fn fill(&mut self, size: Size) -> anyhow::Result<()> {
        let customers = size.customers();
        if self.customers >= customers {
            return Ok(());
        }
        // Those that were under way when it was broken off may lack tickets.
        let first = self.customers.saturating_sub(FILL_IN_FLIGHT);
        let total = (first..customers).map(|customer| 1 + commands_of(size, customer)).sum();
        let mut progress = Progress::begin("filling the history", Some(total));
        let (next, done) = (Arc::new(AtomicU64::new(first)), Arc::new(AtomicU64::new(0)));
        let mut working = JoinSet::new();
        for _ in 0..FILL_IN_FLIGHT.min(customers - first) {
            let (lane, next, done) = (self.lane.clone(), Arc::clone(&next), Arc::clone(&done));
            working.spawn(async move {
                loop {
                    let customer = next.fetch_add(1, Ordering::Relaxed);
                    if customer >= customers {
                        return anyhow::Ok(());
                    }
                    serve(&lane, size, customer, &done).await?;
                }
            });
        }
        let mut looks = tokio::time::interval(std::time::Duration::from_millis(200));
        while !working.is_empty() {
            tokio::select! {
                Some(worked) = working.join_next() => worked??,
                _ = looks.tick() => {
                    let done = done.load(Ordering::Relaxed);
                    progress.at(done, done);
                }
            }
        }
        progress.end();
        self.customers = customers;
        self.settle().await
    }

    /// Does at once what autovacuum and the checkpointer would do in the minutes after.
    ///
    /// # Errors
    /// The database cannot be reached.
    pub async fn settle(&self) -> anyhow::Result<()> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::query("vacuum (analyze)").execute(&mut connection).await?;
        sqlx::query("checkpoint").execute(&mut connection).await?;
        Ok(())
    }
}

/// Makes a database where there is none of that name, and gives its URL.
///
/// # Errors
/// The server cannot be reached.
pub async fn make_empty(server: &str, name: &str) -> anyhow::Result<String> {
    let mut connection = PgConnection::connect(server).await.context("cannot reach PostgreSQL")?;
    let known: bool = sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(&mut connection)
        .await?;
    if !known {
        let create = format!("create database \"{name}\"");
        sqlx::query(AssertSqlSafe(create)).execute(&mut connection).await?;
    }
    let url = PgConnectOptions::from_str(server)?.database(name);
    let mut url = sqlx::ConnectOptions::to_url_lossy(&url);
    // sqlx's own parameters, which pgbench does not know.
    url.set_query(None);
    Ok(url.to_string())
}

/// Removes every database whose name begins so.
///
/// # Errors
/// The server cannot be reached.
pub async fn sweep(server: &str, prefix: &str) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect(server).await?;
    let names: Vec<String> = sqlx::query_scalar("select datname from pg_database where starts_with(datname, $1)")
        .bind(prefix)
        .fetch_all(&mut connection)
        .await?;
    for name in names {
        let drop = format!("drop database if exists \"{name}\" with (force)");
        sqlx::query(AssertSqlSafe(drop)).execute(&mut connection).await?;
    }
    Ok(())
}

fn commands_of(size: Size, customer: u64) -> u64 {
    (0..TICKETS).map(|n| size.steps(customer * TICKETS + n).len() as u64).sum()
}

async fn serve(lane: &Target, size: Size, customer: u64, done: &AtomicU64) -> anyhow::Result<()> {
    lane.send(desk::customer(customer)).await?;
    done.fetch_add(1, Ordering::Relaxed);
    for number in customer * TICKETS..(customer + 1) * TICKETS {
        let ticket = Ticket::of_fill(number);
        for step in size.steps(number) {
            lane.send(ticket.order(*step)).await?;
            done.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_takes_as_many_customers_as_its_tickets_or_its_events_ask() {
        let of = |tickets, events| Size { tickets, events }.customers();
        assert_eq!(of(80, 0), 10, "tickets alone");
        // 41 events a customer once the tickets are there.
        assert_eq!(of(0, 410), 10, "whole lives");
        assert!((4..=5).contains(&of(u64::MAX, 100)), "some 25 events a customer while tickets stay unfinished");
        assert!(of(80, 1_000) > 10, "events beyond the tickets");
    }
}
