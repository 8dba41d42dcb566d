//! `carelog retarget`: lets tickets run by another revision of their SLA policy, or by another policy.
//!
//! What would change is decided here as the command handlers decide it, on the same history, and nothing is appended.
//! With `--apply` each ticket is sent `ticket.attach_sla`, under an id that follows from what is asked for, so that a
//! second run changes nothing.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use chrono::Utc;
use clap::Args;
use domain::decider::{Context, Loaded};
use domain::envelope::{Actor, CommandBody, Publisher};
use domain::ids::{SlaPolicyId, TicketId};
use domain::sla_clock::{ClockKind, Retargeted, Retargeting};
use domain::ticket::{Command as TicketCommand, Event as TicketEvent, Status};
use domain::{Command, Event, StreamId};
use event_store::pool::{self, PoolRole};
use event_store::{Vault, load_streams};
use read_side::models::questions::{After, Slice, Sort};
use read_side::models::ticket_questions::{SORTS, TicketFilter, tickets};
use serde_json::json;
use serde_json::value::to_raw_value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Client, Outgoing};
use crate::config::Environment;
use crate::exit::{self, Usage};
use crate::outcomes::grouped;
use crate::output::say;
use crate::pipeline::{Finished, Job, Pipeline, Way};
use crate::report::Report;
use crate::send::{Pace, service};

/// How many tickets are looked at together.
const PAGE_TICKETS: u32 = 200;
/// How often a decision may ask for further streams, as in the lane.
const ROUNDS_MAX: usize = 8;
/// In whose name is sent, unless said otherwise.
const PUBLISHER: &str = "retarget";

/// Lets the unfinished tickets of an SLA policy run by its latest revision, or by another policy
///
/// Clocks that run keep the revision with which they began until this is asked for. Without --apply nothing is changed:
/// each clock that would get another target is listed, one a line. Running it again changes nothing more.
///
/// Exit codes: 0 all accepted, 1 some rejected, 2 wrong usage, 3 the outcome of some is unknown, 130 interrupted.
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct RetargetArgs {
    /// The policy by which the tickets run
    pub policy: Uuid,
    /// The policy by which they are to run, if not the latest revision of the same
    #[arg(long, value_name = "POLICY")]
    pub to: Option<Uuid>,
    /// What becomes of clocks that run: carry, retroactive, restart or grandfather; what the policy says if not given
    #[arg(long, value_parser = parse_mode)]
    pub mode: Option<Retargeting>,
    /// Do it
    #[arg(long)]
    pub apply: bool,
    /// List as JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// How fast and how patiently
    #[command(flatten)]
    pub pace: Pace,
}

fn parse_mode(text: &str) -> Result<Retargeting, String> {
    serde_json::from_value(json!(text)).map_err(|_| "carry, retroactive, restart or grandfather".to_owned())
}

/// What a ticket's clocks would be.
struct Change {
    number: u64,
    ticket: TicketId,
    clocks: BTreeMap<ClockKind, Retargeted>,
    /// The id under which it is asked for: the same as long as nothing happens to the ticket.
    command_id: Uuid,
}

/// What is asked for.
struct Asked {
    policy: SlaPolicyId,
    mode: Option<Retargeting>,
    actor: Actor,
}

