//! The main job: the model calls the shell tool, the file is there, and the next turn remembers.

use sandboxed_tests::config;
use serde_json::{Value, json};

use super::{AGENTS, Lab, OBEDIENT};

/// What the gateway counted and what the provider served are the same, to the token.
async fn is_counted_to_the_token(lab: &Lab, mission: &Value) {
    let served = lab.served().await;
    let (input, output) =
        served.iter().fold((0, 0), |(input, output), total| (input + total.usage.input, output + total.usage.output));
    let usage = &mission["usage"];
    assert_eq!((&usage["input"], &usage["output"]), (&json!(input), &json!(output)), "{usage} {served:?}");
    assert_eq!(usage["cost_micro_usd"], json!(input + 10 * output), "{usage}");
}

async fn does_its_work(lab: &Lab, agent: &str, workspace: &str) {
    let mission = lab.begin(workspace, agent, "Please write the file hello.txt.").await;
    let first = lab.settled(&mission).await;

    assert_eq!(first["last_outcome"], "completed", "{agent}: {first}");
    assert_eq!(lab.file(workspace, "hello.txt").await.as_deref(), Some("hello from the agent\n"), "{agent}");
    let said = lab.said(&mission, 1).await;
    assert!(said.contains("It printed:"), "{agent}: {said:?}");
    let calls = lab.told(&mission, "tool_call").await;
    let done = calls.iter().rev().find(|call| call["status"] == "completed");
    assert_eq!(done.map(|call| &call["tool_kind"]), Some(&json!("execute")), "{agent}: {calls:?}");
    let changes = lab.told(&mission, "file_change").await;
    assert!(changes.iter().any(|change| change["path"] == "hello.txt"), "{agent}: {changes:?}");

    let next = lab.turn(&mission, "And what did I say before?").await;
    assert_eq!(next["last_outcome"], "completed", "{agent}: {next}");
    is_counted_to_the_token(lab, &next).await;
    // Some agents say more to the model than the person did, so what one says at first is held against it.
    let other = lab.begin(workspace, agent, "What? And what did I say before?").await;
    lab.settled(&other).await;
    let (fresh, later) = (things_said(lab, &other, 1).await, things_said(lab, &mission, 2).await);
    assert!(later > fresh, "{agent} does not remember: {fresh} and {later}");
}

/// How many things the person has said, as the model has it.
async fn things_said(lab: &Lab, mission: &str, turn: u64) -> u32 {
    let said = lab.said(mission, turn).await;
    let number = said.split("You have said ").nth(1).and_then(|rest| rest.split(' ').next());
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("no number in {said:?}"))
}

macro_rules! works {
    ($($name:ident: $agent:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            for backend in ["bubblewrap", "host"] {
                let lab = Lab::start(&[$agent], OBEDIENT).await;
                let workspace = lab.workspace(backend).await;
                does_its_work(&lab, $agent, &workspace).await;
            }
        }
    )*};
}

works! {
    claude_code_works_and_remembers: "claude-code",
    codex_works_and_remembers: "codex",
    gemini_works_and_remembers: "gemini",
    grok_works_and_remembers: "grok",
    goose_works_and_remembers: "goose",
    opencode_works_and_remembers: "opencode",
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_works_in_a_system_of_its_own() {
    sandboxed_tests::root::archive();
    let lab = Lab::start(&["claude-code"], OBEDIENT).await;
    let wanted = json!({
        "backend": "nspawn", "options": { "image": sandboxed_tests::root::IMAGE }, "network": { "mode": "none" },
    });
    let workspace = lab.server.api.post("/workspaces", wanted).await["id"].as_str().unwrap().to_owned();

    does_its_work(&lab, "claude-code", &workspace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_works_in_a_container() {
    let lab = Lab::start_with(&["codex"], OBEDIENT, config::with_an_engine()).await;
    let workspace = lab.workspace("docker").await;

    does_its_work(&lab, "codex", &workspace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_agent_has_a_home_of_its_own_and_sees_nobody_elses() {
    let lab = Lab::start(&["claude-code"], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mut missions = Vec::new();
    for _ in 0..2 {
        let mission = lab.begin(&workspace, "claude-code", "Say something.").await;
        lab.settled(&mission).await;
        missions.push(mission);
    }

    let homes = lab.server.cli(&["exec", &workspace, "--", "sh", "-c", "ls ~/.missions; ls -A ~"]).success().stdout;
    assert!(missions.iter().all(|mission| homes.contains(mission.as_str())), "{homes}");
    assert!(!homes.contains(".claude"), "the agents left something in the workspace's home: {homes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_agent_and_nothing_that_it_leaves_holds_the_key_of_the_account() {
    for agent in AGENTS {
        let lab = Lab::start(&[agent], OBEDIENT).await;
        let workspace = lab.workspace("bubblewrap").await;
        let mission = lab.begin(&workspace, agent, "Please write the file hello.txt.").await;
        lab.settled(&mission).await;

        let script = "grep -rl sk-real-key-of-the-account ~ . /proc/[0-9]*/environ 2>/dev/null | head; true";
        let found = lab.server.cli(&["exec", &workspace, "--", "sh", "-c", script]).success();
        assert_eq!(found.stdout, "", "{agent}");
    }
}
