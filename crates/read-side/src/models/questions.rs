//! What all questions share: a statement for the present and one for the past, results that carry the position of
//! the models they were read from, sorts and pages.
//!
//! A list's statement holds only the conditions that are asked for, so that PostgreSQL plans each combination once.
//!
//! A question is one statement, so its result and its position belong together. `as_of` sees the row versions with
//! `from_position ≤ as_of < to_position`; the caller checks that the position has reached it.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Datelike as _, Utc};
use serde_json::Value;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, PgConnection, Postgres, Row as _, Type};
use uuid::Uuid;

use crate::entity::Entity;
use crate::reveal::shown;
use crate::row_json::RowJson;

/// A result, with the lowest position of the models that it was read from, from the same statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked<T> {
    /// Where the models stood.
    pub position: u64,
    /// The result.
    pub answer: T,
}

/// A row that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The aggregate's id.
    pub id: Uuid,
    /// The row as a JSON object without spaces, as it is shown: personal values in clear, erased ones `null`.
    pub row: String,
    /// The position of the event that parked the row's key, if one did.
    pub stale_since: Option<u64>,
}

/// A figure of the rollups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Which figure, e.g. `status/open`.
    pub fact: String,
    /// Its numbers.
    pub numbers: [i64; 4],
}

/// Where a page begins: behind this row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct After {
    /// The row's sort value, as text.
    pub value: String,
    /// The row's id, which decides among equal values.
    pub id: Uuid,
}

/// An order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// How it is asked for; a minus sign in front means descending.
    pub name: &'static str,
    column: &'static str,
    kind: SortKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKind {
    Moment,
    Number,
    /// A moment that a row may lack: rows without one come last, in either direction.
    MaybeMoment,
    /// A number that a row may lack: rows without one come last, in either direction.
    MaybeNumber,
    Text,
    Id,
}

impl Sort {
    pub(crate) const fn new(name: &'static str, column: &'static str, kind: SortKind) -> Self {
        Self { name, column, kind }
    }

    /// The sort of that name.
    #[must_use]
    pub fn parse(sorts: &'static [Sort], name: &str) -> Option<Sort> {
        sorts.iter().copied().find(|sort| sort.name == name)
    }

    /// The sort value of a row, as text for [`After`].
    #[must_use]
    pub fn value(self, found: &Found) -> String {
        let row: Value = serde_json::from_str(&found.row).unwrap_or_default();
        match (self.kind, row.get(self.column)) {
            (SortKind::Id, _) => found.id.to_string(),
            (_, Some(Value::Null)) => self.lacking().unwrap_or_default().to_owned(),
            (_, Some(Value::String(text))) => text.clone(),
            (_, Some(other)) => other.to_string(),
            (_, None) => String::new(),
        }
    }

    /// Whether a text can be a value of the column that is sorted by.
    #[must_use]
    pub fn fits(self, value: &str) -> bool {
        match self.kind {
            SortKind::Moment => moment(value).is_some(),
            SortKind::Number => value.parse::<i64>().is_ok(),
            SortKind::MaybeMoment => moment(value).is_some() || self.lacking() == Some(value),
            SortKind::MaybeNumber => value.parse::<i64>().is_ok() || self.lacking() == Some(value),
            // PostgreSQL's text knows no NUL.
            SortKind::Text => !value.contains('\0'),
            SortKind::Id => value.parse::<Uuid>().is_ok(),
        }
    }

    fn descending(self) -> bool {
        self.name.starts_with('-')
    }

    /// What stands for the value that a row lacks: nothing comes behind it.
    fn lacking(self) -> Option<&'static str> {
        match (self.kind, self.descending()) {
            (SortKind::MaybeMoment | SortKind::MaybeNumber, false) => Some("infinity"),
            (SortKind::MaybeMoment | SortKind::MaybeNumber, true) => Some("-infinity"),
            (SortKind::Moment | SortKind::Number | SortKind::Text | SortKind::Id, _) => None,
        }
    }

    /// `t.{column}` in the template becomes what is sorted by.
    fn write_into(self, template: &str) -> String {
        let kind = match self.kind {
            SortKind::Moment | SortKind::MaybeMoment => "timestamptz",
            SortKind::Number => "bigint",
            // It knows infinity.
            SortKind::MaybeNumber => "numeric",
            SortKind::Text => "text",
            SortKind::Id => "uuid",
        };
        let (direction, beyond) = if self.descending() { ("desc", "<") } else { ("asc", ">") };
        let by = match self.lacking() {
            Some(lacking) => format!("coalesce(t.{}, '{lacking}'::{kind})", self.column),
            None => format!("t.{}", self.column),
        };
        template
            .replace("t.{column}", &by)
            .replace("{kind}", kind)
            .replace("{direction}", direction)
            .replace("{beyond}", beyond)
    }
}

