//! What passes between an agent and people in the middle of a turn: approvals, questions, further messages, problems. The
//! agent is a script that speaks the protocol of the harness `talking`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod changing;
mod command_line;
mod context;
mod crashing;
mod deciding;
mod ending;
mod homes;
mod limits;
mod questions;
mod replaying;
mod rules;
mod secrets;
mod steering;

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{
    Server,
    api::{assert_gap_free, of_kind},
    config,
    server::Options,
    until,
};
use serde_json::{Value, json};

/// What a script does that waits for one line and tells what it was.
const HEARS: &str = "read -r line; echo \"heard: $line\"\n";

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

    /// A server with these rules in its configuration.
    async fn with_rules(rules: &str) -> Self {
        let before = "approval_timeout = \"12h\"\n";
        let rules = format!("{before}approval_rules = [{rules}]\n");
        Self::configured(config::changed(&[(before, &rules)]), &[]).await
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

    async fn workspace(&self) -> String {
        let new = json!({ "backend": "bubblewrap" });
        self.server.api.post("/workspaces", new).await["id"].as_str().unwrap().to_owned()
    }

    /// Makes a mission whose agent asks before it does something.
    async fn mission(&self, script: &str) -> String {
        self.mission_with(json!({ "prompt": script })).await
    }

    async fn mission_in(&self, workspace: &str, script: &str) -> String {
        self.mission_with(json!({ "prompt": script, "workspace": workspace })).await
    }

    async fn mission_with(&self, mut mission: Value) -> String {
        for (name, value) in [("harness", "talking"), ("approvals", "ask")] {
            let fields = mission.as_object_mut().unwrap();
            fields.entry(name).or_insert_with(|| json!(value));
        }
        self.server.api.mission_with(mission).await
    }

    async fn send(&self, mission: &str, script: &str) {
        self.server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": script })).await;
    }

    async fn steer(&self, mission: &str, text: &str) -> String {
        let message = json!({ "text": text, "steer": true });
        let message = self.server.api.post(&format!("/missions/{mission}/messages"), message).await;
        message["id"].as_str().unwrap().to_owned()
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

    /// Waits until the agent waits for something, and returns it.
    async fn asked(&self, mission: &str) -> Value {
        until("the agent to ask", async || {
            self.server.api.get(&format!("/missions/{mission}/asks")).await["items"]
                .as_array()
                .unwrap()
                .first()
                .cloned()
        })
        .await
    }

    /// Decides the only thing that the agent waits for.
    async fn decide(&self, mission: &str, decision: Value) -> Value {
        let ask = self.asked(mission).await;
        self.server.api.post(&path(mission, &ask, "decision"), decision).await
    }

    /// What the agent said.
    async fn said(&self, mission: &str) -> String {
        let events = self.events(mission).await;
        let messages = of_kind(&events, "message").into_iter().filter(|message| message["role"] == "agent");
        messages.map(|message| message["text"].as_str().unwrap()).collect()
    }

    /// How each approval stood whenever something was told of it.
    async fn approvals(&self, mission: &str) -> Vec<String> {
        let events = self.events(mission).await;
        let told = of_kind(&events, "approval").into_iter();
        told.map(|approval| approval["status"].as_str().unwrap().to_owned()).collect()
    }

    async fn states(&self, mission: &str) -> Vec<String> {
        let events = self.events(mission).await;
        of_kind(&events, "state").into_iter().map(|state| state["to"].as_str().unwrap().to_owned()).collect()
    }

    /// What the driver was told of each launch.
    async fn starts(&self, mission: &str) -> Vec<Value> {
        let events = self.events(mission).await;
        let others = of_kind(&events, "other").into_iter().filter(|other| other["name"] == "start");
        others.map(|start| start["value"].clone()).collect()
    }

    async fn events(&self, mission: &str) -> Vec<Value> {
        let events = self.server.api.events(mission).await;
        assert_gap_free(&events);
        events
    }

    /// The status and code with which a request is refused.
    async fn refused(&self, method: Method, path: &str, body: Value) -> (StatusCode, String) {
        let (status, problem) = self.server.api.call(method, path, Some(body)).await;
        assert!(status.is_client_error(), "{status} {problem}");
        (status, problem["code"].as_str().unwrap().to_owned())
    }
}

/// Where something asked is decided or answered.
fn path(mission: &str, ask: &Value, what: &str) -> String {
    format!("/missions/{mission}/asks/{}/{what}", ask["id"].as_str().unwrap())
}

/// The part of a script by which the agent says something of its protocol.
fn says(said: Value) -> String {
    format!("printf '%s\\n' '{said}'\n")
}

/// The part of a script by which the agent asks to execute a command.
fn asks(id: &str, command: &str) -> String {
    says(json!({ "approval": { "id": id, "tool": "sh", "subject": command, "input": { "command": command } } }))
}
