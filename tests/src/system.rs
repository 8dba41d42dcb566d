//! A whole Carelog for a test: its roles in this process or as processes of the binary, over servers that may fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carelog::config::Environment;
use carelog::roles::Role;
use event_store::pool::{PoolRole, connect};
use event_store::{Reader, Vault};
use read_side::compare::{Fingerprint, fingerprint};
use read_side::feed::{Feed, Waited};
use read_side::models;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{keys, unique_prefix};

/// How long a system may take to heal.
const HEALING_MAX: Duration = Duration::from_secs(30);

/// The settings that a process of the binary is given.
const SETTINGS: [&str; 6] = [
    "DATABASE_URL",
    "NATS_URL",
    "CARELOG_PREFIX",
    "CARELOG_MASTER_KEY",
    "CARELOG_EVENTS_MAX_BYTES",
    "CARELOG_HTTP_ADDR",
];

/// A whole Carelog. Nothing of it is mocked.
pub struct System {
    /// What its roles read their settings from.
    pub environment: Environment,
    /// Its database.
    pub database_url: String,
    /// What its subjects begin with.
    pub prefix: String,
    /// A connection of a service that sends commands.
    pub nats: async_nats::Client,
    /// Where the query API answers, if that role runs.
    pub api: String,
    nats_url: String,
    http: reqwest::Client,
    roles: Vec<(Role, CancellationToken, JoinHandle<anyhow::Result<()>>)>,
}

/// A process of the binary, killed when dropped.
pub struct Process(std::process::Child);

