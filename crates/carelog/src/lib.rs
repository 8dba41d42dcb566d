//! Carelog's one program: its roles as services, and the tools around them.
//!
//! `carelog up` is the whole of it on one machine; `carelog serve` runs roles of it. All settings come from the
//! environment ([`config`]); exit codes are in [`exit`].

pub mod bench;
pub mod child;
pub mod cli;
pub mod client;
pub mod config;
pub mod demo;
pub mod exit;
pub mod import;
pub mod inbox;
pub mod local;
pub mod models;
pub mod outcomes;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod recover;
pub mod replay;
pub mod report;
pub mod retarget;
pub mod roles;
pub mod schema;
pub mod send;
pub mod serve;
pub mod shutdown;
pub mod telemetry;
pub mod up;
