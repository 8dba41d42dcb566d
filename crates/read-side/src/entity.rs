//! Entity models: one per aggregate, few and wide, each a pure fold over rows, so that live projection, rebuild and
//! time travel are the same code.

use chrono::{DateTime, Utc};
use domain::envelope::RecordedEvent;
use domain::{Category, Event, StreamId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The most rows that one event may touch.
pub const KEYS_MAX: usize = 64;

/// An event as entity models see it: read, with personal data in clear or erased.
#[derive(Clone, Debug)]
pub struct Happened {
    /// The place in the history.
    pub position: u64,
    /// The stream that holds it.
    pub stream: StreamId,
    /// The place in the stream.
    pub version: u64,
    /// The number for people, if the type is counted.
    pub ordinal: Option<u64>,
    /// When it happened in the business.
    pub occurred_at: DateTime<Utc>,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// What happened.
    pub event: Event,
}

impl Happened {
    /// A recorded event together with its content.
    #[must_use]
    pub fn new(recorded: &RecordedEvent, event: Event) -> Self {
        Self {
            position: recorded.position,
            stream: recorded.stream,
            version: recorded.version,
            ordinal: recorded.ordinal,
            occurred_at: recorded.occurred_at,
            recorded_at: recorded.recorded_at,
            event,
        }
    }
}

/// The rows that an event touches. Never taken from personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// One row.
    One(Uuid),
    /// Up to [`KEYS_MAX`] rows.
    Many(Vec<Uuid>),
}

/// An event that does not fit the row it meets: its row's key is parked until it is retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub String);

/// A rollup's change: which figure, and what to add to its four numbers.
pub type Fact = (String, [i64; 4]);

/// A read model of one aggregate. Rows are stored as versions: `[from_position, to_position)`.
pub trait Entity: Send + Sync + 'static {
    /// The view's name in schema `read`, e.g. `ticket`.
    const NAME: &'static str;
    /// Rises whenever the fold, the row or the table changes; each revision is a table of its own.
    const REVISION: u32;
    /// The categories whose events it folds.
    const READS: &'static [Category];
    /// The table's own columns, one a line, named like the row's fields and typed: `subject json`. Personal values,
    /// lists and objects are `json`, which is written faster than `jsonb`, unless the table is searched by them. The runner adds `key`, `from_position`, `to_position`, `subjects`, `stale_since`.
    const COLUMNS: &'static str;
    /// Statements that index and comment the table, one a line; `{table}` stands for its name. Indexes are made at once,
    /// so no two have the same columns: PostgreSQL would give them the same name. An index on an expression has a name of
    /// its own, which begins with `{name}`, the table's without its schema. `to_position = 9223372036854775807`
    /// marks the present version of a row.
    const INDEXES: &'static str;
    /// A row's content. Its JSON fields are the table's columns.
    type Row: Clone + PartialEq + Send + Sync + Serialize + DeserializeOwned;

    /// The rows that an event touches; none if it is not of interest.
    fn keys(happened: &Happened) -> Keys;

    /// Folds an event into a row. `None` is a row that does not exist.
    ///
    /// # Errors
    /// [`Unfit`], if the event cannot be folded into this row.
    fn apply(row: Option<Self::Row>, happened: &Happened) -> Result<Option<Self::Row>, Unfit>;

    /// What a row adds to the rollups: the runner adds `facts(new) − facts(old)`.
    fn facts(_row: &Self::Row) -> Vec<Fact> {
        Vec::new()
    }
}