/// Reads an RFC 3339 time of the years 0001 to 9999: those that everything on the way to a row understands.
#[must_use]
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    let moment = DateTime::parse_from_rfc3339(text).ok()?.to_utc();
    (1..=9999).contains(&moment.year()).then_some(moment)
}

/// Which part of a list: the page size, the order, and where it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The most rows.
    pub limit: u32,
    /// The order.
    pub sort: Sort,
    /// Behind which row it begins, if not at the first.
    pub after: Option<After>,
}

/// A statement as it is asked of the present, and of the past. In both, `$1` is `as_of`.
pub(crate) struct Statement {
    name: &'static str,
    present: Arc<str>,
    past: Arc<str>,
}

impl Statement {
    /// `{version:t}` in the template becomes the condition on the versions of the rows of `t`.
    pub(crate) fn new(name: &'static str, template: &str) -> Self {
        let write = |condition: fn(&str) -> String| {
            let mut parts = template.split("{version:");
            let mut sql = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (table, rest) = part.split_once('}').unwrap_or((part, ""));
                sql.push_str(&condition(table));
                sql.push_str(rest);
            }
            Arc::from(sql)
        };
        let present = |table: &str| format!("({table}.to_position = 9223372036854775807 and $1::bigint is null)");
        let past = |table: &str| format!("({table}.from_position <= $1::bigint and {table}.to_position > $1::bigint)");
        Self { name, present: write(present), past: write(past) }
    }

    pub(crate) fn of_model(name: &'static str, template: &str, model: &str) -> Self {
        Self::new(name, &template.replace("{model}", model))
    }

    pub(crate) fn at(&self, as_of: Option<u64>) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(if as_of.is_some() { &self.past } else { &self.present }))
    }
}

/// A list's statement for each of its sorts.
pub(crate) struct ListStatement(Vec<(Sort, Statement)>);

impl ListStatement {
    /// `{aliases}` in the template becomes the customer `$2` with all its aliases, as the table `alias`.
    pub(crate) fn new(name: &'static str, template: &str, sorts: &[Sort]) -> Self {
        let template = &template.replace("{aliases}\n", include_str!("aliases.sql"));
        Self(sorts.iter().map(|sort| (*sort, Statement::new(name, &sort.write_into(template)))).collect())
    }

    /// The statement for a sort with the conditions that are asked for: one for each parameter from `$1` on. A sort of
    /// another list is not found, nor is a parameter that the conditions end before. The limit is a number in it: of a
    /// parameter PostgreSQL supposes a tenth of all rows, and makes a new plan each time.
    fn by(
        &self,
        sort: Sort,
        limit: u32,
        as_of: Option<u64>,
        conditions: &[Condition],
    ) -> Result<AssertSqlSafe<String>, sqlx::Error> {
        let found = self.0.iter().find(|(known, _)| *known == sort);
        let (_, statement) = found.ok_or_else(|| sqlx::Error::ColumnNotFound(sort.name.to_owned()))?;
        let sql = if as_of.is_some() { &statement.past } else { &statement.present };
        let mut written = String::with_capacity(sql.len());
        for line in sql.lines() {
            if let Some((n, rest)) = optional(line) {
                let condition = conditions.get(n - 1).ok_or_else(|| sqlx::Error::ColumnNotFound(format!("${n}")))?;
                match condition {
                    Condition::Absent => continue,
                    Condition::Present => written.push_str(&format!("and ({rest}")),
                    // With `=` an index also gives the order of what comes after.
                    Condition::OneOf => {
                        let rest = rest.replace("= any ($", "= (($").replace("[])", "[])[1])");
                        written.push_str(&format!("and ({rest}"));
                    }
                }
            } else if line.trim_start().starts_with("limit $") {
                written.push_str(&format!("limit {limit}"));
            } else {
                written.push_str(line);
            }
            written.push('\n');
        }
        Ok(AssertSqlSafe(written))
    }
}

