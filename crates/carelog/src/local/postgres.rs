//! A private PostgreSQL as a child process.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::ports::free_port;
use super::process::{self, Account, Launch, POLL, Server};
use super::state::{StateDir, create_private_dir, write_private};
use super::{START_ATTEMPTS_MAX, version_output};

/// The oldest major version that Carelog runs on.
const MAJOR_MIN: u32 = 15;

/// Superuser and database have the same name.
const NAME: &str = "carelog";

/// Recovery after a crash reads up to `max_wal_size` again.
const START_TIMEOUT: Duration = Duration::from_secs(120);

const INITDB_TIMEOUT: Duration = Duration::from_secs(120);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(10);

/// Durability as in production; sizes for a developer's machine.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    // No socket file: its path may have 107 bytes, a state directory's may be longer.
    "unix_socket_directories=",
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "max_wal_size=4GB",
    "shared_buffers=512MB",
    "max_connections=200",
    "password_encryption=scram-sha-256",
    "timezone=UTC",
    "log_timezone=UTC",
];

/// A PostgreSQL on a port and a data directory of its own, which stay the same however often it
/// is stopped, killed and started.
pub struct Postgres {
    bin_dir: PathBuf,
    data_dir: PathBuf,
    log: PathBuf,
    port: u16,
    account: Option<Account>,
    server: Option<Server>,
}

enum StartFailure {
    PortTaken(anyhow::Error),
    StillInUse(anyhow::Error),
    Other(anyhow::Error),
}

impl Postgres {
    /// Makes the data directory where it is missing, and starts on a free port.
    pub(super) async fn launch(
        state: &StateDir,
        account: Option<&Account>,
        bin_dir: Option<&Path>,
        password: &str,
    ) -> anyhow::Result<Self> {
        let data_dir = state.postgres_dir();
        let data_major = major_of_data(&data_dir)?;
        let bin_dir = find_bin_dir(bin_dir, data_major, &data_dir).await?;
        let log = state.path().join("postgres.log");
        // One log per launch, so that it does not grow for ever.
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        process::end_orphans("postgres", &data_dir, ORPHAN_TIMEOUT).await?;
        if data_major.is_none() {
            init(state.path(), &data_dir, &bin_dir, &log, account, password).await?;
        }
        let mut postgres = Self { bin_dir, data_dir, log, port: free_port()?, account: account.cloned(), server: None };
        postgres.start_on_free_port().await?;
        postgres.create_database(password).await?;
        Ok(postgres)
    }

    pub(super) fn url(&self, password: &str) -> String {
        format!("postgres://{NAME}:{password}@127.0.0.1:{}/{NAME}", self.port)
    }

