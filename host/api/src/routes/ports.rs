//! Ports of workspaces.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{
        State,
        ws::{WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, uri::Authority};
use sandboxed_model::{
    Blame, Failure, Timestamp,
    port::{DeclaredPort, PortNumber, WorkspacePort},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{List, auth::is_encrypted, workspaces::WorkspaceRef};
use crate::{
    extract::{Body, Caller, InPath, Object},
    gate::{Credential, credential},
    ports::{self, Place, Tunnel},
    problem::{Document, MEDIA_TYPE, Problem},
    state::{Server, Shared},
};

/// The largest message of a tunnel that is read.
const MESSAGE_LIMIT: usize = 1 << 20;

pub(crate) fn routes() -> OpenApiRouter<Arc<Server>> {
    OpenApiRouter::new().routes(routes!(list_ports, set_ports)).routes(routes!(open_port)).routes(routes!(connect_port))
}

/// The ports that a workspace shall declare.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PortsRequest {
    /// All of them: those that are not here are no longer declared.
    #[schema(value_type = Vec<DeclaredPort>, max_items = 64)]
    ports: Vec<Object<DeclaredPort>>,
}

/// Where a browser shall go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenRequest {
    /// A path of the service, with a query where it has one; `/` where absent.
    #[schema(min_length = 1, max_length = 2048, pattern = "^/([!-.0-\\[\\]-~][!-\\[\\]-~]*)?$")]
    path: Option<String>,
}

/// A way in for a browser.
#[derive(Serialize, ToSchema)]
struct Opened {
    /// The address to go to. It is good once.
    #[schema(format = "uri")]
    url: String,
    /// When it ends if it is not used.
    expires_at: Timestamp,
}

/// List the ports of a workspace
///
/// Those that were declared and those on which something listens now, in the order of their numbers. Only what can be
/// reached within the workspace at a loopback address counts as listening.
#[utoipa::path(
    get, path = "/workspaces/{id}/ports", tag = "ports",
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses(
        (status = 200, description = "All of them.", body = List<WorkspacePort>),
        (status = 409, description = "It shares the machine's network.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn list_ports(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
) -> Result<Json<List<WorkspacePort>>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    Ok(Json(List { items: server.orchestrator.workspace_ports(workspace.id).await? }))
}

/// Declare the ports of a workspace
///
/// In place of those that were declared before.
#[utoipa::path(
    put, path = "/workspaces/{id}/ports", tag = "ports", request_body = PortsRequest,
    params(("id" = inline(WorkspaceRef), Path, description = "Its id or name")),
    responses((status = 200, description = "All ports as they stand now.", body = List<WorkspacePort>))
)]
async fn set_ports(
    State(server): Shared,
    _: Caller,
    InPath(workspace): InPath<WorkspaceRef>,
    Body(wanted): Body<PortsRequest>,
) -> Result<Json<List<WorkspacePort>>, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let ports = wanted.ports.into_iter().map(|port| port.0).collect();
    Ok(Json(List { items: server.orchestrator.set_workspace_ports(workspace.id, ports).await? }))
}

/// Open a port in a browser
///
/// Gives an address of the port's own site, to which the browser is sent. It is good once and for a minute. The browser
/// gets a cookie of that site, which lasts twelve hours at most and ends with the login or the token that asked. A script
/// needs none of this: it sends its API token to the port's site.
#[utoipa::path(
    post, path = "/workspaces/{id}/ports/{port}/open", tag = "ports", request_body = OpenRequest,
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("port" = inline(PortNumber), Path, description = "The port")
    ),
    responses((status = 201, description = "The way in.", body = Opened))
)]
async fn open_port(
    State(server): Shared,
    _: Caller,
    Extension(authority): Extension<Authority>,
    InPath((workspace, port)): InPath<(WorkspaceRef, PortNumber)>,
    headers: HeaderMap,
    Body(wanted): Body<OpenRequest>,
) -> Result<(StatusCode, Json<Opened>), Problem> {
    let path = wanted.path.unwrap_or_else(|| "/".to_owned());
    if !ports::is_path(&path) {
        return Err(Problem::invalid("ports.path_invalid", "the path begins with one / and holds no blank"));
    }
    let workspace = workspace.resolve(&server.orchestrator).await?.id;
    let hosts = server.port_hosts.as_ref().ok_or_else(|| {
        let failure = Failure::new(Blame::Config, "ports.no_host", "this server has no host for ports");
        let failure = failure.with_hint("set server.ports_host, or use `sandboxed-sh forward`");
        sandboxed_core::Error::from(failure)
    })?;
    let (Some(Credential::Token(secret)) | Some(Credential::Session(secret))) = credential(&headers) else {
        return Err(Problem::internal());
    };
    let ticket = server.orchestrator.open_port(&secret, workspace, port).await?;
    let origin = hosts.origin(Place { workspace, port }, &authority, is_encrypted(&headers));
    let url = ports::way_in(&origin, &ticket.secret, &path);
    Ok((StatusCode::CREATED, Json(Opened { url, expires_at: ticket.expires_at })))
}

/// Connect to a port of a workspace
///
/// A WebSocket that carries the bytes of one TCP connection, in both directions as binary messages. An empty message ends
/// a direction. When both have ended the server closes the WebSocket.
#[utoipa::path(
    get, path = "/workspaces/{id}/ports/{port}/connect", tag = "ports",
    params(
        ("id" = inline(WorkspaceRef), Path, description = "The workspace's id or name"),
        ("port" = inline(PortNumber), Path, description = "The port")
    ),
    security(("token" = ["write"]), ("session" = ["write"])),
    responses(
        (status = 101, description = "The connection is a WebSocket."),
        (status = 409, description = "The workspace shares the machine's network.", body = Document, content_type = MEDIA_TYPE),
        (status = 426, description = "The request does not ask for a WebSocket.", body = Document, content_type = MEDIA_TYPE)
    )
)]
async fn connect_port(
    State(server): Shared,
    _: Caller,
    InPath((workspace, port)): InPath<(WorkspaceRef, PortNumber)>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let workspace = workspace.resolve(&server.orchestrator).await?;
    let upgrade = upgrade
        .map_err(|error| Problem::new(StatusCode::UPGRADE_REQUIRED, "http.upgrade_required", error.to_string()))?;
    let connection = server.orchestrator.connect_port(workspace.id, port).await?;
    let tunnel = Tunnel::new(connection, server.stopping.clone());
    Ok(upgrade.max_message_size(MESSAGE_LIMIT).on_upgrade(|socket| tunnel.serve(socket)).into_response())
}
