//! Pages: a limit, and an opaque cursor that says where the next page begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use read_side::models::questions::{After, Asked, Found, Slice, Sort};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::Shown;
use crate::error::ApiError;

/// The most items of a page.
pub const LIMIT_MAX: u32 = 200;
/// How many items a page has unless said otherwise.
pub const LIMIT_DEFAULT: u32 = 50;
/// The longest cursor in characters; ours are far shorter.
const CURSOR_CHARS_MAX: usize = 512;

/// How many items a page may have: 1 to [`LIMIT_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

impl Limit {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// One more, to see whether there is a next page.
    #[must_use]
    pub const fn and_one(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(Self(limit)),
            Ok(_) | Err(_) => Err(D::Error::custom(format_args!("a number from 1 to {LIMIT_MAX} is expected"))),
        }
    }
}

/// Where a page begins: after the item with this sort value and id, under this sort.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    sort: String,
    value: String,
    id: Uuid,
}

impl Cursor {
    /// The cursor after an item.
    #[must_use]
    pub fn new(sort: &str, value: String, id: Uuid) -> Self {
        Self { sort: sort.to_owned(), value, id }
    }

    /// The text that stands for it.
    #[must_use]
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(&self.sort, &self.value, self.id)).unwrap_or_default())
    }

    fn decode(text: &str) -> Option<Self> {
        if text.len() > CURSOR_CHARS_MAX {
            return None;
        }
        let (sort, value, id) = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        Some(Self { sort, value, id })
    }
}

/// Reads a cursor that was given out for this sort. `fits` says whether its value can be a value of the sort.
///
/// # Errors
/// `validation`: it was not given out by this list, or for another sort.
pub fn after(cursor: Option<&str>, sort: &str, fits: impl Fn(&str) -> bool) -> Result<Option<After>, ApiError> {
    let Some(text) = cursor else { return Ok(None) };
    let wrong = |detail: &str| ApiError::validation("cursor", detail);
    let cursor = Cursor::decode(text).ok_or_else(|| wrong("this is no cursor of this list"))?;
    if cursor.sort != sort {
        return Err(wrong("the cursor belongs to another sort"));
    }
    if !fits(&cursor.value) {
        return Err(wrong("this is no cursor of this list"));
    }
    Ok(Some(After { value: cursor.value, id: cursor.id }))
}

/// Which part of a list is asked for, with one row more than the page, to see whether there is a next one. The first
/// of the sorts is the default.
///
/// # Errors
/// `validation`: the sort is unknown, or the cursor is not of this list.
pub fn slice(
    sorts: &'static [Sort],
    sort: Option<&str>,
    cursor: Option<&str>,
    limit: Limit,
) -> Result<Slice, ApiError> {
    let sort = match (sort, sorts) {
        (Some(name), _) => Sort::parse(sorts, name),
        (None, [first, ..]) => Some(*first),
        (None, []) => None,
    };
    let Some(sort) = sort else {
        let names: Vec<&str> = sorts.iter().map(|sort| sort.name).collect();
        return Err(ApiError::validation("sort", format!("one of {} is expected", names.join(", "))));
    };
    let after = after(cursor, sort.name, |value| sort.fits(value))?;
    Ok(Slice { limit: limit.and_one(), sort, after })
}

/// The page that the rows make, with the cursor of the next one if a row is left over.
#[must_use]
pub fn page(asked: Asked<Vec<Found>>, sort: Sort, limit: Limit) -> Page<Shown> {
    let mut rows = asked.answer;
    let limit = limit.get() as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|last| Cursor::new(sort.name, sort.value(last), last.id).encode());
    Page { items: rows.into_iter().map(Shown::from).collect(), next_cursor }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the order of `sort`.
    pub items: Vec<T>,
    /// Ask again with this `cursor` for the next page; null on the last one.
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_encoding_and_is_bound_to_its_sort() {
        let text = Cursor::new("-opened_at", "2026-01-01T00:00:00Z".to_owned(), Uuid::from_u128(5)).encode();
        let read = after(Some(&text), "-opened_at", |_| true).unwrap().unwrap();
        assert_eq!((read.value.as_str(), read.id), ("2026-01-01T00:00:00Z", Uuid::from_u128(5)));
        assert!(after(Some(&text), "opened_at", |_| true).is_err());
        assert!(after(Some(&text), "-opened_at", |_| false).is_err());
    }

    #[test]
    fn garbage_is_no_cursor() {
        let long = "A".repeat(100_000);
        for garbage in ["", "x", "!!!", "eyJ9", "W10", "王", long.as_str()] {
            assert!(after(Some(garbage), "id", |_| true).is_err(), "{garbage:.20}");
        }
    }

    #[test]
    fn a_limit_is_one_to_two_hundred() {
        let read = |text: &str| serde_json::from_value::<Limit>(text.into()).ok().map(Limit::get);
        assert_eq!((read("1"), read("200")), (Some(1), Some(200)));
        for wrong in ["0", "201", "-1", "x", "", "1e2", "99999999999999999999"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
