//! `carelog import`: rows of a CSV file become commands, as a mapping says ([`mapping`]).
//!
//! The ids of commands and aggregates follow from the name of the import and the keys in the rows, so that a second
//! run sends the same commands again: each is answered from its receipt, and nothing changes.

pub mod mapping;
pub mod template;

use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use csv::{ReaderBuilder, StringRecord};
use domain::codec;
use domain::rejection::{Code, Rejection};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::Client;
use crate::config::Environment;
use crate::exit::Usage;
use crate::pipeline::{Finished, Job, Pipeline, Way};
use crate::report::Report;
use crate::send::Pace;
use mapping::{Mapping, Step};
use template::Row;

/// How many read commands wait for the pipeline.
const READ_AHEAD_MAX: usize = 1_024;

/// How often a command that was rejected at an earlier time is tried under a further id.
const ATTEMPTS_MAX: u32 = 10;

/// Imports a CSV file: each row becomes commands, as a mapping file says
///
/// Running it again changes nothing: ids follow from the import's name and the keys in the rows, so every command is
/// answered from its receipt. After an interruption, run it again.
///
/// The mapping is JSON:
///
///   {"name": "cdnow",             names the import; ids follow from it
///    "publisher": "import",       in whose name is sent (default import)
///    "actor": "service:cdnow",    who acts (default service:PUBLISHER)
///    "commands": [                sent for each row, in this order
///      {"command": "customer.register",
///       "key": "{customer_id}",   what tells one such command from another
///       "once": true,             rows with a key that was there before are passed over (default false)
///       "when": "{customer_id}",  rows where this is empty are passed over
///       "id": "customer/{customer_id}",
///       "occurred_at": {"$time": "{date}"},
///       "data": {"display_name": "Customer {customer_id}"}}]}
///
/// In texts {column} stands for the row's value, {$line} for the number of its line; {{ and }} are braces. Objects
/// with a $ make other values:
///
///   {"$integer": "{count}"}                  a whole number
///   {"$minor": "{amount}", "exponent": 2}    a decimal number as a whole number of 10^-exponent (2 if not given)
///   {"$boolean": "{flag}"}                   true, yes, 1 or false, no, 0
///   {"$time": "{t}", "format": "%d.%m.%Y"}   an instant; without format RFC 3339, 2026-01-31 or 2026-01-31 12:00:00,
///                                            UTC where no offset is given
///   {"$id": "customer/{id}"}                 the id of the aggregate that an "id" of the same text makes
///   {"$map": "{x}", "values": {"a": "b"}}    one of the values; "default" for all others, else they are refused
///   {"$optional": …}                         left out where a column in it is empty
///
/// Commands that concern the same aggregate are sent in order, all others at once.
///
/// Exit codes: 0 all accepted, 1 some rejected, 2 wrong usage, 3 the outcome of some is unknown,
/// 130 interrupted before the end of the file.
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct ImportArgs {
    /// The mapping file
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// The CSV file, with a header
    #[arg(value_name = "CSV")]
    pub file: PathBuf,
    /// What stands between two columns
    #[arg(long, default_value = ",", value_name = "CHARACTER", value_parser = parse_delimiter)]
    pub delimiter: u8,
    /// Try commands again that were rejected in an earlier run, after what was wrong there has been put right
    #[arg(long)]
    pub retry_rejected: bool,
    /// How fast and how patiently
    #[command(flatten)]
    pub pace: Pace,
}

/// Runs `carelog import`.
///
/// # Errors
/// The mapping or the file cannot be used, or NATS cannot be reached.
pub async fn run(environment: &Environment, args: &ImportArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(&args.mapping)
        .map_err(|error| Usage(format!("{}: {error}", args.mapping.display())))?;
    let mapping = Mapping::parse(&text).map_err(|error| Usage(format!("{}: {error}", args.mapping.display())))?;
    let rows = Rows::open(&args.file, args.delimiter, mapping, if args.retry_rejected { ATTEMPTS_MAX } else { 1 })?;
    let config = environment.bus("carelog-import")?;
    let client = Client::connect(&config, rows.mapping.publisher.clone(), args.pace.patience()).await?;

    let label = format!("importing {}", rows.mapping.name);
    let mut report = Report::begin(&label, Some(rows.bytes));
    let (sender, mut items) = mpsc::channel(READ_AHEAD_MAX);
    let reading = tokio::task::spawn_blocking(move || rows.read(&sender));
    let shared = std::cell::RefCell::new(&mut report);
    let on_finished = |finished: Finished| shared.borrow_mut().finished(&finished);
    let mut pipeline = Pipeline::new(Arc::new(client), Way::Answered, args.pace.in_flight.into(), on_finished);
    loop {
        let item = tokio::select! {
            () = stop.cancelled() => {
                shared.borrow_mut().interrupt();
                break;
            }
            item = items.recv() => item,
        };
        let Some(Item { bytes, line, job }) = item else { break };
        shared.borrow_mut().read_so_far(bytes);
        match job {
            Ok(job) => pipeline.submit(job).await,
            Err(rejection) => shared.borrow_mut().refused(line, &rejection),
        }
        if shared.borrow_mut().gives_up(line, args.pace.in_flight) {
            break;
        }
    }
    // The reader ends when it can give nothing more away.
    drop(items);
    pipeline.finish().await;
    reading.await?;
    Ok(report.end())
}

