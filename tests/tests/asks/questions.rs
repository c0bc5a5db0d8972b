//! An agent wants to know something.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::{HEARS, Lab, path, says};

/// Which database, which parts of it, and a name.
fn question() -> String {
    says(json!({ "question": { "id": "q", "items": [
        { "text": "Which database?", "choices": ["postgres", "sqlite"] },
        { "text": "Which parts?", "choices": ["schema", "data"], "multiple": true },
        { "text": "What name?", "choices": ["main"], "free_text": true },
    ] } }))
}

#[tokio::test]
async fn what_is_chosen_and_written_is_told_to_the_agent() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", question())).await;
    let ask = lab.asked(&mission).await;
    let answers = json!([["sqlite"], ["schema", "data"], ["mine"]]);

    let answered = lab.server.api.post(&path(&mission, &ask, "answer"), json!({ "answers": answers })).await;
    lab.over(&mission, 1).await;

    assert_eq!((&ask["kind"], &ask["items"][0]["choices"][1]["label"]), (&json!("question"), &json!("sqlite")));
    assert_eq!((&answered["status"], &answered["answers"]), (&json!("answered"), &answers));
    assert_eq!(lab.said(&mission).await, format!("heard: answer q {answers}\n"));
    assert_eq!(lab.states(&mission).await, ["queued", "running", "awaiting_approval", "running", "awaiting_user"]);
}

#[tokio::test]
async fn a_person_may_have_no_answer() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", question())).await;
    let ask = lab.asked(&mission).await;

    lab.server.api.post(&path(&mission, &ask, "answer"), json!({ "answers": null })).await;
    lab.over(&mission, 1).await;

    assert_eq!(lab.said(&mission).await, "heard: answer q null\n");
}

#[tokio::test]
async fn answers_that_do_not_fit_the_questions_are_refused_and_the_agent_waits_on() {
    let lab = Lab::start().await;
    let mission = lab.mission(&format!("{}{HEARS}", question())).await;
    let ask = lab.asked(&mission).await;
    let answer = async |answers: Value| {
        let body = json!({ "answers": answers });
        lab.refused(Method::POST, &path(&mission, &ask, "answer"), body).await
    };
    let invalid = |code: &str| (StatusCode::BAD_REQUEST, code.to_owned());

    assert_eq!(answer(json!([["sqlite"]])).await, invalid("answer.number"));
    assert_eq!(answer(json!([["sqlite", "postgres"], [], ["x"]])).await, invalid("answer.single"));
    assert_eq!(answer(json!([["oracle"], [], ["x"]])).await, invalid("answer.unknown"));
    assert_eq!(answer(json!([["sqlite"], ["schema", "views"], ["x"]])).await, invalid("answer.unknown"));
    let decision = json!({ "approved": true });
    let decision = lab.refused(Method::POST, &path(&mission, &ask, "decision"), decision).await;
    assert_eq!(decision, invalid("ask.not_an_approval"));
    assert_eq!(lab.asked(&mission).await["status"], "open");
}
