//! The domain of Carelog: customer support and service management as pure decisions over an append-only history.
//!
//! Nothing here does I/O, looks at a clock, or draws a random number: times and ids are arguments. Each aggregate
//! is one module, always in the same order: Command, Event, State, Rejection, decide, evolve.

pub mod agent;
pub mod aggregates;
pub mod business_time;
pub mod calendar;
pub mod codec;
pub mod customer;
pub mod decider;
pub mod envelope;
pub mod feedback;
pub mod ids;
pub mod inquiry;
pub mod moment;
pub mod money;
mod named;
pub mod need;
pub mod personal;
mod ranged;
pub mod rejection;
pub mod revisions;
pub mod scorecard;
pub mod service_evaluation;
pub mod service_execution;
pub mod service_plan;
pub mod sla_clock;
pub mod sla_policy;
pub mod team;
pub mod text;
pub mod ticket;
pub mod transaction;
pub mod upcast;

#[doc = include_str!("../RULES.md")]
#[cfg(doc)]
pub mod rules {}

#[cfg(test)]
mod given;
#[cfg(test)]
#[path = "rules_tests.rs"]
mod rules;

pub use aggregates::{Category, Command, Event, State};
pub use ids::StreamId;
