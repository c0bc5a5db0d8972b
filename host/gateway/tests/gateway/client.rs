//! A client that looks at every byte, and what it asks for.

use std::{future::Future, io, net::SocketAddr, time::Duration};

use sandboxed_scripted_models::{Options, Record, Scenario, Server};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::desk::TOKEN;

/// Nothing here takes so long, unless it never ends.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} took too long"))
}

pub async fn server(scenario: &str) -> Server {
    let scenario = Scenario::parse(scenario).unwrap();
    Server::start(Options { scenario, keep_bodies: 4096, ..Options::default() }).await.unwrap()
}

/// All records, once no answer goes on.
pub async fn records(server: &Server) -> Vec<Record> {
    assert!(server.settled(DEADLINE).await, "{:?}", server.ledger());
    server.ledger()
}

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body ended in good form.
    pub whole: bool,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A way to ask: its name, path and body.
pub type Ask = (&'static str, &'static str, Value);

/// Requests for streams.
pub fn streams(text: &str) -> Vec<Ask> {
    let messages = json!([{ "role": "user", "content": text }]);
    let contents = json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] });
    vec![
        (
            "messages",
            "/v1/messages?beta=true",
            json!({ "model": "m", "max_tokens": 9, "stream": true, "messages": messages }),
        ),
        (
            "chat",
            "/v1/chat/completions",
            json!({ "model": "m", "stream": true, "stream_options": { "include_usage": true }, "messages": messages }),
        ),
        ("responses", "/v1/responses", json!({ "model": "m", "stream": true, "input": text })),
        ("gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", contents.clone()),
        ("gemini array", "/v1beta/models/m:streamGenerateContent", contents),
    ]
}

/// Requests for whole answers.
pub fn wholes(text: &str) -> Vec<Ask> {
    let messages = json!([{ "role": "user", "content": text }]);
    vec![
        ("messages", "/v1/messages", json!({ "model": "m", "max_tokens": 9, "messages": messages })),
        ("chat", "/chat/completions", json!({ "model": "m", "messages": messages })),
        ("responses", "/responses", json!({ "model": "m", "input": text })),
        (
            "gemini",
            "/v1beta/models/m:generateContent",
            json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] }),
        ),
    ]
}

/// A request for a stream of Anthropic Messages.
pub fn message(text: &str) -> Value {
    streams(text).swap_remove(0).2
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| ["x-api-key", "authorization", "x-goog-api-key", "api-key"].contains(name)) {
        head += &format!("x-api-key: {TOKEN}\r\n");
    }
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    let mut bytes = format!("{head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub async fn post(to: SocketAddr, path: &str, body: &Value) -> Answer {
    post_with(to, path, &[], body).await
}

pub async fn post_with(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    ask(to, &request("POST", path, headers, body.to_string().as_bytes())).await.unwrap()
}

pub async fn get(to: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(to, &request("GET", path, headers, b"")).await.unwrap()
}

/// Sends bytes and reads what comes until the connection ends. None if there was no answer.
pub async fn ask(to: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    within("the answer", async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        // A server that does not want to read all of it is still heard.
        let _ = stream.write_all(bytes).await;
        read(&mut stream).await
    })
    .await
}

/// Reads until the connection ends.
pub async fn read(stream: &mut TcpStream) -> Option<Answer> {
    let mut got = Vec::new();
    loop {
        match stream.read_buf(&mut got).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
                break;
            }
        }
    }
    answer(&got)
}

fn answer(got: &[u8]) -> Option<Answer> {
    let head = got.windows(4).position(|window| window == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&got[..head]).unwrap();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let rest = &got[head + 4..];
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let (body, whole) = if chunked {
        unchunked(rest)
    } else {
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, value)| value.parse().unwrap());
        (rest.to_vec(), length.is_none_or(|length: usize| rest.len() == length))
    };
    Some(Answer { status, headers, body, whole })
}

/// The chunks together, and whether the last one is there.
fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let from = line + 2;
        let to = rest.len().min(from + size);
        body.extend_from_slice(&rest[from..to]);
        if rest.len() < to + 2 {
            break;
        }
        rest = &rest[to + 2..];
    }
    (body, false)
}

/// A connection on which a request was sent and of whose answer some bytes were read.
pub async fn begun(to: SocketAddr, bytes: &[u8], read: usize) -> TcpStream {
    within("the beginning of an answer", async {
        let mut stream = TcpStream::connect(to).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut got = vec![0; read];
        stream.read_exact(&mut got).await.unwrap();
        stream
    })
    .await
}
