//! Workspaces that leave, and come in.

use std::sync::Arc;

use axum::{Json, body::Body as Streamed, extract::State, response::Response};
use http::StatusCode;
use sandboxed_core::WorkspaceExport;
use sandboxed_model::{
    PluginId,
    moving::{ExportFormat, ImportWishes, ImportedWorkspace},
    workspace::WorkspaceName,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{files::attach, workspaces::WorkspaceRef};
use crate::{
    body,
    extract::{Caller, InPath, InQuery},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(export_workspace)).routes(routes!(import_workspace))
}

/// How a workspace is packed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    /// `tar.zst` where absent.
    #[param(required = false, inline)]
    format: Option<ExportFormat>,
}

/// What is said beside an archive.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// The workspace's name; absent is the one that it had.
    #[param(required = false, inline)]
    name: Option<WorkspaceName>,
    /// Its backend; absent is the one that it had. With another one it has none of its options.
    #[param(required = false)]
    backend: Option<PluginId>,
    /// Options for the backend, a JSON object, in place of those that it had.
    #[param(required = false)]
    options: Option<String>,
}

/// Export a workspace
///
/// As one archive with its settings, files, home and, where it has one of its own, its system. Values of secrets are not in
/// it, but whatever agents wrote is. Nobody works in the workspace meanwhile; it is refused while somebody does. The
/// connection breaks off if it cannot be packed to its end.
#[utoipa::path(
    get, path = "/workspaces/{id}/export", tag = "workspaces",
    security(("token" = ["write"]), ("session" = ["write"])),
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name"), ExportQuery),
    responses(
        (status = 200, description = "The archive.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 409, description = "It is in use, or cannot be packed.", body = Document, content_type = MEDIA_TYPE),
        (status = 412, description = "It changed while it was packed.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn export_workspace(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(wanted): InQuery<ExportQuery>,
) -> Result<Response, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let export = server.orchestrator.export_workspace(workspace.id, wanted.format.unwrap_or_default()).await?;
    let name = export.name().to_owned();
    let mut response = Response::new(body::pieces(pieces(export)));
    attach(&mut response, &name, "application/octet-stream");
    Ok(response)
}

/// Import a workspace
///
/// From an archive of an export, of this server or another. It gets the settings that it had, as far as this server lets
/// workspaces have them; what it loses is told. Its init steps are not run. Of an archive that is refused nothing stays.
#[utoipa::path(
    post, path = "/workspaces/import", tag = "workspaces", params(ImportQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "The workspace.", body = ImportedWorkspace),
        (status = 404, description = "There is no such backend.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn import_workspace(
    State(server): Shared,
    Caller(by): Caller,
    InQuery(wanted): InQuery<ImportQuery>,
    content: Streamed,
) -> Result<(StatusCode, Json<ImportedWorkspace>), Problem> {
    let ImportQuery { name, backend, options } = wanted;
    let options = options.map(|options| serde_json::from_str(&options)).transpose();
    let options = options.map_err(|error| {
        Problem::invalid("http.query_invalid", format!("the parameter \"options\" is no JSON object: {error}"))
    })?;
    let wishes = ImportWishes { name, backend, options };
    let imported = server.orchestrator.import_workspace(&by, wishes, body::reader(content)).await?;
    Ok((StatusCode::CREATED, Json(imported)))
}

fn pieces(mut export: WorkspaceExport) -> impl futures_util::Stream<Item = sandboxed_core::Result<Vec<u8>>> {
    async_stream::try_stream! {
        while let Some(piece) = export.next().await? {
            yield piece;
        }
    }
}
