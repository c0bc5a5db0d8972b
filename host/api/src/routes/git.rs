//! Repositories in workspaces, and what missions change.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    MissionId,
    git::{Cloned, Commit, Diff, DiffOf, NewClone, NewPush, Pushed},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::workspaces::WorkspaceRef;
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(clone_repository))
        .routes(routes!(get_mission_diff))
        .routes(routes!(commit_mission))
        .routes(routes!(push_mission))
}

/// A repository that is wanted in a workspace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CloneRequest {
    /// Where it is: `https://host/path`, `ssh://user@host/path` or `user@host:path`, without a credential.
    url: String,
    /// The directory, from the workspace's tree; absent is the tree itself.
    path: Option<String>,
    /// The branch; absent is the one that the remote has checked out.
    branch: Option<String>,
    /// Only so many of the last commits.
    #[schema(minimum = 1)]
    depth: Option<u32>,
}

/// Which changes are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DiffQuery {
    /// The number of a turn, or `total`, which it is where absent.
    #[param(required = false, pattern = "^(total|[1-9][0-9]{0,8})$")]
    turn: Option<String>,
}

/// A commit that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommitRequest {
    /// Its message.
    #[schema(min_length = 1)]
    message: String,
}

/// Where commits are pushed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PushRequest {
    /// The repository; absent is the one that was cloned into the workspace's tree.
    url: Option<String>,
    /// The branch there; absent is `sandboxed/` and the mission's id.
    branch: Option<String>,
    /// Whether a branch that went another way is replaced.
    #[serde(default)]
    force: bool,
}

/// Clone a repository into a workspace
///
/// With the credential that `[git.credentials]` names for the host, which no process of the workspace sees. The workspace has
/// to reach the host. Submodules are left out.
#[utoipa::path(
    post, path = "/workspaces/{id}/clone", tag = "git", request_body = CloneRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name")),
    responses((status = 201, description = "The repository.", body = Cloned))
)]
async fn clone_repository(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<CloneRequest>,
) -> Result<(StatusCode, Json<Cloned>), Problem> {
    let CloneRequest { url, path, branch, depth } = wanted;
    if depth == Some(0) {
        return Err(Problem::invalid("git.depth_invalid", "depth is a number from 1 on"));
    }
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let new = NewClone { url, path: path.unwrap_or_default(), branch, depth };
    Ok((StatusCode::CREATED, Json(server.orchestrator.clone_repository(workspace.id, new).await?)))
}

/// See what a mission has changed
///
/// In one turn, as it was told at the turn's end; or in total since the mission began, as the files are now.
#[utoipa::path(
    get, path = "/missions/{id}/diff", tag = "git",
    params(("id" = inline(MissionId), Path, description = "The mission"), DiffQuery),
    responses(
        (status = 200, description = "The changed files.", body = Diff),
        (status = 409, description = "The files cannot be looked at.", body = Document, content_type = MEDIA_TYPE),
        (status = 502, description = "A plugin broke its contract.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn get_mission_diff(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    InQuery(wanted): InQuery<DiffQuery>,
) -> Result<Json<Diff>, Problem> {
    let invalid = || Problem::invalid("mission.turn_invalid", "turn is the number of a turn, from 1 on, or total");
    let of = match wanted.turn.as_deref() {
        None | Some("total") => DiffOf::Total,
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') => {
            DiffOf::Turn(text.parse().map_err(|_| invalid())?)
        }
        Some(_) => return Err(invalid()),
    };
    Ok(Json(server.orchestrator.mission_diff(id, of).await?))
}

/// Commit what a mission has changed
///
/// All of it, ignored files aside, in the mission's worktree or the workspace's repository. Hooks of the repository do not run.
#[utoipa::path(
    post, path = "/missions/{id}/commit", tag = "git", request_body = CommitRequest,
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 201, description = "The commit.", body = Commit))
)]
async fn commit_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    Body(wanted): Body<CommitRequest>,
) -> Result<(StatusCode, Json<Commit>), Problem> {
    Ok((StatusCode::CREATED, Json(server.orchestrator.commit_mission(id, &wanted.message).await?)))
}

/// Push what a mission has committed
///
/// To a branch of the repository that was cloned, or of the one that is named here; what the workspace's own configuration
/// says of remotes does not count. With the credential that `[git.credentials]` names for the host.
#[utoipa::path(
    post, path = "/missions/{id}/push", tag = "git", request_body = PushRequest,
    params(("id" = inline(MissionId), Path, description = "The mission")),
    responses((status = 200, description = "What was pushed.", body = Pushed))
)]
async fn push_mission(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<MissionId>,
    Body(wanted): Body<PushRequest>,
) -> Result<Json<Pushed>, Problem> {
    let PushRequest { url, branch, force } = wanted;
    Ok(Json(server.orchestrator.push_mission(id, NewPush { url, branch, force }).await?))
}
