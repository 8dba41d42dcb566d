//! `carelog inbox`: durable commands that could not be read.

use std::process::ExitCode;

use clap::Args;
use event_store::pool::{self, PoolRole};
use event_store::{DeadLetter, DeadLetters};
use serde_json::json;

use crate::config::Environment;
use crate::exit;
use crate::output::say;

/// Lists durable commands that could not be read, the latest first: one JSON object a line.
///
/// Their content is kept sealed and may hold personal data: it is shown with --reveal only.
#[derive(Args, Clone, Debug)]
pub struct InboxArgs {
    /// At most so many
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub limit: u32,
    /// Show the messages themselves
    #[arg(long)]
    pub reveal: bool,
}

/// Runs `carelog inbox`.
///
/// # Errors
/// The database cannot be reached.
pub async fn run(environment: &Environment, args: &InboxArgs) -> anyhow::Result<ExitCode> {
    let keys = environment.master_keys()?;
    let pool = pool::connect(&environment.database_url()?, PoolRole::Append, 1).await?;
    for letter in DeadLetters::new(pool, keys).latest(args.limit).await? {
        say!("{}", line(letter, args.reveal))?;
    }
    Ok(ExitCode::from(exit::DONE))
}

fn line(letter: DeadLetter, reveal: bool) -> serde_json::Value {
    let DeadLetter { id, received_at, subject, code, detail, message } = letter;
    let mut line = json!({"id": id, "received_at": received_at, "subject": subject, "code": code, "detail": detail});
    if reveal && let Some(fields) = line.as_object_mut() {
        // Whatever could not be read is shown as far as it is text; null where the master key is not the one.
        let text = message.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        fields.insert("message".to_owned(), text.into());
    }
    line
}
