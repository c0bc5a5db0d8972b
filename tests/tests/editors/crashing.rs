//! The server is killed under the editor, and nothing is lost or told twice.

use sandboxed_tests::until;
use serde_json::json;

use super::{HEARS, Lab, WAITS, asks};

#[tokio::test(flavor = "multi_thread")]
async fn a_prompt_outlives_the_server() {
    let mut lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let prompt = editor.prompt(&session, &format!("seq 1 500\n{WAITS}seq 501 1000")).await;
    editor.update("the first words", |update| update.to_string().contains("500\\n")).await;

    lab.server.crash();
    lab.server.restart().await;
    lab.let_go(&session).await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    let expected: String = (1..=1000).map(|number| format!("{number}\n")).collect();
    assert_eq!(editor.said(), expected);
    assert_eq!(editor.turn(&session, "echo more").await.unwrap(), "end_turn");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_the_server_is_away_is_heard_once_when_it_is_back() {
    let mut lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let (old, new) = (editor.session("/p").await, editor.session("/p").await);
    editor.turn(&old, "echo one").await.unwrap();

    lab.server.crash();
    let prompts = [editor.prompt(&old, "echo two").await, editor.prompt(&new, "echo three").await];
    lab.server.restart().await;

    for prompt in prompts {
        assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    }
    assert_eq!((&lab.mission(&old).await["turns"], &lab.mission(&new).await["turns"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_was_asked_for_before_the_server_was_killed_can_be_given_after_it() {
    let mut lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let prompt = editor.prompt(&session, &format!("{}{HEARS}", asks("a", "make"))).await;
    let request = editor.request("session/request_permission").await;

    lab.server.crash();
    editor.choose(&request, "allow").await;
    lab.server.restart().await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: decision a approved\n");
    until("the mission to rest", async || (lab.mission(&session).await["open_asks"] == 0).then_some(())).await;
}
