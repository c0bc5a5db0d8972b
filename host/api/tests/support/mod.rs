//! A served API on a data directory of its own, with one mission that has ended.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, Method, RequestBuilder, Response};
use sandboxed_api::{DashboardFile, ServeOptions, serve};
use sandboxed_core::{Orchestrator, Setup};
use sandboxed_model::{
    MessageId, MissionId, Timestamp, UserId, WorkspaceId,
    access::{Role, User},
    ask::{ApprovalMode, WorkMode},
    backend::WorkspacePhase,
    config::Config,
    event::{EventBody, Message, MessageRole, StateChange},
    queue::QueuedMessage,
    recipe::Recipe,
    state::MissionState,
    workspace::{NetworkMode, NetworkPolicy, Workspace, WorkspaceLayers, WorkspaceLimits},
};
use sandboxed_store::{Account, MissionChange, NewMissionRow, QueueChange, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How long a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A dashboard of three files.
const DASHBOARD: &[DashboardFile] = &[
    DashboardFile { path: "index.html", content: b"<!doctype html>the page", gzip: None, brotli: None },
    DashboardFile {
        path: "assets/main-Ab12.js",
        content: b"the whole script",
        gzip: Some(b"as gzip"),
        brotli: Some(b"as brotli"),
    },
    DashboardFile { path: "theme.js", content: b"a small script", gzip: None, brotli: None },
];

/// A served API.
pub(crate) struct Api {
    pub(crate) url: String,
    /// A token with all rights.
    pub(crate) token: String,
    /// A mission that was cancelled, with `events` messages in its log.
    pub(crate) mission: MissionId,
    pub(crate) client: Client,
    pub(crate) shutdown: CancellationToken,
    pub(crate) served: Option<JoinHandle<()>>,
    _home: TempDir,
}

impl Api {
    /// An API whose mission has a short log.
    pub(crate) async fn start() -> Self {
        Self::with_log(10, 10).await
    }

    /// An API whose mission has so many messages of so many bytes in its log.
    pub(crate) async fn with_log(messages: usize, bytes: usize) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut config = Config::default();
        config.server.data_dir = home.path().to_owned();
        let mission = seed(&home, messages, bytes).await;
        let setup = Setup {
            config,
            plugin_dirs: Vec::new(),
            program: "/nonexistent/sandboxed-sh".into(),
            redaction: Default::default(),
        };
        let orchestrator = Orchestrator::start(setup).await.unwrap();
        orchestrator.ensure_admin(Some(PASSWORD.to_owned())).await.unwrap();
        let token = orchestrator.local_token().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let options = ServeOptions { metrics, dashboard: DASHBOARD, shutdown: shutdown.clone() };
        let served = tokio::spawn(async move {
            serve(orchestrator.clone(), listener, options).await.unwrap();
            orchestrator.shutdown().await;
        });
        // A second installation of the provider fails and changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            url: format!("http://{address}"),
            token,
            mission,
            client: Client::builder().timeout(PATIENCE).build().unwrap(),
            shutdown,
            served: Some(served),
            _home: home,
        }
    }

    /// A request without a credential to a path of the server.
    pub(crate) fn anonymous(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A request to a path below `/api/v1` with all rights.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.anonymous(method, &format!("/api/v1{path}")).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Response {
        self.request(Method::POST, path).json(body).send().await.unwrap()
    }

    /// The secret of a new token with this scope.
    pub(crate) async fn token_with(&self, scope: &str) -> String {
        let response = self.post("/tokens", &json!({ "name": scope, "scope": scope })).await;
        let token: Value = response.json().await.unwrap();
        token["secret"].as_str().unwrap().to_owned()
    }

    /// The session cookie of a login, as the header `Cookie` has it.
    pub(crate) async fn log_in(&self) -> String {
        let body = json!({ "name": "admin", "password": PASSWORD });
        let response = self.anonymous(Method::POST, "/api/v1/auth/login").json(&body).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        cookie.split(';').next().unwrap().to_owned()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// The problem that a response is, with all that holds for every problem.
pub(crate) async fn problem(response: Response) -> Value {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "status {status}");
    let request_id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status, "{problem}");
    assert_eq!(problem["instance"], request_id, "{problem}");
    let code = problem["code"].as_str().unwrap();
    assert_eq!(problem["type"], format!("https://sandboxed.sh/problems/{code}"));
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{problem}");
    problem
}

async fn seed(home: &TempDir, messages: usize, bytes: usize) -> MissionId {
    let store = Store::open(home.path().join("sandboxed.db")).await.unwrap();
    let (owner, id, now) = (UserId::new(), MissionId::new(), Timestamp::now());
    let user = User { id: owner, name: "admin".to_owned(), role: Role::Admin, created_at: now };
    store.insert_user(Account { user, password_hash: None }).await.unwrap();
    let workspace = Workspace {
        id: WorkspaceId::new(),
        name: "seeded".parse().unwrap(),
        backend: "host".parse().unwrap(),
        options: json!({}),
        network: NetworkPolicy { mode: NetworkMode::None, allow: Vec::new(), via: None },
        limits: WorkspaceLimits::default(),
        ports: Vec::new(),
        user: None,
        root: None,
        layers: WorkspaceLayers::default(),
        phase: WorkspacePhase::Ready,
        problem: None,
        build: None,
        recipe: Recipe::default(),
        template: None,
        drift: None,
        owner,
        created_at: now,
    };
    store.insert_workspace(workspace.clone(), None).await.unwrap();
    let row = NewMissionRow {
        id,
        title: "Seeded".to_owned(),
        harness: "shell".parse().unwrap(),
        workspace: workspace.id,
        model: None,
        effort: None,
        approvals: ApprovalMode::Bypass,
        mode: WorkMode::Act,
        settings: json!({}),
        one_shot: false,
        worktree: false,
        owner,
        cause: "seeded".to_owned(),
    };
    let first = QueuedMessage {
        id: MessageId::new(),
        text: "echo".to_owned(),
        attachments: Vec::new(),
        steer: false,
        created_at: now,
    };
    let first_id = first.id;
    store.insert_mission(row, first).await.unwrap();
    let text = "x".repeat(bytes);
    for batch in (0..messages).collect::<Vec<_>>().chunks(500) {
        let message = |place: &usize| Message {
            id: format!("m{place}"),
            role: MessageRole::Agent,
            parent: None,
            text: text.clone(),
            attachments: Vec::new(),
        };
        let events = batch.iter().map(|place| EventBody::Message(message(place))).collect();
        store.commit(id, MissionChange { events, ..MissionChange::default() }).await.unwrap();
    }
    let cancelled =
        StateChange { from: Some(MissionState::Queued), to: MissionState::Cancelled, cause: "seeded".to_owned() };
    let change = MissionChange {
        events: vec![EventBody::State(cancelled)],
        queue: vec![QueueChange::Remove(first_id)],
        ..MissionChange::default()
    };
    store.commit(id, change).await.unwrap();
    store.close().await;
    id
}
