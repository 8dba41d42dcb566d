//! `carelog send`: one command from flags, or many from NDJSON on standard input.

use std::io::{self, BufRead};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use clap::Args;
use domain::codec;
use domain::envelope::{Actor, ActorKind, CommandBody, Publisher};
use domain::rejection::{Code, Rejection};
use domain::text::Name;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::client::{Answer, Client, Outcome, Outgoing};
use crate::config::Environment;
use crate::exit::Usage;
use crate::outcomes::Outcomes;
use crate::output::say;
use crate::pipeline::{Finished, Job, Pipeline, Way};
use crate::report::Report;

/// How many lines are read ahead.
const READ_AHEAD_MAX: usize = 256;

/// Longer lines hold no command: they are read on and refused.
const LINE_BYTES_MAX: usize = codec::MESSAGE_BYTES_MAX + 1;

/// What one sender of many commands is given.
#[derive(Args, Clone, Debug)]
pub struct Pace {
    /// How many commands are under way at once
    #[arg(long, default_value_t = 256, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub in_flight: u16,
    /// For how long a command without an answer is sent again
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub patience: u64,
}

impl Pace {
    /// For how long a command is asked for.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }
}

/// Sends commands over NATS and reports their outcomes
///
/// One command from flags; its reply is printed as JSON. Or, with --stdin, many: one JSON object a line, the command's
/// message with its name beside it:
///
///   {"command":"ticket.open","id":"…","data":{…}}
///
/// `command_id` and `id` are made where they are missing, `actor` is --actor. Lines that concern the same aggregate
/// (by `id`, or by an id in their data) are sent in order, all others at once. A summary goes to standard error.
///
/// A command without an answer is sent again with the same id, which is always safe.
///
/// Exit codes: 0 all accepted, 1 some rejected, 2 wrong usage, 3 the outcome of some is unknown,
/// 130 interrupted before the end of the input.
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct SendArgs {
    /// The command: AGGREGATE.COMMAND, such as ticket.open
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    pub command: Option<String>,
    /// Read many commands from standard input, one JSON object a line
    #[arg(long)]
    pub stdin: bool,
    /// The service in whose name is sent
    #[arg(long, default_value = "cli", value_parser = Publisher::parse)]
    pub publisher: Publisher,
    /// Who acts: KIND:ID with the kinds agent, customer, system, rule, service; service:PUBLISHER if not given
    #[arg(long, value_parser = parse_actor, value_name = "KIND:ID")]
    pub actor: Option<Actor>,
    /// The aggregate; a new id if not given
    #[arg(long, conflicts_with = "stdin")]
    pub id: Option<Uuid>,
    /// The command's own id, under which it takes effect once; a new id if not given
    #[arg(long, conflicts_with = "stdin")]
    pub command_id: Option<Uuid>,
    /// The command's content, a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}", conflicts_with = "stdin")]
    pub data: String,
    /// A file with the command's content, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "stdin"])]
    pub data_file: Option<PathBuf>,
    /// Refuse the command if others have changed the aggregate since this version
    #[arg(long, value_name = "N", conflicts_with = "stdin")]
    pub expected_version: Option<u64>,
    /// When it happened, if not now (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "stdin")]
    pub occurred_at: Option<DateTime<Utc>>,
    /// Groups the commands of one business matter
    #[arg(long, value_name = "UUID", conflicts_with = "stdin")]
    pub correlation_id: Option<Uuid>,
    /// What caused the command
    #[arg(long, value_name = "UUID", conflicts_with = "stdin")]
    pub causation_id: Option<Uuid>,
    /// Put commands into the durable inbox instead of waiting for their outcomes
    #[arg(long)]
    pub durable: bool,
    /// How fast and how patiently
    #[command(flatten)]
    pub pace: Pace,
}

impl SendArgs {
    fn actor(&self) -> anyhow::Result<Actor> {
        match &self.actor {
            Some(actor) => Ok(actor.clone()),
            None => service(&self.publisher),
        }
    }

    const fn way(&self) -> Way {
        if self.durable { Way::Durable } else { Way::Answered }
    }
}

/// The actor that a service is for itself.
///
/// # Errors
/// Never: the name of a publisher is within the limits of an actor's id.
pub fn service(publisher: &Publisher) -> anyhow::Result<Actor> {
    let id = Name::parse(publisher.as_str()).map_err(anyhow::Error::msg)?;
    Ok(Actor { kind: ActorKind::Service, id })
}

/// Runs `carelog send`.
///
/// # Errors
/// The flags are wrong, or NATS cannot be reached.
pub async fn run(environment: &Environment, args: &SendArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let one = args.command.as_ref().map(|name| one_command(name, args)).transpose()?;
    let config = environment.bus("carelog-send")?;
    let client = Client::connect(&config, args.publisher.clone(), args.pace.patience()).await?;
    match one {
        Some(command) => send_one(&client, command, args.way()).await,
        None => send_many(client, args, stop).await,
    }
}

