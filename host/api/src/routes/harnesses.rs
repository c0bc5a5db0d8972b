//! Harnesses, and the programs that they need.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use sandboxed_model::{
    PluginId,
    install::{HarnessInfo, InstallOutline},
    mission::Mission,
};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::List;
use crate::{
    extract::{Body, Caller, InPath},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_harnesses))
        .routes(routes!(get_harness))
        .routes(routes!(install_harness, cancel_installation))
        .routes(routes!(test_harness))
        .routes(routes!(use_harness_version))
        .routes(routes!(remove_harness_version))
}

/// How a harness is installed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct InstallRequest {
    /// Whether nothing is done, and only told what would be.
    #[serde(default)]
    dry_run: bool,
}

/// How a harness is tried out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestRequest {
    /// The model that is asked. Absent or null: the harness's default.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    model: Option<String>,
}

/// Which version of a harness is used.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UseRequest {
    /// One that is installed. Absent or null: the one that the plugin is configured to use.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 100, pattern = "^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    version: Option<String>,
}

/// List harnesses
///
/// In the order of the configuration: what each is and can do, and how its programs stand.
#[utoipa::path(
    get, path = "/harnesses", tag = "plugins",
    responses((status = 200, description = "The harnesses.", body = List<HarnessInfo>))
)]
async fn list_harnesses(State(server): Shared, _: Caller) -> Result<Json<List<HarnessInfo>>, Problem> {
    Ok(Json(List { items: server.orchestrator.harnesses().await? }))
}

/// Get a harness
#[utoipa::path(
    get, path = "/harnesses/{id}", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The harness's plugin")),
    responses((
        status = 200,
        description = "Its abilities, models and the schema of its settings, and how its programs stand.",
        body = HarnessInfo
    ))
)]
async fn get_harness(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<HarnessInfo>, Problem> {
    Ok(Json(server.orchestrator.harness_info(&id).await?))
}

/// Install a harness
///
/// The version that its plugin is configured to use. The installation goes on by itself; the harness tells how far it is.
#[utoipa::path(
    post, path = "/harnesses/{id}/install", tag = "plugins", request_body = InstallRequest,
    params(("id" = inline(PluginId), Path, description = "The harness's plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses(
        (status = 200, description = "What would be done, where that was asked.", body = InstallOutline),
        (status = 202, description = "The harness, which is installed or being installed.", body = HarnessInfo)
    )
)]
async fn install_harness(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
    Body(wanted): Body<InstallRequest>,
) -> Result<Response, Problem> {
    Ok(match wanted.dry_run {
        true => Json(server.orchestrator.outline_installation(&id).await?).into_response(),
        false => (StatusCode::ACCEPTED, Json(server.orchestrator.install_harness(&id).await?)).into_response(),
    })
}

/// Cancel an installation
///
/// What was fetched is kept for the next one.
#[utoipa::path(
    delete, path = "/harnesses/{id}/install", tag = "plugins",
    params(("id" = inline(PluginId), Path, description = "The harness's plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The harness as it now stands.", body = HarnessInfo))
)]
async fn cancel_installation(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
) -> Result<Json<HarnessInfo>, Problem> {
    Ok(Json(server.orchestrator.cancel_installation(&id).await?))
}

/// Try a harness out
///
/// Begins a mission with one small question, in the workspace `harness-tests`, which is made where there is none. It installs
/// the program where that is missing and asks a model, which costs as much as that. Its end is told by its events and by the
/// harness.
#[utoipa::path(
    post, path = "/harnesses/{id}/test", tag = "plugins", request_body = TestRequest,
    params(("id" = inline(PluginId), Path, description = "The harness's plugin")),
    responses((status = 202, description = "The mission that tries it out.", body = Mission))
)]
async fn test_harness(
    State(server): Shared,
    Caller(by): Caller,
    InPath(id): InPath<PluginId>,
    Body(wanted): Body<TestRequest>,
) -> Result<(StatusCode, Json<Mission>), Problem> {
    let mission = server.orchestrator.test_harness(&by, &id, wanted.model).await?;
    Ok((StatusCode::ACCEPTED, Json(mission)))
}

/// Choose the version of a harness
///
/// Missions use it from their next turn on, whatever the plugin is configured to use.
#[utoipa::path(
    post, path = "/harnesses/{id}/use", tag = "plugins", request_body = UseRequest,
    params(("id" = inline(PluginId), Path, description = "The harness's plugin")),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 200, description = "The harness as it now stands.", body = HarnessInfo))
)]
async fn use_harness_version(
    State(server): Shared,
    _: Caller,
    InPath(id): InPath<PluginId>,
    Body(wanted): Body<UseRequest>,
) -> Result<Json<HarnessInfo>, Problem> {
    if let Some(version) = &wanted.version {
        check_version(version)?;
    }
    Ok(Json(server.orchestrator.use_harness_version(&id, wanted.version.as_deref()).await?))
}

/// Remove a version of a harness
///
/// Refused for the version that was chosen, and while a turn of the harness is under way.
#[utoipa::path(
    delete, path = "/harnesses/{id}/versions/{version}", tag = "plugins",
    params(
        ("id" = inline(PluginId), Path, description = "The harness's plugin"),
        (
            "version" = String, Path, description = "The version", min_length = 1, max_length = 100,
            pattern = "^[A-Za-z0-9][A-Za-z0-9._+-]*$"
        )
    ),
    security(("token" = ["admin"]), ("session" = ["admin"])),
    responses((status = 204, description = "It is gone."))
)]
async fn remove_harness_version(
    State(server): Shared,
    _: Caller,
    InPath((id, version)): InPath<(PluginId, String)>,
) -> Result<StatusCode, Problem> {
    check_version(&version)?;
    server.orchestrator.remove_harness_version(&id, &version).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_version(version: &str) -> Result<(), Problem> {
    let valid = (1..=100).contains(&version.len())
        && version.starts_with(|first: char| first.is_ascii_alphanumeric())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte));
    match valid {
        true => Ok(()),
        false => Err(Problem::invalid(
            "install.version_invalid",
            "a version has 1 to 100 of A-Z, a-z, 0-9, ., _, + and -, and begins with a letter or a digit",
        )),
    }
}
