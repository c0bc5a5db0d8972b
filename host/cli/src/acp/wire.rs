//! JSON-RPC 2.0, a message a line.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::failed::Failed;

/// The longest message that is taken, in bytes.
pub(super) const MAX_LINE: usize = 16 << 20;
/// Messages that wait for a client that does not read; then whoever has more to say waits.
const WAITING: usize = 64;
/// How long a client has for what it was sent, when all is over.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What names a request: a number, a text or null.
pub(super) type RequestId = Value;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RpcError {
    pub(super) code: i64,
    pub(super) message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) data: Option<Value>,
}

impl RpcError {
    fn of(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(super) fn parse(message: impl Into<String>) -> Self {
        Self::of(-32700, message)
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::of(-32600, message)
    }

    pub(super) fn no_method(method: &str) -> Self {
        Self::of(-32601, format!("there is no method {method:?}"))
    }

    pub(super) fn invalid_params(message: impl Into<String>) -> Self {
        Self::of(-32602, message)
    }

    pub(super) fn no_session(session: &str) -> Self {
        let error = Self::of(-32002, format!("session not found: {session:?}"));
        Self { data: Some(json!({ "code": "mission.not_found" })), ..error }
    }

    /// With the code of a failure, what happened, and what mends it: all of it in the message as well, because that is what
    /// clients show.
    pub(super) fn failure(code: &str, message: &str, hint: Option<&str>) -> Self {
        let number = if code.ends_with(".not_found") { -32002 } else { -32603 };
        let shown = hint.map_or_else(|| message.to_owned(), |hint| format!("{message}\nhint: {hint}"));
        let data = Some(json!({ "code": code, "message": message, "hint": hint }));
        Self { code: number, message: shown, data }
    }
}

impl From<Failed> for RpcError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Said { message, code, hint, .. } => {
                Self::failure(code.as_deref().unwrap_or("failed"), &message, hint.as_deref())
            }
            other => Self::failure("failed", &other.to_string(), None),
        }
    }
}

/// What came.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Request { id: RequestId, method: String, params: Value },
    Notification { method: String, params: Value },
    Response { id: RequestId, outcome: Result<Value, RpcError> },
}

#[derive(Deserialize)]
struct Message {
    jsonrpc: String,
    #[serde(default, deserialize_with = "given")]
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    #[serde(default, deserialize_with = "given")]
    result: Option<Value>,
    error: Option<RpcError>,
}

/// Tells null from absent.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

impl Incoming {
    /// Reads a message. An error goes with the id of the request that it is an answer to, where that can be read.
    pub(super) fn parse(line: &[u8]) -> Result<Self, (Option<RequestId>, RpcError)> {
        let value: Value = serde_json::from_slice(line)
            .map_err(|error| (None, RpcError::parse(format!("a message is no JSON: {error}"))))?;
        let id = value.get("id").filter(|id| id.is_string() || id.is_number()).cloned();
        let wrong = |why: String| (id.clone(), RpcError::invalid_request(why));
        let message: Message =
            serde_json::from_value(value).map_err(|error| wrong(format!("a message is no JSON-RPC: {error}")))?;
        if message.jsonrpc != "2.0" {
            return Err(wrong(format!("JSON-RPC {:?} is not spoken here", message.jsonrpc)));
        }
        match message {
            Message { id: Some(id), method: Some(method), params, .. } => {
                if !(id.is_string() || id.is_number() || id.is_null()) {
                    return Err(wrong("the id of a request is a text or a number".to_owned()));
                }
                Ok(Self::Request { id, method, params })
            }
            Message { id: None, method: Some(method), params, .. } => Ok(Self::Notification { method, params }),
            Message { id: Some(id), error: Some(error), .. } => Ok(Self::Response { id, outcome: Err(error) }),
            Message { id: Some(id), result: Some(result), .. } => Ok(Self::Response { id, outcome: Ok(result) }),
            _ => Err(wrong("a message has a method, a result or an error".to_owned())),
        }
    }
}

type Answers = HashMap<u64, oneshot::Sender<Result<Value, RpcError>>>;

/// The way to the client.
#[derive(Clone)]
pub(super) struct Wire {
    lines: mpsc::Sender<String>,
    answers: Arc<Mutex<Answers>>,
    last_id: Arc<AtomicU64>,
}

