//! A role as a process of its own, to be killed.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::oneshot;

use crate::config::Environment;
use crate::roles::Role;

/// The variables that a role reads.
const VARIABLES: [&str; 5] =
    ["DATABASE_URL", "NATS_URL", "CARELOG_PREFIX", "CARELOG_MASTER_KEY", "CARELOG_MASTER_KEY_FILE"];

/// A running role. It ends with this process, however that ends.
pub struct Child {
    pid: Pid,
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
                let _ = started.send(Ok(child.id()));
                let _ = end.send(child.wait());
            }
        });
        let id = start.recv().context("the thread that starts processes ended")?.context("cannot start a process")?;
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw).context("the process has no id")?;
        Ok(Self { pid, ended })
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
        let _ = self.ended.await;
        Ok(())
    }
}
