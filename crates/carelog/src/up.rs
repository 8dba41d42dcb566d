//! `carelog up`: everything in one process, on private servers where none are given.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

use crate::config::Environment;
use crate::exit::{self, Usage};
use crate::local::{AlreadyRunning, EXIT_ALREADY_RUNNING, LocalServers, Options, report_running};
use crate::output::say;
use crate::roles::Role;
use crate::telemetry::RenderMetrics;
use crate::{schema, serve};

/// The servers that everything runs on: private ones, or those that the environment names.
pub struct Servers {
    /// The environment with their addresses.
    pub environment: Environment,
    /// Where the private ones keep their state.
    pub state_dir: Option<PathBuf>,
    private: Option<LocalServers>,
}

impl Servers {
    /// Starts private servers unless `DATABASE_URL` and `NATS_URL` are set.
    ///
    /// # Errors
    /// Only one of them is set; the private servers cannot be started, or run already ([`AlreadyRunning`]).
    pub async fn start(environment: &Environment) -> anyhow::Result<Self> {
        match (environment.optional("DATABASE_URL"), environment.optional("NATS_URL")) {
            (Some(_), Some(_)) => {
                return Ok(Self { environment: environment.clone(), state_dir: None, private: None });
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                let remedy = "set both, or neither for private servers";
                return Err(Usage(format!("only one of DATABASE_URL and NATS_URL is set: {remedy}")).into());
            }
        }
        let options = Options::from_environment()?;
        let private = LocalServers::start(&options).await?;
        let mut environment = environment.clone();
        for (name, value) in private.variables() {
            let Ok(value) = value.into_string() else {
                bail!("{name} is not UTF-8: set CARELOG_STATE_DIR to another place")
            };
            // The key belongs to the state, as the database does: another one would not open it.
            environment = environment.with(name, value);
        }
        environment = environment.with("CARELOG_MASTER_KEY", "");
        Ok(Self { environment, state_dir: Some(options.state_dir), private: Some(private) })
    }

    /// Starts a private server again that ended by itself, for as long as it is awaited.
    ///
    /// # Errors
    /// If one does not come up again.
    pub async fn keep_running(&mut self) -> anyhow::Result<Infallible> {
        match &mut self.private {
            Some(private) => private.keep_running().await,
            None => std::future::pending().await,
        }
    }

    /// Stops the private servers.
    ///
    /// # Errors
    /// A process cannot be ended.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self.private {
            Some(private) => private.stop().await,
            None => Ok(()),
        }
    }
}

/// Says that private servers run already, and where, if that is what an error is about.
#[must_use]
pub fn already_running(error: &anyhow::Error) -> Option<ExitCode> {
    let running = error.downcast_ref::<AlreadyRunning>()?;
    // Where it cannot be told, the exit code still does.
    Some(report_running(running).unwrap_or_else(|_| ExitCode::from(EXIT_ALREADY_RUNNING)))
}

/// Runs `carelog up`.
///
/// # Errors
/// Something cannot be started, or a role failed.
pub async fn run(
    environment: &Environment,
    metrics: &RenderMetrics,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let mut servers = match Servers::start(environment).await {
        Ok(servers) => servers,
        Err(error) => return already_running(&error).ok_or(error),
    };
    let ran = run_on(&mut servers, metrics, stop).await;
    let stopped = servers.stop().await;
    ran.and(stopped)?;
    Ok(ExitCode::from(exit::DONE))
}

async fn run_on(servers: &mut Servers, metrics: &RenderMetrics, stop: &CancellationToken) -> anyhow::Result<()> {
    let environment = with_free_http_addr(servers.environment.clone()).await;
    schema::migrate(&environment.database_url()?).await.context("the database cannot be brought up to date")?;
    let prepared = serve::prepare(&environment, &Role::ALL, metrics).await?;
    if let Some(addr) = prepared.iter().find_map(crate::roles::Prepared::http_addr) {
        say!("{}", addresses(&environment, servers, addr)?)?;
    }
    let mut roles = pin!(serve::run(prepared, stop));
    let Err(error) = tokio::select! {
        ended = &mut roles => return ended,
        // Whoever stops everything may have told the servers, too.
        () = stop.cancelled() => return roles.await,
        lost = servers.keep_running() => lost,
    };
    stop.cancel();
    if let Err(consequence) = roles.await {
        tracing::error!("{consequence:#}");
    }
    Err(error)
}

/// Another port than the usual one where that is taken and none was asked for.
pub async fn with_free_http_addr(environment: Environment) -> Environment {
    const USUAL: &str = "127.0.0.1:8080";
    if environment.optional("CARELOG_HTTP_ADDR").is_some() || tokio::net::TcpListener::bind(USUAL).await.is_ok() {
        return environment;
    }
    eprintln!("{USUAL} is taken: the query API listens on a free port");
    environment.with("CARELOG_HTTP_ADDR", "127.0.0.1:0")
}

/// Where everything is, and how to use it from another terminal.
///
/// # Errors
/// An address is not set.
pub fn addresses(environment: &Environment, servers: &Servers, http: SocketAddr) -> anyhow::Result<String> {
    let nats = environment.required("NATS_URL", "")?;
    let mut lines = vec![
        "Carelog is up.".to_owned(),
        format!("  query API    http://{http}/v1/tickets  (also /docs, /readyz, /metrics)"),
        format!("  NATS         {nats}"),
        format!("  PostgreSQL   {}", environment.database_url()?),
    ];
    lines.extend(servers.state_dir.as_ref().map(|path| format!("  state        {}", path.display())));
    let subject = format!("{}.command.web.team.form", environment.prefix());
    lines.push("For another terminal (new at each start):".to_owned());
    lines.push(format!("  export NATS_URL={nats}"));
    lines.push(format!("  export DATABASE_URL={}", environment.database_url()?));
    lines.extend(
        environment.optional("CARELOG_MASTER_KEY_FILE").map(|path| format!("  export CARELOG_MASTER_KEY_FILE={path}")),
    );
    lines.push("Send a command from there:".to_owned());
    lines.push("  carelog send team.form --publisher web --data '{\"name\":\"First line 一线\"}'".to_owned());
    lines.push("or with the nats CLI:".to_owned());
    lines.push(format!(
        "  nats --server $NATS_URL request {subject} '{{\"command_id\":\"{}\",\"id\":\"{}\",\
         \"actor\":{{\"kind\":\"service\",\"id\":\"web\"}},\"data\":{{\"name\":\"Second line\"}}}}'",
        uuid::Uuid::now_v7(),
        uuid::Uuid::now_v7()
    ));
    lines.push(format!("and see it: curl http://{http}/v1/teams"));
    lines.push("Ctrl-C stops everything.".to_owned());
    Ok(lines.join("\n"))
}
