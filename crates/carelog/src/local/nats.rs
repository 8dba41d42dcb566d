//! A private nats-server with JetStream as a child process.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

use super::ports::free_port;
use super::process::{self, Account, Launch, POLL, Server};
use super::state::{StateDir, create_private_dir, project_state_dirs, random_hex, unreachable_part, write_private};
use super::{START_ATTEMPTS_MAX, version_output};

/// Older servers ignore newer settings without a word, or have known security holes.
const VERSION_MIN: (u32, u32) = (2, 12);

/// Where the set-up script puts its copy, seen from a state directory.
const SET_UP_COPY: &str = "tools/bin/nats-server";

/// Opening a store reads it.
const START_TIMEOUT: Duration = Duration::from_secs(60);

const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const ORPHAN_TIMEOUT: Duration = Duration::from_secs(10);
const INFO_TIMEOUT: Duration = Duration::from_secs(1);
const INFO_BYTES_MAX: u64 = 64 * 1024;

/// A nats-server on ports and a store of its own, which stay the same however often it is
/// stopped, killed and started.
pub struct Nats {
    program: PathBuf,
    /// Working directory of the server; paths in its configuration start here.
    directory: PathBuf,
    config: PathBuf,
    log: PathBuf,
    port: u16,
    monitor_port: u16,
    /// Random, so that an answer on the port is known to be this server's.
    name: String,
    token: String,
    sync_always: bool,
    account: Option<Account>,
    server: Option<Server>,
}

enum StartFailure {
    PortTaken(anyhow::Error),
    Other(anyhow::Error),
}

impl Nats {
    /// Makes the store's directory where it is missing, and starts on free ports.
    pub(super) async fn launch(
        state: &StateDir,
        account: Option<&Account>,
        program: Option<&Path>,
        token: &str,
        sync_always: bool,
    ) -> anyhow::Result<Self> {
        let found = find_program(program, state.path())?;
        check_version(&found).await?;
        let program = executable_for(account, found, state.path())?;
        let directory = state.path().join("nats");
        if !directory.exists() {
            create_private_dir(&directory, account)?;
        }
        let config = state.path().join("nats.conf");
        let log = state.path().join("nats.log");
        // One log per launch, so that it does not grow for ever.
        File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        process::end_orphans("nats-server", &config, ORPHAN_TIMEOUT).await?;
        let mut nats = Self {
            program,
            directory,
            config,
            log,
            port: 0,
            monitor_port: 0,
            name: format!("carelog-{}", random_hex::<8>()),
            token: token.to_owned(),
            sync_always,
            account: account.cloned(),
            server: None,
        };
        nats.start_on_free_ports().await?;
        Ok(nats)
    }

    pub(super) fn url(&self) -> String {
        format!("nats://{}@127.0.0.1:{}", self.token, self.port)
    }

    pub(super) fn monitor_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// Returns the server's process id while it is started.
    pub fn process_id(&self) -> Option<u32> {
        self.server.as_ref().map(Server::id)
    }

    /// Starts again on the same ports and store; returns when clients are accepted.
    ///
    /// # Errors
    /// If it is running, or does not come up within a minute. Cancelling ends the server.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        match self.try_start().await {
            Ok(()) => Ok(()),
            Err(StartFailure::PortTaken(error) | StartFailure::Other(error)) => Err(error),
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

