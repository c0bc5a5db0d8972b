//! Decisions that go on to hold.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEARS, Lab, asks};

/// A turn in which the agent asks to execute a command.
fn turn(command: &str) -> String {
    format!("{}{HEARS}", asks("a", command))
}

/// Sends a further message that nobody has to decide anything of, and returns what the agent heard.
async fn decided(lab: &Lab, mission: &str, turns: u64, command: &str) -> String {
    lab.send(mission, &turn(command)).await;
    lab.over(mission, turns).await;
    lab.said(mission).await.lines().last().unwrap().to_owned()
}

#[tokio::test]
async fn a_decision_for_the_mission_decides_the_same_from_then_on_and_nothing_else() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    let mission = lab.mission_in(&workspace, &turn("make test")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission" })).await;
    lab.over(&mission, 1).await;

    assert_eq!(decided(&lab, &mission, 2, "make test").await, "heard: decision a approved");
    assert_eq!(lab.approvals(&mission).await, ["open", "approved", "approved"]);
    lab.send(&mission, &turn("make test clean")).await;
    assert_eq!(lab.asked(&mission).await["subject"], "make test clean");
    let other = lab.mission_in(&workspace, &turn("make test")).await;
    assert_eq!(lab.asked(&other).await["subject"], "make test");
}

#[tokio::test]
async fn a_decision_for_the_workspace_decides_in_its_other_missions_and_in_no_other_workspace() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    let mission = lab.mission_in(&workspace, &turn("git push origin main")).await;
    let decision = json!({ "approved": false, "scope": "workspace", "pattern": "git push*", "reason": "ask me first" });
    lab.decide(&mission, decision).await;
    lab.over(&mission, 1).await;

    let other = lab.mission_in(&workspace, &turn("git push --force")).await;
    lab.over(&other, 1).await;
    let events = lab.events(&other).await;
    let denied = sandboxed_tests::api::of_kind(&events, "approval")[0];
    let rules = lab.server.api.get(&format!("/workspaces/{workspace}/rules")).await["items"].clone();
    assert_eq!((&denied["status"], &denied["by"]["rule"]), (&json!("denied"), &rules[0]["id"]));
    assert_eq!(lab.said(&other).await, "heard: decision a denied a rule of this server does not allow it\n");
    let elsewhere = lab.mission(&turn("git push --force")).await;
    lab.asked(&elsewhere).await;
}

#[tokio::test]
async fn a_star_in_a_command_lets_no_second_command_pass() {
    let lab = Lab::start().await;
    let mission = lab.mission(&turn("npm test")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission", "pattern": "npm *" })).await;
    lab.over(&mission, 1).await;

    assert_eq!(decided(&lab, &mission, 2, "npm run lint").await, "heard: decision a approved");
    lab.send(&mission, &turn("npm test; rm -rf /")).await;
    assert_eq!(lab.asked(&mission).await["subject"], "npm test; rm -rf /");
}

#[tokio::test]
async fn a_rule_holds_for_its_time_and_then_the_person_is_asked_again() {
    let lab = Lab::start().await;
    let mission = lab.mission(&turn("x")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission", "seconds": 1 })).await;
    lab.over(&mission, 1).await;
    let rules = format!("/missions/{mission}/rules");
    sandboxed_tests::until("the rule to end", async || {
        lab.server.api.get(&rules).await["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;

    lab.send(&mission, &turn("x")).await;

    assert_eq!(lab.asked(&mission).await["subject"], "x");
}

#[tokio::test]
async fn a_rule_that_is_removed_decides_nothing_any_more() {
    let lab = Lab::start().await;
    let mission = lab.mission(&turn("x")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission" })).await;
    lab.over(&mission, 1).await;
    let rules = lab.server.api.get(&format!("/missions/{mission}/rules")).await["items"].clone();
    let expected = json!({ "pattern": "x", "verdict": "allow", "tool_kind": "execute" });
    let shown = &rules[0];
    assert_eq!(
        json!({ "pattern": shown["pattern"], "verdict": shown["verdict"], "tool_kind": shown["tool_kind"] }),
        expected
    );
    assert_eq!(shown["scope"], json!({ "mission": mission }));

    let path = format!("/rules/{}", shown["id"].as_str().unwrap());
    let (status, _) = lab.server.api.call(Method::DELETE, &path, None).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    lab.send(&mission, &turn("x")).await;
    lab.asked(&mission).await;
    let (status, problem) = lab.server.api.call(Method::DELETE, &path, None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("rule.not_found")));
}

#[tokio::test]
async fn rules_of_the_configuration_decide_without_a_person_and_what_denies_goes_first() {
    let lab = Lab::with_rules(
        "{ verdict = \"allow\", tool_kind = \"execute\", pattern = \"git *\" }, \
         { verdict = \"deny\", pattern = \"git push*\" }",
    )
    .await;
    let mission = lab.mission(&turn("git status")).await;
    lab.over(&mission, 1).await;
    assert_eq!(lab.said(&mission).await, "heard: decision a approved\n");

    let denied = decided(&lab, &mission, 2, "git push").await;

    assert_eq!(denied, "heard: decision a denied a rule of this server does not allow it");
    let events = lab.events(&mission).await;
    let by: Vec<&Value> = sandboxed_tests::api::of_kind(&events, "approval").iter().map(|told| &told["by"]).collect();
    assert_eq!(by, ["config", "config"]);
    let states = lab.states(&mission).await;
    assert!(!states.contains(&"awaiting_approval".to_owned()), "nobody had to be asked: {states:?}");
}

#[tokio::test]
async fn a_rule_that_a_person_made_allows_nothing_that_the_configuration_denies() {
    let lab = Lab::with_rules("{ verdict = \"deny\", pattern = \"*prod*\" }").await;
    let mission = lab.mission(&turn("deploy test")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission", "pattern": "deploy *" })).await;
    lab.over(&mission, 1).await;

    assert_eq!(decided(&lab, &mission, 2, "deploy stage").await, "heard: decision a approved");
    let denied = decided(&lab, &mission, 3, "deploy prod").await;
    assert!(denied.starts_with("heard: decision a denied"), "{denied}");
}

#[tokio::test]
async fn rules_go_with_their_mission() {
    let lab = Lab::start().await;
    let workspace = lab.workspace().await;
    let mission = lab.mission_in(&workspace, &turn("x")).await;
    lab.decide(&mission, json!({ "approved": true, "scope": "mission" })).await;
    lab.over(&mission, 1).await;
    let rule = lab.server.api.get(&format!("/missions/{mission}/rules")).await["items"][0]["id"].clone();
    lab.server.api.post(&format!("/missions/{mission}/finish"), Value::Null).await;
    lab.server.api.call(Method::DELETE, &format!("/missions/{mission}"), None).await;

    let gone = lab.refused(Method::DELETE, &format!("/rules/{}", rule.as_str().unwrap()), Value::Null).await;

    assert_eq!(gone, (StatusCode::NOT_FOUND, "rule.not_found".to_owned()));
}
