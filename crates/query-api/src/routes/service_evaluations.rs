//! `/v1/service-evaluations`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::service_evaluation::{Status, SubjectKind, Verdict};
use read_side::models::questions::Figure;
use read_side::models::service_evaluation::{ServiceEvaluation, ServiceEvaluationRow};
use read_side::models::service_evaluation_questions::{self as model, SORTS, ServiceEvaluationFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, about, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named, number};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which evaluations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ServiceEvaluationsQuery {
    /// One or more of `ticket, execution, plan, agent, team`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    subject_kind: Vec<String>,
    /// The ticket, execution, plan, agent or team that is evaluated.
    subject: Option<Uuid>,
    /// The agent who judges.
    evaluator: Option<Uuid>,
    /// The one agent whose work it is.
    executor: Option<Uuid>,
    /// A scorecard, whatever its revision.
    scorecard: Option<Uuid>,
    /// One or more of `draft, submitted, appealed, upheld, revised, finalized`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// One or more of `pass, conditional, fail`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    verdict: Vec<String>,
    /// With this result or a higher one, in hundredths: 7000 is 70.
    #[serde(default, deserialize_with = "number")]
    result_hundredths_from: Option<u64>,
    /// With a lower result than this, in hundredths.
    #[serde(default, deserialize_with = "number")]
    result_hundredths_to: Option<u64>,
    /// With a period that goes on beyond this time.
    #[serde(default, deserialize_with = "moment")]
    period_from: Option<DateTime<Utc>>,
    /// With a period that begins before this time.
    #[serde(default, deserialize_with = "moment")]
    period_to: Option<DateTime<Utc>>,
    /// Drafted at this time or later.
    #[serde(default, deserialize_with = "moment")]
    drafted_from: Option<DateTime<Utc>>,
    /// Drafted before this time.
    #[serde(default, deserialize_with = "moment")]
    drafted_to: Option<DateTime<Utc>>,
    /// `-drafted_at` (default), `drafted_at`, `-updated_at`, `updated_at`, `-period_start`, `period_start` or `id`.
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

/// The evaluations that match.
#[utoipa::path(get, path = "/v1/service-evaluations", tag = "service-evaluations", params(ServiceEvaluationsQuery), responses(
    (status = 200, description = "A page of evaluations", body = Page<Resource<ServiceEvaluationRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<ServiceEvaluationsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = ServiceEvaluationFilter {
        subject_kinds: named::<SubjectKind>("subject_kind", query.subject_kind)?,
        subject: query.subject,
        evaluator: query.evaluator,
        executor: query.executor,
        scorecard: query.scorecard,
        statuses: named::<Status>("status", query.status)?,
        verdicts: named::<Verdict>("verdict", query.verdict)?,
        result_from: query.result_hundredths_from,
        result_to: query.result_hundredths_to,
        period_from: query.period_from,
        period_to: query.period_to,
        drafted_from: query.drafted_from,
        drafted_to: query.drafted_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&["service_evaluation"], query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked =
        api.ask(move |connection| Box::pin(model::service_evaluations(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many evaluations there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServiceEvaluationsSummary {
    /// All of them.
    total: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
    /// By verdict; drafts have none.
    #[schema(value_type = Object)]
    by_verdict: BTreeMap<String, VerdictCount>,
}

/// How many evaluations with a verdict there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerdictCount {
    /// All of them.
    total: i64,
    /// Those that are final.
    finalized: i64,
}

impl ServiceEvaluationsSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        let by_verdict = about(figures, "verdict")
            .map(|(verdict, [total, finalized, ..])| (verdict, VerdictCount { total, finalized }));
        Self { total: by_status.values().sum(), by_verdict: by_verdict.collect(), by_status }
    }
}

/// How many evaluations there are, by status and verdict.
#[utoipa::path(get, path = "/v1/service-evaluations/summary", tag = "service-evaluations", params(PointQuery), responses(
    (status = 200, description = "The counts", body = ServiceEvaluationsSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<ServiceEvaluationsSummary>, ApiError> {
    let point = api.at(&["service_evaluation"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::counts(connection, point.as_of))).await?;
    answer(asked.position, point, ServiceEvaluationsSummary::of(&asked.answer))
}

/// One evaluation.
#[utoipa::path(get, path = "/v1/service-evaluations/{id}", tag = "service-evaluations", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The evaluation", body = Resource<ServiceEvaluationRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such evaluation", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["service_evaluation"], query.as_of, freshness).await?;
    one::<ServiceEvaluation>(&api, id, point).await
}