    /// Stops in good order. Does nothing if it is stopped already.
    ///
    /// # Errors
    /// If its process cannot be ended.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.stop(STOP_TIMEOUT).await,
            None => Ok(()),
        }
    }

    /// Kills the server with SIGKILL. Does nothing if it is stopped.
    ///
    /// # Errors
    /// If the process survives.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        match self.server.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Stops the scheduling of the server (SIGSTOP): connections hang, none is refused.
    pub fn pause(&self) {
        if let Some(server) = &self.server {
            server.pause();
        }
    }

    /// Undoes [`Nats::pause`].
    pub fn resume(&self) {
        if let Some(server) = &self.server {
            server.resume();
        }
    }

    /// Removes every stream and consumer, as a lost disk would.
    ///
    /// # Errors
    /// If the server is running, or files cannot be removed.
    pub fn wipe_store(&mut self) -> anyhow::Result<()> {
        self.ensure_stopped()?;
        let store = self.directory.join("store");
        match fs::remove_dir_all(&store) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", store.display()))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn ensure_stopped(&mut self) -> anyhow::Result<()> {
        if let Some(server) = &mut self.server {
            ensure!(server.ended()?.is_some(), "nats-server is running");
        }
        Ok(())
    }

    async fn start_on_free_ports(&mut self) -> anyhow::Result<()> {
        for attempt in 1.. {
            self.port = free_port()?;
            self.monitor_port = free_port()?;
            match self.try_start().await {
                Ok(()) => return Ok(()),
                Err(StartFailure::PortTaken(_)) if attempt < START_ATTEMPTS_MAX => {}
                Err(StartFailure::PortTaken(error) | StartFailure::Other(error)) => {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    async fn try_start(&mut self) -> Result<(), StartFailure> {
        let deadline = Instant::now() + START_TIMEOUT;
        let mut server = self.spawn().map_err(StartFailure::Other)?;
        loop {
            if let Some(status) = server.ended().map_err(StartFailure::Other)? {
                let error = server.ended_early(status);
                return Err(if server.output().contains("address already in use") {
                    StartFailure::PortTaken(error)
                } else {
                    StartFailure::Other(error)
                });
            }
            if self.is_ready().await {
                self.server = Some(server);
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(StartFailure::Other(anyhow::anyhow!(
                    "nats-server is not ready after {START_TIMEOUT:?}: see {}",
                    self.log.display()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    fn spawn(&mut self) -> anyhow::Result<Server> {
        self.ensure_stopped()?;
        // In a file, not on the command line: everybody can read command lines.
        write_private(&self.config, &self.config_text(), self.account.as_ref())?;
        Server::spawn(
            "nats-server",
            Launch {
                program: &self.program,
                args: vec!["--config".into(), self.config.clone().into()],
                directory: &self.directory,
                log: &self.log,
                account: self.account.as_ref(),
            },
        )
    }

    fn config_text(&self) -> String {
        let sync = if self.sync_always { "sync_interval: always" } else { "" };
        format!(
            r#"server_name: "{name}"
listen: "127.0.0.1:{port}"
http: "127.0.0.1:{monitor_port}"
max_payload: 1MB
authorization {{ token: "{token}" }}
jetstream {{
  store_dir: "store"
  {sync}
}}
"#,
            name = self.name,
            port = self.port,
            monitor_port = self.monitor_port,
            token = self.token,
        )
    }

    /// The server greets with its name and whether JetStream is up.
    async fn is_ready(&self) -> bool {
        let greeting = async {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            let mut line = String::new();
            BufReader::new(stream.take(INFO_BYTES_MAX)).read_line(&mut line).await?;
            io::Result::Ok(line)
        };
        match tokio::time::timeout(INFO_TIMEOUT, greeting).await {
            Ok(Ok(line)) => line.contains(&self.name) && line.contains(r#""jetstream":true"#),
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// Finds the program: the named one alone, else the set-up script's copy, else PATH.
fn find_program(named: Option<&Path>, state_dir: &Path) -> anyhow::Result<PathBuf> {
    if let Some(program) = named {
        ensure!(program.is_file(), "CARELOG_NATS_SERVER is {}, and there is no such file", program.display());
        return std::path::absolute(program).context("CARELOG_NATS_SERVER has no absolute path");
    }
    let here = std::env::current_dir().context("cannot tell the current directory")?;
    let copies = std::iter::once(state_dir.to_owned())
        .chain(project_state_dirs(&here))
        .map(|dir| dir.join(SET_UP_COPY))
        .filter(|program| is_trusted(program));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|dir| dir.join("nats-server"));
    let found = copies.chain(on_path).find(|program| program.is_file());
    let (major, minor) = VERSION_MIN;
    found.with_context(|| format!("nats-server {major}.{minor} or newer is not installed: run deploy/set-up"))
}

/// A directory above the current one may be shared: what others put there is not run.
fn is_trusted(program: &Path) -> bool {
    let uid = rustix::process::geteuid().as_raw();
    fs::metadata(program).is_ok_and(|metadata| metadata.uid() == uid || metadata.uid() == 0)
}

async fn check_version(program: &Path) -> anyhow::Result<()> {
    let output = version_output(program).await?;
    let (major, minor) = VERSION_MIN;
    match version_in(&output) {
        Some(version) if version >= VERSION_MIN => Ok(()),
        Some(_) => bail!(
            "{} is {output}, and Carelog needs {major}.{minor} or newer: run deploy/set-up, or set CARELOG_NATS_SERVER",
            program.display()
        ),
        None => bail!("{} does not tell its version: {output:?}", program.display()),
    }
}

/// `nats-server: v2.15.1` is (2, 15).
fn version_in(output: &str) -> Option<(u32, u32)> {
    let (_, version) = output.split_once(": v")?;
    let mut numbers = version.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

/// Returns the program itself, or a copy in the state directory where the program lies in a
/// place that the servers' user cannot reach, such as a checkout under `/root`.
fn executable_for(account: Option<&Account>, program: PathBuf, state_dir: &Path) -> anyhow::Result<PathBuf> {
    let Some(account) = account else {
        return Ok(program);
    };
    let real = fs::canonicalize(&program).with_context(|| format!("cannot find {}", program.display()))?;
    if unreachable_part(&real, account).is_none() {
        return Ok(program);
    }
    let copy = state_dir.join("nats-server");
    let unfinished = state_dir.join("nats-server.new");
    let make = || -> io::Result<()> {
        fs::copy(&real, &unfinished)?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
        fs::rename(&unfinished, &copy)
    };
    make().with_context(|| format!("cannot copy {} to {}", real.display(), copy.display()))?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn a_version_is_read_from_what_the_server_prints() {
        assert_eq!(version_in("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(version_in("nats-server: v2.9.10-beta"), Some((2, 9)));
        assert_eq!(version_in("something else"), None);
    }
}
