//! How workspaces stand can be kept, gone back to, and begun with.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::PathBuf;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, server::Options, until};
use serde_json::{Value, json};

async fn workspace(server: &Server, name: &str) -> String {
    let body = json!({ "name": name, "backend": "bubblewrap", "network": { "mode": "none" } });
    server.api.post("/workspaces", body).await["id"].as_str().unwrap().to_owned()
}

/// Runs a script in a workspace and returns what it printed.
async fn said(server: &Server, workspace: &str, script: &str) -> String {
    let body = json!({ "prompt": script, "harness": "shell", "workspace": workspace, "one_shot": true });
    let mission = server.api.mission_with(body).await;
    server.api.reaches(&mission, &["done", "failed"]).await;
    server.api.printed(&mission).await
}

async fn snapshot(server: &Server, workspace: &str, label: &str) -> String {
    let path = format!("/workspaces/{workspace}/snapshots");
    server.api.post(&path, json!({ "label": label })).await["id"].as_str().unwrap().to_owned()
}

async fn fork(server: &Server, path: &str) -> Value {
    server.api.post(&format!("{path}/fork"), json!({})).await
}

async fn delete(server: &Server, path: &str) {
    let (status, answer) = server.api.call(Method::DELETE, path, None).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

fn layers(server: &Server) -> Vec<PathBuf> {
    std::fs::read_dir(server.data_dir().join("layers")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn mounts(server: &Server) -> usize {
    let data = server.data_dir().display().to_string();
    std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().filter(|line| line.contains(&data)).count()
}

const CONTENTS: &str = "cat one two ~/at-home 2>&1; ls";

#[tokio::test]
async fn a_fork_begins_with_the_files_and_the_home_of_another_and_goes_its_own_way() {
    let server = Server::start().await;
    let one = workspace(&server, "one").await;
    said(&server, &one, "echo 1 > one; mkdir d; echo 2 > two; mv two d/; mv d/two .; echo h > ~/at-home").await;

    let two = fork(&server, &format!("/workspaces/{one}")).await;
    let two_id = two["id"].as_str().unwrap();
    said(&server, two_id, "echo other > one; rm two; rmdir d; echo x > ~/at-home").await;
    said(&server, &one, "mv d e; echo 3 > one").await;

    assert_eq!(two["backend"], "bubblewrap");
    assert_ne!(two["user"], server.api.get(&format!("/workspaces/{one}")).await["user"]);
    assert_eq!(said(&server, &one, CONTENTS).await, "3\n2\nh\ne\none\ntwo\n");
    assert_eq!(said(&server, two_id, "cat one ~/at-home; ls").await, "other\nx\none\n");
}

#[tokio::test]
async fn a_workspace_goes_back_to_its_snapshot_however_much_was_changed() {
    let server = Server::start().await;
    let one = workspace(&server, "one").await;
    said(&server, &one, "echo 1 > one; echo 2 > two; echo h > ~/at-home").await;
    let first = snapshot(&server, &one, "first").await;
    said(&server, &one, "rm one; echo new > two; echo more > three").await;
    let second = snapshot(&server, &one, "second").await;
    said(&server, &one, "rm -rf ..?* .[!.]* * ~/*").await;

    let restore = format!("/workspaces/{one}/restore");
    server.api.post(&restore, json!({ "snapshot": second })).await;
    let at_second = said(&server, &one, "cat two three; ls").await;
    server.api.post(&restore, json!({ "snapshot": first })).await;
    let at_first = said(&server, &one, CONTENTS).await;

    assert_eq!(at_second, "new\nmore\nthree\ntwo\n");
    assert_eq!(at_first, "1\n2\nh\none\ntwo\n");
    let listed = server.api.get(&format!("/workspaces/{one}/snapshots")).await;
    let labels: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|item| &item["label"]).collect();
    assert_eq!(labels, ["second", "first"]);
}

#[tokio::test]
async fn only_what_differs_is_on_disk_and_all_of_it_goes_with_the_last_who_needs_it() {
    let server = Server::start().await;
    let one = workspace(&server, "one").await;
    said(&server, &one, "head -c 20000000 /dev/urandom > big").await;
    let two = fork(&server, &format!("/workspaces/{one}")).await["id"].as_str().unwrap().to_owned();
    said(&server, &two, "echo small > small").await;

    let du = std::process::Command::new("du")
        .args(["-sx", "--block-size=1", "--exclude=cache"])
        .arg(server.data_dir())
        .output()
        .unwrap();
    let used: u64 = String::from_utf8(du.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let database = std::fs::metadata(server.data_dir().join("sandboxed.db")).unwrap().len();
    assert!(used < 45_000_000 + database, "the file is there more than once: {used} bytes");

    let kept = snapshot(&server, &two, "kept").await;
    for workspace in [&one, &two] {
        delete(&server, &format!("/workspaces/{workspace}")).await;
    }
    let three = fork(&server, &format!("/snapshots/{kept}")).await["id"].as_str().unwrap().to_owned();
    assert_eq!(said(&server, &three, "stat -c %s big; cat small").await, "20000000\nsmall\n");
    delete(&server, &format!("/workspaces/{three}")).await;
    assert!(!layers(&server).is_empty(), "the snapshot lost its layers");
    delete(&server, &format!("/snapshots/{kept}")).await;
    assert_eq!((layers(&server), mounts(&server)), (Vec::new(), 0));
}

#[tokio::test]
async fn a_workspace_in_use_is_neither_forked_nor_kept_nor_restored() {
    let server = Server::start().await;
    let one = workspace(&server, "one").await;
    let before = snapshot(&server, &one, "before").await;
    let body = json!({ "prompt": "echo up; while :; do date >> log; done", "harness": "shell", "workspace": one });
    let mission = server.api.mission_with(body).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    for (what, body) in [("fork", json!({})), ("snapshots", json!({})), ("restore", json!({ "snapshot": before }))] {
        let path = format!("/workspaces/{one}/{what}");
        let (status, problem) = server.api.call(Method::POST, &path, Some(body)).await;
        assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")), "{what}");
    }
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
    server.api.reaches(&mission, &["cancelled"]).await;
    assert!(fork(&server, &format!("/workspaces/{one}")).await["id"].is_string());
}

#[tokio::test]
async fn a_file_that_is_written_over_http_and_a_snapshot_wait_for_each_other() {
    let server = Server::start().await;
    let one = workspace(&server, "one").await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<std::io::Result<Vec<u8>>>(1);
    let coming = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    });
    let put = |path: &str| server.api.request(Method::PUT, &format!("/workspaces/{one}/files/content?path={path}"));
    let writing = put("slow").header("content-type", "application/octet-stream");
    let writing = tokio::spawn(writing.body(reqwest::Body::wrap_stream(coming)).send());
    sender.send(Ok(b"one half, ".to_vec())).await.unwrap();
    let snapshots = format!("/workspaces/{one}/snapshots");
    until("the file to be written", async || {
        let (status, problem) = server.api.call(Method::POST, &snapshots, Some(json!({}))).await;
        (status == StatusCode::CONFLICT && problem["code"] == "workspace.in_use").then_some(())
    })
    .await;

    sender.send(Ok(b"and the other".to_vec())).await.unwrap();
    drop(sender);
    assert!(writing.await.unwrap().unwrap().status().is_success());
    let kept = snapshot(&server, &one, "kept").await;
    said(&server, &one, "rm slow; head -c 30000000 /dev/urandom > big").await;
    // An export holds a workspace as a snapshot does, for as long as it is read.
    let export = server.api.request(Method::GET, &format!("/workspaces/{one}/export?format=tar")).send().await.unwrap();
    assert_eq!(export.status(), StatusCode::OK);
    let meanwhile = tokio::spawn(put("meanwhile").body("written").send());
    let tree = server.data_dir().join("workspaces").join(&one).join("tree");
    let archive = export.bytes().await.unwrap();

    assert!(archive.len() > 30_000_000, "it was packed to its end");
    assert!(!String::from_utf8_lossy(&archive).contains("tree/meanwhile"));
    assert!(meanwhile.await.unwrap().unwrap().status().is_success());
    assert_eq!(std::fs::read_to_string(tree.join("meanwhile")).unwrap(), "written");
    server.api.post(&format!("/workspaces/{one}/restore"), json!({ "snapshot": kept })).await;
    assert_eq!(std::fs::read_to_string(tree.join("slow")).unwrap(), "one half, and the other");
}

#[tokio::test]
async fn a_fork_lives_on_after_the_server_was_killed() {
    let mut server = Server::start().await;
    let one = workspace(&server, "one").await;
    said(&server, &one, "echo 1 > one").await;
    let two = fork(&server, &format!("/workspaces/{one}")).await["id"].as_str().unwrap().to_owned();
    server.crash();
    server.restart().await;

    assert_eq!(said(&server, &two, "cat one; echo 2 > one; cat one").await, "1\n2\n");
    assert_eq!(said(&server, &one, "cat one").await, "1\n");
}

#[tokio::test]
async fn a_snapshot_of_another_workspace_is_refused() {
    let server = Server::start().await;
    let (one, two) = (workspace(&server, "one").await, workspace(&server, "two").await);
    let kept = snapshot(&server, &one, "kept").await;

    let path = format!("/workspaces/{two}/restore");
    let (status, problem) = server.api.call(Method::POST, &path, Some(json!({ "snapshot": kept }))).await;

    let code = problem["code"].as_str();
    assert_eq!((status, code), (StatusCode::CONFLICT, Some("snapshot.of_another_workspace")));
}

#[tokio::test]
async fn where_nothing_can_be_shared_snapshots_are_copies() {
    let config = "[[plugin]]\nid = \"host\"\nkind = \"backend\"\ncomponent = \"host.wasm\"\ngrants.run = [\"git\", \"bash\"]\n\
                  [[plugin]]\nid = \"shell\"\nkind = \"harness\"\ncomponent = \"shell.wasm\"\n\
                  [missions]\ndefault_backend = \"host\"\n";
    let options = Options { config: Some(config.to_owned()), user: Some(64_777), ..Options::default() };
    let server = Server::start_with(options).await;
    let body = json!({ "name": "one", "network": { "mode": "shared" } });
    let one = server.api.post("/workspaces", body).await["id"].as_str().unwrap().to_owned();
    said(&server, &one, "echo 1 > one; echo h > ~/at-home").await;
    let kept = snapshot(&server, &one, "kept").await;
    let two = fork(&server, &format!("/workspaces/{one}")).await["id"].as_str().unwrap().to_owned();
    said(&server, &two, "echo 2 > one").await;
    said(&server, &one, "rm one ~/at-home").await;

    server.api.post(&format!("/workspaces/{one}/restore"), json!({ "snapshot": kept })).await;

    assert_eq!(said(&server, &one, "cat one ~/at-home").await, "1\nh\n");
    assert_eq!(said(&server, &two, "cat one ~/at-home").await, "2\nh\n");
    assert_eq!(mounts(&server), 0);
}
