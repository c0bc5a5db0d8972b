//! How long an agent may be silent, and a turn take.

use serde_json::json;

use super::Lab;

#[tokio::test]
async fn an_agent_that_says_nothing_at_its_start_is_ended() {
    let lab = Lab::start().await;
    let settings = json!({ "quiet": true, "start_within_ms": 500 });
    let mission = lab.mission_with(json!({ "prompt": "sleep 600", "settings": settings })).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["state"], &ended["problem"]["code"]), (&json!("failed"), &json!("agent.silent")));
    let events = lab.events(&mission).await;
    assert_eq!(sandboxed_tests::api::of_kind(&events, "turn_ended")[0]["outcome"], "failed");
}

#[tokio::test]
async fn an_agent_that_has_spoken_may_be_silent() {
    let lab = Lab::start().await;
    let settings = json!({ "start_within_ms": 500 });
    let mission = lab.mission_with(json!({ "prompt": "sleep 1; echo done", "settings": settings })).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!(ended["last_outcome"], "completed", "{ended}");
    assert_eq!(lab.said(&mission).await, "done\n");
}

#[tokio::test]
async fn a_turn_that_does_not_end_is_ended() {
    let lab = Lab::with(&[("turn_within", "500ms")]).await;
    let mission = lab.mission("while :; do echo more; sleep 0.05; done").await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["state"], &ended["problem"]["code"]), (&json!("failed"), &json!("agent.too_long")));
}
