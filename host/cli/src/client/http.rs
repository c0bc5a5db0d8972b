//! A server over HTTP.

mod files;
pub(super) use self::files::streamed;
mod git;
mod missions;
mod workspaces;

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sandboxed_model::{
    Blame, Failure, PluginId, Timestamp, TokenId, WorkspaceId,
    access::{Scope, TokenInfo},
    doctor::DoctorReport,
    page::PageRequest,
    plugin::PluginInfo,
    tools::{Tool, ToolReply},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::CreatedToken;
use crate::{
    failed::{Failed, Result, Status},
    server_file::ServerFile,
};

/// How long a server may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server of this machine may take to say that it is there.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The code of a request that came to no answer.
pub(super) const UNREACHABLE: &str = "server.unreachable";
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

    pub(super) async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T> {
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
            .code(UNREACHABLE)
            .hint("`sandboxed-sh serve` starts a server; --server or SANDBOXED_SH_URL names another one")
    }

    /// A list that has no pages.
    pub(super) async fn list<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        Ok(self.get::<List<_>>(path).await?.items)
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

    pub(super) async fn keep_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.act(&format!("/plugins/{id}/keep")).await
    }

    pub(super) async fn roll_back_plugin(&self, id: &PluginId) -> Result<PluginInfo> {
        self.act(&format!("/plugins/{id}/roll-back")).await
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
            Failed::Said { status: exit, message: problem.detail, code: Some(problem.code), hint }
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
