//! Builds of workspaces.

use std::sync::Arc;

use axum::{Json, body::Body as AnswerBody, extract::State, response::Response};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use sandboxed_core::ProcessChunk;
use sandboxed_model::{BuildId, build::Build, command::OutputStream, page::Page};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{PageQuery, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, InQuery},
    problem::Problem,
    state::{Server, Shared},
};

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new()
        .routes(routes!(list_builds))
        .routes(routes!(build_workspace))
        .routes(routes!(get_build))
        .routes(routes!(cancel_build))
        .routes(routes!(stream_build_log))
}

/// How a workspace is built again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BuildRequest {
    /// Whether all init steps are run again, and not only those that the last build did not do. A system that is there stays.
    #[serde(default)]
    from_start: bool,
}

/// Which part of a log is wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct LogQuery {
    /// Which stream; standard output where absent. Scripts print everything on standard output; what is on standard error
    /// comes from what starts them.
    #[param(required = false)]
    stream: Option<OutputStream>,
    /// From this byte on; 0 where absent.
    #[param(required = false, minimum = 0, maximum = 9007199254740991_u64)]
    offset: Option<u64>,
}

/// List the builds of a workspace
///
/// The newest first.
#[utoipa::path(
    get, path = "/workspaces/{id}/builds", tag = "workspaces",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name"), PageQuery),
    responses((status = 200, description = "A part of the list.", body = Page<Build>))
)]
async fn list_builds(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    InQuery(query): InQuery<PageQuery>,
) -> Result<Json<Page<Build>>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(server.orchestrator.builds(workspace.id, &query.request()?).await?))
}

/// Build a workspace
///
/// Makes its system, if it is one that is not there, and runs its init steps: those that its last build did not do, or all of them. Refused while a turn of a mission or a process
/// runs in it.
#[utoipa::path(
    post, path = "/workspaces/{id}/build", tag = "workspaces", request_body = BuildRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 201, description = "The build.", body = Build))
)]
async fn build_workspace(
    State(server): Shared,
    Caller(by): Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<BuildRequest>,
) -> Result<(StatusCode, Json<Build>), Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let build = server.orchestrator.build_workspace(&by, workspace.id, wanted.from_start).await?;
    Ok((StatusCode::CREATED, Json(build)))
}

/// Get a build
#[utoipa::path(
    get, path = "/builds/{id}", tag = "workspaces",
    params(("id" = inline(BuildId), Path, description = "The build")),
    responses((status = 200, description = "The build as it stands.", body = Build))
)]
async fn get_build(State(server): Shared, _: Caller, InPath(id): InPath<BuildId>) -> Result<Json<Build>, Problem> {
    Ok(Json(server.orchestrator.build(id).await?))
}

/// Cancel a build
///
/// Kills what its step runs. A build that has ended stays as it is.
#[utoipa::path(
    post, path = "/builds/{id}/cancel", tag = "workspaces",
    params(("id" = inline(BuildId), Path, description = "The build")),
    responses((status = 200, description = "The build as it ended.", body = Build))
)]
async fn cancel_build(State(server): Shared, _: Caller, InPath(id): InPath<BuildId>) -> Result<Json<Build>, Problem> {
    Ok(Json(server.orchestrator.cancel_build(id).await?))
}

/// Follow the log of a step
///
/// The bytes themselves, those that were printed already and then those to come, until the step ends. For a step whose turn
/// has not come, it begins when the step does. Of a step that printed too much to be kept, what was dropped is left out.
#[utoipa::path(
    get, path = "/builds/{id}/steps/{step}/log", tag = "workspaces",
    params(
        ("id" = inline(BuildId), Path, description = "The build"),
        ("step" = u32, Path, description = "The step, numbered from 1"),
        LogQuery
    ),
    responses((status = 200, description = "The log.", body = Vec<u8>, content_type = "application/octet-stream"))
)]
async fn stream_build_log(
    State(server): Shared,
    _: Caller,
    InPath((id, step)): InPath<(BuildId, u32)>,
    InQuery(query): InQuery<LogQuery>,
) -> Result<Response, Problem> {
    let which = query.stream.unwrap_or(OutputStream::Stdout);
    let mut log = server.orchestrator.build_log(id, step, which, query.offset.unwrap_or(0)).await?;
    let stopping = server.stopping.clone();
    let body = async_stream::stream! {
        loop {
            let chunk = tokio::select! {
                chunk = log.next() => chunk,
                () = stopping.cancelled() => return,
            };
            match chunk {
                Ok(ProcessChunk::Bytes { bytes, .. }) => yield Ok::<_, std::io::Error>(Bytes::from(bytes)),
                Ok(ProcessChunk::Gap { .. }) => {}
                Ok(ProcessChunk::End) => return,
                Err(error) => {
                    yield Err(std::io::Error::other(error.to_string()));
                    return;
                }
            }
        }
    };
    let mut response = Response::new(AnswerBody::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
