//! A real client, `acpx`, drives the shell and a real agent.

use std::path::{Path, PathBuf};

use sandboxed_scripted_models::{Options as ModelOptions, Scenario, Server as Models};
use sandboxed_tests::{
    Server,
    cli::{self, Finished},
    config,
    server::Options,
    within,
};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{HEARS, Lab, asks, clients};

/// The client, with a home and a directory of its own.
struct Acpx {
    data_dir: PathBuf,
    agent: String,
    home: tempfile::TempDir,
}

impl Acpx {
    fn of(server: &Server, arguments: &str) -> Self {
        let agent = format!("{} acp {arguments}", cli::binary().display());
        Self { data_dir: server.data_dir(), agent, home: tempfile::tempdir().unwrap() }
    }

    fn project(&self) -> &Path {
        self.home.path()
    }

    async fn run(&self, options: &[&str], arguments: &[&str]) -> Finished {
        let place = clients::place();
        // What the agent gets it inherits from its client.
        let environment = cli::command(&self.data_dir);
        let mut command = Command::new(place.join("node"));
        for (name, value) in environment.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .arg(place.join("node_modules/acpx/dist/cli.js"))
            .args(["--agent", &self.agent, "--ttl", "60", "--cwd"])
            .arg(self.project())
            .args(options)
            .args(arguments)
            .env("HOME", self.home.path())
            .current_dir(self.project())
            .stdin(std::process::Stdio::null());
        let output = within("acpx", command.output()).await.unwrap();
        cli::finished(output)
    }

