//! A role as a process of its own, to be killed or measured.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use crate::config::Environment;
use crate::roles::Role;

/// The variables that a role reads.
const VARIABLES: [&str; 8] = [
    "DATABASE_URL",
    "NATS_URL",
    "CARELOG_PREFIX",
    "CARELOG_MASTER_KEY",
    "CARELOG_MASTER_KEY_FILE",
    "CARELOG_HTTP_ADDR",
    "CARELOG_API_KEYS",
    "CARELOG_EVENTS_MAX_BYTES",
];

/// A running role. It is killed when dropped, and ends with this process, however that ends.
pub struct Child {
    role: Role,
    pid: Pid,
    told: Option<ChildStdout>,
    ended: oneshot::Receiver<std::io::Result<ExitStatus>>,
}

impl Child {
    /// Starts a role with the settings of `environment`.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(role: Role, environment: &Environment) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot tell the path of this program")?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(program).args(["serve", role.name()]).stdin(Stdio::null());
        for name in VARIABLES {
            match environment.optional(name) {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if role == Role::Query {
            // Its first line tells where it listens.
            command.stdout(Stdio::piped());
        }
        // A group of its own: Ctrl-C is for this process, which then stops it.
        command.process_group(0);
        // Its log would stand in the middle of the story.
        command.env("CARELOG_LOG", environment.optional("CARELOG_LOG").unwrap_or("warn"));
        let (started, start) = mpsc::channel();
        let (end, ended) = oneshot::channel();
        // The death signal follows the thread that forked: this one lives as long as the child.
        std::thread::spawn(move || match command.spawn() {
            Err(error) => _ = started.send(Err(error)),
            Ok(mut child) => {
                let _ = started.send(Ok((child.id(), child.stdout.take())));
                let _ = end.send(child.wait());
            }
        });
        let (id, told) =
            start.recv().context("the thread that starts processes ended")?.context("cannot start a process")?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("the process has no id")?;
        Ok(Self { role, pid, told, ended })
    }

    /// Which role it is.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Where the query API listens. Waits until it does; to be asked once, of that role only.
    ///
    /// # Errors
    /// It has ended, or is another role.
    pub async fn http_addr(&mut self) -> anyhow::Result<SocketAddr> {
        let told = self.told.take().context("the role tells no address")?;
        let first_line = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(told).read_line(&mut line).map(|_| line)
        });
        let line = first_line.await??;
        let addr = line.trim().rsplit_once("http://").and_then(|(_, addr)| addr.parse().ok());
        addr.with_context(|| format!("the role {} does not tell where it listens", self.role))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// It was gone already.
    pub async fn kill(self) -> anyhow::Result<()> {
        self.end_by(Signal::KILL).await
    }

    /// Asks it to stop and waits until it is gone.
    ///
    /// # Errors
    /// It was gone already.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.end_by(Signal::TERM).await
    }

    async fn end_by(mut self, signal: Signal) -> anyhow::Result<()> {
        if let Ok(status) = self.ended.try_recv() {
            anyhow::bail!("the process {} had ended by itself: {status:?}", self.id());
        }
        // Its thread may be reaping it in this moment; then there is nothing left to kill.
        let _ = kill_process(self.pid, signal);
        let _ = (&mut self.ended).await;
        Ok(())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Empty: nobody was told yet that it has ended, so the id is still its own.
        if matches!(self.ended.try_recv(), Err(oneshot::error::TryRecvError::Empty)) {
            let _ = kill_process(self.pid, Signal::KILL);
        }
    }
}