impl Process {
    /// Kills it at once, as `kill -9` does, and waits until it is gone.
    ///
    /// # Panics
    /// It cannot be killed.
    pub fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone after `kill`.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl System {
    /// A system without roles.
    ///
    /// # Panics
    /// NATS cannot be reached.
    pub async fn new(database_url: &str, nats_url: &str) -> Self {
        let prefix = unique_prefix();
        let environment = Environment::default()
            .with("DATABASE_URL", database_url)
            .with("NATS_URL", nats_url)
            .with("CARELOG_PREFIX", &prefix)
            .with("CARELOG_MASTER_KEY", "5a".repeat(32))
            .with("CARELOG_EVENTS_MAX_BYTES", "64MiB")
            .with("CARELOG_HTTP_ADDR", "127.0.0.1:0");
        let bus = bus::Bus::connect(&bus::BusConfig::new(nats_url, &prefix, "tests")).await.unwrap();
        Self {
            environment,
            database_url: database_url.to_owned(),
            prefix,
            nats: bus.client,
            api: String::new(),
            nats_url: nats_url.to_owned(),
            // No connection is kept: the server may close an idle one in the moment that it is used again.
            http: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
            roles: Vec::new(),
        }
    }

    /// A system with all roles in this process.
    ///
    /// # Panics
    /// A role cannot start.
    pub async fn start(database_url: &str, nats_url: &str) -> Self {
        let mut system = Self::new(database_url, nats_url).await;
        for role in Role::ALL {
            system.run(role).await;
        }
        system
    }

    /// Starts a role in this process.
    ///
    /// # Panics
    /// It cannot start.
    pub async fn run(&mut self, role: Role) {
        let prepared = role.prepare(&self.environment, &(Arc::new(String::new) as Arc<_>)).await.unwrap();
        if let Some(address) = prepared.http_addr() {
            self.api = format!("http://{address}");
        }
        let stop = CancellationToken::new();
        let task = tokio::spawn(prepared.run(stop.clone()));
        self.roles.push((role, stop, task));
        if role == Role::Commands {
            let taken = async { while self.ask("team.nothing", Vec::new()).await.is_none() {} };
            tokio::time::timeout(HEALING_MAX, taken).await.expect("nobody takes commands");
        }
    }

    /// Stops the roles of a kind in this process, in good order, and gives how they ended.
    ///
    /// # Panics
    /// One of them panicked.
    pub async fn stop_role(&mut self, role: Role) -> Vec<anyhow::Result<()>> {
        let (stopped, kept): (Vec<_>, Vec<_>) = self.roles.drain(..).partition(|(kind, ..)| *kind == role);
        self.roles = kept;
        stopped.iter().for_each(|(_, stop, _)| stop.cancel());
        let mut ends = Vec::new();
        for (.., task) in stopped {
            ends.push(task.await.unwrap());
        }
        ends
    }

    /// Waits until a role in this process ends by itself, and gives how.
    ///
    /// # Panics
    /// It does not end in time, or panics.
    pub async fn end_of(&mut self, role: Role) -> anyhow::Result<()> {
        let index = self.roles.iter().position(|(kind, ..)| *kind == role).unwrap();
        let (.., task) = self.roles.remove(index);
        tokio::time::timeout(HEALING_MAX, task).await.unwrap_or_else(|_| panic!("the role {role} goes on")).unwrap()
    }

    /// Starts roles as a process of the binary.
    ///
    /// # Panics
    /// The binary is not built.
    #[must_use]
    pub fn spawn(&self, roles: &[Role]) -> Process {
        let mut command = std::process::Command::new(binary());
        command.arg("serve").args(roles.iter().map(|role| role.name()));
        for name in SETTINGS {
            command.env(name, self.environment.optional(name).unwrap());
        }
        command.env_remove("CARELOG_MASTER_KEY_FILE").env("CARELOG_LOG", "error");
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        Process(command.spawn().unwrap())
    }

    /// The body of a command as the service `web` sends it.
    #[must_use]
    pub fn body(id: Uuid, data: &Value) -> Value {
        let actor = json!({"kind": "service", "id": "web"});
        json!({"command_id": Uuid::now_v7(), "id": id, "actor": actor, "data": data})
    }

    /// Sends bytes as a command and gives the reply, or `None` if there was none in time.
    pub async fn ask(&self, name: &str, bytes: Vec<u8>) -> Option<Value> {
        let subject = format!("{}.command.web.{name}", self.prefix);
        let message = self.nats.request(subject, bytes.into()).await.ok()?;
        serde_json::from_slice(&message.payload).ok()
    }

    /// Sends a command until it has an outcome, with the same id, as a careful client does.
    ///
    /// # Panics
    /// There is no outcome in time.
    pub async fn send_body(&self, name: &str, body: &Value) -> Value {
        let sending = async {
            let mut pause = tokio::time::interval(Duration::from_millis(50));
            loop {
                match self.ask(name, body.to_string().into_bytes()).await {
                    Some(reply) if reply["status"] != 503 => return reply,
                    Some(_) | None => pause.tick().await,
                };
            }
        };
        tokio::time::timeout(HEALING_MAX, sending).await.expect("no outcome in time")
    }

    /// Sends a command until it has an outcome.
    pub async fn send(&self, name: &str, id: Uuid, data: &Value) -> Value {
        self.send_body(name, &Self::body(id, data)).await
    }

    /// Sends a command that is accepted, and gives the reply.
    ///
    /// # Panics
    /// It is not accepted.
    pub async fn accepted(&self, name: &str, id: Uuid, data: &Value) -> Value {
        let reply = self.send(name, id, data).await;
        assert_eq!(reply["outcome"], "accepted", "{name}: {reply}");
        reply
    }

    /// Asks the query API, at a position or later.
    ///
    /// # Panics
    /// It does not answer.
    pub async fn get(&self, path: &str, position: &Value) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.api)).header("Prefer", "wait=10");
        let request = match position.as_u64() {
            Some(position) => request.header("Carelog-Min-Position", position.to_string()),
            None => request,
        };
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap())
    }

    /// A reader of the history.
    ///
    /// # Panics
    /// The database cannot be reached.
    pub async fn reader(&self) -> Reader {
        Reader::new(connect(&self.database_url, PoolRole::Query, 2).await.unwrap())
    }

    /// Waits until every model holds the whole history, and gives its end.
    ///
    /// # Panics
    /// They do not in time.
    pub async fn caught_up(&self) -> u64 {
        let pool = connect(&self.database_url, PoolRole::Query, 2).await.unwrap();
        let head = Reader::new(pool.clone()).head().await.unwrap().position;
        let stop = CancellationToken::new();
        let (feed, _task) = Feed::start(pool, stop.clone());
        let names: Vec<&str> = models::all().iter().map(|model| model.name()).collect();
        let waited = feed.wait_for(&names, head, HEALING_MAX).await;
        stop.cancel();
        assert!(matches!(waited, Waited::Reached { .. }), "{waited:?}, the history is at {head}");
        head
    }

    /// The fingerprints of all models.
    ///
    /// # Panics
    /// The database cannot be reached.
    pub async fn fingerprints(&self) -> Vec<Fingerprint> {
        let pool = connect(&self.database_url, PoolRole::Project, 4).await.unwrap();
        let mut prints = Vec::new();
        for model in models::all() {
            prints.push(fingerprint(&pool, model).await.unwrap());
        }
        prints
    }

    /// Rebuilds all models and checks that they are what they were.
    ///
    /// # Panics
    /// A model differs from the one rebuilt from zero.
    pub async fn assert_models_equal_rebuilt(&self) {
        self.caught_up().await;
        let live = self.fingerprints().await;
        let connections_max = read_side::rebuild::connections_max(&models::all());
        let pool = connect(&self.database_url, PoolRole::Project, connections_max).await.unwrap();
        let (reader, vault) = (Reader::new(pool.clone()), Vault::new(pool.clone(), keys()));
        let stop = CancellationToken::new();
        read_side::rebuild::rebuild(&pool, &reader, &vault, &models::all(), &stop, Arc::new(|_| {})).await.unwrap();
        let rebuilt = self.fingerprints().await;
        for (model, (live, rebuilt)) in models::all().iter().zip(live.iter().zip(&rebuilt)) {
            assert_eq!(live, rebuilt, "the model {}", model.name());
        }
    }

    /// Waits until the events' stream holds the whole history, each event at its position, and nothing else.
    ///
    /// # Panics
    /// It does not in time, or a message is not its event.
    pub async fn assert_stream_equals_history(&self) {
        let head = self.reader().await.head().await.unwrap().position;
        let config = bus::BusConfig::new(&self.nats_url, &self.prefix, "tests");
        let bus = bus::Bus::connect(&config).await.unwrap();
        let filled = async {
            let mut pause = tokio::time::interval(Duration::from_millis(50));
            loop {
                pause.tick().await;
                let Ok(mut stream) = bus.jetstream.get_stream(bus.subjects.events_stream()).await else { continue };
                match stream.info().await {
                    Ok(info) if info.state.last_sequence >= head => return stream,
                    Ok(_) | Err(_) => {}
                }
            }
        };
        let stream = tokio::time::timeout(HEALING_MAX, filled).await.expect("the stream is behind");
        let first = stream.cached_info().state.first_sequence;
        assert_eq!(stream.cached_info().state.last_sequence, head);
        let reader = self.reader().await;
        for event in reader.after(first - 1, 10_000).await.unwrap() {
            let message = stream.get_raw_message(event.position).await.unwrap();
            let (published, _) = bus::cloud_event::decode(event.stream.category, &message.payload).unwrap();
            assert_eq!(published, event);
        }
    }

    /// Stops all roles in good order.
    ///
    /// # Panics
    /// A role failed.
    pub async fn stop(mut self) {
        for role in Role::ALL {
            for end in self.stop_role(role).await {
                end.unwrap();
            }
        }
        let config = bus::BusConfig::new(&self.nats_url, &self.prefix, "tests");
        let bus = bus::Bus::connect(&config).await.unwrap();
        for stream in [bus.subjects.events_stream(), bus.subjects.inbox_stream()] {
            // A stream reserves its space on the server that the tests share; not every test has made both.
            let _ = bus.jetstream.delete_stream(stream).await;
        }
    }
}

/// The program, beside the test programs.
fn binary() -> PathBuf {
    let mut directory = std::env::current_exe().unwrap();
    directory.pop();
    if directory.ends_with("deps") {
        directory.pop();
    }
    directory.join("carelog")
}
