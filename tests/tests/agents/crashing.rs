//! The server is killed in the middle of a turn, and nothing is lost.

use sandboxed_tests::{api::assert_gap_free, until};
use serde_json::json;

use super::{Lab, OBEDIENT};

async fn goes_on_after_a_kill_while_a_tool_runs(agent: &str) {
    let mut lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Please wait for ever.").await;
    lab.tool_runs(&mission).await;

    lab.server.crash();
    lab.server.restart().await;
    lab.server.cli(&["exec", &workspace, "--", "touch", "enough"]).success();
    let ended = lab.settled(&mission).await;

    assert_eq!(
        (&ended["state"], &ended["last_outcome"]),
        (&json!("awaiting_user"), &json!("completed")),
        "{agent}: {ended}"
    );
    let said = lab.said(&mission, 1).await;
    assert_eq!(said.matches("It printed:").count(), 1, "{agent}: {said}");
    let events = lab.server.api.events(&mission).await;
    assert_gap_free(&events);
    let ends = events.iter().filter(|event| event["kind"] == "turn_ended").count();
    assert_eq!(ends, 1, "{agent}");
    let next = lab.turn(&mission, "And what did I say before?").await;
    assert_eq!(next["last_outcome"], "completed", "{agent}: {next}");
    assert!(!lab.said(&mission, 2).await.contains("You have said 1 things"), "{agent} does not remember");
}

/// The answer of the model is cut by the kill: the agent asks again, and what it says in the end is told once and whole.
async fn goes_on_after_a_kill_while_it_speaks(agent: &str) {
    let mut lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Please speak slowly.").await;
    until("the first words", async || lab.said(&mission, 1).await.contains("two").then_some(())).await;

    lab.server.crash();
    lab.server.restart().await;
    let ended = lab.settled(&mission).await;

    let said = lab.said(&mission, 1).await;
    match ended["last_outcome"].as_str() {
        Some("completed") => assert!(said.ends_with("sixteen"), "{agent}: {said}"),
        // An agent that does not ask again says so, and its mission can be taken up.
        _ => assert!(
            ended["problem"]["code"].as_str().is_some_and(|code| code.starts_with("agent.")),
            "{agent}: {ended}"
        ),
    }
    let events = lab.server.api.events(&mission).await;
    assert_gap_free(&events);
    assert_eq!(events.iter().filter(|event| event["kind"] == "turn_ended").count(), 1, "{agent}");
}

macro_rules! survives {
    ($($tool:ident, $words:ident: $agent:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $tool() {
            goes_on_after_a_kill_while_a_tool_runs($agent).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $words() {
            goes_on_after_a_kill_while_it_speaks($agent).await;
        }
    )*};
}

survives! {
    claude_code_goes_on_with_its_tool, claude_code_goes_on_speaking: "claude-code",
    codex_goes_on_with_its_tool, codex_goes_on_speaking: "codex",
    gemini_goes_on_with_its_tool, gemini_goes_on_speaking: "gemini",
    grok_goes_on_with_its_tool, grok_goes_on_speaking: "grok",
    goose_goes_on_with_its_tool, goose_goes_on_speaking: "goose",
    opencode_goes_on_with_its_tool, opencode_goes_on_speaking: "opencode",
}
