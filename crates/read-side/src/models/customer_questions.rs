//! The questions about customers.

use std::sync::LazyLock;

use domain::{Category, StreamId};
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::customer::{Customer, Standing};
use super::questions::{
    self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind, Statement, bigint,
};
use crate::entity::Entity as _;

/// The orders of the list of customers; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("registered_at", "registered_at", SortKind::Moment),
    Sort::new("-registered_at", "registered_at", SortKind::Moment),
    Sort::new("id", "key", SortKind::Id),
];

/// Which customers. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CustomerFilter {
    /// Those that stand at one of these.
    pub lifecycles: Option<Vec<Standing>>,
    /// Those with this tag.
    pub tag: Option<String>,
    /// Those of this agent.
    pub owner: Option<Uuid>,
    /// The one with this id in another system: `(system, id)`.
    pub external_ref: Option<(String, String)>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("customer_list", include_str!("customer_list.sql"), SORTS));
pub(crate) static STREAMS: LazyLock<Statement> =
    LazyLock::new(|| Statement::new("customer_streams", include_str!("customer_streams.sql")));

/// The customers that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn customers(
    connection: &mut PgConnection,
    filter: CustomerFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let CustomerFilter { lifecycles, tag, owner, external_ref } = filter;
    let (system, external_id) = external_ref.unzip();
    let lifecycles: Option<Vec<&str>> = lifecycles.map(|all| all.into_iter().map(Standing::name).collect());
    Parameters::at(as_of)?
        .with_one_of(lifecycles)?
        .with(tag)?
        .with(owner)?
        .with(system)?
        .with(external_id)?
        .page(connection, &LIST, slice)
        .await
}

/// How many customers there are, live and by lifecycle: the facts `total` (count, blocked) and `lifecycle/<x>` (count).
///
/// # Errors
/// The database cannot be asked.
pub async fn customer_counts(
    connection: &mut PgConnection,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    questions::figures(connection, Customer::NAME, &["lifecycle/".to_owned(), "total".to_owned()], as_of).await
}

/// The streams of a customer's timeline: its aliases', and those of whatever is theirs; of many, those
/// `streams_max` that changed last.
///
/// # Errors
/// The database cannot be asked.
pub async fn timeline_streams(
    connection: &mut PgConnection,
    customer: Uuid,
    streams_max: u32,
    as_of: Option<u64>,
) -> Result<Asked<Vec<StreamId>>, sqlx::Error> {
    let rows = sqlx::query(STREAMS.at(as_of))
        .bind(as_of.map(bigint))
        .bind(customer)
        .bind(i64::from(streams_max))
        .fetch_all(connection)
        .await?;
    let mut answer = Vec::with_capacity(rows.len());
    for row in &rows {
        let category: Option<String> = row.try_get("category")?;
        if let Some(category) = category.as_deref().and_then(Category::parse) {
            answer.push(StreamId { category, id: row.try_get("id")? });
        }
    }
    Ok(Asked { position: questions::position(&rows)?, answer })
}
