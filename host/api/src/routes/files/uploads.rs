//! Files that arrive in parts.

use std::sync::Arc;

use axum::{Json, body::Body as Streamed, extract::State, response::Response};
use http::{HeaderMap, StatusCode};
use sandboxed_model::files::{FileWritten, Upload};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    super::workspaces::WorkspaceRef,
    conditions,
    content::{answer, refused},
};
use crate::{
    body,
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(start_upload))
        .routes(routes!(get_upload, append_upload, abort_upload))
        .routes(routes!(finish_upload))
}

/// The largest number that every reader of JSON knows exactly.
const MAX_TOTAL: u64 = (1 << 53) - 1;

/// An upload that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UploadRequest {
    /// The file's path from the workspace's tree.
    path: String,
    /// Bytes of the whole file.
    #[schema(minimum = 0, maximum = 9007199254740991_u64)]
    total: u64,
}

/// Where a part belongs.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PartQuery {
    /// The byte of the file with which the part begins: as many as have arrived.
    #[param(minimum = 0, maximum = 9007199254740991_u64)]
    offset: u64,
}

/// How the file is written.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FinishQuery {
    /// Whether missing directories above it are made.
    #[param(required = false)]
    parents: Option<bool>,
}

/// Begin an upload
///
/// Nothing of it is seen in the workspace before it is finished. It outlives the server, and is forgotten a day after its last
/// part.
#[utoipa::path(
    post, path = "/workspaces/{id}/uploads", tag = "files", request_body = UploadRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name")),
    responses((status = 201, description = "The upload.", body = Upload))
)]
async fn start_upload(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<UploadRequest>,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    if wanted.total > MAX_TOTAL {
        return Err(Problem::invalid("upload.total_invalid", format!("total is a number from 0 to {MAX_TOTAL}")));
    }
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let upload = server.orchestrator.start_upload(workspace.id, &wanted.path, wanted.total).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// Get an upload
///
/// After a connection that broke off, this tells where the next part begins.
#[utoipa::path(
    get, path = "/workspaces/{id}/uploads/{upload}", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("upload" = String, Path, description = "The upload")
    ),
    responses((status = 200, description = "How far it is.", body = Upload))
)]
async fn get_upload(
    State(server): Shared,
    _: Caller,
    InPath((workspace, upload)): InPath<(WorkspaceRef, String)>,
) -> Result<Json<Upload>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.upload(workspace.id, &upload).await?))
}

/// Append a part to an upload
///
/// What came before a connection broke off is kept.
#[utoipa::path(
    patch, path = "/workspaces/{id}/uploads/{upload}", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("upload" = String, Path, description = "The upload"), PartQuery
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "How far it is.", body = Upload))
)]
async fn append_upload(
    State(server): Shared,
    _: Caller,
    InPath((workspace, upload)): InPath<(WorkspaceRef, String)>,
    InQuery(part): InQuery<PartQuery>,
    content: Streamed,
) -> Result<Json<Upload>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let content = body::reader(content);
    Ok(Json(server.orchestrator.append_upload(workspace.id, &upload, part.offset, content).await?))
}

/// Give an upload up
#[utoipa::path(
    delete, path = "/workspaces/{id}/uploads/{upload}", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("upload" = String, Path, description = "The upload")
    ),
    responses((status = 204, description = "It is gone."))
)]
async fn abort_upload(
    State(server): Shared,
    _: Caller,
    InPath((workspace, upload)): InPath<(WorkspaceRef, String)>,
) -> Result<StatusCode, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    server.orchestrator.abort_upload(workspace.id, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Finish an upload
///
/// The file is written as a whole, as with a write. If that fails the upload is still there.
#[utoipa::path(
    post, path = "/workspaces/{id}/uploads/{upload}/finish", tag = "files",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("upload" = String, Path, description = "The upload"), FinishQuery,
        ("If-Match" = Option<String>, Header, description = "Only over this version, or with `*` over any"),
        ("If-None-Match" = Option<String>, Header, description = "With `*`: only where there is nothing")
    ),
    responses(
        (status = 200, description = "The file as it is now.", body = FileWritten),
        (status = 412, description = "The condition does not hold.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn finish_upload(
    State(server): Shared,
    _: Caller,
    InPath((workspace, upload)): InPath<(WorkspaceRef, String)>,
    InQuery(wanted): InQuery<FinishQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let condition = conditions::of_writing(&headers)?;
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let parents = wanted.parents.unwrap_or(false);
    let written = server.orchestrator.finish_upload(workspace.id, &upload, condition, parents).await;
    Ok(answer(written.map_err(refused)?))
}
