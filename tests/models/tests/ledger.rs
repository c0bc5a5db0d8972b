//! The ledger holds exactly what was asked and what was served.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::time::Duration;

use common::{ask, begun, get, message, only, post, post_with, request, server, streams, within};
use sandboxed_scripted_models::{End, Options, Scenario, Server, Usage, fingerprint};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

const USAGE: &str =
    "usage = { input = 100, cache_read = 50, cache_write_5m = 7, cache_write_1h = 3, output = 20, reasoning = 5 }";
const USED: Usage =
    Usage { input: 100, cache_read: 50, cache_write_5m: 7, cache_write_1h: 3, output: 20, reasoning: 5 };

#[tokio::test]
async fn every_byte_of_request_and_answer_is_accounted_for_in_every_format() {
    let server = server(&format!("[[reply]]\nname = \"it\"\nthinking = \"Hm.\"\ntext = \"Hello\"\n{USAGE}\n")).await;
    for (format, path, body) in streams("hi") {
        for stream in [true, false] {
            server.reset();
            let (mut path, mut body) = (path.to_owned(), body.clone());
            if !stream {
                path = path.replace(":streamGenerateContent?alt=sse", ":generateContent");
                body.as_object_mut().unwrap().remove("stream");
            }
            let answer = post(&server, &format!("/prefix{path}"), &body).await;
            let record = only(&server).await;
            assert_eq!(record.format.name(), format);
            assert_eq!((record.model.as_str(), record.prefix.as_str(), record.reply.as_str()), ("m", "/prefix", "it"));
            assert_eq!((record.status, record.end, record.stream), (Some(200), End::Complete, stream), "{format}");
            let sent = body.to_string();
            assert_eq!((record.received.bytes, &record.received.sha256), (sent.len() as u64, &sha256(sent.as_bytes())));
            assert_eq!(record.received.body.as_deref(), Some(sent.as_str()));
            assert_eq!((record.sent.bytes, &record.sent.sha256), (answer.body.len() as u64, &sha256(&answer.body)));
            assert_eq!((record.usage, record.meant), (Some(USED), Some(USED)), "{format} {stream}");
            assert_eq!(server.totals()[0].usage, USED);
        }
    }
}

#[tokio::test]
async fn the_key_is_a_fingerprint_wherever_it_came_by() {
    let server = server("").await;
    let path = "/v1/messages";
    for (header, value, by) in [
        ("x-api-key", "sk-secret", "x-api-key"),
        ("authorization", "Bearer sk-secret", "authorization"),
        ("x-goog-api-key", "sk-secret", "x-goog-api-key"),
        ("api-key", "sk-secret", "api-key"),
    ] {
        server.reset();
        let bytes = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{header}: {value}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}",
            message("hi").to_string().len(),
            message("hi")
        );
        assert_eq!(ask(server.address(), bytes.as_bytes()).await.unwrap().status, 200);
        let record = only(&server).await;
        let key = record.key.clone().unwrap();
        assert_eq!((key.fingerprint.as_str(), key.by.as_str()), (fingerprint("sk-secret").as_str(), by));
        assert!(!serde_json::to_string(&record).unwrap().contains("sk-secret"));
    }
    server.reset();
    let (_, _, body) = &streams("hi")[3];
    let bytes = format!(
        "POST /v1beta/models/m:generateContent?key=sk-secret&x=1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.to_string().len()
    );
    assert_eq!(ask(server.address(), bytes.as_bytes()).await.unwrap().status, 200);
    let record = only(&server).await;
    assert_eq!(record.key.unwrap().by, "query");
    assert_eq!(record.query.as_deref(), Some("key=REDACTED&x=1"));
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_what_it_was_told_so_far() {
    let server = server(&format!(
        "[[reply]]\n{USAGE}\n[reply.pace]\nbetween_ms = 1\n[[reply.content]]\ntype = \"text\"\ntext = \"and so on \"\nrepeat = 100000\n"
    ))
    .await;
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    drop(begun(server.address(), &sent, 2000).await);
    let record = only(&server).await;
    assert_eq!(record.end, End::ClientVanished);
    assert_eq!(record.usage, Some(Usage { output: 1, reasoning: 0, ..USED }));
    assert_eq!(record.meant, Some(USED));
    let total = &server.totals()[0];
    assert_eq!((total.vanished, total.complete, total.usage.output), (1, 0, 1));
}

#[tokio::test]
async fn totals_are_by_key_and_model() {
    let server = server(&format!(
        "[[reply]]\nwhen = {{ user_contains = \"bad\" }}\nerror = {{ status = 429 }}\n[[reply]]\n{USAGE}\n"
    ))
    .await;
    for (key, model, text, times) in
        [("one", "a", "hi", 3), ("one", "b", "hi", 2), ("two", "a", "hi", 1), ("two", "a", "bad", 4)]
    {
        for _ in 0..times {
            let mut body = message(text);
            body["model"] = json!(model);
            post_with(&server, "/v1/messages", &[("x-api-key", key)], &body).await;
        }
    }
    assert!(server.settled(Duration::from_secs(10)).await);
    let totals = server.totals();
    let of = |key: &str, model: &str| {
        let total = totals.iter().find(|total| total.key == fingerprint(key) && total.model == model).unwrap();
        (total.requests, total.errors, total.usage.input, total.usage.output)
    };
    assert_eq!(of("one", "a"), (3, 0, 300, 60));
    assert_eq!(of("one", "b"), (2, 0, 200, 40));
    assert_eq!(of("two", "a"), (5, 4, 100, 20));
    assert_eq!(totals.len(), 3);
}

