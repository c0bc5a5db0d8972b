//! A person lets an agent do something, or not.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEARS, Lab, asks, path, says};

#[tokio::test]
async fn an_agent_waits_for_what_a_person_says_and_hears_it() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "make install"))).await;
    let ask = lab.asked(&mission).await;
    let waiting = lab.server.api.get(&format!("/missions/{mission}")).await;

    let decided = lab.decide(&mission, json!({ "approved": true })).await;
    lab.over(&mission, 1).await;

    assert_eq!((&waiting["state"], &waiting["open_asks"]), (&json!("awaiting_approval"), &json!(1)));
    assert_eq!((&ask["kind"], &ask["status"]), (&json!("approval"), &json!("open")));
    assert_eq!((&ask["subject"], &ask["tool_kind"]), (&json!("make install"), &json!("execute")));
    assert_eq!(ask["input"], json!({ "command": "make install" }));
    assert_eq!(decided["status"], "approved");
    assert!(decided["by"]["user"].is_string(), "{decided}");
    assert_eq!(lab.said(&mission).await, "heard: decision a approved\n");
    assert_eq!(lab.approvals(&mission).await, ["open", "approved"]);
    assert_eq!(lab.states(&mission).await, ["queued", "running", "awaiting_approval", "running", "awaiting_user"]);
    assert_eq!(lab.server.api.get(&format!("/missions/{mission}")).await["open_asks"], 0);
}

#[tokio::test]
async fn an_agent_that_may_not_hears_why() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "rm -rf /"))).await;

    lab.decide(&mission, json!({ "approved": false, "reason": "not in my house" })).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: decision a denied not in my house\n");
    assert_eq!(lab.approvals(&mission).await, ["open", "denied"]);
}

#[tokio::test]
async fn several_things_wait_at_once_in_one_list_of_all_missions_and_are_decided_in_any_order() {
    let lab = Lab::start().await;
    let both = format!("{}{}{HEARS}{HEARS}", asks("a", "one"), asks("b", "two"));
    let mission = lab.mission(&both).await;
    let other = lab.mission(&format!("{}{HEARS}", asks("a", "three"))).await;
    let open = sandboxed_tests::until("three asks", async || {
        let open = lab.server.api.get("/asks").await["items"].as_array().unwrap().clone();
        (open.len() == 3).then_some(open)
    })
    .await;
    let of = |subject: &str| open.iter().find(|open| open["ask"]["subject"] == subject).unwrap();

    lab.server.api.post(&path(&mission, &of("two")["ask"], "decision"), json!({ "approved": true })).await;
    assert_eq!(lab.asked(&mission).await["subject"], "one");
    assert_eq!(lab.server.api.state(&mission).await, "awaiting_approval");
    lab.server.api.post(&path(&mission, &of("one")["ask"], "decision"), json!({ "approved": false })).await;
    lab.over(&mission, 1).await;

    assert_eq!(of("three")["mission"], other.as_str());
    assert_eq!(lab.said(&mission).await, "heard: decision b approved\nheard: decision a denied\n");
}

#[tokio::test]
async fn an_agent_can_stop_waiting() {
    let lab = Lab::start().await;
    let withdrawn = says(json!({ "withdrawn": "a" }));
    let mission = lab.mission(&format!("{}until [ -e go ]; do sleep 0.05; done\n{withdrawn}", asks("a", "x"))).await;
    let ask = lab.asked(&mission).await;
    lab.server.cli(&["exec", &workspace(&lab, &mission).await, "--", "touch", "go"]).success();
    lab.over(&mission, 1).await;

    assert_eq!(lab.approvals(&mission).await, ["open", "withdrawn"]);
    assert_eq!(lab.states(&mission).await, ["queued", "running", "awaiting_approval", "running", "awaiting_user"]);
    let late = lab.refused(Method::POST, &path(&mission, &ask, "decision"), json!({ "approved": true })).await;
    assert_eq!(late, (StatusCode::CONFLICT, "ask.settled".to_owned()));
}

#[tokio::test]
async fn what_nobody_decides_in_time_is_denied() {
    let lab = Lab::with(&[("approval_timeout", "300ms")]).await;
    let question = says(json!({ "question": { "id": "q", "items": [{ "text": "why?" }] } }));
    let mission = lab.mission(&format!("{}{HEARS}{question}{HEARS}", asks("a", "x"))).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: decision a denied nobody answered in time\nheard: answer q null\n");
    let events = lab.events(&mission).await;
    let denied = sandboxed_tests::api::of_kind(&events, "approval")[1];
    assert_eq!((&denied["status"], &denied["by"]), (&json!("denied"), &json!("timeout")));
}

#[tokio::test]
async fn a_decision_that_is_none_is_refused_with_its_code() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "ls *"))).await;
    let ask = lab.asked(&mission).await;
    let decide = async |body: Value| lab.refused(Method::POST, &path(&mission, &ask, "decision"), body).await;
    let invalid = |code: &str| (StatusCode::BAD_REQUEST, code.to_owned());

    let once = json!({ "approved": true, "pattern": "ls *" });
    assert_eq!(decide(once).await, invalid("decision.scope"));
    let other = json!({ "approved": true, "scope": "mission", "pattern": "rm *" });
    assert_eq!(decide(other).await, invalid("decision.pattern"));
    let star = json!({ "approved": true, "scope": "mission" });
    assert_eq!(decide(star).await, invalid("decision.pattern_needed"));
    let never = json!({ "approved": true, "scope": "mission", "pattern": "ls *", "seconds": 0 });
    assert_eq!(decide(never).await, invalid("decision.seconds"));
    let long = json!({ "approved": false, "reason": "x".repeat(17 << 10) });
    assert_eq!(decide(long).await, invalid("decision.text"));
    let answer = lab.refused(Method::POST, &path(&mission, &ask, "answer"), json!({ "answers": [["x"]] })).await;
    assert_eq!(answer, invalid("ask.not_a_question"));

    assert_eq!(lab.approvals(&mission).await, ["open"], "a refused decision decided something");
}

#[tokio::test]
async fn what_was_never_asked_is_not_found_and_what_is_decided_is_a_conflict() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", asks("a", "x"))).await;
    let ask = lab.asked(&mission).await;
    let other = lab.mission("true").await;
    let body = json!({ "approved": true });
    let elsewhere = lab.refused(Method::POST, &path(&other, &ask, "decision"), body.clone()).await;
    lab.decide(&mission, body.clone()).await;
    let again = lab.refused(Method::POST, &path(&mission, &ask, "decision"), body.clone()).await;
    lab.over(&mission, 1).await;
    let after = lab.refused(Method::POST, &path(&mission, &ask, "decision"), body).await;

    assert_eq!(elsewhere, (StatusCode::NOT_FOUND, "ask.not_found".to_owned()));
    assert_eq!(again, (StatusCode::CONFLICT, "ask.settled".to_owned()));
    assert_eq!(after, again);
    assert_eq!(lab.said(&mission).await, "heard: decision a approved\n");
}

/// The workspace of a mission.
async fn workspace(lab: &Lab, mission: &str) -> String {
    lab.server.api.get(&format!("/missions/{mission}")).await["workspace"].as_str().unwrap().to_owned()
}
