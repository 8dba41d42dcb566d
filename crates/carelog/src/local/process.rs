//! Child processes that never outlive this process, and what the process table says of them.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a condition is looked at while waiting for it.
pub(super) const POLL: Duration = Duration::from_millis(5);

/// How long a server that is dropped or killed may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(5);

/// How much of the end of a log an error message quotes, in lines.
const QUOTED_LINES_MAX: usize = 12;

/// The system user that the servers run as where Carelog itself runs as root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: &'static str,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// Returns `postgres`, else `nobody`, for root, and `None` for everybody else.
    pub(super) fn for_servers() -> anyhow::Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
        let account = ["postgres", "nobody"].into_iter().find_map(|name| Self::in_passwd(&passwd, name));
        match account {
            Some(account) => Ok(Some(account)),
            None => bail!(
                "PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody: \
                 run deploy/set-up, or run Carelog as another user"
            ),
        }
    }

    fn in_passwd(passwd: &str, name: &'static str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(name) {
                return None;
            }
            let mut ids = fields.skip(1);
            let uid = ids.next()?.parse().ok()?;
            let gid = ids.next()?.parse().ok()?;
            Some(Self { name, uid, gid })
        })
    }
}

/// Returns a command for `program` that gets `signal` when this process ends in whatever way,
/// and that runs as `account` where one is given.
///
/// It must be spawned with [`spawn`]: the death signal follows the thread that forked.
pub(super) fn bound_command(program: &Path, signal: &str, account: Option<&Account>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", signal]);
    if let Some(account) = account {
        command.arg(format!("--reuid={}", account.uid)).arg(format!("--regid={}", account.gid)).arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

/// Spawns from a thread that lives as long as the process.
pub(super) fn spawn(command: Command) -> anyhow::Result<Child> {
    type Request = (Command, mpsc::Sender<io::Result<Child>>);
    static SPAWNER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();

    let spawner = SPAWNER.get_or_init(|| {
        let (requests, inbox) = mpsc::channel::<Request>();
        // Without the thread the inbox is dropped and the send below fails.
        let _ = std::thread::Builder::new().name("spawner".to_owned()).spawn(move || {
            while let Ok((mut command, reply)) = inbox.recv() {
                let _ = reply.send(command.spawn());
            }
        });
        requests
    });
    let (reply, answer) = mpsc::channel();
    if spawner.send((command, reply)).is_err() {
        bail!("cannot start the thread that starts processes");
    }
    match answer.recv().context("the thread that starts processes ended")? {
        Ok(child) => Ok(child),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("the command setpriv is missing: install the package util-linux")
        }
        Err(error) => Err(error).context("cannot start a process"),
    }
}

/// What a server process is started with.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) args: Vec<OsString>,
    pub(super) directory: &'a Path,
    pub(super) log: &'a Path,
    pub(super) account: Option<&'a Account>,
}

