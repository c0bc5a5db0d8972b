//! Missions.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    AttachmentId, MissionId, PluginId,
    ask::{ApprovalMode, WorkMode},
    mission::{Mission, MissionEdit, MissionFilter, NewMission},
    page::Page,
    replay::Replay,
    state::MissionState,
};
use serde::{Deserialize, Deserializer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{page_request, search_words, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_missions, create_mission))
        .routes(routes!(get_mission, edit_mission, delete_mission))
        .routes(routes!(interrupt_mission))
        .routes(routes!(cancel_mission))
        .routes(routes!(resume_mission))
        .routes(routes!(finish_mission))
        .routes(routes!(replay_mission))
}

/// A mission that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MissionRequest {
    /// Its id, where the client has made one for it: a request that is repeated then makes no second mission. Absent makes one.
    id: Option<MissionId>,
    /// The first message.
    #[schema(min_length = 1, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
    prompt: String,
    /// The files that come with it.
    #[serde(default)]
    #[schema(max_items = 20)]
    attachments: Vec<AttachmentId>,
    /// A line for a person; absent makes one from the prompt.
    #[schema(min_length = 1, max_length = 120)]
    title: Option<String>,
    /// The harness; absent takes the configured default.
    harness: Option<PluginId>,
    /// The workspace, by id or name; absent makes one of its own with the default backend.
    workspace: Option<WorkspaceRef>,
    /// The model, where the harness lets it be chosen.
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
    /// How hard the model is to think, as the harness names it.
    #[schema(min_length = 1, max_length = 64)]
    effort: Option<String>,
    /// Whether the agent asks before it does what may do harm; absent takes the configured default.
    approvals: Option<ApprovalMode>,
    /// What it is to do with what it is asked.
    #[serde(default)]
    mode: WorkMode,
    /// Settings for the harness, by its own schema.
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
    /// Whether it ends with its first turn.
    #[serde(default)]
    one_shot: bool,
    /// Whether it works in a worktree of its own of the workspace's repository, on a branch of its own.
    #[serde(default)]
    worktree: bool,
}

/// What is changed of a mission; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MissionChange {
    /// A line for a person.
    #[schema(min_length = 1, max_length = 120)]
    title: Option<String>,
    /// The model of the next turns; null leaves it to the harness.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    model: Option<Option<String>>,
    /// How hard the model is to think in the next turns; null leaves it to the harness.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 64)]
    effort: Option<Option<String>>,
    /// Whether the agent asks in the next turns.
    approvals: Option<ApprovalMode>,
    /// What it is to do in the next turns.
    mode: Option<WorkMode>,
}

/// Tells a value that is null from one that is absent.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// Which missions are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MissionQuery {
    /// Only missions in one of these states, separated by commas.
    #[param(required = false, value_type = Vec<MissionState>, inline, style = Form, explode = false)]
    state: Option<String>,
    /// Only missions in this workspace, by id or name.
    #[param(required = false, value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
    workspace: Option<WorkspaceRef>,
    /// Only missions whose title or events hold these words.
    #[param(required = false, min_length = 1, max_length = 200)]
    q: Option<String>,
    /// `next_cursor` of the part before.
    #[param(required = false, min_length = 1, max_length = 512)]
    cursor: Option<String>,
    /// How many at most; 50 where absent.
    #[param(required = false, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// List missions
