//! What agents ask in the middle of a turn, and the rules that answer in a person's place.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    AskId, MissionId, RuleId, WorkspaceId,
    ask::{ApprovalRule, Ask, Decision, DecisionScope},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{List, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_open_asks))
        .routes(routes!(list_asks))
        .routes(routes!(decide))
        .routes(routes!(answer))
        .routes(routes!(list_mission_rules))
        .routes(routes!(list_workspace_rules))
        .routes(routes!(remove_rule))
}

/// Something that waits for an answer.
#[derive(Serialize, ToSchema)]
struct OpenAsk {
    /// The mission whose agent asks.
    mission: MissionId,
    /// What it asks.
    ask: Ask,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DecisionRequest {
    /// Whether the agent may do it.
    approved: bool,
    /// Why, for the agent.
    #[schema(max_length = 4096)]
    reason: Option<String>,
    /// How long this holds.
    #[serde(default)]
    scope: DecisionScope,
    /// What else is the like of it, where this holds for more than once: `*` stands for any text, in a command for none
    /// that could hold another command. Absent: only what is the same.
    #[schema(min_length = 1, max_length = 4096)]
    pattern: Option<String>,
    /// For how many seconds it holds, where it holds for more than once. Absent: until the rule is removed.
    #[schema(minimum = 1, maximum = 31536000)]
    seconds: Option<u32>,
}

/// What is answered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AnswerRequest {
    /// For each of the questions what is chosen or written. Null or absent: there is no answer.
    #[schema(max_items = 64)]
    answers: Option<Vec<Vec<String>>>,
}

/// List what agents wait for
///
/// In all missions, the oldest first; the first 500.
#[utoipa::path(
    get, path = "/asks", tag = "asks",
    responses((status = 200, description = "Approvals and questions that wait.", body = List<OpenAsk>))
)]
async fn list_open_asks(State(server): Shared, _: Caller) -> Result<Json<List<OpenAsk>>, Problem> {
    let asks = server.orchestrator.open_asks().await?;
    Ok(Json(List { items: asks.into_iter().map(|(mission, ask)| OpenAsk { mission, ask }).collect() }))
}

/// List what the agent of a mission waits for
#[utoipa::path(
    get, path = "/missions/{id}/asks", tag = "asks",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "Approvals and questions that wait, the oldest first.", body = List<Ask>))
)]
async fn list_asks(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<List<Ask>>, Problem> {
    Ok(Json(List { items: server.orchestrator.asks(id).await? }))
}

/// Decide whether an agent may do what it asks
///
/// With the scope `mission` or `workspace` a rule is made, which decides the like of it from now on.
#[utoipa::path(
    post, path = "/missions/{id}/asks/{ask}/decision", tag = "asks",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"),
        ("ask" = inline(AskId), Path, description = "What is asked")
    ),
    request_body = DecisionRequest,
    responses(
        (status = 200, description = "What was asked, decided.", body = Ask),
        (status = 409, description = "It is decided already.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn decide(
    State(server): Shared,
    Caller(by): Caller,
    InPath((mission, ask)): InPath<(MissionId, AskId)>,
    Body(request): Body<DecisionRequest>,
) -> Result<Json<Ask>, Problem> {
    let DecisionRequest { approved, reason, scope, pattern, seconds } = request;
    if seconds.is_some_and(|seconds| !(1..=31_536_000).contains(&seconds)) {
        return Err(Problem::invalid("decision.seconds", "seconds is a number from 1 to 31536000"));
    }
    if pattern.as_deref().is_some_and(str::is_empty) {
        return Err(Problem::invalid("decision.pattern", "a pattern has some text"));
    }
    let decision = Decision { approved, reason, scope, pattern, seconds };
    Ok(Json(server.orchestrator.decide(&by, mission, ask, decision).await?))
}

/// Answer what an agent wants to know
#[utoipa::path(
    post, path = "/missions/{id}/asks/{ask}/answer", tag = "asks",
    params(
        ("id" = inline(MissionId), Path, description = "The mission"),
        ("ask" = inline(AskId), Path, description = "What is asked")
    ),
    request_body = AnswerRequest,
    responses(
        (status = 200, description = "What was asked, answered.", body = Ask),
        (status = 409, description = "It is answered already.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn answer(
    State(server): Shared,
    Caller(by): Caller,
    InPath((mission, ask)): InPath<(MissionId, AskId)>,
    Body(request): Body<AnswerRequest>,
) -> Result<Json<Ask>, Problem> {
    Ok(Json(server.orchestrator.answer(&by, mission, ask, request.answers).await?))
}

/// List the rules that hold in a mission
///
/// Those of the mission first, then those of its workspace. The configuration's are not among them.
#[utoipa::path(
    get, path = "/missions/{id}/rules", tag = "asks",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The rules.", body = List<ApprovalRule>))
)]
async fn list_mission_rules(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<List<ApprovalRule>>, Problem> {
    Ok(Json(List { items: server.orchestrator.mission_rules(id).await? }))
}

/// List the rules that hold in a workspace
#[utoipa::path(
    get, path = "/workspaces/{id}/rules", tag = "asks",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace, by id or name")),
    responses((status = 200, description = "The rules.", body = List<ApprovalRule>))
)]
async fn list_workspace_rules(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
) -> Result<Json<List<ApprovalRule>>, Problem> {
    let workspace: WorkspaceId = workspace.resolve(&server.orchestrator).await?.id;
    Ok(Json(List { items: server.orchestrator.workspace_rules(workspace).await? }))
}

/// Remove a rule
///
/// What it decided is asked again.
#[utoipa::path(
    delete, path = "/rules/{id}", tag = "asks",
    params(("id" = inline(RuleId), Path, description = "The rule")),
    responses((status = 204, description = "It is gone."))
)]
async fn remove_rule(State(server): Shared, _: Caller, InPath(id): InPath<RuleId>) -> Result<StatusCode, Problem> {
    server.orchestrator.remove_rule(id).await?;
    Ok(StatusCode::NO_CONTENT)
}
