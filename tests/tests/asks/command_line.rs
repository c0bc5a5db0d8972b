//! The same from the command line.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use sandboxed_tests::cli::command;
use serde_json::{Value, json};

use super::{HEARS, Lab, asks, says};

impl Lab {
    /// Runs a command that succeeds and returns what it prints.
    fn cli(&self, arguments: &[&str]) -> String {
        self.server.cli(arguments).success().stdout
    }

    fn cli_json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.cli(&[arguments, &["--json"]].concat())).unwrap()
    }
}

#[tokio::test]
async fn what_agents_wait_for_is_listed_and_decided() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}{}{HEARS}", asks("a", "make install"), asks("b", "rm x"))).await;
    let ask = lab.asked(&mission).await;
    let id = ask["id"].as_str().unwrap();
    let listed = lab.cli(&["missions", "asks"]);
    assert!([mission.as_str(), id, "make install"].iter().all(|part| listed.contains(part)), "{listed}");

    assert_eq!(lab.cli(&["missions", "approve", &mission, id]), "approved: make install\n");
    sandboxed_tests::until("the second ask", async || (lab.asked(&mission).await["subject"] == "rm x").then_some(()))
        .await;
    assert_eq!(lab.cli_json(&["missions", "asks", &mission])[0]["ask"]["subject"], "rm x");
    assert_eq!(lab.cli(&["missions", "deny", &mission, "--reason", "keep it"]), "denied: rm x\n");
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: decision a approved\nheard: decision b denied keep it\n");
    assert_eq!(lab.cli(&["missions", "asks"]), "no agent waits for anything\n");
    let nothing = lab.server.cli(&["missions", "approve", &mission]);
    assert_ne!(nothing.code, 0);
    assert!(nothing.stderr.contains(&format!("sandboxed-sh missions asks {mission}")), "{nothing:?}");
}

#[tokio::test]
async fn rules_are_made_listed_and_removed() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "npm test"))).await;
    lab.asked(&mission).await;
    let wide = ["missions", "approve", &mission, "--scope", "workspace", "--pattern", "npm *", "--for", "1h"];
    lab.cli(&wide);
    lab.over(&mission, 1).await;

    let rules = lab.cli(&["missions", "rules", &mission]);
    assert!(["workspace", "allow", "execute", "npm *"].iter().all(|part| rules.contains(part)), "{rules}");
    let rule = lab.cli_json(&["missions", "rules", &mission])[0].clone();
    assert!(rule["expires_at"].is_string(), "{rule}");
    lab.cli(&["missions", "remove-rule", rule["id"].as_str().unwrap()]);
    assert_eq!(lab.cli(&["missions", "rules", &mission]), "no rules\n");
}

#[tokio::test]
async fn questions_are_answered() {
    let lab = Lab::start().await;
    let items = json!([
        { "text": "Which?", "choices": ["a", "b", "c"], "multiple": true },
        { "text": "Why?" },
    ]);
    let question = says(json!({ "question": { "id": "q", "items": items } }));
    let mission = lab.mission(&format!("{question}{HEARS}{question}{HEARS}")).await;
    let first = lab.asked(&mission).await;

    lab.cli(&["missions", "answer", &mission, "a; c", "so; there"]);
    sandboxed_tests::until("the second question", async || (lab.asked(&mission).await != first).then_some(())).await;
    let denied = lab.server.cli(&["missions", "deny", &mission]);
    assert_ne!(denied.code, 0, "a question was denied");
    lab.cli(&["missions", "answer", &mission, "--none"]);
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: answer q [[\"a\",\"c\"],[\"so; there\"]]\nheard: answer q null\n");
}

#[tokio::test]
async fn a_mission_is_changed_and_steered() {
    let lab = Lab::start().await;
    let mission =
        lab.mission("echo up\nread -r word id text\nprintf '{\"steered\":\"%s\"}\\n' \"$id\"\necho \"$text\"\n").await;
    lab.server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;

    lab.cli(&[
        "missions",
        "edit",
        &mission,
        "--model",
        "large",
        "--effort",
        "low",
        "--approvals",
        "bypass",
        "--mode",
        "plan",
    ]);
    lab.cli(&["missions", "send", &mission, "--steer", "to the left"]);
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "up\nto the left\n");
    let shown = lab.cli_json(&["missions", "show", &mission]);
    let ways = ["model", "effort", "approvals", "mode"].map(|name| shown[name].as_str().unwrap_or_default());
    assert_eq!(ways, ["large", "low", "bypass", "plan"]);
}

#[tokio::test]
async fn a_mission_that_is_followed_prints_the_commands_that_answer() {
    let lab = Lab::start().await;
    let script = format!("{}{HEARS}", asks("a", "make install"));
    let mut run = command(&lab.server.data_dir())
        .args(["run", "--harness", "talking", "--approvals", "ask", &script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = BufReader::new(run.stdout.take().unwrap());
    let mut seen = Vec::new();
    for line in printed.lines().map(Result::unwrap) {
        if let Some(approve) = line.trim().strip_prefix("sandboxed-sh ").filter(|line| line.contains(" approve ")) {
            lab.cli(&approve.split(' ').collect::<Vec<_>>());
        }
        seen.push(line);
    }

    let has = |text: &str| seen.iter().any(|line| line.contains(text));
    assert!(run.wait().unwrap().success(), "{seen:?}");
    assert!(has("the agent asks to do: make install") && has("missions deny"), "{seen:?}");
    assert!(has("approved: make install") && has("heard: decision a approved"), "{seen:?}");
}
