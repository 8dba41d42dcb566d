//! The query API: HTTP over the read models and the history, for dashboards, auditors and other services.
//!
//! A handler finds the point of the history that is asked about, asks one question of the read side, and checks that
//! the answer was not read too early. [`server`] has the limits: nothing that a client sends, or does not send, may
//! hold the process up.

pub mod answer;
pub mod api;
pub mod as_of;
pub mod auth;
mod connections;
pub mod error;
pub mod event;
mod event_stream;
pub mod extract;
pub mod freshness;
pub mod paging;
pub mod routes;
pub mod server;

pub use api::{Api, RenderMetrics};
pub use auth::{BearerKeys, KeysRequired, check_address};
pub use server::{ServeError, openapi, serve};
