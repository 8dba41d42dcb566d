//! Settings from the environment, one struct per role (the twelve-factor way).
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `DATABASE_URL` | PostgreSQL: `postgres://USER:PASSWORD@HOST:PORT/DATABASE` | |
//! | `NATS_URL` | NATS servers, separated by commas: `nats://[TOKEN@ or USER:PASSWORD@]HOST:PORT` | |
//! | `NATS_MONITOR_URL` | where NATS answers monitoring requests; tells whether the inbox survives a power cut | |
//! | `CARELOG_PREFIX` | what all NATS subjects begin with | `carelog` |
//! | `CARELOG_CELL` | the name of this installation in the events' `source` | `main` |
//! | `CARELOG_MASTER_KEY` | the keys that wrap the keys of persons: 64 hexadecimal digits a line, `VERSION:` in front if there are several | |
//! | `CARELOG_MASTER_KEY_FILE` | a file with the same | |
//! | `CARELOG_HTTP_ADDR` | where the query API listens; port 0 takes a free one | `127.0.0.1:8080` |
//! | `CARELOG_API_KEYS` | a file of bearer keys for the query API; without it the API binds to loopback only, and answers only requests that name it so | |
//! | `CARELOG_PUBLISHER_ACTORS` | the actor kinds that a publisher may send for: `web=customer+service;bot=rule` | all |
//! | `CARELOG_EVENTS_MAX_AGE` | how long the events' stream keeps an event: `30d`, `12h`, `90m`, `45s` | `7d` |
//! | `CARELOG_EVENTS_MAX_BYTES` | how much the events' stream keeps: `512MiB`, `10GiB` | `2GiB` |
//! | `CARELOG_LOG` | what is logged: `info`, `warn`, `bus=debug,info` | `info` for services, else `warn` |
//! | `CARELOG_LOG_FORMAT` | `text` or `json` | `text` |
//!
//! A variable that is set to nothing counts as not set.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr as _;
use std::time::Duration;

use bus::BusConfig;
use domain::envelope::{ActorKind, Publisher};
use event_store::MasterKeys;
use sqlx::postgres::PgConnectOptions;

use crate::exit::Usage;

/// A wrong or missing setting is an error of usage that names the variable and the remedy.
pub type Result<T> = std::result::Result<T, Usage>;

const KEY_NAMES: &str = "CARELOG_MASTER_KEY or CARELOG_MASTER_KEY_FILE";

