//! Templates of workspaces.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, extract::State};
use http::StatusCode;
use sandboxed_model::{
    PluginId,
    account::AccountName,
    context::{McpServer, McpServerName, SkillName},
    page::Page,
    port::DeclaredPort,
    recipe::{Blueprint, EnvValue, InitStep, Mount, VariableName},
    template::{Application, NewTemplate, Template, TemplateName},
    workspace::{NetworkPolicy, WorkspaceLimits},
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, InQuery, Object},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_templates, create_template))
        .routes(routes!(get_template, update_template, delete_template))
        .routes(routes!(list_template_versions))
        .routes(routes!(apply_template))
}

/// What a workspace is made with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BlueprintRequest {
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
}

impl From<BlueprintRequest> for Blueprint {
    fn from(wanted: BlueprintRequest) -> Self {
        let BlueprintRequest { backend, options, network, limits, ports, env, mounts, init, direct_keys, .. } = wanted;
        let BlueprintRequest { instructions, skills, mcp_servers, .. } = wanted;
        Self {
            backend,
            options,
            network: network.map(|it| it.0),
            limits: limits.map(|it| it.0).unwrap_or_default(),
            ports: ports.into_iter().map(|it| it.0).collect(),
            env,
            mounts: mounts.into_iter().map(|it| it.0).collect(),
            init: init.into_iter().map(|it| it.0).collect(),
            direct_keys,
            instructions,
            skills,
            mcp_servers: mcp_servers.into_iter().map(|(name, it)| (name, it.0)).collect(),
        }
    }
}

/// A template that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TemplateRequest {
    /// Its name.
    name: TemplateName,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// What workspaces are made with.
    #[schema(value_type = BlueprintRequest)]
    workspace: Object<BlueprintRequest>,
}

/// The next version of a template.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TemplateUpdate {
    /// What it is for.
    #[serde(default)]
    description: String,
    /// What workspaces are made with.
    #[schema(value_type = BlueprintRequest)]
    workspace: Object<BlueprintRequest>,
}

/// Which version is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VersionQuery {
    /// Absent is the newest.
    #[param(required = false, minimum = 1, maximum = 4294967295_u32)]
    version: Option<u32>,
}

/// How a template is applied to a workspace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ApplyRequest {
    /// The version; absent is the newest.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4294967295_u64)]
    version: Option<u32>,
    /// Whether only to say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// List templates
///
/// In their newest versions, the newest template first.
#[utoipa::path(
    get, path = "/templates", tag = "workspaces", params(PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Template>))
)]
async fn list_templates(
    State(server): Shared,
    _: Caller,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Template>>, Problem> {
    Ok(Json(server.orchestrator.templates(&query.request()?).await?))
}

/// Make a template
#[utoipa::path(
    post, path = "/templates", tag = "workspaces", request_body = TemplateRequest,
    responses((status = 201, description = "The template.", body = Template))
)]
async fn create_template(
    State(server): Shared,
    _: Caller,
    Body(wanted): Body<TemplateRequest>,
) -> Result<(StatusCode, Json<Template>), Problem> {
    let TemplateRequest { name, description, workspace } = wanted;
    let new = NewTemplate { name, description, workspace: workspace.0.into() };
    Ok((StatusCode::CREATED, Json(server.orchestrator.create_template(new).await?)))
}

/// Get a template
#[utoipa::path(
    get, path = "/templates/{name}", tag = "workspaces",
    params(("name" = inline(TemplateName), Path, description = "Its name"), VersionQuery),
    responses((status = 200, description = "The version that was asked for.", body = Template))
)]
async fn get_template(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<TemplateName>,
    InQuery(query): InQuery<VersionQuery>,
) -> Result<Json<Template>, Problem> {
    Ok(Json(server.orchestrator.template(&name, query.version).await?))
}

/// Change a template
///
/// Makes its next version; the old ones stay. One that says the same as the newest is not made.
#[utoipa::path(
    put, path = "/templates/{name}", tag = "workspaces", request_body = TemplateUpdate,
    params(("name" = inline(TemplateName), Path, description = "Its name")),
    responses((status = 200, description = "The newest version.", body = Template))
)]
async fn update_template(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<TemplateName>,
    Body(wanted): Body<TemplateUpdate>,
) -> Result<Json<Template>, Problem> {
    let TemplateUpdate { description, workspace } = wanted;
    let new = NewTemplate { name, description, workspace: workspace.0.into() };
    Ok(Json(server.orchestrator.update_template(new).await?))
}

/// Remove a template
///
/// With all its versions. Workspaces that were made from it stay as they are.
#[utoipa::path(
    delete, path = "/templates/{name}", tag = "workspaces",
    params(("name" = inline(TemplateName), Path, description = "Its name")),
    responses((status = 204, description = "It is gone."))
)]
async fn delete_template(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<TemplateName>,
) -> Result<StatusCode, Problem> {
    server.orchestrator.delete_template(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the versions of a template
///
/// The newest first.
#[utoipa::path(
    get, path = "/templates/{name}/versions", tag = "workspaces",
    params(("name" = inline(TemplateName), Path, description = "Its name"), PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Template>))
)]
async fn list_template_versions(
    State(server): Shared,
    _: Caller,
    InPath(name): InPath<TemplateName>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Template>>, Problem> {
    Ok(Json(server.orchestrator.template_versions(&name, &query.request()?).await?))
}

/// Apply a workspace's template
///
/// Brings the workspace to a version of the template that it was made from: what differs is changed, and init steps that were
/// not run in it so far are run by a build. Refused while a turn of a mission or a process runs in it.
#[utoipa::path(
    post, path = "/workspaces/{id}/template", tag = "workspaces", request_body = ApplyRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 200, description = "What was done, or would be.", body = Application))
)]
async fn apply_template(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<ApplyRequest>,
) -> Result<Json<Application>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let ApplyRequest { version, dry_run } = wanted;
    Ok(Json(server.orchestrator.apply_template(&by, workspace.id, version, dry_run).await?))
}
