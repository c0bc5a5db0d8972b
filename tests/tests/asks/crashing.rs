//! A server that is killed while an agent waits, or just when somebody has decided.

use serde_json::json;

use super::{HEARS, Lab, asks, path};

/// Kills of the server.
const KILLS: usize = 5;

#[tokio::test]
async fn what_an_agent_asked_is_open_after_a_crash_and_can_be_decided() {
    let mut lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    let before = lab.asked(&mission).await;

    lab.server.crash();
    lab.server.restart().await;
    let after = lab.asked(&mission).await;
    assert_eq!(after, before);
    assert_eq!(lab.server.api.state(&mission).await, "awaiting_approval");
    lab.decide(&mission, json!({ "approved": true })).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: decision a approved\n");
    assert_eq!(lab.approvals(&mission).await, ["open", "approved"]);
}

#[tokio::test]
async fn a_decision_is_told_once_though_the_server_is_killed_right_after_it() {
    let mut lab = Lab::start().await;
    for _ in 0..KILLS {
        let mission = lab.mission(&format!("{}{HEARS}{}{HEARS}", asks("a", "x"), asks("b", "y"))).await;
        let ask = lab.asked(&mission).await;
        lab.server.api.post(&path(&mission, &ask, "decision"), json!({ "approved": true })).await;
        lab.server.crash();
        lab.server.restart().await;
        let second = sandboxed_tests::until("the second ask", async || {
            let asks = lab.server.api.get(&format!("/missions/{mission}/asks")).await;
            asks["items"].as_array().unwrap().iter().find(|ask| ask["subject"] == "y").cloned()
        })
        .await;
        lab.server.api.post(&path(&mission, &second, "decision"), json!({ "approved": false })).await;
        lab.over(&mission, 1).await;

        assert_eq!(lab.said(&mission).await, "heard: decision a approved\nheard: decision b denied\n");
        assert_eq!(lab.approvals(&mission).await, ["open", "approved", "open", "denied"]);
    }
}

#[tokio::test]
async fn an_agent_that_has_spoken_may_be_silent_after_a_crash() {
    // Longer than a process whose turn is taken up has for its first word.
    let mut lab = Lab::with(&[("approval_timeout", "12s")]).await;
    let mission = json!({ "prompt": format!("{}{HEARS}", asks("a", "x")), "settings": { "start_within_ms": 5000 } });
    let mission = lab.mission_with(mission).await;
    lab.asked(&mission).await;

    lab.server.crash();
    lab.server.restart().await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!(ended["last_outcome"], "completed", "{ended}");
    assert_eq!(lab.said(&mission).await, "heard: decision a denied nobody answered in time\n");
}
