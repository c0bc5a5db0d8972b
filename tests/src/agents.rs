//! Real agents, as their makers publish them, in workspaces: each asks a scripted provider by the server's gateway.

use std::time::Duration;

use sandboxed_scripted_models::{Server as Models, Total};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{
    Server, config, models,
    models::{Setup, model, provider_of},
    server::Options,
    until,
    wait::DEADLINE,
};

/// The agents that come with the server and can be told to ask somewhere else.
pub const AGENTS: [&str; 6] = ["claude-code", "codex", "gemini", "grok", "goose", "opencode"];

/// A server whose only provider is a scripted one, with the programs of some agents.
pub struct Lab {
    /// The server.
    pub server: Server,
    /// The provider.
    pub models: Models,
    /// In the command line of what the agent's tool starts, and nowhere else.
    mark: String,
}

impl Lab {
    /// A lab with an account; `MARK` in the scenario stands for what [`Lab::tools`] looks for.
    pub async fn start(agents: &[&str], scenario: &str) -> Self {
        Self::start_with(agents, scenario, config::of_tests()).await
    }

    /// The same with another configuration.
    pub async fn start_with(agents: &[&str], scenario: &str, config: String) -> Self {
        let mark = format!("mark-{}", rand::random::<u64>());
        let programs = agents.iter().map(|&agent| agent.to_owned()).collect();
        let setup = Setup {
            scenario: &scenario.replace("MARK", &mark),
            config,
            catalogue: &|url| provider_of(url) + &model("large", 10_000),
            keep_bodies: 1 << 20,
            options: Options { programs, ..Options::default() },
        };
        let lab = models::Lab::set_up(setup).await;
        lab.add_account("first", "sk-real-key-of-the-account").await;
        let models::Lab { server, models } = lab;
        Self { server, models, mark }
    }

    /// Makes a workspace that reaches nothing but the models of its missions, and returns its id.
    pub async fn workspace(&self, backend: &str) -> String {
        let network = if backend == "host" { "shared" } else { "none" };
        let wanted = json!({ "backend": backend, "network": { "mode": network } });
        self.server.api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned()
    }

    /// Makes a mission and returns its id.
    pub async fn begin(&self, workspace: &str, agent: &str, prompt: &str) -> String {
        self.begin_with(workspace, agent, prompt, json!({})).await
    }

    /// The same with further fields, or others.
    pub async fn begin_with(&self, workspace: &str, agent: &str, prompt: &str, more: Value) -> String {
        let mut mission = json!({ "prompt": prompt, "harness": agent, "workspace": workspace, "model": "large" });
        mission.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.server.api.mission_with(mission).await
    }

    /// Waits until nothing goes on in a mission, and returns it.
    pub async fn settled(&self, mission: &str) -> Value {
        self.server.api.reaches(mission, &["awaiting_user", "failed", "parked", "interrupted"]).await
    }

    /// Sends a further message.
    pub async fn send(&self, mission: &str, text: &str) {
        self.server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": text })).await;
    }

    /// Sends a further message and waits for the end of its turn.
    pub async fn turn(&self, mission: &str, text: &str) -> Value {
        let turns = self.server.api.get(&format!("/missions/{mission}")).await["turns"].as_u64().unwrap();
        self.send(mission, text).await;
        until("the turn to end", async || {
            let found = self.server.api.get(&format!("/missions/{mission}")).await;
            let over = found["turns"].as_u64().unwrap() > turns && found["state"] != "running";
            (over && found["state"] != "queued").then_some(found)
        })
        .await
    }

    /// What the agent said in a turn.
    pub async fn said(&self, mission: &str, turn: u64) -> String {
        let events = self.server.api.events(mission).await;
        let said = events
            .iter()
            .filter(|event| event["kind"] == "message" && event["turn"] == turn && event["body"]["role"] == "agent");
        said.map(|event| event["body"]["text"].as_str().unwrap()).collect()
    }

    /// Events of a kind, their bodies.
    pub async fn told(&self, mission: &str, kind: &str) -> Vec<Value> {
        let events = self.server.api.events(mission).await;
        events.into_iter().filter(|event| event["kind"] == kind).map(|event| event["body"].clone()).collect()
    }

    /// A file of a workspace; none where it is not there.
    pub async fn file(&self, workspace: &str, path: &str) -> Option<String> {
        let found = self.server.cli(&["exec", workspace, "--", "cat", path]);
        (found.code == 0).then_some(found.stdout)
    }

    /// Processes of this machine that the agent's tool started.
    pub fn tools(&self) -> usize {
        let holds = |process: std::fs::DirEntry| {
            let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
            line.windows(self.mark.len()).any(|part| part == self.mark.as_bytes())
        };
        std::fs::read_dir("/proc").unwrap().flatten().map(holds).filter(|&holds| holds).count()
    }

    /// Waits until the agent's tool runs. Where it never does, the test says what the mission told.
    pub async fn tool_runs(&self, mission: &str) {
        let deadline = Instant::now() + DEADLINE;
        while self.tools() == 0 {
            let shown = self.server.api.get(&format!("/missions/{mission}")).await;
            let is_over =
                ["awaiting_user", "failed", "parked", "interrupted"].iter().any(|over| shown["state"] == *over);
            if is_over || Instant::now() > deadline {
                let events = self.server.api.events(mission).await;
                panic!("the tool does not run: {shown}\n{events:#?}\n{}", self.server.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the provider served, once nothing is under way.
    pub async fn served(&self) -> Vec<Total> {
        let patience = Duration::from_secs(20);
        assert!(self.models.settled(patience).await, "{:?}", self.models.ledger());
        self.models.totals()
    }
}
