//! Full disks: the machine's, and what a workspace may take.

use reqwest::Method;
use sandboxed_tests::{Server, server::Options, until};
use serde_json::{Value, json};

use super::Space;

#[tokio::test]
async fn a_write_to_a_full_disk_is_refused_and_leaves_the_old_file() {
    let server = Server::start_with(Options { disk: Some(64 << 20), ..Options::default() }).await;
    let space = Space::make(&server).await;
    space.write("f", &[], "old").await.done();

    space.write("f", &[], vec![1; 80 << 20]).await.refused(507, "path.disk_full");

    assert_eq!(space.content("f").await, b"old");
    assert_eq!(space.list("", &[]).await.done()["items"].as_array().unwrap().len(), 1);
    space.write("f", &[], "new").await.done();
}

#[tokio::test]
async fn a_workspace_takes_no_more_than_its_limit_and_room_that_is_made_counts_at_once() {
    let server = Server::start().await;
    let space = Space::with(&server, json!({ "limits": { "disk": 4 << 20 } })).await;
    space.write("one", &[], vec![1; 3 << 20]).await.done();

    space.write("two", &[], vec![1; 2 << 20]).await.refused(413, "workspace.disk_full");

    space.ask(Method::GET, "files/entry", &[("path", "two")]).await.refused(404, "path.missing");
    space.write("three", &[], vec![1; 512 << 10]).await.done();
    space.ask(Method::DELETE, "files", &[("path", "one")]).await.done();
    space.write("two", &[], vec![1; 2 << 20]).await.done();
    let usage = server.api.get(&space.path("usage")).await;
    assert!(usage["disk"].as_u64().unwrap() >= 2 << 20, "{usage}");
    let refused = space.post("uploads", json!({ "path": "f", "total": 16_u64 << 30 })).await;
    assert_eq!(refused.status.as_u16(), 413, "{refused:?}");
}

#[tokio::test]
async fn a_file_over_the_largest_that_is_taken_is_refused() {
    let environment = vec![("SANDBOXED_SH__WORKSPACES__UPLOAD_LIMIT".to_owned(), "1MiB".to_owned())];
    let server = Server::start_with(Options { environment, ..Options::default() }).await;
    let space = Space::make(&server).await;

    space.write("f", &[], vec![1; 2 << 20]).await.refused(413, "path.too_large");
    space.post("uploads", json!({ "path": "f", "total": 2 << 20 })).await.refused(413, "path.too_large");
    space.write("f", &[], vec![1; 1 << 20]).await.done();
}

#[tokio::test]
async fn a_mission_that_fills_its_workspace_fails_and_says_why_and_its_neighbour_goes_on() {
    let server = Server::start().await;
    let full = Space::with(&server, json!({ "limits": { "disk": 32 << 20 } })).await;
    let other = Space::make(&server).await;
    let mission = |space: &Space<'_>, script: &str| json!({ "prompt": script, "harness": "shell", "workspace": space.id, "one_shot": true });
    let neighbour = server.api.mission_with(mission(&other, "echo up; sleep 1000")).await;
    let filler = "head -c 64M /dev/zero > \"$HOME/big\"; echo written; sleep 1000";
    let filling = server.api.mission_with(mission(&full, filler)).await;
    let shell = server.api.post(&full.path("processes"), json!({ "command": ["sleep", "1000"] })).await;

    let failed = server.api.reaches(&filling, &["failed", "done"]).await;

    assert_eq!((&failed["state"], &failed["problem"]["code"]), (&json!("failed"), &json!("workspace.disk_full")));
    let message = failed["problem"]["message"].as_str().unwrap();
    assert!(message.contains("take 64.") && message.contains("may take 32.0 MiB"), "{message}");
    let process = format!("/processes/{}", shell["id"].as_str().unwrap());
    until("the process to be ended", async || server.api.get(&process).await["exit"].is_object().then_some(())).await;
    let again = server.api.mission_with(mission(&full, "echo more")).await;
    let again = server.api.reaches(&again, &["failed", "done"]).await;
    assert_eq!(again["problem"]["code"], "workspace.disk_full", "{again}");
    full.run("rm \"$HOME/big\"").await;
    let last = server.api.mission_with(mission(&full, "echo there is room")).await;
    assert_eq!(server.api.reaches(&last, &["failed", "done"]).await["state"], "done");
    assert_eq!(server.api.state(&neighbour).await, "running");
    server.api.post(&format!("/missions/{neighbour}/cancel"), Value::Null).await;
}
