//! The editor goes.

use sandboxed_tests::cli;
use serde_json::json;

use super::{Lab, WAITS, editor::Editor};

#[tokio::test]
async fn what_runs_on_a_server_goes_on_without_the_editor() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.prompt(&session, &format!("echo begun\n{WAITS}echo over")).await;
    editor.update("the first words", |update| update["content"]["text"] == "begun\n").await;

    assert_eq!(editor.leave().await, 0);

    assert_eq!(lab.server.api.state(&session).await, "running");
    lab.let_go(&session).await;
    lab.server.api.reaches(&session, &["awaiting_user"]).await;
}

#[tokio::test]
async fn what_was_said_before_the_editor_went_is_done() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.prompt(&session, "echo heard").await;
    editor.leave().await;

    lab.server.api.reaches(&session, &["awaiting_user"]).await;
}

#[tokio::test]
async fn without_a_server_the_editor_has_one_of_its_own_and_takes_its_turns_along() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    sandboxed_tests::plugin_cache::lend(&data);
    let mut editor = Editor::open(&data, &["--harness", "shell"]);
    editor.greet(json!({})).await;
    let session = editor.session("/p").await;
    assert_eq!(editor.turn(&session, "echo alone").await.unwrap(), "end_turn");
    editor.prompt(&session, "echo begun; sleep 600").await;
    editor.update("the first words", |update| update.to_string().contains("begun\\n")).await;

    assert_eq!(editor.leave().await, 0);

    let shown = cli::cli(&data, &["missions", "show", &session, "--json"]).success().stdout;
    let mission: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(
        (&mission["state"], &mission["last_outcome"]),
        (&json!("awaiting_user"), &json!("interrupted")),
        "{mission}"
    );
}
