//! Settings: business calendars, SLA policies and scorecards, each by its latest revision.

use chrono::{DateTime, Utc};
use domain::business_time::Hours;
use domain::calendar::Event as CalendarEvent;
use domain::scorecard::{Card, Event as ScorecardEvent};
use domain::sla_policy::{Event as SlaPolicyEvent, Terms};
use domain::text::Name;
use domain::{Category, Event};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Happened, Keys, Unfit};

macro_rules! settings {
    ($(
        $(#[$doc:meta])*
        $model:ident, $name:literal, $row:ident { $(#[$content_doc:meta])* $content:ident: $type:ty },
        $event:ident { $defined:ident, $revised:ident, $renamed:ident }
    )*) => {$(
        $(#[$doc])*
        pub struct $model;

        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
        #[schema(as = $model)]
        pub struct $row {
            /// The name.
            #[schema(value_type = String)]
            pub name: Name<200>,
            /// The latest revision. Ask with `as_of` for an earlier one.
            pub revision: u32,
            $(#[$content_doc])*
            #[schema(value_type = Object)]
            pub $content: $type,
            /// When it was defined.
            pub defined_at: DateTime<Utc>,
            /// When the last event was recorded.
            pub updated_at: DateTime<Utc>,
            /// The stream's version, for `expected_version`.
            pub version: u64,
        }

        impl Entity for $model {
            const NAME: &'static str = $name;
            const REVISION: u32 = 1;
            const READS: &'static [Category] = &[Category::$model];
            const COLUMNS: &'static str = concat!(
                "name text not null\nrevision integer not null\n",
                stringify!($content),
                " json not null\ndefined_at timestamptz not null\nupdated_at timestamptz not null\nversion bigint not null",
            );
            const INDEXES: &'static str = concat!(
                "create index on {table} (name, key) where to_position = 9223372036854775807;\n",
                "comment on table {table} is 'Settings: one row per version.';\n",
                "comment on column {table}.revision is 'The latest revision; what refers to it names one.';\n",
                "comment on column {table}.",
                stringify!($content),
                " is 'The content of that revision.';\n",
            );
            type Row = $row;

            fn keys(happened: &Happened) -> Keys {
                Keys::One(happened.stream.id)
            }

            fn apply(row: Option<$row>, happened: &Happened) -> Result<Option<$row>, Unfit> {
                let Event::$model(event) = &happened.event else { return Ok(row) };
                let mut row = match (row, event) {
                    (None, $event::$defined { name, $content }) => {
                        return Ok(Some($row {
                            name: name.clone(),
                            revision: 1,
                            $content: $content.clone(),
                            defined_at: happened.occurred_at,
                            updated_at: happened.recorded_at,
                            version: happened.version,
                        }));
                    }
                    (Some(row), _) => row,
                    (None, _) => return Err(Unfit("it was never defined".to_owned())),
                };
                match event {
                    $event::$defined { .. } => return Err(Unfit("it is defined already".to_owned())),
                    $event::$revised { revision, $content } => {
                        (row.revision, row.$content) = (*revision, $content.clone());
                    }
                    $event::$renamed { name } => row.name = name.clone(),
                }
                (row.updated_at, row.version) = (happened.recorded_at, happened.version);
                Ok(Some(row))
            }
        }
    )*};
}

settings! {
    /// A business calendar: when a desk works.
    Calendar, "calendar", CalendarRow {
        /// When the desk works: `{zone, weekly: {mon: [{start, end}], …}, exceptions: {date: [{start, end}]}}`.
        hours: Hours
    },
    CalendarEvent { CalendarDefined, CalendarRevised, CalendarRenamed }

    /// An SLA policy: how soon a desk promises to act.
    SlaPolicy, "sla_policy", SlaPolicyRow {
        /// What is promised: `{calendar, targets: {P1: {first_response_s, …}, …}, pauses, retargeting, ladder}`.
        terms: Terms
    },
    SlaPolicyEvent { SlaPolicyDefined, SlaPolicyRevised, SlaPolicyRenamed }

    /// A scorecard: by what a service is judged.
    Scorecard, "scorecard", ScorecardRow {
        /// By what is judged: `{criteria: [{id, name, weight_permille, scale, critical_below}], pass_from, conditional_from}`.
        card: Card
    },
    ScorecardEvent { ScorecardDefined, ScorecardRevised, ScorecardRenamed }
}
