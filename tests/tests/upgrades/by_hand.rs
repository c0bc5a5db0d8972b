//! People end trials.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{Lab, tellers, version};

async fn refused(lab: &Lab, what: &str) -> (StatusCode, String) {
    let (status, problem) = lab.server.api.call(Method::POST, &format!("/plugins/trying/{what}"), None).await;
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

/// What the audit log has of versions of plugins, oldest first.
async fn noted(lab: &Lab) -> Vec<Value> {
    let log = lab.server.api.get("/audit?limit=100").await;
    let versions = log["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "plugin.version");
    let mut outcomes: Vec<Value> = versions.map(|entry| entry["outcome"].clone()).collect();
    outcomes.reverse();
    outcomes
}

#[tokio::test]
async fn a_version_that_a_person_keeps_has_ended_its_trial_and_can_still_be_rolled_back() {
    let lab = Lab::start().await;
    let missions = lab.counting(1).await;
    lab.replace(&version("name=second"));
    lab.tells(&missions[0], "second").await;
    let shown = lab.server.cli(&["plugin", "show", "trying"]).success().stdout;
    assert!(shown.contains("ready, on trial") && shown.contains("over 3 roll it back"), "{shown}");

    lab.server.cli(&["plugin", "keep", "trying"]).success();
    assert_eq!(lab.plugin().await["trial"], Value::Null);
    assert_eq!(refused(&lab, "keep").await, (StatusCode::CONFLICT, "plugin.not_on_trial".to_owned()));

    lab.server.cli(&["plugin", "roll-back", "trying"]).success();
    lab.tells(&missions[0], "first").await;
    let plugin = lab.plugin().await;
    assert_eq!(plugin["reason"]["code"], "plugin.rolled_back");
    assert_eq!(refused(&lab, "roll-back").await, (StatusCode::CONFLICT, "plugin.nothing_before".to_owned()));
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second", "first"]);
    sandboxed_tests::until("the audit log", async || {
        (noted(&lab).await == ["on_trial", "kept", "rolled_back"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_version_on_trial_is_rolled_back_by_a_person_and_tried_again_when_one_says_so() {
    let lab = Lab::start().await;
    let missions = lab.counting(1).await;
    lab.replace(&version("name=second"));
    lab.tells(&missions[0], "second").await;

    lab.server.api.post("/plugins/trying/roll-back", Value::Null).await;
    lab.tells(&missions[0], "first").await;
    lab.server.cli(&["plugin", "reload", "trying"]).success();
    lab.tells(&missions[0], "second").await;

    let plugin = lab.on_trial().await;
    assert_eq!((&plugin["health"], &plugin["reason"]), (&Value::from("ready"), &Value::Null));
    assert_eq!(tellers(&lab.counted(&missions).await[0]), ["first", "second", "first", "second"]);
}

#[tokio::test]
async fn only_who_may_administer_ends_a_trial() {
    let lab = Lab::start().await;
    let token = lab.server.cli(&["token", "create", "worker", "--scope", "write"]).success().stdout;
    let worker = sandboxed_tests::Api::new(&lab.server.api.url, token.trim());
    for what in ["keep", "roll-back"] {
        let (status, _) = worker.call(Method::POST, &format!("/plugins/trying/{what}"), None).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{what}");
    }
}
