//! `/openapi.json` and `/docs`: the API described, for programs and for people. The page is made from the description
//! and needs nothing from elsewhere.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use crate::api::Api;
use crate::error::ApiError;
use crate::server::openapi;

/// What the page may load: its own styles, nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code,.path{font-family:ui-monospace,monospace}.path{font-weight:600}details{border:1px solid #8885;\
    border-radius:6px;margin:.4rem 0;padding:.4rem .8rem}summary{cursor:pointer}table{border-collapse:collapse}\
    td{padding:.15rem .8rem .15rem 0;vertical-align:top}@media(prefers-color-scheme:dark){body{background:#111;\
    color:#ddd}a{color:#8bf}}";

/// The two routes, which are not part of the description.
pub(crate) fn router() -> Router<Api> {
    Router::new().route("/openapi.json", get(description)).route("/docs", get(page))
}

async fn description() -> impl IntoResponse {
    Json(openapi())
}

async fn page() -> Result<impl IntoResponse, ApiError> {
    let described = serde_json::to_value(openapi()).map_err(|error| ApiError::internal(&error))?;
    let policy = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
    Ok((policy, Html(render(&described))))
}

fn render(described: &Value) -> String {
    let info = |name: &str| escape(text(described.pointer(&format!("/info/{name}"))));
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1><p>{}</p><p><a href=\"/openapi.json\">\
         <code>/openapi.json</code></a></p>",
        info("description"),
        title = info("title"),
    );
    for tag in described.get("tags").and_then(Value::as_array).into_iter().flatten() {
        let name = text(tag.get("name"));
        let _ = write!(html, "<h2>{}</h2>", escape(text(tag.get("description"))));
        for (path, methods) in described.get("paths").and_then(Value::as_object).into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let tags = operation.get("tags").and_then(Value::as_array);
                if tags.is_some_and(|tags| tags.iter().any(|tag| tag.as_str() == Some(name))) {
                    render_operation(method, path, operation, &mut html);
                }
            }
        }
    }
    html
}

fn render_operation(method: &str, path: &str, operation: &Value, html: &mut String) {
    let _ = write!(
        html,
        "<details><summary><span class=path>{} {}</span> {}</summary><table>",
        escape(&method.to_uppercase()),
        escape(path),
        escape(text(operation.get("summary"))),
    );
    for parameter in operation.get("parameters").and_then(Value::as_array).into_iter().flatten() {
        let cells = [text(parameter.get("name")), text(parameter.get("in")), text(parameter.get("description"))];
        let [name, place, description] = cells.map(escape);
        let _ = write!(html, "<tr><td><code>{name}</code><td>{place}<td>{description}");
    }
    html.push_str("</table><table>");
    for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let description = escape(text(response.get("description")));
        let _ = write!(html, "<tr><td><code>{}</code><td>{description}", escape(status));
    }
    html.push_str("</table></details>");
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_every_path_and_loads_nothing() {
        let described = serde_json::to_value(openapi()).unwrap();
        let html = render(&described);
        for path in described["paths"].as_object().unwrap().keys() {
            assert!(html.contains(&format!("GET {path}<")), "{path}");
        }
        assert!(!html.contains("<script") && !html.contains("http://") && !html.contains("https://"));
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a=\"&\">"), "&lt;b a=&quot;&amp;&quot;&gt;");
    }
}
