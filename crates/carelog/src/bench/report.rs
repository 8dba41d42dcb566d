//! The report: a table for people, JSON for programs, and on which machine it was made.

use std::process::Stdio;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;
use sqlx::{Connection as _, PgConnection};
use tokio::process::Command;

use super::figure::{Figure, written};
use super::rows::Row;

/// Where and on what it was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// The version of this program.
    pub carelog: &'static str,
    /// Whether this program was built with optimisation; without, its figures say nothing.
    pub optimised: bool,
    /// What Git says of the directory in which it was started, if anything.
    pub commit: Option<String>,
    /// The version of PostgreSQL.
    pub postgresql: String,
    /// PostgreSQL's settings of durability.
    pub durability: String,
    /// PostgreSQL's cache.
    pub shared_buffers: String,
    /// The version of NATS.
    pub nats: String,
    /// How many cores there are.
    pub cores: usize,
    /// How long each figure was measured.
    pub seconds: u64,
}

impl Machine {
    /// Asks the servers.
    ///
    /// # Errors
    /// PostgreSQL does not answer.
    pub async fn ask(database_url: &str, nats: &async_nats::Client, seconds: u64) -> anyhow::Result<Self> {
        let settings = "select current_setting('server_version'), \
                        format('fsync %s, full_page_writes %s, synchronous_commit %s', current_setting('fsync'), \
                               current_setting('full_page_writes'), current_setting('synchronous_commit')), \
                        current_setting('shared_buffers')";
        let (postgresql, durability, shared_buffers): (String, String, String) =
            sqlx::query_as(settings).fetch_one(&mut PgConnection::connect(database_url).await?).await?;
        Ok(Self {
            begun_at: Utc::now(),
            carelog: env!("CARGO_PKG_VERSION"),
            optimised: !cfg!(debug_assertions),
            commit: commit().await,
            postgresql,
            durability,
            shared_buffers,
            nats: nats.server_info().version,
            cores: std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
            seconds,
        })
    }

    fn written(&self) -> String {
        let commit = self.commit.as_ref().map(|commit| format!(" ({commit})")).unwrap_or_default();
        format!(
            "carelog {}{commit}, PostgreSQL {} ({}, shared_buffers {}), NATS {}, {} cores, {} s each, {}{}",
            self.carelog,
            self.postgresql,
            self.durability,
            self.shared_buffers,
            self.nats,
            self.cores,
            self.seconds,
            self.begun_at.format("%Y-%m-%d %H:%M UTC"),
            if self.optimised {
                ""
            } else {
                "\nBuilt without optimisation: these figures say nothing about its speed."
            }
        )
    }
}

async fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = git.output().await.ok()?;
    let told = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    Some(told).filter(|told| output.status.success() && !told.is_empty())
}

/// All that was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where.
    pub machine: Machine,
    /// What.
    pub figures: Vec<Figure>,
    /// What takes a large history, and was not measured.
    pub needs_full: Vec<Row>,
}

impl Report {
    /// The table, with notes and the machine below it.
    #[must_use]
    pub fn table(&self) -> String {
        let mut table = Table::new();
        let header = ["figure", "measured", "p50 / p99 / p99.9 ms", "yardstick", "ratio", "must", "verdict"];
        table.load_style(UTF8_BORDERS_ONLY).set_header(header);
        let mut notes = Vec::new();
        for figure in &self.figures {
            let mark = figure.note.as_ref().map_or_else(String::new, |note| {
                notes.push(note.clone());
                format!(" [{}]", notes.len())
            });
            table.add_row(cells(figure, &mark));
        }
        for row in &self.needs_full {
            let mut cells = [row.name(), String::new(), String::new(), String::new(), String::new(), String::new()];
            cells[1] = "–".to_owned();
            table.add_row(cells.into_iter().chain(["needs --full".to_owned()]));
        }
        for column in [1, 2, 3, 4] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let notes: String = notes.iter().enumerate().map(|(n, note)| format!("[{}] {note}\n", n + 1)).collect();
        format!("{table}\n{notes}{}", self.machine.written())
    }

    /// All of it as JSON.
    ///
    /// # Errors
    /// A figure is no number.
    pub fn json(&self) -> anyhow::Result<String> {
        serde_json::to_string_pretty(self).context("the report")
    }
}

fn cells(figure: &Figure, mark: &str) -> [String; 7] {
    let or_nothing = Option::unwrap_or_default;
    [
        format!("{}{mark}", figure.what),
        written(figure.value, figure.unit),
        or_nothing(figure.latencies.map(|l| format!("{:.2} / {:.2} / {:.2}", l.p50_ms, l.p99_ms, l.p999_ms))),
        or_nothing(figure.yardstick.as_ref().map(|y| format!("{} {}", y.what, written(y.value, figure.unit)))),
        or_nothing(figure.ratio.map(|ratio| format!("{ratio:.2}"))),
        or_nothing(figure.must.map(|must| must.written(figure.unit))),
        or_nothing(figure.reached.map(|reached| if reached { "reached" } else { "missed" }.to_owned())),
    ]
}
