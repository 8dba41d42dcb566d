//! Templates: how the values of a row become the fields of a command.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use csv::StringRecord;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::mapping::aggregate_id;

/// The highest power of ten of `$minor`.
const EXPONENT_MAX: u32 = 9;

/// A row of the file.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The names of the columns.
    pub columns: &'a StringRecord,
    /// The values.
    pub values: &'a StringRecord,
    /// The number of the line on which it begins; the header is line 1.
    pub line: u64,
}

impl<'a> Row<'a> {
    fn value(self, column: &str) -> Result<&'a str, String> {
        let index = self.columns.iter().position(|name| name == column);
        index.and_then(|index| self.values.get(index)).ok_or_else(|| format!("there is no column {column:?}"))
    }
}

/// A text with columns in it: `Customer {customer_id}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Column(String),
    Line,
}

impl Text {
    /// Reads a text.
    ///
    /// # Errors
    /// A brace is left open.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, after) = rest.split_at(at);
            literal.push_str(before);
            let name = after.strip_prefix('{').and_then(|after| after.split_once('}'));
            if let Some(tail) = after.strip_prefix("{{") {
                literal.push('{');
                rest = tail;
            } else if let Some(tail) = after.strip_prefix("}}") {
                literal.push('}');
                rest = tail;
            } else if let Some((name, tail)) = name.filter(|(name, _)| !name.is_empty() && !name.contains('{')) {
                parts.extend(Some(Part::Literal(std::mem::take(&mut literal))).filter(|part| !part.is_empty()));
                parts.push(if name == "$line" { Part::Line } else { Part::Column(name.to_owned()) });
                rest = tail;
            } else {
                return Err(format!("{text:?} has a brace without its counterpart: write {{{{ or }}}} for a brace"));
            }
        }
        literal.push_str(rest);
        parts.extend(Some(Part::Literal(literal)).filter(|part| !part.is_empty()));
        Ok(Self(parts))
    }

    /// The text for a row.
    ///
    /// # Errors
    /// The row lacks a column.
    pub fn render(&self, row: Row<'_>) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Column(column) => text.push_str(row.value(column)?),
                Part::Line => text.push_str(&row.line.to_string()),
            }
        }
        Ok(text)
    }

    /// The columns in it.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Column(column) => Some(column.as_str()),
            Part::Literal(_) | Part::Line => None,
        })
    }
}

impl Part {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Literal(literal) if literal.is_empty())
    }
}

/// A value that is made from a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// A value that is the same for all rows.
    Constant(Value),
    /// A text.
    Text(Text),
    /// A list.
    List(Vec<Template>),
    /// An object; fields that are left out are not in it.
    Object(Vec<(String, Template)>),
    /// A whole number.
    Integer(Text),
    /// A decimal number as a whole number of 10^−exponent.
    Minor(Text, u32),
    /// True or false.
    Boolean(Text),
    /// An instant, with the format if it is not one of the usual ones.
    Time(Text, Option<String>),
    /// The id of an aggregate, in the namespace of the import.
    Id(Text, Uuid),
    /// One of some values, or the default.
    Map(Text, Map<String, Value>, Option<Value>),
    /// A value that is left out where a column in it is empty.
    Optional(Box<Template>),
}

