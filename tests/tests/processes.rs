//! Commands and terminals in workspaces.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use sandboxed_tests::{Api, Server, until, within};
use serde_json::{Value, json};
use tokio_tungstenite::{
    WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

type Socket = WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn workspace(server: &Server) -> String {
    server.api.post("/workspaces", json!({})).await["id"].as_str().unwrap().to_owned()
}

async fn start(api: &Api, workspace: &str, body: Value) -> String {
    api.post(&format!("/workspaces/{workspace}/processes"), body).await["id"].as_str().unwrap().to_owned()
}

/// A terminal in which a plain shell runs, without a prompt.
fn terminal() -> Value {
    json!({ "command": ["sh"], "env": { "PS1": "" }, "tty": { "rows": 24, "cols": 80 } })
}

async fn attach(api: &Api, process: &str, query: &str) -> Socket {
    let url = format!("{}/api/v1/processes/{process}/attach{query}", api.url.replacen("http", "ws", 1));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", api.token).parse().unwrap());
    within("the WebSocket", connect_async(request)).await.unwrap().0
}

/// Reads until what was printed holds this text, and returns all of it.
async fn read_until(socket: &mut Socket, text: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match within(text, socket.next()).await {
            Some(Ok(Message::Binary(message))) => seen.extend_from_slice(&message[1..]),
            Some(Ok(_)) => {}
            other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&seen)),
        }
        let so_far = String::from_utf8_lossy(&seen).into_owned();
        if so_far.contains(text) {
            return so_far;
        }
    }
}

