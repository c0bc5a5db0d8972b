//! The same with each backend: git with a credential works apart from all of them.

use sandboxed_tests::{config, root, server::Options};
use serde_json::{Value, json};

use super::*;

async fn repositories_are_worked_on(backend: &str, options: Value, config: Option<String>) {
    let forge = Forge::start();
    let server = server_with(&forge, Options { config, ..Options::default() }).await;
    let network = json!({ "mode": "allow", "allow": [forge.host()] });
    let wanted = json!({ "name": "demo", "backend": backend, "options": options, "network": network });
    server.api.post("/workspaces", wanted).await;
    until("the workspace to be made", async || {
        (server.api.get("/workspaces/demo").await["phase"] == "ready").then_some(())
    })
    .await;

    let (status, cloned) = clone(&server, &forge.url()).await;
    assert_eq!(status, StatusCode::CREATED, "{cloned}");
    assert_eq!(run(&server, "git status --short; cat README.md").await, "hello\n");
    let mission = mission(&server, "echo more >> README.md", true).await;
    let changed = server.api.get(&format!("/missions/{mission}/diff")).await;
    let commit = server.api.post(&format!("/missions/{mission}/commit"), json!({ "message": "More" })).await;
    server.api.post(&format!("/missions/{mission}/push"), json!({})).await;

    assert!(changed["files"][0]["diff"].as_str().unwrap().contains("\n+more\n"), "{changed}");
    assert_eq!(forge.git("project.git", &["rev-parse", &format!("sandboxed/{mission}")]), commit["commit"]);
    assert_no_token_below(&server.data_dir());
    assert!(!run(&server, "env; cat /proc/[0-9]*/environ 2>/dev/null || true").await.contains(TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_machine_itself() {
    repositories_are_worked_on("host", json!({}), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_system() {
    root::archive();
    repositories_are_worked_on("nspawn", json!({ "image": root::IMAGE }), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_system_whose_processes_are_its_root() {
    root::archive();
    repositories_are_worked_on("nspawn", json!({ "image": root::IMAGE, "user": "root" }), None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_container() {
    repositories_are_worked_on("docker", json!({}), Some(config::with_an_engine())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_workspace_that_began_with_the_files_of_another() {
    let forge = Forge::start();
    let server = server(&forge).await;
    workspace(&server, &[&forge.host()]).await;
    run(&server, "echo old > old").await;
    server.cli(&["workspaces", "fork", "demo", "forked"]).success();

    let body = json!({ "url": forge.url(), "path": "project" });
    let (status, cloned) = server.api.call(Method::POST, "/workspaces/forked/clone", Some(body)).await;

    assert_eq!(status, StatusCode::CREATED, "{cloned}");
    let ran =
        server.cli(&["exec", "forked", "--", "bash", "-c", "cat old project/README.md; git -C project status -s"]);
    assert_eq!(ran.success().stdout, "old\nhello\n");
}
