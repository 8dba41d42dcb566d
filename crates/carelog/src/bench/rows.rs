//! The rows of the table, in the order in which they are measured.

use clap::ValueEnum;
use serde::Serialize;

/// A row, or a few that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// Yardstick: pgbench, single-row INSERTs of an equal row
    Insert,
    /// Yardstick: COPY of equal rows
    Copy,
    /// Yardstick: pgbench -S on a million rows
    Select,
    /// Yardstick: bare NATS request–reply
    Nats,
    /// Yardstick: an empty axum route
    Http,
    /// Decided commands through the lane, without NATS
    Appends,
    /// Commands end to end over NATS
    Commands,
    /// One command in flight over NATS
    OneCommand,
    /// Commands while relay and projectors keep up
    Sustained,
    /// From accepted to visible in the query API
    Visible,
    /// The relay with a backlog under the sustained load
    Relay,
    /// Many clients on one ticket, four handler processes
    HotTicket,
    /// The ticket model rebuilt from the history
    Rebuild,
    /// The whole history as NDJSON
    Replay,
    /// GET of one ticket
    Get,
    /// A filtered list of tickets
    List,
    /// Appends and GETs on the long history beside a young one
    Growth,
    /// Memory of each role, at rest and at its highest in this run
    Memory,
}

impl Row {
    /// The row as it is written on the command line.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Whether it says something only on a large history.
    #[must_use]
    pub const fn needs_full(self) -> bool {
        match self {
            Self::Rebuild | Self::Replay | Self::Get | Self::List | Self::Growth => true,
            Self::Insert
            | Self::Copy
            | Self::Select
            | Self::Nats
            | Self::Http
            | Self::Appends
            | Self::Commands
            | Self::OneCommand
            | Self::Sustained
            | Self::Visible
            | Self::Relay
            | Self::HotTicket
            | Self::Memory => false,
        }
    }
}
