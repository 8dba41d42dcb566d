//! `/v1/inquiries`

use std::collections::BTreeMap;

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::inquiry::Status;
use domain::ticket::{Channel, Priority};
use read_side::models::inquiry::{self as model, Inquiry, InquiryFilter, InquiryRow, SORTS};
use read_side::models::questions::Figure;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, about, answer, counted, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named, truth};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which inquiries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct InquiriesQuery {
    /// One or more of `received, assigned, answered, awaiting_customer, closed, converted, spam`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// One or more of `email, phone, chat, web, wechat, api`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    channel: Vec<String>,
    /// One or more of `P1, P2, P3, P4`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    priority: Vec<String>,
    /// A team.
    team: Option<Uuid>,
    /// An agent.
    assignee: Option<Uuid>,
    /// A customer; its aliases' inquiries count as its own.
    customer: Option<Uuid>,
    /// `true`: it is not known whose it is; `false`: it is.
    #[serde(default, deserialize_with = "truth")]
    anonymous: Option<bool>,
    /// A language tag, as it was given.
    language: Option<String>,
    /// Received at this time or later.
    #[serde(default, deserialize_with = "moment")]
    received_from: Option<DateTime<Utc>>,
    /// Received before this time.
    #[serde(default, deserialize_with = "moment")]
    received_to: Option<DateTime<Utc>>,
    /// `-received_at` (default), `received_at`, `-updated_at`, `updated_at`, `priority` or `-priority`.
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

/// The inquiries that match.
#[utoipa::path(get, path = "/v1/inquiries", tag = "inquiries", params(InquiriesQuery), responses(
    (status = 200, description = "A page of inquiries", body = Page<Resource<InquiryRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<InquiriesQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = InquiryFilter {
        customer: query.customer,
        statuses: named::<Status>("status", query.status)?,
        channels: named::<Channel>("channel", query.channel)?,
        priorities: named::<Priority>("priority", query.priority)?,
        team: query.team,
        assignee: query.assignee,
        language: query.language,
        anonymous: query.anonymous,
        received_from: query.received_from,
        received_to: query.received_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if filter.customer.is_some() { &["inquiry", "customer_alias"] } else { &["inquiry"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::inquiries(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// How many inquiries there are.
#[derive(Debug, Serialize, ToSchema)]
pub struct InquiriesSummary {
    /// All of them.
    total: i64,
    /// Those that are received, assigned, answered or awaiting the customer.
    unfinished: i64,
    /// By status.
    #[schema(value_type = Object)]
    by_status: BTreeMap<String, i64>,
    /// By channel.
    #[schema(value_type = Object)]
    by_channel: BTreeMap<String, ChannelCount>,
}

/// How many inquiries came in by a channel.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelCount {
    /// All of them.
    total: i64,
    /// Those that are received, assigned, answered or awaiting the customer.
    unfinished: i64,
}

impl InquiriesSummary {
    fn of(figures: &[Figure]) -> Self {
        let by_status = counted(figures, "status");
        let by_channel = about(figures, "channel")
            .map(|(channel, [total, unfinished, ..])| (channel, ChannelCount { total, unfinished }));
        let by_channel: BTreeMap<_, _> = by_channel.collect();
        let unfinished = by_channel.values().map(|count| count.unfinished).sum();
        Self { total: by_status.values().sum(), unfinished, by_status, by_channel }
    }
}

/// How many inquiries there are, by status and channel.
#[utoipa::path(get, path = "/v1/inquiries/summary", tag = "inquiries", params(PointQuery), responses(
    (status = 200, description = "The counts", body = InquiriesSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<PointQuery>,
) -> Result<Answer<InquiriesSummary>, ApiError> {
    let point = api.at(&["inquiry"], query.as_of, freshness).await?;
    let asked = api.ask(move |connection| Box::pin(model::inquiry_counts(connection, point.as_of))).await?;
    answer(asked.position, point, InquiriesSummary::of(&asked.answer))
}

/// One inquiry.
#[utoipa::path(get, path = "/v1/inquiries/{id}", tag = "inquiries", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The inquiry", body = Resource<InquiryRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such inquiry", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["inquiry"], query.as_of, freshness).await?;
    one::<Inquiry>(&api, id, point).await
}
