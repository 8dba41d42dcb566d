//! The connection: made once, checked, and kept by the client for ever.

use std::time::Duration;

use async_nats::jetstream::{self, ContextBuilder};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use tokio::time::Instant;

use crate::power_safety::{self, PowerSafety};
use crate::subjects::Subjects;

/// The oldest server: older ones ignore newer settings without a word, or have known security holes.
const SERVER_VERSION_MIN: (u64, u64) = (2, 12);
/// The largest event is half of it.
const PAYLOAD_BYTES_MIN: usize = 1024 * 1024;

/// A dead server is noticed after about three of them.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_ATTEMPT_DELAY: Duration = Duration::from_millis(500);
/// For how long the first connection is tried, where nobody says otherwise: services often start before their servers.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// What may wait in the memory of the process, per subscription, while the process is busy with other things. Beyond it
/// messages are dropped and counted. Whoever reads commands refuses what it has no room for at once, so this is a
/// second's worth of a flood, not a queue.
const SUBSCRIPTION_MESSAGES_MAX: usize = 1 << 18;

/// The bound of each request to JetStream and of each wait for an acknowledgement.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// How to connect.
#[derive(Clone)]
pub struct BusConfig {
    /// One or more server URLs, separated by commas: `nats://[TOKEN@ or USER:PASSWORD@]HOST:PORT`, or `tls://`.
    pub urls: String,
    /// What all subjects begin with; stream names are derived from it.
    pub prefix: String,
    /// The client's name, as the server shows it.
    pub name: String,
    /// What the reply subject of a command must begin with to be answered.
    pub reply_prefixes: Vec<String>,
    /// For how long the first connection is tried.
    pub patience: Duration,
}

impl BusConfig {
    /// A configuration that answers to `_INBOX.` only and tries to connect for ten seconds.
    #[must_use]
    pub fn new(urls: &str, prefix: &str, name: &str) -> Self {
        let [urls, prefix, name] = [urls, prefix, name].map(str::to_owned);
        Self { urls, prefix, name, reply_prefixes: vec!["_INBOX.".to_owned()], patience: CONNECT_PATIENCE }
    }
}

/// Why the bus, or a stream of it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
    /// The server refuses the credentials.
    #[error("NATS refuses the credentials: {0}")]
    Forbidden(String),
    /// The server, or a stream on it, is not fit for use; an operator must act.
    #[error("{0}")]
    Unsuitable(String),
    /// NATS cannot be reached now; try again.
    #[error("NATS is not available: {0}")]
    Unavailable(String),
}

/// A connection to NATS and the names on it. Clones share the connection.
#[derive(Clone)]
pub struct Bus {
    /// The client.
    pub client: Client,
    /// JetStream, with bounded requests.
    pub jetstream: jetstream::Context,
    /// The names.
    pub subjects: Subjects,
    pub(crate) reply_prefixes: Vec<String>,
}

impl Bus {
    /// Connects, trying for as long as the configuration says, and checks the server. Afterwards the client reconnects
    /// for ever.
    ///
    /// # Errors
    /// A setting is wrong, no server can be reached, or the server is not fit for use.
    pub async fn connect(config: &BusConfig) -> Result<Self, BusError> {
        let subjects = Subjects::new(&config.prefix).map_err(BusError::Setting)?;
        let servers = parse_urls(&config.urls)?;
        let client = connect_patiently(&servers, config).await?;
        let jetstream = ContextBuilder::new().timeout(REQUEST_TIMEOUT).build(client.clone());
        let bus = Self { client, jetstream, subjects, reply_prefixes: config.reply_prefixes.clone() };
        bus.check_server().await?;
        Ok(bus)
    }

    /// How often the connection was made. A change tells that it was lost in between.
    #[must_use]
    pub fn connections_total(&self) -> u64 {
        self.client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Whether a durable command, once acknowledged by NATS, survives a power cut. Only the server's monitoring port
    /// (`http://HOST:PORT`) tells; with several servers, this asks about the one that is connected.
    pub async fn inbox_power_safety(&self, monitor_url: Option<&str>) -> PowerSafety {
        match monitor_url {
            Some(url) => power_safety::ask(url, &self.client.server_info().server_id).await,
            None => PowerSafety::Unknown("no monitoring port is known".to_owned()),
        }
    }

    async fn check_server(&self) -> Result<(), BusError> {
        let info = self.client.server_info();
        let (major, minor) = SERVER_VERSION_MIN;
        if version_in(&info.version).is_none_or(|version| version < SERVER_VERSION_MIN) {
            let problem = format!("nats-server is {}, and Carelog needs {major}.{minor} or newer", info.version);
            return Err(BusError::Unsuitable(problem));
        }
        if info.max_payload < PAYLOAD_BYTES_MIN {
            let problem =
                format!("max_payload of nats-server is {}, at least {PAYLOAD_BYTES_MIN} is needed", info.max_payload);
            return Err(BusError::Unsuitable(problem));
        }
        let account = self.jetstream.query_account().await;
        account.map(drop).map_err(|error| BusError::Unsuitable(format!("JetStream cannot be used: {error}")))
    }
}

async fn connect_patiently(servers: &Servers, config: &BusConfig) -> Result<Client, BusError> {
    let deadline = Instant::now() + config.patience;
    loop {
        // Each address in turn: one that does not answer must leave time for the others.
        let each = config.patience / u32::try_from(servers.addresses.len()).unwrap_or(u32::MAX).saturating_add(1);
        let options = options(servers, &config.name).connection_timeout(CONNECT_TIMEOUT.min(each));
        let attempt = options.connect(servers.addresses.clone());
        let problem = match tokio::time::timeout_at(deadline, attempt).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) if is_refusal(error.kind()) => return Err(BusError::Forbidden(error.to_string())),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "nothing there answers as NATS does".to_owned(),
        };
        if Instant::now() + CONNECT_ATTEMPT_DELAY >= deadline {
            return Err(BusError::Unavailable(format!("{problem} ({})", servers.places())));
        }
        tracing::debug!(problem, "NATS cannot be reached yet");
        tokio::time::sleep(CONNECT_ATTEMPT_DELAY).await;
    }
}

