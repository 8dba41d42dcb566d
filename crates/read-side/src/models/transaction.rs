//! Transactions: one row each with what was refunded of it, figures by currency, and the questions about them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use domain::ids::CustomerId;
use domain::money::{Currency, Minor};
use domain::text::{FreeText, Name};
use domain::transaction::{Event, Kind, Line, Status};
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use utoipa::ToSchema;
use uuid::Uuid;

use super::questions::{
    self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind, Statement, bigint,
};
use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// Money that was given back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Refund {
    /// The refund's id.
    pub refund_id: Uuid,
    /// How much, in minor units.
    #[schema(value_type = i64)]
    pub amount_minor: Minor,
    /// When.
    pub at: DateTime<Utc>,
}

/// A transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Transaction)]
pub struct TransactionRow {
    /// Whose it is.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// The selling system.
    #[schema(value_type = String)]
    pub source_system: Name<64>,
    /// The order's number there.
    #[schema(value_type = String)]
    pub order_no: Name<128>,
    /// What kind of business.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Where it stands.
    #[schema(value_type = String)]
    pub status: Status,
    /// When it was made.
    pub occurred_at: DateTime<Utc>,
    /// Its one currency.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// The amount in minor units.
    #[schema(value_type = i64)]
    pub amount_minor: Minor,
    /// What was given back in all, in minor units.
    #[schema(value_type = i64)]
    pub refunded_minor: Minor,
    /// What it consists of: `sku, name, qty_milli, unit_minor, discount_minor, tax_minor`.
    #[schema(value_type = Vec<Object>)]
    pub lines: Vec<Line>,
    /// What was given back.
    pub refunds: Vec<Refund>,
    /// Where it was made.
    #[schema(value_type = Option<String>)]
    pub channel: Option<Name<64>>,
    /// The service plan that it pays for.
    pub plan: Option<Uuid>,
    /// How often it was corrected.
    pub corrections: u32,
    /// Why it is void, if it is.
    #[schema(value_type = Option<String>)]
    pub void_reason: Option<FreeText<500>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of transactions.
#[derive(Debug)]
pub struct Transaction;

impl Entity for Transaction {
    const NAME: &'static str = "transaction";
    const REVISION: u32 = 3;
    const READS: &'static [Category] = &[Category::Transaction];
    const COLUMNS: &'static str = include_str!("transaction_columns.sql");
    const INDEXES: &'static str = include_str!("transaction_indexes.sql");
    type Row = TransactionRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<TransactionRow>, happened: &Happened) -> Result<Option<TransactionRow>, Unfit> {
        let AnyEvent::Transaction(event) = &happened.event else { return Ok(row) };
        let mut row = match (row, event) {
            (None, Event::TransactionRecorded { .. }) => return Ok(Some(recorded(event, happened)?)),
            (Some(row), _) => row,
            (None, _) => return Err(Unfit("the transaction was not recorded".to_owned())),
        };
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        row.fold(event, happened)?;
        Ok(Some(row))
    }

    /// Void transactions count for nothing.
    fn facts(row: &TransactionRow) -> Vec<Fact> {
        let numbers = match row.status {
            Status::Recorded | Status::PartiallyRefunded | Status::Refunded => {
                [1, row.amount_minor.0, row.refunded_minor.0, 0]
            }
            Status::Voided => [0; 4],
        };
        let TransactionRow { currency, customer, .. } = row;
        vec![(format!("total/{currency}"), numbers), (format!("customer/{customer}/{currency}"), numbers)]
    }
}

fn recorded(event: &Event, happened: &Happened) -> Result<TransactionRow, Unfit> {
    let Event::TransactionRecorded {
        customer,
        source,
        kind,
        occurred_at,
        currency,
        amount_minor,
        lines,
        channel,
        plan,
    } = event
    else {
        return Err(Unfit("not a recording".to_owned()));
    };
    Ok(TransactionRow {
        customer: *customer,
        source_system: source.system.clone(),
        order_no: source.order_no.clone(),
        kind: *kind,
        status: Status::Recorded,
        occurred_at: *occurred_at,
        currency: *currency,
        amount_minor: *amount_minor,
        refunded_minor: Minor(0),
        lines: lines.clone(),
        refunds: Vec::new(),
        channel: channel.clone(),
        plan: plan.map(|plan| plan.0),
        corrections: 0,
        void_reason: None,
        updated_at: happened.recorded_at,
        version: happened.version,
    })
}

