//! How an agent works is changed from one turn to the next, and what it says of its troubles.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEARS, Lab, asks, says};

async fn edit(lab: &Lab, mission: &str, change: Value) -> Value {
    let (status, edited) = lab.server.api.call(Method::PATCH, &format!("/missions/{mission}"), Some(change)).await;
    assert_eq!(status, StatusCode::OK, "{edited}");
    edited
}

#[tokio::test]
async fn a_launch_is_told_how_the_mission_is_to_work_and_where_models_are() {
    let lab = Lab::start().await;
    lab.server.api.post("/accounts", json!({ "name": "some", "provider": "anthropic", "key": "sk-some-key" })).await;
    let mission = json!({ "prompt": "true", "model": "large", "effort": "high", "mode": "plan" });
    let mission = lab.mission_with(mission).await;
    lab.over(&mission, 1).await;

    let start = &lab.starts(&mission).await[0];
    assert_eq!((&start["model"], &start["effort"]), (&json!("large"), &json!("high")));
    assert_eq!((&start["approvals"], &start["mode"]), (&json!("ask"), &json!("plan")));
    let endpoints = start["endpoints"].as_array().unwrap();
    let apis: Vec<&Value> = endpoints.iter().map(|endpoint| &endpoint["api"]).collect();
    assert_eq!(apis, ["anthropic", "openai", "google"]);
    assert!(endpoints[1]["base_url"].as_str().unwrap().ends_with("/openai/v1"), "{start}");
    assert_eq!(endpoints[0]["key_variable"], "ANTHROPIC_API_KEY");
}

#[tokio::test]
async fn a_mission_that_is_changed_in_mid_turn_works_so_from_its_next_turn_on() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    lab.asked(&mission).await;

    let change = json!({ "model": "small", "effort": "low", "approvals": "bypass", "mode": "plan" });
    edit(&lab, &mission, change).await;
    lab.decide(&mission, json!({ "approved": true })).await;
    lab.over(&mission, 1).await;
    lab.send(&mission, "true").await;
    lab.over(&mission, 2).await;
    edit(&lab, &mission, json!({ "model": null, "effort": null, "mode": "act" })).await;
    lab.send(&mission, "true").await;
    lab.over(&mission, 3).await;

    let ways = |start: &Value| ["model", "effort", "approvals", "mode"].map(|name| start[name].clone());
    let starts: Vec<_> = lab.starts(&mission).await.iter().map(ways).collect();
    let null = Value::Null;
    assert_eq!(starts[0], [null.clone(), null.clone(), json!("ask"), json!("act")]);
    assert_eq!(starts[1], [json!("small"), json!("low"), json!("bypass"), json!("plan")]);
    assert_eq!(starts[2], [null.clone(), null, json!("bypass"), json!("act")]);
}

#[tokio::test]
async fn what_a_harness_cannot_do_is_refused_with_its_code() {
    let lab = Lab::start().await;
    let mission = lab.mission("true").await;
    let plain = lab.server.api.mission("true").await;
    let change =
        async |mission: &str, change: Value| lab.refused(Method::PATCH, &format!("/missions/{mission}"), change).await;
    let invalid = |code: &str| (StatusCode::BAD_REQUEST, code.to_owned());

    assert_eq!(change(&mission, json!({ "effort": "utmost" })).await, invalid("mission.effort_unknown"));
    assert_eq!(change(&plain, json!({ "approvals": "ask" })).await, invalid("mission.no_approvals"));
    assert_eq!(change(&plain, json!({ "mode": "plan" })).await, invalid("mission.no_planning"));
    assert_eq!(change(&plain, json!({ "model": "large" })).await, invalid("mission.model_not_chosen"));
    let new = json!({ "prompt": "true", "harness": "shell", "approvals": "ask" });
    assert_eq!(lab.refused(Method::POST, "/missions", new).await, invalid("mission.no_approvals"));
}

#[tokio::test]
async fn a_mission_of_an_agent_that_cannot_ask_is_made_though_asking_is_the_default() {
    let lab = Lab::with(&[("approvals", "ask")]).await;
    let plain = lab.server.api.mission("true").await;
    let asking = lab.server.api.mission_with(json!({ "prompt": "true", "harness": "talking" })).await;

    assert_eq!(lab.server.api.get(&format!("/missions/{plain}")).await["approvals"], "bypass");
    assert_eq!(lab.server.api.get(&format!("/missions/{asking}")).await["approvals"], "ask");
}

#[tokio::test]
async fn the_problem_of_a_failed_turn_is_shown_with_its_hint_until_a_turn_begins() {
    let lab = Lab::start().await;
    let problem = json!({ "code": "agent.not_signed_in", "message": "no key", "hint": "`sandboxed-sh accounts add`" });
    let end = says(json!({ "end": { "outcome": "failed", "reason": "it has no key" } }));
    let script = format!("{}{end}", says(json!({ "problem": problem })));
    let mission = lab.mission(&script).await;
    let failed = lab.over(&mission, 1).await;
    lab.send(&mission, "true").await;
    let mended = lab.over(&mission, 2).await;

    let told = &failed["problem"];
    assert_eq!((&told["code"], &told["hint"]), (&problem["code"], &problem["hint"]));
    assert_eq!(failed["last_outcome"], "failed");
    assert_eq!(mended["problem"], Value::Null);
}

#[tokio::test]
async fn a_problem_of_a_turn_that_went_well_is_an_event_and_no_problem_of_the_mission() {
    let lab = Lab::start().await;
    let mission = lab.mission(&says(json!({ "problem": { "code": "agent.slow", "message": "slow today" } }))).await;
    let ended = lab.over(&mission, 1).await;

    assert_eq!((&ended["last_outcome"], &ended["problem"]), (&json!("completed"), &Value::Null));
    let events = lab.events(&mission).await;
    assert_eq!(sandboxed_tests::api::of_kind(&events, "error")[0]["code"], "agent.slow");
}

#[tokio::test]
async fn a_session_is_continued_until_the_agent_has_lost_it() {
    let lab = Lab::start().await;
    let (first, second) = (says(json!({ "session": "s1" })), says(json!({ "session": "s2" })));
    let lost = says(json!({ "session_lost": true }));
    let mission = lab.mission(&first).await;
    lab.over(&mission, 1).await;
    for (turn, script) in [(2, lost.clone()), (3, first), (4, format!("{lost}{second}")), (5, "true".to_owned())] {
        lab.send(&mission, &script).await;
        lab.over(&mission, turn).await;
    }

    let resumed: Vec<Value> = lab.starts(&mission).await.iter().map(|start| start["resume"].clone()).collect();
    assert_eq!(resumed, [Value::Null, json!("s1"), Value::Null, json!("s1"), json!("s2")]);
    let events = lab.events(&mission).await;
    assert_eq!(sandboxed_tests::api::of_kind(&events, "notice")[0]["code"], "agent.session_lost");
}
