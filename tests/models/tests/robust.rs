//! The server takes whatever comes, and its program starts and ends as it should.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::Arc,
};

use common::{ask, begun, get, message, only, post, request, server, streams, within};
use sandboxed_scripted_models::{Certificate, End, Options, Server};
use serde_json::{Value, json};

#[tokio::test]
async fn garbage_is_refused_in_the_words_of_each_provider() {
    let server = server("").await;
    for (format, path, _) in streams("hi") {
        let bodies: [&[u8]; 8] = [
            b"",
            b"null",
            b"[]",
            b"{",
            b"{}",
            b"\xff\xfe\x00",
            br#"{"model": 7, "messages": {}, "input": 3, "contents": "x"}"#,
            &[b'['; 100_000],
        ];
        for body in bodies {
            let answer = ask(server.address(), &request("POST", path, &[], body)).await.unwrap();
            assert_eq!(answer.status, 400, "{format} {}", String::from_utf8_lossy(&body[..body.len().min(40)]));
            let error = answer.json()["error"].clone();
            let right = match format {
                "messages" => error["type"] == "invalid_request_error",
                "gemini" => error["status"] == "INVALID_ARGUMENT",
                _ => error["type"] == "invalid_request_error" && error["code"].is_null(),
            };
            assert!(right, "{format} {error}");
        }
    }
}

#[tokio::test]
async fn odd_but_valid_requests_are_answered() {
    let server = server("").await;
    for (path, body) in [
        (
            "/v1/messages",
            json!({ "model": "", "max_tokens": 0, "messages": [1, null, { "role": 5 }, { "role": "user", "content": 7 }] }),
        ),
        (
            "/v1/chat/completions",
            json!({ "messages": [{ "content": [[], { "text": 3 }] }], "tools": [1, {}], "stream_options": 4 }),
        ),
        (
            "/v1/responses",
            json!({ "model": "m", "input": [null, 3, { "type": "x_output", "output": [{}] }], "tools": "no" }),
        ),
        ("/v1beta/models/a:b:generateContent", json!({ "contents": [] })),
        ("/v1beta/models/%zz%F0:generateContent", json!({ "contents": [{ "parts": [{ "functionResponse": 3 }] }] })),
    ] {
        let answer = post(&server, path, &body).await;
        assert!(matches!(answer.status, 200 | 404), "{path} {answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_path_of_a_provider_is_not_found() {
    let server = server("").await;
    for (method, path) in [
        ("GET", "/v1/messages"),
        ("DELETE", "/v1/models/x"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1beta/models/m:embedContent"),
        ("GET", "/a/b/c"),
    ] {
        let answer = ask(server.address(), &request(method, path, &[], b"")).await.unwrap();
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(answer.json()["error"].is_object());
    }
    // Some agents look first whether anybody is there.
    for path in ["/", "/ok", "/v1"] {
        assert_eq!(get(&server, path, &[]).await.status, 200, "{path}");
    }
    let head = ask(server.address(), &request("HEAD", "/", &[], b"")).await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test]
async fn bytes_that_are_no_http_do_no_harm() {
    let server = server("").await;
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", &[0; 5000], b"POST / HTTP/9.9\r\n\r\n"] {
        let ended = ask(server.address(), bytes);
        // Whatever it is answered with, it is no success.
        assert!(ended.await.map_or(true, |answer| answer.status >= 400));
    }
    drop(begun(server.address(), b"POST /v1/messages HTTP/1.1\r\ncontent-length: 99\r\n\r\n{", 0).await);
    assert_eq!(get(&server, "/", &[]).await.status, 200);
}

#[tokio::test]
async fn bodies_come_compressed() {
    let server = server("").await;
    let plain = message("hi").to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::encode_all(plain.as_bytes(), 3).unwrap();
    for (encoding, body) in [("gzip", &gzip), ("zstd", &zstd)] {
        server.reset();
        let sent = request("POST", "/v1/messages", &[("content-encoding", encoding)], body);
        let answer = ask(server.address(), &sent).await.unwrap();
        assert_eq!(answer.status, 200);
        let record = only(&server).await;
        assert_eq!((record.received.bytes, record.received.encoding.as_deref()), (body.len() as u64, Some(encoding)));
        assert_eq!(record.received.body.as_deref(), Some(plain.as_str()));
        let broken = request("POST", "/v1/messages", &[("content-encoding", encoding)], &body[..body.len() / 2]);
        assert_eq!(ask(server.address(), &broken).await.unwrap().status, 400);
    }
    let odd = request("POST", "/v1/messages", &[("content-encoding", "rot13")], plain.as_bytes());
    assert_eq!(ask(server.address(), &odd).await.unwrap().status, 415);
}

#[tokio::test]
async fn a_body_that_is_too_long_or_grows_too_long_is_refused() {
    let server = server("").await;
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(b' '), 65 << 20), 1).unwrap();
    let sent = request("POST", "/v1/messages", &[("content-encoding", "zstd")], &bomb);
    let answer = ask(server.address(), &sent).await.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (413, &json!("request_too_large")));
    // An image of some megabytes is fine.
    let mut body = message("hi");
    let data = "A".repeat(20 << 20);
    let source = json!({ "type": "base64", "media_type": "image/png", "data": data });
    body["messages"][0]["content"] = json!([{ "type": "image", "source": source }, { "type": "text", "text": "hi" }]);
    assert_eq!(post(&server, "/v1/messages", &body).await.status, 200);
}