/// Whether a condition of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    /// It is not.
    Absent,
    /// It is.
    Present,
    /// It is, by a list with one value.
    OneOf,
}

/// The number of the parameter, and what follows, in a line `and ($n::type is null or …)`.
fn optional(line: &str) -> Option<(usize, &str)> {
    let (n, rest) = line.trim_start().strip_prefix("and ($")?.split_once("::")?;
    let (_, rest) = rest.split_once(" is null or ")?;
    Some((n.parse().ok().filter(|n| *n > 0)?, rest))
}

/// The parameters of a list's statement in their order, and with each of them its condition. `$1` is `as_of`; the last
/// ones are the sort value and the id of the row before the page.
pub(crate) struct Parameters {
    as_of: Option<u64>,
    arguments: PgArguments,
    conditions: Vec<Condition>,
}

impl Parameters {
    pub(crate) fn at(as_of: Option<u64>) -> Result<Self, sqlx::Error> {
        let none = Self { as_of, arguments: PgArguments::default(), conditions: Vec::new() };
        none.and(as_of.map(bigint), Condition::Present)
    }

    fn and<T: Binds>(mut self, value: T, condition: Condition) -> Result<Self, sqlx::Error> {
        self.arguments.add(value).map_err(sqlx::Error::Encode)?;
        self.conditions.push(condition);
        Ok(self)
    }

    /// The next parameter; without a value its condition is left out.
    pub(crate) fn with<T>(self, value: Option<T>) -> Result<Self, sqlx::Error>
    where
        Option<T>: Binds,
    {
        let condition = if value.is_some() { Condition::Present } else { Condition::Absent };
        self.and(value, condition)
    }

    /// The next parameter, one of whose values a row is to have.
    pub(crate) fn with_one_of<T>(self, values: Option<Vec<T>>) -> Result<Self, sqlx::Error>
    where
        Option<Vec<T>>: Binds,
    {
        let condition = match values.as_ref().map(Vec::len) {
            None => Condition::Absent,
            Some(1) => Condition::OneOf,
            Some(_) => Condition::Present,
        };
        self.and(values, condition)
    }

    /// The rows of a page of the list.
    pub(crate) async fn page(
        self,
        connection: &mut PgConnection,
        list: &ListStatement,
        slice: Slice,
    ) -> Result<Asked<Vec<Found>>, sqlx::Error> {
        let (value, id) = slice.after.map(|after| (after.value, after.id)).unzip();
        let all = self.with(value)?.with(id)?;
        let statement = list.by(slice.sort, slice.limit, all.as_of, &all.conditions)?;
        found(&sqlx::query_with(statement, all.arguments).fetch_all(connection).await?)
    }
}

/// What can be a parameter.
pub(crate) trait Binds: for<'q> Encode<'q, Postgres> + Type<Postgres> {}
impl<T: for<'q> Encode<'q, Postgres> + Type<Postgres>> Binds for T {}

/// Every statement of every question with its name, for the test that prepares them on the migrated schema.
#[must_use]
pub fn statements() -> Vec<(&'static str, Arc<str>)> {
    let lists = [
        &*super::customer_questions::LIST,
        &*super::transaction::LIST,
        &*super::need_questions::LIST,
        &*super::ticket_questions::LIST,
        &*super::inquiry::LIST,
        &*super::feedback_questions::LIST,
        &*super::service_plan_questions::LIST,
        &*super::service_execution_questions::LIST,
        &*super::service_evaluation_questions::LIST,
        &*super::agent_questions::AGENTS,
        &*super::agent_questions::TEAMS,
    ];
    let settings = super::settings_questions::LISTS.iter().map(|(_, list)| list);
    let (streams, totals) = (&*super::customer_questions::STREAMS, &*super::transaction::OF_CUSTOMER);
    let needs = &*super::need_questions::FIGURES;
    let singles = ONE.iter().chain(&*FACTS).map(|(_, statement)| statement).chain([streams, totals, needs]);
    singles
        .chain(lists.into_iter().chain(settings).flat_map(|list| list.0.iter().map(|(_, statement)| statement)))
        .flat_map(|statement| {
            [(statement.name, Arc::clone(&statement.present)), (statement.name, Arc::clone(&statement.past))]
        })
        .collect()
}

