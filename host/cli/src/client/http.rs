//! A server over HTTP.

mod files;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use futures_util::{StreamExt as _, stream::BoxStream};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sandboxed_core::EventHit;
use sandboxed_model::{
    Blame, Failure, MissionId, PluginId, RunId, Seq, Timestamp, TokenId, WorkspaceId,
    access::{Scope, TokenInfo},
    doctor::DoctorReport,
    event::Event,
    harness::HarnessAbout,
    mission::{Mission, MissionFilter, NewMission},
    page::{Page, PageRequest},
    plugin::PluginInfo,
    port::{DeclaredPort, PortNumber, WorkspacePort},
    process::{NewProcess, Process},
    queue::QueuedMessage,
    recipe::Recipe,
    template::TemplateChoice,
    tools::{Tool, ToolReply},
    workspace::{Leftover, NewWorkspace, Workspace, WorkspaceName},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{self, client::IntoClientRequest as _},
};

use super::{
    Attachment, CreatedToken, Followed, Tunnel,
    sse::{SseReader, TooLong},
};
use crate::{
    failed::{Failed, Result, Status},
    server_file::ServerFile,
};

/// How long a server may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server of this machine may take to say that it is there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A stream that is silent for so long is dead: the server sends a sign of life every 15 s.
const SILENCE: Duration = Duration::from_secs(60);
/// Times in a row that a broken stream is taken up again without anything having come.
const ATTEMPTS: u32 = 30;
/// The longest pause between them.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A server over HTTP.
#[derive(Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
    address: Arc<RwLock<Address>>,
    /// The data directory of a server of this machine, where one that was started anew says its new address.
    data_dir: Option<Arc<Path>>,
}

/// Where a server is and what opens it.
#[derive(Clone)]
struct Address {
    url: String,
    token: Option<String>,
}

/// A list that has no pages.
#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
}

/// What a server says of a request that it refused.
#[derive(Deserialize)]
struct Problem {
    detail: String,
    code: String,
    #[serde(default)]
    blame: Option<Blame>,
    #[serde(default)]
    hint: Option<String>,
    #[serde(default)]
    plugin: Option<PluginId>,
}

