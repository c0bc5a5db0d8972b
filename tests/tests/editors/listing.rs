//! Missions are the sessions of a list.

use serde_json::{Value, json};

use super::Lab;

fn ids(listed: &Value) -> Vec<&str> {
    listed["sessions"].as_array().unwrap().iter().map(|session| session["sessionId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn missions_are_listed_newest_first_and_by_directory() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "shell"], json!({})).await;
    let elsewhere = lab.server.api.mission("true").await;
    let (one, two) = (editor.session("/a").await, editor.session("/b").await);
    editor.turn(&one, "echo one").await.unwrap();
    editor.turn(&two, "echo two").await.unwrap();

    let all = editor.call("session/list", json!({})).await.unwrap();
    assert_eq!(ids(&all), [two.as_str(), one.as_str(), elsewhere.as_str()]);
    assert_eq!(all["sessions"][0]["title"], "echo two");
    let here = editor.call("session/list", json!({ "cwd": "/a" })).await.unwrap();
    assert_eq!(ids(&here), [one.as_str()]);
    assert_eq!(here["sessions"][0]["cwd"], "/a");
    let nowhere = editor.call("session/list", json!({ "cwd": "/c" })).await.unwrap();
    assert_eq!(nowhere, json!({ "sessions": [] }));
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    for _ in 0..51 {
        lab.server.api.mission_with(json!({ "prompt": "true", "workspace": workspace(&lab).await })).await;
    }

    let first = editor.call("session/list", json!({})).await.unwrap();
    let second = editor.call("session/list", json!({ "cursor": first["nextCursor"] })).await.unwrap();

    assert_eq!((ids(&first).len(), ids(&second).len()), (50, 1));
    assert!(second.get("nextCursor").is_none(), "{second}");
    let wrong = editor.call("session/list", json!({ "cursor": "none of these" })).await.unwrap_err();
    assert_eq!(wrong["data"]["code"], "page.cursor_invalid", "{wrong}");
}

async fn workspace(lab: &Lab) -> Value {
    let all = lab.server.api.get("/workspaces").await;
    match all["items"].as_array().unwrap().first() {
        Some(workspace) => workspace["id"].clone(),
        None => lab.server.api.post("/workspaces", json!({})).await["id"].clone(),
    }
}