/// The variables that settings are taken from.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        // Those that are not UTF-8 are none of ours.
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// The same with one variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// The value of a variable, if it is set to something.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// It is not set; `remedy` says what to do.
    pub fn required(&self, name: &str, remedy: &str) -> Result<&str> {
        self.optional(name).ok_or_else(|| Usage(format!("{name} is not set: {remedy}")))
    }

    /// `DATABASE_URL`.
    ///
    /// # Errors
    /// It is not set, or no URL of a database.
    pub fn database_url(&self) -> Result<String> {
        let remedy = "set it to postgres://USER:PASSWORD@HOST:PORT/DATABASE, or use `carelog up` or \
                      `carelog local -- COMMAND`, which bring servers of their own";
        let url = self.required("DATABASE_URL", remedy)?;
        // The URL itself may hold a password.
        let unusable = |detail: &str| Usage(format!("DATABASE_URL cannot be used: {detail}; {remedy}"));
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(unusable("it does not begin with postgres://"));
        }
        PgConnectOptions::from_str(url).map_err(|error| unusable(&error.to_string()))?;
        Ok(url.to_owned())
    }

    /// The connection to NATS, under a name that the server shows.
    ///
    /// # Errors
    /// `NATS_URL` is not set.
    pub fn bus(&self, name: &str) -> Result<BusConfig> {
        let remedy = "set it to nats://[TOKEN@]HOST:PORT, or use `carelog up` or `carelog local -- COMMAND`, which \
                      bring servers of their own";
        Ok(BusConfig::new(self.required("NATS_URL", remedy)?, self.prefix(), name))
    }

    /// `CARELOG_PREFIX`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.optional("CARELOG_PREFIX").unwrap_or("carelog")
    }

    /// `CARELOG_MASTER_KEY`, or the file that `CARELOG_MASTER_KEY_FILE` names.
    ///
    /// # Errors
    /// Neither or both are set, the file cannot be read, or it is no key.
    pub fn master_keys(&self) -> Result<MasterKeys> {
        let (name, text) = match (self.optional("CARELOG_MASTER_KEY"), self.optional("CARELOG_MASTER_KEY_FILE")) {
            (Some(_), Some(_)) => return Err(Usage(format!("{KEY_NAMES}: set one of them, not both"))),
            (None, None) => {
                let remedy = "make a key with `openssl rand -hex 32`, keep it apart from the database's backups";
                return Err(Usage(format!("{KEY_NAMES} must be set: {remedy}")));
            }
            (Some(text), None) => ("CARELOG_MASTER_KEY", text.to_owned()),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(path);
                let name = "CARELOG_MASTER_KEY_FILE";
                (name, read.map_err(|error| Usage(format!("{name}: cannot read {path}: {error}")))?)
            }
        };
        MasterKeys::parse(&text).map_err(|error| Usage(format!("{name}: {error}")))
    }

    fn parsed<T>(&self, name: &str, default: T, parse: impl FnOnce(&str) -> Option<T>, expected: &str) -> Result<T> {
        match self.optional(name) {
            None => Ok(default),
            Some(text) => parse(text).ok_or_else(|| Usage(format!("{name} is {text:?}: set it to {expected}"))),
        }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// The actor kinds that a publisher may send commands for. Publishers that are not named may send for all.
pub type PublisherActors = HashMap<String, Vec<ActorKind>>;

/// Settings of the role `commands`.
#[derive(Clone)]
pub struct CommandsSettings {
    /// PostgreSQL.
    pub database_url: String,
    /// The keys that wrap the keys of persons.
    pub keys: MasterKeys,
    /// NATS.
    pub bus: BusConfig,
    /// Where NATS answers monitoring requests.
    pub monitor_url: Option<String>,
    /// Which publishers may send for which kinds of actors.
    pub publisher_actors: PublisherActors,
}

impl CommandsSettings {
    /// Reads them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self> {
        Ok(Self {
            database_url: environment.database_url()?,
            keys: environment.master_keys()?,
            bus: environment.bus("carelog-commands")?,
            monitor_url: environment.optional("NATS_MONITOR_URL").map(str::to_owned),
            publisher_actors: publisher_actors(environment)?,
        })
    }
}

/// Settings of the role `relay`.
#[derive(Clone)]
pub struct RelaySettings {
    /// PostgreSQL.
    pub database_url: String,
    /// NATS.
    pub bus: BusConfig,
    /// The name of this installation in the events' `source`.
    pub cell: String,
    /// How long the events' stream keeps an event.
    pub events_max_age: Duration,
    /// How much the events' stream keeps, in bytes.
    pub events_max_bytes: u64,
}

impl RelaySettings {
    /// Reads them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self> {
        let week = Duration::from_secs(7 * 86_400);
        Ok(Self {
            database_url: environment.database_url()?,
            bus: environment.bus("carelog-relay")?,
            cell: cell(environment)?,
            events_max_age: environment.parsed(
                "CARELOG_EVENTS_MAX_AGE",
                week,
                parse_age,
                "a time such as 30d or 12h",
            )?,
            events_max_bytes: environment.parsed(
                "CARELOG_EVENTS_MAX_BYTES",
                2 << 30,
                parse_bytes,
                "a size such as 512MiB or 10GiB",
            )?,
        })
    }
}

/// Settings of the role `projector`.
#[derive(Clone)]
pub struct ProjectorSettings {
    /// PostgreSQL.
    pub database_url: String,
    /// The keys that open personal data.
    pub keys: MasterKeys,
    /// NATS; without it the projector asks PostgreSQL again and again.
    pub bus: Option<BusConfig>,
}

impl ProjectorSettings {
    /// Reads them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self> {
        let bus = environment.optional("NATS_URL").map(|_| environment.bus("carelog-projector")).transpose()?;
        Ok(Self { database_url: environment.database_url()?, keys: environment.master_keys()?, bus })
    }
}

/// Settings of the role `automation`.
#[derive(Clone)]
pub struct AutomationSettings {
    /// PostgreSQL.
    pub database_url: String,
    /// The keys that wrap the keys of persons.
    pub keys: MasterKeys,
}

