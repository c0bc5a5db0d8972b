//! Real agents, as their makers publish them, in workspaces: each asks a scripted provider by the server's gateway.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod approving;
mod crashing;
mod interrupting;
mod refusing;
mod working;

use std::time::Duration;

use sandboxed_scripted_models::{Options as ModelOptions, Scenario, Server as Models, Total};
use sandboxed_tests::{Server, config, server::Options};
use serde_json::{Value, json};

/// The agents that come with the server and can be told to ask somewhere else.
const AGENTS: [&str; 6] = ["claude-code", "codex", "gemini", "grok", "goose", "opencode"];

/// A server whose only provider is a scripted one, with the programs of some agents.
struct Lab {
    server: Server,
    models: Models,
    /// In the command line of what the agent's tool starts, and nowhere else.
    mark: String,
}

impl Lab {
    async fn start(agents: &[&str], scenario: &str) -> Self {
        Self::start_with(agents, scenario, config::of_tests()).await
    }

    async fn start_with(agents: &[&str], scenario: &str, config: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mark = format!("mark-{}", folder.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.'));
        let scenario = Scenario::parse(&scenario.replace("MARK", &mark)).unwrap();
        let models =
            Models::start(ModelOptions { scenario, keep_bodies: 1 << 20, ..ModelOptions::default() }).await.unwrap();
        let catalogue = folder.path().join("models.toml");
        std::fs::write(&catalogue, catalogue_of(&models.url())).unwrap();
        let there = "[models]\n";
        let settings = format!("{there}catalogue = {:?}\n", catalogue.display().to_string());
        let config = config.replacen(there, &settings, 1);
        let programs = agents.iter().map(|&agent| agent.to_owned()).collect();
        let server = Server::start_with(Options { config: Some(config), programs, ..Options::default() }).await;
        // It is read again when the server is started again.
        std::mem::forget(folder);
        let account = json!({ "name": "first", "provider": "scripted", "key": "sk-real-key-of-the-account" });
        server.api.post("/accounts", account).await;
        Self { server, models, mark }
    }

    /// Makes a workspace that reaches nothing but the models of its missions, and returns its id.
    async fn workspace(&self, backend: &str) -> String {
        let network = if backend == "host" { "shared" } else { "none" };
        let wanted = json!({ "backend": backend, "network": { "mode": network } });
        self.server.api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned()
    }

    async fn begin(&self, workspace: &str, agent: &str, prompt: &str) -> String {
        self.begin_with(workspace, agent, prompt, json!({})).await
    }

    async fn begin_with(&self, workspace: &str, agent: &str, prompt: &str, more: Value) -> String {
        let mut mission = json!({ "prompt": prompt, "harness": agent, "workspace": workspace, "model": "large" });
        mission.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.server.api.mission_with(mission).await
    }

    /// Waits until nothing goes on in a mission, and returns it.
    async fn settled(&self, mission: &str) -> Value {
        self.server.api.reaches(mission, &["awaiting_user", "failed", "parked", "interrupted"]).await
    }

    async fn send(&self, mission: &str, text: &str) {
        self.server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": text })).await;
    }

    /// Sends a further message and waits for the end of its turn.
    async fn turn(&self, mission: &str, text: &str) -> Value {
        let turns = self.server.api.get(&format!("/missions/{mission}")).await["turns"].as_u64().unwrap();
        self.send(mission, text).await;
        sandboxed_tests::until("the turn to end", async || {
            let found = self.server.api.get(&format!("/missions/{mission}")).await;
            let over = found["turns"].as_u64().unwrap() > turns && found["state"] != "running";
            (over && found["state"] != "queued").then_some(found)
        })
        .await
    }

    /// What the agent said in a turn.
    async fn said(&self, mission: &str, turn: u64) -> String {
        let events = self.server.api.events(mission).await;
        let said = events
            .iter()
            .filter(|event| event["kind"] == "message" && event["turn"] == turn && event["body"]["role"] == "agent");
        said.map(|event| event["body"]["text"].as_str().unwrap()).collect()
    }

    /// Events of a kind, their bodies.
    async fn told(&self, mission: &str, kind: &str) -> Vec<Value> {
        let events = self.server.api.events(mission).await;
        events.into_iter().filter(|event| event["kind"] == kind).map(|event| event["body"].clone()).collect()
    }

    /// A file of a workspace; none where it is not there.
    async fn file(&self, workspace: &str, path: &str) -> Option<String> {
        let found = self.server.cli(&["exec", workspace, "--", "cat", path]);
        (found.code == 0).then_some(found.stdout)
    }

    /// Processes of this machine that the agent's tool started.
    fn tools(&self) -> usize {
        let holds = |process: std::fs::DirEntry| {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            line.windows(self.mark.len()).any(|part| part == self.mark.as_bytes())
        };
        std::fs::read_dir("/proc").unwrap().flatten().map(holds).filter(|&holds| holds).count()
    }

    /// What the provider served, once nothing is under way.
    async fn served(&self) -> Vec<Total> {
        assert!(self.models.settled(Duration::from_secs(20)).await, "{:?}", self.models.ledger());
        self.models.totals()
    }
}

/// A provider with all formats, and a model whose prices are easy to count with: a dollar for a million tokens of input, ten
/// for a million of output.
fn catalogue_of(url: &str) -> String {
    format!(
        r#"
[providers.scripted]
title = "Scripted"
key = "bearer"
key_variable = "SCRIPTED_API_KEY"
models_url = "{url}/v1/models"
endpoints = {{ messages = "{url}", chat = "{url}/v1", responses = "{url}/v1", gemini = "{url}" }}

[models.scripted.large]
context_tokens = 100000
max_output_tokens = 10000
prices = [{{ from = "2026-01-01", input = 1, cache_read = 0.1, cache_write = 1.25, cache_write_1h = 2, output = 10 }}]
"#
    )
}

/// Runs the command that the person names and says what it printed; says what else it is told.
const OBEDIENT: &str = r#"
[[reply]]
name = "result"
when = { tool_result = true, tools = true }
text = "It printed: ${tool_result}"
usage = { input = 300, output = 30 }

[[reply]]
name = "write"
when = { user_contains = "write the file", tools = true, tool_result = false }
content = [{ type = "shell", command = "echo hello from the agent | tee hello.txt" }]
usage = { input = 200, output = 20 }

[[reply]]
name = "wait"
when = { user_contains = "wait for ever", tools = true, tool_result = false }
content = [{ type = "shell", command = "sh -c 'until [ -e enough ]; do sleep 0.1; done; echo went on' MARK" }]
usage = { input = 200, output = 20 }

[[reply]]
name = "remember"
when = { user_contains = "what did I say", tools = true }
text = "You have said ${user_messages} things."
usage = { input = 100, output = 10 }

[[reply]]
name = "slow"
when = { user_contains = "slowly", tools = true }
text = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
chunk = 5
pace = { first_ms = 50, between_ms = 150 }
usage = { input = 100, output = 40 }

[[reply]]
name = "else"
text = "I heard you."
usage = { input = 10, output = 1 }
"#;
