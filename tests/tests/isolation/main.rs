//! What a mission cannot do to the server, to its machine and to other workspaces, tried from inside.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

#[macro_use]
mod backends;
mod cancelling;
mod documented;
mod escape;
mod faults;
mod leftovers;
mod machine;
mod network;
mod secrets;
mod unprivileged;
mod web;
mod workspaces;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, server::Options, until};
use serde_json::{Value, json};

use crate::backends::Backend;

/// Makes a workspace of a backend and returns its id. `body` says what is not the backend's own.
async fn workspace(server: &Server, backend: &Backend, body: Value) -> String {
    let made = server.api.post("/workspaces", backend.workspace(body)).await;
    let id = made["id"].as_str().unwrap().to_owned();
    // Systems are made by a build.
    let phase = until("the workspace to be made", async || {
        let phase = server.api.get(&format!("/workspaces/{id}")).await["phase"].take();
        (phase != "building").then_some(phase)
    });
    assert_eq!(phase.await, "ready", "{id}");
    id
}

/// Begins a script in a workspace and returns the mission.
async fn begin(server: &Server, workspace: &str, script: &str) -> String {
    server.api.mission_with(json!({ "prompt": script, "harness": "shell", "workspace": workspace })).await
}

/// Runs a script in a workspace to its end and returns the mission.
async fn run(server: &Server, workspace: &str, script: &str) -> String {
    let mission = begin(server, workspace, script).await;
    server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    mission
}

/// What a script in a workspace prints.
async fn said(server: &Server, workspace: &str, script: &str) -> String {
    let mission = run(server, workspace, script).await;
    server.api.printed(&mission).await
}

/// Waits until a mission has printed something.
async fn speaks(server: &Server, mission: &str) {
    server.api.follow(mission, 0, |event| event["kind"] == "tool_output").await;
}

/// What a mission's events of this kind say.
async fn of_kind(server: &Server, mission: &str, kind: &str) -> Vec<Value> {
    let events = server.api.events(mission).await;
    events.into_iter().filter(|event| event["kind"] == kind).map(|mut event| event["body"].take()).collect()
}

async fn cancel(server: &Server, mission: &str) {
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
}

async fn delete(server: &Server, workspace: &str) {
    let (status, answer) = server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;
    assert!(status.is_success(), "{answer}");
}

/// Asks for a workspace that is not to be had, and returns why.
async fn refused(server: &Server, body: Value) -> (StatusCode, Value) {
    let (status, problem) = server.api.call(Method::POST, "/workspaces", Some(body)).await;
    assert!(!status.is_success(), "{problem}");
    (status, problem)
}

/// Bytes of memory that a process has, as `/proc/PID/status` names them.
fn memory(pid: u32, which: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(which)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

/// A server that has a backend, with these variables.
async fn server(backend: &Backend, variables: &[(&str, &str)]) -> Server {
    let environment = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Server::start_with(Options { environment, ..backend.server() }).await
}
