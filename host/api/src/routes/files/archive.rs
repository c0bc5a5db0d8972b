//! Directories as archives.

use std::sync::Arc;

use axum::{Json, body::Body as Streamed, extract::State, response::Response};
use sandboxed_core::ArchiveContent;
use sandboxed_model::files::{ArchiveFormat, Unpacked};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{super::workspaces::WorkspaceRef, attach};
use crate::{
    body,
    extract::{Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(super) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(pack_files, unpack_files))
}

/// Which archive is meant.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ArchiveQuery {
    /// The directory's path from the workspace's tree. Absent is the tree itself.
    #[param(required = false)]
    path: Option<String>,
    /// How it is packed; `tar.gz` where absent.
    #[param(required = false, inline)]
    format: Option<ArchiveFormat>,
}

/// Download a directory
///
/// As an archive of it and all that is below it, or of one file. Links stay links; pipes, sockets and devices are left out.
/// The connection breaks off if it cannot be packed to its end.
#[utoipa::path(
    get, path = "/workspaces/{id}/files/archive", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), ArchiveQuery),
    responses(
        (status = 200, description = "The archive.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 409, description = "It cannot be packed.", body = Document, content_type = MEDIA_TYPE),
        (status = 412, description = "It changed while it was packed.", body = Document, content_type = MEDIA_TYPE),
        (status = 413, description = "It holds too much.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn pack_files(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<ArchiveQuery>,
) -> Result<Response, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let path = wanted.path.unwrap_or_default();
    let archive = server.orchestrator.pack_files(workspace.id, &path, wanted.format.unwrap_or_default()).await?;
    let name = archive.name().to_owned();
    let mut response = Response::new(body::pieces(pieces(archive)));
    attach(&mut response, &name, "application/octet-stream");
    Ok(response)
}

/// Unpack an archive into a directory
///
/// Which is made where it is missing. Files that exist are replaced, directories are joined. What would lead out of the
/// workspace or is no file, directory or link is left out and told. An archive that names an absolute path or `..` is
/// refused; what was unpacked before stays.
#[utoipa::path(
    put, path = "/workspaces/{id}/files/archive", tag = "files",
    params(("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"), ArchiveQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "What was unpacked.", body = Unpacked))
)]
async fn unpack_files(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<ArchiveQuery>,
    content: Streamed,
) -> Result<Json<Unpacked>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let (path, format) = (wanted.path.unwrap_or_default(), wanted.format.unwrap_or_default());
    Ok(Json(server.orchestrator.unpack_files(workspace.id, &path, format, body::reader(content)).await?))
}

fn pieces(mut archive: ArchiveContent) -> impl futures_util::Stream<Item = sandboxed_core::Result<Vec<u8>>> {
    async_stream::try_stream! {
        while let Some(piece) = archive.next().await? {
            yield piece;
        }
    }
}
