//! What a container reaches.

use sandboxed_tests::until;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lab::Lab;

/// A web server on this machine.
async fn web() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nreached").await;
            });
        }
    });
    port
}

#[tokio::test]
async fn none_is_nothing_but_the_container_itself() {
    let lab = Lab::start().await;
    let port = web().await;
    let workspace = lab.workspace(json!({ "network": { "mode": "none" } })).await;

    let devices = lab.sh(&workspace, "grep -c : /proc/net/dev; grep -o 'lo:' /proc/net/dev").await;
    assert_eq!(devices.stdout, "1\nlo:\n");
    let refused = lab.sh(&workspace, &format!("curl -sS --max-time 5 http://127.0.0.1:{port}/ || echo refused")).await;
    assert_eq!(refused.stdout, "refused\n");
}

#[tokio::test]
async fn what_is_allowed_is_reached_through_the_proxy_and_nothing_else_is() {
    let lab = Lab::start().await;
    let port = web().await;
    let network = json!({ "mode": "allow", "allow": [format!("127.0.0.1:{port}")] });
    let workspace = lab.workspace(json!({ "network": network })).await;
    let script = format!(
        "curl -sS http://127.0.0.1:{port}/; echo
         curl -sS -o /dev/null -w '%{{http_code}}\\n' http://127.0.0.2:{port}/
         curl -sS -o /dev/null -w '%{{http_code}}\\n' http://blocked.example/
         curl -sS --noproxy '*' --max-time 5 http://127.0.0.1:{port}/ || echo no other way"
    );
    let mission = lab.mission(&workspace, &script).await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_eq!(lab.server.api.printed(&mission).await, "reached\n403\n403\nno other way\n");
    let told = until("the decisions", async || {
        let events = lab.server.api.events(&mission).await;
        let told: Vec<_> = events.iter().filter(|event| event["kind"] == "connections").cloned().collect();
        (told.len() == 3).then_some(told)
    })
    .await;
    assert!(told.iter().any(|event| event["body"]["host"] == "blocked.example" && event["body"]["allowed"] == false));
}

#[tokio::test]
async fn the_filter_refuses_what_no_network_holds_and_escapes_begin_with() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;

    let state = lab.sh(&workspace, "grep -E '^(Seccomp|NoNewPrivs|CapEff|CapBnd):' /proc/self/status").await.stdout;

    let words: Vec<&str> = state.split_ascii_whitespace().collect();
    assert_eq!(
        words,
        ["CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2"],
        "{state}"
    );
    let profile = lab.container(&workspace).unwrap()["HostConfig"]["SecurityOpt"].to_string();
    // Podman reads it from a file.
    let file =
        profile.split_once("seccomp=").and_then(|(_, path)| std::fs::read_to_string(path.split('"').next()?).ok());
    assert!(file.as_ref().unwrap_or(&profile).contains("io_uring_setup"), "{profile}");
}