fn one_command(name: &str, args: &SendArgs) -> anyhow::Result<Outgoing> {
    let (aggregate, name) = Outgoing::split_name(name).map_err(Usage)?;
    let text = match &args.data_file {
        None => args.data.clone(),
        Some(path) if path.as_os_str() == "-" => {
            std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
        }
        Some(path) => std::fs::read_to_string(path).map_err(|error| Usage(format!("{}: {error}", path.display())))?,
    };
    let data = RawValue::from_string(text).map_err(|error| Usage(format!("the data is not JSON: {error}")))?;
    let body = CommandBody {
        command_id: args.command_id.unwrap_or_else(Uuid::now_v7),
        id: args.id.unwrap_or_else(Uuid::now_v7),
        expected_version: args.expected_version,
        occurred_at: args.occurred_at,
        actor: args.actor()?,
        correlation_id: args.correlation_id,
        causation_id: args.causation_id,
        data,
    };
    Ok(Outgoing { aggregate, name, body })
}

async fn send_one(client: &Client, command: Outgoing, way: Way) -> anyhow::Result<ExitCode> {
    let answer = match way {
        Way::Answered => client.send(&command).await,
        Way::Durable => client.store(&command).await,
    };
    say!("{}", reply_text(&command, &answer))?;
    let mut outcomes = Outcomes::default();
    outcomes.add(&answer.outcome);
    Ok(ExitCode::from(outcomes.exit_code()))
}

/// The reply as it came, or in the same form what is known without one.
fn reply_text(command: &Outgoing, answer: &Answer) -> String {
    if let Some(reply) = &answer.reply {
        return String::from_utf8_lossy(reply).into_owned();
    }
    let CommandBody { command_id, id, .. } = &command.body;
    let (outcome, detail) = match &answer.outcome {
        Outcome::Accepted(_) => ("accepted", String::new()),
        Outcome::Rejected(rejected) => ("rejected", rejected.detail.clone()),
        Outcome::Stored => ("stored", "it will be decided; ask for its outcome under its id".to_owned()),
        Outcome::Unknown(problem) => ("unknown", format!("{problem}; the same command_id again is safe")),
        Outcome::NotSent => ("not_sent", String::new()),
    };
    serde_json::json!({"outcome": outcome, "command_id": command_id, "id": id, "detail": detail}).to_string()
}

async fn send_many(client: Client, args: &SendArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    let actor = args.actor()?;
    let mut report = Report::begin("sending", None);
    let (sender, mut lines) = mpsc::channel(READ_AHEAD_MAX);
    // A thread that may stay in a read for ever: the process does not wait for it.
    std::thread::spawn(move || read_lines(&mut std::io::stdin().lock(), &sender));
    let mut number = 0;
    let shared = std::cell::RefCell::new(&mut report);
    let on_finished = |finished: Finished| shared.borrow_mut().finished(&finished);
    let mut pipeline = Pipeline::new(Arc::new(client), args.way(), args.pace.in_flight.into(), on_finished);
    loop {
        let line = tokio::select! {
            () = stop.cancelled() => {
                shared.borrow_mut().interrupt();
                break;
            }
            line = lines.recv() => line,
        };
        let Some(line) = line else { break };
        let line = line.context("cannot read standard input")?;
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match parse_line(&line, &actor) {
            Ok(command) => pipeline.submit(Job { source: number, command, further_ids: Vec::new() }).await,
            Err(rejection) => shared.borrow_mut().refused(number, &rejection),
        }
        if shared.borrow_mut().gives_up(number, args.pace.in_flight) {
            break;
        }
    }
    pipeline.finish().await;
    Ok(report.end())
}

/// Reads lines until nobody takes them. Of a line that is too long for any command the beginning is given.
fn read_lines(input: &mut impl BufRead, lines: &mpsc::Sender<io::Result<Vec<u8>>>) {
    loop {
        let line = read_line(input, LINE_BYTES_MAX);
        let is_last = !matches!(line, Ok(Some(_)));
        if line.transpose().is_some_and(|line| lines.blocking_send(line).is_err()) || is_last {
            return;
        }
    }
}

