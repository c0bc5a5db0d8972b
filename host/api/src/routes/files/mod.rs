//! Files of workspaces.
//!
//! The path of a file is a query parameter and no part of the path of the URL: clients and proxies tidy up `..`, `//` and
//! `%2F` there, before the server can see what was asked for.

mod archive;
mod conditions;
mod content;
mod uploads;

use std::sync::Arc;

use axum::{Json, extract::State, response::Response};
use http::{HeaderValue, StatusCode, header};
use sandboxed_model::{
    files::{DiskUsage, FileEntry},
    page::Page,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(in crate::routes) use self::content::pieces;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_files, remove_file))
        .routes(routes!(get_file))
        .routes(routes!(make_directory))
        .routes(routes!(move_file))
        .routes(routes!(get_files_usage))
        .merge(content::routes())
        .merge(archive::routes())
        .merge(uploads::routes())
}

/// Which file is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PathQuery {
    /// Its path from the workspace's tree, with `%XX` in names as a list tells them. Absent is the tree itself.
    #[param(required = false)]
    path: Option<String>,
}

impl PathQuery {
    fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_default()
    }
}

/// What is to be removed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RemoveQuery {
    /// Its path from the workspace's tree.
    path: String,
    /// Whether a directory goes with all that is in it.
    #[param(required = false)]
    recursive: Option<bool>,
}

/// A directory that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DirectoryRequest {
    /// Its path from the workspace's tree.
    path: String,
    /// Whether missing directories above it are made too; one that exists is then fine.
    #[serde(default)]
    parents: bool,
}

/// A file that gets another name or place.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveRequest {
    /// Its path from the workspace's tree.
    from: String,
    /// Its path afterwards.
    to: String,
    /// Whether it takes the place of a file that is there, or a directory that of an empty one.
    #[serde(default)]
    overwrite: bool,
}

/// List a directory
///
/// In the order of the bytes of the names. Links are told of themselves.
#[utoipa::path(
    get, path = "/workspaces/{id}/files", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), PathQuery, PageQuery),
    responses(
        (status = 200, description = "A part of the list.", body = Page<FileEntry>),
        (status = 409, description = "It is no directory.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn list_files(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<PathQuery>,
    InQuery(page): InQuery<PageQuery>,
) -> Result<Json<Page<FileEntry>>, Problem> {
    let page = page.request()?;
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.files(workspace.id, wanted.path(), &page).await?))
}

/// Remove a file or directory
///
/// A link is removed itself, never what it leads to. A removal that breaks off leaves the rest.
#[utoipa::path(
    delete, path = "/workspaces/{id}/files", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), RemoveQuery),
    responses((status = 204, description = "It is gone."))
)]
async fn remove_file(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<RemoveQuery>,
) -> Result<StatusCode, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    server.orchestrator.remove_file(workspace.id, &wanted.path, wanted.recursive.unwrap_or(false)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get what is told of a file
#[utoipa::path(
    get, path = "/workspaces/{id}/files/entry", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), PathQuery),
    responses(
        (status = 200, description = "What it is.", body = FileEntry),
        (status = 409, description = "It cannot be looked at.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn get_file(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<PathQuery>,
) -> Result<Json<FileEntry>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.file(workspace.id, wanted.path()).await?))
}

/// Make a directory
#[utoipa::path(
    post, path = "/workspaces/{id}/files/directories", tag = "files", request_body = DirectoryRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name")),
    responses((status = 201, description = "The directory.", body = FileEntry))
)]
async fn make_directory(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<DirectoryRequest>,
) -> Result<(StatusCode, Json<FileEntry>), Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let made = server.orchestrator.make_directory(workspace.id, &wanted.path, wanted.parents).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Move a file or directory
///
/// In one step.
#[utoipa::path(
    post, path = "/workspaces/{id}/files/move", tag = "files", request_body = MoveRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name")),
    responses((status = 204, description = "It has its new path."))
)]
async fn move_file(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<MoveRequest>,
) -> Result<StatusCode, Problem> {
    let MoveRequest { from, to, overwrite } = wanted;
    let workspace = workspace.resolve(&server.orchestrator).await?;
    server.orchestrator.move_file(workspace.id, &from, &to, overwrite).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Measure a file or directory
///
/// With all that is below it.
#[utoipa::path(
    get, path = "/workspaces/{id}/files/usage", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), PathQuery),
    responses(
        (status = 200, description = "The space that it takes.", body = DiskUsage),
        (status = 409, description = "It cannot be looked at.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn get_files_usage(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<PathQuery>,
) -> Result<Json<DiskUsage>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.files_usage(workspace.id, wanted.path()).await?))
}

/// Makes an answer a file to be saved: what an agent wrote is never shown as a page of this server.
pub(super) fn attach(response: &mut Response, name: &str, kind: &'static str) {
    dispose(response, "attachment", name, kind);
}

/// Says what a browser is to do with an answer, what it is called and what it is.
pub(in crate::routes) fn dispose(response: &mut Response, how: &'static str, name: &str, kind: &'static str) {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    // RFC 6266 with RFC 8187: nothing of the name can end the parameter.
    let mut disposition = format!("{how}; filename*=UTF-8''");
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => disposition.push(char::from(byte)),
            _ => disposition.push_str(&format!("%{byte:02X}")),
        }
    }
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
}
