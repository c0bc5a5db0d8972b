//! A server that is an ordinary user and may ask the engine.

use std::os::unix::fs::{PermissionsExt, chown};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, engine::Daemon, server::Options, until};
use serde_json::json;

use crate::lab::{Lab, config};

/// A user of the machine who is nobody else.
const USER: u32 = 65_533;

#[tokio::test]
async fn a_server_that_is_not_root_mounts_what_is_listed_itself_and_says_that_it_reaches_no_port() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    let daemon = Daemon::start(directory.path().join("engine"));
    chown(daemon.socket(), Some(USER), None).unwrap();
    let shared = directory.path().join("shared");
    std::fs::create_dir_all(shared.join("below")).unwrap();
    std::fs::write(shared.join("found"), "here\n").unwrap();
    let mounts = format!("[workspaces]\nmounts = [{:?}]\n", shared.to_str().unwrap());
    let config = config(&daemon.socket()).replace("[workspaces]\n", &mounts);
    let options = Options { config: Some(config), user: Some(USER), ..Options::default() };
    let lab = Lab { server: Server::start_with(options).await, socket: daemon.socket() };
    let mount = |source: &std::path::Path| json!({ "mounts": [{ "source": source, "target": "/mnt/x" }] });

    let (status, refused) = lab.server.api.call(Method::POST, "/workspaces", Some(mount(&shared.join("below")))).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::FORBIDDEN, Some("workspace.mount_denied")));
    let workspace = lab.workspace(mount(&shared)).await;
    let seen = lab.sh(&workspace, "cat /mnt/x/found; touch /mnt/x/new || echo refused; id -u").await;
    assert_eq!(seen.stdout, format!("here\nrefused\n{USER}\n"), "{seen:?}");

    std::fs::copy("/bin/busybox", lab.tree(&workspace).join("busybox")).unwrap();
    let command = json!({ "command": ["./busybox", "httpd", "-f", "-p", "127.0.0.1:8000", "-h", "."] });
    lab.server.api.post(&format!("/workspaces/{workspace}/processes"), command).await;
    until("the service", async || (!lab.strangers(&workspace).is_empty()).then_some(())).await;
    let request = lab.server.api.request(Method::GET, &format!("/workspaces/{workspace}/ports/8000/connect"));
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "containers.ports_unavailable");
    drop(lab);
    drop(daemon);
}
