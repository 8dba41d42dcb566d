//! Inquiries: one row each, figures by status and channel, and the questions about them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::customer::Locale;
use domain::ids::{AgentId, CustomerId, TeamId, TicketId};
use domain::inquiry::{Anonymous, Event, Outcome, ProductRef, Status};
use domain::personal::Personal;
use domain::ticket::{Channel, Description, Priority, Subject};
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::questions::{self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// How much was written on an inquiry after its body. The messages themselves are in its history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = InquiryMessageCounts)]
pub struct MessageCounts {
    /// By the desk.
    pub answers: u32,
    /// By the customer.
    pub customer_replies: u32,
}

/// An inquiry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Inquiry)]
pub struct InquiryRow {
    /// Whose it is, once that is known.
    #[schema(value_type = Option<Uuid>)]
    pub customer: Option<CustomerId>,
    /// Who asked, if it was nobody known: `name`, `phone`, `email`, as far as they were given.
    #[schema(value_type = Option<Object>)]
    pub anonymous: Option<Personal<Anonymous>>,
    /// How it came in.
    #[schema(value_type = String)]
    pub channel: Channel,
    /// What it is about.
    #[schema(value_type = Option<String>)]
    pub subject: Personal<Subject>,
    /// What is asked.
    #[schema(value_type = Option<String>)]
    pub body: Personal<Description>,
    /// The language in which it is written.
    #[schema(value_type = Option<String>)]
    pub language: Option<Locale>,
    /// The product that it is about.
    #[schema(value_type = Option<String>)]
    pub product_ref: Option<ProductRef>,
    /// How important it is: P1 to P4.
    #[schema(value_type = String)]
    pub priority: Priority,
    /// The team.
    #[schema(value_type = Option<Uuid>)]
    pub team: Option<TeamId>,
    /// The agent.
    #[schema(value_type = Option<Uuid>)]
    pub assignee: Option<AgentId>,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// How it ended, while closed.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// The ticket as which it goes on, once converted.
    #[schema(value_type = Option<Uuid>)]
    pub ticket: Option<TicketId>,
    /// How much was written further.
    pub messages: MessageCounts,
    /// How often it was reopened.
    pub reopen_count: u32,
    /// When it came in.
    pub received_at: DateTime<Utc>,
    /// When a human agent first answered.
    pub first_answered_at: Option<DateTime<Utc>>,
    /// When it was closed, if it is.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of inquiries.
#[derive(Debug)]
pub struct Inquiry;

impl Entity for Inquiry {
    const NAME: &'static str = "inquiry";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Inquiry];
    const COLUMNS: &'static str = include_str!("inquiry_columns.sql");
    const INDEXES: &'static str = include_str!("inquiry_indexes.sql");
    type Row = InquiryRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<InquiryRow>, happened: &Happened) -> Result<Option<InquiryRow>, Unfit> {
        let AnyEvent::Inquiry(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::InquiryReceived { .. }) => return Ok(Some(received(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the inquiry was not received".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        Ok(Some(row))
    }

    /// `status/<s>` counts inquiries, `channel/<c>` all of them and those that are unfinished.
    fn facts(row: &InquiryRow) -> Vec<Fact> {
        vec![
            (format!("status/{}", row.status.name()), [1, 0, 0, 0]),
            (format!("channel/{}", row.channel.name()), [1, i64::from(row.status.unfinished()), 0, 0]),
        ]
    }
}

fn received(event: &Event, happened: &Happened) -> Result<InquiryRow, Unfit> {
    let Event::InquiryReceived { customer, anonymous, channel, subject, body, language, product_ref, priority, team } =
        event
    else {
        return Err(Unfit("not a receipt".to_owned()));
    };
    Ok(InquiryRow {
        customer: *customer,
        anonymous: anonymous.clone(),
        channel: *channel,
        subject: subject.clone(),
        body: body.clone(),
        language: language.clone(),
        product_ref: product_ref.clone(),
        priority: *priority,
        team: *team,
        assignee: None,
        status: Status::Received,
        outcome: None,
        ticket: None,
        messages: MessageCounts::default(),
        reopen_count: 0,
        received_at: happened.occurred_at,
        first_answered_at: None,
        closed_at: None,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl InquiryRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::InquiryReceived { .. } => return Err(Unfit("the inquiry was received twice".to_owned())),
            Event::InquiryIdentified { customer } => self.customer = Some(*customer),
            Event::InquiryAssigned { team, from: _, to, status } => {
                (self.team, self.assignee, self.status) = (*team, Some(*to), *status);
            }
            Event::InquiryAnswered { message_id: _, body: _, first, by: _, status } => {
                self.messages.answers += 1;
                self.status = *status;
                if *first {
                    self.first_answered_at = Some(happened.occurred_at);
                }
            }
            Event::InquiryCustomerReplied { message_id: _, body: _, status } => {
                self.messages.customer_replies += 1;
                self.status = *status;
            }
            Event::InquiryConverted { ticket } => {
                self.status = Status::Converted;
                self.ticket = Some(*ticket);
            }
            Event::InquiryClosed { outcome } => {
                self.status = Status::Closed;
                self.outcome = Some(*outcome);
                self.closed_at = Some(happened.occurred_at);
            }
            Event::InquiryReopened { reason: _, status } => {
                self.status = *status;
                self.outcome = None;
                self.closed_at = None;
                self.reopen_count += 1;
            }
            Event::InquiryMarkedSpam {} => self.status = Status::Spam,
        }
        Ok(())
    }
}

/// The orders of the list of inquiries; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-received_at", "received_at", SortKind::Moment),
    Sort::new("received_at", "received_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("priority", "priority", SortKind::Text),
    Sort::new("-priority", "priority", SortKind::Text),
];

/// Which inquiries. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InquiryFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those that came in by one of these ways.
    pub channels: Option<Vec<String>>,
    /// Those of one of these priorities.
    pub priorities: Option<Vec<String>>,
    /// Those of this team.
    pub team: Option<Uuid>,
    /// Those of this agent.
    pub assignee: Option<Uuid>,
    /// Those in this language.
    pub language: Option<String>,
    /// Those of nobody known, or those of which is known whose they are.
    pub anonymous: Option<bool>,
    /// Those received at this time or later.
    pub received_from: Option<DateTime<Utc>>,
    /// Those received before this time.
    pub received_to: Option<DateTime<Utc>>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("inquiry_list", include_str!("inquiry_list.sql"), SORTS));

/// The inquiries that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn inquiries(
    connection: &mut PgConnection,
    filter: InquiryFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.channels)?
        .with_one_of(filter.priorities)?
        .with(filter.team)?
        .with(filter.assignee)?
        .with(filter.language)?
        .with(filter.anonymous)?
        .with(filter.received_from)?
        .with(filter.received_to)?
        .page(connection, &LIST, slice)
        .await
}

/// How many inquiries there are: the facts `status/<s>` (count) and `channel/<c>` (count, unfinished ones).
///
/// # Errors
/// The database cannot be asked.
pub async fn inquiry_counts(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(connection, Inquiry::NAME, &["channel/".to_owned(), "status/".to_owned()], as_of).await
}

#[cfg(test)]
#[path = "inquiry_tests.rs"]
mod tests;