/// A command from a row, or why there is none.
struct Item {
    /// How much of the file was read.
    bytes: u64,
    line: u64,
    job: Result<Job, Rejection>,
}

struct Rows {
    reader: csv::Reader<BufReader<File>>,
    columns: StringRecord,
    mapping: Mapping,
    attempts: u32,
    bytes: u64,
}

impl Rows {
    fn open(path: &Path, delimiter: u8, mapping: Mapping, attempts: u32) -> anyhow::Result<Self> {
        let unusable = |error: &dyn std::fmt::Display| Usage(format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(|error| unusable(&error))?;
        let bytes = file.metadata().map_err(|error| unusable(&error))?.len();
        let mut reader = ReaderBuilder::new().delimiter(delimiter).from_reader(BufReader::new(file));
        let columns = reader.headers().map_err(|error| unusable(&error))?.clone();
        for column in mapping.columns() {
            if !columns.iter().any(|name| name == column) {
                let names = columns.iter().collect::<Vec<_>>().join(", ");
                return Err(unusable(&format!("there is no column {column:?}; its columns are {names}")).into());
            }
        }
        Ok(Self { reader, columns, mapping, attempts, bytes })
    }

    /// Reads all rows, until nobody takes what is read.
    fn read(mut self, items: &mpsc::Sender<Item>) {
        let mut seen: Vec<HashSet<Uuid>> = vec![HashSet::new(); self.mapping.steps.len()];
        let mut record = StringRecord::new();
        loop {
            let position = self.reader.position();
            let (bytes, line) = (position.byte(), position.line());
            let give = |job| items.blocking_send(Item { bytes, line, job }).is_ok();
            match self.reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let is_over = matches!(error.kind(), csv::ErrorKind::Io(_));
                    let given = give(Err(Rejection::new(Code::Malformed, error.to_string())));
                    if is_over || !given {
                        return;
                    }
                    continue;
                }
            }
            let row = Row { columns: &self.columns, values: &record, line };
            for (step, seen) in self.mapping.steps.iter().zip(&mut seen) {
                let job = match job(&self.mapping, step, row, self.attempts, seen) {
                    Ok(Some(job)) => Ok(job),
                    Ok(None) => continue,
                    Err(rejection) => Err(rejection),
                };
                if !give(job) {
                    return;
                }
            }
        }
    }
}

/// The command of one step for one row; `None` where the row has none.
fn job(
    mapping: &Mapping,
    step: &Step,
    row: Row<'_>,
    attempts: u32,
    seen: &mut HashSet<Uuid>,
) -> Result<Option<Job>, Rejection> {
    let wrong = |detail: String| Rejection::validation("", detail);
    if let Some(condition) = &step.when
        && condition.render(row).map_err(wrong)?.trim().is_empty()
    {
        return Ok(None);
    }
    let key = step.key.render(row).map_err(wrong)?;
    let command_id = |attempt| mapping.command_id(step, &key, attempt);
    if step.once && !seen.insert(command_id(1)) {
        return Ok(None);
    }
    let command = step
        .command(mapping, row, command_id(1))
        .map_err(|(pointer, detail)| Rejection::validation(pointer, detail))?;
    codec::check(command.body.data.get().as_bytes())?;
    Ok(Some(Job { source: row.line, command, further_ids: (2..=attempts).map(command_id).collect() }))
}

fn parse_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" => Ok(b'\t'),
        [byte] if byte.is_ascii() => Ok(*byte),
        _ => Err("give one ASCII character, or \\t".to_owned()),
    }
}
