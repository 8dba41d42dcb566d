//! `/v1/events`: the history as JSON, NDJSON or live as server-sent events.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use domain::{Category, StreamId};
use event_store::Selection;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::event::EventItem;
use crate::event_stream::{self, Form};
use crate::extract::{Params, list as values, number};
use crate::freshness::Freshness;
use crate::paging::{LIMIT_DEFAULT, LIMIT_MAX};
use crate::server::Holder;

/// The most events of one NDJSON answer.
pub const NDJSON_LIMIT_MAX: u64 = 100_000;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// Only above this position.
    #[serde(default, deserialize_with = "number")]
    after: Option<u64>,
    /// Only up to this position; server-sent events end there.
    #[serde(default, deserialize_with = "number")]
    until: Option<u64>,
    /// JSON: 1 to 200, 50 unless said otherwise. NDJSON: 1 to 100,000, likewise unless said otherwise. Not for
    /// server-sent events.
    #[serde(default, deserialize_with = "number")]
    limit: Option<u64>,
    /// One or more event types, separated by commas.
    #[serde(rename = "type", default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    event_type: Vec<String>,
    /// One or more kinds of aggregates, such as `customer`, `ticket` or `service_plan`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    category: Vec<String>,
    /// One or more streams as `category/id`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    stream: Vec<String>,
    /// A position, or an RFC 3339 time: only what was recorded by then.
    #[param(value_type = Option<String>)]
    as_of: Option<AsOf>,
}

/// A part of the history.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventsPage {
    /// The events, in order of their positions.
    items: Vec<EventItem>,
    /// Ask again with this `after` for the next events; null if there are none now.
    next_after: Option<u64>,
}

/// The history. As `application/json` a page, as `application/x-ndjson` one event a line, as `text/event-stream` live:
/// each event's id is its position, `Last-Event-ID` resumes behind it, a comment comes every 15 s.
#[utoipa::path(get, path = "/v1/events", tag = "history", params(EventsQuery), responses(
    (status = 200, description = "Events in order", content(
        (EventsPage = "application/json"), (EventItem = "application/x-ndjson"), (EventItem = "text/event-stream")
    )),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 406, description = "None of these media types is accepted", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    Extension(holder): Extension<Holder>,
    headers: HeaderMap,
    freshness: Freshness,
    Params(query): Params<EventsQuery>,
) -> Result<Response, ApiError> {
    let form = accepted(&headers)?;
    let limit = limit(query.limit, form)?;
    let (as_of, after) = (query.as_of, query.after);
    let mut selection = selection(query)?;
    let (point, head) = api.in_history(as_of, freshness).await?;
    selection.until = selection.until.into_iter().chain(point.as_of).min();
    match form {
        Some(Form::ServerSent) => {
            selection.after = last_event_id(&headers)?.or(after).unwrap_or(0);
            let open = api.open_stream(&holder.0)?;
            Ok(event_stream::respond(api, selection, Form::ServerSent, u64::MAX, head, open))
        }
        Some(Form::Lines) => {
            let open = api.open_stream(&holder.0)?;
            Ok(event_stream::respond(api, selection, Form::Lines, limit, head, open))
        }
        None => {
            let page = u32::try_from(limit).unwrap_or(LIMIT_MAX);
            let mut events = api.history.select(selection, page.saturating_add(1)).await?;
            let more = events.len() > page as usize;
            events.truncate(page as usize);
            let next_after = events.last().filter(|_| more).map(|event| event.recorded.position);
            let position = events.last().map_or(head, |event| head.max(event.recorded.position));
            let items = events.into_iter().map(EventItem::from).collect();
            Ok(Answer { position, as_of: point.as_of, body: EventsPage { items, next_after } }.into_response())
        }
    }
}

