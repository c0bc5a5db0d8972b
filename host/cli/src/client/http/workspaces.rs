//! Workspaces, with what runs and listens in them.

use reqwest::{Method, StatusCode};
use sandboxed_model::{
    RunId, WorkspaceId,
    page::{Page, PageRequest},
    port::{DeclaredPort, PortNumber, WorkspacePort},
    process::{NewProcess, Process},
    recipe::Recipe,
    template::TemplateChoice,
    workspace::{Leftover, NewWorkspace, Workspace, WorkspaceName},
};
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest as _},
};

use super::{Address, Http, List, page_query, refusal};
use crate::{
    client::{Attachment, Tunnel},
    failed::{Failed, Result},
};

impl Http {
    pub(in crate::client) async fn workspaces(&self, page: &PageRequest) -> Result<Page<Workspace>> {
        self.query("/workspaces", &page_query(page)).await
    }

    pub(in crate::client) async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Option<Workspace>> {
        let response = self.request(Method::GET, &format!("/workspaces/{name}")).send().await;
        let response = response.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|error| Failed::new(format!("the answer of {} cannot be read: {error}", self.address().url))),
            status => Err(refusal(status, &body)),
        }
    }

    pub(in crate::client) async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        self.get(&format!("/workspaces/{id}")).await
    }

    pub(in crate::client) async fn start_process(&self, workspace: WorkspaceId, new: NewProcess) -> Result<Process> {
        let NewProcess { command, cwd, env, tty, stdin } = new;
        let body = json!({ "command": command, "cwd": cwd, "env": env, "tty": tty, "stdin": stdin });
        self.send(Method::POST, &format!("/workspaces/{workspace}/processes"), body).await
    }

    pub(in crate::client) async fn processes(
        &self,
        workspace: WorkspaceId,
        page: &PageRequest,
    ) -> Result<Page<Process>> {
        self.query(&format!("/workspaces/{workspace}/processes"), &page_query(page)).await
    }

    pub(in crate::client) async fn attach_process(&self, process: RunId) -> Result<Attachment> {
        let socket = self.web_socket(&format!("/processes/{process}/attach?offset=0")).await?;
        Ok(Attachment::Http(Box::new(socket)))
    }

    /// Opens a WebSocket at a path below `/api/v1`.
    async fn web_socket(&self, path: &str) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
        let Address { url, token } = self.address();
        let address = format!("{}/api/v1{path}", url.replacen("http", "ws", 1));
        let failed = |what: String| Failed::unavailable(format!("{url} gives no WebSocket: {what}"));
        let mut request = address.into_client_request().map_err(|error| failed(error.to_string()))?;
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().map_err(|_| failed("the token is no header".to_owned()))?;
            request.headers_mut().insert(reqwest::header::AUTHORIZATION, value);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(tungstenite::Error::Http(answer)) => {
                Err(refusal(answer.status(), answer.body().as_deref().unwrap_or_default()))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    pub(in crate::client) async fn remove_process(&self, process: RunId) -> Result<()> {
        self.delete(&format!("/processes/{process}")).await
    }

    pub(in crate::client) async fn ports(&self, workspace: WorkspaceId) -> Result<Vec<WorkspacePort>> {
        Ok(self.get::<List<_>>(&format!("/workspaces/{workspace}/ports")).await?.items)
    }

    pub(in crate::client) async fn set_ports(
        &self,
        id: WorkspaceId,
        ports: Vec<DeclaredPort>,
    ) -> Result<Vec<WorkspacePort>> {
        let path = format!("/workspaces/{id}/ports");
        Ok(self.send::<List<_>>(Method::PUT, &path, json!({ "ports": ports })).await?.items)
    }

    pub(in crate::client) async fn open_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<String> {
        #[derive(Deserialize)]
        struct Opened {
            url: String,
        }
        let path = format!("/workspaces/{workspace}/ports/{port}/open");
        Ok(self.send::<Opened>(Method::POST, &path, json!({})).await?.url)
    }

    pub(in crate::client) async fn connect_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<Tunnel> {
        let socket = self.web_socket(&format!("/workspaces/{workspace}/ports/{port}/connect")).await?;
        Ok(Tunnel::Http(Box::new(socket)))
    }

    pub(in crate::client) async fn create_workspace(&self, new: NewWorkspace) -> Result<Workspace> {
        let NewWorkspace { name, backend, options, network, limits, ports, recipe, template } = new;
        let Recipe { env, mounts, init, direct_keys, instructions, skills, mcp_servers } = recipe;
        let mut body = json!({
            "options": options, "limits": limits, "ports": ports, "env": env, "mounts": mounts, "init": init,
            "direct_keys": direct_keys, "instructions": instructions, "skills": skills, "mcp_servers": mcp_servers,
        });
        if let Some(TemplateChoice { name, version }) = template {
            body["template"] = name.as_str().into();
            body["template_version"] = json!(version);
        }
        if let Some(name) = name {
            body["name"] = name.as_str().into();
        }
        if let Some(backend) = backend {
            body["backend"] = backend.as_str().into();
        }
        if let Some(network) = network {
            body["network"] = json!(network);
        }
        self.send(Method::POST, "/workspaces", body).await
    }

    pub(in crate::client) async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        self.delete(&format!("/workspaces/{id}")).await
    }

    pub(in crate::client) async fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(self.get::<List<_>>("/leftovers").await?.items)
    }

    pub(in crate::client) async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.delete(&format!("/leftovers/{}/{}", leftover.backend, leftover.workspace)).await
    }
}
