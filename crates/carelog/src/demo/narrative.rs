//! What the demo does and says, step by step.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use event_store::pool::{self, PoolRole};
use event_store::{Reader, Vault};
use rand::random_range;
use read_side::compare::fingerprint;
use read_side::model::Model;
use read_side::models;
use read_side::rebuild;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::generator::{Generator, Planned};
use super::stage::Stage;
use super::{DemoArgs, areas};
use crate::child::Child;
use crate::config::Environment;
use crate::models::{fingerprint_line, rebuild_with_progress};
use crate::outcomes::{grouped, rate};
use crate::output::say;
use crate::roles::Role;

/// The model that is rebuilt.
const REBUILT: &str = "ticket";
/// How much of a long text is shown.
const SHOWN_CHARS_MAX: usize = 300;

/// The demo.
pub struct Story {
    /// The settings of all roles.
    pub environment: Environment,
    /// Where the query API answers.
    pub api: String,
    /// What was asked for.
    pub args: DemoArgs,
    /// Ctrl-C.
    pub stop: CancellationToken,
}

/// What there is in all, before and after.
struct Totals {
    events: u64,
    customers: u64,
    transactions: u64,
    tickets: u64,
}

impl Totals {
    async fn take(stage: &Stage) -> anyhow::Result<Self> {
        Ok(Self {
            events: stage.head().await?,
            customers: stage.number("/v1/customers/summary", "/total").await?,
            transactions: stage.number("/v1/transactions/summary", "/count").await?,
            tickets: stage.number("/v1/tickets/summary", "/total").await?,
        })
    }
}

impl Story {
    /// Tells it, and returns the projector, which runs on.
    ///
    /// # Errors
    /// Something is not as it should be.
    pub async fn tell(&self) -> anyhow::Result<Child> {
        let begun = Instant::now();
        // Small enough to be typed.
        let seed = self.args.seed.unwrap_or_else(|| random_range(0..1_000_000));
        heading("Carelog, end to end")?;
        say!("The same commands again: carelog demo --seed {seed} --customers {}", self.args.customers)?;
        let mut stage = Stage::connect(&self.environment, self.api.clone()).await?;
        let mut generator = Generator::new(seed);
        let projector = Child::start(Role::Projector, &self.environment)?;
        say!("All roles run; the projector is a process of its own, {}.", projector.id())?;
        stage.caught_up().await?;
        let before = Totals::take(&stage).await?;

        self.show_one_command(&mut stage, &mut generator).await?;
        let projector = self.kill_in_the_middle(&mut stage, &mut generator, projector).await?;
        check_nothing_is_lost(&stage, &before).await?;
        self.rebuild_and_compare(&stage).await?;
        areas::tell(&mut stage).await?;

        heading("In numbers")?;
        say!("{}", stage.sent.outcomes.table(stage.sent.elapsed))?;
        say!("everything, checks included: {:.1} s", begun.elapsed().as_secs_f64())?;
        Ok(projector)
    }

    async fn show_one_command(&self, stage: &mut Stage, generator: &mut Generator) -> anyhow::Result<()> {
        heading("One command")?;
        stage.send_all("a team and its agents", &generator.desk()).await?;
        let customer = generator.customer(0);
        stage.send_all("the first customer", &customer).await?;
        let customer = customer.first().context("a customer begins with its registration")?.id;
        let open = generator.open(customer);
        let outgoing = open.outgoing()?;
        say!("{}", stage.subject(&outgoing.aggregate, &outgoing.name))?;
        say!("  → {}", shortened(&serde_json::to_string(&outgoing.body)?))?;
        let (accepted, answer) = stage.send(&open).await?;
        say!("  ← {}", String::from_utf8_lossy(&answer.reply.unwrap_or_default()))?;
        let path = format!("/v1/tickets/{}", open.id);
        let history = stage.get(&format!("{path}/history"), accepted.position).await?;
        say!("its events, GET {path}/history")?;
        for event in history.pointer("/items").and_then(Value::as_array).into_iter().flatten() {
            let part = |name: &str| event.get(name).cloned().unwrap_or_default();
            say!("  {} {} at position {}", part("type"), part("id"), part("position"))?;
            say!("    {}", shortened(&part("data").to_string()))?;
        }
        say!("its row, GET {path} with Carelog-Min-Position: {}", accepted.position)?;
        say!("  {}", shortened(&stage.get(&path, accepted.position).await?.to_string()))?;
        Ok(())
    }

