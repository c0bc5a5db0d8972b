//! A person ends a turn early, and the mission goes on.

use sandboxed_tests::until;
use serde_json::json;

use super::{Lab, OBEDIENT};

async fn is_interrupted_while_a_tool_runs(agent: &str) {
    let lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Please wait for ever.").await;
    lab.tool_runs(&mission).await;

    lab.server.api.post(&format!("/missions/{mission}/interrupt"), json!({})).await;
    let ended = lab.settled(&mission).await;

    assert_eq!(
        (&ended["state"], &ended["last_outcome"]),
        (&json!("awaiting_user"), &json!("interrupted")),
        "{agent}: {ended}"
    );
    assert_eq!(lab.tools(), 0, "{agent}: the tool goes on");
    let next = lab.turn(&mission, "Please write the file hello.txt.").await;
    assert_eq!(next["last_outcome"], "completed", "{agent}: {next}");
    assert!(lab.file(&workspace, "hello.txt").await.is_some(), "{agent}");
}

async fn is_interrupted_while_it_speaks(agent: &str) {
    let lab = Lab::start(&[agent], OBEDIENT).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Please speak slowly.").await;
    until("the first words", async || lab.said(&mission, 1).await.contains("two").then_some(())).await;

    lab.server.api.post(&format!("/missions/{mission}/interrupt"), json!({})).await;
    let ended = lab.settled(&mission).await;

    assert_eq!(
        (&ended["state"], &ended["last_outcome"]),
        (&json!("awaiting_user"), &json!("interrupted")),
        "{agent}: {ended}"
    );
    let said = lab.said(&mission, 1).await;
    assert!(said.starts_with("one two") && !said.contains("sixteen"), "{agent}: {said}");
}

macro_rules! interrupts {
    ($($tool:ident, $words:ident: $agent:literal),* $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $tool() {
            is_interrupted_while_a_tool_runs($agent).await;
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn $words() {
            is_interrupted_while_it_speaks($agent).await;
        }
    )*};
}

interrupts! {
    claude_code_and_its_tool_are_interrupted, claude_code_is_interrupted_while_it_speaks: "claude-code",
    codex_and_its_tool_are_interrupted, codex_is_interrupted_while_it_speaks: "codex",
    gemini_and_its_tool_are_interrupted, gemini_is_interrupted_while_it_speaks: "gemini",
    grok_and_its_tool_are_interrupted, grok_is_interrupted_while_it_speaks: "grok",
    goose_and_its_tool_are_interrupted, goose_is_interrupted_while_it_speaks: "goose",
    opencode_and_its_tool_are_interrupted, opencode_is_interrupted_while_it_speaks: "opencode",
}
