//! How the agent works is chosen in the editor, or on the command line.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Lab, editor::Editor};

async fn set(editor: &mut Editor, session: &str, option: &str, value: &str) -> Result<Value, Value> {
    let params = json!({ "sessionId": session, "configId": option, "value": value });
    editor.call("session/set_config_option", params).await
}

fn current<'a>(options: &'a Value, id: &str) -> &'a Value {
    let options = options["configOptions"].as_array().unwrap();
    &options.iter().find(|option| option["id"] == id).unwrap()["currentValue"]
}

#[tokio::test]
async fn a_mode_is_chosen_before_the_first_prompt_and_between_prompts() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let opened = editor.call("session/new", json!({ "cwd": "/p", "mcpServers": [] })).await.unwrap();
    let session = opened["sessionId"].as_str().unwrap().to_owned();
    assert_eq!(opened["modes"]["currentModeId"], "act");
    let mode = |mode: &str| json!({ "sessionId": session, "modeId": mode });

    editor.call("session/set_mode", mode("plan")).await.unwrap();
    editor.turn(&session, "true").await.unwrap();
    assert_eq!(lab.mission(&session).await["mode"], "plan");
    editor.call("session/set_mode", mode("act")).await.unwrap();
    assert_eq!(lab.mission(&session).await["mode"], "act");
    let unknown = editor.call("session/set_mode", mode("yolo")).await.unwrap_err();

    assert_eq!(unknown["code"], -32602, "{unknown}");
}

#[tokio::test]
async fn a_harness_that_cannot_plan_has_no_modes() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;

    let opened = editor.call("session/new", json!({ "cwd": "/p", "mcpServers": [] })).await.unwrap();

    assert_eq!((&opened["modes"], &opened["configOptions"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn model_effort_and_approvals_are_options() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "talking", "--model", "large"], json!({})).await;
    let opened = editor.call("session/new", json!({ "cwd": "/p", "mcpServers": [] })).await.unwrap();
    let session = opened["sessionId"].as_str().unwrap().to_owned();
    let ids: Vec<&str> =
        opened["configOptions"].as_array().unwrap().iter().map(|option| option["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["mode", "model", "effort", "approvals"]);
    assert_eq!((current(&opened, "model"), current(&opened, "approvals")), (&json!("large"), &json!("default")));

    let set_first = set(&mut editor, &session, "effort", "high").await.unwrap();
    assert_eq!(current(&set_first, "effort"), "high");
    editor.turn(&session, "true").await.unwrap();
    let mission = lab.mission(&session).await;
    assert_eq!((&mission["model"], &mission["effort"]), (&json!("large"), &json!("high")));
    set(&mut editor, &session, "model", "small").await.unwrap();
    set(&mut editor, &session, "effort", "default").await.unwrap();
    let all = set(&mut editor, &session, "approvals", "ask").await.unwrap();

    assert_eq!((current(&all, "model"), current(&all, "effort")), (&json!("small"), &json!("default")));
    let mission = lab.mission(&session).await;
    assert_eq!((&mission["model"], &mission["effort"]), (&json!("small"), &Value::Null));
    assert_eq!(mission["approvals"], "ask");
    for (option, value) in [("effort", "most"), ("approvals", "never"), ("colour", "red"), ("mode", "")] {
        let refused = set(&mut editor, &session, option, value).await.unwrap_err();
        assert_eq!(refused["code"], -32602, "{option}: {refused}");
    }
}

#[tokio::test]
async fn what_somebody_else_changes_is_told_after_the_next_turn() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.turn(&session, "true").await.unwrap();
    assert_eq!(editor.of_kind("config_option_update").len(), 0);

    let change = json!({ "mode": "plan", "title": "another" });
    lab.server.api.call(Method::PATCH, &format!("/missions/{session}"), Some(change)).await;
    editor.turn(&session, "true").await.unwrap();

    assert_eq!(editor.of_kind("current_mode_update")[0]["currentModeId"], "plan");
    assert_eq!(current(editor.of_kind("config_option_update")[0], "mode"), "plan");
    assert_eq!(editor.of_kind("session_info_update").last().unwrap()["title"], "another");
}

#[tokio::test]
async fn a_harness_that_is_none_is_refused_when_a_session_is_opened() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "bubblewrap"], json!({})).await;

    let refused = editor.call("session/new", json!({ "cwd": "/p", "mcpServers": [] })).await.unwrap_err();

    assert_eq!(refused["data"]["code"], "harness.not_found", "{refused}");
}

#[tokio::test]
async fn the_harness_of_missions_that_name_none_is_told() {
    let lab = Lab::start().await;

    let harnesses = lab.server.api.get("/harnesses").await;
    let default: Vec<&Value> =
        harnesses["items"].as_array().unwrap().iter().filter(|info| info["default"] == true).collect();

    assert_eq!(default.len(), 1);
    assert_eq!(default[0]["id"], "shell");
    let listed = lab.server.cli(&["harness", "list"]).success().stdout;
    assert!(listed.contains("shell (default)"), "{listed}");
}