    async fn kill_in_the_middle(
        &self,
        stage: &mut Stage,
        generator: &mut Generator,
        projector: Child,
    ) -> anyhow::Result<Child> {
        heading("A busy day, and a projector that is killed in the middle")?;
        let count = usize::try_from(self.args.customers)?;
        let plan = |generator: &mut Generator, from, to| {
            let of_one = |number| generator.customer(number);
            (from..to).map(of_one).collect::<Vec<_>>().into_iter().flatten().collect::<Vec<Planned>>()
        };
        let (first, second) = (plan(generator, 1, count / 2), plan(generator, count / 2, count));
        stage.send_all("the morning", &first).await?;
        let id = projector.id();
        projector.kill().await?;
        say!("kill -9 {id}: the projector is gone; commands go on being accepted")?;
        stage.send_all("the afternoon", &second).await?;
        let head = stage.head().await?;
        if stage.lag().await? == 0 {
            say!("all of it was answered from receipts, as this seed was used before: nothing to catch up with")?;
        } else {
            show_refusal(stage, head).await?;
        }
        let begun = Instant::now();
        let behind = stage.lag().await?;
        let projector = Child::start(Role::Projector, &self.environment)?;
        stage.caught_up().await?;
        let elapsed = begun.elapsed();
        say!(
            "a new projector, {}: caught up with {} events after {:.2} s, its start included ({} events/s)",
            projector.id(),
            grouped(behind),
            elapsed.as_secs_f64(),
            grouped(rate(behind, elapsed))
        )?;
        Ok(projector)
    }

    async fn rebuild_and_compare(&self, stage: &Stage) -> anyhow::Result<()> {
        heading("A model made anew from the history")?;
        let model = models::all().into_iter().find(|model| model.name() == REBUILT);
        let model: &'static dyn Model = model.context("the model to rebuild is missing")?;
        let connections_max = rebuild::connections_max(&[model]).saturating_add(1);
        let pool = pool::connect(&self.environment.database_url()?, PoolRole::Project, connections_max).await?;
        stage.caught_up().await?;
        let live = fingerprint(&pool, model).await?;
        say!("live     {}", fingerprint_line(REBUILT, &live))?;
        let reader = Reader::new(pool.clone());
        let vault = Vault::new(pool.clone(), self.environment.master_keys()?);
        rebuild_with_progress(&pool, &reader, &vault, &[model], &self.stop).await?;
        let rebuilt = fingerprint(&pool, model).await?;
        say!("rebuilt  {}", fingerprint_line(REBUILT, &rebuilt))?;
        ensure!(live == rebuilt, "the live model and the rebuilt one differ");
        say!("equal")?;
        Ok(())
    }
}

async fn show_refusal(stage: &Stage, head: u64) -> anyhow::Result<()> {
    let (status, problem) = stage.ask("/v1/tickets?limit=1", head).await?;
    say!("the models are {} events behind, and the API does not pretend otherwise:", grouped(stage.lag().await?))?;
    say!("  GET /v1/tickets with Carelog-Min-Position: {head} ← {status} {}", shortened(&problem.to_string()))?;
    ensure!(!status.is_success(), "the API answered from models that are behind");
    Ok(())
}

async fn check_nothing_is_lost(stage: &Stage, before: &Totals) -> anyhow::Result<()> {
    heading("Nothing is lost")?;
    let sent = &stage.sent;
    if let Some(surprise) = sent.surprises.first() {
        anyhow::bail!("{} commands had another outcome than planned, first: {surprise}", sent.surprises.len());
    }
    let after = Totals::take(stage).await?;
    let (events, first, last): (i64, i64, i64) =
        sqlx::query_as("select count(*), coalesce(min(position), 0), coalesce(max(position), 0) from log.event")
            .fetch_one(&stage.pool)
            .await?;
    check("positions in PostgreSQL have no gap", events, last - first + 1)?;
    check("events of all commands that were accepted", sent.outcomes.events, after.events - before.events)?;
    check("the stream in NATS ends where the history ends", stage.published().await?, after.events)?;
    let accepted = |name: &str| sent.accepted_of(name);
    check("customers registered", accepted("customer.register"), after.customers - before.customers)?;
    check("transactions recorded", accepted("transaction.record"), after.transactions - before.transactions)?;
    check("tickets opened", accepted("ticket.open"), after.tickets - before.tickets)
}

fn check<N: Into<i128>>(what: &str, expected: N, found: N) -> anyhow::Result<()> {
    let (expected, found) = (expected.into(), found.into());
    ensure!(expected == found, "{what}: {expected} expected, {found} found");
    say!("  ✓ {what}: {}", grouped(u64::try_from(found)?))?;
    Ok(())
}

/// Begins a step.
///
/// # Errors
/// Standard output cannot be written to.
pub fn heading(text: &str) -> std::io::Result<()> {
    say!("\n── {text} ──")
}

pub(super) fn shortened(text: &str) -> String {
    let mut shortened: String = text.chars().take(SHOWN_CHARS_MAX).collect();
    if shortened.len() < text.len() {
        shortened.push('…');
    }
    shortened
}