    /// Sends one prompt and returns the messages of the protocol.
    async fn messages(&self, options: &[&str], prompt: &str) -> Vec<Value> {
        let finished = self.run(&[&["--format", "json"], options].concat(), &["exec", prompt]).await.success();
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn acpx_runs_a_script_and_shows_what_it_prints_and_changes() {
    let lab = Lab::start().await;
    let acpx = Acpx::of(&lab.server, "--harness shell");

    let done = acpx.run(&[], &["exec", "echo hello from a mission; date > stamp.txt"]).await.success();

    for shown in ["hello from a mission", "Created stamp.txt", "[done] end_turn"] {
        assert!(done.stdout.contains(shown), "{shown}: {}", done.stdout);
    }
}

#[tokio::test]
async fn acpx_fails_as_the_turn_does() {
    let lab = Lab::start().await;
    let acpx = Acpx::of(&lab.server, "--harness shell");

    let done = acpx.run(&[], &["exec", "exit 3"]).await;

    assert_ne!(done.code, 0, "{done:?}");
    let shown = done.stdout + &done.stderr;
    assert!(shown.contains("the script exited with code 3"), "{shown}");
}

#[tokio::test]
async fn acpx_keeps_a_session_and_takes_one_up_again() {
    let lab = Lab::start().await;
    let acpx = Acpx::of(&lab.server, "--harness talking");
    acpx.run(&[], &["sessions", "new"]).await.success();

    let first = acpx.run(&["--format", "quiet"], &["prompt", "echo one"]).await.success();
    let second = acpx.run(&["--format", "quiet"], &["prompt", "echo two"]).await.success();

    acpx.run(&[], &["sessions", "close"]).await.success();

    assert_eq!((first.stdout.trim(), second.stdout.trim()), ("one", "two"), "{first:?} {second:?}");
    let missions = lab.server.api.get("/missions").await;
    let [mission] = missions["items"].as_array().unwrap().as_slice() else { panic!("it is one mission: {missions}") };
    assert_eq!(mission["turns"], 2);
    let mission = mission["id"].as_str().unwrap();
    acpx.run(&[], &["sessions", "new", "--resume-session", mission]).await.success();
    let third = acpx.run(&["--format", "quiet"], &["prompt", "echo three"]).await.success();
    acpx.run(&[], &["sessions", "close"]).await.success();
    assert_eq!(third.stdout.trim(), "three", "{third:?}");
    assert_eq!(lab.mission(mission).await["turns"], 3);
}

#[tokio::test]
async fn acpx_decides_what_the_agent_may_do() {
    let lab = Lab::start().await;
    let acpx = Acpx::of(&lab.server, "--harness talking --approvals ask");
    let prompt = format!("{}{HEARS}", asks("a", "make"));

    let approved = acpx.run(&["--format", "quiet", "--approve-all"], &["exec", &prompt]).await.success();
    let denied = acpx.run(&["--format", "quiet", "--deny-all"], &["exec", &prompt]).await;

    assert!(approved.stdout.contains("heard: decision a approved"), "{approved:?}");
    assert!(denied.stdout.contains("heard: decision a denied"), "{denied:?}");
}

#[tokio::test]
async fn acpx_chooses_a_model() {
    let lab = Lab::start().await;
    let acpx = Acpx::of(&lab.server, "--harness talking");

    let messages = acpx.messages(&["--model", "large"], "true").await;

    let answer = messages.iter().find(|message| message["result"]["sessionId"].is_string()).unwrap();
    let mission = lab.mission(answer["result"]["sessionId"].as_str().unwrap()).await;
    assert_eq!(mission["model"], "large");
}

/// The model asks for a shell command, and then says what it printed.
const OBEDIENT: &str = r#"
[[reply]]
when = { tool_result = true, tools = true }
text = "It printed: ${tool_result}"
usage = { input = 300, output = 30 }

[[reply]]
when = { user_contains = "write the file", tools = true, tool_result = false }
content = [{ type = "shell", command = "echo hello from the agent | tee hello.txt" }]
usage = { input = 200, output = 20 }

[[reply]]
text = "I heard you."
usage = { input = 10, output = 1 }
"#;

/// A provider with a model whose prices are easy to count with: a dollar for a million tokens of input, ten for output.
fn catalogue(url: &str) -> String {
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

#[tokio::test(flavor = "multi_thread")]
async fn acpx_has_claude_code_write_a_file_and_is_told_what_it_cost() {
    let scenario = Scenario::parse(OBEDIENT).unwrap();
    let models = Models::start(ModelOptions { scenario, ..ModelOptions::default() }).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("models.toml");
    std::fs::write(&path, catalogue(&models.url())).unwrap();
    let there = "[models]\n";
    let config = config::of_tests().replacen(there, &format!("{there}catalogue = {:?}\n", path.display()), 1);
    let programs = vec!["claude-code".to_owned()];
    let server = Server::start_with(Options { config: Some(config), programs, ..Options::default() }).await;
    server.api.post("/accounts", json!({ "name": "first", "provider": "scripted", "key": "sk-key" })).await;
    let workspace = json!({ "name": "project", "network": { "mode": "none" } });
    server.api.post("/workspaces", workspace).await;
    let acpx = Acpx::of(&server, "--harness claude-code --model large --workspace project");

    let messages = acpx.messages(&[], "Please write the file hello.txt.").await;

    let updates: Vec<&Value> =
        messages.iter().map(|message| &message["params"]["update"]).filter(|update| !update.is_null()).collect();
    let of_kind = |kind: &str| updates.iter().filter(|update| update["sessionUpdate"] == kind).collect::<Vec<_>>();
    let calls = of_kind("tool_call");
    assert!(calls.iter().any(|call| call["kind"] == "execute"), "{calls:?}");
    let said: String =
        of_kind("agent_message_chunk").iter().filter_map(|chunk| chunk["content"]["text"].as_str()).collect();
    assert!(said.contains("It printed:") && said.contains("hello from the agent"), "{said}");
    let usage = of_kind("usage_update");
    let usage = usage.last().unwrap();
    assert_eq!((&usage["used"], &usage["size"]), (&json!(330), &json!(100_000)), "{usage}");
    assert!(usage["cost"]["amount"].as_f64().unwrap() > 0.0, "{usage}");
    let found = server.cli(&["exec", "project", "--", "cat", "hello.txt"]).success();
    assert_eq!(found.stdout, "hello from the agent\n");
}
