//! OpenAI Responses over a WebSocket: what goes wrong there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use common::{only, server, within};
use futures_util::{SinkExt, StreamExt};
use sandboxed_scripted_models::{End, Server};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, error::ProtocolError, http::HeaderValue},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn try_connect(server: &Server, key: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/openai/v1/responses", server.address()).into_client_request().unwrap();
    request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
    within("the handshake", connect_async(request)).await.map(|(socket, _)| socket)
}

async fn asked(server: &Server, body: Value) -> Socket {
    let mut socket = try_connect(server, "k").await.unwrap();
    socket.send(Message::text(body.to_string())).await.unwrap();
    socket
}

fn create(text: &str) -> Value {
    json!({ "type": "response.create", "model": "m", "input": text })
}

/// The messages up to the last of an answer, or to the end of the connection and how that was.
async fn read(socket: &mut Socket) -> (Vec<String>, Option<Result<Message, Error>>) {
    let mut got = Vec::new();
    loop {
        match within("a message", socket.next()).await {
            Some(Ok(Message::Text(text))) => {
                let text = text.to_string();
                let ended =
                    text.starts_with("{\"type\":\"response.completed\"") || text.starts_with("{\"type\":\"error\"");
                got.push(text);
                if ended {
                    return (got, None);
                }
            }
            end => return (got, end),
        }
    }
}

#[tokio::test]
async fn every_message_is_accounted_for() {
    let server = server("[[reply]]\ntext = \"Hello there\"\nchunk = 3\nusage = { input = 3, output = 4 }\n").await;
    let mut socket = asked(&server, create("hi")).await;
    let (messages, _) = read(&mut socket).await;
    let record = only(&server).await;
    assert!(record.websocket && record.stream);
    assert_eq!((record.end, record.sent.events), (End::Complete, messages.len() as u64));
    let hash: String = Sha256::digest(messages.concat()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(record.sent.sha256, hash);
    assert_eq!(record.usage.unwrap().output, 4);
    assert_eq!(record.received.bytes, create("hi").to_string().len() as u64);
}

#[tokio::test]
async fn a_connection_is_cut_in_each_way() {
    for how in ["close", "reset", "end"] {
        let server = server(&format!(
            "[[reply]]\ntext = \"Hello there\"\nfault = {{ kind = \"cut\", after_events = 3, how = \"{how}\" }}\n"
        ))
        .await;
        let mut socket = asked(&server, create("hi")).await;
        let (messages, end) = read(&mut socket).await;
        assert_eq!(messages.len(), 3);
        let right = match (how, &end) {
            ("end", Some(Ok(Message::Close(_)))) => true,
            ("close", Some(Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)))) => true,
            ("reset", Some(Err(Error::Io(error)))) => error.kind() == std::io::ErrorKind::ConnectionReset,
            _ => false,
        };
        assert!(right, "{how}: {end:?}");
        assert_eq!(only(&server).await.end, End::Fault);
    }
}

#[tokio::test]
async fn a_message_is_no_text() {
    let server = server("[[reply]]\ntext = \"Hello there\"\nfault = { kind = \"half_utf8\", event = 4 }\n").await;
    let mut socket = asked(&server, create("hi")).await;
    let (messages, end) = read(&mut socket).await;
    assert_eq!(messages.len(), 4);
    assert!(matches!(end, Some(Err(Error::Utf8(_)))), "{end:?}");
}

#[tokio::test]
async fn a_client_vanishes_while_an_endless_answer_goes_on() {
    let server = server("[[reply]]\nfault = { kind = \"endless\" }\n").await;
    let mut socket = asked(&server, create("hi")).await;
    for _ in 0..100 {
        within("a message", socket.next()).await.unwrap().unwrap();
    }
    drop(socket);
    let record = only(&server).await;
    assert_eq!((record.end, record.usage), (End::ClientVanished, None));
}

