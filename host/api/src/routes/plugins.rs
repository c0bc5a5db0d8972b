//! Plugins: backends, harnesses and tools.

use std::sync::Arc;

use axum::{Json, extract::State};
use sandboxed_model::{
    PluginId,
    plugin::PluginInfo,
    tools::{Tool, ToolReply},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{List, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_plugins))
        .routes(routes!(get_plugin))
        .routes(routes!(reload_plugin))
        .routes(routes!(keep_plugin))
        .routes(routes!(roll_back_plugin))
        .routes(routes!(list_tools))
        .routes(routes!(call_tool))
}

/// A call of a tool.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ToolCallRequest {
    /// The workspace that the call acts on, by id or name.
    workspace: WorkspaceRef,
    /// Arguments, by the tool's own schema.
    #[serde(default)]
    arguments: serde_json::Map<String, serde_json::Value>,
}

/// List plugins
///
/// In the order of the configuration, with their rights and their health.
#[utoipa::path(
    get, path = "/plugins", tag = "plugins",
    responses((status = 200, description = "The plugins.", body = List<PluginInfo>))
)]
async fn list_plugins(State(server): Shared, _: Caller) -> Json<List<PluginInfo>> {
    Json(List { items: server.orchestrator.plugins() })
}

/// Get a plugin
#[utoipa::path(
    get, path = "/plugins/{id}", tag = "plugins", params(("id" = inline(PluginId), Path, description = "The plugin")),
    responses((status = 200, description = "The plugin as it stands.", body = PluginInfo))
)]
async fn get_plugin(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<PluginInfo>, Problem> {
    Ok(Json(server.orchestrator.plugin(&id)?))
}

/// Load a plugin anew
///
/// Calls that are under way end on the old one. When it cannot be loaded, the old one stays in use. A version that was
/// rolled back is tried again.
#[utoipa::path(
    post, path = "/plugins/{id}/reload", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The plugin as it now stands.", body = PluginInfo))
)]
async fn reload_plugin(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<PluginInfo>, Problem> {
    Ok(Json(server.orchestrator.reload_plugin(&id).await?))
}

/// Keep a plugin's version
///
/// Ends the trial of the version in use: it counts as good.
#[utoipa::path(
    post, path = "/plugins/{id}/keep", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The plugin as it now stands.", body = PluginInfo))
)]
async fn keep_plugin(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<PluginInfo>, Problem> {
    Ok(Json(server.orchestrator.keep_plugin(&id).await?))
}

/// Roll a plugin back
///
/// Puts the version before in use; turns that are under way go on with it. The version that was in use is not tried again
/// before its file changes or it is loaded anew by a request.
#[utoipa::path(
    post, path = "/plugins/{id}/roll-back", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The plugin as it now stands.", body = PluginInfo))
)]
async fn roll_back_plugin(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<PluginInfo>, Problem> {
    Ok(Json(server.orchestrator.roll_back_plugin(&id).await?))
}

/// List the tools of a plugin
#[utoipa::path(
    get, path = "/plugins/{id}/tools", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The plugin")),
    responses((status = 200, description = "Its tools.", body = List<Tool>))
)]
async fn list_tools(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<List<Tool>>, Problem> {
    Ok(Json(List { items: server.orchestrator.tools(&id).await? }))
}

/// Call a tool
///
/// An answer with `is_error` means that the tool ran and could not do what was asked.
#[utoipa::path(
    post, path = "/plugins/{id}/tools/{tool}", tag = "plugins",
    params(
        ("id" = inline(PluginId), Path, description = "The plugin"),
        ("tool" = String, Path, description = "The tool", min_length = 1, max_length = 128, pattern = "^[A-Za-z0-9_.-]+$")
    ),
    request_body = ToolCallRequest,
    responses((status = 200, description = "What the tool answered.", body = ToolReply))
)]
async fn call_tool(
    State(server): Shared,
    _: Caller,
    InPath((id, tool)): InPath<(PluginId, String)>,
    Body(call): Body<ToolCallRequest>,
) -> Result<Json<ToolReply>, Problem> {
    let valid = (1..=128).contains(&tool.len())
        && tool.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    if !valid {
        let detail = "a tool's name has 1 to 128 of A-Z, a-z, 0-9, _, . and -";
        return Err(Problem::invalid("tool.name_invalid", detail));
    }
    let workspace = call.workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.call_tool(&id, &tool, workspace.id, call.arguments.into()).await?))
}
