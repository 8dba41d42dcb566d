//! The resources, one module each. A question is one handler here and one function beside its model.

pub mod agents;
pub mod commands;
pub mod customers;
pub mod docs;
pub mod events;
pub mod feedback;
pub mod health;
pub mod history;
pub mod inquiries;
pub mod models;
pub mod needs;
pub mod service_evaluations;
pub mod service_executions;
pub mod service_plans;
pub mod settings;
pub mod teams;
pub mod tickets;
pub mod transactions;

use std::collections::BTreeMap;

use read_side::entity::Entity;
use read_side::models::questions::{self, Figure};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Shown};
use crate::api::{Api, Point};
use crate::error::{ApiError, Problem};
use crate::paging::Page;

/// A page as it is sent.
pub(crate) type ShownPage = Page<Shown>;

/// The figures of one kind, e.g. those of `status/open` and `status/closed` for `status`: of what, and the numbers.
/// What there is none of is left out.
pub(crate) fn about<'a>(figures: &'a [Figure], kind: &'a str) -> impl Iterator<Item = (String, [i64; 4])> {
    let of_kind =
        move |figure: &'a Figure| figure.fact.strip_prefix(kind)?.strip_prefix('/').map(|of| (of, figure.numbers));
    figures
        .iter()
        .filter_map(of_kind)
        .filter(|(_, [count, ..])| *count != 0)
        .map(|(of, numbers)| (of.to_owned(), numbers))
}

/// How many there are of each, by figures of one kind.
pub(crate) fn counted(figures: &[Figure], kind: &str) -> BTreeMap<String, i64> {
    about(figures, kind).map(|(of, [count, ..])| (of, count)).collect()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Carelog query API",
        description = "Read models and history of customer support and service management. Every answer has \
                       `Carelog-Position`. A request with `Carelog-Min-Position` waits for it (2 s, or `Prefer: wait=N`), \
                       else 503 `not_caught_up`. `as_of` asks for the past.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(Problem)),
    tags(
        (name = "customers", description = "Customers 客户"),
        (name = "transactions", description = "Transactions 交易"),
        (name = "needs", description = "Needs 需求"),
        (name = "tickets", description = "Tickets 工单"),
        (name = "inquiries", description = "Inquiries 咨询"),
        (name = "feedback", description = "Feedback 反馈: surveys, complaints, suggestions and praise"),
        (name = "service-plans", description = "Service plans 服务计划"),
        (name = "service-executions", description = "Service executions 服务执行"),
        (name = "service-evaluations", description = "Service evaluations 服务评估"),
        (name = "people", description = "Agents and teams"),
        (name = "settings", description = "Business calendars, SLA policies and scorecards"),
        (name = "history", description = "Events and receipts"),
        (name = "operation", description = "Health, models, documentation")
    )
)]
struct Described;

/// The resources under `/v1`, which take a key where keys are set and a place among the requests.
pub(crate) fn resources() -> OpenApiRouter<Api> {
    OpenApiRouter::with_openapi(Described::openapi())
        .routes(routes!(customers::list))
        .routes(routes!(customers::summary))
        .routes(routes!(customers::detail))
        .routes(routes!(customers::transactions))
        .routes(routes!(customers::tickets))
        .routes(routes!(customers::timeline))
        .routes(routes!(history::customer_history))
        .routes(routes!(transactions::list))
        .routes(routes!(transactions::summary))
        .routes(routes!(transactions::detail))
        .routes(routes!(history::transaction_history))
        .routes(routes!(needs::list))
        .routes(routes!(needs::summary))
        .routes(routes!(needs::detail))
        .routes(routes!(history::need_history))
        .routes(routes!(tickets::list))
        .routes(routes!(tickets::summary))
        .routes(routes!(tickets::detail))
        .routes(routes!(history::ticket_history))
        .routes(routes!(tickets::clocks))
        .routes(routes!(inquiries::list))
        .routes(routes!(inquiries::summary))
        .routes(routes!(inquiries::detail))
        .routes(routes!(history::inquiry_history))
        .routes(routes!(feedback::list))
        .routes(routes!(feedback::summary))
        .routes(routes!(feedback::detail))
        .routes(routes!(history::feedback_history))
        .routes(routes!(service_plans::list))
        .routes(routes!(service_plans::summary))
        .routes(routes!(service_plans::detail))
        .routes(routes!(history::service_plan_history))
        .routes(routes!(service_executions::list))
        .routes(routes!(service_executions::summary))
        .routes(routes!(service_executions::detail))
        .routes(routes!(history::service_execution_history))
        .routes(routes!(service_evaluations::list))
        .routes(routes!(service_evaluations::summary))
        .routes(routes!(service_evaluations::detail))
        .routes(routes!(history::service_evaluation_history))
        .routes(routes!(agents::list))
        .routes(routes!(agents::detail))
        .routes(routes!(history::agent_history))
        .routes(routes!(teams::list))
        .routes(routes!(teams::detail))
        .routes(routes!(history::team_history))
        .routes(routes!(settings::calendars))
        .routes(routes!(settings::calendar))
        .routes(routes!(history::calendar_history))
        .routes(routes!(settings::sla_policies))
        .routes(routes!(settings::sla_policy))
        .routes(routes!(history::sla_policy_history))
        .routes(routes!(settings::scorecards))
        .routes(routes!(settings::scorecard))
        .routes(routes!(history::scorecard_history))
        .routes(routes!(commands::receipt))
        .routes(routes!(events::list))
        .routes(routes!(models::list))
        .routes(routes!(health::metrics))
}

/// What is answered without a key, and however many requests there are.
pub(crate) fn probes() -> OpenApiRouter<Api> {
    OpenApiRouter::default().routes(routes!(health::live)).routes(routes!(health::ready))
}

/// One resource's answer, or 404.
pub(crate) async fn one<E: Entity>(api: &Api, id: Uuid, point: Point) -> Result<Answer<Shown>, ApiError> {
    let asked = api.ask(move |connection| Box::pin(questions::one::<E>(connection, id, point.as_of))).await?;
    point.check(asked.position)?;
    let found = asked.answer.ok_or_else(|| ApiError::NotFound(format!("there is no {} {id}", E::NAME)))?;
    Ok(Answer { position: asked.position, as_of: point.as_of, body: Shown::from(found) })
}

/// An answer that was read at a position, unless that was too early.
pub(crate) fn answer<T>(position: u64, point: Point, body: T) -> Result<Answer<T>, ApiError> {
    point.check(position)?;
    Ok(Answer { position, as_of: point.as_of, body })
}