/// A running server, its output in a log file; dropping it ends it.
pub(super) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Server {
    /// Starts a server in a process group of its own, so that Ctrl-C on the terminal leaves the
    /// moment of its end to the launcher.
    pub(super) fn spawn(name: &'static str, launch: Launch<'_>) -> anyhow::Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(launch.log)
            .with_context(|| format!("cannot write {}", launch.log.display()))?;
        let log_start = log.metadata().map_or(0, |metadata| metadata.len());
        let errors = log.try_clone().context("cannot share a log file")?;
        let mut command = bound_command(launch.program, "INT", launch.account);
        command
            .args(launch.args)
            .current_dir(launch.directory)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0);
        let child = spawn(command).with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log: launch.log.to_owned(), log_start })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the exit status of a server that has ended.
    pub(super) fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot ask for the state of {}", self.name))
    }

    /// What the server has logged since it was spawned.
    pub(super) fn output(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.log)?;
            file.seek(SeekFrom::Start(self.log_start))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// The error for a server that ended where it should have run, with the end of its log.
    pub(super) fn ended_early(&self, status: ExitStatus) -> anyhow::Error {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let start = lines.len().saturating_sub(QUOTED_LINES_MAX);
        let quoted = lines.get(start..).unwrap_or_default().join("\n  ");
        anyhow::anyhow!("{} ended with {status}; the end of {}:\n  {quoted}", self.name, self.log.display())
    }

    /// Whether the server has ended, which nobody asked it to; says so in the log.
    pub(super) fn has_died(&mut self) -> anyhow::Result<bool> {
        let status = self.ended()?;
        if let Some(status) = status {
            tracing::warn!("{} ended with {status} and is started again; its log: {}", self.name, self.log.display());
        }
        Ok(status.is_some())
    }

    /// Stops the scheduling of the server and of its children.
    pub(super) fn pause(&self) {
        // The parent first: a paused parent makes no further children.
        self.signal(Signal::STOP);
        self.signal_children(Signal::STOP);
    }

    /// Undoes [`Server::pause`].
    pub(super) fn resume(&self) {
        self.signal_children(Signal::CONT);
        self.signal(Signal::CONT);
    }

    /// Ends the server in good order, or by force if it takes longer than `limit`.
    pub(super) async fn stop(mut self, limit: Duration) -> anyhow::Result<()> {
        self.signal(Signal::INT);
        self.resume();
        let deadline = Instant::now() + limit;
        while self.ended()?.is_none() {
            if Instant::now() >= deadline {
                tracing::warn!(server = self.name, "did not stop in {limit:?} and is killed");
                return self.kill().await;
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Kills the server and its children at once, as a crash of the machine would, and waits
    /// until all of them are gone.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        let children = self.kill_tree();
        let deadline = Instant::now() + END_TIMEOUT;
        while self.ended()?.is_none() || children.iter().copied().any(is_alive) {
            if Instant::now() >= deadline {
                bail!("processes of {} survive being killed", self.name);
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn kill_tree(&self) -> Vec<Pid> {
        self.signal(Signal::STOP);
        let children = self.pid().map(children_of).unwrap_or_default();
        self.signal(Signal::KILL);
        for child in &children {
            let _ = kill_process(*child, Signal::KILL);
        }
        children
    }

    fn signal(&self, signal: Signal) {
        // The child is not reaped yet, so its id is not another's; if it has ended, no signal
        // is needed.
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    fn signal_children(&self, signal: Signal) {
        for child in self.pid().map(children_of).unwrap_or_default() {
            let _ = kill_process(child, signal);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        self.signal(Signal::INT);
        self.resume();
        let deadline = Instant::now() + END_TIMEOUT;
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= deadline {
                self.kill_tree();
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(POLL);
        }
    }
}

/// Ends processes of an earlier run that still use `argument`, which a launcher killed together
/// with a paused server leaves behind.
///
/// # Errors
/// If such a process does not end within `limit`.
pub(super) async fn end_orphans(program: &str, argument: &Path, limit: Duration) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    let mut told = false;
    loop {
        let orphans = running_with(program, argument);
        let Some(orphan) = orphans.first() else {
            return Ok(());
        };
        if Instant::now() >= deadline {
            bail!(
                "process {} ({program}) of an earlier run still uses {}: end it with kill -9 {}",
                orphan.as_raw_nonzero(),
                argument.display(),
                orphan.as_raw_nonzero()
            );
        }
        if !told {
            told = true;
            for orphan in &orphans {
                tracing::info!("ending {program} of an earlier run, process {}", orphan.as_raw_nonzero());
                let _ = kill_process(*orphan, Signal::INT);
                let _ = kill_process(*orphan, Signal::CONT);
                for child in children_of(*orphan) {
                    let _ = kill_process(child, Signal::CONT);
                }
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

fn all_processes() -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(Pid::from_raw).collect()
}

fn running_with(program: &str, argument: &Path) -> Vec<Pid> {
    let uses = |pid: &Pid| {
        let Ok(line) = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())) else {
            return false;
        };
        let mut args = line.split(|byte| *byte == 0);
        let is_program = args
            .next()
            .is_some_and(|first| first == program.as_bytes() || first.ends_with(format!("/{program}").as_bytes()));
        is_program && args.any(|arg| arg == argument.as_os_str().as_encoded_bytes())
    };
    all_processes().into_iter().filter(uses).collect()
}

fn children_of(parent: Pid) -> Vec<Pid> {
    all_processes()
        .into_iter()
        .filter(|pid| state_and_parent(*pid).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get()))
        .collect()
}

fn is_alive(pid: Pid) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != "Z" && state != "X")
}

fn state_and_parent(pid: Pid) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name in parentheses may itself hold spaces and parentheses.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    let state = fields.next()?.to_owned();
    let parent = fields.next()?.parse().ok()?;
    Some((state, parent))
}