#[tokio::test]
async fn tls_is_spoken_with_the_certificate_that_it_was_given() {
    let made = rcgen::generate_simple_self_signed(vec![String::from("localhost")]).unwrap();
    let certificate = Some(Certificate { chain: made.cert.pem(), key: made.signing_key.serialize_pem() });
    let server = Server::start(Options { certificate, ..Options::default() }).await.unwrap();
    let url = format!("https://localhost:{}/v1/messages", server.address().port());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = |roots: rustls::RootCertStore| {
        rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let trusting = reqwest::Client::builder().tls_backend_preconfigured(config(roots)).build().unwrap();
    let send = |client: &reqwest::Client| client.post(&url).header("x-api-key", "k").json(&message("hi")).send();
    let answer = within("the answer", send(&trusting)).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let doubting =
        reqwest::Client::builder().tls_backend_preconfigured(config(rustls::RootCertStore::empty())).build().unwrap();
    assert!(within("the refusal", send(&doubting)).await.unwrap_err().is_connect());
    let wrong = Certificate { chain: String::from("nothing"), key: made.signing_key.serialize_pem() };
    assert!(Server::start(Options { certificate: Some(wrong), ..Options::default() }).await.is_err());
}

#[tokio::test]
async fn a_stop_lets_an_answer_end() {
    let server = server("[[reply]]\ntext = \"to the very end\"\nchunk = 1\npace = { between_ms = 5 }\n").await;
    let address = server.address();
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    let answer = tokio::spawn(async move { ask(address, &sent).await.unwrap() });
    within("the request", async {
        while server.ledger().first().is_none_or(|record| record.sent.events < 2) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.ledger()[0].end, End::Open);
    within("the stop", server.stop()).await;
    let answer = answer.await.unwrap();
    assert!(answer.text().contains("message_stop"), "{answer:?}");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_its_address_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    std::fs::write(&scenario, "[[reply]]\ntext = \"from a file\"\n").unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_scripted-models"))
        .arg("--scenario")
        .arg(&scenario)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("listening on http://").unwrap().parse().unwrap();
    let body = json!({ "model": "m", "input": "hi" }).to_string();
    let answer = ask(address, &request("POST", "/v1/responses", &[], body.as_bytes())).await.unwrap();
    let value: Value = answer.json();
    assert_eq!(value["output"][0]["content"][0]["text"], "from a file");
    let asked = Command::new("kill").arg(program.id().to_string()).status().unwrap();
    assert!(asked.success());
    assert!(program.wait().unwrap().success());
}

#[test]
fn the_program_does_not_start_with_a_scenario_that_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    std::fs::write(&scenario, "[[reply]]\nnonsense = 1\n").unwrap();
    let run = |path: &std::path::Path| {
        Command::new(env!("CARGO_BIN_EXE_scripted-models")).arg("--scenario").arg(path).output().unwrap()
    };
    let wrong = run(&scenario);
    assert!(!wrong.status.success());
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("nonsense"));
    let missing = run(&folder.path().join("none.toml"));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("No such file"));
}
