//! What the demo plays on: a client that sends, the query API that is asked, the models that are waited for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use bus::Bus;
use domain::envelope::Publisher;
use event_store::Reader;
use event_store::pool::{self, PoolRole};
use read_side::status::status;
use reqwest::StatusCode;
use serde_json::Value;
use sqlx::PgPool;

use super::generator::Planned;
use crate::client::{Accepted, Answer, Client, Outcome};
use crate::config::Environment;
use crate::outcomes::Outcomes;
use crate::pipeline::{Finished, Job, Pipeline, Way};
use crate::progress::Progress;

const PATIENCE: Duration = Duration::from_secs(60);
const IN_FLIGHT: usize = 256;
const CATCH_UP_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// What happened to the commands that were sent.
#[derive(Default)]
pub struct Sent {
    /// All outcomes.
    pub outcomes: Outcomes,
    /// How many were accepted now, by command.
    pub accepted: BTreeMap<&'static str, u64>,
    /// What came otherwise than planned.
    pub surprises: Vec<String>,
    /// How long sending took.
    pub elapsed: Duration,
}

impl Sent {
    fn add(&mut self, planned: &Planned, outcome: &Outcome) {
        self.outcomes.add(outcome);
        match (outcome, planned.refused) {
            (Outcome::Accepted(accepted), None) => {
                if !accepted.replayed {
                    *self.accepted.entry(planned.name).or_default() += 1;
                }
            }
            (Outcome::Rejected(rejected), Some(code)) if rejected.code == code => {}
            (outcome, _) => self.surprises.push(format!("{}: {outcome:?}", planned.name)),
        }
    }

    /// How many of a command were accepted now.
    #[must_use]
    pub fn accepted_of(&self, name: &str) -> u64 {
        self.accepted.get(name).copied().unwrap_or_default()
    }
}

/// What the demo plays on.
pub struct Stage {
    client: Arc<Client>,
    bus: Bus,
    http: reqwest::Client,
    api: String,
    /// A pool that reads.
    pub pool: PgPool,
    /// The history.
    pub reader: Reader,
    /// What was sent so far.
    pub sent: Sent,
}

impl Stage {
    /// Connects as other services do.
    ///
    /// # Errors
    /// PostgreSQL or NATS cannot be reached.
    pub async fn connect(environment: &Environment, api: String) -> anyhow::Result<Self> {
        let bus = Bus::connect(&environment.bus("carelog-demo")?).await?;
        let publisher = Publisher::parse("demo").map_err(anyhow::Error::msg)?;
        let pool = pool::connect(&environment.database_url()?, PoolRole::Query, 2).await?;
        Ok(Self {
            client: Arc::new(Client::over(bus.clone(), publisher, PATIENCE)),
            bus,
            http: reqwest::Client::new(),
            api,
            reader: Reader::new(pool.clone()),
            pool,
            sent: Sent::default(),
        })
    }

    /// The subject on which a command is sent.
    #[must_use]
    pub fn subject(&self, aggregate: &str, name: &str) -> String {
        self.bus.subjects.command("demo", aggregate, name)
    }

    /// Sends one command.
    ///
    /// # Errors
    /// It is not accepted.
    pub async fn send(&mut self, planned: &Planned) -> anyhow::Result<(Accepted, Answer)> {
        let answer = self.client.send(&planned.outgoing()?).await;
        self.sent.add(planned, &answer.outcome);
        match &answer.outcome {
            Outcome::Accepted(accepted) => Ok((accepted.clone(), answer)),
            other @ (Outcome::Rejected(_) | Outcome::Stored | Outcome::Unknown(_) | Outcome::NotSent) => {
                bail!("{} was not accepted: {other:?}", planned.name)
            }
        }
    }

    /// Sends many commands, in order where it matters, and shows how far it is.
    ///
    /// # Errors
    /// Never: what the generator makes is a command.
    pub async fn send_all(&mut self, label: &str, planned: &[Planned]) -> anyhow::Result<()> {
        let begun = Instant::now();
        let progress = RefCell::new(Progress::begin(label, Some(planned.len() as u64)));
        let sent = RefCell::new(&mut self.sent);
        let so_far = RefCell::new(0);
        let on_finished = |finished: Finished| {
            let index = usize::try_from(finished.source).unwrap_or(usize::MAX);
            if let Some(planned) = planned.get(index) {
                sent.borrow_mut().add(planned, &finished.answer.outcome);
            }
            *so_far.borrow_mut() += 1;
            progress.borrow_mut().at(*so_far.borrow(), *so_far.borrow());
        };
        let mut pipeline = Pipeline::new(Arc::clone(&self.client), Way::Answered, IN_FLIGHT, on_finished);
        for (index, planned) in planned.iter().enumerate() {
            let command = planned.outgoing()?;
            pipeline.submit(Job { source: index as u64, command, further_ids: Vec::new() }).await;
        }
        pipeline.finish().await;
        progress.into_inner().end();
        self.sent.elapsed += begun.elapsed();
        Ok(())
    }

    /// Asks the query API, for an answer that has seen a position.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn ask(&self, path: &str, min_position: u64) -> anyhow::Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.api);
        let request = self.http.get(&url).header("Carelog-Min-Position", min_position);
        let response = request.send().await.with_context(|| format!("cannot ask {url}"))?;
        let status = response.status();
        Ok((status, response.json().await.with_context(|| format!("{url} gives no JSON"))?))
    }

    /// Asks for an answer that must be there.
    ///
    /// # Errors
    /// It is not.
    pub async fn get(&self, path: &str, min_position: u64) -> anyhow::Result<Value> {
        let (status, body) = self.ask(path, min_position).await?;
        ensure!(status.is_success(), "{path}: {status} {body}");
        Ok(body)
    }

    /// A number in an answer, e.g. `/total`.
    ///
    /// # Errors
    /// It is not there.
    pub async fn number(&self, path: &str, pointer: &str) -> anyhow::Result<u64> {
        let body = self.get(path, self.head().await?).await?;
        body.pointer(pointer).and_then(Value::as_u64).with_context(|| format!("{path} has no number at {pointer}"))
    }

    /// The end of the history.
    ///
    /// # Errors
    /// PostgreSQL cannot be reached.
    pub async fn head(&self) -> anyhow::Result<u64> {
        Ok(self.reader.head().await?.position)
    }

    /// How many events the last model is behind.
    ///
    /// # Errors
    /// PostgreSQL cannot be reached.
    pub async fn lag(&self) -> anyhow::Result<u64> {
        Ok(status(&self.pool).await?.iter().map(|model| model.lag_events).max().unwrap_or_default())
    }

    /// Waits until all models hold the end of the history.
    ///
    /// # Errors
    /// They do not in time.
    pub async fn caught_up(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.lag().await? > 0 {
            ensure!(begun.elapsed() < CATCH_UP_TIMEOUT, "the read models do not catch up");
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until the stream of events in NATS ends where the history does.
    ///
    /// # Errors
    /// It does not in time.
    pub async fn published(&self) -> anyhow::Result<u64> {
        let begun = Instant::now();
        let head = self.head().await?;
        loop {
            let mut stream = self.bus.jetstream.get_stream(self.bus.subjects.events_stream()).await?;
            let last = stream.info().await?.state.last_sequence;
            if last >= head {
                return Ok(last);
            }
            ensure!(begun.elapsed() < CATCH_UP_TIMEOUT, "the relay does not catch up");
            tokio::time::sleep(POLL).await;
        }
    }
}
