//! `/v1/<resource>/{id}/history`: an aggregate's own events, in order.

use axum::extract::State;
use domain::StreamId;
use domain::ids::{
    AgentId, CalendarId, CustomerId, FeedbackId, InquiryId, NeedId, ScorecardId, ServiceEvaluationId,
    ServiceExecutionId, ServicePlanId, SlaPolicyId, TeamId, TicketId, TransactionId,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::answer::Answer;
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::event::EventItem;
use crate::extract::{Id, Params, number};
use crate::freshness::Freshness;
use crate::paging::Limit;

/// Which part of an aggregate's history.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// Only events above this version.
    #[serde(default, deserialize_with = "number")]
    after: Option<u64>,
    /// 1 to 200, 50 unless said otherwise.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Limit,
    /// A position, or an RFC 3339 time: only what was recorded by then.
    #[param(value_type = Option<String>)]
    as_of: Option<AsOf>,
}

/// A part of an aggregate's history.
#[derive(Debug, Serialize, ToSchema)]
pub struct StreamPage {
    /// The events, in order of their versions.
    items: Vec<EventItem>,
    /// Ask again with this `after` for the next events; null if there are none.
    next_after: Option<u64>,
}

async fn stream(
    api: &Api,
    stream: StreamId,
    query: HistoryQuery,
    freshness: Freshness,
) -> Result<Answer<StreamPage>, ApiError> {
    let (point, head) = api.in_history(query.as_of, freshness).await?;
    let mut events = api.history.stream(stream, query.after.unwrap_or(0), query.limit.and_one()).await?;
    let until = point.as_of.unwrap_or(u64::MAX);
    events.retain(|event| event.recorded.position <= until);
    if events.is_empty() && query.after.is_none_or(|after| after == 0) {
        return Err(ApiError::NotFound(format!("there is no {stream}")));
    }
    let more = events.len() > query.limit.get() as usize;
    events.truncate(query.limit.get() as usize);
    let next_after = events.last().filter(|_| more).map(|event| event.recorded.version);
    let position = events.last().map_or(head, |event| head.max(event.recorded.position));
    let items = events.into_iter().map(EventItem::from).collect();
    Ok(Answer { position, as_of: point.as_of, body: StreamPage { items, next_after } })
}

macro_rules! histories {
    ($($(#[$doc:meta])* $name:ident, $path:literal, $tag:literal, $id:ident;)*) => {$(
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = $tag, params(("id" = Uuid, Path), HistoryQuery), responses(
            (status = 200, description = "Events in order", body = StreamPage),
            (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "Nothing ever happened to it", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
        ))]
        pub async fn $name(
            State(api): State<Api>,
            freshness: Freshness,
            Id(id): Id<Uuid>,
            Params(query): Params<HistoryQuery>,
        ) -> Result<Answer<StreamPage>, ApiError> {
            stream(&api, $id(id).stream(), query, freshness).await
        }
    )*};
}

histories! {
    /// What happened to a customer.
    customer_history, "/v1/customers/{id}/history", "customers", CustomerId;
    /// What happened to a transaction.
    transaction_history, "/v1/transactions/{id}/history", "transactions", TransactionId;
    /// What happened to a need.
    need_history, "/v1/needs/{id}/history", "needs", NeedId;
    /// What happened to a ticket.
    ticket_history, "/v1/tickets/{id}/history", "tickets", TicketId;
    /// What happened to an inquiry.
    inquiry_history, "/v1/inquiries/{id}/history", "inquiries", InquiryId;
    /// What happened to feedback.
    feedback_history, "/v1/feedback/{id}/history", "feedback", FeedbackId;
    /// What happened to a service plan.
    service_plan_history, "/v1/service-plans/{id}/history", "service-plans", ServicePlanId;
    /// What happened to a service execution.
    service_execution_history, "/v1/service-executions/{id}/history", "service-executions", ServiceExecutionId;
    /// What happened to an agent.
    agent_history, "/v1/agents/{id}/history", "people", AgentId;
    /// What happened to a team.
    team_history, "/v1/teams/{id}/history", "people", TeamId;
    /// What happened to a business calendar.
    calendar_history, "/v1/calendars/{id}/history", "settings", CalendarId;
    /// What happened to an SLA policy.
    sla_policy_history, "/v1/sla-policies/{id}/history", "settings", SlaPolicyId;
    /// What happened to a scorecard.
    scorecard_history, "/v1/scorecards/{id}/history", "settings", ScorecardId;
    /// What happened to a service evaluation.
    service_evaluation_history, "/v1/service-evaluations/{id}/history", "service-evaluations", ServiceEvaluationId;
}