/// The models behind the questions.
pub const MODELS: &[&str] = &[
    "customer",
    "transaction",
    "need",
    "inquiry",
    "feedback",
    "ticket",
    "service_plan",
    "service_execution",
    "service_evaluation",
    "agent",
    "team",
    "calendar",
    "sla_policy",
    "scorecard",
    "customer_alias",
];
/// Those of them that have resources.
const RESOURCES: &[&str] = &[
    "customer",
    "transaction",
    "need",
    "inquiry",
    "feedback",
    "ticket",
    "service_plan",
    "service_execution",
    "service_evaluation",
    "agent",
    "team",
    "calendar",
    "sla_policy",
    "scorecard",
];

/// A statement for each resource.
type Each = Vec<(&'static str, Statement)>;

static ONE: LazyLock<Each> = LazyLock::new(|| each("one", include_str!("one.sql")));
static FACTS: LazyLock<Each> = LazyLock::new(|| each("facts", include_str!("facts.sql")));

fn each(name: &'static str, template: &str) -> Each {
    RESOURCES.iter().map(|model| (*model, Statement::of_model(name, template, model))).collect()
}

fn of<'a>(statements: &'a Each, model: &str) -> Result<&'a Statement, sqlx::Error> {
    let found = statements.iter().find(|(name, _)| *name == model);
    found.map(|(_, statement)| statement).ok_or_else(|| sqlx::Error::ColumnNotFound(model.to_owned()))
}

/// One aggregate's row.
///
/// # Errors
/// The database cannot be asked, or there is no such resource.
pub async fn one<E: Entity>(
    connection: &mut PgConnection,
    id: Uuid,
    as_of: Option<u64>,
) -> Result<Asked<Option<Found>>, sqlx::Error> {
    let statement = of(&ONE, E::NAME)?;
    let rows = sqlx::query(statement.at(as_of)).bind(as_of.map(bigint)).bind(id).fetch_all(connection).await?;
    let Asked { position, answer } = found(&rows)?;
    Ok(Asked { position, answer: answer.into_iter().next() })
}

/// The figures whose names begin with one of the prefixes, at most 64 prefixes.
pub(crate) async fn figures(
    connection: &mut PgConnection,
    model: &str,
    prefixes: &[String],
    as_of: Option<u64>,
) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    let statement = of(&FACTS, model)?;
    let rows = sqlx::query(statement.at(as_of)).bind(as_of.map(bigint)).bind(prefixes).fetch_all(connection).await?;
    read_figures(&rows)
}

/// The rows of a statement with the columns `position, fact, n1..n4`, the fact null if there is none.
pub(crate) fn read_figures(rows: &[PgRow]) -> Result<Asked<Vec<Figure>>, sqlx::Error> {
    let mut answer = Vec::new();
    for row in rows {
        if let Some(fact) = row.try_get("fact")? {
            let numbers = [row.try_get("n1")?, row.try_get("n2")?, row.try_get("n3")?, row.try_get("n4")?];
            answer.push(Figure { fact, numbers });
        }
    }
    Ok(Asked { position: position(rows)?, answer })
}

/// The rows of a list's statement, which has the model's columns beside `position`, the key null if no row matched.
fn found(rows: &[PgRow]) -> Result<Asked<Vec<Found>>, sqlx::Error> {
    let position = position(rows)?;
    let mut answer = Vec::with_capacity(rows.len());
    if let Some(json) = rows.first().map(RowJson::of) {
        for row in rows {
            if let Some(id) = row.try_get("key")? {
                let stale_since = row.try_get::<Option<i64>, _>("stale_since")?.map(position_of);
                let row = shown(&json.written(row)?).map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
                answer.push(Found { id, row, stale_since });
            }
        }
    }
    Ok(Asked { position, answer })
}

/// The position in the first row; a model without a checkpoint is one that was never projected.
pub(crate) fn position(rows: &[PgRow]) -> Result<u64, sqlx::Error> {
    let position: Option<i64> = rows.first().ok_or(sqlx::Error::RowNotFound)?.try_get("position")?;
    position.map(position_of).ok_or(sqlx::Error::RowNotFound)
}

