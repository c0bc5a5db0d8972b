//! A turn that ends while its agent waits.

use serde_json::{Value, json};

use super::{HEARS, Lab, asks, says};

#[tokio::test]
async fn an_interrupt_withdraws_what_the_agent_waits_for() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    lab.asked(&mission).await;

    lab.server.api.post(&format!("/missions/{mission}/interrupt"), Value::Null).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["last_outcome"], &ended["open_asks"]), (&json!("interrupted"), &json!(0)));
    assert_eq!(lab.approvals(&mission).await, ["open", "withdrawn"]);
    assert_eq!(lab.states(&mission).await, ["queued", "running", "awaiting_approval", "running", "awaiting_user"]);
    assert_eq!(lab.server.api.get("/asks").await["items"], json!([]));
}

#[tokio::test]
async fn a_mission_is_cancelled_while_its_agent_waits() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    lab.asked(&mission).await;

    let cancelled = lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert_eq!((&cancelled["state"], &cancelled["open_asks"]), (&json!("cancelled"), &json!(0)));
    assert_eq!(lab.approvals(&mission).await, ["open", "withdrawn"]);
    assert_eq!(lab.states(&mission).await, ["queued", "running", "awaiting_approval", "cancelled"]);
}

#[tokio::test]
async fn an_agent_that_ends_its_turn_waits_for_nothing_any_more() {
    let lab = Lab::start().await;
    let end = says(json!({ "end": { "outcome": "completed", "reason": "never mind" } }));
    let mission = lab.mission(&format!("{}{end}", asks("a", "x"))).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["last_outcome"], &ended["open_asks"]), (&json!("completed"), &json!(0)));
    assert_eq!(lab.approvals(&mission).await, ["open", "withdrawn"]);
    assert_eq!(lab.server.api.get("/asks").await["items"], json!([]));
}

#[tokio::test]
async fn a_turn_over_its_time_ends_though_its_agent_waits_for_a_person() {
    let lab = Lab::with(&[("turn_within", "1s")]).await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["state"], &ended["problem"]["code"]), (&json!("failed"), &json!("agent.too_long")));
    assert!(ended["problem"]["hint"].as_str().unwrap().contains("missions.turn_within"), "{ended}");
    assert_eq!(lab.approvals(&mission).await, ["open", "withdrawn"]);
}
