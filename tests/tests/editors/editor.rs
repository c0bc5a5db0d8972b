//! An editor, as far as the protocol sees one. Every message that comes is held against the schema.

use std::{collections::HashMap, path::Path, process::Stdio};

use sandboxed_tests::{cli, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::schema::assert_valid;

pub(crate) struct Editor {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    /// The methods of what was asked.
    asked: HashMap<u64, &'static str>,
    /// What came and was not waited for.
    waiting: Vec<Value>,
    /// Updates, in their order.
    pub(crate) updates: Vec<Value>,
}

impl Editor {
    /// Starts `sandboxed-sh acp` on a data directory.
    pub(crate) fn open(data_dir: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::from(cli::command(data_dir));
        command.arg("acp").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stdin = child.stdin.take();
        Self { child, stdin, stdout, asked: HashMap::new(), waiting: Vec::new(), updates: Vec::new() }
    }

    /// Says who it is and what it can do.
    pub(crate) async fn greet(&mut self, abilities: Value) -> Value {
        let params = json!({ "protocolVersion": 1, "clientCapabilities": abilities });
        self.call("initialize", params).await.unwrap()
    }

    /// Opens a new session in a directory, and returns its id.
    pub(crate) async fn session(&mut self, cwd: &str) -> String {
        let params = json!({ "cwd": cwd, "mcpServers": [] });
        self.call("session/new", params).await.unwrap()["sessionId"].as_str().unwrap().to_owned()
    }

    /// Sends a text as a prompt, and returns the request.
    pub(crate) async fn prompt(&mut self, session: &str, text: &str) -> u64 {
        let prompt = json!([{ "type": "text", "text": text }]);
        self.ask("session/prompt", json!({ "sessionId": session, "prompt": prompt })).await
    }

    /// Sends a text as a prompt, and waits for its end.
    pub(crate) async fn turn(&mut self, session: &str, text: &str) -> Result<String, Value> {
        let request = self.prompt(session, text).await;
        self.stop(request).await
    }

    /// Why a prompt's turn is over.
    pub(crate) async fn stop(&mut self, request: u64) -> Result<String, Value> {
        self.answer(request).await.map(|result| result["stopReason"].as_str().unwrap().to_owned())
    }

    pub(crate) async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Value> {
        let request = self.ask(method, params).await;
        self.answer(request).await
    }

    /// Sends a request, and returns its id.
    pub(crate) async fn ask(&mut self, method: &'static str, params: Value) -> u64 {
        let id = self.asked.len() as u64 + 1;
        self.asked.insert(id, method);
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
        id
    }

    pub(crate) async fn notify(&mut self, method: &str, params: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    pub(crate) async fn cancel(&mut self, session: &str) {
        self.notify("session/cancel", json!({ "sessionId": session })).await;
    }

    /// Answers a request of the agent.
    pub(crate) async fn reply(&mut self, request: &Value, result: Value) {
        self.send(json!({ "jsonrpc": "2.0", "id": request["id"], "result": result })).await;
    }

    /// Chooses an option of a permission that is asked for.
    pub(crate) async fn choose(&mut self, request: &Value, option: &str) {
        self.reply(request, json!({ "outcome": { "outcome": "selected", "optionId": option } })).await;
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_line(message.to_string().as_bytes()).await;
    }

    pub(crate) async fn send_line(&mut self, line: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line).await.unwrap();
        stdin.write_all(b"\n").await.unwrap();
        stdin.flush().await.unwrap();
    }

    /// The answer to a request.
    pub(crate) async fn answer(&mut self, request: u64) -> Result<Value, Value> {
        let is_it = |message: &Value| message["id"] == request && message.get("method").is_none();
        let message = self.find(&format!("the answer to {request}"), is_it).await;
        match message.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(message["result"].clone()),
        }
    }

    /// The next message that is an error to no request.
    pub(crate) async fn complaint(&mut self) -> Value {
        let message = self.find("a complaint", |message| message["id"].is_null() && message["error"].is_object()).await;
        message["error"].clone()
    }

    /// The answer to a request that was sent under a name.
    pub(crate) async fn text_answer(&mut self, request: &str) -> Value {
        self.find(request, |message| message["id"] == request).await
    }

    /// The next request of the agent.
    pub(crate) async fn request(&mut self, method: &str) -> Value {
        self.find(method, |message| message["method"] == method).await
    }

    /// Reads until an update is what is looked for.
    pub(crate) async fn update(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(found) = self.updates.iter().find(|update| is_it(update)) {
                return found.clone();
            }
            let message = self.read(what).await;
            self.waiting.extend(message);
        }
    }

    /// Updates of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Vec<&Value> {
        self.updates.iter().filter(|update| update["sessionUpdate"] == kind).collect()
    }

    /// What the agent said.
    pub(crate) fn said(&self) -> String {
        let chunks = self.of_kind("agent_message_chunk").into_iter();
        chunks.map(|chunk| chunk["content"]["text"].as_str().unwrap()).collect()
    }

    /// Says nothing any more, and returns the exit status.
    pub(crate) async fn leave(mut self) -> i32 {
        drop(self.stdin.take());
        let status = within("the end", self.child.wait()).await.unwrap();
        status.code().unwrap_or(-1)
    }

    async fn find(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.waiting.iter().position(&is_it) {
            return self.waiting.remove(place);
        }
        loop {
            match self.read(what).await {
                Some(message) if is_it(&message) => return message,
                message => self.waiting.extend(message),
            }
        }
    }

    /// The next message that is no update.
    async fn read(&mut self, what: &str) -> Option<Value> {
        let mut line = String::new();
        within(what, self.stdout.read_line(&mut line)).await.unwrap();
        assert!(!line.is_empty(), "the agent ended before {what}: {:?}", self.updates.last());
        let message: Value = serde_json::from_str(&line).unwrap();
        let answers = message["id"].as_u64().and_then(|id| self.asked.get(&id)).copied();
        assert_valid(&message, answers);
        if message["method"] == "session/update" {
            self.updates.push(message["params"]["update"].clone());
            return None;
        }
        Some(message)
    }
}