fn selection(query: EventsQuery) -> Result<Selection, ApiError> {
    let wrong = |parameter: &'static str, text: &str| ApiError::validation(parameter, format!("{text} is not known"));
    let categories = query.category.iter().map(|name| Category::parse(name).ok_or_else(|| wrong("category", name)));
    let unknown = query.event_type.iter().find(|name| !Category::has_event_type(name));
    if let Some(name) = unknown {
        return Err(wrong("type", name));
    }
    let streams = query.stream.iter().map(|text| stream(text).ok_or_else(|| wrong("stream", text)));
    Ok(Selection {
        after: query.after.unwrap_or(0),
        until: query.until,
        streams: streams.collect::<Result<_, _>>()?,
        categories: categories.collect::<Result<_, _>>()?,
        event_types: query.event_type,
        descending: false,
    })
}

fn stream(text: &str) -> Option<StreamId> {
    let (category, id) = text.split_once('/')?;
    Some(StreamId { category: Category::parse(category)?, id: Uuid::parse_str(id).ok()? })
}

fn limit(asked: Option<u64>, form: Option<Form>) -> Result<u64, ApiError> {
    let max = match form {
        Some(Form::ServerSent) if asked.is_some() => {
            return Err(ApiError::validation("limit", "not for server-sent events; see until"));
        }
        Some(Form::ServerSent | Form::Lines) => NDJSON_LIMIT_MAX,
        None => u64::from(LIMIT_MAX),
    };
    match asked.unwrap_or(u64::from(LIMIT_DEFAULT)) {
        limit if (1..=max).contains(&limit) => Ok(limit),
        _ => Err(ApiError::validation("limit", format!("a number from 1 to {max} is expected"))),
    }
}

/// The stream's form, or none for a page of JSON. The first acceptable media type wins.
fn accepted(headers: &HeaderMap) -> Result<Option<Form>, ApiError> {
    let values: Vec<&str> = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if values.is_empty() {
        return Ok(None);
    }
    for media_range in values.iter().flat_map(|value| value.split(',')) {
        let media_type = media_range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "text/event-stream" => return Ok(Some(Form::ServerSent)),
            "application/x-ndjson" | "application/ndjson" => return Ok(Some(Form::Lines)),
            "application/json" | "application/*" | "*/*" => return Ok(None),
            _ => {}
        }
    }
    Err(ApiError::NotAcceptable("application/json, application/x-ndjson, text/event-stream"))
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.trim().parse::<u64>().ok());
    let position = position.filter(|position| i64::try_from(*position).is_ok());
    position.map(Some).ok_or_else(|| ApiError::validation("Last-Event-ID", "a position is expected"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn form(accept: &str) -> Option<Option<Form>> {
        accepted(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())])).ok()
    }

    #[test]
    fn the_first_acceptable_media_type_decides() {
        assert_eq!(form("text/event-stream"), Some(Some(Form::ServerSent)));
        assert_eq!(form("text/html, application/x-ndjson;q=0.5"), Some(Some(Form::Lines)));
        assert_eq!(form("application/xml, */*;q=0.1"), Some(None));
        assert_eq!(form("text/html"), None);
        assert_eq!(accepted(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn a_page_and_lines_have_limits_of_their_own_and_server_sent_events_none() {
        assert_eq!(limit(None, None).ok(), Some(50));
        assert!(limit(Some(201), None).is_err());
        assert_eq!(limit(Some(201), Some(Form::Lines)).ok(), Some(201));
        assert!(limit(Some(0), Some(Form::Lines)).is_err());
        assert!(limit(Some(1), Some(Form::ServerSent)).is_err());
    }

    #[test]
    fn a_stream_is_a_category_and_an_id() {
        let id = Uuid::from_u128(1);
        assert_eq!(stream(&format!("ticket/{id}")), Some(StreamId { category: Category::Ticket, id }));
        for wrong in ["", "ticket", "ticket/x", "nothing/1"] {
            assert_eq!(stream(wrong), None, "{wrong}");
        }
    }
}
