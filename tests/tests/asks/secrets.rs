//! Values of secrets in what an agent asks.

use reqwest::Method;
use serde_json::json;

use super::{HEARS, Lab};

const CANARY: &str = "hunter2-hunter2-hunter2";

#[tokio::test]
async fn no_value_of_a_secret_is_told_with_what_an_agent_asks_and_a_rule_of_it_holds_all_the_same() {
    let lab = Lab::start().await;
    let secret = json!({ "value": CANARY, "audience": ["workspaces"] });
    let (status, answer) = lab.server.api.call(Method::PUT, "/secrets/canary", Some(secret)).await;
    assert!(status.is_success(), "{answer}");
    let new = json!({ "backend": "bubblewrap", "env": { "CANARY": { "secret": "canary" } } });
    let workspace = lab.server.api.post("/workspaces", new).await["id"].as_str().unwrap().to_owned();
    let asks = r#"printf '{"approval":{"id":"a","tool":"%s","subject":"login %s","input":{"%s":["%s"]},"reason":"%s"}}\n' \
        "$CANARY" "$CANARY" "$CANARY" "$CANARY" "$CANARY"
"#;
    let script = format!("{asks}{HEARS}");
    let mission = lab.mission_in(&workspace, &script).await;
    let ask = lab.asked(&mission).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission", "reason": CANARY })).await;
    lab.over(&mission, 1).await;

    lab.send(&mission, &script).await;
    lab.over(&mission, 2).await;

    assert_eq!(ask["subject"], "login [secret canary]");
    assert_eq!(lab.approvals(&mission).await, ["open", "approved", "approved"]);
    let rules = lab.server.api.get(&format!("/missions/{mission}/rules")).await;
    assert_eq!(rules["items"][0]["pattern"], "login [secret canary]");
    for told in [&ask, &rules, &json!(lab.events(&mission).await)] {
        assert!(!told.to_string().contains(CANARY), "{told}");
    }
}
