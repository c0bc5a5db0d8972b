//! Responses over a WebSocket.

use futures_util::{SinkExt, StreamExt};
use sandboxed_gateway::{Operation, Trouble};
use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::{End, Server, fingerprint};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{
    client::{records, server, within},
    desk::{Account, Door, KEY, MemoryDesk, TOKEN},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn open(url: &str, key: &str) -> Result<Socket, Error> {
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Bearer {key}")).unwrap());
    request.headers_mut().insert("openai-beta", HeaderValue::from_static("responses_websockets=2026-02-06"));
    within("the handshake", connect_async(request)).await.map(|(socket, _)| socket)
}

async fn through(door: &Door) -> Socket {
    open(&format!("ws://{}/v1/responses", door.address), TOKEN).await.unwrap()
}

fn create(text: &str) -> Value {
    json!({ "type": "response.create", "model": "m", "input": text })
}

async fn say(socket: &mut Socket, body: &Value) {
    socket.send(Message::text(body.to_string())).await.unwrap();
}

/// The messages of an answer, and whether it came to its end.
async fn answer(socket: &mut Socket) -> (Vec<String>, bool) {
    let mut got = Vec::new();
    loop {
        match within("a message", socket.next()).await {
            Some(Ok(Message::Text(text))) => {
                got.push(text.to_string());
                let kind = serde_json::from_str::<Value>(&text).unwrap()["type"].as_str().unwrap().to_owned();
                if ["response.completed", "response.failed", "response.incomplete", "error"].contains(&kind.as_str()) {
                    return (got, true);
                }
            }
            _ => return (got, false),
        }
    }
}

fn two(server: &Server) -> MemoryDesk {
    MemoryDesk::of([Account::at(server).named("first", "sk-first"), Account::at(server).named("second", "sk-second")])
}

#[tokio::test]
async fn messages_are_the_same_through_the_gateway_and_each_request_is_settled() {
    let server =
        server("[[reply]]\ntext = \"Hello there\"\nchunk = 3\nusage = { input = 30, cache_read = 7, output = 4 }\n")
            .await;
    let door = Door::to(&server).await;
    let mut straight = open(&format!("ws://{}/openai/v1/responses", server.address()), KEY).await.unwrap();
    let mut socket = through(&door).await;
    for text in ["one", "two"] {
        say(&mut straight, &create(text)).await;
        say(&mut socket, &create(text)).await;
        assert_eq!(answer(&mut socket).await, answer(&mut straight).await);
    }
    let settled = door.desk.all(2).await;
    assert_eq!(settled.len(), 2);
    for settled in settled {
        let tokens = settled.tokens.unwrap();
        assert_eq!((settled.end, tokens.input, tokens.cache_read, tokens.output), (RequestEnd::Complete, 30, 7, 4));
        assert_eq!((settled.answered_model.as_deref(), settled.visible_output), (Some("m"), 11));
    }
    let book = door.desk.book.lock().unwrap();
    let operations: Vec<Operation> = book.wanted.iter().map(|wanted| wanted.operation).collect();
    assert_eq!(operations, [Operation::Connect, Operation::Generate, Operation::Generate]);
    let record = &server.ledger()[1];
    assert!(!format!("{record:?}").contains(TOKEN));
    assert_eq!(record.headers["openai-beta"], "responses_websockets=2026-02-06");
}

#[tokio::test]
async fn a_mapped_model_is_all_that_changes_in_a_message() {
    let server = server("").await;
    let door = Door::open(MemoryDesk::of([Account { model: Some("up"), ..Account::at(&server) }])).await;
    let mut socket = through(&door).await;
    say(&mut socket, &create("hi")).await;
    assert!(answer(&mut socket).await.1);
    let record = records(&server).await.remove(0);
    assert_eq!(record.received.body.unwrap(), create("hi").to_string().replace("\"m\"", "\"up\""));
}

#[tokio::test]
async fn requests_that_come_at_once_are_served_one_after_the_other() {
    let server = server("[[reply]]\nwhen = { user_contains = \"fail\" }\nerror = { status = 400 }\n").await;
    let door = Door::to(&server).await;
    let mut socket = through(&door).await;
    for text in ["one", "fail", "three"] {
        say(&mut socket, &create(text)).await;
    }
    for text in ["one", "\"error\"", "three"] {
        let (messages, ended) = answer(&mut socket).await;
        assert!(ended && messages.last().unwrap().contains(text), "{messages:?}");
    }
    let ends: Vec<RequestEnd> = door.desk.all(3).await.iter().map(|settled| settled.end).collect();
    assert_eq!(ends, [RequestEnd::Complete, RequestEnd::Cut, RequestEnd::Complete]);
}

#[tokio::test]
async fn another_account_is_asked_before_the_first_event_and_never_after() {
    for how in
        ["error = { status = 429, resets_in_s = 7200 }", "fault = { kind = \"hangup\" }", "error = { status = 401 }"]
    {
        let server =
            server(&format!("[[reply]]\nwhen = {{ key = \"sk-first\", user_contains = \"go\" }}\n{how}\n")).await;
        let door = Door::open(two(&server)).await;
        let mut socket = through(&door).await;
        say(&mut socket, &create("go")).await;
        let (messages, ended) = answer(&mut socket).await;
        assert!(ended && messages.last().unwrap().contains("response.completed"), "{how}: {messages:?}");
        let keys: Vec<String> =
            records(&server).await.iter().map(|record| record.key.as_ref().unwrap().fingerprint.clone()).collect();
        assert_eq!(keys, [fingerprint("sk-first"), fingerprint("sk-second")], "{how}");
        let troubles = door.desk.troubles();
        assert_eq!((troubles.len(), troubles[0].0.as_str()), (1, "first"), "{how}");
        if how.contains("429") {
            assert!(matches!(troubles[0].1, Trouble::Limited { until: Some(_), usage_window: true }));
        }
        let ends: Vec<RequestEnd> = door.desk.all(2).await.iter().map(|settled| settled.end).collect();
        assert_eq!(ends, [RequestEnd::Refused, RequestEnd::Complete], "{how}");
    }
    let server = server("[[reply]]\nwhen = { user_contains = \"later\" }\nerror = { status = 429 }\n").await;
    let door = Door::open(two(&server)).await;
    let mut socket = through(&door).await;
    say(&mut socket, &create("first")).await;
    assert!(answer(&mut socket).await.1);
    say(&mut socket, &create("later")).await;
    let (messages, _) = answer(&mut socket).await;
    assert!(messages[0].contains("\"status\":429"), "{messages:?}");
    assert_eq!(records(&server).await.len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_off_in_an_answer_breaks_off_for_the_client() {
    for how in ["close", "reset", "end"] {
        let server = server(&format!(
            "[[reply]]\ntext = \"Hello there\"\nfault = {{ kind = \"cut\", after_events = 3, how = \"{how}\" }}\n"
        ))
        .await;
        let door = Door::open(two(&server)).await;
        let mut socket = through(&door).await;
        say(&mut socket, &create("hi")).await;
        let (messages, ended) = answer(&mut socket).await;
        assert_eq!((messages.len(), ended), (3, false), "{how}");
        assert_eq!(door.desk.only().await.end, RequestEnd::Cut, "{how}");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_cancels_the_provider() {
    let server = server("[[reply]]\nfault = { kind = \"endless\" }\n").await;
    let door = Door::to(&server).await;
    let mut socket = through(&door).await;
    say(&mut socket, &create("hi")).await;
    for _ in 0..50 {
        within("a message", socket.next()).await.unwrap().unwrap();
    }
    drop(socket);
    let settled = door.desk.only().await;
    assert_eq!((settled.end, settled.tokens), (RequestEnd::Abandoned, None));
    assert!(settled.visible_output > 0);
    assert_eq!(records(&server).await[0].end, End::ClientVanished);
}

#[tokio::test]
async fn an_answer_is_ended_once_its_allowance_is_used_up_and_the_conversation_goes_on() {
    let server = server("[[reply]]\nwhen = { user_contains = \"much\" }\nfault = { kind = \"endless\" }\n").await;
    let door = Door::to(&server).await;
    *door.desk.allowance.lock().unwrap() = Some(100);
    let mut socket = through(&door).await;
    say(&mut socket, &create("much")).await;
    let (messages, ended) = answer(&mut socket).await;
    let last: Value = serde_json::from_str(messages.last().unwrap()).unwrap();
    assert!(ended);
    assert_eq!(
        (&last["type"], &last["response"]["error"]["code"]),
        (&json!("response.failed"), &json!("insufficient_quota"))
    );
    assert_eq!(door.desk.only().await.end, RequestEnd::Stopped);
    say(&mut socket, &create("little")).await;
    assert!(answer(&mut socket).await.0.last().unwrap().contains("response.completed"));
    assert_eq!(records(&server).await[0].end, End::ClientVanished);
}

#[tokio::test]
async fn what_the_desk_refuses_is_an_event() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let mut socket = through(&door).await;
    for (model, status) in [("forbidden", 403), ("unknown", 404), ("parked", 429)] {
        let mut body = create("hi");
        body["model"] = json!(model);
        say(&mut socket, &body).await;
        let (messages, _) = answer(&mut socket).await;
        let event: Value = serde_json::from_str(&messages[0]).unwrap();
        assert_eq!(event["status"], status);
    }
    for nonsense in ["not json", "{\"type\":\"response.create\"}", "[]"] {
        socket.send(Message::text(nonsense)).await.unwrap();
        assert!(answer(&mut socket).await.0[0].contains("gateway.request_unclear"), "{nonsense}");
    }
    say(&mut socket, &create("hi")).await;
    assert!(answer(&mut socket).await.1);
    assert_eq!(records(&server).await.len(), 1);
}

#[tokio::test]
async fn a_handshake_is_refused_for_its_token_or_where_the_provider_has_no_websockets() {
    let status = |error: Error| match error {
        Error::Http(response) => response.status().as_u16(),
        other => panic!("{other:?}"),
    };
    let server = server("").await;
    let door = Door::to(&server).await;
    let url = format!("ws://{}/v1/responses", door.address);
    assert_eq!(status(open(&url, "wrong").await.unwrap_err()), 401);
    let without = crate::client::server("no_websockets = true\n").await;
    let door = Door::to(&without).await;
    assert_eq!(status(open(&format!("ws://{}/v1/responses", door.address), TOKEN).await.unwrap_err()), 404);
    assert!(door.desk.troubles().is_empty());
    let dead = crate::client::server("[[key]]\nvalue = \"sk-first\"\nunknown = true\n").await;
    let door = Door::open(two(&dead)).await;
    let mut socket = through(&door).await;
    say(&mut socket, &create("hi")).await;
    assert!(answer(&mut socket).await.1);
    assert_eq!(door.desk.troubles(), [("first".to_owned(), Trouble::Refused { status: 401 })]);
}
