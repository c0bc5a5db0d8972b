//! Prompts are messages of missions.

use sandboxed_tests::until;
use serde_json::{Value, json};

use super::{Lab, WAITS, says};

#[tokio::test]
async fn a_prompt_makes_a_mission_and_is_answered_after_all_that_happened() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/home/me/project").await;

    assert_eq!(editor.turn(&session, "echo one; echo two").await.unwrap(), "end_turn");

    assert_eq!(editor.said(), "one\ntwo\n");
    let mission = lab.mission(&session).await;
    assert_eq!((&mission["state"], &mission["turns"]), (&json!("awaiting_user"), &json!(1)));
    assert_eq!(mission["harness"], "talking");
    let titles = editor.of_kind("session_info_update");
    assert_eq!(titles[0]["title"], "echo one; echo two");
    assert_eq!(editor.of_kind("user_message_chunk").len(), 0, "the editor shows what its person wrote");

    assert_eq!(editor.turn(&session, "echo three").await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "one\ntwo\nthree\n");
    assert_eq!(lab.mission(&session).await["turns"], 2);
}

#[tokio::test]
async fn a_session_without_a_prompt_leaves_nothing() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.call("session/close", json!({ "sessionId": session })).await.unwrap();
    editor.session("/p").await;
    editor.leave().await;

    assert_eq!(lab.server.api.get("/missions").await["items"], json!([]));
    assert_eq!(lab.server.api.get("/workspaces").await["items"], json!([]));
}

#[tokio::test]
async fn a_directory_has_a_workspace_for_all_its_sessions_unless_one_is_named() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let (one, same, other) =
        (editor.session("/a/project").await, editor.session("/a/project").await, editor.session("/b/project").await);
    for session in [&one, &same, &other] {
        editor.turn(session, "true").await.unwrap();
    }
    let mut named = lab.editor_with(&["--harness", "shell", "--workspace", "shared"], json!({})).await;
    let named_session = named.session("/a/project").await;
    named.turn(&named_session, "true").await.unwrap();

    let workspace = async |session: &str| {
        let id = lab.mission(session).await["workspace"].as_str().unwrap().to_owned();
        lab.server.api.get(&format!("/workspaces/{id}")).await["name"].as_str().unwrap().to_owned()
    };
    let first = workspace(&one).await;
    assert!(first.starts_with("project-"), "{first}");
    assert_eq!(workspace(&same).await, first);
    assert_ne!(workspace(&other).await, first);
    assert_eq!(workspace(&named_session).await, "shared");
}

#[tokio::test]
async fn what_a_tool_prints_and_which_files_changed_are_tool_calls() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let session = editor.session("/p").await;

    editor.turn(&session, "echo out; echo err >&2; printf 'a\\nb\\n' > notes.txt").await.unwrap();

    let calls = editor.of_kind("tool_call");
    assert_eq!((&calls[0]["kind"], &calls[0]["status"]), (&json!("execute"), &json!("in_progress")));
    let updates = editor.of_kind("tool_call_update");
    let last = updates.last().unwrap();
    assert_eq!((&last["toolCallId"], &last["status"]), (&calls[0]["toolCallId"], &json!("completed")));
    assert_eq!(last["rawOutput"]["exitCode"], 0);
    let shown = last["content"][0]["content"]["text"].as_str().unwrap();
    assert!(shown.contains("out\n") && shown.contains("err\n"), "{shown}");
    let change = calls.last().unwrap();
    assert_eq!((&change["kind"], &change["title"]), (&json!("edit"), &json!("Created notes.txt")));
    assert_eq!(change["locations"], json!([{ "path": "/workspace/notes.txt" }]));
    let diff = json!({ "type": "diff", "path": "/workspace/notes.txt", "oldText": null, "newText": "a\nb\n" });
    assert_eq!(change["content"], json!([diff]));
}

#[tokio::test]
async fn a_failed_turn_is_an_error_with_its_code_and_what_mends_it() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let trouble = json!({ "code": "agent.overloaded", "message": "too much to do", "hint": "wait" });
    let fails = says(json!({ "problem": trouble })) + &says(json!({ "end": { "outcome": "failed", "reason": "so" } }));

    let error = editor.turn(&session, &fails).await.unwrap_err();

    assert_eq!((&error["data"]["code"], &error["data"]["hint"]), (&json!("agent.overloaded"), &json!("wait")));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("too much to do") && message.contains("hint: wait"), "{message}");
    // The session goes on.
    assert_eq!(editor.turn(&session, "echo again").await.unwrap(), "end_turn");
}

#[tokio::test]
async fn limits_of_the_agent_are_reasons_to_stop() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    for (code, reason) in [("agent.limit_reached", "max_turn_requests"), ("agent.context_full", "max_tokens")] {
        let trouble = json!({ "problem": { "code": code, "message": "no more", "hint": null } });
        let fails = says(trouble) + &says(json!({ "end": { "outcome": "failed", "reason": "so" } }));

        assert_eq!(editor.turn(&session, &fails).await.unwrap(), reason);
    }
}