impl AutomationSettings {
    /// Reads them.
    ///
    /// # Errors
    /// One is missing or wrong.
    pub fn read(environment: &Environment) -> Result<Self> {
        Ok(Self { database_url: environment.database_url()?, keys: environment.master_keys()? })
    }
}

/// Settings of the role `query`.
#[derive(Clone)]
pub struct QuerySettings {
    /// PostgreSQL.
    pub database_url: String,
    /// The keys that open personal data.
    pub keys: MasterKeys,
    /// Where it listens.
    pub http_addr: SocketAddr,
    /// The file of bearer keys.
    pub api_keys: Option<PathBuf>,
}

impl QuerySettings {
    /// Reads them.
    ///
    /// # Errors
    /// One is missing or wrong, or the API would be open to other machines without keys.
    pub fn read(environment: &Environment) -> Result<Self> {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 8080));
        let expected = "an address and a port, such as 127.0.0.1:8080";
        let http_addr = environment.parsed("CARELOG_HTTP_ADDR", loopback, |text| text.parse().ok(), expected)?;
        let api_keys = environment.optional("CARELOG_API_KEYS").map(PathBuf::from);
        if api_keys.is_none() && !http_addr.ip().is_loopback() {
            let remedy = "set CARELOG_API_KEYS to a file of bearer keys, or listen on 127.0.0.1";
            return Err(Usage(format!("CARELOG_HTTP_ADDR is {http_addr}, open to other machines: {remedy}")));
        }
        Ok(Self { database_url: environment.database_url()?, keys: environment.master_keys()?, http_addr, api_keys })
    }
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One line a record, for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// `CARELOG_LOG_FORMAT`.
    ///
    /// # Errors
    /// It is neither `text` nor `json`.
    pub fn read(environment: &Environment) -> Result<Self> {
        let parse = |text: &str| match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        };
        environment.parsed("CARELOG_LOG_FORMAT", Self::Text, parse, "text or json")
    }
}

/// `CARELOG_PUBLISHER_ACTORS`.
///
/// # Errors
/// It is not of the form `web=customer+service;bot=rule`.
pub fn publisher_actors(environment: &Environment) -> Result<PublisherActors> {
    let parse = |text: &str| text.split(';').filter(|part| !part.trim().is_empty()).map(parse_publisher).collect();
    let expected = "publishers with their actor kinds (agent customer system rule service), such as \
                    web=customer+service;bot=rule";
    environment.parsed("CARELOG_PUBLISHER_ACTORS", PublisherActors::new(), parse, expected)
}

fn parse_publisher(text: &str) -> Option<(String, Vec<ActorKind>)> {
    const KINDS: [ActorKind; 5] =
        [ActorKind::Agent, ActorKind::Customer, ActorKind::System, ActorKind::Rule, ActorKind::Service];
    let (publisher, kinds) = text.split_once('=')?;
    let kind_named = |name: &str| KINDS.into_iter().find(|kind| kind.name() == name.trim());
    let publisher = Publisher::parse(publisher.trim()).ok()?;
    Some((publisher.to_string(), kinds.split('+').map(kind_named).collect::<Option<_>>()?))
}

fn cell(environment: &Environment) -> Result<String> {
    let clean = |text: &str| {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (text.len() <= 64 && text.bytes().all(is_plain)).then(|| text.to_owned())
    };
    environment.parsed("CARELOG_CELL", "main".to_owned(), clean, "1 to 64 of a-z, 0-9 and -")
}

fn parse_age(text: &str) -> Option<Duration> {
    let (number, seconds) = with_unit(text, &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)])?;
    number.checked_mul(seconds).filter(|&seconds| seconds > 0).map(Duration::from_secs)
}

fn parse_bytes(text: &str) -> Option<u64> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("", 1)];
    let (number, bytes) = with_unit(text, &units)?;
    // JetStream counts in 63 bits.
    number.checked_mul(bytes).filter(|&bytes| bytes > 0 && i64::try_from(bytes).is_ok())
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<(u64, u64)> {
    units.iter().find_map(|&(unit, factor)| Some((text.strip_suffix(unit)?.trim().parse().ok()?, factor)))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