const fn is_refusal(kind: ConnectErrorKind) -> bool {
    matches!(kind, ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation)
}

fn options(servers: &Servers, name: &str) -> ConnectOptions {
    let options = match &servers.credentials {
        None => ConnectOptions::new(),
        Some(Credentials::Token(token)) => ConnectOptions::with_token(token.clone()),
        Some(Credentials::User { name, password }) => {
            ConnectOptions::with_user_and_password(name.clone(), password.clone())
        }
    };
    options
        .name(name)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .max_reconnects(None)
        .reconnect_delay_callback(reconnect_delay)
        .subscription_capacity(SUBSCRIPTION_MESSAGES_MAX)
        .event_callback(|event| async move { report(&event) })
}

fn reconnect_delay(attempt: usize) -> Duration {
    let doublings = u32::try_from(attempt).unwrap_or(u32::MAX).min(10);
    Duration::from_millis(1 << doublings).min(RECONNECT_DELAY_MAX)
}

fn report(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to NATS"),
        Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
        Event::SlowConsumer(subscription) => {
            metrics::counter!("carelog_nats_messages_dropped_total").increment(1);
            tracing::warn!(subscription, "a message was dropped: the subscription is full");
        }
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        // Each failed attempt to reconnect: that the connection is lost was said before.
        Event::ClientError(error) => tracing::debug!(%error, "the NATS client reports an error"),
        Event::LameDuckMode => tracing::info!("the NATS server is about to stop"),
        Event::Draining | Event::Closed => tracing::debug!(?event, "the connection to NATS ends"),
    }
}

struct Servers {
    addresses: Vec<ServerAddr>,
    credentials: Option<Credentials>,
}

impl Servers {
    /// Hosts and ports, without what must stay secret.
    fn places(&self) -> String {
        let places: Vec<_> = self.addresses.iter().map(|at| format!("{}:{}", at.host(), at.port())).collect();
        places.join(", ")
    }
}

#[derive(Debug, PartialEq)]
enum Credentials {
    Token(String),
    User { name: String, password: String },
}

/// The client ignores what stands before the `@` of a URL, and does not split lists: both are done here. The first
/// credentials serve for all servers.
fn parse_urls(urls: &str) -> Result<Servers, BusError> {
    let mut servers = Servers { addresses: Vec::new(), credentials: None };
    for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        // Without the URL itself: it may carry a token.
        let address: ServerAddr =
            url.parse().map_err(|error| BusError::Setting(format!("a NATS URL is not valid: {error}")))?;
        let decode = |text: &str| {
            percent_decode(text).ok_or_else(|| BusError::Setting("a NATS URL's credentials are not UTF-8".to_owned()))
        };
        if let (Some(user), None) = (address.username(), &servers.credentials) {
            servers.credentials = Some(match address.password() {
                None => Credentials::Token(decode(user)?),
                Some(password) => Credentials::User { name: decode(user)?, password: decode(password)? },
            });
        }
        servers.addresses.push(address);
    }
    if servers.addresses.is_empty() {
        return Err(BusError::Setting("no NATS URL is given".to_owned()));
    }
    Ok(servers)
}

/// Undoes the percent encoding of RFC 3986; `None` if the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// `2.15.1` is (2, 15).
fn version_in(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_urls_is_split_and_its_token_serves_for_all() {
        let servers = parse_urls("nats://t%2Fk@a:4222, b ,tls://c:1").expect("valid URLs");
        let hosts: Vec<_> = servers.addresses.iter().map(|address| (address.host(), address.port())).collect();
        assert_eq!(hosts, [("a", 4222), ("b", 4222), ("c", 1)]);
        assert_eq!(servers.credentials, Some(Credentials::Token("t/k".to_owned())));
    }

    #[test]
    fn a_user_with_a_password_is_no_token() {
        let servers = parse_urls("nats://ann:p%25@a").expect("a valid URL");
        let expected = Credentials::User { name: "ann".to_owned(), password: "p%".to_owned() };
        assert_eq!(servers.credentials, Some(expected));
    }

    #[test]
    fn a_url_that_is_wrong_or_missing_is_refused_without_showing_its_token() {
        assert!(matches!(parse_urls(" , "), Err(BusError::Setting(_))));
        let error = parse_urls("http://secret@a").map(drop).expect_err("a wrong scheme");
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version_in("2.9.10") < Some(SERVER_VERSION_MIN));
        assert!(version_in("2.15.1-beta.1") > Some(SERVER_VERSION_MIN));
        assert_eq!(version_in("dev"), None);
    }

    #[test]
    fn reconnecting_waits_longer_each_time_up_to_a_second() {
        assert_eq!(reconnect_delay(0), Duration::from_millis(1));
        assert_eq!(reconnect_delay(usize::MAX), RECONNECT_DELAY_MAX);
    }
}
