//! Whose each message of the client is.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use sandboxed_model::MissionId;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    face::Face,
    listing, prompt,
    protocol::{
        CancelRequest, ClientAbilities, ListSessions, NewSession, OneSession, OpenSession, Prompt, SetMode, SetOption,
        VERSION,
    },
    session::{Order, Session},
    wire::{Incoming, RequestId, RpcError},
};

/// Orders that wait for a session; then no more is read.
const WAITING: usize = 64;
/// How long sessions have for what they were told last.
const LAST_ORDERS: Duration = Duration::from_secs(40);
/// Sessions that are open at once.
const MAX_SESSIONS: usize = 256;

/// The open sessions.
pub(super) struct Desk {
    face: Arc<Face>,
    sessions: HashMap<MissionId, mpsc::Sender<Order>>,
    tasks: JoinSet<()>,
}

impl Desk {
    pub(super) fn new(face: Arc<Face>) -> Self {
        Self { face, sessions: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Takes a message.
    pub(super) async fn take(&mut self, line: &[u8]) {
        // Tasks that have ended leave nothing else behind.
        while self.tasks.try_join_next().is_some() {}
        match Incoming::parse(line) {
            Ok(Incoming::Request { id, method, params }) => {
                if let Err(error) = self.request(id.clone(), &method, params).await {
                    self.face.wire.refuse(Some(id), error).await;
                }
            }
            Ok(Incoming::Notification { method, params }) => self.notification(&method, params).await,
            Ok(Incoming::Response { id, outcome }) => self.face.wire.settle(&id, outcome),
            Err((id, error)) => self.face.wire.refuse(id, error).await,
        }
    }

    /// The client says nothing any more: sessions do what they were told, and end.
    pub(super) async fn leave(mut self) {
        self.sessions.clear();
        let done = async { while self.tasks.join_next().await.is_some() {} };
        // Whoever waits for a client that does not read, or for a server that is away, waits for nobody now.
        let _ = tokio::time::timeout(LAST_ORDERS, done).await;
        self.tasks.shutdown().await;
    }

    async fn request(&mut self, request: RequestId, method: &str, params: Value) -> Result<(), RpcError> {
        if method == "initialize" {
            return self.initialize(request, &params).await;
        }
        if self.face.client().is_none() {
            return Err(RpcError::invalid_request("initialize comes first"));
        }
        match method {
            "authenticate" => Err(RpcError::invalid_params("there is nothing to sign in to: authMethods is empty")),
            "session/new" => {
                let NewSession { cwd, mcp_servers } = read(params)?;
                is_absolute(&cwd)?;
                let servers = mcp_servers.is_some_and(|servers| !servers.is_empty());
                let session = self.open(MissionId::new())?;
                self.order(&session, Order::Begin { request, cwd, servers }).await
            }
            "session/load" | "session/resume" => {
                let OpenSession { session_id, cwd, mcp_servers } = read(params)?;
                is_absolute(&cwd)?;
                let servers = mcp_servers.is_some_and(|servers| !servers.is_empty());
                let session = session_id.parse().map_err(|_| RpcError::no_session(&session_id))?;
                let replay = method == "session/load";
                let session = self.open(session)?;
                self.order(&session, Order::Open { request, replay, servers }).await
            }
            "session/list" => {
                let wanted: ListSessions = if params.is_null() { ListSessions::default() } else { read(params)? };
                let face = Arc::clone(&self.face);
                self.tasks.spawn_local(async move {
                    let listed = listing::sessions(&face, wanted).await;
                    face.wire.answer(request, listed).await;
                });
                Ok(())
            }
            "session/prompt" => {
                let Prompt { session_id, prompt } = read(params)?;
                let message = prompt::message(prompt)?;
                self.order(&session_id, Order::Prompt { request, message }).await
            }
            "session/set_mode" => {
                let SetMode { session_id, mode_id: mode } = read(params)?;
                self.order(&session_id, Order::SetMode { request, mode }).await
            }
            "session/set_config_option" => {
                let SetOption { session_id, config_id: option, value } = read(params)?;
                self.order(&session_id, Order::SetOption { request, option, value }).await
            }
            "session/close" => {
                let OneSession { session_id } = read(params)?;
                self.order(&session_id, Order::Close { request }).await
            }
            other => Err(RpcError::no_method(other)),
        }
    }

    async fn notification(&mut self, method: &str, params: Value) {
        match method {
            "session/cancel" => {
                if let Ok(OneSession { session_id }) = read(params) {
                    // A session that is not there has nothing that could be cancelled.
                    let _ = self.order(&session_id, Order::Cancel).await;
                }
            }
            "$/cancel_request" => {
                if let Ok(CancelRequest { request_id }) = read(params) {
                    for session in self.sessions.values() {
                        let _ = session.send(Order::CancelRequest(request_id.clone())).await;
                    }
                }
            }
            // What is not known and wants no answer is passed over, as the protocol says.
            _ => {}
        }
    }

    async fn initialize(&self, request: RequestId, params: &Value) -> Result<(), RpcError> {
        if !params["protocolVersion"].is_u64() {
            return Err(RpcError::invalid_params("initialize names the version of the protocol"));
        }
        if !self.face.greet(ClientAbilities::of(params)) {
            return Err(RpcError::invalid_request("initialize comes once"));
        }
        let result = json!({
            "protocolVersion": VERSION,
            "agentInfo": { "name": "sandboxed-sh", "title": "sandboxed.sh", "version": env!("CARGO_PKG_VERSION") },
            "agentCapabilities": {
                "loadSession": true,
                "promptCapabilities": { "image": false, "audio": false, "embeddedContext": true },
                "mcpCapabilities": { "http": false, "sse": false },
                "sessionCapabilities": { "list": {}, "resume": {}, "close": {} },
            },
            "authMethods": [],
        });
        self.face.wire.respond(request, result).await;
        Ok(())
    }

    /// Makes sure that a session has its task.
    fn open(&mut self, session: MissionId) -> Result<String, RpcError> {
        self.sessions.retain(|_, orders| !orders.is_closed());
        if !self.sessions.contains_key(&session) {
            if self.sessions.len() >= MAX_SESSIONS {
                return Err(RpcError::invalid_request(format!("{MAX_SESSIONS} sessions are open: close one")));
            }
            let (sender, orders) = mpsc::channel(WAITING);
            self.tasks.spawn_local(Session::new(Arc::clone(&self.face), session, orders).run());
            self.sessions.insert(session, sender);
        }
        Ok(session.to_string())
    }

    /// Tells a session something, in the order in which it came.
    async fn order(&self, session: &str, order: Order) -> Result<(), RpcError> {
        let orders = session.parse().ok().and_then(|id: MissionId| self.sessions.get(&id));
        let orders = orders.ok_or_else(|| RpcError::no_session(session))?;
        orders.send(order).await.map_err(|_| RpcError::no_session(session))
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, RpcError> {
    serde_json::from_value(params).map_err(|error| RpcError::invalid_params(error.to_string()))
}

fn is_absolute(directory: &Path) -> Result<(), RpcError> {
    if directory.is_absolute() { Ok(()) } else { Err(RpcError::invalid_params("cwd is an absolute path")) }
}
