//! Private servers for development, tests and the demo: PostgreSQL and NATS as children.
//!
//! Every path uses the same code as production: real servers, on 127.0.0.1, with random
//! passwords and production's durability. Their state lives in one directory and outlasts them:
//!
//! | in the state directory | |
//! |---|---|
//! | `lock` | held by the one process that runs servers here |
//! | `secrets`, `master.key` | the two passwords; the key that wraps the keys of persons |
//! | `urls` | where the running servers listen |
//! | `postgres/`, `nats/` | data, readable by the servers' user alone |
//! | `postgres.log`, `nats.log` | what the servers say, one log per launch |
//! | `tools/` | the set-up script's copy of nats-server |
//!
//! The servers stop when this process ends, even by SIGKILL. For root they run as `postgres`, or
//! as `nobody` where that user is missing.

mod command;
mod nats;
mod ports;
mod postgres;
mod process;
mod state;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

pub(crate) use command::report_running;
pub use command::{EXIT_ALREADY_RUNNING, run_command};
pub use nats::Nats;
pub use postgres::Postgres;
pub use state::AlreadyRunning;

use process::Account;
use state::StateDir;

/// How many ports a server is started on before its error is believed.
const START_ATTEMPTS_MAX: u32 = 5;

/// So many deaths within a minute are no accidents.
const DEATHS_MAX: usize = 5;
const DEATHS_WITHIN: Duration = Duration::from_secs(60);

/// How often is looked whether the servers still run.
const WATCH_EVERY: Duration = Duration::from_millis(200);

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// What to run the servers with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything lives; made if it is missing. For root, the servers' user must be able
    /// to reach it.
    pub state_dir: PathBuf,
    /// Sync every message to disk before it is acknowledged, as a durable inbox needs it.
    /// Slow; without it a power cut loses messages, which Carelog rebuilds from PostgreSQL.
    pub nats_sync_always: bool,
    /// The only nats-server to use; `None` takes the set-up script's, else the one on PATH.
    pub nats_server: Option<PathBuf>,
    /// The only directory of PostgreSQL's programs to use; `None` takes the highest installed.
    pub postgres_bin_dir: Option<PathBuf>,
}

impl Options {
    /// Returns the defaults on `state_dir`.
    pub fn new(state_dir: impl Into<PathBuf>) -> Self {
        Self { state_dir: state_dir.into(), nats_sync_always: false, nats_server: None, postgres_bin_dir: None }
    }

    /// Reads `CARELOG_STATE_DIR`, `CARELOG_NATS_SERVER` and `CARELOG_PG_BINDIR`.
    ///
    /// Without the first, the state directory is `.carelog` of the nearest project around the
    /// current directory, else `.carelog` in it. If that is out of reach for the servers' user
    /// (root's checkout under `/root`), it is a directory under `/var/tmp` instead; a directory
    /// that was named is never replaced.
    ///
    /// # Errors
    /// If there is no current directory, or root has no user to run the servers as.
    pub fn from_environment() -> anyhow::Result<Self> {
        let path_in = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state_dir = match path_in("CARELOG_STATE_DIR") {
            Some(path) => path,
            None => state::default_path()?,
        };
        Ok(Self {
            nats_server: path_in("CARELOG_NATS_SERVER"),
            postgres_bin_dir: path_in("CARELOG_PG_BINDIR"),
            ..Self::new(state_dir)
        })
    }
}

/// A running PostgreSQL and a running NATS; dropping it stops both.
pub struct LocalServers {
    /// Where PostgreSQL listens, with superuser and password.
    pub database_url: String,
    /// Where NATS listens, with its token.
    pub nats_url: String,
    /// Where NATS answers monitoring requests.
    pub nats_monitor_url: String,
    /// The file of the master key that belongs to this state.
    pub master_key_file: PathBuf,
    /// PostgreSQL, to be stopped, killed and started for a test.
    pub postgres: Postgres,
    /// NATS, to be stopped, killed and started for a test.
    pub nats: Nats,
    // Last: the directory is given free after the servers are down.
    _state: StateDir,
}

impl LocalServers {
    /// Starts both servers and returns when they accept clients.
    ///
    /// What an earlier start on the same directory stored is still there, also after a crash.
    ///
    /// # Errors
    /// [`AlreadyRunning`] if another process serves the directory; otherwise a message that
    /// names the remedy. Then, and if the call is cancelled, nothing is left running.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        let begun = Instant::now();
        let account = Account::for_servers()?;
        let state = StateDir::open(&options.state_dir, account.as_ref()).await?;
        let secrets = state.secrets()?;
        let master_key_file = state.master_key_file()?;
        let (postgres, nats) = tokio::try_join!(
            Postgres::launch(&state, account.as_ref(), options.postgres_bin_dir.as_deref(), &secrets.postgres_password,),
            Nats::launch(
                &state,
                account.as_ref(),
                options.nats_server.as_deref(),
                &secrets.nats_token,
                options.nats_sync_always,
            ),
        )?;
        let database_url = postgres.url(&secrets.postgres_password);
        let nats_url = nats.url();
        let nats_monitor_url = nats.monitor_url();
        state.publish_urls(&database_url, &nats_url, &nats_monitor_url)?;
        tracing::info!(
            "PostgreSQL and NATS are up after {} ms on {}",
            begun.elapsed().as_millis(),
            state.path().display()
        );
        Ok(Self { database_url, nats_url, nats_monitor_url, master_key_file, postgres, nats, _state: state })
    }

    /// Starts a server again that ended by itself, for as long as it is awaited.
    ///
    /// # Errors
    /// If one does not come up again, or dies again and again.
    pub async fn keep_running(&mut self) -> anyhow::Result<Infallible> {
        let mut deaths = VecDeque::new();
        loop {
            tokio::time::sleep(WATCH_EVERY).await;
            let (postgres, nats) = (self.postgres.revive().await?, self.nats.revive().await?);
            if postgres || nats {
                deaths.push_back(Instant::now());
            }
            deaths.retain(|death: &Instant| death.elapsed() < DEATHS_WITHIN);
            ensure!(
                deaths.len() < DEATHS_MAX,
                "the servers die again and again: see their logs in the state directory"
            );
        }
    }

    /// Stops both servers in good order.
    ///
    /// # Errors
    /// If a process cannot be ended.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let (postgres, nats) = tokio::join!(self.postgres.stop(), self.nats.stop());
        postgres.and(nats)
    }

    /// The environment for a command that is to use these servers.
    pub fn variables(&self) -> [(&'static str, OsString); 4] {
        [
            ("DATABASE_URL", self.database_url.clone().into()),
            ("NATS_URL", self.nats_url.clone().into()),
            ("NATS_MONITOR_URL", self.nats_monitor_url.clone().into()),
            ("CARELOG_MASTER_KEY_FILE", self.master_key_file.clone().into()),
        ]
    }
}

/// Returns what `program --version` prints.
async fn version_output(program: &Path) -> anyhow::Result<String> {
    let mut command = tokio::process::Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(output) = tokio::time::timeout(VERSION_TIMEOUT, command.output()).await else {
        bail!("{} --version takes longer than {VERSION_TIMEOUT:?}", program.display());
    };
    let output = output.with_context(|| format!("cannot run {}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
