//! Where commands go: into a lane of this process, or over NATS to whoever serves there.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use async_nats::RequestErrorKind;
use bus::Bus;
use command_side::lane::{Lane, Reply};
use domain::envelope::{CommandMessage, Publisher};
use event_store::Outcome;
use tokio::task::JoinSet;

use super::desk::{self, Order, STEPS, Ticket};
use super::load::{self, Load, Meter};
use crate::client::Accepted;

const PUBLISHER: &str = "bench";
/// How a reply that accepts begins to say so; to read each as JSON would cost the clients too much.
const ACCEPTED: &[u8] = br#""outcome":"accepted""#;
/// How a reply says that there was no room or no time.
const NOT_NOW: &[u8] = br#""status":503"#;
/// How long the same command is sent again.
const PATIENCE: Duration = Duration::from_secs(30);
const RETRY: Duration = Duration::from_millis(50);

/// Where commands go. Cheap to clone.
#[derive(Clone)]
pub enum Target {
    /// A lane of this process.
    Lane(Box<Lane>, Publisher),
    /// Over NATS.
    Nats(Box<Bus>),
}

impl Target {
    /// A lane of this process.
    ///
    /// # Errors
    /// Never: the publisher's name is fixed.
    pub fn lane(lane: &Lane) -> anyhow::Result<Self> {
        Ok(Self::Lane(Box::new(lane.clone()), Publisher::parse(PUBLISHER).map_err(anyhow::Error::msg)?))
    }

    /// Over NATS.
    #[must_use]
    pub fn nats(bus: &Bus) -> Self {
        Self::Nats(Box::new(bus.clone()))
    }

    /// Sends a command until it is accepted: what the system has no room or no time for is sent again with the same id,
    /// as a careful client does, and counts from the first time.
    ///
    /// # Errors
    /// It is rejected, or nobody takes it in time.
    pub async fn send(&self, order: Order) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            match self.send_once(&order).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is::<Passing>() && begun.elapsed() < PATIENCE => tokio::time::sleep(RETRY).await,
                Err(error) => return Err(error),
            }
        }
    }

    async fn send_once(&self, order: &Order) -> anyhow::Result<()> {
        let (lane, publisher) = match self {
            Self::Nats(bus) => return ask(bus, order).await.map(drop),
            Self::Lane(lane, publisher) => (lane, publisher),
        };
        let Order { aggregate, name, body } = order;
        let message = CommandMessage::parse(publisher.clone(), aggregate, name, body.as_bytes());
        let reply = match message {
            Ok(message) => lane.submit_waiting(message, None).await,
            Err(rejection) => Err(rejection),
        };
        let reply = match reply {
            Ok(reply) => reply.await?,
            Err(rejection) => Reply::Undecided(rejection),
        };
        match reply {
            Reply::Decided { outcome: Outcome::Accepted { .. }, .. } => Ok(()),
            Reply::Undecided(rejection) if rejection.code.status() == 503 => Err(Passing(rejection.detail).into()),
            Reply::Undecided(rejection) | Reply::Decided { outcome: Outcome::Rejected(rejection), .. } => {
                bail!("{aggregate}.{name} was not accepted: {rejection:?}")
            }
        }
    }

    /// Forms the teams that the tickets go to; does nothing where they are.
    ///
    /// # Errors
    /// A command is not accepted.
    pub async fn form_teams(&self) -> anyhow::Result<()> {
        let mut forming = JoinSet::new();
        for orders in desk::staff() {
            let target = self.clone();
            forming.spawn(async move {
                for order in orders {
                    target.send(order).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(formed) = forming.join_next().await {
            formed??;
        }
        Ok(())
    }

    /// A closed loop of whole lives of tickets: open, assign, reply, resolve. `brake` may hold the clients back.
    ///
    /// # Errors
    /// A command is not accepted.
    pub async fn lives(&self, customers: u64, in_flight: usize, meter: &Meter, brake: &Brake) -> anyhow::Result<Load> {
        load::closed(in_flight, meter, |worker, meter| {
            let (target, brake) = (self.clone(), brake.clone());
            async move {
                // The workers begin at different steps, so that no step comes in waves.
                let mut ticket = Ticket::new(customers);
                let mut step = worker % STEPS;
                for before in 0..step {
                    target.send(ticket.order(before)).await?;
                }
                while meter.is_running() {
                    if step == STEPS {
                        (ticket, step) = (Ticket::new(customers), 0);
                    }
                    brake.wait(&meter).await;
                    let begun = Instant::now();
                    target.send(ticket.order(step)).await?;
                    meter.done(begun);
                    step += 1;
                }
                Ok(())
            }
        })
        .await
    }
}

/// The system had no room or no time: the same again is safe.
#[derive(Debug)]
pub struct Passing(String);

impl fmt::Display for Passing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "for now: {}", self.0)
    }
}

impl std::error::Error for Passing {}

/// Sends a command over NATS once and gives the reply, which accepts it.
///
/// # Errors
/// It is not accepted ([`Passing`] where that may pass), or nobody answers.
pub async fn ask(bus: &Bus, order: &Order) -> anyhow::Result<async_nats::Message> {
    let subject = bus.subjects.command(PUBLISHER, order.aggregate, order.name);
    let reply = match bus.client.request(subject, order.body.clone().into()).await {
        Ok(reply) => reply,
        Err(error) if error.kind() == RequestErrorKind::TimedOut => return Err(Passing(error.to_string()).into()),
        Err(error) => return Err(error.into()),
    };
    if holds(&reply.payload, ACCEPTED) {
        return Ok(reply);
    }
    let told = String::from_utf8_lossy(&reply.payload).into_owned();
    if holds(&reply.payload, NOT_NOW) {
        return Err(Passing(told).into());
    }
    bail!("{}.{} was not accepted: {told}", order.aggregate, order.name)
}

fn holds(payload: &[u8], wanted: &[u8]) -> bool {
    payload.windows(wanted.len()).any(|part| part == wanted)
}

/// Sends a command over NATS until it is accepted, as [`Target::send`] does, and gives the reply.
///
/// # Errors
/// It is rejected, or nobody takes it in time.
pub async fn ask_patiently(bus: &Bus, order: &Order) -> anyhow::Result<async_nats::Message> {
    let begun = Instant::now();
    loop {
        match ask(bus, order).await {
            Err(error) if error.is::<Passing>() && begun.elapsed() < PATIENCE => tokio::time::sleep(RETRY).await,
            result => return result,
        }
    }
}

/// The position that a reply tells.
///
/// # Errors
/// It tells none.
pub fn position(reply: &async_nats::Message) -> anyhow::Result<u64> {
    Ok(serde_json::from_slice::<Accepted>(&reply.payload)?.position)
}

/// Holds clients back while something is too far behind. Clones are the same brake.
#[derive(Clone, Default)]
pub struct Brake(Arc<AtomicBool>);

impl Brake {
    /// How often a client that is held back looks again.
    const LOOK: Duration = Duration::from_millis(2);

    /// Pulls or lets go.
    pub fn set(&self, is_pulled: bool) {
        self.0.store(is_pulled, Ordering::Relaxed);
    }

    async fn wait(&self, meter: &Meter) {
        while self.0.load(Ordering::Relaxed) && meter.is_running() {
            tokio::time::sleep(Self::LOOK).await;
        }
    }
}
