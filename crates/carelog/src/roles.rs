//! The roles: what each needs, and how it is run.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bus::{Bus, PowerSafety, StreamLimits};
use clap::ValueEnum;
use command_side::CommandSettings;
use command_side::relay::RelaySettings as RelayingSettings;
use event_store::pool::{self, PoolRole};
use event_store::{MasterKeys, Reader, StoreError, Vault};
use query_api::{Api, BearerKeys};
use read_side::feed::Feed;
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{
    AutomationSettings, CommandsSettings, Environment, ProjectorSettings, QuerySettings, RelaySettings,
};
use crate::exit::Usage;
use crate::telemetry::RenderMetrics;

/// How long PostgreSQL may be away while a role starts.
const DATABASE_PATIENCE: Duration = Duration::from_secs(10);
const DATABASE_RETRY_DELAY: Duration = Duration::from_millis(500);

/// Sizes of the pools, but for the projector's, which the models decide; their sum stays well below PostgreSQL's default of 100 connections.
const COMMANDS_CONNECTIONS_MAX: u32 = 6;
const AUTOMATION_CONNECTIONS_MAX: u32 = 4;
const RELAY_CONNECTIONS_MAX: u32 = 4;
const QUERY_CONNECTIONS_MAX: u32 = 16;

/// What a process can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Role {
    /// Takes commands from NATS, decides them and appends events
    Commands,
    /// Publishes events to NATS
    Relay,
    /// Keeps the read models up to date
    Projector,
    /// Sends commands when something happened or is due
    Automation,
    /// Serves the query API over HTTP
    Query,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Commands, Self::Relay, Self::Projector, Self::Automation, Self::Query];

    /// The role as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Relay => "relay",
            Self::Projector => "projector",
            Self::Automation => "automation",
            Self::Query => "query",
        }
    }

    /// Reads the role's settings and opens what it needs.
    ///
    /// # Errors
    /// A setting is wrong or missing; PostgreSQL or NATS cannot be reached; the address is taken.
    pub async fn prepare(self, environment: &Environment, metrics: &RenderMetrics) -> anyhow::Result<Prepared> {
        match self {
            Self::Commands => Prepared::commands(CommandsSettings::read(environment)?).await,
            Self::Relay => Prepared::relay(RelaySettings::read(environment)?).await,
            Self::Projector => Prepared::projector(ProjectorSettings::read(environment)?).await,
            Self::Automation => Prepared::automation(AutomationSettings::read(environment)?).await,
            Self::Query => Prepared::query(QuerySettings::read(environment)?, metrics.clone()).await,
        }
    }

    /// Reads the role's settings and forgets them: what is wrong is told before anything is opened.
    ///
    /// # Errors
    /// A setting is wrong or missing.
    pub fn check(self, environment: &Environment) -> Result<(), Usage> {
        match self {
            Self::Commands => CommandsSettings::read(environment).map(drop),
            Self::Relay => RelaySettings::read(environment).map(drop),
            Self::Projector => ProjectorSettings::read(environment).map(drop),
            Self::Automation => AutomationSettings::read(environment).map(drop),
            Self::Query => QuerySettings::read(environment).map(drop),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A role that has all that it needs to run.
pub struct Prepared(Kind);

enum Kind {
    Commands { pool: PgPool, keys: MasterKeys, bus: Bus, settings: CommandSettings },
    Relay { pool: PgPool, bus: Bus, settings: RelayingSettings },
    Projector { pool: PgPool, keys: MasterKeys, bus: Option<Bus> },
    Automation { pool: PgPool, keys: MasterKeys },
    Query { pool: PgPool, keys: MasterKeys, listener: TcpListener, bearers: Option<BearerKeys>, metrics: RenderMetrics },
}

impl Prepared {
    /// Which role it is.
    #[must_use]
    pub const fn role(&self) -> Role {
        match &self.0 {
            Kind::Commands { .. } => Role::Commands,
            Kind::Relay { .. } => Role::Relay,
            Kind::Projector { .. } => Role::Projector,
            Kind::Automation { .. } => Role::Automation,
            Kind::Query { .. } => Role::Query,
        }
    }

    /// Where the query API listens, if it is that role.
    #[must_use]
    pub fn http_addr(&self) -> Option<SocketAddr> {
        match &self.0 {
            Kind::Query { listener, .. } => listener.local_addr().ok(),
            Kind::Commands { .. } | Kind::Relay { .. } | Kind::Projector { .. } | Kind::Automation { .. } => None,
        }
    }

    /// Runs the role until `stop`, and lets what is under way end.
    ///
    /// # Errors
    /// What only an operator can put right.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        match self.0 {
            Kind::Commands { pool, keys, bus, settings } => {
                command_side::commands::run(pool, keys, bus, settings, stop).await?;
            }
            Kind::Relay { pool, bus, settings } => {
                command_side::relay::run(Reader::new(pool.clone()), pool, bus, settings, stop).await?;
            }
            Kind::Projector { pool, keys, bus } => {
                let settings = read_side::projector::Settings::default();
                let (reader, vault) = (Reader::new(pool.clone()), Vault::new(pool.clone(), keys));
                read_side::projector::run(pool, reader, vault, bus, settings, stop).await?;
            }
            Kind::Automation { pool, keys } => command_side::automation::run(pool, keys, stop).await?,
            Kind::Query { pool, keys, listener, bearers, metrics } => {
                let (feed, asking) = Feed::start(pool.clone(), stop.clone());
                let api = Api::new(Reader::new(pool.clone()), Vault::new(pool, keys), feed, bearers, metrics);
                query_api::serve(listener, api, stop).await?;
                asking.await?;
            }
        }
        Ok(())
    }

    async fn commands(settings: CommandsSettings) -> anyhow::Result<Self> {
        let pool = connect(&settings.database_url, PoolRole::Append, COMMANDS_CONNECTIONS_MAX).await?;
        let bus = Bus::connect(&settings.bus).await?;
        match bus.inbox_power_safety(settings.monitor_url.as_deref()).await {
            PowerSafety::Safe => tracing::info!("the durable inbox survives a power cut"),
            PowerSafety::Unsafe => {
                tracing::info!("a power cut can lose commands in the durable inbox: NATS does not sync always");
            }
            PowerSafety::Unknown(reason) => {
                tracing::info!(reason, "whether the durable inbox survives a power cut is unknown");
            }
        }
        let publisher_actors = settings.publisher_actors;
        let deciding = CommandSettings { publisher_actors, ..CommandSettings::default() };
        Ok(Self(Kind::Commands { pool, keys: settings.keys, bus, settings: deciding }))
    }

    async fn relay(settings: RelaySettings) -> anyhow::Result<Self> {
        let pool = connect(&settings.database_url, PoolRole::Relay, RELAY_CONNECTIONS_MAX).await?;
        let bus = Bus::connect(&settings.bus).await?;
        let limits = StreamLimits { max_age: settings.events_max_age, max_bytes: settings.events_max_bytes };
        Ok(Self(Kind::Relay { pool, bus, settings: RelayingSettings { cell: settings.cell, limits } }))
    }

    async fn projector(settings: ProjectorSettings) -> anyhow::Result<Self> {
        let connections_max = read_side::projector::connections_max(&read_side::models::all());
        let pool = connect(&settings.database_url, PoolRole::Project, connections_max).await?;
        let bus = match &settings.bus {
            Some(config) => Some(Bus::connect(config).await?),
            None => None,
        };
        Ok(Self(Kind::Projector { pool, keys: settings.keys, bus }))
    }

    async fn automation(settings: AutomationSettings) -> anyhow::Result<Self> {
        let pool = connect(&settings.database_url, PoolRole::Append, AUTOMATION_CONNECTIONS_MAX).await?;
        Ok(Self(Kind::Automation { pool, keys: settings.keys }))
    }

    async fn query(settings: QuerySettings, metrics: RenderMetrics) -> anyhow::Result<Self> {
        let bearers = settings.api_keys.as_deref().map(read_bearer_keys).transpose()?;
        let pool = connect(&settings.database_url, PoolRole::Query, QUERY_CONNECTIONS_MAX).await?;
        let listener = TcpListener::bind(settings.http_addr).await.with_context(|| {
            format!("cannot listen on {}: set CARELOG_HTTP_ADDR to another address", settings.http_addr)
        })?;
        Ok(Self(Kind::Query { pool, keys: settings.keys, listener, bearers, metrics }))
    }
}

fn read_bearer_keys(path: &std::path::Path) -> Result<BearerKeys, Usage> {
    let unusable = |error: &dyn fmt::Display| Usage(format!("CARELOG_API_KEYS: {}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| unusable(&error))?;
    BearerKeys::parse(&text).map_err(|error| unusable(&error))
}

/// Opens a pool, trying for a while: services often start before their database.
async fn connect(database_url: &str, role: PoolRole, connections_max: u32) -> Result<PgPool, StoreError> {
    let begun = Instant::now();
    loop {
        match pool::connect(database_url, role, connections_max).await {
            Err(error) if error.is_passing() && begun.elapsed() < DATABASE_PATIENCE => {
                tracing::debug!(%error, "PostgreSQL cannot be reached yet");
                tokio::time::sleep(DATABASE_RETRY_DELAY).await;
            }
            result => return result,
        }
    }
}
