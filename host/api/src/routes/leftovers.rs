//! What backends keep of workspaces that are not there any more.

use std::sync::Arc;

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{PluginId, WorkspaceId, workspace::Leftover};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::List;
use crate::{
    extract::{Caller, InPath},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(list_leftovers)).routes(routes!(remove_leftover))
}

/// List what backends keep of workspaces that are not there
///
/// A container, say, that outlived its workspace. A backend whose engine does not answer is passed over.
#[utoipa::path(
    get, path = "/leftovers", tag = "workspaces",
    responses((status = 200, description = "What they keep.", body = List<Leftover>))
)]
async fn list_leftovers(State(server): Shared, _: Caller) -> Result<Json<List<Leftover>>, Problem> {
    Ok(Json(List { items: server.orchestrator.leftovers().await? }))
}

/// Remove what a backend keeps of a workspace that is not there
#[utoipa::path(
    delete, path = "/leftovers/{backend}/{workspace}", tag = "workspaces",
    params(
        ("backend" = inline(PluginId), Path, description = "The backend that keeps it"),
        ("workspace" = inline(WorkspaceId), Path, description = "The id that the workspace had")
    ),
    responses((status = 204, description = "It is gone."))
)]
async fn remove_leftover(
    State(server): Shared,
    _: Caller,
    InPath((backend, workspace)): InPath<(PluginId, WorkspaceId)>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.remove_leftover(&Leftover { backend, workspace }).await?;
    Ok(StatusCode::NO_CONTENT)
}