/// Who writes what goes over the wire.
pub(super) struct Writer(JoinHandle<()>);

impl Wire {
    pub(super) fn open(output: impl AsyncWrite + Unpin + Send + 'static) -> (Self, Writer) {
        let (lines, waiting) = mpsc::channel(WAITING);
        let writer = Writer(tokio::spawn(write(waiting, output)));
        (Self { lines, answers: Arc::default(), last_id: Arc::default() }, writer)
    }

    /// Waits while the client does not read. Whether it has gone is seen elsewhere.
    async fn send(&self, message: Value) {
        let _ = self.lines.send(format!("{message}\n")).await;
    }

    pub(super) async fn respond(&self, id: RequestId, result: impl Serialize) {
        match serde_json::to_value(result) {
            Ok(result) => self.send(json!({ "jsonrpc": "2.0", "id": id, "result": result })).await,
            Err(error) => self.refuse(Some(id), RpcError::of(-32603, error.to_string())).await,
        }
    }

    pub(super) async fn refuse(&self, id: Option<RequestId>, error: RpcError) {
        self.send(json!({ "jsonrpc": "2.0", "id": id, "error": error })).await;
    }

    pub(super) async fn answer<T: Serialize>(&self, id: RequestId, outcome: Result<T, RpcError>) {
        match outcome {
            Ok(result) => self.respond(id, result).await,
            Err(error) => self.refuse(Some(id), error).await,
        }
    }

    pub(super) async fn notify(&self, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Asks the client something. Its answer comes later, or never.
    pub(super) async fn request(
        &self,
        method: &str,
        params: Value,
    ) -> (u64, oneshot::Receiver<Result<Value, RpcError>>) {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let (sender, receiver) = oneshot::channel();
        self.waiting().insert(id, sender);
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        (id, receiver)
    }

    /// Tells the client that an answer is not wanted any more.
    pub(super) async fn withdraw(&self, request: u64) {
        self.waiting().remove(&request);
        self.notify("$/cancel_request", json!({ "requestId": request })).await;
    }

    /// Hands an answer to who asked. One that nobody waits for is dropped.
    pub(super) fn settle(&self, id: &RequestId, outcome: Result<Value, RpcError>) {
        let waiting = id.as_u64().and_then(|id| self.waiting().remove(&id));
        if let Some(waiting) = waiting {
            let _ = waiting.send(outcome);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn write(mut lines: mpsc::Receiver<String>, mut output: impl AsyncWrite + Unpin) {
    while let Some(line) = lines.recv().await {
        if output.write_all(line.as_bytes()).await.is_err() || output.flush().await.is_err() {
            return;
        }
    }
}

impl Writer {
    /// Returns when the client reads no more.
    pub(super) async fn gone(&mut self) {
        let _ = (&mut self.0).await;
    }

    /// Waits until all is written, where somebody reads it.
    pub(super) async fn finish(mut self) {
        if !self.0.is_finished() {
            let _ = tokio::time::timeout(LAST_WORDS, &mut self.0).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(line: &str) -> (Option<Value>, i64) {
        let (id, error) = Incoming::parse(line.as_bytes()).unwrap_err();
        (id, error.code)
    }

    #[test]
    fn a_message_is_a_request_a_notification_or_a_response() {
        let parse = |line: &str| Incoming::parse(line.as_bytes()).unwrap();
        let method = "m".to_owned();
        let request = parse(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":{}}"#);
        assert_eq!(request, Incoming::Request { id: json!("a"), method: method.clone(), params: json!({}) });
        let notification = parse(r#"{"jsonrpc":"2.0","method":"m"}"#);
        assert_eq!(notification, Incoming::Notification { method, params: Value::Null });
        let response = parse(r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
        assert_eq!(response, Incoming::Response { id: json!(1), outcome: Ok(Value::Null) });
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_id_that_it_has() {
        assert_eq!(refused("{"), (None, -32700));
        assert_eq!(refused("[]"), (None, -32600));
        assert_eq!(refused(r#"{"jsonrpc":"1.0","id":7,"method":"m"}"#), (Some(json!(7)), -32600));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":7}"#), (Some(json!(7)), -32600));
        assert_eq!(refused(r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#), (None, -32600));
    }
}
