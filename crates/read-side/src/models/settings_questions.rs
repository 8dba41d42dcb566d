//! The questions about settings.

use std::sync::LazyLock;

use sqlx::PgConnection;

use super::questions::{Asked, Found, ListStatement, Parameters, Slice, Sort, SortKind};
use super::settings::{Calendar, Scorecard, SlaPolicy};
use crate::entity::Entity;

/// The orders of lists of settings; the first is the default.
pub const SORTS: &[Sort] = &[
    Sort::new("name", "name", SortKind::Text),
    Sort::new("-name", "name", SortKind::Text),
    Sort::new("id", "key", SortKind::Id),
];

pub(crate) static LISTS: LazyLock<[(&str, ListStatement); 3]> = LazyLock::new(|| {
    [Calendar::NAME, SlaPolicy::NAME, Scorecard::NAME].map(|model| {
        let template = include_str!("settings_list.sql").replace("{model}", model);
        (model, ListStatement::new("settings_list", &template, SORTS))
    })
});

/// The settings of a kind.
///
/// # Errors
/// The database cannot be asked, or these are no settings.
pub async fn settings<E: Entity>(
    connection: &mut PgConnection,
    slice: Slice,
    as_of: Option<u64>,
) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let list = LISTS.iter().find(|(model, _)| *model == E::NAME);
    let (_, list) = list.ok_or_else(|| sqlx::Error::ColumnNotFound(E::NAME.to_owned()))?;
    Parameters::at(as_of)?.page(connection, list, slice).await
}