impl Http {
    /// A server that the operator names.
    pub(crate) fn named(url: &str, token: Option<String>) -> Result<Self> {
        let url = url.trim_end_matches('/');
        match reqwest::Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => {}
            _ => {
                return Err(Failed::usage(format!(
                    "{url:?} is no URL of a server; write one like http://127.0.0.1:3000"
                )));
            }
        }
        Self::build(reqwest::Client::builder(), Address { url: url.to_owned(), token }, None)
    }

    /// The server of this machine that wrote this into its data directory. No proxy is asked.
    pub(crate) fn of_file(found: ServerFile, data_dir: &Path) -> Result<Self> {
        let address = Address { url: found.url, token: Some(found.token) };
        Self::build(reqwest::Client::builder().no_proxy(), address, Some(Arc::from(data_dir)))
    }

    fn build(builder: reqwest::ClientBuilder, address: Address, data_dir: Option<Arc<Path>>) -> Result<Self> {
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = builder.connect_timeout(CONNECT_TIMEOUT).build();
        let client = client.map_err(|error| Failed::new(format!("no HTTP client can be made: {}", chain(&error))))?;
        Ok(Self { client, address: Arc::new(RwLock::new(address)), data_dir })
    }

    fn address(&self) -> Address {
        self.address.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the address of the server that now runs on the data directory, where one does.
    pub(super) fn relocate(&self) {
        if let Some(found) = self.data_dir.as_deref().and_then(ServerFile::read) {
            let address = Address { url: found.url, token: Some(found.token) };
            *self.address.write().unwrap_or_else(PoisonError::into_inner) = address;
        }
    }

    /// Whether a server is there that takes the token.
    pub(crate) async fn answers(&self) -> bool {
        let answer = self.request(Method::GET, "/version").timeout(ANSWER_TIMEOUT).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// Whether the server is known to be on this machine.
    pub(crate) fn is_on_this_machine(&self) -> bool {
        self.data_dir.is_some()
    }

    /// Asks the server to write a backup under this name below its data directory, and gives the path there.
    pub(crate) async fn backup(&self, name: &str) -> Result<String> {
        #[derive(Deserialize)]
        struct Backup {
            path: String,
        }
        let backup: Backup = self.send(Method::POST, "/backup", json!({ "to": name })).await?;
        Ok(backup.path)
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let Address { url, token } = self.address();
        let request = self.client.request(method, format!("{url}/api/v1{path}"));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request; an answer that is no success is an error.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        Err(refusal(status, &body))
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
        let response = self.ask(request).await?;
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            Failed::new(format!("the answer of {} cannot be read: {error}", self.address().url))
                .hint("the server may be of another version than this program")
        })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.read(self.request(Method::GET, path)).await
    }

    pub(super) async fn query<T: DeserializeOwned>(&self, path: &str, query: &[(&str, String)]) -> Result<T> {
        self.read(self.request(Method::GET, path).query(query)).await
    }

    pub(super) async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Value) -> Result<T> {
        self.read(self.request(method, path).json(&body)).await
    }

    pub(super) async fn act<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.read(self.request(Method::POST, path)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<()> {
        self.ask(self.request(Method::DELETE, path)).await.map(drop)
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Failed {
        Failed::unavailable(format!("the server {} does not answer: {}", self.address().url, chain(error)))
            .hint("`sandboxed-sh serve` starts a server; --server or SANDBOXED_SH_URL names another one")
    }

    pub(super) async fn create_mission(&self, new: NewMission) -> Result<Mission> {
        let mut body = json!({ "prompt": new.prompt, "settings": new.settings, "one_shot": new.one_shot });
        let workspace = new.workspace.map(|id| id.to_string());
        let harness = new.harness.map(|id| id.to_string());
        for (key, value) in [("title", new.title), ("harness", harness), ("workspace", workspace), ("model", new.model)]
        {
            if let Some(value) = value {
                body[key] = value.into();
            }
        }
        self.send(Method::POST, "/missions", body).await
    }

    pub(super) async fn mission(&self, id: MissionId) -> Result<Mission> {
        self.get(&format!("/missions/{id}")).await
    }

    pub(super) async fn missions(&self, filter: &MissionFilter, page: &PageRequest) -> Result<Page<Mission>> {
        let mut query = page_query(page);
        if !filter.states.is_empty() {
            let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
            query.push(("state", states.join(",")));
        }
        if let Some(workspace) = filter.workspace {
            query.push(("workspace", workspace.to_string()));
        }
        if let Some(words) = &filter.search {
            query.push(("q", words.clone()));
        }
        self.query("/missions", &query).await
    }

    pub(super) async fn interrupt_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/interrupt")).await
    }

    pub(super) async fn cancel_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/cancel")).await
    }

    pub(super) async fn resume_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/resume")).await
    }

    pub(super) async fn finish_mission(&self, id: MissionId) -> Result<Mission> {
        self.act(&format!("/missions/{id}/finish")).await
    }

    pub(super) async fn delete_mission(&self, id: MissionId) -> Result<()> {
        self.delete(&format!("/missions/{id}")).await
    }

    pub(super) async fn send_message(&self, id: MissionId, text: String) -> Result<QueuedMessage> {
        self.send(Method::POST, &format!("/missions/{id}/messages"), json!({ "text": text })).await
    }

    pub(super) async fn queue(&self, id: MissionId) -> Result<Vec<QueuedMessage>> {
        Ok(self.get::<List<_>>(&format!("/missions/{id}/queue")).await?.items)
    }

    pub(super) async fn events(&self, id: MissionId, after: Seq, limit: u32, kinds: &[String]) -> Result<Vec<Event>> {
        let mut query = vec![("after", after.to_string()), ("limit", limit.to_string())];
        if !kinds.is_empty() {
            query.push(("kind", kinds.join(",")));
        }
        Ok(self.query::<List<_>>(&format!("/missions/{id}/events"), &query).await?.items)
    }

    pub(super) async fn follow(&self, id: MissionId, after: Seq) -> Result<BoxStream<'static, Result<Followed>>> {
        let mut response = self.open_stream(id, after).await?;
        let this = self.clone();
        let mut after = after;
        let stream = async_stream::try_stream! {
            let mut failures = 0;
            loop {
                let mut bytes = response.bytes_stream();
                let mut reader = SseReader::default();
                while let Ok(Some(Ok(chunk))) = tokio::time::timeout(SILENCE, bytes.next()).await {
                    for data in reader.push(&chunk).map_err(|TooLong| Failed::new("the server sent an event without an end"))? {
                        let event: Event = serde_json::from_str(&data)
                            .map_err(|error| Failed::new(format!("an event cannot be read: {error}")))?;
                        // A stream that is taken up anew may begin with what is known.
                        if event.seq > after {
                            after = event.seq;
                            failures = 0;
                            yield Followed { json: data.into(), event };
                        }
                    }
                }
                // The server went away, or the stream broke: it goes on after the last event that came, on the server
                // that was started in its place where there is one.
                response = loop {
                    failures += 1;
                    tokio::time::sleep(Duration::from_millis(100 << failures).min(LONGEST_PAUSE)).await;
                    this.relocate();
                    match this.open_stream(id, after).await {
                        Ok(response) if failures < ATTEMPTS => break response,
                        Err(Failed::Said { status: Status::Unavailable | Status::Denied, .. }) if failures < ATTEMPTS => {}
                        Ok(_) => {
                            let url = this.address().url;
                            Err(Failed::unavailable(format!("the event stream of {url} breaks off")))?
                        }
                        Err(error) => Err(error)?,
                    }
                };
            }
        };
        Ok(stream.boxed())
    }

    async fn open_stream(&self, id: MissionId, after: Seq) -> Result<Response> {
        self.ask(self.request(Method::GET, &format!("/missions/{id}/stream?after={after}"))).await
    }

    pub(super) async fn search_events(
        &self,
        words: &str,
        mission: Option<MissionId>,
        page: &PageRequest,
    ) -> Result<Page<EventHit>> {
        let mut query = page_query(page);
        query.push(("q", words.to_owned()));
        query.extend(mission.map(|mission| ("mission", mission.to_string())));
        self.query("/search", &query).await
    }

    pub(super) async fn workspaces(&self, page: &PageRequest) -> Result<Page<Workspace>> {
        self.query("/workspaces", &page_query(page)).await
    }

    pub(super) async fn workspace_by_name(&self, name: &WorkspaceName) -> Result<Option<Workspace>> {
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

    pub(super) async fn workspace(&self, id: WorkspaceId) -> Result<Workspace> {
        self.get(&format!("/workspaces/{id}")).await
    }

    pub(super) async fn start_process(&self, workspace: WorkspaceId, new: NewProcess) -> Result<Process> {
        let NewProcess { command, cwd, env, tty, stdin } = new;
        let body = json!({ "command": command, "cwd": cwd, "env": env, "tty": tty, "stdin": stdin });
        self.send(Method::POST, &format!("/workspaces/{workspace}/processes"), body).await
    }

    pub(super) async fn processes(&self, workspace: WorkspaceId, page: &PageRequest) -> Result<Page<Process>> {
        self.query(&format!("/workspaces/{workspace}/processes"), &page_query(page)).await
    }

    pub(super) async fn attach_process(&self, process: RunId) -> Result<Attachment> {
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

    pub(super) async fn remove_process(&self, process: RunId) -> Result<()> {
        self.delete(&format!("/processes/{process}")).await
    }

    pub(super) async fn ports(&self, workspace: WorkspaceId) -> Result<Vec<WorkspacePort>> {
        Ok(self.get::<List<_>>(&format!("/workspaces/{workspace}/ports")).await?.items)
    }

    pub(super) async fn set_ports(&self, id: WorkspaceId, ports: Vec<DeclaredPort>) -> Result<Vec<WorkspacePort>> {
        let path = format!("/workspaces/{id}/ports");
        Ok(self.send::<List<_>>(Method::PUT, &path, json!({ "ports": ports })).await?.items)
    }

    pub(super) async fn open_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<String> {
        #[derive(Deserialize)]
        struct Opened {
            url: String,
        }
        let path = format!("/workspaces/{workspace}/ports/{port}/open");
        Ok(self.send::<Opened>(Method::POST, &path, json!({})).await?.url)
    }

    pub(super) async fn connect_port(&self, workspace: WorkspaceId, port: PortNumber) -> Result<Tunnel> {
        let socket = self.web_socket(&format!("/workspaces/{workspace}/ports/{port}/connect")).await?;
        Ok(Tunnel::Http(Box::new(socket)))
    }

    pub(super) async fn create_workspace(&self, new: NewWorkspace) -> Result<Workspace> {
        let NewWorkspace { name, backend, options, network, limits, ports, recipe, template } = new;
        let Recipe { env, mounts, init } = recipe;
        let mut body = json!({
            "options": options, "limits": limits, "ports": ports, "env": env, "mounts": mounts, "init": init,
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

    pub(super) async fn delete_workspace(&self, id: WorkspaceId) -> Result<()> {
        self.delete(&format!("/workspaces/{id}")).await
    }

    pub(super) async fn leftovers(&self) -> Result<Vec<Leftover>> {
        Ok(self.get::<List<_>>("/leftovers").await?.items)
    }

    pub(super) async fn remove_leftover(&self, leftover: &Leftover) -> Result<()> {
        self.delete(&format!("/leftovers/{}/{}", leftover.backend, leftover.workspace)).await
    }

    pub(super) async fn plugins(&self) -> Result<Vec<PluginInfo>> {
        Ok(self.get::<List<_>>("/plugins").await?.items)
    }

    pub(super) async fn plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.get(&format!("/plugins/{id}")).await
    }

    pub(super) async fn reload_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.act(&format!("/plugins/{id}/reload")).await
    }

    pub(super) async fn harness(&self, id: &PluginId) -> Result<HarnessAbout> {
        self.get(&format!("/harnesses/{id}")).await
    }

    pub(super) async fn tools(&self, plugin: &PluginId) -> Result<Vec<Tool>> {
        Ok(self.get::<List<_>>(&format!("/plugins/{plugin}/tools")).await?.items)
    }

    pub(super) async fn call_tool(
        &self,
        plugin: &PluginId,
        tool: &str,
        workspace: WorkspaceId,
        arguments: Value,
    ) -> Result<ToolReply> {
        if tool.is_empty() || !tool.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
            return Err(Failed::usage(format!("{tool:?} is no name of a tool")));
        }
        let body = json!({ "workspace": workspace.to_string(), "arguments": arguments });
        self.send(Method::POST, &format!("/plugins/{plugin}/tools/{tool}"), body).await
    }

    pub(super) async fn doctor(&self) -> Result<DoctorReport> {
        self.get("/doctor").await
    }

    pub(super) async fn tokens(&self) -> Result<Vec<TokenInfo>> {
        Ok(self.get::<List<_>>("/tokens").await?.items)
    }

    pub(super) async fn create_token(
        &self,
        name: String,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<CreatedToken> {
        let mut body = json!({ "name": name, "scope": scope });
        if let Some(at) = expires_at {
            body["expires_at"] = at.to_string().into();
        }
        self.send(Method::POST, "/tokens", body).await
    }

    pub(super) async fn revoke_token(&self, id: TokenId) -> Result<()> {
        self.delete(&format!("/tokens/{id}")).await
    }
}

pub(super) fn page_query(page: &PageRequest) -> Vec<(&'static str, String)> {
    let mut query = vec![("limit", page.limit.to_string())];
    query.extend(page.cursor.clone().map(|cursor| ("cursor", cursor)));
    query
}

/// What a server said instead of doing what was asked.
fn refusal(status: StatusCode, body: &[u8]) -> Failed {
    let exit = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => Status::Denied,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Status::Unavailable,
        _ => Status::Failed,
    };
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return Failed::with(exit, format!("the server answered with {status}"))
            .hint("check that the URL is the one of a sandboxed.sh server");
    };
    match problem.blame {
        Some(blame) => {
            let mut failure = Failure::new(blame, problem.code, problem.detail);
            failure.hint = problem.hint;
            failure.plugin = problem.plugin;
            failure.into()
        }
        None => {
            let hint = match status {
                StatusCode::UNAUTHORIZED => problem.hint.or_else(|| {
                    Some("set SANDBOXED_SH_TOKEN to a token that `sandboxed-sh token create` made there".to_owned())
                }),
                _ => problem.hint,
            };
            Failed::Said { status: exit, message: problem.detail, hint }
        }
    }
}

/// An error with its causes: reqwest's own text leaves out what the system said.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
