//! Outcomes: what came of a command, as it is stored in a receipt and as it is answered.

use domain::StreamId;
use domain::envelope::Publisher;
use domain::rejection::{Code, FieldError, Rejection};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::error::StoreError;
use crate::row::number;

/// The one decided outcome of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Who sent it.
    pub publisher: Publisher,
    /// Its id.
    pub command_id: Uuid,
    /// The stream that it was for.
    pub stream: StreamId,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was accepted.
    Accepted {
        /// The stream's version afterwards.
        version: u64,
        /// The position of its last event; without events the head that was seen.
        position: u64,
        /// The types of its events, in order.
        events: Vec<String>,
        /// The number for people, if an event of it is counted.
        ordinal: Option<u64>,
    },
    /// It was rejected.
    Rejected(Rejection),
}

#[derive(Serialize, Deserialize)]
struct StoredRejection {
    code: String,
    detail: String,
    #[serde(default)]
    errors: Vec<FieldError>,
    #[serde(default)]
    facts: Map<String, Value>,
}

pub(crate) fn write_rejection(rejection: &Rejection) -> Result<String, StoreError> {
    let Rejection { code, detail, errors, facts } = rejection.clone();
    serde_json::to_string(&StoredRejection { code: code.as_str().to_owned(), detail, errors, facts })
        .map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// The outcome in columns `version, position, event_types, ordinal, rejection`.
pub(crate) fn outcome(row: &PgRow) -> Result<Outcome, StoreError> {
    if let Some(json) = row.try_get::<Option<String>, _>("rejection")? {
        let corrupt = |detail: String| StoreError::Corrupt(format!("stored rejection: {detail}"));
        let StoredRejection { code, detail, errors, facts } =
            serde_json::from_str(&json).map_err(|error| corrupt(error.to_string()))?;
        let code = Code::parse(&code).ok_or_else(|| corrupt(format!("unknown code {code}")))?;
        return Ok(Outcome::Rejected(Rejection { code, detail, errors, facts }));
    }
    Ok(Outcome::Accepted {
        version: number(row.try_get("version")?)?,
        position: number(row.try_get("position")?)?,
        events: row.try_get("event_types")?,
        ordinal: row.try_get::<Option<i64>, _>("ordinal")?.map(number).transpose()?,
    })
}

impl Outcome {
    /// The answer's JSON, as the public contract has it. `id` is the aggregate's.
    #[must_use]
    pub fn body(&self, command_id: Uuid, id: Uuid, replayed: bool) -> Value {
        match self {
            Self::Accepted { version, position, events, ordinal } => {
                let mut body = json!({
                    "outcome": "accepted",
                    "command_id": command_id,
                    "id": id,
                    "version": version,
                    "position": position,
                    "events": events,
                    "replayed": replayed,
                });
                if let (Some(members), Some(ordinal)) = (body.as_object_mut(), ordinal) {
                    members.insert("ordinal".to_owned(), json!(ordinal));
                }
                body
            }
            Self::Rejected(rejection) => rejection_body(rejection, Some(command_id), replayed),
        }
    }
}

/// The JSON of a rejection, as the public contract has it; also of those that are not stored.
#[must_use]
pub fn rejection_body(rejection: &Rejection, command_id: Option<Uuid>, replayed: bool) -> Value {
    let Rejection { code, detail, errors, facts } = rejection;
    let mut body = facts.clone();
    let fixed = [
        ("outcome", json!("rejected")),
        ("command_id", json!(command_id)),
        ("code", json!(code.as_str())),
        ("status", json!(code.status())),
        ("title", json!(code.title())),
        ("detail", json!(detail)),
        ("errors", json!(errors)),
        ("replayed", json!(replayed)),
    ];
    body.extend(fixed.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(body)
}
