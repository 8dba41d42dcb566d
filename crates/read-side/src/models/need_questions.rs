//! The questions about needs.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::questions::{
    self, Asked, Figure, Found, ListStatement, Parameters, Slice, Sort, SortKind, Statement, bigint,
};

/// The most top categories whose needs are counted apart; of more, those with the most needs.
pub const CATEGORIES_MAX: u32 = 200;

/// The orders of the list of needs; the first is the default. Needs that lack what is sorted by come last.
pub const SORTS: &[Sort] = &[
    Sort::new("-captured_at", "captured_at", SortKind::Moment),
    Sort::new("captured_at", "captured_at", SortKind::Moment),
    Sort::new("-updated_at", "updated_at", SortKind::Moment),
    Sort::new("updated_at", "updated_at", SortKind::Moment),
    Sort::new("-importance", "importance", SortKind::MaybeNumber),
    Sort::new("importance", "importance", SortKind::MaybeNumber),
    Sort::new("wanted_by", "wanted_by", SortKind::MaybeMoment),
    Sort::new("-wanted_by", "wanted_by", SortKind::MaybeMoment),
    Sort::new("-est_value_minor", "est_value_minor", SortKind::MaybeNumber),
    Sort::new("est_value_minor", "est_value_minor", SortKind::MaybeNumber),
];

/// Which needs. What is absent does not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NeedFilter {
    /// Those of this customer and all its aliases.
    pub customer: Option<Uuid>,
    /// Those at one of these statuses.
    pub statuses: Option<Vec<String>>,
    /// Those that became known in one of these ways.
    pub sources: Option<Vec<String>>,
    /// Those with this name on a level of their category.
    pub category: Option<String>,
    /// Those of this agent.
    pub owner: Option<Uuid>,
    /// Those about this product.
    pub product_ref: Option<String>,
    /// Those that matter at least so much.
    pub importance_from: Option<u64>,
    /// Those that matter at most so much.
    pub importance_to: Option<u64>,
    /// Those wanted by this time or later.
    pub wanted_from: Option<DateTime<Utc>>,
    /// Those wanted before this time.
    pub wanted_to: Option<DateTime<Utc>>,
}

pub(crate) static LIST: LazyLock<ListStatement> =
    LazyLock::new(|| ListStatement::new("need_list", include_str!("need_list.sql"), SORTS));
pub(crate) static FIGURES: LazyLock<Statement> =
    LazyLock::new(|| Statement::new("need_figures", include_str!("need_figures.sql")));

/// The needs that match.
///
/// # Errors
/// The database cannot be asked.
pub async fn needs(
    connection: &mut PgConnection,
    filter: NeedFilter,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    Parameters::at(as_of)?
        .with(filter.customer)?
        .with_one_of(filter.statuses)?
        .with_one_of(filter.sources)?
        .with(filter.category)?
        .with(filter.owner)?
        .with(filter.product_ref)?
        .with(filter.importance_from.map(bigint))?
        .with(filter.importance_to.map(bigint))?
        .with(filter.wanted_from)?
        .with(filter.wanted_to)?
        .page(connection, &LIST, slice)
        .await
}

/// How many needs there are: the facts `status/<s>` (count) and `category/<top level>` (count, unfinished ones), of the
/// latter those [`CATEGORIES_MAX`] with the most needs.
///
/// # Errors
/// The database cannot be asked.
pub async fn need_counts(connection: &mut PgConnection, as_of: Option<u64>) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    let rows = sqlx::query(FIGURES.at(as_of))
        .bind(as_of.map(bigint))
        .bind(i64::from(CATEGORIES_MAX))
        .fetch_all(connection)
        .await?;
    questions::read_figures(&rows)
}