fn read_line(input: &mut impl BufRead, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut is_any = false;
    loop {
        let available = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            available => available?,
        };
        is_any |= !available.is_empty();
        let end = available.iter().position(|&byte| byte == b'\n');
        let part = end.and_then(|end| available.get(..end)).unwrap_or(available);
        line.extend(part.iter().take(bytes_max - line.len()));
        let consumed = end.map_or(available.len(), |end| end + 1);
        let is_over = end.is_some() || consumed == 0;
        input.consume(consumed);
        if is_over {
            return Ok(is_any.then_some(line));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    command: String,
    #[serde(default)]
    command_id: Option<Uuid>,
    #[serde(default)]
    id: Option<Uuid>,
    #[serde(default)]
    expected_version: Option<u64>,
    #[serde(default)]
    occurred_at: Option<DateTime<Utc>>,
    #[serde(default)]
    actor: Option<Actor>,
    #[serde(default)]
    correlation_id: Option<Uuid>,
    #[serde(default)]
    causation_id: Option<Uuid>,
    data: Box<RawValue>,
}

/// Reads one line of NDJSON as a command.
///
/// # Errors
/// It is no JSON object of the documented form; the same codes as a command handler would give.
pub fn parse_line(line: &[u8], actor: &Actor) -> Result<Outgoing, Rejection> {
    if line.len() > codec::MESSAGE_BYTES_MAX {
        let detail = format!("more than {} bytes", codec::MESSAGE_BYTES_MAX);
        return Err(Rejection::new(Code::PayloadTooLarge, detail));
    }
    codec::check(line)?;
    let line: Line = codec::read("", line)?;
    let (aggregate, name) =
        Outgoing::split_name(&line.command).map_err(|detail| Rejection::new(Code::UnknownCommand, detail))?;
    let body = CommandBody {
        command_id: line.command_id.unwrap_or_else(Uuid::now_v7),
        id: line.id.unwrap_or_else(Uuid::now_v7),
        expected_version: line.expected_version,
        occurred_at: line.occurred_at,
        actor: line.actor.unwrap_or_else(|| actor.clone()),
        correlation_id: line.correlation_id,
        causation_id: line.causation_id,
        data: line.data,
    };
    Ok(Outgoing { aggregate, name, body })
}

fn parse_actor(text: &str) -> Result<Actor, String> {
    let (kind, id) = text.split_once(':').ok_or("an actor is KIND:ID, such as service:web")?;
    let kind = serde_json::from_value(kind.into())
        .map_err(|_| format!("{kind:?} is no kind of actor: agent, customer, system, rule or service"))?;
    Ok(Actor { kind, id: Name::parse(id)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Outgoing, Code> {
        let actor = service(&Publisher::parse("web").expect("a name")).expect("an actor");
        parse_line(line.as_bytes(), &actor).map_err(|rejection| rejection.code)
    }

    #[test]
    fn a_line_gets_the_ids_and_the_actor_that_it_lacks() {
        let command = parse(r#"{"command":"team.form","data":{"name":"First line"}}"#).expect("a command");
        assert_eq!((command.aggregate.as_str(), command.name.as_str()), ("team", "form"));
        assert_eq!(command.body.actor.to_string(), "service:web");
        assert!(!command.body.command_id.is_nil() && !command.body.id.is_nil());
    }

    #[test]
    fn the_data_of_a_line_is_sent_byte_for_byte() {
        let command = parse(r#"{"command":"x.y","data":{"n": 9007199254740993}}"#).expect("a command");
        assert_eq!(command.body.data.get(), r#"{"n": 9007199254740993}"#);
    }

    #[test]
    fn a_line_that_is_no_command_is_refused_with_its_code() {
        assert_eq!(parse("{").err(), Some(Code::Malformed));
        assert_eq!(parse(r#"{"command":"team.form","data":{},"data":{}}"#).err(), Some(Code::Malformed));
        assert_eq!(parse(r#"{"command":"team.form","data":{},"when":1}"#).err(), Some(Code::Validation));
        assert_eq!(parse(r#"{"command":"team","data":{}}"#).err(), Some(Code::UnknownCommand));
        for other in ["[]", " [1]", "7", "\"text\"", "null"] {
            assert_eq!(parse(other).err(), Some(Code::Validation), "{other}");
        }
    }

    #[test]
    fn lines_are_read_whatever_their_end_and_length() {
        let mut input = &b"one\n\ntoo long\nlast"[..];
        let mut next = || read_line(&mut input, 4).expect("bytes").map(|line| String::from_utf8(line).expect("text"));
        let lines: Vec<_> = std::iter::from_fn(&mut next).collect();
        assert_eq!(lines, ["one", "", "too ", "last"]);
    }

    #[test]
    fn an_actor_is_written_as_kind_and_id() {
        let kind = |text| parse_actor(text).map(|actor| actor.kind);
        assert_eq!(kind("rule:night-shift"), Ok(ActorKind::Rule));
        assert!(kind("robot:1").is_err() && kind("web").is_err() && kind("agent:").is_err());
    }
}
