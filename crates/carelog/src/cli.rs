//! The command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::config::Environment;
use crate::demo::DemoArgs;
use crate::import::ImportArgs;
use crate::inbox::InboxArgs;
use crate::local::Options;
use crate::models::ModelsArgs;
use crate::output::say;
use crate::recover::RecoverArgs;
use crate::replay::ReplayArgs;
use crate::retarget::RetargetArgs;
use crate::roles::Role;
use crate::send::SendArgs;
use crate::{
    demo, exit, import, inbox, local, models, recover, replay, retarget, schema, send, serve, shutdown, telemetry, up,
};

const SETTINGS: &str = "\
Settings come from the environment:
  DATABASE_URL              postgres://USER:PASSWORD@HOST:PORT/DATABASE
  NATS_URL                  nats://[TOKEN@ or USER:PASSWORD@]HOST:PORT, several separated by commas
  NATS_MONITOR_URL          where NATS answers monitoring requests (http://HOST:PORT)
  CARELOG_PREFIX            what all NATS subjects begin with (carelog)
  CARELOG_CELL              the name of this installation in the events' source (main)
  CARELOG_MASTER_KEY        the key that wraps the keys of persons: 64 hexadecimal digits
  CARELOG_MASTER_KEY_FILE   a file with it
  CARELOG_HTTP_ADDR         where the query API listens (127.0.0.1:8080; port 0 takes a free one)
  CARELOG_API_KEYS          a file of bearer keys, one `name sha256-in-hex` a line
  CARELOG_PUBLISHER_ACTORS  which actor kinds a publisher may send for: web=customer+service;bot=rule
  CARELOG_EVENTS_MAX_AGE    how long the stream of events keeps an event (7d)
  CARELOG_EVENTS_MAX_BYTES  how much the stream of events keeps (2GiB)
  CARELOG_LOG               what is logged: info, warn, bus=debug,info
  CARELOG_LOG_FORMAT        text or json
  CARELOG_STATE_DIR         where private servers keep their state (.carelog)
  CARELOG_PG_BINDIR         where the programs of PostgreSQL for private servers are
  CARELOG_NATS_SERVER       the nats-server for private servers

Exit codes: 0 done, 1 failed or rejected, 2 wrong usage, 3 unknown or unavailable, 4 history_forked,
75 the private servers are already running, 130 interrupted before the end.";

/// Customer support and service management as an append-only history
#[derive(Parser, Debug)]
#[command(name = "carelog", version, after_help = SETTINGS, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs everything in one process, on private servers unless DATABASE_URL and NATS_URL are set
    ///
    /// Brings the database up to date, runs all roles, prints where they are, and stays until Ctrl-C.
    Up,
    /// Runs roles of the system as a service
    ///
    /// If one of them fails, the process stops with the exit code of the failure.
    Serve {
        /// Which roles
        #[arg(required = true, value_name = "ROLE")]
        roles: Vec<Role>,
    },
    /// Brings the database up to date
    ///
    /// Safe to repeat and to run several times at once. DATABASE_URL must name a user that may make schemas and roles.
    Migrate,
    /// Runs a command on private servers: PostgreSQL and NATS
    ///
    /// The command gets DATABASE_URL, NATS_URL, NATS_MONITOR_URL and CARELOG_MASTER_KEY_FILE. Where DATABASE_URL and
    /// NATS_URL are both set, nothing is started. Exits with the command's exit code.
    Local {
        /// The command and its arguments
        #[arg(required = true, last = true, value_name = "COMMAND")]
        argv: Vec<OsString>,
    },
    Send(SendArgs),
    Import(ImportArgs),
    Replay(ReplayArgs),
    Models(ModelsArgs),
    Inbox(InboxArgs),
    Retarget(RetargetArgs),
    Recover(RecoverArgs),
    Demo(DemoArgs),
    Bench(BenchArgs),
}

impl Command {
    /// What is logged where nothing is set: services tell what they do, tools only what is wrong.
    const fn log_level(&self) -> &'static str {
        match self {
            Self::Serve { .. } => "info,async_nats=warn",
            Self::Up
            | Self::Migrate
            | Self::Local { .. }
            | Self::Send(_)
            | Self::Import(_)
            | Self::Replay(_)
            | Self::Models(_)
            | Self::Inbox(_)
            | Self::Retarget(_)
            | Self::Recover(_)
            | Self::Demo(_)
            | Self::Bench(_) => "warn,async_nats=error,sqlx=error",
        }
    }
}

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(cli.command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("carelog: {error:#}");
            ExitCode::from(exit::code_of(&error))
        }
    }
}

fn start(command: Command) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    telemetry::init_log(&environment, command.log_level())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(Box::pin(run(command, &environment)));
    // Whoever still reads standard input must not hold the process.
    runtime.shutdown_background();
    result
}

async fn run(command: Command, environment: &Environment) -> anyhow::Result<ExitCode> {
    if let Command::Local { argv } = &command {
        // It passes signals on instead of heeding them.
        return Box::pin(local::run_command(&Options::from_environment()?, argv)).await;
    }
    let stop = shutdown::on_signals()?;
    match command {
        Command::Up => Box::pin(up::run(environment, &telemetry::init_metrics()?, &stop)).await,
        Command::Serve { roles } => {
            let prepared = serve::prepare(environment, &roles, &telemetry::init_metrics()?).await?;
            for addr in prepared.iter().filter_map(crate::roles::Prepared::http_addr) {
                say!("query API on http://{addr}")?;
            }
            serve::run(prepared, &stop).await?;
            Ok(ExitCode::from(exit::DONE))
        }
        Command::Migrate => {
            schema::migrate(&environment.database_url()?).await?;
            say!("the database is up to date")?;
            Ok(ExitCode::from(exit::DONE))
        }
        Command::Local { .. } => Ok(ExitCode::from(exit::USAGE)),
        Command::Send(args) => Box::pin(send::run(environment, &args, &stop)).await,
        Command::Import(args) => Box::pin(import::run(environment, &args, &stop)).await,
        Command::Replay(args) => Box::pin(replay::run(environment, &args, &stop)).await,
        Command::Models(args) => Box::pin(models::run(environment, &args, &stop)).await,
        Command::Retarget(args) => Box::pin(retarget::run(environment, &args, &stop)).await,
        Command::Inbox(args) => Box::pin(inbox::run(environment, &args)).await,
        Command::Recover(args) => Box::pin(recover::run(environment, &args, &stop)).await,
        Command::Demo(args) => Box::pin(demo::run(environment, &args, &stop)).await,
        Command::Bench(args) => Box::pin(crate::bench::run(environment, &args, &stop)).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
