//! What passes is what a direct connection would have brought, byte for byte.

use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::Server;
use sha2::{Digest, Sha256};

use crate::{
    client::{Answer, Ask, post_with, records, request, server, streams, wholes},
    desk::{Account, Door, KEY, MemoryDesk, TOKEN},
};

const REPLY: &str = "[[reply]]\ntext = \"All is well that ends well, wörld.\"\nthinking = \"Hm, hm.\"\nchunk = 5\n\
     usage = { input = 100, cache_read = 2000, output = 25, reasoning = 5 }\n";

/// What a client sees, without what differs from one connection to the other.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>, bool) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !["date", "connection", "transfer-encoding"].contains(&name.as_str()));
    headers.sort();
    (answer.status, headers, answer.body.clone(), answer.whole)
}

fn direct_path(name: &str, path: &str) -> String {
    match name {
        "messages" => format!("/anthropic{path}"),
        "chat" | "responses" => format!("/openai/v1/{}", path.trim_start_matches("/v1").trim_start_matches('/')),
        _ => format!("/google{path}"),
    }
}

async fn is_the_same(server: &Server, (name, path, body): Ask, headers: &[(&str, &str)]) {
    let door = Door::to(server).await;
    server.reset();
    let through = post_with(door.address, path, headers, &body).await;
    let key = [("x-api-key", KEY)];
    let direct_headers: Vec<(&str, &str)> = key.iter().chain(headers).copied().collect();
    let direct = post_with(server.address(), &direct_path(name, path), &direct_headers, &body).await;
    assert_eq!(seen(&through), seen(&direct), "{name} {path}");
    assert_eq!(through.status, 200);
    let records = records(server).await;
    assert_eq!(records[0].received.sha256, records[1].received.sha256, "{name} {path}");
    assert_eq!(records[0].path, records[1].path);
    assert_eq!(records[0].query, records[1].query);
    let settled = door.desk.only().await;
    let tokens = settled.tokens.unwrap();
    assert_eq!(settled.end, RequestEnd::Complete, "{name} {path}");
    assert_eq!((tokens.input, tokens.cache_read, tokens.output, tokens.reasoning), (100, 2000, 25, 5), "{name} {path}");
    assert_eq!(settled.answered_model.as_deref(), Some("m"), "{name} {path}");
    assert!(settled.first_byte.is_some() && settled.visible_output >= 42);
}

#[tokio::test]
async fn answers_are_the_same_through_the_gateway() {
    for more in ["", "split_bytes = 3\n", "content_type = \"text/plain\"\n"] {
        let server = server(&format!("{REPLY}{more}")).await;
        for ask in streams("hi").into_iter().chain(wholes("hi")) {
            is_the_same(&server, ask, &[]).await;
        }
    }
}

#[tokio::test]
async fn compressed_answers_are_the_same_and_are_read_all_the_same() {
    let server = server(&format!("{REPLY}gzip = true\nsplit_bytes = 5\n")).await;
    for ask in streams("hi").into_iter().chain(wholes("hi")) {
        is_the_same(&server, ask, &[("accept-encoding", "gzip, br")]).await;
    }
}

#[tokio::test]
async fn a_mapped_model_is_all_that_changes_in_a_request() {
    let server = server(REPLY).await;
    let door = Door::open(MemoryDesk::of([Account { model: Some("up\"stream"), ..Account::at(&server) }])).await;
    let body =
        "{ \"messages\":[ {\"role\":\"user\",\"content\":\"hi\"}],\n\t\"model\" :\"m\\u0065\", \"max_tokens\":1e1}";
    let body = body.replace("1e1", "10");
    let changed = body.replace("\"m\\u0065\"", "\"up\\\"stream\"");
    let answer =
        crate::client::ask(door.address, &request("POST", "/v1/messages", &[], body.as_bytes())).await.unwrap();
    assert_eq!(answer.status, 200);
    let record = records(&server).await.remove(0);
    assert_eq!(record.received.body.as_deref(), Some(changed.as_str()));
    assert_eq!(door.desk.book.lock().unwrap().wanted[0].model.as_deref(), Some("me"));
    // Of Gemini, it is in the path.
    let (_, path, body) = streams("hi").remove(3);
    assert_eq!(post_with(door.address, path, &[], &body).await.status, 200);
    assert_eq!(records(&server).await[1].model, "up\"stream");
}

#[tokio::test]
async fn compressed_requests_pass_as_they_are_unless_a_model_is_mapped() {
    let body = crate::client::message("hi").to_string();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, body.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = zstd::encode_all(body.as_bytes(), 3).unwrap();
    let server = server(REPLY).await;
    for (coding, packed) in [("gzip", gzip), ("zstd", zstd)] {
        for model in [None, Some("other")] {
            server.reset();
            let door = Door::open(MemoryDesk::of([Account { model, ..Account::at(&server) }])).await;
            let sent = request("POST", "/v1/messages", &[("content-encoding", coding)], &packed);
            let answer = crate::client::ask(door.address, &sent).await.unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
            let record = records(&server).await.remove(0);
            if model.is_none() {
                let hash: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!((record.received.sha256, record.received.encoding.as_deref()), (hash, Some(coding)));
            } else {
                assert_eq!((record.received.encoding, record.model.as_str()), (None, "other"));
                assert_eq!(record.received.body.unwrap(), body.replace("\"model\":\"m\"", "\"model\":\"other\""));
            }
        }
    }
}

#[tokio::test]
async fn a_connection_serves_many_requests_also_pipelined_and_with_expectations() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server(REPLY).await;
    let door = Door::to(&server).await;
    let body = wholes("hi").remove(0).2.to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-length: {}\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(door.address).await.unwrap();
    let two = format!("{head}\r\n{body}{head}\r\n{body}");
    stream.write_all(two.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    let count = |got: &[u8], what: &str| String::from_utf8_lossy(got).matches(what).count();
    crate::client::within("two answers", async {
        while count(&got, "\"stop_reason\"") < 2 {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
    })
    .await;
    stream.write_all(format!("{head}expect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    crate::client::within("the word to go on", async {
        while count(&got, "100 Continue") < 1 {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
        stream.write_all(body.as_bytes()).await.unwrap();
        while count(&got, "\"stop_reason\"") < 3 {
            assert!(stream.read_buf(&mut got).await.unwrap() > 0);
        }
    })
    .await;
    assert_eq!(door.desk.all(3).await.len(), 3);
}

#[tokio::test]
async fn chunks_come_as_they_are_sent() {
    use tokio::io::AsyncReadExt;
    // The stream stands still after two events: what came before is there all the same.
    for (name, path, body) in streams("hi") {
        let server = server(&format!("{REPLY}fault = {{ kind = \"stall\", after_events = 2 }}\n")).await;
        let door = Door::to(&server).await;
        let direct = request("POST", &direct_path(name, path), &[("x-api-key", KEY)], body.to_string().as_bytes());
        let through = request("POST", path, &[], body.to_string().as_bytes());
        let mut got = Vec::new();
        for (to, sent) in [(server.address(), direct), (door.address, through)] {
            let mut stream = crate::client::begun(to, &sent, 1).await;
            let mut bytes = Vec::new();
            let events = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).into_owned();
                text.matches("\"model").count().max(text.matches("\"type\":\"message_start\"").count())
            };
            crate::client::within("two events", async {
                while events(&bytes) < if name == "messages" { 1 } else { 2 } {
                    assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
                }
            })
            .await;
            got.push(bytes);
        }
        assert!(!got[1].is_empty(), "{name}");
    }
}
