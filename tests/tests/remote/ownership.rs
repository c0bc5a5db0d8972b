//! Whose things on the other machine are.

use reqwest::Method;
use sandboxed_tests::until;
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn workspaces_see_nothing_of_each_other_and_leave_nothing() {
    let lab = Lab::start().await;
    let [one, other] = [lab.workspace(json!({})).await, lab.workspace(json!({})).await];
    lab.sh(&one, "echo mine > file; echo mine > ~/file").await;
    assert_eq!(lab.sh(&other, "ls -A; ls -A ~").await, "");

    for workspace in [&one, &other] {
        let path = format!("/workspaces/{workspace}");
        assert!(lab.server.api.call(Method::DELETE, &path, None).await.0.is_success());
        let left: Vec<_> = lab.machine.objects().into_iter().filter(|name| name.contains(workspace)).collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

#[tokio::test]
async fn what_is_not_this_servers_is_left_alone() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let foreign = format!("sandboxed-{workspace}-tree-of-somebody");
    lab.machine.ask("POST", "/volumes/create", Some(&json!({ "Name": foreign })));
    // One that has the name of the server's own, but not its labels.
    let path = format!("/containers/sandboxed-{workspace}?force=true");
    lab.machine.ask("DELETE", &path, None);
    let taken = format!("sandboxed-{workspace}-home");
    lab.machine.ask("DELETE", &format!("/volumes/{taken}"), None);
    lab.machine.ask("POST", "/volumes/create", Some(&json!({ "Name": taken })));

    let path = format!("/workspaces/{workspace}/processes");
    let (_, refused) = lab.server.api.call(Method::POST, &path, Some(json!({ "command": ["true"] }))).await;
    assert_eq!(refused["code"], "containers.foreign", "{refused}");
    let path = format!("/workspaces/{workspace}");
    assert!(lab.server.api.call(Method::DELETE, &path, None).await.0.is_success());

    let mut left: Vec<_> = lab.machine.objects().into_iter().filter(|name| name.contains(&workspace)).collect();
    left.sort();
    assert_eq!(left, [taken.clone(), foreign.clone()]);
    for volume in [taken, foreign] {
        lab.machine.ask("DELETE", &format!("/volumes/{volume}"), None);
    }
}

#[tokio::test]
async fn volumes_of_a_workspace_that_is_not_there_are_told_and_removed() {
    let mut lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    lab.server.crash();
    let database = lab.server.data_dir().join("sandboxed.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", database.display()));
    }
    lab.machine.ask("DELETE", &format!("/containers/sandboxed-{workspace}?force=true"), None);
    lab.server.restart().await;

    until("the leftover to be told", async || {
        let items = lab.server.api.get("/leftovers").await["items"].clone();
        items.as_array().unwrap().iter().any(|it| it["workspace"] == workspace.as_str()).then_some(())
    })
    .await;
    let removed = lab.server.cli(&["workspaces", "leftovers", "--remove"]);

    assert_eq!(removed.code, 0, "{removed:?}");
    let left: Vec<_> = lab.machine.objects().into_iter().filter(|name| name.contains(&workspace)).collect();
    assert_eq!(left, Vec::<String>::new());
}
