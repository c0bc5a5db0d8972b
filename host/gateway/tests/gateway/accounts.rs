//! Who may ask, and what is told otherwise.

use sandboxed_gateway::{Limits, trust};
use serde_json::{Value, json};

use crate::{
    client::{ask, get, message, post, post_with, records, request, server, streams, wholes},
    desk::{Account, Door, MemoryDesk, TOKEN},
};

#[tokio::test]
async fn a_request_without_a_token_or_with_a_dead_one_is_told_so_in_its_words() {
    let server = server("").await;
    let door = Door::to(&server).await;
    for (name, path, body) in streams("hi") {
        for (token, code) in
            [("", "gateway.token_missing"), ("wrong", "token.unknown"), ("token-of-the-past", "token.ended")]
        {
            let answer = post_with(door.address, path, &[("x-api-key", token)], &body).await;
            assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (401, Some(code)), "{name}");
            let error = &answer.json()["error"];
            let right = match name {
                "messages" => error["type"] == "authentication_error",
                "chat" | "responses" => error["code"] == code,
                _ => error["status"] == "UNAUTHENTICATED" && error["code"] == 401,
            };
            assert!(right, "{name}: {error}");
        }
    }
    assert!(server.ledger().is_empty());
    assert!(door.desk.book.lock().unwrap().reserved.is_empty());
}

#[tokio::test]
async fn a_token_comes_in_any_of_five_places() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let (_, path, body) = wholes("hi").remove(0);
    let bearer = format!("Bearer {TOKEN}");
    for header in
        [("x-api-key", TOKEN), ("authorization", bearer.as_str()), ("x-goog-api-key", TOKEN), ("api-key", TOKEN)]
    {
        assert_eq!(post_with(door.address, path, &[header], &body).await.status, 200, "{header:?}");
    }
    let text = body.to_string();
    let sent = format!(
        "POST {path}?key={TOKEN}&beta=true HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    assert_eq!(ask(door.address, sent.as_bytes()).await.unwrap().status, 200);
    assert_eq!(records(&server).await[4].query.as_deref(), Some("beta=true"));
}

#[tokio::test]
async fn what_the_desk_refuses_has_the_status_of_its_reason() {
    let server = server("").await;
    let door = Door::to(&server).await;
    for (model, status, code) in
        [("forbidden", 403, "model.denied"), ("unknown", 404, "model.unknown"), ("parked", 429, "mission.parked")]
    {
        let mut body = message("hi");
        body["model"] = json!(model);
        let answer = post(door.address, "/v1/messages", &body).await;
        assert_eq!((answer.status, answer.header("x-sandboxed-sh-code")), (status, Some(code)));
        if status == 429 {
            assert_eq!((answer.header("retry-after"), answer.header("x-should-retry")), (Some("90"), Some("false")));
        }
    }
    let cap = Some(50);
    let door = Door::open(MemoryDesk { cap, ..MemoryDesk::of([Account::at(&server)]) }).await;
    let answer = post(door.address, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("x-should-retry")), (400, Some("false")));
    assert!(server.ledger().is_empty());
}