async fn lines(api: &Api, workspace: &str, body: Value) -> Vec<Value> {
    let request = api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
    let text = within("the command", async { request.send().await.unwrap().text().await.unwrap() }).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text_of(lines: &[Value], stream: &str) -> String {
    lines.iter().filter(|line| line["stream"] == stream).filter_map(|line| line["text"].as_str()).collect()
}

#[tokio::test]
async fn a_command_streams_both_outputs_and_its_end_and_nothing_of_it_is_left() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let script = r"echo out; echo err >&2; printf '\377'; exit 3";

    let lines = lines(&server.api, &workspace, json!({ "command": ["bash", "-c", script] })).await;

    assert_eq!((text_of(&lines, "stdout"), text_of(&lines, "stderr")), ("out\n".to_owned(), "err\n".to_owned()));
    assert!(lines.contains(&json!({ "stream": "stdout", "base64": "/w==" })), "{lines:?}");
    assert_eq!(lines.last().unwrap(), &json!({ "exit": { "code": 3 } }));
    until("the process to be forgotten", async || {
        let left = server.api.get(&format!("/workspaces/{workspace}/processes")).await;
        left["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_command_whose_client_goes_away_is_killed() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let body = json!({ "command": ["bash", "-c", "echo up; exec sleep 1000"] });
    let request = server.api.request(Method::POST, &format!("/workspaces/{workspace}/exec")).json(&body);
    let mut answer = within("the answer", request.send()).await.unwrap();
    assert!(within("a line", answer.chunk()).await.unwrap().is_some());

    drop(answer);

    until("the command to be gone", async || {
        let left = server.api.get(&format!("/workspaces/{workspace}/processes")).await;
        left["items"].as_array().unwrap().is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_command_line_passes_input_output_and_the_exit_status_on() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;

    let ran = server.cli(&["exec", &workspace, "--env", "A=1", "--", "bash", "-c", "echo $A; echo err >&2; exit 9"]);

    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (9, "1\n", "err\n"));
}

#[tokio::test]
async fn many_viewers_see_a_terminal_and_each_may_type() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let process = start(&server.api, &workspace, terminal()).await;
    let mut first = attach(&server.api, &process, "").await;
    let mut second = attach(&server.api, &process, "").await;

    first.send(Message::binary(&b"echo from-$((1+0)) \xe2\x82\xac\n"[..])).await.unwrap();
    for viewer in [&mut first, &mut second] {
        assert!(read_until(viewer, "from-1 €").await.contains("echo from-"), "what is typed is shown");
    }
    second.send(Message::text(json!({ "type": "resize", "rows": 50, "cols": 123 }).to_string())).await.unwrap();
    second.send(Message::binary(&b"stty size\n"[..])).await.unwrap();
    read_until(&mut first, "50 123").await;

    // A viewer that comes later sees what was there, and one that knows where it stood only what is new.
    drop(first);
    let mut third = attach(&server.api, &process, "").await;
    assert!(read_until(&mut third, "50 123").await.contains("from-1"));
    second.send(Message::binary(&b"exit 4\n"[..])).await.unwrap();
    let exit = loop {
        match within("the end", third.next()).await.unwrap().unwrap() {
            Message::Text(text) if text.contains("exit") => break text,
            _ => {}
        }
    };
    let printed = within("the output", async {
        server
            .api
            .request(Method::GET, &format!("/processes/{process}/output"))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
    })
    .await;
    assert_eq!(serde_json::from_str::<Value>(&exit).unwrap()["exit"], json!({ "code": 4 }), "{printed}");
    let process = server.api.get(&format!("/processes/{process}")).await;
    assert_eq!(process["exit"], json!({ "code": 4 }));
}

#[tokio::test]
async fn a_terminal_outlives_a_crash_of_the_server_and_takes_each_key_once() {
    let mut server = Server::start().await;
    let workspace = workspace(&server).await;
    let process = start(&server.api, &workspace, terminal()).await;
    let mut viewer = attach(&server.api, &process, "").await;
    viewer.send(Message::binary(&b"N=41; echo set\n"[..])).await.unwrap();
    read_until(&mut viewer, "\nset").await;

    server.crash();
    server.restart().await;

    let mut viewer = attach(&server.api, &process, "").await;
    viewer.send(Message::binary(&b"echo is-$((N+1))\n"[..])).await.unwrap();
    assert!(read_until(&mut viewer, "is-42").await.contains("set"), "what was there is gone");
}

#[tokio::test]
async fn a_command_reaches_the_service_that_another_process_of_the_workspace_started() {
    let server = Server::start().await;
    let (workspace, other) = (workspace(&server).await, workspace(&server).await);
    let serve = "exec perl -MIO::Socket::INET -e '$l = IO::Socket::INET->new(Listen => 5, LocalAddr => \"127.0.0.1\", \
                 LocalPort => 8123) or die; $| = 1; print \"up\\n\"; while ($c = $l->accept) { print $c \"served\\n\"; close $c }'";
    let mission = json!({ "prompt": serve, "harness": "shell", "workspace": workspace });
    let mission = server.api.mission_with(mission).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let ask = json!({ "command": ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8123 && cat <&3"] });

    let asked = lines(&server.api, &workspace, ask.clone()).await;
    let from_other = lines(&server.api, &other, ask).await;

    assert_eq!(text_of(&asked, "stdout"), "served\n");
    assert!(text_of(&from_other, "stderr").contains("Connection refused"), "{from_other:?}");
    server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
}

#[tokio::test]
async fn removing_a_workspace_ends_its_processes() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let marker = format!("{}.75", 2_000_000 + std::process::id());
    let process = start(&server.api, &workspace, json!({ "command": ["sleep", marker] })).await;
    until("the process", async || (sleepers(&marker) == 1).then_some(())).await;

    let (status, _) = server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;

    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(sleepers(&marker), 0);
    let (status, _) = server.api.call(Method::GET, &format!("/processes/{process}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

fn sleepers(marker: &str) -> usize {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| *line == format!("sleep\0{marker}\0").as_bytes()).count()
}

#[tokio::test]
async fn no_foreign_page_opens_a_terminal_with_the_cookie_of_a_login() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let process = start(&server.api, &workspace, terminal()).await;
    let url = format!("{}/api/v1/processes/{process}/attach", server.api.url.replacen("http", "ws", 1));
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("cookie", "sandboxed_session=guessed".parse().unwrap());
    request.headers_mut().insert("origin", "http://evil.example".parse().unwrap());

    let refused = connect_async(request).await.unwrap_err();

    let tungstenite::Error::Http(answer) = refused else { panic!("{refused}") };
    assert_eq!(answer.status(), StatusCode::FORBIDDEN.as_u16());
}

#[tokio::test]
async fn what_cannot_be_started_or_written_to_is_told() {
    let server = Server::start().await;
    let workspace = workspace(&server).await;
    let path = format!("/workspaces/{workspace}/processes");

    let (status, outside) =
        server.api.call(Method::POST, &path, Some(json!({ "command": ["ls"], "cwd": "../.." }))).await;
    assert_eq!((status, outside["code"].as_str()), (StatusCode::BAD_REQUEST, Some("path.escape")));
    let (status, nul) = server.api.call(Method::POST, &path, Some(json!({ "command": ["ls", "a\0b"] }))).await;
    assert_eq!((status, nul["code"].as_str()), (StatusCode::BAD_REQUEST, Some("process.nul")));
    let process = start(&server.api, &workspace, json!({ "command": ["true"] })).await;
    until("its end", async || server.api.get(&format!("/processes/{process}")).await["exit"].is_object().then_some(()))
        .await;
    let (status, ended) =
        server.api.call(Method::POST, &format!("/processes/{process}/signal"), Some(json!({ "signal": 2 }))).await;
    assert_eq!((status, ended["code"].as_str()), (StatusCode::CONFLICT, Some("process.ended")));
    let (status, plain) = server.api.call(Method::GET, &format!("/processes/{process}/attach"), None).await;
    assert_eq!((status, plain["code"].as_str()), (StatusCode::UPGRADE_REQUIRED, Some("http.upgrade_required")));
}
