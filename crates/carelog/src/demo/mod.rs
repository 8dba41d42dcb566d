//! `carelog demo`: the whole system at work, with a projector that is killed in the middle.

mod areas;
mod generator;
mod narrative;
mod stage;
mod texts;

use std::net::SocketAddr;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use tokio_util::sync::CancellationToken;

use self::narrative::{Story, heading};
use crate::config::Environment;
use crate::exit;
use crate::output::say;
use crate::roles::{Prepared, Role};
use crate::up::{Servers, addresses, already_running, with_free_http_addr};
use crate::{schema, serve};

/// Shows the whole system at work, on private servers unless DATABASE_URL and NATS_URL are set.
///
/// It sends the commands of a support desk, shows one of them with its reply, its events and its row, kills the
/// projector in the middle, checks that nothing is lost, rebuilds a model and compares. Exits with 1 if anything is not
/// as it should be. What was sent stays in the state directory; another run adds to it.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Makes the same commands each time; one at random if not given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many customers
    #[arg(long, value_name = "N", default_value_t = 600, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    pub customers: u64,
    /// Stay up at the end, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
}

/// Runs `carelog demo`.
///
/// # Errors
/// Something cannot be started, or is not as it should be.
pub async fn run(environment: &Environment, args: &DemoArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let servers = match Servers::start(environment).await {
        Ok(servers) => servers,
        Err(error) => return already_running(&error).ok_or(error),
    };
    let ran = run_on(&servers, args, stop).await;
    let stopped = servers.stop().await;
    ran.and_then(|code| stopped.map(|()| code))
}

async fn run_on(servers: &Servers, args: &DemoArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let environment = with_free_http_addr(servers.environment.clone()).await;
    schema::migrate(&environment.database_url()?).await.context("the database cannot be brought up to date")?;
    // The projector is a process of its own.
    let roles = [Role::Commands, Role::Relay, Role::Automation, Role::Query];
    let prepared = serve::prepare(&environment, &roles, &crate::telemetry::init_metrics()?).await?;
    let http = prepared.iter().find_map(Prepared::http_addr).context("the query API listens nowhere")?;
    let roles_stop = CancellationToken::new();
    let serving = {
        let stop = roles_stop.clone();
        tokio::spawn(async move { serve::run(prepared, &stop).await })
    };
    let story = Story {
        environment: environment.clone(),
        api: format!("http://{http}"),
        args: args.clone(),
        stop: stop.clone(),
    };
    // Roles stop by themselves only if one failed.
    let told = tokio::select! {
        told = story.tell() => Some(told),
        () = roles_stop.cancelled() => None,
        () = stop.cancelled() => None,
    };
    let code = match told {
        None => exit::FAILED,
        Some(projector) => {
            let projector = projector?;
            if args.keep {
                heading("It stays up")?;
                say!("{}", addresses(&environment, servers, http)?)?;
                tokio::select! {
                    () = roles_stop.cancelled() => {}
                    () = stop.cancelled() => {}
                }
            } else {
                heading("See for yourself")?;
                say!("{}", farewell(servers, http))?;
            }
            projector.stop().await?;
            exit::DONE
        }
    };
    roles_stop.cancel();
    serving.await??;
    Ok(ExitCode::from(code))
}

/// Where what was made can be looked at once the demo is over.
fn farewell(servers: &Servers, http: SocketAddr) -> String {
    let place = match &servers.state_dir {
        Some(path) => format!("on the state directory {}", path.display()),
        None => "on your PostgreSQL and NATS".to_owned(),
    };
    format!(
        "What was made stays {place}. `carelog up`, or this with --keep, serves it:\n  \
         http://{http}/v1/tickets\n  http://{http}/v1/customers\n  http://{http}/v1/events\n  http://{http}/docs"
    )
}
