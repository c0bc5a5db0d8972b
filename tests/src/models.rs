//! A server whose only provider of models is a scripted one on this machine.

use std::time::Duration;

use sandboxed_scripted_models::{Options as ModelOptions, Scenario, Server as Models, Total};
use serde_json::{Value, json};

use crate::{Server, config, server::Options};

/// The key of the account `first`.
pub const KEY: &str = "sk-first-real-key";

/// A server and its provider.
pub struct Lab {
    /// The server.
    pub server: Server,
    /// The provider.
    pub models: Models,
}

/// How a lab is set up.
pub struct Setup<'a> {
    /// What the provider answers.
    pub scenario: &'a str,
    /// The text of `sandboxed.toml`.
    pub config: String,
    /// The catalogue, told where the provider is.
    pub catalogue: &'a dyn Fn(&str) -> String,
    /// Bytes that the provider's ledger keeps of the body of each request.
    pub keep_bodies: usize,
    /// How the server is started besides.
    pub options: Options,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self {
            scenario: "",
            config: config::of_tests(),
            catalogue: &|url| catalogue_of(url),
            keep_bodies: 0,
            options: Options::default(),
        }
    }
}

impl Lab {
    /// A lab without an account.
    pub async fn set_up(setup: Setup<'_>) -> Self {
        let Setup { scenario, config, catalogue, keep_bodies, options } = setup;
        let scenario = Scenario::parse(scenario).unwrap();
        let models = Models::start(ModelOptions { scenario, keep_bodies, ..ModelOptions::default() }).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("models.toml");
        std::fs::write(&file, catalogue(&models.url())).unwrap();
        let there = "[models]\n";
        assert!(config.contains(there));
        let config = config.replacen(there, &format!("{there}catalogue = {:?}\n", file.display().to_string()), 1);
        let server = Server::start_with(Options { config: Some(config), ..options }).await;
        // It was read, and is read again when the server is started again.
        std::mem::forget(folder);
        Self { server, models }
    }

    /// With an account `first` that shows [`KEY`].
    pub async fn start(scenario: &str) -> Self {
        Self::start_with(scenario, config::of_tests()).await
    }

    /// The same with another configuration.
    pub async fn start_with(scenario: &str, config: String) -> Self {
        let lab = Self::without_account(scenario, config).await;
        lab.add_account("first", KEY).await;
        lab
    }

    /// Without an account.
    pub async fn without_account(scenario: &str, config: String) -> Self {
        Self::set_up(Setup { scenario, config, ..Setup::default() }).await
    }

    /// Without an account, and with further providers, which are told where the scripted one is.
    pub async fn with_providers(scenario: &str, config: String, further: impl Fn(&str) -> String) -> Self {
        let catalogue = |url: &str| catalogue_of(url) + &further(url);
        Self::set_up(Setup { scenario, config, catalogue: &catalogue, ..Setup::default() }).await
    }

    /// Adds an account at the scripted provider.
    pub async fn add_account(&self, name: &str, key: &str) {
        let account = json!({ "name": name, "provider": "scripted", "key": key });
        self.server.api.post("/accounts", account).await;
    }

    /// Makes a workspace of a backend and returns its id.
    pub async fn workspace(&self, wanted: Value) -> String {
        self.server.api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned()
    }

    /// Runs a script as a mission until nothing goes on any more, and returns the mission.
    pub async fn mission(&self, workspace: &str, script: &str) -> Value {
        let id = self.begin(workspace, script).await;
        self.server.api.reaches(&id, &["awaiting_user", "failed", "parked"]).await
    }

    /// Makes a mission of a script and returns its id.
    pub async fn begin(&self, workspace: &str, script: &str) -> String {
        let mission = json!({ "prompt": script, "harness": "shell", "workspace": workspace });
        self.server.api.mission_with(mission).await
    }

    /// What a mission printed.
    pub async fn printed(&self, mission: &Value) -> String {
        self.server.api.printed(mission["id"].as_str().unwrap()).await
    }

    /// What the gateway counted for a mission, one event for each model and turn.
    pub async fn counted(&self, mission: &Value) -> Vec<Value> {
        let events = self.server.api.events(mission["id"].as_str().unwrap()).await;
        let usage = events.into_iter().filter(|event| event["kind"] == "usage").map(|event| event["body"].clone());
        usage.collect()
    }

    /// What the provider served, once nothing is under way.
    pub async fn served(&self) -> Vec<Total> {
        assert!(self.models.settled(Duration::from_secs(20)).await, "{:?}", self.models.ledger());
        self.models.totals()
    }

    /// Requests of missions, the newest first.
    pub async fn requests(&self) -> Vec<Value> {
        self.server.api.get("/model-requests?limit=500").await["items"].as_array().unwrap().clone()
    }
}

/// A provider with all formats, and models whose prices are easy to count with: a dollar for a million tokens of input, ten
/// for a million of output.
pub fn catalogue_of(url: &str) -> String {
    provider_of(url) + &model("large", 1000) + "\n[models.scripted.priceless]\n"
}

/// The provider `scripted` of a catalogue.
pub fn provider_of(url: &str) -> String {
    format!(
        r#"
[providers.scripted]
title = "Scripted"
key = "bearer"
key_variable = "SCRIPTED_API_KEY"
models_url = "{url}/v1/models"
endpoints = {{ messages = "{url}", chat = "{url}/v1", responses = "{url}/v1", gemini = "{url}" }}
"#
    )
}

/// A model of it in a catalogue.
pub fn model(name: &str, max_output_tokens: u64) -> String {
    format!(
        r#"
[models.scripted.{name}]
context_tokens = 100000
max_output_tokens = {max_output_tokens}
prices = [{{ from = "2026-01-01", input = 1, cache_read = 0.1, cache_write = 1.25, cache_write_1h = 2, output = 10 }}]
"#
    )
}
