//! The machine fails the server, and the server says so and goes on.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::Write;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, api::assert_gap_free, server::Options, until};
use serde_json::json;

/// Takes all the room that there is and returns the file that does.
fn fill(server: &Server) -> std::path::PathBuf {
    let path = server.data_dir().join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    for size in [1 << 20, 4096] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}

#[tokio::test]
async fn on_a_full_disk_reads_go_on_and_writes_are_refused_until_there_is_room() {
    let server = Server::start_with(Options { disk: Some(48 << 20), ..Options::default() }).await;
    let mission = server.api.mission("echo before").await;
    server.api.reaches(&mission, &["awaiting_user"]).await;
    let filler = fill(&server);

    let body = json!({ "text": "echo while full" });
    let messages = format!("/missions/{mission}/messages");
    let (status, problem) = until("a write to be refused", async || {
        let (status, problem) = server.api.call(Method::POST, &messages, Some(body.clone())).await;
        (!status.is_success()).then_some((status, problem))
    })
    .await;
    assert_eq!(status, StatusCode::INSUFFICIENT_STORAGE, "{problem}");
    assert_eq!(problem["code"], "store.disk_full");
    assert!(problem["hint"].is_string(), "{problem}");
    assert_gap_free(&server.api.events(&mission).await);

    std::fs::remove_file(filler).unwrap();
    server.api.post(&messages, json!({ "text": "echo after" })).await;
    until("the turns to end", async || {
        let mission = server.api.get(&format!("/missions/{mission}")).await;
        (mission["queued_messages"] == 0 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;
    let printed = server.api.printed(&mission).await;
    assert!(printed.starts_with("before\n") && printed.ends_with("after\n"), "{printed:?}");
}

#[tokio::test]
async fn a_turn_that_is_under_way_when_the_disk_fills_up_is_told_once_there_is_room() {
    let server = Server::start_with(Options { disk: Some(48 << 20), ..Options::default() }).await;
    let script = "echo up; until [ -e go ]; do sleep 0.05; done; echo done; exit 3";
    let mission = server.api.mission(script).await;
    let shown = server.api.reaches(&mission, &["running"]).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let tree = server.data_dir().join(format!("workspaces/{}/tree", shown["workspace"].as_str().unwrap()));
    std::fs::write(tree.join("go.soon"), "").unwrap();
    let filler = fill(&server);
    // The log of the database has room of its own, which has to be used up as well.
    let mut title = 0;
    until("a write to be refused", async || {
        title += 1;
        let body = json!({ "title": format!("title {title}") });
        let (status, _) = server.api.call(Method::PATCH, &format!("/missions/{mission}"), Some(body)).await;
        (status == StatusCode::INSUFFICIENT_STORAGE).then_some(())
    })
    .await;
    std::fs::rename(tree.join("go.soon"), tree.join("go")).unwrap();
    until("the turn to wait for room", async || server.log().contains("cannot go on for now").then_some(())).await;
    assert_eq!(server.api.state(&mission).await, "running");

    std::fs::remove_file(filler).unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let events = server.api.events(&mission).await;
    assert_gap_free(&events);
    let ended: Vec<_> = events.iter().filter(|event| event["kind"] == "turn_ended").collect();
    assert_eq!(ended.len(), 1);
    assert!(ended[0]["body"]["reason"].as_str().unwrap().contains('3'), "{ended:?}");
}
