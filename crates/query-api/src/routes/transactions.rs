//! `/v1/transactions`

use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::money::Currency;
use domain::transaction::{Kind, Status};
use read_side::models::questions::Asked;
use read_side::models::transaction::{
    self as model, CurrencyTotal, SORTS, Transaction, TransactionFilter, TransactionRow,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::customers::PointQuery;
use super::{ShownPage, answer, one};
use crate::answer::{Answer, Resource, Shown};
use crate::api::Api;
use crate::as_of::AsOf;
use crate::error::{ApiError, Problem};
use crate::extract::{Id, Params, list as values, moment, named};
use crate::freshness::Freshness;
use crate::paging::{Limit, Page, page, slice};

/// Which transactions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TransactionsQuery {
    /// A customer; its aliases' transactions count as its own.
    customer: Option<Uuid>,
    /// One or more of `purchase, renewal, payment, refund, credit_note`, separated by commas.
    #[serde(rename = "type", default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    kind: Vec<String>,
    /// One or more of `recorded, partially_refunded, refunded, voided`, separated by commas.
    #[serde(default, deserialize_with = "values")]
    #[param(value_type = Option<String>)]
    status: Vec<String>,
    /// A currency.
    #[param(value_type = Option<String>)]
    currency: Option<Currency>,
    /// The selling system.
    source_system: Option<String>,
    /// Made at this time or later.
    #[serde(default, deserialize_with = "moment")]
    occurred_from: Option<DateTime<Utc>>,
    /// Made before this time.
    #[serde(default, deserialize_with = "moment")]
    occurred_to: Option<DateTime<Utc>>,
    /// `-occurred_at` (default), `occurred_at`, `-updated_at`, `updated_at`, `-amount_minor`, `amount_minor` or `id`.
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

/// The transactions that match.
#[utoipa::path(get, path = "/v1/transactions", tag = "transactions", params(TransactionsQuery), responses(
    (status = 200, description = "A page of transactions", body = Page<Resource<TransactionRow>>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn list(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<TransactionsQuery>,
) -> Result<Answer<ShownPage>, ApiError> {
    let filter = TransactionFilter {
        customer: query.customer,
        kinds: named::<Kind>("type", query.kind)?,
        statuses: named::<Status>("status", query.status)?,
        currency: query.currency.map(|currency| currency.to_string()),
        source_system: query.source_system,
        occurred_from: query.occurred_from,
        occurred_to: query.occurred_to,
    };
    let slice = slice(SORTS, query.sort.as_deref(), query.cursor.as_deref(), query.limit)?;
    let models: &[&str] = if filter.customer.is_some() { OF_CUSTOMER } else { &["transaction"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let sort = slice.sort;
    let asked =
        api.ask(move |connection| Box::pin(model::transactions(connection, filter, slice, point.as_of))).await?;
    answer(asked.position, point, page(asked, sort, query.limit))
}

/// The models behind the transactions of a customer.
const OF_CUSTOMER: &[&str] = &["transaction", "customer_alias"];

/// Whose transactions, and when.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TotalsQuery {
    /// A customer; its aliases' transactions count as its own.
    customer: Option<Uuid>,
    /// A position, or an RFC 3339 time.
    #[param(value_type = Option<String>)]
    as_of: Option<AsOf>,
}

/// What transactions come to. Void ones do not count.
#[derive(Debug, Serialize, ToSchema)]
pub struct TransactionsSummary {
    /// How many, in all currencies.
    count: i64,
    /// By currency.
    by_currency: Vec<CurrencyTotal>,
}

/// What all transactions, or those of a customer and all its aliases, come to, by currency.
#[utoipa::path(get, path = "/v1/transactions/summary", tag = "transactions", params(TotalsQuery), responses(
    (status = 200, description = "The totals", body = TransactionsSummary),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn summary(
    State(api): State<Api>,
    freshness: Freshness,
    Params(query): Params<TotalsQuery>,
) -> Result<Answer<TransactionsSummary>, ApiError> {
    let models: &[&str] = if query.customer.is_some() { OF_CUSTOMER } else { &["transaction"] };
    let point = api.at(models, query.as_of, freshness).await?;
    let Asked { position, answer: by_currency } = match query.customer {
        Some(customer) => {
            api.ask(move |connection| Box::pin(model::totals_of_customer(connection, customer, point.as_of))).await?
        }
        None => api.ask(move |connection| Box::pin(model::totals(connection, point.as_of))).await?,
    };
    let count = by_currency.iter().map(|total| total.count).sum();
    answer(position, point, TransactionsSummary { count, by_currency })
}

/// One transaction.
#[utoipa::path(get, path = "/v1/transactions/{id}", tag = "transactions", params(("id" = Uuid, Path), PointQuery), responses(
    (status = 200, description = "The transaction", body = Resource<TransactionRow>),
    (status = 400, description = "A parameter is not valid", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is no such transaction", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Not caught up, overloaded or unavailable", body = Problem, content_type = "application/problem+json"),
))]
pub async fn detail(
    State(api): State<Api>,
    freshness: Freshness,
    Id(id): Id<Uuid>,
    Params(query): Params<PointQuery>,
) -> Result<Answer<Shown>, ApiError> {
    let point = api.at(&["transaction"], query.as_of, freshness).await?;
    one::<Transaction>(&api, id, point).await
}
