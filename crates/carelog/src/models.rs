//! `carelog models`: where the read models stand, and rebuilding them.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Args, Subcommand};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use event_store::pool::{self, PoolRole};
use event_store::{Reader, StoreError, Vault};
use read_side::compare::{Fingerprint, fingerprint};
use read_side::model::Model;
use read_side::models;
use read_side::rebuild::{OnProgress, Rebuilt, connections_max, rebuild};
use read_side::status::{ModelStatus, status};
use serde::Serialize;
use sqlx::{FromRow, PgPool};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Environment;
use crate::exit::{self, Usage};
use crate::outcomes::{grouped, rate};
use crate::output::say;
use crate::progress::Progress;

/// Lists, rebuilds and compares the read models.
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ModelsArgs {
    /// What to do; lists if not given
    #[command(subcommand)]
    pub action: Option<Action>,
    /// List the parked rows instead: which they are, since which event, and why
    #[arg(long)]
    pub parked: bool,
    /// List as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// What to do with read models.
#[derive(Subcommand, Clone, Debug)]
pub enum Action {
    /// Makes models anew from the history, while the old rows are read
    Rebuild {
        /// Which ones
        #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "NAME")]
        names: Vec<String>,
        /// All of them, in one pass over the history
        #[arg(long)]
        all: bool,
    },
    /// Gives the parked rows of a model another try, by rebuilding it
    Retry {
        /// Which model
        name: String,
    },
    /// Prints what a model holds as a fingerprint: equal models have equal ones
    Fingerprint {
        /// Which ones; all if none is named
        #[arg(value_name = "NAME")]
        names: Vec<String>,
    },
}

/// Runs `carelog models`.
///
/// # Errors
/// The database cannot be reached, or a model cannot be rebuilt.
pub async fn run(environment: &Environment, args: &ModelsArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let database_url = environment.database_url()?;
    match &args.action {
        None => {
            let pool = pool::connect(&database_url, PoolRole::Query, 1).await?;
            if args.parked {
                list_parked(&parked(&pool).await?, args.json)?;
            } else {
                list(&status(&pool).await?, args.json)?;
            }
        }
        Some(Action::Rebuild { names, all: _ }) => rebuild_named(environment, &find(names)?, stop).await?,
        Some(Action::Retry { name }) => rebuild_named(environment, &find(std::slice::from_ref(name))?, stop).await?,
        Some(Action::Fingerprint { names }) => {
            let pool = pool::connect(&database_url, PoolRole::Project, 1).await?;
            for model in find(names)? {
                say!("{}", fingerprint_line(model.name(), &fingerprint(&pool, model).await?))?;
            }
        }
    }
    Ok(ExitCode::from(exit::DONE))
}

/// A fingerprint for people.
#[must_use]
pub fn fingerprint_line(name: &str, found: &Fingerprint) -> String {
    let [position, versions, facts] = [found.position, found.versions, found.facts].map(grouped);
    format!("{found}  {name} at position {position}: {versions} versions, {facts} facts")
}

/// The models of these names; all if there is no name.
///
/// # Errors
/// There is none of a name.
fn find(names: &[String]) -> Result<Vec<&'static dyn Model>, Usage> {
    let all = models::all();
    if names.is_empty() {
        return Ok(all);
    }
    let find_one = |name: &String| {
        all.iter().copied().find(|model| model.name() == name).ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|model| model.name()).collect();
            Usage(format!("there is no model {name:?}: {}", known.join(", ")))
        })
    };
    names.iter().map(find_one).collect()
}

fn list(models: &[ModelStatus], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        for model in models {
            say!("{}", serde_json::to_string(model)?)?;
        }
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["model", "revision", "generation", "position", "lag", "parked", "blocked"]);
    for model in models {
        table.add_row([
            model.model.clone(),
            model.revision.to_string(),
            model.generation.to_string(),
            grouped(model.position),
            grouped(model.lag_events),
            grouped(model.parked_keys),
            model.blocked.clone().unwrap_or_else(|| "no".to_owned()),
        ]);
    }
    for column in 1..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say!("{table}")?;
    Ok(())
}

/// A row that an event did not fit: it stands still until it is tried again.
#[derive(Debug, Serialize, FromRow)]
struct ParkedRow {
    model: String,
    key: Uuid,
    /// The event's position.
    position: i64,
    error: String,
    /// How many events were passed over since.
    skipped: i64,
}

async fn parked(pool: &PgPool) -> Result<Vec<ParkedRow>, StoreError> {
    let statement = "select model, key, position, error, skipped from read.parked order by model, position, key";
    Ok(sqlx::query_as(statement).fetch_all(pool).await?)
}

fn list_parked(rows: &[ParkedRow], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        for row in rows {
            say!("{}", serde_json::to_string(row)?)?;
        }
        return Ok(());
    }
    if rows.is_empty() {
        return Ok(say!("no row is parked")?);
    }
    for row in rows {
        let ParkedRow { model, key, position, error, skipped } = row;
        // On a line of its own: it may be long, and whatever it holds must not steer the terminal.
        let error = error.escape_debug();
        say!("{model} {key} since position {position}, {skipped} later events passed over\n  {error}")?;
    }
    Ok(say!("try again with: carelog models retry MODEL")?)
}

async fn rebuild_named(
    environment: &Environment,
    models: &[&'static dyn Model],
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let pool = pool::connect(&environment.database_url()?, PoolRole::Project, connections_max(models)).await?;
    let reader = Reader::new(pool.clone());
    let vault = Vault::new(pool.clone(), environment.master_keys()?);
    rebuild_with_progress(&pool, &reader, &vault, models, stop).await.map(drop)
}

/// Rebuilds models in one pass, shows how far it is, and prints the rate.
///
/// # Errors
/// Another process rebuilds one of them, or the database fails.
pub async fn rebuild_with_progress(
    pool: &PgPool,
    reader: &Reader,
    vault: &Vault,
    models: &[&'static dyn Model],
    stop: &CancellationToken,
) -> anyhow::Result<Rebuilt> {
    let names = models.iter().map(|model| model.name()).collect::<Vec<_>>().join(", ");
    let shown = Arc::new(Mutex::new(Some(Progress::begin(&format!("rebuilding {names}"), None))));
    let on_progress: OnProgress = {
        let shown = Arc::clone(&shown);
        Arc::new(move |progress| {
            if let Some(shown) = shown.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                shown.set_total(progress.head);
                shown.at(progress.position, progress.position);
            }
        })
    };
    let begun = std::time::Instant::now();
    let rebuilt = rebuild(pool, reader, vault, models, stop, on_progress).await;
    let elapsed = begun.elapsed();
    if let Some(progress) = shown.lock().unwrap_or_else(PoisonError::into_inner).take() {
        progress.end();
    }
    let rebuilt = rebuilt?;
    say!(
        "rebuilt {names}: {} events into {} versions in {:.1} s, {} events/s",
        grouped(rebuilt.events),
        grouped(rebuilt.versions),
        elapsed.as_secs_f64(),
        grouped(rate(rebuilt.events, elapsed))
    )?;
    Ok(rebuilt)
}
