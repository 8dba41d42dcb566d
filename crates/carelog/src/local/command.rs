//! `carelog local -- COMMAND`: a command with the servers around it.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ExitCode, ExitStatus};
use std::{fs, io};

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};

use super::process::{bound_command, spawn};
use super::{AlreadyRunning, LocalServers, Options};
use crate::output::say;

/// The exit code of `carelog local` if the state directory's servers are already running, so
/// that nothing was started and no command was run: `EX_TEMPFAIL` of sysexits.h.
pub const EXIT_ALREADY_RUNNING: u8 = 75;

/// Runs a command on private servers and returns its exit code (128 + n after signal n).
///
/// Where `DATABASE_URL` and `NATS_URL` are both set nothing is started. Otherwise both servers
/// are, the command gets `DATABASE_URL`, `NATS_URL`, `NATS_MONITOR_URL` and
/// `CARELOG_MASTER_KEY_FILE`, and both are stopped after it. If they are already running on this
/// state directory their URLs are printed, one `NAME=value` on a line, and the exit code is
/// [`EXIT_ALREADY_RUNNING`].
///
/// SIGINT and SIGTERM are passed on to the command, which is waited for. If this process is
/// killed the command gets SIGTERM and the servers stop.
///
/// # Errors
/// If the servers cannot be started or stopped, or the command cannot be run.
pub async fn run_command(options: &Options, argv: &[OsString]) -> anyhow::Result<ExitCode> {
    let (program, args) = argv.split_first().context("no command was given")?;
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match (is_set("DATABASE_URL"), is_set("NATS_URL")) {
        (true, true) => return run(program, args, &[]).await,
        (false, false) => {}
        (true, false) | (false, true) => {
            tracing::warn!("only one of DATABASE_URL and NATS_URL is set: private servers take the place of both");
        }
    }
    let servers = match LocalServers::start(options).await {
        Ok(servers) => servers,
        Err(error) => match error.downcast::<AlreadyRunning>() {
            Ok(running) => {
                return Ok(report_running(&running)?);
            }
            Err(error) => return Err(error),
        },
    };
    let variables = servers.variables();
    let result = run(program, args, &variables).await;
    servers.stop().await?;
    result
}

/// Says that private servers run already, and where.
///
/// # Errors
/// Standard output cannot be written to.
pub(crate) fn report_running(running: &AlreadyRunning) -> io::Result<ExitCode> {
    eprintln!("carelog: {running}");
    say!("DATABASE_URL={}", running.database_url)?;
    say!("NATS_URL={}", running.nats_url)?;
    say!("NATS_MONITOR_URL={}", running.nats_monitor_url)?;
    Ok(ExitCode::from(EXIT_ALREADY_RUNNING))
}

async fn run(program: &OsStr, args: &[OsString], variables: &[(&str, OsString)]) -> anyhow::Result<ExitCode> {
    let mut interrupts = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let mut terminations = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut ends = signal(SignalKind::child()).context("cannot listen for SIGCHLD")?;
    let mut command = bound_command(Path::new(program), "TERM", None);
    command.args(args).envs(variables.iter().map(|(name, value)| (name, value)));
    let mut child = spawn(command)?;
    loop {
        if let Some(status) = child.try_wait().context("cannot ask for the state of the command")? {
            return Ok(exit_code(status));
        }
        tokio::select! {
            _ = ends.recv() => {}
            _ = interrupts.recv() => if !is_on_terminal() {
                pass_on(&child, Signal::INT);
            },
            _ = terminations.recv() => pass_on(&child, Signal::TERM),
        }
    }
}

fn pass_on(child: &Child, signal: Signal) {
    // It is not reaped yet; if it has ended, it needs no signal.
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether this process is in the foreground of a terminal: then Ctrl-C has reached the command
/// as well, and a second SIGINT would mean "at once" to it.
fn is_on_terminal() -> bool {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
        return false;
    };
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace());
    let Some(mut fields) = fields else {
        return false;
    };
    // After the name: state, parent, process group, session, terminal, the terminal's
    // foreground group.
    let group = fields.nth(2);
    let foreground = fields.nth(2);
    group.is_some() && group == foreground
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
