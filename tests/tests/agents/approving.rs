//! Agents that ask before they do something, and that are told something in the middle of a turn.

use serde_json::{Value, json};

use super::{Lab, OBEDIENT};

async fn asked(lab: &Lab, mission: &str) -> Value {
    lab.server.api.reaches(mission, &["awaiting_approval"]).await;
    lab.server.api.get(&format!("/missions/{mission}/asks")).await["items"][0].clone()
}

async fn decide(lab: &Lab, mission: &str, ask: &Value, decision: Value) {
    let id = ask["id"].as_str().unwrap();
    lab.server.api.post(&format!("/missions/{mission}/asks/{id}/decision"), decision).await;
}

async fn asks_before_it_runs_a_command(agent: &str) {
    let mut lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;

    // What is approved is done, even if the server is killed while it waits.
    let ask_first = json!({ "approvals": "ask" });
    let mission = lab.begin_with(&workspace, agent, "Please write the file hello.txt.", ask_first.clone()).await;
    let ask = asked(&lab, &mission).await;
    assert_eq!((&ask["kind"], &ask["tool_kind"]), (&json!("approval"), &json!("execute")), "{agent}: {ask}");
    assert!(ask["subject"].as_str().unwrap().contains("echo hello from the agent"), "{agent}: {ask}");
    assert_eq!(lab.file(&workspace, "hello.txt").await, None, "{agent} did not wait");
    lab.server.crash();
    lab.server.restart().await;
    decide(&lab, &mission, &ask, json!({ "approved": true })).await;
    let done = lab.settled(&mission).await;
    assert_eq!(done["last_outcome"], "completed", "{agent}: {done}");
    assert_eq!(lab.file(&workspace, "hello.txt").await.as_deref(), Some("hello from the agent\n"), "{agent}");

    // What is denied is not.
    lab.server.cli(&["exec", &workspace, "--", "rm", "hello.txt"]).success();
    let mission = lab.begin_with(&workspace, agent, "Please write the file hello.txt.", ask_first).await;
    let ask = asked(&lab, &mission).await;
    decide(&lab, &mission, &ask, json!({ "approved": false, "reason": "not today" })).await;
    lab.settled(&mission).await;
    assert_eq!(lab.file(&workspace, "hello.txt").await, None, "{agent} did it all the same");
}

macro_rules! asks {
    ($($name:ident: $agent:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            asks_before_it_runs_a_command($agent).await;
        }
    )*};
}

asks! {
    claude_code_asks_first: "claude-code",
    codex_asks_first: "codex",
    gemini_asks_first: "gemini",
    grok_asks_first: "grok",
    goose_asks_first: "goose",
    opencode_asks_first: "opencode",
}

async fn hears_a_message_in_mid_turn(agent: &str) {
    let lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Please wait for ever.").await;
    lab.tool_runs(&mission).await;

    let message = json!({ "text": "Now stop and turn left.", "steer": true });
    lab.server.api.post(&format!("/missions/{mission}/messages"), message).await;
    lab.server.cli(&["exec", &workspace, "--", "touch", "enough"]).success();
    let ended = lab.settled(&mission).await;

    assert_eq!((&ended["turns"], &ended["queued_messages"]), (&json!(1), &json!(0)), "{agent}: {ended}");
    // In the very turn the model heard it, after what the person had said first.
    let ledger = lab.models.ledger();
    let bodies = ledger.iter().filter_map(|record| record.received.body.as_deref());
    let heard =
        bodies.filter(|body| body.contains("Now stop and turn left.") && body.contains("wait for ever")).count();
    assert!(heard > 0, "{agent}: {}", lab.said(&mission, 1).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn claude_code_is_steered() {
    hears_a_message_in_mid_turn("claude-code").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_is_steered() {
    hears_a_message_in_mid_turn("codex").await;
}