/// Runs `carelog retarget`.
///
/// # Errors
/// The database or NATS cannot be reached, or there is no such policy.
pub async fn run(environment: &Environment, args: &RetargetArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let pool = pool::connect(&environment.database_url()?, PoolRole::Query, 2).await?;
    let vault = Vault::new(pool.clone(), environment.master_keys()?);
    let publisher = Publisher::parse(PUBLISHER).map_err(anyhow::Error::msg)?;
    let asked =
        Asked { policy: SlaPolicyId(args.to.unwrap_or(args.policy)), mode: args.mode, actor: service(&publisher)? };
    for id in [SlaPolicyId(args.policy), asked.policy] {
        let known = load_streams(&mut *pool.acquire().await?, &vault, [(id.stream(), None)]).await?;
        if known.values().all(|known| known.version == 0) {
            return Err(Usage(format!("there is no SLA policy {id}")).into());
        }
    }
    let (mut looked_at, mut changes, mut after) = (0_u64, Vec::new(), None);
    loop {
        if stop.is_cancelled() {
            return Ok(ExitCode::from(exit::INTERRUPTED));
        }
        let (page, next) = page(&pool, args.policy, after).await?;
        looked_at += page.len() as u64;
        let found = changes_of(&pool, &vault, &asked, &page).await?;
        found.iter().try_for_each(|change| list(change, args.json))?;
        changes.extend(found);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let with_clocks = changes.iter().filter(|change| !change.clocks.is_empty()).count();
    let [looked_at, count, with_clocks] = [looked_at, changes.len() as u64, with_clocks as u64].map(grouped);
    eprintln!("{looked_at} unfinished tickets run by it; {count} get the other revision, {with_clocks} other targets");
    if !args.apply {
        eprintln!("nothing was changed; --apply does it");
        return Ok(ExitCode::from(exit::DONE));
    }
    send(environment, args, &asked, publisher, changes, stop).await
}

/// The unfinished tickets of a policy behind another one, and behind which the next page begins.
async fn page(
    pool: &PgPool,
    policy: Uuid,
    after: Option<After>,
) -> anyhow::Result<(Vec<(u64, TicketId)>, Option<After>)> {
    let unfinished = Status::ALL.iter().filter(|status| status.unfinished());
    let filter = TicketFilter {
        statuses: Some(unfinished.map(|status| status.name().to_owned()).collect()),
        sla_policy: Some(policy),
        ..TicketFilter::default()
    };
    let sort = Sort::parse(SORTS, "number").ok_or_else(|| anyhow::anyhow!("tickets are not listed by number"))?;
    let slice = Slice { limit: PAGE_TICKETS, sort, after };
    let found = tickets(&mut *pool.acquire().await?, filter, slice, None).await?.answer;
    let next = found.last().map(|last| After { value: sort.value(last), id: last.id });
    let rows = found.iter().map(|found| (sort.value(found).parse().unwrap_or_default(), TicketId(found.id)));
    let rows: Vec<_> = rows.collect();
    let is_last = rows.len() < PAGE_TICKETS as usize;
    Ok((rows, next.filter(|_| !is_last)))
}

/// What would become of tickets. One that cannot be moved any more, since it has ended meanwhile, is left out.
async fn changes_of(
    pool: &PgPool,
    vault: &Vault,
    asked: &Asked,
    page: &[(u64, TicketId)],
) -> anyhow::Result<Vec<Change>> {
    let command = Command::from(TicketCommand::AttachSla { policy: asked.policy, mode: asked.mode });
    let loaded = load(pool, vault, asked, &command, page).await?;
    let (mut changes, now) = (Vec::new(), Utc::now());
    for (number, ticket) in page {
        let (number, ticket, stream) = (*number, *ticket, ticket.stream());
        let (exists, actor) = (true, &asked.actor);
        let context = Context { stream, exists, now, occurred_at: now, command_id: ticket.0, actor, loaded: &loaded };
        let Ok(decision) = command.decide(&context) else { continue };
        let mut change = None;
        for (_, event) in &decision.events {
            let Event::Ticket(TicketEvent::SlaRetargeted { policy, calendar, mode, clocks }) = event else { continue };
            let version = loaded.streams.get(&stream).map_or(0, |known| known.version);
            let to = format!("{}@{} {}@{}", policy.id, policy.revision, calendar.id, calendar.revision);
            let what = format!("{version} {to} {mode:?}");
            let command_id = Uuid::new_v5(&ticket.0, what.as_bytes());
            change = Some(Change { number, ticket, clocks: clocks.clone(), command_id });
        }
        changes.extend(change);
    }
    Ok(changes)
}

/// The tickets and whatever deciding about them reads.
async fn load(
    pool: &PgPool,
    vault: &Vault,
    asked: &Asked,
    command: &Command,
    page: &[(u64, TicketId)],
) -> anyhow::Result<Loaded> {
    let mut loaded = Loaded::default();
    let mut wanted: Vec<StreamId> = page.iter().map(|(_, ticket)| ticket.stream()).collect();
    for _ in 0..ROUNDS_MAX {
        if wanted.is_empty() {
            break;
        }
        let asked_for = wanted.drain(..).map(|stream| (stream, None));
        let known = load_streams(&mut *pool.acquire().await?, vault, asked_for).await?;
        loaded.streams.extend(known);
        let reads = page.iter().flat_map(|(_, ticket)| command.reads(ticket.0, &asked.actor, &loaded));
        wanted = reads.filter(|stream| !loaded.streams.contains_key(stream)).collect();
        wanted.sort_unstable();
        wanted.dedup();
    }
    Ok(loaded)
}

fn list(change: &Change, as_json: bool) -> anyhow::Result<()> {
    for (kind, told) in &change.clocks {
        let Retargeted { from_s, elapsed_s, reading, replayed: _ } = told;
        let (to_s, due_at) = (reading.target_s, reading.due_at.map(|at| at.to_rfc3339()));
        if as_json {
            say!(
                "{}",
                json!({"number": change.number, "ticket": change.ticket, "clock": kind.name(), "from_s": from_s,
                       "to_s": to_s, "elapsed_s": elapsed_s, "due_at": due_at, "breached_at": reading.breached_at})
            )?;
            continue;
        }
        let due = due_at.map_or_else(|| "it waits".to_owned(), |at| format!("due {at}"));
        let (number, ticket, clock) = (change.number, change.ticket, kind.name());
        say!("#{number} {ticket} {clock}: {from_s} s becomes {to_s} s, {elapsed_s} s have passed, {due}")?;
    }
    Ok(())
}

async fn send(
    environment: &Environment,
    args: &RetargetArgs,
    asked: &Asked,
    publisher: Publisher,
    changes: Vec<Change>,
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let config = environment.bus("carelog-retarget")?;
    let client = Client::connect(&config, publisher, args.pace.patience()).await?;
    let mut report = Report::begin("moving tickets", None);
    let shared = std::cell::RefCell::new(&mut report);
    let on_finished = |finished: Finished| shared.borrow_mut().finished(&finished);
    let mut pipeline = Pipeline::new(Arc::new(client), Way::Answered, args.pace.in_flight.into(), on_finished);
    let data = match asked.mode {
        Some(mode) => json!({"policy": asked.policy, "mode": mode}),
        None => json!({"policy": asked.policy}),
    };
    for change in changes {
        if stop.is_cancelled() {
            shared.borrow_mut().interrupt();
            break;
        }
        let body = CommandBody {
            command_id: change.command_id,
            id: change.ticket.0,
            expected_version: None,
            occurred_at: None,
            actor: asked.actor.clone(),
            correlation_id: None,
            causation_id: None,
            data: to_raw_value(&data)?,
        };
        let command = Outgoing { aggregate: "ticket".to_owned(), name: "attach_sla".to_owned(), body };
        pipeline.submit(Job { source: change.number, command, further_ids: Vec::new() }).await;
    }
    pipeline.finish().await;
    Ok(report.end())
}
