//! What the agent may do is asked in the editor.

use serde_json::{Value, json};

use super::{HEARS, Lab, asks, editor::Editor};

const METHOD: &str = "session/request_permission";

/// A session whose agent waits for a permission: with its prompt, and what is asked.
async fn waiting(editor: &mut Editor, command: &str) -> (String, u64, Value) {
    let session = editor.session("/p").await;
    let prompt = editor.prompt(&session, &format!("{}{HEARS}", asks("a", command))).await;
    let request = editor.request(METHOD).await;
    (session, prompt, request)
}

fn options(request: &Value) -> Vec<(&str, &str)> {
    let options = request["params"]["options"].as_array().unwrap().iter();
    options.map(|option| (option["optionId"].as_str().unwrap(), option["kind"].as_str().unwrap())).collect()
}

#[tokio::test]
async fn an_agent_that_asks_does_what_is_allowed_once() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (session, prompt, request) = waiting(&mut editor, "make install").await;

    let call = &request["params"]["toolCall"];
    assert_eq!((&call["title"], &call["kind"]), (&json!("make install"), &json!("execute")));
    assert_eq!((&call["status"], &call["rawInput"]["command"]), (&json!("pending"), &json!("make install")));
    let expected = [("allow", "allow_once"), ("allow_mission", "allow_always"), ("reject", "reject_once")];
    assert_eq!(options(&request), expected);
    editor.choose(&request, "allow").await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: decision a approved\n");
    assert_eq!(editor.of_kind("tool_call_update").last().unwrap()["status"], "completed");
    let rules = lab.server.api.get(&format!("/missions/{session}/rules")).await;
    assert_eq!(rules["items"], json!([]));
}

#[tokio::test]
async fn what_is_allowed_for_the_mission_is_not_asked_again() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (session, prompt, request) = waiting(&mut editor, "make").await;
    editor.choose(&request, "allow_mission").await;
    editor.stop(prompt).await.unwrap();

    let again = format!("{}{HEARS}", asks("b", "make"));

    assert_eq!(editor.turn(&session, &again).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: decision a approved\nheard: decision b approved\n");
}

#[tokio::test]
async fn what_holds_a_star_cannot_be_allowed_for_the_mission() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (_, prompt, request) = waiting(&mut editor, "rm *").await;

    assert_eq!(options(&request), [("allow", "allow_once"), ("reject", "reject_once")]);
    editor.choose(&request, "reject").await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said().trim(), "heard: decision a denied");
}

#[tokio::test]
async fn an_editor_that_gives_no_answer_has_denied() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    for answer in [json!({ "outcome": { "outcome": "cancelled" } }), json!({ "outcome": "yes" })] {
        let (_, prompt, request) = waiting(&mut editor, "make").await;
        editor.reply(&request, answer).await;
        assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
        assert!(editor.said().ends_with("heard: decision a denied the editor gave no answer\n"), "{}", editor.said());
    }

    let (_, prompt, request) = waiting(&mut editor, "make").await;
    let error = json!({ "code": -32601, "message": "no such method" });
    editor.send(json!({ "jsonrpc": "2.0", "id": request["id"], "error": error })).await;
    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert!(editor.said().ends_with("heard: decision a denied the editor gave no answer\n"), "{}", editor.said());
}

#[tokio::test]
async fn what_is_decided_elsewhere_is_withdrawn_from_the_editor() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (session, prompt, request) = waiting(&mut editor, "make").await;
    let ask = lab.asked(&session).await["id"].as_str().unwrap().to_owned();

    let path = format!("/missions/{session}/asks/{ask}/decision");
    lab.server.api.post(&path, json!({ "approved": true })).await;

    let withdrawn = editor.request("$/cancel_request").await;
    assert_eq!(withdrawn["params"]["requestId"], request["id"]);
    editor.choose(&request, "reject").await;
    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: decision a approved\n");
}

#[tokio::test]
async fn a_prompt_that_waits_for_a_permission_can_be_cancelled() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (session, prompt, request) = waiting(&mut editor, "make").await;

    editor.cancel(&session).await;
    editor.reply(&request, json!({ "outcome": { "outcome": "cancelled" } })).await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "cancelled");
    assert!(!editor.said().contains("approved"), "{}", editor.said());
}