#[tokio::test]
async fn bodies_are_bounded_as_they_come_and_without_their_compression() {
    let server = server("").await;
    let limits = Limits { body: 100_000, bodies: 150_000, ..Limits::default() };
    let door = Door::with(MemoryDesk::of([Account::at(&server)]), limits, trust("").unwrap()).await;
    let mut body = message("hi");
    body["padding"] = json!("x".repeat(120_000));
    let answer = post(door.address, "/v1/messages", &body).await;
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (413, &json!("request_too_large")));
    // The same without its length.
    let text = body.to_string();
    let sent = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: {TOKEN}\r\nconnection: close\r\n\
         transfer-encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n",
        text.len()
    );
    assert_eq!(ask(door.address, sent.as_bytes()).await.unwrap().status, 413);
    for (coding, bomb) in [
        ("gzip", {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            std::io::Write::write_all(&mut encoder, &vec![b' '; 50_000_000]).unwrap();
            encoder.finish().unwrap()
        }),
        ("zstd", zstd::encode_all(vec![b' '; 50_000_000].as_slice(), 3).unwrap()),
    ] {
        assert!(bomb.len() < 100_000);
        let answer = ask(door.address, &request("POST", "/v1/messages", &[("content-encoding", coding)], &bomb)).await;
        assert_eq!(answer.unwrap().status, 413, "{coding}");
    }
    let answer = ask(door.address, &request("POST", "/v1/messages", &[("content-encoding", "br")], b"x")).await;
    assert_eq!(answer.unwrap().status, 415);
    let answer = ask(door.address, &request("POST", "/v1/messages", &[("content-encoding", "gzip")], b"no")).await;
    assert_eq!(answer.unwrap().status, 400);
    assert!(server.ledger().is_empty());
    // What was held is given back.
    assert_eq!(post(door.address, "/v1/messages", &message("hi")).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_read_for_sure_is_refused() {
    let server = server("").await;
    let door = Door::to(&server).await;
    for body in [
        "{\"model\":\"m\",\"model\":\"forbidden\"}",
        "{}",
        "",
        "[]",
        "{\"model\":\"m\",\"background\":true}",
        "{\"model\":\"m\"",
    ] {
        let answer = ask(door.address, &request("POST", "/v1/responses", &[], body.as_bytes())).await.unwrap();
        assert_eq!(answer.status, 400, "{body}");
    }
    assert!(server.ledger().is_empty());
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let large = "x".repeat(300_000);
    let answer = ask(door.address, &request("POST", "/v1/messages", &[("x-large", &large)], b"{}")).await.unwrap();
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn models_are_listed_in_the_words_of_the_one_who_asks() {
    let server = server("").await;
    let door = Door::to(&server).await;
    let list = |path: &'static str, header: (&'static str, &'static str)| {
        let address = door.address;
        async move { get(address, path, &[header]).await.json() }
    };
    let anthropic = list("/v1/models", ("anthropic-version", "2023-06-01")).await;
    assert_eq!(
        (&anthropic["data"][0]["id"], &anthropic["data"][0]["type"], &anthropic["has_more"]),
        (&json!("scripted-large"), &json!("model"), &json!(false))
    );
    let bearer = format!("Bearer {TOKEN}");
    let openai = get(door.address, "/openai/v1/models", &[("authorization", &bearer)]).await.json();
    assert_eq!((&openai["object"], &openai["data"][1]["id"]), (&json!("list"), &json!("scripted-small")));
    let google = get(door.address, "/v1beta/models/scripted-small", &[("x-goog-api-key", TOKEN)]).await.json();
    assert_eq!(google["name"], "models/scripted-small");
    let missing = get(door.address, "/v1beta/models/none", &[("x-goog-api-key", TOKEN)]).await;
    assert_eq!((missing.status, &missing.json()["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(get(door.address, "/v1/models", &[("x-api-key", "wrong")]).await.status, 401);
    assert!(server.ledger().is_empty());
}

#[tokio::test]
async fn probes_are_answered_and_unknown_paths_are_not() {
    let server = server("").await;
    let door = Door::to(&server).await;
    for (method, path, status) in
        [("HEAD", "/", 200), ("GET", "/", 200), ("GET", "/v1/files/x/content", 404), ("POST", "/v1/embeddings", 404)]
    {
        let answer = ask(door.address, &request(method, path, &[("x-api-key", "none")], b"")).await.unwrap();
        assert_eq!(answer.status, status, "{method} {path}");
        if status == 404 {
            assert_ne!(answer.json()["error"], Value::Null);
        }
    }
}

#[tokio::test]
async fn counts_pass_and_are_not_reserved() {
    let server = server("[[reply]]\nwhen = { operation = \"count\" }\nusage = { input = 42 }\n").await;
    let door = Door::to(&server).await;
    let mut body = message("hi");
    body.as_object_mut().unwrap().retain(|name, _| !["max_tokens", "stream"].contains(&name.as_str()));
    let answer = post(door.address, "/v1/messages/count_tokens", &body).await;
    assert_eq!((answer.status, &answer.json()["input_tokens"]), (200, &json!(42)));
    let (_, _, body) = streams("hi").remove(3);
    let answer = post(door.address, "/v1beta/models/m:countTokens", &body).await;
    assert_eq!(answer.json()["totalTokens"], 42);
    let answer = post(door.address, "/v1/responses/input_tokens", &json!({ "model": "m", "input": "hi" })).await;
    assert_eq!(answer.json()["input_tokens"], 42);
    let book = door.desk.book.lock().unwrap();
    assert!(book.reserved.is_empty() && book.settled.is_empty());
    assert_eq!(book.well.len(), 3);
}