#[tokio::test]
async fn the_oldest_records_go_and_the_totals_stay() {
    let scenario = Scenario::parse(&format!("[[reply]]\n{USAGE}\n")).unwrap();
    let server = Server::start(Options { scenario, most_records: 5, ..Options::default() }).await.unwrap();
    for _ in 0..12 {
        post(&server, "/v1/messages", &message("hi")).await;
    }
    assert!(server.settled(Duration::from_secs(10)).await);
    let numbers: Vec<u64> = server.ledger().iter().map(|record| record.number).collect();
    assert_eq!(numbers, [8, 9, 10, 11, 12]);
    assert_eq!((server.totals()[0].requests, server.totals()[0].usage.input), (12, 1200));
}

#[tokio::test]
async fn the_control_surface_tells_and_takes_the_scenario_live() {
    let server = server("").await;
    assert_eq!(get(&server, "/_/health", &[]).await.json()["ok"], true);
    post(&server, "/v1/messages", &message("hi")).await;
    let records = get(&server, "/_/ledger?settled=1&key=sk-test&model=m", &[]).await.json();
    assert_eq!((records[0]["number"].clone(), records[0]["end"].clone()), (json!(1), json!("complete")));
    assert_eq!(get(&server, "/_/ledger?model=other", &[]).await.json(), json!([]));
    assert_eq!(get(&server, "/_/ledger?from=2", &[]).await.json(), json!([]));
    assert_eq!(get(&server, "/_/totals", &[]).await.json()[0]["requests"], 1);

    let put = |text: &str| request("PUT", "/_/scenario", &[], text.as_bytes());
    let refused = ask(server.address(), &put("[[reply]]\nnonsense = 1\n")).await.unwrap();
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"].as_str().unwrap().contains("nonsense"));
    assert_eq!(ask(server.address(), &put("[[reply]]\ntext = \"new\"\n")).await.unwrap().status, 200);
    let answer = post(&server, "/v1/chat/completions", &json!({ "model": "m", "messages": [] })).await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "new");
    assert_eq!(get(&server, "/_/scenario", &[]).await.json()["reply"][0]["text"], "new");

    assert_eq!(ask(server.address(), &request("POST", "/_/reset", &[], b"")).await.unwrap().status, 200);
    assert_eq!(get(&server, "/_/ledger", &[]).await.json(), json!([]));
    assert_eq!(get(&server, "/_/totals", &[]).await.json(), json!([]));
}

#[tokio::test]
async fn a_control_surface_of_its_own_is_nowhere_else() {
    let control = Some("127.0.0.1:0".parse().unwrap());
    let server = Server::start(Options { control, ..Options::default() }).await.unwrap();
    assert_eq!(get(&server, "/_/ledger", &[]).await.status, 404);
    let at = server.control_url().trim_start_matches("http://").parse().unwrap();
    let answer = ask(at, &request("GET", "/_/ledger?settled=1", &[], b"")).await.unwrap();
    assert_eq!(answer.json()[0]["path"], "/_/ledger");
}

#[tokio::test]
async fn what_was_open_at_a_reset_leaves_no_trace() {
    let server = server("[[reply]]\nfault = { kind = \"endless\" }\n").await;
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    let stream = begun(server.address(), &sent, 1000).await;
    server.reset();
    drop(stream);
    assert!(server.settled(Duration::from_secs(10)).await);
    assert_eq!((server.ledger().len(), server.totals().len()), (0, 0));
}

#[tokio::test]
async fn headers_are_kept_but_not_their_secrets() {
    let server = server("").await;
    let headers = [
        ("anthropic-beta", "context-1m"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("user-agent", "claude-cli/2.1"),
        ("cookie", "session=hush"),
    ];
    post_with(&server, "/v1/messages?beta=true", &headers, &message("hi")).await;
    let record = only(&server).await;
    for (name, value) in &headers[..3] {
        assert_eq!(record.headers[*name], *value);
    }
    assert!(record.headers["cookie"].starts_with("fingerprint "));
    assert_eq!(record.query.as_deref(), Some("beta=true"));
}

#[tokio::test]
async fn three_hundred_streams_at_once_add_up() {
    let server = server(&format!(
        "[[reply]]\n{USAGE}\nchunk = 10\npace = {{ between_ms = 1 }}\n[[reply.content]]\ntype = \"text\"\ntext = \"0123456789\"\nrepeat = 50\n"
    ))
    .await;
    let address = server.address();
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    let clients: Vec<_> = (0..300)
        .map(|_| {
            let sent = sent.clone();
            tokio::spawn(async move { ask(address, &sent).await.unwrap().body })
        })
        .collect();
    let mut bodies = Vec::new();
    within("all streams", async {
        for client in clients {
            bodies.push(client.await.unwrap());
        }
    })
    .await;
    assert!(bodies.iter().all(|body| *body == bodies[0]));
    assert!(server.settled(Duration::from_secs(10)).await);
    let total = &server.totals()[0];
    assert_eq!((total.requests, total.complete), (300, 300));
    assert_eq!((total.usage.input, total.usage.output), (30_000, 6_000));
    assert_eq!(total.bytes, 300 * bodies[0].len() as u64);
    let hash = sha256(&bodies[0]);
    assert!(server.ledger().iter().all(|record| record.sent.sha256 == hash));
}

#[tokio::test]
async fn thousands_of_requests_on_one_connection_are_each_counted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server("").await;
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] }).to_string();
    let one = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: k\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    within("all requests", async {
        for _ in 0..2000 {
            stream.write_all(one.as_bytes()).await.unwrap();
            let mut got = Vec::new();
            while !got.ends_with(b"}}}") {
                assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0);
            }
        }
    })
    .await;
    assert_eq!(server.totals()[0].requests, 2000);
    let value: Value = serde_json::to_value(&server.ledger()[1999]).unwrap();
    assert_eq!(value["number"], 2000);
}