#[tokio::test]
async fn two_prompts_at_once_are_two_turns_one_after_the_other() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;

    let first = editor.prompt(&session, &format!("echo first\n{WAITS}echo over")).await;
    let second = editor.prompt(&session, "echo second").await;
    editor.update("the first words", |update| update["content"]["text"] == "first\n").await;
    until("the second to wait", async || (lab.mission(&session).await["queued_messages"] == 1).then_some(())).await;
    lab.let_go(&session).await;

    assert_eq!(editor.stop(first).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "first\nover\n");
    assert_eq!(editor.stop(second).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "first\nover\nsecond\n");
}

#[tokio::test]
async fn what_is_cancelled_is_interrupted_and_what_waits_is_not_sent() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let first = editor.prompt(&session, &format!("echo begun\nread -r line; echo \"heard: $line\"; {WAITS}")).await;
    editor.update("the first words", |update| update["content"]["text"] == "begun\n").await;
    let second = editor.prompt(&session, "echo never").await;
    until("the second to wait", async || (lab.mission(&session).await["queued_messages"] == 1).then_some(())).await;

    editor.cancel(&session).await;
    assert_eq!(editor.stop(second).await.unwrap(), "cancelled");
    editor.update("the interrupt", |update| update["content"]["text"] == "heard: interrupt\n").await;
    lab.let_go(&session).await;

    assert_eq!(editor.stop(first).await.unwrap(), "cancelled");
    let mission = lab.mission(&session).await;
    assert_eq!((&mission["state"], &mission["turns"]), (&json!("awaiting_user"), &json!(1)));
    assert_eq!(editor.turn(&session, "echo next").await.unwrap(), "end_turn");
    assert!(editor.said().ends_with("heard: interrupt\nnext\n"), "{}", editor.said());
}

#[tokio::test]
async fn a_prompt_can_be_cancelled_by_its_request() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let session = editor.session("/p").await;
    let request = editor.prompt(&session, "echo begun; sleep 600").await;
    editor.update("the first words", |update| update.to_string().contains("begun\\n")).await;

    editor.notify("$/cancel_request", json!({ "requestId": request })).await;

    assert_eq!(editor.stop(request).await.unwrap(), "cancelled");
}

#[tokio::test]
async fn a_mission_that_is_cancelled_elsewhere_ends_its_prompt() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let session = editor.session("/p").await;
    let request = editor.prompt(&session, "echo begun; sleep 600").await;
    editor.update("the first words", |update| update.to_string().contains("begun\\n")).await;

    lab.server.api.post(&format!("/missions/{session}/cancel"), Value::Null).await;

    assert_eq!(editor.stop(request).await.unwrap(), "cancelled");
}

#[tokio::test]
async fn texts_of_files_are_in_the_message_and_images_refuse_it() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let blocks = json!([
        { "type": "text", "text": "cat <<'END'\n" },
        { "type": "resource", "resource": { "uri": "file:///p/a.txt", "text": "content of a" } },
        { "type": "resource_link", "name": "b.txt", "uri": "file:///p/b.txt" },
        { "type": "text", "text": "\nEND" },
    ]);
    let prompt = json!({ "sessionId": session, "prompt": blocks });
    assert_eq!(editor.call("session/prompt", prompt).await.unwrap()["stopReason"], "end_turn");
    assert_eq!(editor.said(), "\nfile:///p/a.txt:\n```\ncontent of a\n```\n[@b.txt](file:///p/b.txt)\n");

    let blocks =
        json!([{ "type": "text", "text": "echo x" }, { "type": "image", "data": "AA==", "mimeType": "image/png" }]);
    let refused = editor.call("session/prompt", json!({ "sessionId": session, "prompt": blocks })).await.unwrap_err();
    assert!(refused["code"] == -32602 && refused["message"].as_str().unwrap().contains("an image"), "{refused}");
    let empty = editor.turn(&session, " ").await.unwrap_err();
    assert_eq!(empty["data"]["code"], "mission.message_empty", "{empty}");
    assert_eq!(lab.mission(&session).await["turns"], 1, "what was refused was sent");
}

#[tokio::test]
async fn an_editor_that_reads_late_has_lost_nothing() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let request = editor.prompt(&session, "seq 1 60000").await;

    editor.update("the mission", |update| update["sessionUpdate"] == "session_info_update").await;
    // Far more than pipes hold is waiting while nobody reads.
    lab.server.api.reaches(&session, &["awaiting_user"]).await;

    assert_eq!(editor.stop(request).await.unwrap(), "end_turn");
    let expected: String = (1..=60000).map(|number| format!("{number}\n")).collect();
    assert!(editor.said() == expected, "{} bytes of {}", editor.said().len(), expected.len());
}
