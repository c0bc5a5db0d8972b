//! Snapshots of workspaces, and what is made from them.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    SnapshotId,
    page::Page,
    snapshot::Snapshot,
    workspace::{Workspace, WorkspaceName},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_snapshots))
        .routes(routes!(get_snapshot, delete_snapshot))
        .routes(routes!(fork_snapshot))
        .routes(routes!(list_workspace_snapshots, take_snapshot))
        .routes(routes!(fork_workspace))
        .routes(routes!(restore_workspace))
}

/// A snapshot that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SnapshotRequest {
    /// What it is for; at most 200 characters.
    #[schema(max_length = 200)]
    label: Option<String>,
}

/// A workspace that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ForkRequest {
    /// Its name; absent makes one.
    name: Option<WorkspaceName>,
}

/// Where a workspace is to go back to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestoreRequest {
    /// One of the workspace's snapshots.
    snapshot: SnapshotId,
}

/// List snapshots
///
/// Of all workspaces, also of those that are gone; the newest first.
#[utoipa::path(
    get, path = "/snapshots", tag = "snapshots", params(PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Snapshot>))
)]
async fn list_snapshots(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Snapshot>>, Problem> {
    Ok(Json(server.orchestrator.snapshots(None, &query.request()?).await?))
}

/// Get a snapshot
#[utoipa::path(
    get, path = "/snapshots/{id}", tag = "snapshots",
    params(("id" = SnapshotId, Path, description = "The snapshot")),
    responses((status = 200, description = "The snapshot.", body = Snapshot))
)]
async fn get_snapshot(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<SnapshotId>,
) -> Result<Json<Snapshot>, Problem> {
    Ok(Json(server.orchestrator.snapshot(id).await?))
}

/// Remove a snapshot
///
/// Workspaces that were made from it keep what they began with.
#[utoipa::path(
    delete, path = "/snapshots/{id}", tag = "snapshots",
    params(("id" = SnapshotId, Path, description = "The snapshot")),
    responses((status = 204, description = "It is gone."))
)]
async fn delete_snapshot(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<SnapshotId>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_snapshot(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a workspace from a snapshot
///
/// With the same backend, options, network and limits, and with the files, the home and the root file system of then.
#[utoipa::path(
    post, path = "/snapshots/{id}/fork", tag = "snapshots", request_body = ForkRequest,
    params(("id" = SnapshotId, Path, description = "The snapshot")),
    responses((status = 201, description = "The workspace.", body = Workspace))
)]
async fn fork_snapshot(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<SnapshotId>,
    Body(ForkRequest { name }): Body<ForkRequest>,
) -> Result<(StatusCode, Json<Workspace>), Problem> {
    Ok((StatusCode::CREATED, Json(server.orchestrator.fork_snapshot(&by, id, name).await?)))
}

/// List the snapshots of a workspace
///
/// The newest first.
#[utoipa::path(
    get, path = "/workspaces/{id}/snapshots", tag = "snapshots",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name"), PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Snapshot>))
)]
async fn list_workspace_snapshots(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Snapshot>>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.snapshots(Some(workspace.id), &query.request()?).await?))
}

/// Take a snapshot of a workspace
///
/// Refused while a process runs in it.
#[utoipa::path(
    post, path = "/workspaces/{id}/snapshots", tag = "snapshots", request_body = SnapshotRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses(
        (status = 201, description = "The snapshot.", body = Snapshot),
        (status = 409, description = "A process runs in it.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn take_snapshot(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(SnapshotRequest { label }): Body<SnapshotRequest>,
) -> Result<(StatusCode, Json<Snapshot>), Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok((StatusCode::CREATED, Json(server.orchestrator.take_snapshot(&by, workspace.id, label).await?)))
}

/// Make a workspace from how another stands
///
/// Refused while a process runs in the other.
#[utoipa::path(
    post, path = "/workspaces/{id}/fork", tag = "snapshots", request_body = ForkRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses(
        (status = 201, description = "The new workspace.", body = Workspace),
        (status = 409, description = "A process runs in it.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn fork_workspace(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(ForkRequest { name }): Body<ForkRequest>,
) -> Result<(StatusCode, Json<Workspace>), Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok((StatusCode::CREATED, Json(server.orchestrator.fork_workspace(&by, workspace.id, name).await?)))
}

/// Make a workspace stand as it stood
///
/// What it has changed since the snapshot is gone. Refused while a process runs in it.
#[utoipa::path(
    post, path = "/workspaces/{id}/restore", tag = "snapshots", request_body = RestoreRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses(
        (status = 200, description = "The workspace.", body = Workspace),
        (status = 409, description = "A process runs in it.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn restore_workspace(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(RestoreRequest { snapshot }): Body<RestoreRequest>,
) -> Result<Json<Workspace>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.restore_workspace(workspace.id, snapshot).await?))
}
