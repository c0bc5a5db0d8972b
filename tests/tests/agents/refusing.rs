//! What providers refuse, and how each agent's mission tells it.

use serde_json::{Value, json};

use super::{AGENTS, Lab};

/// The mission of an agent whose every request fails so.
async fn failed(agent: &str, reply: &str) -> Value {
    let lab = Lab::start(&[agent], &format!("[[reply]]\n{reply}\n")).await;
    let workspace = lab.workspace("bubblewrap").await;
    let mission = lab.begin(&workspace, agent, "Say something.").await;
    lab.settled(&mission).await
}

/// Every agent ends its turn as failed, with one of these codes and something that mends it.
async fn every_agent_tells(reply: &str, codes: &[&str]) {
    let mut wrong = Vec::new();
    for agent in AGENTS {
        let mission = failed(agent, reply).await;
        let problem = &mission["problem"];
        let told = problem["code"].as_str().unwrap_or("none");
        let sound = mission["last_outcome"] == "failed" && codes.contains(&told) && problem["hint"].is_string();
        if !sound {
            wrong.push(format!("{agent}: {} {problem}", mission["state"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_provider_calls_wrong_is_told() {
    every_agent_tells("error = { status = 400, message = \"this is wrong\" }", &["agent.invalid_request"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_whose_key_is_refused_is_told() {
    // The gateway speaks for the account: asking again with the mission's own token would change nothing.
    let codes = ["agent.unauthorized", "agent.forbidden", "agent.invalid_request"];
    every_agent_tells("error = { status = 401 }", &codes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_no_account_has_is_told() {
    for agent in AGENTS {
        let lab = Lab::start(&[agent], "").await;
        let workspace = lab.workspace("bubblewrap").await;
        let mission = lab.begin_with(&workspace, agent, "Say something.", json!({ "model": "nobody-has-this" })).await;
        let mission = lab.settled(&mission).await;

        let code = mission["problem"]["code"].as_str().unwrap_or("none");
        let codes = ["agent.model_unknown", "agent.invalid_request"];
        assert!(mission["last_outcome"] == "failed" && codes.contains(&code), "{agent}: {mission}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_account_parks_the_mission_of_any_agent() {
    for agent in AGENTS {
        let mission = failed(agent, "error = { status = 429, resets_in_s = 3600 }").await;

        assert_eq!(
            (&mission["state"], &mission["parked"]["reason"]),
            (&json!("parked"), &json!("usage_limit")),
            "{agent}: {mission}"
        );
    }
}
