//! `carelog replay`: the history as NDJSON, straight from the store.

use std::fmt;
use std::io::{self, BufWriter, Write as _};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use domain::envelope::{Actor, RecordedEvent};
use domain::{Category, StreamId};
use event_store::pool::{self, PoolRole};
use event_store::{Reader, Selection, Vault};
use read_side::history::{History, RevealedEvent};
use read_side::models::questions::moment;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::config::Environment;
use crate::exit;

/// How many events are in memory at once.
const PAGE_EVENTS: u32 = 500;

/// Writes the history to standard output: one event a line, in order of position.
///
/// `data` is the stored content byte for byte, in which personal values are sealed; `content_hash` covers it. With
/// --reveal personal values are opened, and {"erased": true} stands where they were erased.
///
/// Options that may be given several times widen what is shown; different options narrow it.
#[derive(Args, Clone, Debug)]
pub struct ReplayArgs {
    /// From this position, or from this time of recording (RFC 3339), inclusive
    #[arg(long, value_name = "POSITION|TIME")]
    pub from: Option<Point>,
    /// Up to this position, or up to this time of recording (RFC 3339), inclusive; the present end if not given
    #[arg(long, value_name = "POSITION|TIME")]
    pub to: Option<Point>,
    /// Only this aggregate: CATEGORY/ID, such as ticket/01890a5d-…
    #[arg(long, value_name = "CATEGORY/ID", value_parser = parse_stream)]
    pub stream: Vec<StreamId>,
    /// Only this type of event, such as TicketOpened
    #[arg(long = "type", value_name = "TYPE", value_parser = parse_event_type)]
    pub event_type: Vec<String>,
    /// Only this kind of aggregate, such as ticket
    #[arg(long, value_parser = parse_category)]
    pub category: Vec<Category>,
    /// At most so many events
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Open personal data; takes the master key
    #[arg(long)]
    pub reveal: bool,
}

/// A point of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// A position.
    Position(u64),
    /// A time of recording.
    Time(DateTime<Utc>),
}

impl FromStr for Point {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(position) = text.parse() {
            return Ok(Self::Position(position));
        }
        let expected = "give a position or a time of the years 0001 to 9999, such as 2026-01-31T12:00:00Z";
        moment(text).map(Self::Time).ok_or_else(|| expected.to_owned())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Position(position) => position.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

/// Runs `carelog replay`.
///
/// # Errors
/// The database cannot be reached, or standard output cannot be written to.
pub async fn run(environment: &Environment, args: &ReplayArgs, stop: &CancellationToken) -> anyhow::Result<ExitCode> {
    // Known before anything is written.
    let keys = if args.reveal { Some(environment.master_keys()?) } else { None };
    let pool = pool::connect(&environment.database_url()?, PoolRole::Query, 2).await?;
    let reader = Reader::new(pool.clone());
    let history = keys.map(|keys| History::new(reader.clone(), Vault::new(pool, keys)));
    let mut selection = Selection {
        after: first(&reader, args.from).await?,
        until: Some(last(&reader, args.to).await?),
        streams: args.stream.clone(),
        event_types: args.event_type.clone(),
        categories: args.category.clone(),
        descending: false,
    };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut output = BufWriter::new(io::stdout().lock());
    let mut is_interrupted = false;
    while left > 0 {
        if stop.is_cancelled() {
            is_interrupted = true;
            break;
        }
        let limit = u32::try_from(left).unwrap_or(u32::MAX).min(PAGE_EVENTS);
        let written = match &history {
            Some(history) => write_revealed(&mut output, &history.select(selection.clone(), limit).await?),
            None => write_sealed(&mut output, &reader.select(&selection, limit).await?),
        };
        match written {
            Ok(Some(page)) => {
                selection.after = page.last_position;
                left -= page.count.min(left);
            }
            Ok(None) => break,
            // Whoever reads has enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::from(exit::DONE)),
            Err(error) => return Err(error).context("cannot write to standard output"),
        }
    }
    match output.flush() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        Ok(()) if is_interrupted => Ok(exit::interrupted()),
        Err(_) | Ok(()) => Ok(ExitCode::from(exit::DONE)),
    }
}

async fn first(reader: &Reader, from: Option<Point>) -> anyhow::Result<u64> {
    Ok(match from {
        None => 0,
        Some(Point::Position(position)) => position.saturating_sub(1),
        Some(Point::Time(time)) => match time.checked_sub_signed(TimeDelta::microseconds(1)) {
            Some(before) => reader.position_at(before).await?,
            None => 0,
        },
    })
}

