//! Commands and terminals in containers.

use futures_util::{SinkExt, StreamExt};
use reqwest::Method;
use sandboxed_tests::{until, within};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::lab::Lab;

async fn start(lab: &Lab, workspace: &str, body: Value) -> String {
    let started = lab.server.api.post(&format!("/workspaces/{workspace}/processes"), body).await;
    started["id"].as_str().unwrap().to_owned()
}

async fn ended(lab: &Lab, process: &str) -> Value {
    until("the process to end", async || {
        let process = lab.server.api.get(&format!("/processes/{process}")).await;
        process.get("exit").filter(|exit| exit.is_object()).cloned()
    })
    .await
}

#[tokio::test]
async fn a_command_has_both_streams_its_status_and_all_of_its_output() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;

    let told = lab.sh(&workspace, "echo out; echo err >&2; pwd; exit 7").await;
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("out\n/workspace\n", "err\n"));
    assert_eq!(told.exit, json!({ "code": 7 }));
    let much = lab.sh(&workspace, "seq 1000000 | tail -c 4000000").await;
    assert_eq!((much.stdout.len(), much.stdout.ends_with("999999\n1000000\n")), (4_000_000, true));
    let missing = server_exec(&lab, &workspace, json!(["no-such-program"])).await;
    assert!(missing.contains("no-such-program") && missing.contains("use an image that has"), "{missing}");
}

async fn server_exec(lab: &Lab, workspace: &str, command: Value) -> String {
    let path = format!("/workspaces/{workspace}/exec");
    let request = lab.server.api.request(Method::POST, &path).json(&json!({ "command": command }));
    within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await
}

#[tokio::test]
async fn signals_reach_the_program_and_its_children() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let trapping = json!({ "command": ["bash", "-c", "trap 'touch trapped; exit 3' TERM; touch up; while :; do sleep 0.05; done"] });
    let process = start(&lab, &workspace, trapping).await;
    let tree = lab.tree(&workspace);
    until("the trap", async || tree.join("up").exists().then_some(())).await;
    lab.server.api.post(&format!("/processes/{process}/signal"), json!({ "signal": 15 })).await;
    assert_eq!(ended(&lab, &process).await, json!({ "code": 3 }));
    assert!(tree.join("trapped").exists());

    let process = start(&lab, &workspace, json!({ "command": ["bash", "-c", "touch ready; exec sleep 7306"] })).await;
    until("the program", async || tree.join("ready").exists().then_some(())).await;
    lab.server.api.post(&format!("/processes/{process}/signal"), json!({ "signal": 15 })).await;
    assert_eq!(ended(&lab, &process).await, json!({ "signal": 15 }));
}

#[tokio::test]
async fn a_terminal_echoes_once_and_has_the_size_that_it_is_given() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let terminal = json!({ "command": ["bash", "--norc"], "env": { "PS1": "up>" }, "tty": { "rows": 24, "cols": 80 } });
    let process = start(&lab, &workspace, terminal).await;
    let url = lab.server.api.url.replacen("http", "ws", 1);
    let mut request = format!("{url}/api/v1/processes/{process}/attach").into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", lab.server.api.token).parse().unwrap());
    let (mut socket, _) = within("the WebSocket", connect_async(request)).await.unwrap();
    let mut seen = String::new();
    let mut read_until = async |socket: &mut tokio_tungstenite::WebSocketStream<_>, text: &str| {
        while !seen.contains(text) {
            match within(text, socket.next()).await {
                Some(Ok(Message::Binary(message))) => seen.push_str(&String::from_utf8_lossy(&message[1..])),
                Some(Ok(_)) => {}
                other => panic!("{other:?} after {seen:?}"),
            }
        }
        std::mem::take(&mut seen)
    };

    // What is typed before the shell edits lines is echoed by the terminal and by the shell.
    read_until(&mut socket, "up>").await;
    socket.send(Message::Binary(b"stty size; echo si''zed\n".to_vec().into())).await.unwrap();
    let first = read_until(&mut socket, "sized\r\n").await;
    assert!(first.contains("24 80\r\n"), "{first:?}");
    assert_eq!(first.matches("stty size").count(), 1, "{first:?}");
    socket.send(Message::Text(json!({ "type": "resize", "rows": 50, "cols": 132 }).to_string().into())).await.unwrap();
    until("the new size", async || {
        socket.send(Message::Binary(b"stty size; echo ag''ain\n".to_vec().into())).await.unwrap();
        read_until(&mut socket, "again\r\n").await.contains("50 132\r\n").then_some(())
    })
    .await;
    socket.send(Message::Binary(b"exit 5\n".to_vec().into())).await.unwrap();
    assert_eq!(ended(&lab, &process).await, json!({ "code": 5 }));
}

#[tokio::test]
async fn a_secret_is_in_no_description_of_the_container_and_on_no_command_line() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let body = json!({ "command": ["bash", "-c", "test -n \"$TOKEN\" && touch has; sleep 7307"], "env": { "TOKEN": "hunter2hunter2" } });
    let process = start(&lab, &workspace, body).await;
    until("the program", async || lab.tree(&workspace).join("has").exists().then_some(())).await;

    assert!(!lab.container(&workspace).unwrap().to_string().contains("hunter2hunter2"));
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains("hunter2hunter2"), "{}", entry.path().display());
        // In the environment of the program alone.
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environ).contains("hunter2hunter2") {
            let line = String::from_utf8_lossy(&line).into_owned();
            // What becomes the program in this very moment has no line yet.
            assert!(line.is_empty() || line.starts_with("bash") || line.starts_with("sleep"), "{line}");
        }
    }
    lab.server.api.call(Method::DELETE, &format!("/processes/{process}"), None).await;
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}
