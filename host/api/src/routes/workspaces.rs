//! Workspaces.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_core::Orchestrator;
use sandboxed_model::{
    PluginId, WorkspaceId,
    account::AccountName,
    command::ResourceUsage,
    context::{McpServer, McpServerName, SkillName},
    page::Page,
    port::DeclaredPort,
    recipe::{EnvValue, InitStep, Mount, Recipe, VariableName},
    template::{TemplateChoice, TemplateName},
    workspace::{InvalidWorkspaceName, NetworkPolicy, NewWorkspace, Workspace, WorkspaceLimits, WorkspaceName},
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::PageQuery;
use crate::{
    extract::{Body, Caller, InPath, InQuery, Object},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_workspaces, create_workspace))
        .routes(routes!(get_workspace, delete_workspace))
        .routes(routes!(get_workspace_usage))
}

/// A workspace by its id or its name.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9_-]{0,63}$")]
pub(crate) struct WorkspaceRef(WorkspaceName);

impl TryFrom<String> for WorkspaceRef {
    type Error = InvalidWorkspaceName;

    fn try_from(text: String) -> Result<Self, InvalidWorkspaceName> {
        // An id is written like a name.
        text.parse().map(Self)
    }
}

impl WorkspaceRef {
    /// The workspace that is meant. What looks like an id is one.
    pub(crate) async fn resolve(&self, orchestrator: &Orchestrator) -> Result<Workspace, Problem> {
        let id = self.0.as_str().parse::<WorkspaceId>().ok().filter(|id| id.to_string() == self.0.as_str());
        Ok(match id {
            Some(id) => orchestrator.workspace(id).await?,
            None => orchestrator.workspace_by_name(&self.0).await?,
        })
    }
}

/// A workspace that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WorkspaceRequest {
    /// Its name; absent makes one.
    name: Option<WorkspaceName>,
    /// The backend that isolates it; absent takes the configured default.
    backend: Option<PluginId>,
    /// Options for the backend, by its own schema.
    #[serde(default)]
    options: serde_json::Map<String, serde_json::Value>,
    /// What it reaches; absent takes the configured default.
    #[schema(value_type = Option<NetworkPolicy>)]
    network: Option<Object<NetworkPolicy>>,
    /// What its processes may use together; what is absent takes the configured default.
    #[schema(value_type = Option<WorkspaceLimits>)]
    limits: Option<Object<WorkspaceLimits>>,
    /// Ports that are known before anything listens on them.
    #[serde(default)]
    #[schema(value_type = Vec<DeclaredPort>, max_items = 64)]
    ports: Vec<Object<DeclaredPort>>,
    /// Variables of all its processes.
    #[serde(default)]
    env: BTreeMap<VariableName, EnvValue>,
    /// Directories of the server's machine that it sees.
    #[serde(default)]
    #[schema(value_type = Vec<Mount>)]
    mounts: Vec<Object<Mount>>,
    /// Scripts that are run in it, in this order, when it is made.
    #[serde(default)]
    #[schema(value_type = Vec<InitStep>)]
    init: Vec<Object<InitStep>>,
    /// Accounts of providers whose keys are in the environment of its missions themselves, and not behind the gateway: every
    /// process of them can read these keys, and nothing of what they use is counted.
    #[serde(default)]
    #[schema(max_items = 16)]
    direct_keys: Vec<AccountName>,
    /// What agents of its missions are to keep to, besides what repositories say: 64 KiB at most.
    #[schema(max_length = 65536)]
    instructions: Option<String>,
    /// Skills of the library that they have.
    #[serde(default)]
    #[schema(max_items = 64)]
    skills: Vec<SkillName>,
    /// Servers of tools (Model Context Protocol) that they use, by the names that they have there: 32 at most.
    #[serde(default)]
    #[schema(value_type = BTreeMap<McpServerName, McpServer>)]
    mcp_servers: BTreeMap<McpServerName, Object<McpServer>>,
    /// The template that it is made from. What is said here counts over it: options, limits and variables one by one, a
    /// mount by its target, a port by its name or number; init steps are added to the template's.
    template: Option<TemplateName>,
    /// The version of the template; absent is the newest.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4294967295_u64)]
    template_version: Option<u32>,
}

impl From<WorkspaceRequest> for NewWorkspace {
    fn from(wanted: WorkspaceRequest) -> Self {
        let WorkspaceRequest {
            name,
            backend,
            options,
            network,
            limits,
            ports,
            env,
            mounts,
            init,
            direct_keys,
            instructions,
            skills,
            mcp_servers,
            template,
            template_version,
        } = wanted;
        let recipe = Recipe {
            env,
            mounts: mounts.into_iter().map(|it| it.0).collect(),
            init: init.into_iter().map(|it| it.0).collect(),
            direct_keys,
            instructions,
            skills,
            mcp_servers: mcp_servers.into_iter().map(|(name, it)| (name, it.0)).collect(),
        };
        Self {
            name,
            backend,
            options: options.into(),
            network: network.map(|it| it.0),
            limits: limits.map(|it| it.0).unwrap_or_default(),
            ports: ports.into_iter().map(|it| it.0).collect(),
            recipe,
            template: template.map(|name| TemplateChoice { name, version: template_version }),
        }
    }
}

/// List workspaces
///
/// In the order of their names.
#[utoipa::path(
    get, path = "/workspaces", tag = "workspaces", params(PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Workspace>))
)]
async fn list_workspaces(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Workspace>>, Problem> {
    Ok(Json(server.orchestrator.workspaces(&query.request()?).await?))
}

/// Make a workspace
///
/// One that is a system of its own or has init steps is then in phase `building`, by the build that it names: `GET /builds/{id}` tells how it stands.
#[utoipa::path(
    post, path = "/workspaces", tag = "workspaces", request_body = WorkspaceRequest,
    responses(
        (status = 201, description = "The workspace.", body = Workspace),
        (status = 404, description = "There is no such backend or template.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn create_workspace(
    State(server): Shared,
    Caller(by): Caller,
    Body(wanted): Body<WorkspaceRequest>,
) -> Result<(StatusCode, Json<Workspace>), Problem> {
    if wanted.template_version.is_some() && wanted.template.is_none() {
        return Err(Problem::invalid("template.version_alone", "template_version needs a template"));
    }
    Ok((StatusCode::CREATED, Json(server.orchestrator.create_workspace(&by, wanted.into()).await?)))
}

/// Get a workspace
#[utoipa::path(
    get, path = "/workspaces/{id}", tag = "workspaces",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 200, description = "The workspace as it stands.", body = Workspace))
)]
async fn get_workspace(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
) -> Result<Json<Workspace>, Problem> {
    Ok(Json(workspace.resolve(&server.orchestrator).await?))
}

/// Remove a workspace with its files
///
/// Refused while a mission that has not ended uses it.
#[utoipa::path(
    delete, path = "/workspaces/{id}", tag = "workspaces",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 204, description = "It is gone."))
)]
async fn delete_workspace(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
) -> Result<StatusCode, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    server.orchestrator.delete_workspace(workspace.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See what a workspace uses
///
/// What its processes use together now. What this machine does not count is absent.
#[utoipa::path(
    get, path = "/workspaces/{id}/usage", tag = "workspaces",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 200, description = "What it uses.", body = ResourceUsage))
)]
async fn get_workspace_usage(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
) -> Result<Json<ResourceUsage>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.workspace_usage(workspace.id).await?))
}