    /// Returns the postmaster's process id while it is started.
    pub fn process_id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// Starts again on the same port and data; returns when connections are accepted.
    ///
    /// # Errors
    /// If it is running, or does not come up within two minutes. Cancelling ends the server.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        match self.try_start().await {
            Ok(()) => Ok(()),
            Err(StartFailure::PortTaken(error) | StartFailure::StillInUse(error) | StartFailure::Other(error)) => {
                Err(error)
            }
        }
    }

    /// Starts again if it ended by itself; says whether it did.
    pub(super) async fn revive(&mut self) -> anyhow::Result<bool> {
        let has_died = self.server.as_mut().map_or(Ok(false), Server::has_died)?;
        if has_died {
            // Its process id may be another's by now.
            self.server = None;
            self.start().await?;
        }
        Ok(has_died)
    }

    /// Stops in good order (a "fast" shutdown: sessions are ended, a checkpoint is written).
    /// Does nothing if it is stopped already.
    ///
    /// # Errors
    /// If its processes cannot be ended.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.stop(STOP_TIMEOUT).await,
            None => Ok(()),
        }
    }

    /// Kills the postmaster and all its processes with SIGKILL. Does nothing if it is stopped.
    ///
    /// # Errors
    /// If a process survives.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the scheduling of all its processes (SIGSTOP): connections hang, none is refused.
    pub fn pause(&self) {
        if let Some(server) = &self.server {
            server.pause();
        }
    }

    /// Undoes [`Postgres::pause`].
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            server.resume();
        }
    }

    async fn start_on_free_port(&mut self) -> anyhow::Result<()> {
        for _ in 1..START_ATTEMPTS_MAX {
            match self.try_start().await {
                Ok(()) => return Ok(()),
                Err(StartFailure::PortTaken(_)) => self.port = free_port()?,
                Err(StartFailure::StillInUse(error) | StartFailure::Other(error)) => {
                    return Err(error);
                }
            }
        }
        self.start().await
    }

    async fn try_start(&mut self) -> Result<(), StartFailure> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match self.start_once(deadline).await {
                // Backends of a killed postmaster hold its shared memory until they notice.
                Err(StartFailure::StillInUse(_)) if Instant::now() < deadline => tokio::time::sleep(POLL).await,
                result => return result,
            }
        }
    }

    async fn start_once(&mut self, deadline: Instant) -> Result<(), StartFailure> {
        let mut server = self.spawn().map_err(StartFailure::Other)?;
        loop {
            if let Some(status) = server.ended().map_err(StartFailure::Other)? {
                let output = server.output();
                let error = server.ended_early(status);
                return Err(if output.contains("Address already in use") {
                    StartFailure::PortTaken(error)
                } else if output.contains("is still in use") {
                    StartFailure::StillInUse(error)
                } else {
                    StartFailure::Other(error)
                });
            }
            if self.is_ready(server.id()) {
                self.server = Some(server);
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StartFailure::Other(anyhow::anyhow!(
                    "PostgreSQL is not ready after {START_TIMEOUT:?}: see {}",
                    self.log.display()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn spawn(&mut self) -> anyhow::Result<Server> {
        if let Some(server) = &mut self.server {
            ensure!(server.ended()?.is_some(), "PostgreSQL is already running");
        }
        let mut args: Vec<OsString> = vec!["-D".into(), self.data_dir.clone().into()];
        for setting in SETTINGS {
            args.extend(["-c".into(), setting.into()]);
        }
        args.extend(["-c".into(), format!("port={}", self.port).into()]);
        Server::spawn(
            "PostgreSQL",
            Launch {
                program: &self.bin_dir.join("postgres"),
                args,
                directory: &self.data_dir,
                log: &self.log,
                account: self.account.as_ref(),
            },
        )
    }

    /// The postmaster writes its id into the first line of its pid file and its state into the
    /// eighth; `pg_ctl` reads the same lines.
    fn is_ready(&self, process_id: u32) -> bool {
        let Ok(text) = fs::read_to_string(self.data_dir.join("postmaster.pid")) else {
            return false;
        };
        let mut lines = text.lines();
        let is_ours = lines.next().is_some_and(|id| id.trim() == process_id.to_string());
        is_ours && lines.nth(6).is_some_and(|state| state.trim() == "ready")
    }

    async fn create_database(&self, password: &str) -> anyhow::Result<()> {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port)
            .username(NAME)
            .password(password)
            .database("postgres")
            .ssl_mode(PgSslMode::Disable)
            .disable_statement_logging();
        let mut connection = PgConnection::connect_with(&options)
            .await
            .context("cannot log in to the private PostgreSQL: do its secrets file and its data belong together?")?;
        let exists: bool = sqlx::query_scalar("select exists (select from pg_database where datname = 'carelog')")
            .fetch_one(&mut connection)
            .await
            .context("cannot list the databases")?;
        if !exists {
            sqlx::query("create database carelog template template0")
                .execute(&mut connection)
                .await
                .context("cannot create the database")?;
        }
        connection.close().await.context("cannot end the session")
    }
}

/// Returns the major version that made the data, or `None` if there is none yet.
fn major_of_data(data_dir: &Path) -> anyhow::Result<Option<u32>> {
    let path = data_dir.join("PG_VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let major = text.trim().parse();
            major.map(Some).with_context(|| format!("{} holds no version: {:?}", path.display(), text.trim()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Finds PostgreSQL's programs: the named directory alone, else the highest installed version,
/// else PATH; where data exist, the version that made them goes first.
async fn find_bin_dir(named: Option<&Path>, data_major: Option<u32>, data_dir: &Path) -> anyhow::Result<PathBuf> {
    let candidates = match named {
        Some(dir) => {
            ensure!(
                has_programs(dir),
                "CARELOG_PG_BINDIR is {}, and there is no postgres and initdb in it",
                dir.display()
            );
            vec![dir.to_owned()]
        }
        None => installed_bin_dirs(data_major),
    };
    let mut seen = Vec::new();
    for dir in candidates {
        let output = version_output(&dir.join("postgres")).await?;
        let Some(major) = major_in(&output) else {
            bail!("{} does not tell its version: {output:?}", dir.join("postgres").display());
        };
        if major >= MAJOR_MIN && data_major.is_none_or(|data_major| data_major == major) {
            return Ok(dir);
        }
        seen.push(format!("{major} in {}", dir.display()));
    }
    let seen = if seen.is_empty() { String::new() } else { format!(" (found: {})", seen.join(", ")) };
    match data_major {
        Some(major) if major >= MAJOR_MIN => bail!(
            "{} was made by PostgreSQL {major}, which is not installed{seen}: install it, or move that directory away",
            data_dir.display()
        ),
        Some(_) | None => {
            bail!("PostgreSQL {MAJOR_MIN} or newer is not installed{seen}: run deploy/set-up")
        }
    }
}

fn installed_bin_dirs(preferred: Option<u32>) -> Vec<PathBuf> {
    let mut by_major: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            Some((major, entry.path().join("bin")))
        })
        .collect();
    by_major.sort_by_key(|(major, _)| (Some(*major) == preferred, *major));
    let from_packages = by_major.into_iter().rev().map(|(_, dir)| dir);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let from_path = std::env::split_paths(&path).collect::<Vec<_>>();
    from_packages.chain(from_path).filter(|dir| has_programs(dir)).collect()
}

fn has_programs(dir: &Path) -> bool {
    dir.join("postgres").is_file() && dir.join("initdb").is_file()
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` is 15, `… 19beta1` is 19.
fn major_in(output: &str) -> Option<u32> {
    let (_, version) = output.split_once("(PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Makes the data directory, wholly or not at all.
async fn init(
    state_dir: &Path,
    data_dir: &Path,
    bin_dir: &Path,
    log: &Path,
    account: Option<&Account>,
    password: &str,
) -> anyhow::Result<()> {
    ensure!(!data_dir.exists(), "{} exists and is no PostgreSQL data directory: move it away", data_dir.display());
    let unfinished = state_dir.join("postgres.new");
    let password_file = state_dir.join("password");
    write_private(&password_file, password, account)?;
    let mut result = Ok(());
    // C.UTF-8 compares like C and knows letters beyond ASCII; some C libraries lack it.
    for locale in ["C.UTF-8", "C"] {
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).with_context(|| format!("cannot remove {}", unfinished.display()))?;
        }
        create_private_dir(&unfinished, account)?;
        result = run_initdb(&unfinished, &password_file, locale, bin_dir, log, account).await;
        if result.is_ok() {
            break;
        }
    }
    let _ = fs::remove_file(&password_file);
    result?;
    let publish = || -> io::Result<()> {
        fs::rename(&unfinished, data_dir)?;
        File::open(state_dir)?.sync_all()
    };
    publish().with_context(|| format!("cannot put {} in its place", data_dir.display()))
}

async fn run_initdb(
    data_dir: &Path,
    password_file: &Path,
    locale: &str,
    bin_dir: &Path,
    log: &Path,
    account: Option<&Account>,
) -> anyhow::Result<()> {
    let mut password_arg = OsString::from("--pwfile=");
    password_arg.push(password_file);
    let mut args: Vec<OsString> = vec!["--pgdata".into(), data_dir.into(), password_arg];
    args.push(format!("--username={NAME}").into());
    args.push(format!("--locale={locale}").into());
    args.extend(["--auth=scram-sha-256", "--data-checksums", "--encoding=UTF8"].map(OsString::from));
    let mut initdb =
        Server::spawn("initdb", Launch { program: &bin_dir.join("initdb"), args, directory: data_dir, log, account })?;
    let deadline = Instant::now() + INITDB_TIMEOUT;
    loop {
        match initdb.ended()? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(initdb.ended_early(status)),
            None => {
                ensure!(Instant::now() < deadline, "initdb takes longer than {INITDB_TIMEOUT:?}: see {}", log.display())
            }
        }
        tokio::time::sleep(POLL).await;
    }
}
