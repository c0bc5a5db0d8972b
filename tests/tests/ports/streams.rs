use futures_util::{SinkExt, StreamExt};
use reqwest::{Body, Method, StatusCode};
use sandboxed_tests::{Server, within};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_tungstenite::{
    client_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::setup::{Site, header, served};

/// The service's block.
const BLOCK: usize = 64 << 10;

#[tokio::test]
async fn large_bodies_pass_in_both_directions_with_and_without_a_length() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let blocks = 512;
    let whole = vec![7; blocks * BLOCK];
    let pieces = futures_util::stream::iter((0..blocks).map(|_| Ok::<_, std::io::Error>(vec![7; BLOCK])));

    let with = site.request(Method::POST, "/").body(whole).send();
    let with: Value = within("the upload", with).await.unwrap().json().await.unwrap();
    let without = site.request(Method::POST, "/").body(Body::wrap_stream(pieces)).send();
    let without: Value = within("the upload", without).await.unwrap().json().await.unwrap();
    let mut download = site.get(&format!("/download?{blocks}")).await;
    let mut length = 0;
    while let Some(chunk) = within("a chunk", download.chunk()).await.unwrap() {
        length += chunk.len();
    }

    assert_eq!(with["length"], blocks * BLOCK);
    assert_eq!((&with["length"], &with["sha256"]), (&without["length"], &without["sha256"]));
    assert_eq!((header(&with, "transfer-encoding").len(), header(&without, "content-length").len()), (0, 0));
    assert_eq!(length, blocks * BLOCK);
}

#[tokio::test]
async fn events_arrive_while_the_answer_goes_on() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;

    let mut events = site.get("/events").await;

    assert_eq!(events.headers()["content-type"], "text/event-stream");
    for _ in 0..3 {
        let chunk = within("an event", events.chunk()).await.unwrap().unwrap();
        assert!(chunk.starts_with(b"data: "));
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_up_nobody() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let before = memory(server.pid());
    let mut slow = Vec::new();
    for _ in 0..8 {
        // Hundreds of megabytes, of which only the head is read.
        let answer = site.get("/download?8000").await;
        assert_eq!(answer.status(), StatusCode::OK);
        slow.push(answer);
    }

    for _ in 0..50 {
        assert_eq!(site.told("/meanwhile").await["path"], "/meanwhile");
    }

    let grown = memory(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 10, "the server took {grown} KiB for what nobody read");
}

/// Resident memory in KiB.
fn memory(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_web_socket_echoes_through() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let mut request = format!("ws://{}/socket", site.host).into_client_request().unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {}", server.api.token).parse().unwrap());
    let stream = TcpStream::connect(site.address).await.unwrap();

    let (mut socket, answer) = within("the WebSocket", client_async(request, stream)).await.unwrap();

    assert_eq!(answer.status().as_u16(), 101);
    for message in [Message::text("hello €"), Message::binary(vec![9; 60_000]), Message::text("")] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(within("the echo", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.close(None).await.unwrap();
    assert!(matches!(within("the end", socket.next()).await, Some(Ok(Message::Close(_)))));
}

#[tokio::test]
async fn any_other_protocol_that_begins_as_http_passes_as_well() {
    let server = Server::start().await;
    let (_, site) = served(&server, 8000).await;
    let mut stream = shouting(&site, &server.api.token).await;

    for word in ["hello", "again"] {
        stream.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        within("the answer", stream.read_line(&mut line)).await.unwrap();
        assert_eq!(line, format!("{}\n", word.to_uppercase()));
    }
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    within("the end", stream.read_to_end(&mut rest)).await.unwrap();
    assert!(rest.is_empty());
}

/// A connection that has gone over to the service's own protocol.
async fn shouting(site: &Site, token: &str) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(site.address).await.unwrap());
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n",
        site.host
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    while !answer.ends_with("\r\n\r\n") {
        assert!(within("the head", stream.read_line(&mut answer)).await.unwrap() > 0, "{answer}");
    }
    assert!(answer.starts_with("HTTP/1.1 101") && answer.to_lowercase().contains("upgrade: shout"), "{answer}");
    stream
}
