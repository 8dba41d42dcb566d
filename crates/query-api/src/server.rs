//! The server: an accept loop of our own, because `axum::serve` has no time limit for headers and waits for ever for
//! open streams, and the limits that every request passes.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;

use crate::api::Api;
use crate::auth::{self, KeysRequired};
use crate::error::ApiError;
use crate::freshness;
use crate::routes;
use crate::routes::docs;

/// How many connections may be open; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 1_024;
/// How long a client may take to send a request's headers, and how long a connection may stay idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest request head.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// The most headers of a request.
const HEADERS_MAX: usize = 64;
/// The largest body; no resource reads one.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// How long a request may take, beside the time that it asks to wait for its position. Streams begin within it.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long open connections have to finish when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server waits when no connection can be accepted, as when there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would listen beyond this machine without keys.
    #[error(transparent)]
    KeysRequired(#[from] KeysRequired),
    /// The socket cannot be used.
    #[error("the socket cannot be used: {0}")]
    Socket(#[from] io::Error),
}

/// Who sends the request: the holder of the key, or `local` where no keys are set.
#[derive(Clone, Debug)]
pub struct Holder(pub Arc<str>);

/// Serves until it is told to stop; then it accepts nothing new, ends live streams, lets requests finish for at most
/// 10 s, and closes what is still open.
///
/// # Errors
/// The listener is bound beyond loopback without keys, or its address cannot be told.
pub async fn serve(listener: TcpListener, mut api: Api, stop: CancellationToken) -> Result<(), ServeError> {
    auth::check_address(listener.local_addr()?, api.keys.as_ref())?;
    api.stop = stop.clone();
    let router = router(api);
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let close = CancellationToken::new();
    while let Some((stream, permit)) = next(&listener, &connections, &stop).await {
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = graceful.watch(connection);
        let close = close.clone();
        tokio::spawn(async move {
            tokio::select! {
                // A client that breaks off is no news.
                _ = connection => {}
                () = close.cancelled() => {}
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("connections were still open after {} s and are closed", DRAIN_TIMEOUT.as_secs());
    }
    close.cancel();
    Ok(())
}

fn builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_header_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    builder
}

/// The next connection, once there is room for it; none when the server stops.
async fn next(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    loop {
        let accept = async {
            let permit = Arc::clone(connections).acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let accepted: (Option<OwnedSemaphorePermit>, io::Result<(TcpStream, SocketAddr)>) = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = accept => accepted,
        };
        match accepted {
            (Some(permit), Ok((stream, _))) => {
                let _ = stream.set_nodelay(true);
                return Some((stream, permit));
            }
            (None, _) => return None,
            (Some(_), Err(error)) => {
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The description of the API in OpenAPI 3.1.
#[must_use]
pub fn openapi() -> OpenApi {
    let (_, mut described) = routes::resources().split_for_parts();
    let (_, probes) = routes::probes().split_for_parts();
    described.merge(probes);
    described
}

/// The whole API with its limits.
fn router(api: Api) -> Router {
    let (resources, _) = routes::resources().split_for_parts();
    let (probes, _) = routes::probes().split_for_parts();
    resources
        .merge(docs::router())
        .fallback(|request: Request| async move { ApiError::NotFound(format!("there is no {}", request.uri().path())) })
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(from_fn_with_state(api.clone(), identify))
        .layer(from_fn_with_state(api.clone(), admit))
        .merge(probes.method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed }))
        .layer(from_fn_with_state(api.clone(), only_this_machine))
        .layer(from_fn(limit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(measure))
        .with_state(api)
}

/// Without keys, refuses requests that were sent to another name than those of this machine.
async fn only_this_machine(State(api): State<Api>, request: Request, next: Next) -> Result<Response, ApiError> {
    if api.keys.is_none() {
        auth::check_host(request.headers())?;
    }
    Ok(next.run(request).await)
}

/// Asks for the key, where keys are set.
async fn identify(State(api): State<Api>, mut request: Request, next: Next) -> Result<Response, ApiError> {
    let holder = match &api.keys {
        Some(keys) => keys.holder(request.headers())?,
        None => Arc::from("local"),
    };
    request.extensions_mut().insert(Holder(holder));
    Ok(next.run(request).await)
}

/// Refuses requests beyond those that can be worked on at once.
async fn admit(State(api): State<Api>, request: Request, next: Next) -> Result<Response, ApiError> {
    let Ok(_place) = api.requests.try_acquire() else {
        metrics::counter!("carelog_http_requests_shed_total").increment(1);
        return Err(ApiError::Overloaded("too many requests at once"));
    };
    Ok(next.run(request).await)
}

/// Refuses large bodies and ends what takes too long. Questions to the database run on to their end by themselves.
async fn limit(request: Request, next: Next) -> Result<Response, ApiError> {
    if content_length(request.headers()).is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
        return Err(ApiError::PayloadTooLarge(BODY_BYTES_MAX));
    }
    let time = REQUEST_TIMEOUT + freshness::wait(request.headers());
    timeout(time, next.run(request)).await.map_err(|_| ApiError::Unavailable)
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = cause.downcast_ref::<&str>().copied().or_else(|| cause.downcast_ref::<String>().map(String::as_str));
    ApiError::internal(&format_args!("panic: {}", text.unwrap_or("unknown"))).into_response()
}

/// Counts requests and measures how long they take, by route: never by what is in the URL.
async fn measure(path: Option<MatchedPath>, request: Request, next: Next) -> Result<Response, Infallible> {
    let route = path.map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned());
    let begun = Instant::now();
    let response = next.run(request).await;
    let status = response.status();
    metrics::histogram!("carelog_http_request_seconds", "route" => route.clone()).record(begun.elapsed().as_secs_f64());
    metrics::counter!("carelog_http_requests_total", "route" => route, "status" => class(status)).increment(1);
    Ok(response)
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        503 => "503",
        _ => "5xx",
    }
}

#[cfg(test)]
#[path = "openapi_tests.rs"]
mod tests;
