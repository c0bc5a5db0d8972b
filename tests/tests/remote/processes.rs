//! Commands and terminals on another machine.

use futures_util::{SinkExt, StreamExt};
use sandboxed_tests::{until, within};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::lab::Lab;

async fn start(lab: &Lab<'_>, workspace: &str, body: Value) -> String {
    let started = lab.server.api.post(&format!("/workspaces/{workspace}/processes"), body).await;
    started["id"].as_str().unwrap().to_owned()
}

async fn ended(lab: &Lab<'_>, process: &str) -> Value {
    until("the process to end", async || {
        let process = lab.server.api.get(&format!("/processes/{process}")).await;
        process.get("exit").filter(|exit| exit.is_object()).cloned()
    })
    .await
}

#[tokio::test]
async fn a_command_has_its_status_its_signals_and_all_of_its_output() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;

    let much = lab.sh(&workspace, "seq 1000000 | tail -c 4000000").await;
    assert_eq!((much.len(), much.ends_with("999999\n1000000\n")), (4_000_000, true));
    let trapping = "trap 'exit 3' TERM; touch up; while :; do sleep 0.05; done";
    let process = start(&lab, &workspace, json!({ "command": ["bash", "-c", trapping] })).await;
    until("the trap", async || (lab.sh(&workspace, "[ -e up ] && echo up").await == "up\n").then_some(())).await;
    lab.server.api.post(&format!("/processes/{process}/signal"), json!({ "signal": 15 })).await;
    assert_eq!(ended(&lab, &process).await, json!({ "code": 3 }));
    let missing = start(&lab, &workspace, json!({ "command": ["no-such-program"] })).await;
    assert_eq!(ended(&lab, &missing).await, json!({ "code": 127 }));
    let killed = start(&lab, &workspace, json!({ "command": ["sleep", "7306"] })).await;
    lab.server.api.post(&format!("/processes/{killed}/signal"), json!({ "signal": 15 })).await;
    assert_eq!(ended(&lab, &killed).await, json!({ "signal": 15 }));
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}

#[tokio::test]
async fn a_terminal_takes_what_is_typed() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let body = json!({ "command": ["bash", "--norc"], "tty": { "rows": 33, "cols": 101 } });
    let process = start(&lab, &workspace, body).await;
    let url = format!("{}/api/v1/processes/{process}/attach", lab.server.api.url.replace("http://", "ws://"));
    let mut request = url.into_client_request().unwrap();
    let token = format!("Bearer {}", lab.server.api.token).parse().unwrap();
    request.headers_mut().insert("Authorization", token);
    let (mut socket, _) = within("the terminal", connect_async(request)).await.unwrap();

    socket.send(Message::Binary(b"stty size; tty; echo $((6 * 7))x\n".to_vec().into())).await.unwrap();

    let mut shown = String::new();
    while !shown.contains("42x") {
        let message = within("what is shown", socket.next()).await.unwrap().unwrap();
        if let Message::Binary(bytes) = message {
            shown += &String::from_utf8_lossy(&bytes);
        }
    }
    assert!(shown.contains("33 101") && shown.contains("/dev/pts/"), "{shown}");
    socket.send(Message::Binary(b"exit 5\n".to_vec().into())).await.unwrap();
    assert_eq!(ended(&lab, &process).await, json!({ "code": 5 }));
}
