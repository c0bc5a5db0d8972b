//! Secrets: what the vault keeps, who gets it, and where it is never seen.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod canary;
mod keys;
mod sharing;

use std::{io::Write as _, path::Path, process::Stdio};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{
    Server,
    cli::{Finished, command, finished},
};
use serde_json::{Value, json};

/// Sets a secret and returns what is told of it.
async fn set(server: &Server, name: &str, value: &str, audience: &[&str]) -> Value {
    let body = json!({ "value": value, "audience": audience });
    let (status, answer) = server.api.call(Method::PUT, &format!("/secrets/{name}"), Some(body)).await;
    assert!(status.is_success(), "{status} {answer}");
    answer
}

/// A workspace in whose processes these variables are secrets.
async fn workspace(server: &Server, env: Value) -> String {
    let new = json!({ "backend": "bubblewrap", "env": env });
    server.api.post("/workspaces", new).await["id"].as_str().unwrap().to_owned()
}

/// Runs a script as a mission to its end and returns the mission.
async fn mission(server: &Server, workspace: &str, script: &str) -> String {
    let mission = json!({ "prompt": script, "harness": "shell", "workspace": workspace });
    let mission = server.api.mission_with(mission).await;
    server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    mission
}

/// Runs the command line with something on its standard input.
fn piped(server: &Server, arguments: &[&str], input: &[u8]) -> Finished {
    let mut command = command(&server.data_dir());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    finished(child.wait_with_output().unwrap())
}

/// The code with which a request is refused.
async fn refused(server: &Server, method: Method, path: &str, body: Option<Value>) -> (StatusCode, String, Value) {
    let (status, problem) = server.api.call(method, path, body).await;
    assert!(status.is_client_error(), "{status} {problem}");
    (status, problem["code"].as_str().unwrap().to_owned(), problem)
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_default()
}
