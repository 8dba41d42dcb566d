//! `/v1/calendars`, `/v1/sla-policies` and `/v1/scorecards`

use axum::extract::State;
use read_side::entity::Entity;
use read_side::models::settings::{Calendar, CalendarRow, Scorecard, ScorecardRow, SlaPolicy, SlaPolicyRow};
use read_side::models::settings_questions::{self as model, SORTS};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, answer, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which part of the settings of a kind.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SettingsQuery {
    /// `name` (default), `-name` or `id`.
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

async fn all<E: Entity>(api: Api, freshness: Freshness, query: SettingsQuery) -> Result<Answer<ShownPage>, ApiError> {
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let point = api.at(&[E::NAME], query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked = api.ask(move |connection| Box::pin(model::settings::<E>(connection, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

macro_rules! settings {
    ($($model:ty, $row:ty, $list_path:literal, $path:literal: $(#[$list_doc:meta])* $list:ident, $(#[$doc:meta])* $detail:ident;)*) => {$(
        $(#[$list_doc])*
        #[utoipa::path(get, path = $list_path, tag = "settings", params(SettingsQuery), responses(
            (status = 200, description = "A page of settings", body = Page<Resource<$row>>),
            (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
        ))]
        pub async fn $list(
            State(api): State<Api>,
            freshness: Freshness,
            Params(query): Params<SettingsQuery>,
        ) -> Result<Answer<ShownPage>, ApiError> {
            all::<$model>(api, freshness, query).await
        }

        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = "settings", params(("id" = Uuid, Path), PointQuery), responses(
            (status = 200, description = "The setting, by its latest revision", body = Resource<$row>),
            (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "There is no such setting", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
        ))]
        pub async fn $detail(
            State(api): State<Api>,
            freshness: Freshness,
            Id(id): Id<Uuid>,
            Params(query): Params<PointQuery>,
        ) -> Result<Answer<Shown>, ApiError> {
            let point = api.at(&[<$model>::NAME], query.as_of, freshness).await?;
            one::<$model>(&api, id, point).await
        }
    )*};
}

settings! {
    Calendar, CalendarRow, "/v1/calendars", "/v1/calendars/{id}":
        /// The business calendars.
        calendars,
        /// One business calendar.
        calendar;
    SlaPolicy, SlaPolicyRow, "/v1/sla-policies", "/v1/sla-policies/{id}":
        /// The SLA policies.
        sla_policies,
        /// One SLA policy.
        sla_policy;
    Scorecard, ScorecardRow, "/v1/scorecards", "/v1/scorecards/{id}":
        /// The scorecards.
        scorecards,
        /// One scorecard.
        scorecard;
}
