//! What the agent wants to know is a form of the editor's, or said and answered by the next prompt.

use serde_json::{Value, json};

use super::{HEARS, Lab, editor::Editor, says};

/// A script whose agent asks these questions.
fn asking(items: Value) -> String {
    format!("{}{HEARS}", says(json!({ "question": { "id": "q", "items": items } })))
}

async fn with_forms(lab: &Lab) -> Editor {
    lab.editor_with(&["--harness", "talking"], json!({ "elicitation": { "form": {} } })).await
}

#[tokio::test]
async fn an_editor_with_forms_shows_one() {
    let lab = Lab::start().await;
    let mut editor = with_forms(&lab).await;
    let session = editor.session("/p").await;
    let items = json!([
        { "text": "which database?", "choices": ["sqlite", "postgres"] },
        { "text": "what else?", "choices": ["schema", "data"], "multiple": true },
        { "text": "why?", "free_text": true },
    ]);
    let prompt = editor.prompt(&session, &asking(items)).await;

    let form = editor.request("elicitation/create").await;
    let schema = &form["params"]["requestedSchema"];
    assert_eq!(schema["required"], json!(["q1", "q2", "q3"]));
    assert_eq!(schema["properties"]["q1"]["oneOf"][0]["const"], "sqlite");
    let content = json!({ "q1": "sqlite", "q2": ["schema", "data"], "q3": "so" });
    editor.reply(&form, json!({ "action": "accept", "content": content })).await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: answer q [[\"sqlite\"],[\"schema\",\"data\"],[\"so\"]]\n");
}

#[tokio::test]
async fn a_form_that_is_declined_leaves_it_to_the_agent() {
    let lab = Lab::start().await;
    let mut editor = with_forms(&lab).await;
    let session = editor.session("/p").await;
    let prompt = editor.prompt(&session, &asking(json!([{ "text": "why?", "free_text": true }]))).await;

    let form = editor.request("elicitation/create").await;
    editor.reply(&form, json!({ "action": "decline" })).await;

    assert_eq!(editor.stop(prompt).await.unwrap(), "end_turn");
    assert_eq!(editor.said(), "heard: answer q null\n");
}

#[tokio::test]
async fn without_forms_the_question_ends_the_prompt_and_the_next_one_answers_it() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    let items = json!([{ "text": "which database?", "choices": ["sqlite", "postgres"] }]);

    assert_eq!(editor.turn(&session, &asking(items)).await.unwrap(), "end_turn");
    let said = editor.said();
    assert!(said.contains("which database?") && said.contains("- sqlite") && said.contains("next message"), "{said}");
    let wrong = editor.turn(&session, "oracle").await.unwrap_err();
    assert_eq!(wrong["data"]["code"], "answer.unknown", "{wrong}");

    assert_eq!(editor.turn(&session, "sqlite").await.unwrap(), "end_turn");
    assert!(editor.said().ends_with("heard: answer q [[\"sqlite\"]]\n"), "{}", editor.said());
    assert_eq!(lab.mission(&session).await["turns"], 1, "the answer was a turn of its own");
}

#[tokio::test]
async fn a_question_that_is_answered_elsewhere_makes_the_next_prompt_a_message() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let session = editor.session("/p").await;
    editor.turn(&session, &asking(json!([{ "text": "why?", "free_text": true }]))).await.unwrap();
    let ask = lab.asked(&session).await["id"].as_str().unwrap().to_owned();
    lab.server.api.post(&format!("/missions/{session}/asks/{ask}/answer"), json!({ "answers": [["so"]] })).await;
    lab.server.api.reaches(&session, &["awaiting_user"]).await;

    assert_eq!(editor.turn(&session, "echo a message").await.unwrap(), "end_turn");

    assert!(editor.said().ends_with("heard: answer q [[\"so\"]]\na message\n"), "{}", editor.said());
}