async fn last(reader: &Reader, to: Option<Point>) -> anyhow::Result<u64> {
    Ok(match to {
        None => reader.head().await?.position,
        Some(Point::Position(position)) => position,
        Some(Point::Time(time)) => reader.position_at(time).await?,
    })
}

struct Page {
    count: u64,
    last_position: u64,
}

/// An event as the query API shows it, so that one reader serves for both.
#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: &'a str,
    category: &'a str,
    aggregate_id: Uuid,
    version: u64,
    schema_version: u16,
    occurred_at: DateTime<Utc>,
    recorded_at: DateTime<Utc>,
    ordinal: Option<u64>,
    publisher: &'a str,
    command_id: Uuid,
    actor: &'a Actor,
    correlation_id: Option<Uuid>,
    causation_id: Option<Uuid>,
    content_hash: String,
    data: &'a RawValue,
}

fn write_sealed(output: &mut impl io::Write, events: &[RecordedEvent]) -> io::Result<Option<Page>> {
    for event in events {
        let data: &RawValue = serde_json::from_str(&event.payload)?;
        write_line(output, event, data)?;
    }
    Ok(page(events.last(), events.len()))
}

fn write_revealed(output: &mut impl io::Write, events: &[RevealedEvent]) -> io::Result<Option<Page>> {
    for event in events {
        write_line(output, &event.recorded, &to_raw_value(&event.content)?)?;
    }
    Ok(page(events.last().map(|event| &event.recorded), events.len()))
}

fn page(last: Option<&RecordedEvent>, count: usize) -> Option<Page> {
    last.map(|event| Page { count: count as u64, last_position: event.position })
}

fn write_line(output: &mut impl io::Write, event: &RecordedEvent, data: &RawValue) -> io::Result<()> {
    let line = Line {
        position: event.position,
        id: event.event_id,
        event_type: &event.event_type,
        category: event.stream.category.name(),
        aggregate_id: event.stream.id,
        version: event.version,
        schema_version: event.schema_version,
        occurred_at: event.occurred_at,
        recorded_at: event.recorded_at,
        ordinal: event.ordinal,
        publisher: event.metadata.publisher.as_str(),
        command_id: event.metadata.command_id,
        actor: &event.metadata.actor,
        correlation_id: event.metadata.correlation_id,
        causation_id: event.metadata.causation_id,
        content_hash: hex::encode(event.content_hash),
        data,
    };
    serde_json::to_writer(&mut *output, &line)?;
    output.write_all(b"\n")
}

fn parse_category(text: &str) -> Result<Category, String> {
    Category::parse(text).ok_or_else(|| {
        let names: Vec<_> = Category::ALL.iter().map(|category| category.name()).collect();
        format!("there is no kind of aggregate {text:?}: {}", names.join(", "))
    })
}

fn parse_event_type(text: &str) -> Result<String, String> {
    let known = Category::has_event_type(text);
    known
        .then(|| text.to_owned())
        .ok_or_else(|| format!("there is no type of event {text:?}; they are like TicketOpened"))
}

fn parse_stream(text: &str) -> Result<StreamId, String> {
    let (category, id) = text.split_once('/').ok_or("give CATEGORY/ID, such as ticket/01890a5d-…")?;
    let id = id.parse().map_err(|_| format!("{id:?} is no UUID"))?;
    Ok(StreamId { category: parse_category(category)?, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_position_or_a_time() {
        assert_eq!("17".parse(), Ok(Point::Position(17)));
        let time = "2026-01-31T11:00:00Z".parse().expect("a time");
        assert_eq!("2026-01-31T12:00:00+01:00".parse(), Ok(Point::Time(time)));
        for wrong in ["yesterday", "-262143-01-01T00:00:00Z", "0000-06-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
            assert!(wrong.parse::<Point>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_aggregate_is_named_by_its_category_and_its_id() {
        let id = Uuid::from_u128(1);
        assert_eq!(parse_stream(&format!("ticket/{id}")), Ok(StreamId { category: Category::Ticket, id }));
        assert!(parse_stream("ticket").is_err() && parse_stream("invoice/1").is_err());
    }

    #[test]
    fn a_type_of_event_that_there_is_not_is_refused_instead_of_found_nowhere() {
        assert_eq!(parse_event_type("TicketOpened"), Ok("TicketOpened".to_owned()));
        assert!(parse_event_type("TicketOpend").is_err());
    }
}
