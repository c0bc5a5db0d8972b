//! Nothing grows without bound, and nothing waits for ever.

use std::time::Duration;

use sandboxed_gateway::{Limits, trust};
use sandboxed_model::request::RequestEnd;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::{
    client::{begun, message, post, records, request, server, streams, within},
    desk::{Account, Door, MemoryDesk, TOKEN},
};

async fn door(server: &sandboxed_scripted_models::Server, limits: Limits) -> Door {
    Door::with(MemoryDesk::of([Account::at(server)]), limits, trust("").unwrap()).await
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_provider_back() {
    let server = server(
        "[[reply]]\nchunk = 8000\nfault = { kind = \"endless\" }\n\
         [[reply.content]]\ntype = \"text\"\ntext = \"0123456789\"\nrepeat = 1000\n",
    )
    .await;
    let limits = Limits { idle_time: Duration::from_millis(500), ..Limits::default() };
    let door = door(&server, limits).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut stream = socket.connect(door.address).await.unwrap();
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    stream.write_all(&sent).await.unwrap();
    // It is given up after a while in which it reads nothing; by then the provider has not sent more than fits into the
    // buffers of two connections.
    let settled = door.desk.only().await;
    assert!(matches!(settled.end, RequestEnd::Abandoned), "{settled:?}");
    let record = records(&server).await.remove(0);
    assert!(record.sent.bytes < 32 * 1024 * 1024, "{}", record.sent.bytes);
    drop(stream);
}

#[tokio::test]
async fn a_provider_that_stands_still_is_given_up() {
    let server =
        server("[[reply]]\ntext = \"All is well\"\nchunk = 2\nfault = { kind = \"stall\", after_events = 3 }\n").await;
    for (name, path, body) in streams("hi") {
        let limits = Limits { idle_time: Duration::from_millis(200), ..Limits::default() };
        let door = door(&server, limits).await;
        let answer = post(door.address, path, &body).await;
        assert_eq!((answer.status, answer.whole), (200, false), "{name}");
        assert_eq!(door.desk.only().await.end, RequestEnd::Cut, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_says_nothing_is_sent_away() {
    let server = server("").await;
    let limits = Limits { header_time: Duration::from_millis(200), ..Limits::default() };
    let door = door(&server, limits).await;
    let mut silent = TcpStream::connect(door.address).await.unwrap();
    let mut nothing = Vec::new();
    within("the end of the connection", silent.read_to_end(&mut nothing)).await.unwrap();
    // The same within a body.
    let head = format!("POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\ncontent-length: 100\r\n\r\n{{");
    let mut slow = begun(door.address, head.as_bytes(), 12).await;
    let mut rest = Vec::new();
    within("the end of the connection", slow.read_to_end(&mut rest)).await.unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("gateway.body_too_slow"));
}

#[tokio::test]
async fn connections_are_bounded() {
    let server = server("").await;
    let door = door(&server, Limits { connections: 1, ..Limits::default() }).await;
    let held =
        begun(door.address, format!("GET / HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\n\r\n").as_bytes(), 12).await;
    assert_eq!(crate::client::get(door.address, "/", &[]).await.status, 503);
    drop(held);
    within("a free place", async {
        while crate::client::get(door.address, "/", &[]).await.status != 200 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn bodies_of_all_requests_together_are_bounded() {
    let server = server("[[reply]]\npace = { headers_ms = 60000 }\n").await;
    let door = door(&server, Limits { bodies: 200_000, ..Limits::default() }).await;
    let mut body = message("hi");
    body["padding"] = serde_json::json!("x".repeat(120_000));
    let sent = request("POST", "/v1/messages", &[], body.to_string().as_bytes());
    let held = begun(door.address, &sent, 0).await;
    door.desk.until("the reservation", |book| (!book.open.is_empty()).then_some(())).await;
    let answer = post(door.address, "/v1/messages", &body).await;
    assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (503, Some("gateway.busy")));
    drop(held);
    door.desk.only().await;
}
