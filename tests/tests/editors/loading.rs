//! Sessions are taken up again, with their history or without.

use serde_json::{Value, json};

use super::{HEARS, Lab, WAITS, asks};

fn opened(session: &str) -> Value {
    json!({ "sessionId": session, "cwd": "/p", "mcpServers": [] })
}

#[tokio::test]
async fn a_session_that_is_loaded_tells_all_that_was_said() {
    let lab = Lab::start().await;
    let mut first = lab.editor().await;
    let session = first.session("/p").await;
    first.turn(&session, "echo one").await.unwrap();
    first.turn(&session, "exit 3").await.unwrap_err();
    first.leave().await;

    let mut second = lab.editor().await;
    let answer = second.call("session/load", opened(&session)).await.unwrap();

    assert_eq!(answer["modes"]["currentModeId"], "act");
    let prompts: Vec<&Value> =
        second.of_kind("user_message_chunk").into_iter().map(|chunk| &chunk["content"]["text"]).collect();
    assert_eq!(prompts, ["echo one", "exit 3"]);
    assert_eq!(second.said(), "one\n");
    let last = second.updates.last().unwrap().to_string();
    assert!(last.contains("the turn failed"), "{last}");
    assert_eq!(second.turn(&session, "echo two").await.unwrap(), "end_turn");
    assert_eq!(second.said(), "one\ntwo\n");
}

#[tokio::test]
async fn a_session_that_is_resumed_tells_nothing_and_goes_on() {
    let lab = Lab::start().await;
    let mut first = lab.editor().await;
    let session = first.session("/p").await;
    first.turn(&session, "echo one").await.unwrap();
    first.leave().await;

    let mut second = lab.editor().await;
    second.call("session/resume", opened(&session)).await.unwrap();

    assert_eq!(second.updates, Vec::<Value>::new());
    assert_eq!(second.turn(&session, "echo two").await.unwrap(), "end_turn");
    assert_eq!(second.said(), "two\n");
}

#[tokio::test]
async fn a_turn_that_is_under_way_is_told_further_and_asks_in_the_editor_that_has_opened_it() {
    let lab = Lab::start().await;
    let mission = json!({
        "prompt": format!("echo begun\n{WAITS}{}{HEARS}", asks("a", "make")), "harness": "talking", "approvals": "ask",
    });
    let session = lab.server.api.mission_with(mission).await;
    for method in ["session/load", "session/resume"] {
        let mut editor = lab.editor().await;
        editor.call(method, opened(&session)).await.unwrap();
        if method == "session/load" {
            editor.update("what was said", |update| update["content"]["text"] == "begun\n").await;
            lab.let_go(&session).await;
            editor.request("session/request_permission").await;
            // The editor goes without an answer, and what was asked waits.
            editor.leave().await;
            continue;
        }
        let request = editor.request("session/request_permission").await;
        editor.choose(&request, "allow").await;
        editor.update("the end", |update| update["content"]["text"] == "heard: decision a approved\n").await;
    }
    lab.server.api.reaches(&session, &["awaiting_user"]).await;
}

#[tokio::test]
async fn what_happened_elsewhere_meanwhile_is_told_with_the_next_prompt() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.turn(&session, "echo one").await.unwrap();
    lab.server.api.post(&format!("/missions/{session}/messages"), json!({ "text": "echo elsewhere" })).await;
    sandboxed_tests::until("the turn", async || {
        let mission = lab.mission(&session).await;
        (mission["turns"] == 2 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    assert_eq!(editor.turn(&session, "echo three").await.unwrap(), "end_turn");

    assert_eq!(editor.said(), "one\nelsewhere\nthree\n");
    assert_eq!(editor.of_kind("user_message_chunk")[0]["content"]["text"], "echo elsewhere");
}

#[tokio::test]
async fn a_session_that_is_closed_is_interrupted_and_can_be_loaded() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let session = editor.session("/p").await;
    let prompt = editor.prompt(&session, "echo begun; sleep 600").await;
    editor.update("the first words", |update| update.to_string().contains("begun\\n")).await;

    editor.call("session/close", json!({ "sessionId": session })).await.unwrap();

    assert_eq!(editor.stop(prompt).await.unwrap(), "cancelled");
    lab.server.api.reaches(&session, &["awaiting_user"]).await;
    assert_eq!(editor.turn(&session, "true").await.unwrap_err()["code"], -32002);
    editor.call("session/load", opened(&session)).await.unwrap();
    assert_eq!(editor.turn(&session, "true").await.unwrap(), "end_turn");
}