fn position_of(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

pub(crate) fn bigint(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_asks_for_the_present_version_or_for_the_one_of_its_time() {
        let statement = Statement::new("t", "select 1 from a where {version:a} and {version:b}");
        assert_eq!(statement.present.matches("to_position = 9223372036854775807").count(), 2);
        assert!(statement.past.contains("(a.from_position <= $1::bigint and a.to_position > $1::bigint)"));
        assert!(statement.past.contains("(b.from_position <= $1::bigint"));
        assert!(!statement.past.contains('{') && !statement.present.contains('{'));
    }

    #[test]
    fn a_list_holds_the_conditions_that_are_asked_for() {
        const SORTS: &[Sort] = &[Sort::new("x", "x", SortKind::Number)];
        let template = "where true\n  and ($2::text[] is null or s = any ($2::text[]))\n\
                        and ($3::uuid is null or t = $3::uuid)\n  limit $4";
        let list = ListStatement::new("t", template, SORTS);
        let by = |second, third| list.by(SORTS[0], 7, None, &[Condition::Present, second, third]).unwrap().0;
        assert_eq!(by(Condition::Absent, Condition::Absent), "where true\nlimit 7\n");
        assert_eq!(by(Condition::Present, Condition::Absent), "where true\nand (s = any ($2::text[]))\nlimit 7\n");
        assert_eq!(
            by(Condition::OneOf, Condition::Present),
            "where true\nand (s = (($2::text[])[1]))\nand (t = $3::uuid)\nlimit 7\n"
        );
        assert!(list.by(SORTS[0], 7, None, &[Condition::Present, Condition::Absent]).is_err(), "$3 was not given");
    }

    #[test]
    fn a_sort_writes_both_directions() {
        let template = "t.{column} {beyond} $1::{kind} order by t.{column} {direction}";
        let up = Sort::new("number", "number", SortKind::Number).write_into(template);
        let down = Sort::new("-opened_at", "opened_at", SortKind::Moment).write_into(template);
        assert_eq!(up, "t.number > $1::bigint order by t.number asc");
        assert_eq!(down, "t.opened_at < $1::timestamptz order by t.opened_at desc");
    }

    #[test]
    fn rows_that_lack_the_value_come_last_and_pages_go_on_among_them() {
        let template = "t.{column} {beyond} $1::{kind} order by t.{column} {direction}";
        let row = |json: &str| Found { id: Uuid::from_u128(7), row: json.to_owned(), stale_since: None };
        let expected = [
            ("due_at", SortKind::MaybeMoment, "timestamptz", "asc", ">", "infinity"),
            ("-due_at", SortKind::MaybeMoment, "timestamptz", "desc", "<", "-infinity"),
            ("due_at", SortKind::MaybeNumber, "numeric", "asc", ">", "infinity"),
            ("-due_at", SortKind::MaybeNumber, "numeric", "desc", "<", "-infinity"),
        ];
        for (name, kind, sql_type, direction, beyond, lacking) in expected {
            let sort = Sort::new(name, "due_at", kind);
            let by = format!("coalesce(t.due_at, '{lacking}'::{sql_type})");
            let written = format!("{by} {beyond} $1::{sql_type} order by {by} {direction}");
            assert_eq!(sort.write_into(template), written);
            assert_eq!(sort.value(&row(r#"{"due_at":null}"#)), lacking);
            assert!(sort.fits(lacking) && !sort.fits("null") && !sort.fits(""), "{name}");
        }
        let sort = Sort::new("due_at", "due_at", SortKind::MaybeNumber);
        assert_eq!(sort.value(&row(r#"{"due_at":5}"#)), "5");
        assert!(!Sort::new("at", "at", SortKind::Moment).fits("infinity"));
    }

    #[test]
    fn only_what_a_column_can_hold_fits_its_sort() {
        let fits = |kind, value| Sort::new("x", "x", kind).fits(value);
        assert!(fits(SortKind::Text, "王小明") && !fits(SortKind::Text, "a\0b"));
        assert!(
            fits(SortKind::Moment, "0001-01-01T00:00:00Z") && fits(SortKind::Moment, "9999-12-31T23:59:59.999999Z")
        );
        let absurd = ["-262143-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "+10000-01-01T00:00:00Z", "2026-01-01", ""];
        for value in absurd.into_iter().chain(["9999-12-31T23:59:59-01:00"]) {
            assert!(!fits(SortKind::Moment, value), "{value}");
        }
    }

    #[test]
    fn no_statement_has_an_open_place() {
        for (name, sql) in statements() {
            assert!(!sql.contains('{'), "{name}: {sql}");
        }
    }
}
