//! The entity models, one module each, with their questions. A new model is its module and one line in [`all`].

pub mod agent;
pub mod agent_questions;
pub mod customer;
pub mod customer_alias;
pub mod customer_questions;
pub mod feedback;
pub mod feedback_questions;
pub mod inquiry;
pub mod need;
pub mod need_questions;
pub mod questions;
pub mod service_evaluation;
pub mod service_evaluation_questions;
pub mod service_execution;
pub mod service_execution_questions;
pub mod service_plan;
pub mod service_plan_questions;
pub mod settings;
pub mod settings_questions;
pub mod team;
pub mod ticket;
mod ticket_links;
pub mod ticket_questions;
pub mod transaction;

use crate::error::ProjectorError;
use crate::model::{Model, of};

/// Every model.
#[must_use]
pub fn all() -> Vec<&'static dyn Model> {
    vec![
        of::<agent::Agent>(),
        of::<settings::Calendar>(),
        of::<customer::Customer>(),
        of::<customer_alias::CustomerAlias>(),
        of::<feedback::Feedback>(),
        of::<inquiry::Inquiry>(),
        of::<need::Need>(),
        of::<settings::Scorecard>(),
        of::<service_evaluation::ServiceEvaluation>(),
        of::<service_execution::ServiceExecution>(),
        of::<service_plan::ServicePlan>(),
        of::<settings::SlaPolicy>(),
        of::<team::Team>(),
        of::<ticket::Ticket>(),
        of::<transaction::Transaction>(),
    ]
}

/// The model of a name.
///
/// # Errors
/// [`ProjectorError::UnknownModel`].
pub fn named(name: &str) -> Result<&'static dyn Model, ProjectorError> {
    let found = all().into_iter().find(|model| model.name() == name);
    found.ok_or_else(|| ProjectorError::UnknownModel(name.to_owned()))
}
