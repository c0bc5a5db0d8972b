//! Mirrors that are dead, disks that are full, and what is missing on the machine: one clear error each, and nothing is left.

use std::net::TcpListener;

use sandboxed_tests::{Server, config, root, server::Options};
use serde_json::{Value, json};

use crate::lab::{
    SMALL, SilentMirror, assert_nothing_is_left, create, ended, kept, layers, log, made, nspawn, said, show,
    with_config, with_mirror,
};

fn text<'a>(problem: &'a Value, key: &str) -> &'a str {
    problem[key].as_str().unwrap()
}

#[tokio::test]
async fn a_mirror_that_refuses_connections_fails_the_step_and_the_log_says_why() {
    // A port on which nobody listens any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = with_mirror(&format!("http://127.0.0.1:{port}/debian"), 5, &[]).await;
    let workspace = create(&server, json!({})).await;

    let build = ended(&server, &workspace).await;

    assert_eq!((&build["state"], &build["steps"][0]["state"]), (&json!("failed"), &json!("failed")));
    let problem = &show(&server, &workspace).await["problem"];
    assert_eq!(text(problem, "code"), "workspace.system_failed");
    let message = text(problem, "message");
    assert!(message.contains("Debian bookworm") && message.contains("Connection refused"), "{problem}");
    assert!(text(problem, "hint").contains("workspaces log"), "{problem}");
    let log = log(&server, &build).await;
    assert!(log.contains("Connection refused"), "{log}");
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_mirror_that_says_nothing_is_given_up_in_time() {
    let mirror = SilentMirror::new();
    let server = with_mirror(&mirror.url(), 1, &[]).await;
    let workspace = create(&server, json!({})).await;

    let build = ended(&server, &workspace).await;

    assert_eq!(build["problem"]["code"], "workspace.system_failed", "{build}");
    let log = log(&server, &build).await;
    assert!(log.contains("Failed to fetch"), "{log}");
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_disk_that_is_full_is_told_and_has_room_again() {
    let place = root::archive();
    let config = config::with_images(&[("large", place.to_str().unwrap())]);
    let disk = std::fs::metadata(&place).unwrap().len() / 2 + (80 << 20);
    let server = Server::start_with(Options { config: Some(config), disk: Some(disk), ..Options::default() }).await;
    let workspace = create(&server, json!({ "image": "large" })).await;

    let build = ended(&server, &workspace).await;

    assert_eq!((&build["state"], text(&build["problem"], "code")), (&json!("failed"), "workspace.system_no_room"));
    assert_nothing_is_left(&server);
    let other = server.api.post("/workspaces", json!({ "backend": "bubblewrap" })).await;
    assert_eq!(said(&server, &other, "echo still here").await, "still here\n");
}

#[tokio::test]
async fn a_keyring_that_is_missing_is_named_with_the_remedy_by_the_build_and_by_doctor() {
    let server = with_config(nspawn("keyrings = { noble = \"/no/such/keyring.gpg\" }")).await;
    let workspace = create(&server, json!({ "suite": "noble" })).await;

    let build = ended(&server, &workspace).await;

    let problem = &build["problem"];
    assert_eq!(text(problem, "code"), "nspawn.keyring_missing");
    assert!(text(problem, "message").contains("/no/such/keyring.gpg"), "{problem}");
    assert!(text(problem, "hint").contains("config.keyrings"), "{problem}");
    let report = server.api.get("/doctor").await;
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| text(check, "name").contains("/no/such/keyring.gpg")).unwrap();
    assert_eq!((text(check, "status"), &check["failure"]["code"]), ("warning", &json!("nspawn.keyring_missing")));
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn what_failed_is_made_when_its_reason_is_gone_and_it_is_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let place = home.path().join("image.tar");
    let server = with_config(config::with_images(&[(SMALL, place.to_str().unwrap())])).await;
    let workspace = create(&server, json!({ "image": SMALL })).await;
    let build = ended(&server, &workspace).await;
    assert_eq!(text(&build["problem"], "code"), "workspace.system_failed");
    assert!(text(&build["problem"], "message").contains("No such file"), "{build}");
    let name = text(&workspace, "name").to_owned();

    std::fs::copy(sandboxed_tests::engine::archive(), &place).unwrap();
    server.cli(&["workspaces", "build", &name]).success();

    assert_eq!(made(&server, &workspace).await, "done");
    assert_eq!(said(&server, &workspace, "echo works").await, "works\n");
    assert_eq!(kept(&server).len(), 1);
    assert!(layers(&server).join(&kept(&server)[0]).join("layer.json").exists());
}
