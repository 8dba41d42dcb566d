//! Roles as processes of their own, as in production, and how much memory they take.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bus::Bus;
use futures_util::StreamExt as _;
use read_side::status::status;

use super::database::Database;
use crate::child::Child;
use crate::config::Environment;
use crate::roles::Role;

/// How long a role may take until it is at work: a new projector builds its models first.
const START_MAX: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(20);
/// How long the answers to a ping are waited for.
const PING_WAIT: Duration = Duration::from_millis(100);

/// How much memory a process takes, in KiB, as `/proc/<pid>/status` has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What is resident now.
    pub now_kib: u64,
    /// The most that ever was.
    pub peak_kib: u64,
}

impl Memory {
    /// Of a process.
    ///
    /// # Errors
    /// It is gone.
    pub fn of(process_id: u32) -> anyhow::Result<Self> {
        let status = std::fs::read_to_string(format!("/proc/{process_id}/status"))?;
        let (now_kib, peak_kib) = (kib(&status, "VmRSS:"), kib(&status, "VmHWM:"));
        Ok(Self { now_kib: now_kib.context("no VmRSS")?, peak_kib: peak_kib.context("no VmHWM")? })
    }
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// The highest peak of each role so far, in KiB.
pub type Peaks = BTreeMap<Role, u64>;

/// Running roles.
pub struct Crew {
    children: Vec<Child>,
    api: Option<SocketAddr>,
}

impl Crew {
    /// Starts roles and waits until all are at work: commands are taken, the stream of events ends where the history
    /// does, the models hold it all, the API listens.
    ///
    /// # Errors
    /// One does not come up in time.
    pub async fn start(
        environment: &Environment,
        bus: &Bus,
        database: &Database,
        roles: &[Role],
    ) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let environment = environment.clone().with("DATABASE_URL", &database.url);
        let mut crew = Self { children: Vec::new(), api: None };
        for role in roles {
            let mut child = Child::start(*role, &environment)?;
            if *role == Role::Query {
                crew.api = Some(child.http_addr().await?);
            }
            crew.children.push(child);
        }
        while !crew.is_ready(bus, database).await? {
            ensure!(begun.elapsed() < START_MAX, "the roles are not at work after {START_MAX:?}");
            tokio::time::sleep(POLL).await;
        }
        Ok(crew)
    }

    async fn is_ready(&self, bus: &Bus, database: &Database) -> anyhow::Result<bool> {
        let count = |role| self.children.iter().filter(|child| child.role() == role).count();
        let handlers = count(Role::Commands);
        if handlers > 0 && handlers_at_work(bus).await? < handlers {
            return Ok(false);
        }
        let head = database.head().await?;
        if count(Role::Relay) > 0 && published(bus).await < head {
            return Ok(false);
        }
        Ok(count(Role::Projector) == 0 || matches!(lag(database).await, Ok(0)))
    }

    /// Where the query API of this crew listens.
    ///
    /// # Errors
    /// It has none.
    pub fn api(&self) -> anyhow::Result<SocketAddr> {
        self.api.context("the query API does not run")
    }

    /// The memory of each process.
    ///
    /// # Errors
    /// One is gone.
    pub fn memory(&self) -> anyhow::Result<Vec<(Role, Memory)>> {
        let of = |child: &Child| Ok((child.role(), Memory::of(u32::try_from(child.id())?)?));
        self.children.iter().map(of).collect()
    }

    /// Stops one role in good order.
    ///
    /// # Errors
    /// It does not run.
    pub async fn stop_one(&mut self, role: Role, peaks: &mut Peaks) -> anyhow::Result<()> {
        self.note_peaks(peaks)?;
        let index = self.children.iter().position(|child| child.role() == role);
        self.children.swap_remove(index.context("the role does not run")?).stop().await
    }

    /// Starts one more role without waiting for it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_one(&mut self, environment: &Environment, database: &Database, role: Role) -> anyhow::Result<()> {
        let environment = environment.clone().with("DATABASE_URL", &database.url);
        self.children.push(Child::start(role, &environment)?);
        Ok(())
    }

    /// Stops all in good order, and notes how much memory they took at most.
    ///
    /// # Errors
    /// One had ended by itself.
    pub async fn stop(self, peaks: &mut Peaks) -> anyhow::Result<()> {
        self.note_peaks(peaks)?;
        for child in self.children {
            child.stop().await?;
        }
        Ok(())
    }

    fn note_peaks(&self, peaks: &mut Peaks) -> anyhow::Result<()> {
        for (role, memory) in self.memory()? {
            let peak = peaks.entry(role).or_default();
            *peak = memory.peak_kib.max(*peak);
        }
        Ok(())
    }
}

/// How many processes answer commands.
async fn handlers_at_work(bus: &Bus) -> anyhow::Result<usize> {
    let inbox = bus.client.new_inbox();
    let answers = bus.client.subscribe(inbox.clone()).await?;
    let ping = format!("$SRV.PING.{}", bus.subjects.commands_service());
    bus.client.publish_with_reply(ping, inbox, bytes::Bytes::new()).await?;
    let waited = answers.take_until(tokio::time::sleep(PING_WAIT));
    // Where nobody listens, the server itself answers with a status.
    let answered = waited.filter(|answer| std::future::ready(answer.status.is_none())).count().await;
    Ok(answered)
}

/// The end of the stream of events; 0 while there is none.
pub async fn published(bus: &Bus) -> u64 {
    match bus.jetstream.get_stream(bus.subjects.events_stream()).await {
        Ok(stream) => stream.cached_info().state.last_sequence,
        Err(_) => 0,
    }
}

/// How many events the model that is farthest behind lacks.
///
/// # Errors
/// There are no models yet, or one is blocked or parks rows.
pub async fn lag(database: &Database) -> anyhow::Result<u64> {
    let mut lag = 0;
    let models = status(&database.pool).await?;
    ensure!(!models.is_empty(), "there are no models");
    for model in models {
        if let Some(why) = &model.blocked {
            bail!("the model {} is blocked: {why}", model.model);
        }
        lag = lag.max(model.lag_events);
    }
    Ok(lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_lines_of_a_status() {
        let status = "Name:\tcarelog\nVmHWM:\t   20480 kB\nVmRSS:\t   10240 kB\n";
        assert_eq!((kib(status, "VmRSS:"), kib(status, "VmHWM:")), (Some(10_240), Some(20_480)));
        assert_eq!(kib(status, "VmSwap:"), None);
    }

    #[test]
    fn this_process_takes_memory() {
        let memory = Memory::of(std::process::id()).expect("this process runs");
        assert!(memory.now_kib > 0 && memory.peak_kib >= memory.now_kib);
    }
}
