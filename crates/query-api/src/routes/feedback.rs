//! `/v1/feedback`

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::feedback::{Kind, Metric, Status};
use read_side::models::feedback::{Feedback, FeedbackRow};
use read_side::models::feedback_questions::{self as model, FeedbackFilter, FeedbackSummary, SORTS};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, answer, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named, number};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which feedback.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FeedbackQuery {
    /// One or more of `survey, complaint, suggestion, praise`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    kind: Vec<String>,
    /// One or more of `requested, reminded, responded, amended, expired, received, acknowledged, investigating,
    /// remedy_offered, accepted, rejected, escalated, closed, submitted`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// A customer; its aliases' feedback counts as its own.
    customer: Option<Uuid>,
    /// One or more of `csat, nps, ces`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    metric: Vec<String>,
    /// The ticket that is rated, or that it is about.
    ticket: Option<Uuid>,
    /// The agent who is rated, or whom it is about.
    agent: Option<Uuid>,
    /// The team that is rated, or that it is about.
    team: Option<Uuid>,
    /// The service plan that is rated, or that it is about.
    plan: Option<Uuid>,
    /// Complaints of this severity, 1 to 4.
    #[serde(default, deserialize_with = "number")]
    severity: Option<u64>,
    /// Answers with this score or a higher one.
    #[serde(default, deserialize_with = "number")]
    score_from: Option<u64>,
    /// Answers with this score or a lower one.
    #[serde(default, deserialize_with = "number")]
    score_to: Option<u64>,
    /// Requested, or said by the customer, at this time or later.
    #[serde(default, deserialize_with = "moment")]
    created_from: Option<DateTime<Utc>>,
    /// Requested, or said by the customer, before this time.
    #[serde(default, deserialize_with = "moment")]
    created_to: Option<DateTime<Utc>>,
    /// Surveys that were answered at this time or later.
    #[serde(default, deserialize_with = "moment")]
    responded_from: Option<DateTime<Utc>>,
    /// Surveys that were answered before this time.
    #[serde(default, deserialize_with = "moment")]
    responded_to: Option<DateTime<Utc>>,
    /// `-created_at` (default), `created_at`, `-updated_at`, `updated_at` or `id`.
    sort: Option<String>,
    /// 1 to 200, 50 unless said otherwise.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// A position, or an RFC 3339 time.
    #[param(value_type = Option<String>)]
    as_of: Option<AsOf>,
}

/// The feedback that matches.
#[utoipa::path(get, path = "/v1/feedback", tag = "feedback", params(FeedbackQuery), responses(
    (status = 200, description = "A page of feedback", body = Page<Resource<FeedbackRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<FeedbackQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    // Larger ones were refused when they were read.
    let whole = |number: Option<u64>| number.map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let filter = FeedbackFilter {
        customer: query.customer,
        kinds: named::<Kind>("kind", query.kind)?,
        statuses: named::<Status>("status", query.status)?,
        metrics: named::<Metric>("metric", query.metric)?,
        ticket: query.ticket,
        agent: query.agent,
        team: query.team,
        plan: query.plan,
        severity: whole(query.severity),
        score_from: whole(query.score_from),
        score_to: whole(query.score_to),
        created_from: query.created_from,
        created_to: query.created_to,
        responded_from: query.responded_from,
        responded_to: query.responded_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if filter.customer.is_some() { &["feedback", "customer_alias"] } else { &["feedback"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::feedback(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// What all feedback comes to: surveys by metric with their figures as exact quotients, complaints by status.
#[utoipa::path(get, path = "/v1/feedback/summary", tag = "feedback", params(PointQuery), responses(
    (status = 200, description = "The figures", body = FeedbackSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<FeedbackSummary>, ApiError> {
    let point = api.at(&["feedback"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::summary(connection, point.as_of))).await?;
    answer(asked.position, point, asked.answer)
}

/// One survey, complaint, suggestion or praise.
#[utoipa::path(get, path = "/v1/feedback/{id}", tag = "feedback", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The feedback", body = Resource<FeedbackRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such feedback", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["feedback"], query.as_of, freshness).await?;
    one::<Feedback>(&api, id, point).await
}
