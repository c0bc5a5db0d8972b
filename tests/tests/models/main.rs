//! Agents ask models through the server's gateway: with a token that dies with their turn, counted, within budgets, and by
//! whichever account can answer. The providers are a scripted server on this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod asking;
mod authorization;
mod budgets;
mod canary;
mod crashing;
mod limits;
mod sign_in;
mod tokens;

use std::time::Duration;

use sandboxed_scripted_models::{Options as ModelOptions, Scenario, Server as Models, Total};
use sandboxed_tests::{Server, config, server::Options};
use serde_json::{Value, json};

/// The key of the first account, and that of the second.
const KEY: &str = "sk-first-real-key";
const OTHER_KEY: &str = "sk-second-real-key";

/// A server whose only provider is a scripted one.
struct Lab {
    server: Server,
    models: Models,
}

impl Lab {
    /// With an account `first` that shows [`KEY`].
    async fn start(scenario: &str) -> Self {
        Self::start_with(scenario, config::of_tests()).await
    }

    /// The same with another configuration.
    async fn start_with(scenario: &str, config: String) -> Self {
        let lab = Self::without_account(scenario, config).await;
        lab.add_account("first", KEY).await;
        lab
    }

    async fn without_account(scenario: &str, config: String) -> Self {
        Self::with_providers(scenario, config, |_| String::new()).await
    }

    /// Without an account, and with further providers, which are told where the scripted one is.
    async fn with_providers(scenario: &str, config: String, further: impl FnOnce(&str) -> String) -> Self {
        let scenario = Scenario::parse(scenario).unwrap();
        let models = Models::start(ModelOptions { scenario, ..ModelOptions::default() }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let catalogue = folder.path().join("models.toml");
        std::fs::write(&catalogue, catalogue_of(&models.url()) + &further(&models.url())).unwrap();
        let there = "[models]\n";
        assert!(config.contains(there));
        let settings = format!("{there}catalogue = {:?}\n", catalogue.display().to_string());
        let config = config.replacen(there, &settings, 1);
        let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;
        // It was read, and is read again when the server is started again.
        std::mem::forget(folder);
        Self { server, models }
    }

    async fn add_account(&self, name: &str, key: &str) {
        let account = json!({ "name": name, "provider": "scripted", "key": key });
        self.server.api.post("/accounts", account).await;
    }

    /// Makes a workspace of a backend and returns its id.
    async fn workspace(&self, wanted: Value) -> String {
        self.server.api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned()
    }

    /// Runs a script as a mission until nothing goes on any more, and returns the mission.
    async fn mission(&self, workspace: &str, script: &str) -> Value {
        let id = self.begin(workspace, script).await;
        self.server.api.reaches(&id, &["awaiting_user", "failed", "parked"]).await
    }

    async fn begin(&self, workspace: &str, script: &str) -> String {
        let mission = json!({ "prompt": script, "harness": "shell", "workspace": workspace });
        self.server.api.mission_with(mission).await
    }

    /// What a mission printed.
    async fn printed(&self, mission: &Value) -> String {
        self.server.api.printed(mission["id"].as_str().unwrap()).await
    }

    /// What the gateway counted for a mission, one event for each model and turn.
    async fn counted(&self, mission: &Value) -> Vec<Value> {
        let events = self.server.api.events(mission["id"].as_str().unwrap()).await;
        let usage = events.into_iter().filter(|event| event["kind"] == "usage").map(|event| event["body"].clone());
        usage.collect()
    }

    /// What the providers served, once nothing is under way.
    async fn served(&self) -> Vec<Total> {
        assert!(self.models.settled(Duration::from_secs(20)).await, "{:?}", self.models.ledger());
        self.models.totals()
    }

    /// Requests of missions, the newest first.
    async fn requests(&self) -> Vec<Value> {
        self.server.api.get("/model-requests?limit=500").await["items"].as_array().unwrap().clone()
    }
}

/// The configuration of the tests with another value of a key of `[models]`.
fn with(key: &str, value: &str) -> String {
    let text = config::of_tests();
    let start = text.find(&format!("\n{key} = ")).unwrap() + 1;
    let end = start + text[start..].find('\n').unwrap();
    format!("{}{key} = {value}{}", &text[..start], &text[end..])
}

/// A provider with all formats, and models whose prices are easy to count with: a dollar for a million tokens of input, ten
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
max_output_tokens = 1000
prices = [{{ from = "2026-01-01", input = 1, cache_read = 0.1, cache_write = 1.25, cache_write_1h = 2, output = 10 }}]

[models.scripted.priceless]
"#
    )
}

/// A script that asks for an answer of Anthropic Messages and prints it, with the status in the last line.
fn ask(model: &str, text: &str) -> String {
    let body = json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": text }] });
    post("$ANTHROPIC_BASE_URL/v1/messages", "x-api-key: $ANTHROPIC_API_KEY", &body)
}

/// A script that posts a body and prints the answer, with the status in the last line.
fn post(url: &str, header: &str, body: &Value) -> String {
    format!(
        "curl -sS -N -w '\\n%{{http_code}}\\n' \"{url}\" -H \"{header}\" -H 'content-type: application/json' --data-binary @- <<'BODY'\n{body}\nBODY\n"
    )
}

/// What every request is answered with: 100 tokens of input, 20 of output.
const ANSWER: &str = r#"
[[reply]]
text = "I heard you."
usage = { input = 100, output = 20 }
"#;

/// What an answer of [`ANSWER`] costs, in micro-dollars.
const ANSWER_COST: u64 = 100 + 200;