impl Template {
    /// Reads a template; `namespace` is that of the import.
    ///
    /// # Errors
    /// A pointer and a sentence.
    pub fn parse(value: &Value, namespace: Uuid) -> Result<Self, String> {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(Self::Constant(value.clone())),
            Value::String(text) => Text::parse(text).map(Self::Text).map_err(|error| format!(": {error}")),
            Value::Array(items) => {
                let parse = |(index, item)| Self::parse(item, namespace).map_err(|error| format!("/{index}{error}"));
                items.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Self::List)
            }
            Value::Object(fields) => match fields.keys().find(|name| name.starts_with('$')) {
                Some(kind) => Self::parse_typed(kind, fields, namespace).map_err(|error| format!("/{kind}{error}")),
                None => {
                    let parse = |(name, field): (&String, &Value)| {
                        let template = Self::parse(field, namespace).map_err(|error| format!("/{name}{error}"))?;
                        Ok((name.clone(), template))
                    };
                    fields.iter().map(parse).collect::<Result<_, String>>().map(Self::Object)
                }
            },
        }
    }

    fn parse_typed(kind: &str, fields: &Map<String, Value>, namespace: Uuid) -> Result<Self, String> {
        let allowed: &[&str] = match kind {
            "$minor" => &["exponent"],
            "$time" => &["format"],
            "$map" => &["values", "default"],
            _ => &[],
        };
        if let Some(other) = fields.keys().find(|name| *name != kind && !allowed.contains(&name.as_str())) {
            return Err(format!(": {other:?} has no meaning beside it"));
        }
        let text = || match fields.get(kind) {
            Some(Value::String(text)) => Text::parse(text).map_err(|error| format!(": {error}")),
            _ => Err(": a text is expected, such as \"{column}\"".to_owned()),
        };
        match kind {
            "$integer" => Ok(Self::Integer(text()?)),
            "$boolean" => Ok(Self::Boolean(text()?)),
            "$id" => Ok(Self::Id(text()?, namespace)),
            "$minor" => {
                let exponent = match fields.get("exponent") {
                    None => Some(2),
                    Some(exponent) => exponent.as_u64().and_then(|exponent| u32::try_from(exponent).ok()),
                };
                let exponent = exponent.filter(|&exponent| exponent <= EXPONENT_MAX);
                Ok(Self::Minor(text()?, exponent.ok_or_else(|| format!(": the exponent is 0 to {EXPONENT_MAX}"))?))
            }
            "$time" => match fields.get("format") {
                None => Ok(Self::Time(text()?, None)),
                Some(Value::String(format)) => Ok(Self::Time(text()?, Some(format.clone()))),
                Some(_) => Err(": the format is a text such as %d.%m.%Y".to_owned()),
            },
            "$map" => match fields.get("values") {
                Some(Value::Object(values)) => Ok(Self::Map(text()?, values.clone(), fields.get("default").cloned())),
                Some(_) | None => Err(": \"values\" is an object from texts to values".to_owned()),
            },
            "$optional" => {
                let inner = fields.get(kind).unwrap_or(&Value::Null);
                Self::parse(inner, namespace).map(|template| Self::Optional(Box::new(template)))
            }
            _ => Err(": there is no such kind of value".to_owned()),
        }
    }

    /// The value for a row; `None` where it is left out.
    ///
    /// # Errors
    /// A value of the row is not what is asked for. Its text is not part of the message: it may be personal.
    pub fn render(&self, row: Row<'_>) -> Result<Option<Value>, String> {
        let value = match self {
            Self::Constant(value) => value.clone(),
            Self::Text(text) => text.render(row)?.into(),
            Self::List(items) => {
                let rendered: Vec<_> = items.iter().map(|item| item.render(row)).collect::<Result<_, _>>()?;
                rendered.into_iter().flatten().collect()
            }
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    if let Some(value) = field.render(row).map_err(|error| format!("{name}: {error}"))? {
                        object.insert(name.clone(), value);
                    }
                }
                Value::Object(object)
            }
            Self::Integer(text) => parse_integer(&text.render(row)?)?.into(),
            Self::Minor(text, exponent) => parse_minor(&text.render(row)?, *exponent)?.into(),
            Self::Boolean(text) => parse_boolean(&text.render(row)?)?.into(),
            Self::Time(text, format) => {
                let time = parse_time(&text.render(row)?, format.as_deref())?;
                serde_json::to_value(time).map_err(|error| error.to_string())?
            }
            Self::Id(text, namespace) => aggregate_id(*namespace, &text.render(row)?).to_string().into(),
            Self::Map(text, values, default) => {
                let key = text.render(row)?;
                let value = values.get(key.as_str()).or(default.as_ref());
                value.cloned().ok_or_else(|| "a value that stands for nothing in \"values\"".to_owned())?
            }
            Self::Optional(template) => {
                for column in template.columns() {
                    if row.value(column)?.trim().is_empty() {
                        return Ok(None);
                    }
                }
                return template.render(row);
            }
        };
        Ok(Some(value))
    }

    /// The columns in it.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Text(text)
            | Self::Integer(text)
            | Self::Minor(text, _)
            | Self::Boolean(text)
            | Self::Time(text, _)
            | Self::Id(text, _)
            | Self::Map(text, _, _) => text.columns().collect(),
            Self::List(items) => items.iter().flat_map(Self::columns).collect(),
            Self::Object(fields) => fields.iter().flat_map(|(_, field)| field.columns()).collect(),
            Self::Optional(template) => template.columns(),
        }
    }
}

fn parse_integer(text: &str) -> Result<i64, String> {
    text.trim().parse().map_err(|_| "a whole number is expected".to_owned())
}

/// A decimal number, exactly: more digits than the exponent are refused unless they are zeros.
fn parse_minor(text: &str, exponent: u32) -> Result<i64, String> {
    let wrong = || format!("a decimal number with at most {exponent} digits after the point is expected");
    let text = text.trim();
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let places = usize::try_from(exponent).map_err(|_| wrong())?;
    let kept = fraction.trim_end_matches('0');
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || kept.len() > places {
        return Err(wrong());
    }
    let minor: i64 = format!("{whole}{kept:0<places$}").parse().map_err(|_| wrong())?;
    Ok(if is_negative { -minor } else { minor })
}

fn parse_boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("true, yes, 1 or false, no, 0 is expected".to_owned()),
    }
}

fn parse_time(text: &str, format: Option<&str>) -> Result<DateTime<Utc>, String> {
    let text = text.trim();
    let midnight = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    let time = match format {
        Some(format) => DateTime::parse_from_str(text, format)
            .map(|time| time.to_utc())
            .ok()
            .or_else(|| NaiveDateTime::parse_from_str(text, format).ok().map(|time| time.and_utc()))
            .or_else(|| NaiveDate::parse_from_str(text, format).ok().and_then(midnight)),
        None => text
            .parse::<DateTime<Utc>>()
            .ok()
            .or_else(|| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok().map(|time| time.and_utc()))
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().and_then(midnight)),
    };
    time.ok_or_else(|| match format {
        Some(format) => format!("a time in the format {format} is expected"),
        None => "a time such as 2026-01-31T12:00:00Z or 2026-01-31 is expected".to_owned(),
    })
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