#[tokio::test]
async fn a_silent_answer_ends_with_its_client() {
    let server = server("[[reply]]\nfault = { kind = \"silence\" }\n").await;
    let mut socket = asked(&server, create("hi")).await;
    within("the request", async {
        while server.ledger().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    socket.close(None).await.unwrap();
    assert_eq!(only(&server).await.end, End::Fault);
}

#[tokio::test]
async fn errors_are_messages_and_the_connection_goes_on() {
    let server = server(
        "[[reply]]\nwhen = { user_contains = \"fail\", websocket = true }\nerror = { status = 429, resets_in_s = 30 }\n",
    )
    .await;
    let mut socket = asked(&server, create("fail")).await;
    let (messages, _) = read(&mut socket).await;
    let error: Value = serde_json::from_str(&messages[0]).unwrap();
    assert_eq!((&error["status"], &error["error"]["type"]), (&json!(429), &json!("usage_limit_reached")));
    assert_eq!(error["headers"]["retry-after"], "30");
    for nonsense in ["not json", "{\"type\":\"response.dance\"}", "{\"type\":\"response.create\"}", "[]"] {
        socket.send(Message::text(nonsense)).await.unwrap();
        let (messages, _) = read(&mut socket).await;
        let error: Value = serde_json::from_str(&messages[0]).unwrap();
        assert_eq!((&error["type"], &error["status"]), (&json!("error"), &json!(400)), "{nonsense}");
    }
    socket.send(Message::text(create("hi").to_string())).await.unwrap();
    assert!(read(&mut socket).await.0.last().unwrap().contains("response.completed"));
}

#[tokio::test]
async fn a_connection_is_warmed_without_an_answer() {
    let server = server("").await;
    let mut body = create("hi");
    body["generate"] = json!(false);
    let mut socket = asked(&server, body).await;
    let (messages, _) = read(&mut socket).await;
    assert_eq!(messages.len(), 3);
    let last: Value = serde_json::from_str(&messages[2]).unwrap();
    assert_eq!((&last["response"]["output"], &last["response"]["usage"]["total_tokens"]), (&json!([]), &json!(0)));
}

#[tokio::test]
async fn a_lane_is_named_in_every_event_of_its_answer() {
    let server = server("").await;
    let mut body = create("hi");
    body["stream_id"] = json!("left");
    let mut socket = asked(&server, body).await;
    let (messages, _) = read(&mut socket).await;
    assert!(messages.iter().all(|message| message.ends_with("\"stream_id\":\"left\"}")), "{messages:?}");
}

#[tokio::test]
async fn a_handshake_is_refused_for_its_key_or_where_there_are_none() {
    let refused = |error: Error| match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    let server = server("[[key]]\nvalue = \"dead\"\nunknown = true\n").await;
    assert_eq!(refused(try_connect(&server, "dead").await.unwrap_err()), 401);
    assert_eq!(only(&server).await.status, Some(401));
    let without = common::server("no_websockets = true\n").await;
    assert_eq!(refused(try_connect(&without, "k").await.unwrap_err()), 404);
}

#[tokio::test]
async fn a_request_that_goes_on_from_the_last_response_has_all_that_was_said_before() {
    let server = server(
        "[[reply]]\nwhen = { tool_result = true, user_contains = \"go\" }\ntext = \"${user}: ${tool_result}\"\n\
         [[reply]]\n[[reply.content]]\ntype = \"tool_call\"\nname = \"t\"\nid = \"call_1\"\n",
    )
    .await;
    let mut warm = create("go");
    warm["generate"] = json!(false);
    let mut socket = asked(&server, warm).await;
    let id = |messages: &[String]| {
        let last: Value = serde_json::from_str(messages.last().unwrap()).unwrap();
        last["response"]["id"].clone()
    };
    let (messages, _) = read(&mut socket).await;
    let mut on = json!({ "type": "response.create", "model": "m", "input": [], "previous_response_id": id(&messages) });
    socket.send(Message::text(on.to_string())).await.unwrap();
    let (messages, _) = read(&mut socket).await;
    on["previous_response_id"] = id(&messages);
    on["input"] = json!([{ "type": "function_call_output", "call_id": "call_1", "output": "42" }]);
    socket.send(Message::text(on.to_string())).await.unwrap();
    let (messages, _) = read(&mut socket).await;
    assert!(messages.last().unwrap().contains("\"text\":\"go: 42\""), "{messages:?}");
}
