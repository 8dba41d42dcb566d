//! `carelog recover`: going on after the history has forked.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::DeleteStreamErrorKind;
use bus::Bus;
use clap::Args;
use event_store::pool::{self, PoolRole};
use event_store::{Reader, Vault};
use read_side::models;
use read_side::rebuild::connections_max;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::config::Environment;
use crate::exit::{self, Usage};
use crate::models::rebuild_with_progress;
use crate::output::say;
use crate::schema;

/// Goes on after the history has forked.
///
/// When relay or projectors have halted with `history_forked`, a backup was restored, or the end of the history was lost
/// in a failover. This goes on from the history as PostgreSQL has it now.
///
/// It raises the epoch of the history by one (which takes the user that migrates), removes the stream of events from
/// NATS, which the relay makes and fills again, and rebuilds all read models. Events that PostgreSQL no longer has are
/// lost to the readers too. Relays and projectors must be stopped before, which it looks after, and started after.
#[derive(Args, Clone, Debug)]
pub struct RecoverArgs {
    /// Do it
    #[arg(long)]
    pub yes: bool,
}

/// Runs `carelog recover`.
///
/// # Errors
/// It was not confirmed, a relay or projector runs, or PostgreSQL or NATS fails; it may be run again.
pub async fn run(environment: &Environment, args: &RecoverArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let database_url = environment.database_url()?;
    let keys = environment.master_keys()?;
    let bus = environment.bus("carelog-recover")?;
    let owner = pool::connect(&database_url, PoolRole::Migrate, 1).await?;
    let head = Reader::new(owner.clone()).head().await?;
    if !args.yes {
        return Err(Usage(format!(
            "the history ends at position {}, in epoch {}: run `carelog recover --yes` to go on from there",
            head.position, head.epoch
        ))
        .into());
    }
    let bus = Bus::connect(&bus).await?;
    require_stopped(&owner).await?;
    let epoch = raise_epoch(&owner).await?;
    owner.close().await;
    say!("the history ends at position {}, from now on in epoch {epoch}", head.position)?;
    delete_events(&bus).await?;
    say!("removed the stream {}; the relay fills it again", bus.subjects.events_stream())?;
    schema::migrate(&database_url).await?;
    let project = pool::connect(&database_url, PoolRole::Project, connections_max(&models::all())).await?;
    let reader = Reader::new(project.clone());
    rebuild_with_progress(&project, &reader, &Vault::new(project.clone(), keys), &models::all(), stop).await?;
    Ok(ExitCode::from(exit::DONE))
}

/// A relay or projector that runs on would take the new epoch for another fork, or fill the stream from the old one.
async fn require_stopped(owner: &PgPool) -> anyhow::Result<()> {
    let running: Vec<(String,)> = sqlx::query_as(
        "select concat_ws(' ', application_name, 'from', client_addr, 'since', backend_start, 'as backend', pid)
           from pg_stat_activity
          where datname = current_database()
            and application_name in ('carelog-relay', 'carelog-project')
          order by application_name, pid",
    )
    .fetch_all(owner)
    .await
    .context("cannot see who is connected")?;
    let running: Vec<_> = running.into_iter().map(|(backend,)| backend).collect();
    ensure!(
        running.is_empty(),
        "stop all relays and projectors first, or end what a lost host left with pg_terminate_backend: {}",
        running.join(", ")
    );
    Ok(())
}

async fn raise_epoch(owner: &PgPool) -> anyhow::Result<i64> {
    let (epoch,) = sqlx::query_as("update log.epoch set epoch = epoch + 1 returning epoch")
        .fetch_one(owner)
        .await
        .context("cannot raise the epoch: DATABASE_URL must name the user that ran `carelog migrate`")?;
    Ok(epoch)
}

async fn delete_events(bus: &Bus) -> anyhow::Result<()> {
    match bus.jetstream.delete_stream(bus.subjects.events_stream()).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            DeleteStreamErrorKind::JetStream(detail) if detail.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(()),
            DeleteStreamErrorKind::JetStream(_)
            | DeleteStreamErrorKind::Request
            | DeleteStreamErrorKind::EmptyName
            | DeleteStreamErrorKind::InvalidStreamName => Err(error).context("cannot remove the stream of events"),
        },
    }
}
