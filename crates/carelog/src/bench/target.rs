//! Where commands go: into a lane of this process, or over NATS to whoever serves there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
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

    /// Sends a command and waits until it is accepted.
    ///
    /// # Errors
    /// It is not, or nobody answers.
    pub async fn send(&self, order: Order) -> anyhow::Result<()> {
        match self {
            Self::Lane(lane, publisher) => {
                let Order { aggregate, name, body } = order;
                let message = CommandMessage::parse(publisher.clone(), aggregate, name, body.as_bytes());
                let message = message.map_err(|rejection| anyhow::anyhow!("{name}: {}", rejection.detail))?;
                let reply = lane.submit_waiting(message, None).await;
                match reply.map_err(|rejection| anyhow::anyhow!(rejection.detail))?.await? {
                    Reply::Decided { outcome: Outcome::Accepted { .. }, .. } => Ok(()),
                    other @ (Reply::Decided { outcome: Outcome::Rejected(_), .. } | Reply::Undecided(_)) => {
                        bail!("{aggregate}.{name} was not accepted: {other:?}")
                    }
                }
            }
            Self::Nats(bus) => ask(bus, order).await.map(drop),
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

/// Sends a command over NATS and gives the reply, which accepts it.
///
/// # Errors
/// It is not accepted, or nobody answers.
pub async fn ask(bus: &Bus, order: Order) -> anyhow::Result<async_nats::Message> {
    let subject = bus.subjects.command(PUBLISHER, order.aggregate, order.name);
    let reply = bus.client.request(subject, order.body.into()).await?;
    let is_accepted = reply.payload.windows(ACCEPTED.len()).any(|part| part == ACCEPTED);
    ensure!(
        is_accepted,
        "{}.{} was not accepted: {}",
        order.aggregate,
        order.name,
        String::from_utf8_lossy(&reply.payload)
    );
    Ok(reply)
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
