//! What was used of models, and what may be.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    MissionId, UserId,
    account::AccountName,
    budget::{Budget, BudgetPeriod, BudgetScope},
    day::Day,
    page::Page,
    spending::{ModelRequest, SpendingFilter, SpendingGroup, SpendingSum},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, page_request};
use crate::{
    extract::{Body, Caller, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

/// The largest budget, in micro-dollars.
const MOST: u64 = 1_000_000_000_000_000;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(get_usage)).routes(routes!(list_model_requests)).routes(routes!(
        list_budgets,
        set_budget,
        delete_budget
    ))
}

/// Which usage is summed, and how.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct UsageQuery {
    /// By what it is summed; by day where absent.
    #[param(required = false, inline)]
    by: Option<SpendingGroup>,
    /// From this day on.
    #[param(required = false)]
    from: Option<Day>,
    /// Until this day, itself included.
    #[param(required = false)]
    to: Option<Day>,
    /// Only this mission's.
    #[param(required = false)]
    mission: Option<MissionId>,
    /// Only of this model.
    #[param(required = false, min_length = 1, max_length = 200)]
    model: Option<String>,
    /// Only with this account.
    #[param(required = false)]
    account: Option<AccountName>,
    /// Only of this user's missions.
    #[param(required = false)]
    user: Option<UserId>,
    /// `next_cursor` of the part before.
    #[param(required = false, min_length = 1, max_length = 512)]
    cursor: Option<String>,
    /// How many entries at most; 50 where absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Which requests are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RequestsQuery {
    /// Only this mission's.
    #[param(required = false)]
    mission: Option<MissionId>,
    /// `next_cursor` of the part before.
    #[param(required = false, min_length = 1, max_length = 512)]
    cursor: Option<String>,
    /// How many entries at most; 50 where absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// A budget that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BudgetRequest {
    /// Whose requests it counts.
    scope: BudgetScope,
    /// After which time it begins anew.
    period: BudgetPeriod,
    /// What may be spent, in millionths of a US dollar: at most a billion dollars.
    #[schema(maximum = 1000000000000000_u64)]
    limit_micro_usd: u64,
}

/// Which budget is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct BudgetQuery {
    /// Whose requests it counts.
    scope: BudgetScope,
    /// After which time it begins anew.
    period: BudgetPeriod,
}

/// Sum up usage
///
/// What missions used of models through the gateway.
#[utoipa::path(
    get, path = "/usage", tag = "models", params(UsageQuery),
    responses((status = 200, description = "A part of the sums.", body = Page<SpendingSum>))
)]
async fn get_usage(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<UsageQuery>,
) -> Result<Json<Page<SpendingSum>>, Problem> {
    let UsageQuery { by, from, to, mission, model, account, user, cursor, limit } = query;
    if model.as_ref().is_some_and(|model| !(1..=200).contains(&model.chars().count())) {
        return Err(Problem::invalid("usage.model_invalid", "the name of a model has 1 to 200 characters"));
    }
    let filter = SpendingFilter { from, to, mission, model, account, user };
    let page = page_request(cursor, limit)?;
    Ok(Json(server.orchestrator.spending(&filter, by.unwrap_or(SpendingGroup::Day), &page).await?))
}

/// List requests to models
///
/// The newest first.
#[utoipa::path(
    get, path = "/model-requests", tag = "models", params(RequestsQuery),
    responses((status = 200, description = "A part of the list.", body = Page<ModelRequest>))
)]
async fn list_model_requests(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<RequestsQuery>,
) -> Result<Json<Page<ModelRequest>>, Problem> {
    let page = page_request(query.cursor, query.limit)?;
    Ok(Json(server.orchestrator.model_requests(query.mission, &page).await?))
}

/// List budgets
#[utoipa::path(
    get, path = "/budgets", tag = "models", params(PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Budget>))
)]
async fn list_budgets(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Budget>>, Problem> {
    Ok(Json(server.orchestrator.budgets(&query.request()?).await?))
}

/// Set a budget
///
/// Missions that wait for money go on.
#[utoipa::path(
    put, path = "/budgets", tag = "models", request_body = BudgetRequest,
    responses(
        (status = 200, description = "The budget.", body = Budget),
        (status = 404, description = "Whoever it is about does not exist.", body = Document, content_type = MEDIA_TYPE)
    ),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn set_budget(
    State(server): Shared,
    _: Caller,
    Body(wanted): Body<BudgetRequest>,
) -> Result<Json<Budget>, Problem> {
    let BudgetRequest { scope, period, limit_micro_usd } = wanted;
    if limit_micro_usd > MOST {
        return Err(Problem::invalid("budget.too_much", "a budget is a billion dollars at most"));
    }
    Ok(Json(server.orchestrator.set_budget(scope, period, limit_micro_usd).await?))
}

/// Remove a budget
///
/// Missions that wait for money go on.
#[utoipa::path(
    delete, path = "/budgets", tag = "models", params(BudgetQuery),
    responses((status = 204, description = "It is gone."), (status = 404, description = "There is none.", body = Document, content_type = MEDIA_TYPE)),
    security(("token" = ["admin"]), ("session" = ["admin"]))
)]
async fn delete_budget(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<BudgetQuery>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_budget(query.scope, query.period).await?;
    Ok(StatusCode::NO_CONTENT)
}
