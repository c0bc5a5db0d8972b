//! Files that people send along with their messages: how they come, what is told of them, how agents get them, and when they
//! go. An agent is a script of the harness `talking`, which looks at images, or of `shell`, which does not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bringing;
mod command_line;
mod containers;
mod crashing;
mod going;
mod naming;
mod turns;

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{
    Api, Server,
    api::{assert_gap_free, of_kind},
    config,
    server::Options,
    until, within,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What every PNG begins with.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A script that reads what it asked for and tells how many bytes it has and what they are.
const READS: &str = "head -n 1 | cut -d ' ' -f 3 | base64 -d | sha256sum";

/// A server with the harness `talking`.
struct Lab {
    server: Server,
}

impl Lab {
    async fn start() -> Self {
        Self::with(&[]).await
    }

    /// A server with other values of `[missions]`, as variables.
    async fn with(missions: &[(&str, &str)]) -> Self {
        Self::configured(config::of_tests(), missions).await
    }

    async fn configured(config: String, missions: &[(&str, &str)]) -> Self {
        let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
            Some(folder) => PathBuf::from(folder),
            None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
        };
        let component = guests.join("talking-harness.wasm");
        assert!(component.exists(), "{} is missing: build it with `make test-guests`", component.display());
        let component = component.canonicalize().unwrap();
        let component = component.display();
        let table = format!("\n[[plugin]]\nid = \"talking\"\nkind = \"harness\"\ncomponent = \"{component}\"\n");
        let name = |key: &str| format!("SANDBOXED_SH__MISSIONS__{}", key.to_uppercase());
        let environment = missions.iter().map(|(key, value)| (name(key), (*value).to_owned())).collect();
        let options = Options { config: Some(format!("{config}{table}")), environment, ..Options::default() };
        Self { server: Server::start_with(options).await }
    }

    /// Brings a file, and returns what the server says of it.
    async fn bring(&self, name: &str, content: &[u8]) -> Value {
        let (status, attachment) = bring(&self.server.api, name, content).await;
        assert_eq!(status, StatusCode::CREATED, "{attachment}");
        attachment
    }

    async fn mission(&self, harness: &str, script: &str, attachments: &[&Value]) -> String {
        let body = json!({ "prompt": script, "harness": harness, "attachments": ids(attachments) });
        self.server.api.mission_with(body).await
    }

    async fn mission_in(&self, backend: &str, harness: &str, script: &str, attachments: &[&Value]) -> String {
        let workspace = self.server.api.post("/workspaces", json!({ "backend": backend })).await;
        let attachments = ids(attachments);
        let body =
            json!({ "prompt": script, "harness": harness, "workspace": workspace["id"], "attachments": attachments });
        self.server.api.mission_with(body).await
    }

    async fn send(&self, mission: &str, script: &str, attachments: &[&Value]) -> Value {
        let body = json!({ "text": script, "attachments": ids(attachments) });
        self.server.api.post(&format!("/missions/{mission}/messages"), body).await
    }

    /// Waits until this many turns are over, and returns the mission.
    async fn over(&self, mission: &str, turns: u64) -> Value {
        until("the turn to end", async || {
            let mission = self.server.api.get(&format!("/missions/{mission}")).await;
            let waits = ["awaiting_user", "done", "failed", "cancelled"].map(|state| json!(state));
            (mission["turns"] == turns && waits.contains(&mission["state"])).then_some(mission)
        })
        .await
    }

    async fn events(&self, mission: &str) -> Vec<Value> {
        let events = self.server.api.events(mission).await;
        assert_gap_free(&events);
        events
    }

    /// What the agent of `talking` said.
    async fn said(&self, mission: &str) -> String {
        let events = self.events(mission).await;
        let messages = of_kind(&events, "message").into_iter().filter(|message| message["role"] == "agent");
        messages.map(|message| message["text"].as_str().unwrap()).collect()
    }

    /// What `talking` was told of each launch.
    async fn starts(&self, mission: &str) -> Vec<Value> {
        let events = self.events(mission).await;
        let others = of_kind(&events, "other").into_iter().filter(|other| other["name"] == "start");
        others.map(|start| start["value"].clone()).collect()
    }

    /// The attachments of each of the person's messages.
    async fn told(&self, mission: &str) -> Vec<Value> {
        let events = self.events(mission).await;
        let messages = of_kind(&events, "message").into_iter().filter(|message| message["role"] == "user");
        messages.map(|message| message["attachments"].clone()).collect()
    }

    /// Lets an agent go on that waits for the file `go` in its workspace.
    async fn let_go(&self, mission: &str) {
        let mission = self.server.api.get(&format!("/missions/{mission}")).await;
        self.server.cli(&["exec", mission["workspace"].as_str().unwrap(), "--", "touch", "go"]).success();
    }

    /// The status and code with which a request is refused.
    async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, String) {
        let (status, problem) = self.server.api.call(method, path, body).await;
        assert!(status.is_client_error(), "{status} {problem}");
        (status.as_u16(), problem["code"].as_str().unwrap().to_owned())
    }

    /// Names of the files that the server keeps.
    fn kept(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.server.data_dir().join("attachments")).unwrap().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        names
    }
}

/// Brings a file with the token of `api`.
async fn bring(api: &Api, name: &str, content: &[u8]) -> (StatusCode, Value) {
    let request = api.request(Method::POST, "/attachments").query(&[("name", name)]).body(content.to_vec());
    let answer = within("an answer", request.send()).await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// A PNG of so many bytes, as far as anybody looks.
fn image(bytes: usize) -> Vec<u8> {
    let rest = (0..bytes - PNG.len()).map(|at| (at % 251) as u8);
    PNG.iter().copied().chain(rest).collect()
}

/// What `sha256sum` prints of standard input.
fn sum(content: &[u8]) -> String {
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{digest}  -\n")
}

fn id(attachment: &Value) -> &str {
    attachment["id"].as_str().unwrap()
}

fn ids(attachments: &[&Value]) -> Vec<Value> {
    attachments.iter().map(|attachment| attachment["id"].clone()).collect()
}

/// What a message tells of an attachment.
fn briefly(attachment: &Value) -> Value {
    let mut brief = attachment.clone();
    brief.as_object_mut().unwrap().remove("created_at");
    brief
}