///
/// The newest first.
#[utoipa::path(
    get, path = "/missions", tag = "missions", params(MissionQuery),
    responses(
        (status = 200, description = "A part of the list.", body = Page<Mission>),
        (status = 404, description = "There is no such workspace.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn list_missions(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<MissionQuery>,
) -> Result<Json<Page<Mission>>, Problem> {
    let page = page_request(query.cursor, query.limit)?;
    let workspace = match query.workspace {
        Some(workspace) => Some(workspace.resolve(&server.orchestrator).await?.id),
        None => None,
    };
    let filter = MissionFilter {
        states: query.state.as_deref().map(states).transpose()?.unwrap_or_default(),
        workspace,
        search: query.q.map(search_words).transpose()?,
    };
    Ok(Json(server.orchestrator.missions(&filter, &page).await?))
}

fn states(names: &str) -> Result<Vec<MissionState>, Problem> {
    let parsed = names.split(',').map(|name| {
        MissionState::parse(name)
            .ok_or_else(|| Problem::invalid("mission.state_invalid", format!("there is no mission state {name:?}")))
    });
    parsed.collect()
}

/// Make a mission
///
/// Its first message is queued at once; the turn begins as soon as there is a place for it.
#[utoipa::path(
    post, path = "/missions", tag = "missions", request_body = MissionRequest,
    responses(
        (status = 201, description = "The mission.", body = Mission),
        (status = 404, description = "There is no such harness, backend, workspace or attachment.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn create_mission(
    State(server): Shared,
    Caller(by): Caller,
    Body(wanted): Body<MissionRequest>,
) -> Result<(StatusCode, Json<Mission>), Problem> {
    let workspace = match wanted.workspace {
        Some(workspace) => Some(workspace.resolve(&server.orchestrator).await?.id),
        None => None,
    };
    let new = NewMission {
        id: wanted.id,
        prompt: wanted.prompt,
        attachments: wanted.attachments,
        title: wanted.title,
        harness: wanted.harness,
        workspace,
        model: wanted.model,
        effort: wanted.effort,
        approvals: wanted.approvals,
        mode: wanted.mode,
        settings: wanted.settings.into(),
        one_shot: wanted.one_shot,
        worktree: wanted.worktree,
    };
    Ok((StatusCode::CREATED, Json(server.orchestrator.create_mission(&by, new).await?)))
}

/// Get a mission
#[utoipa::path(
    get, path = "/missions/{id}", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The mission as it stands.", body = Mission))
)]
async fn get_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Mission>, Problem> {
    Ok(Json(server.orchestrator.mission(id).await?))
}

/// Change a mission
///
/// Its title at once, all else from its next turn on.
#[utoipa::path(
    patch, path = "/missions/{id}", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    request_body = MissionChange,
    responses((status = 200, description = "The mission as it stands.", body = Mission))
)]
async fn edit_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    Body(change): Body<MissionChange>,
) -> Result<Json<Mission>, Problem> {
    let MissionChange { title, model, effort, approvals, mode } = change;
    let edit = MissionEdit { title, model, effort, approvals, mode };
    Ok(Json(server.orchestrator.edit_mission(id, edit).await?))
}

/// Remove a mission
///
/// It has to have ended. Its events go with it; its workspace stays.
#[utoipa::path(
    delete, path = "/missions/{id}", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 204, description = "It is gone."))
)]
async fn delete_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_mission(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Interrupt a mission
///
/// The turn that is under way is asked to end, and is ended after the configured grace. The mission goes on with its
/// next message.
#[utoipa::path(
    post, path = "/missions/{id}/interrupt", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The mission as it stands.", body = Mission))
)]
async fn interrupt_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Mission>, Problem> {
    Ok(Json(server.orchestrator.interrupt_mission(id).await?))
}

/// Cancel a mission
///
/// Answered when none of its processes is left. A mission that has ended stays as it is.
#[utoipa::path(
    post, path = "/missions/{id}/cancel", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The mission, which has ended.", body = Mission))
)]
async fn cancel_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Mission>, Problem> {
    Ok(Json(server.orchestrator.cancel_mission(id).await?))
}

/// Resume a mission
///
/// One that failed, was cancelled, is parked or whose run was lost: its last message is sent again.
#[utoipa::path(
    post, path = "/missions/{id}/resume", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The mission, which is queued.", body = Mission))
)]
async fn resume_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Mission>, Problem> {
    Ok(Json(server.orchestrator.resume_mission(id).await?))
}

/// Finish a mission
///
/// One that waits for a person: it is done.
#[utoipa::path(
    post, path = "/missions/{id}/finish", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "The mission, which is done.", body = Mission))
)]
async fn finish_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Mission>, Problem> {
    Ok(Json(server.orchestrator.finish_mission(id).await?))
}

/// Read a mission's output again
///
/// By its harness as it is now: what its processes printed is told to the driver as it was then, and what the driver says is
/// held against the log. Nothing of the mission changes.
#[utoipa::path(
    post, path = "/missions/{id}/replay", tag = "missions",
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "Turn by turn, what it says otherwise.", body = Replay))
)]
async fn replay_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
) -> Result<Json<Replay>, Problem> {
    Ok(Json(server.orchestrator.replay_mission(id).await?))
}