impl TransactionRow {
    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::TransactionRecorded { .. } => return Err(Unfit("the transaction was recorded twice".to_owned())),
            Event::TransactionCorrected { amount_minor, lines } => {
                self.amount_minor = *amount_minor;
                self.lines = lines.clone();
                self.corrections += 1;
                self.status = Status::of(self.amount_minor, self.refunded_minor);
            }
            Event::TransactionRefunded { refund_id, amount_minor, refunded_minor } => {
                self.refunded_minor = *refunded_minor;
                let refund = Refund { refund_id: *refund_id, amount_minor: *amount_minor, at: happened.occurred_at };
                self.refunds.push(refund);
                self.status = Status::of(self.amount_minor, self.refunded_minor);
            }
            Event::TransactionVoided { reason } => {
                self.status = Status::Voided;
                self.void_reason = reason.clone();
            }
        }
        Ok(())
    }
}

/// The orders of the list of transactions; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-occurred_at", "occurred_at", SortKind::Moment),
    Sort::new("occurred_at", "occurred_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("-amount_minor", "amount_minor", SortKind::Number),
    Sort::new("amount_minor", "amount_minor", SortKind::Number),
    Sort::new("id", "key", SortKind::Id),
];

/// Which transactions. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransactionFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those of one of these kinds.
    pub kinds: Option<Vec<String>>,
    /// Those that stand at one of these.
    pub statuses: Option<Vec<String>>,
    /// Those in this currency.
    pub currency: Option<String>,
    /// Those from this system.
    pub source_system: Option<String>,
    /// Those made at this time or later.
    pub occurred_from: Option<DateTime<Utc>>,
    /// Those made before this time.
    pub occurred_to: Option<DateTime<Utc>>,
}

/// Transactions of one currency in figures. Void ones do not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CurrencyTotal {
    /// The currency.
    pub currency: String,
    /// How many.
    pub count: i64,
    /// Their amounts, in minor units.
    pub amount_minor: i64,
    /// What was given back of them, in minor units.
    pub refunded_minor: i64,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("transaction_list", include_str!("transaction_list.sql"), SORTS));
pub(crate) static OF_CUSTOMER: LazyLock<Statement> = LazyLock::new(|| {
    Statement::new("transaction_totals_of_customer", include_str!("transaction_totals_of_customer.sql"))
});

/// The transactions that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn transactions(
    connection: &mut PgConnection,
    filter: TransactionFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let TransactionFilter { customer, kinds, statuses, currency, source_system, occurred_from, occurred_to } = filter;
    Parameters::at(as_of)?
        .with(customer)?
        .with_one_of(kinds)?
        .with_one_of(statuses)?
        .with(currency)?
        .with(source_system)?
        .with(occurred_from)?
        .with(occurred_to)?
        .page(connection, &LIST, slice)
        .await
}

/// What all transactions come to, by currency.
///
/// # Errors
/// The database cannot be asked.
pub async fn totals(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<CurrencyTotal>>, sqlx::Error> {
    let Asked { position, answer } =
        questions::figures(connection, Transaction::NAME, &["total/".to_owned()], as_of).await?;
    Ok(Asked { position, answer: by_currency(answer) })
}

/// What the transactions of a customer and all its aliases come to, by currency.
///
/// # Errors
/// The database cannot be asked.
pub async fn totals_of_customer(
    connection: &mut PgConnection,
    customer: Uuid,
    as_of: Option<u64>,
) -> Result<Asked<Vec<CurrencyTotal>>, sqlx::Error> {
    let rows = sqlx::query(OF_CUSTOMER.at(as_of)).bind(as_of.map(bigint)).bind(customer).fetch_all(connection).await?;
    let Asked { position, answer } = questions::read_figures(&rows)?;
    Ok(Asked { position, answer: by_currency(answer) })
}

/// Adds up the figures that end in the same currency.
fn by_currency(figures: Vec<Figure>) -> Vec<CurrencyTotal> {
    let mut totals: BTreeMap<String, CurrencyTotal> = BTreeMap::new();
    for Figure { fact, numbers: [count, amount, refunded, _] } in figures {
        let currency = fact.rsplit('/').next().unwrap_or_default().to_owned();
        let total = totals.entry(currency.clone()).or_insert(CurrencyTotal {
            currency,
            count: 0,
            amount_minor: 0,
            refunded_minor: 0,
        });
        total.count = total.count.saturating_add(count);
        total.amount_minor = total.amount_minor.saturating_add(amount);
        total.refunded_minor = total.refunded_minor.saturating_add(refunded);
    }
    totals.into_values().filter(|total| total.count != 0).collect()
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
