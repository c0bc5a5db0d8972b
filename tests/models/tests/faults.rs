//! Every fault does what it says, in every wire format, and the ledger knows of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod common;

use std::time::Duration;

use common::{Ended, ask, begun, get, message, only, post, post_with, request, server, streams, within};
use sandboxed_scripted_models::{End, Server};
use serde_json::{Value, json};

/// A server whose only reply is a text in pieces with a fault.
async fn failing(fault: &str) -> Server {
    server(&format!("[[reply]]\ntext = \"All is well that ends well, wörld.\"\nchunk = 5\nfault = {{ {fault} }}\n"))
        .await
}

/// What the same request gets without a fault.
async fn sound(path: &str, body: &Value) -> Vec<u8> {
    let server = server("[[reply]]\ntext = \"All is well that ends well, wörld.\"\nchunk = 5\n").await;
    post(&server, path, body).await.body
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_bytes_in_each_way() {
    for (how, ended) in [("close", Ended::Closed), ("reset", Ended::Reset), ("end", Ended::Whole)] {
        for (format, path, body) in streams("hi") {
            let server = failing(&format!("kind = \"cut\", after_bytes = 133, how = \"{how}\"")).await;
            let answer = post(&server, path, &body).await;
            assert_eq!((answer.status, answer.ended), (200, ended), "{format} {how}");
            assert_eq!(answer.body, sound(path, &body).await[..133], "{format} {how}");
            let record = only(&server).await;
            assert_eq!((record.end, record.sent.bytes), (End::Fault, 133), "{format} {how}");
            assert_eq!(record.fault.as_deref(), Some("cut"));
        }
    }
}

#[tokio::test]
async fn an_answer_is_cut_after_so_many_events() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"cut\", after_events = 3").await;
        let answer = post(&server, path, &body).await;
        assert_eq!(answer.ended, Ended::Closed, "{format}");
        assert_eq!(answer.data().len(), 3, "{format}");
        assert!(sound(path, &body).await.starts_with(&answer.body), "{format}");
        assert_eq!(only(&server).await.sent.events, 3, "{format}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_stream_is_cut_as_well() {
    let server = failing("kind = \"cut\", after_bytes = 20, how = \"reset\"").await;
    let mut body = message("hi");
    body["stream"] = json!(false);
    let answer = post(&server, "/v1/messages", &body).await;
    assert_eq!((answer.body.len(), answer.ended), (20, Ended::Reset));
    assert_eq!(only(&server).await.usage, None);
}

#[tokio::test]
async fn a_connection_ends_before_the_answer() {
    for (how, ended) in [("close", Ended::Closed), ("reset", Ended::Reset)] {
        let server = failing(&format!("kind = \"hangup\", how = \"{how}\"")).await;
        let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
        assert_eq!(ask(server.address(), &sent).await.unwrap_err(), ended);
        let record = only(&server).await;
        assert_eq!((record.end, record.status, record.sent.bytes), (End::Fault, None, 0));
    }
}

#[tokio::test]
async fn an_answer_never_comes_and_the_client_gives_up() {
    let server = failing("kind = \"silence\"").await;
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    let stream = begun(server.address(), &sent, 0).await;
    within("the request", async {
        while server.ledger().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.ledger()[0].end, End::Open);
    drop(stream);
    let record = only(&server).await;
    assert_eq!((record.end, record.status, record.sent.bytes), (End::Fault, None, 0));
}

#[tokio::test]
async fn an_answer_stands_still_and_the_connection_stays_open() {
    let server = failing("kind = \"stall\", after_events = 2").await;
    let sent = request("POST", "/v1/messages", &[], message("hi").to_string().as_bytes());
    let stream = begun(server.address(), &sent, 600).await;
    assert_eq!((server.ledger()[0].end, server.ledger()[0].sent.events), (End::Open, 2));
    drop(stream);
    assert_eq!(only(&server).await.end, End::Fault);
}

#[tokio::test]
async fn an_event_holds_broken_json() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"bad_json\", event = 2").await;
        let answer = post(&server, path, &body).await;
        let broken: Vec<bool> =
            answer.data().iter().map(|data| data != "[DONE]" && serde_json::from_str::<Value>(data).is_err()).collect();
        assert_eq!(broken.iter().filter(|broken| **broken).count(), 1, "{format}");
        assert!(broken[2], "{format}");
        assert_eq!((answer.ended, only(&server).await.end), (Ended::Whole, End::Complete), "{format}");
    }
}

#[tokio::test]
async fn the_last_event_is_missing_and_with_it_what_it_tells() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"missing_event\", event = -1").await;
        let answer = post(&server, path, &body).await;
        assert!(sound(path, &body).await.starts_with(&answer.body), "{format}");
        let text = answer.text();
        for last in ["message_stop", "[DONE]", "response.completed", "finishReason"] {
            assert!(!text.contains(last), "{format}: {text}");
        }
        let record = only(&server).await;
        // Where the figures are in the last event, they are gone; Anthropic and Chat tell them before.
        let told = matches!(format, "messages" | "chat");
        assert_eq!(record.usage == record.meant, told, "{format}: {:?}", record.usage);
    }
}

#[tokio::test]
async fn a_character_is_cut_in_two() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"half_utf8\", event = 3").await;
        let answer = post(&server, path, &body).await;
        assert!(std::str::from_utf8(&answer.body).is_err(), "{format}");
        assert_eq!(answer.ended, Ended::Whole, "{format}");
    }
}

#[tokio::test]
async fn a_line_is_huge() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"huge_line\", event = 2, bytes = 3000000").await;
        let answer = post(&server, path, &body).await;
        let data = answer.data();
        assert!(data[2].len() >= 3_000_000, "{format}");
        assert!(serde_json::from_str::<Value>(&data[2]).is_ok(), "{format}");
        assert_eq!(only(&server).await.sent.bytes, answer.body.len() as u64, "{format}");
    }
}

#[tokio::test]
async fn an_error_comes_instead_of_an_event() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"error_event\", event = 3, status = 529").await;
        let answer = post(&server, path, &body).await;
        let last: Value = serde_json::from_str(answer.data().last().unwrap()).unwrap();
        let told = match format {
            "messages" => last["error"]["type"] == "overloaded_error" && answer.text().contains("event: error\n"),
            "chat" => last["error"]["code"] == "server_error",
            "responses" => last["response"]["status"] == "failed",
            _ => last["error"]["code"] == 529,
        };
        assert!(told, "{format}: {last}");
        assert_eq!(answer.ended, Ended::Whole, "{format}");
    }
}

#[tokio::test]
async fn a_stream_never_ends_and_its_client_vanishes() {
    for (format, path, body) in streams("hi") {
        let server = failing("kind = \"endless\"").await;
        let sent = request("POST", path, &[], body.to_string().as_bytes());
        drop(begun(server.address(), &sent, 1_000_000).await);
        let record = only(&server).await;
        assert_eq!(record.end, End::ClientVanished, "{format}");
        assert!(record.sent.bytes > 500_000, "{format}");
        assert_ne!(record.usage, record.meant, "{format}");
    }
}

#[tokio::test]
async fn an_endless_stream_is_cut_at_its_limit() {
    let server = failing("kind = \"endless\", limit_bytes = 200000").await;
    let answer = post(&server, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.body.len(), answer.ended), (200_000, Ended::Closed));
}

#[tokio::test]
async fn the_wrong_content_type_and_a_body_of_its_own() {
    let server = server(
        "[[reply]]\nwhen = { user_contains = \"page\" }\ncontent_type = \"text/html\"\n\
         error = { status = 502, body = \"<h1>Bad gateway</h1>\" }\n[[reply]]\ncontent_type = \"text/plain\"\n",
    )
    .await;
    let answer = post(&server, "/v1/messages", &message("page")).await;
    assert_eq!((answer.status, answer.text().as_str()), (502, "<h1>Bad gateway</h1>"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    let answer = post(&server, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain")));
}

#[tokio::test]
async fn a_client_is_sent_elsewhere() {
    let server = server("[[reply]]\nredirect = { to = \"http://169.254.169.254/latest\", status = 308 }\n").await;
    let answer = post(&server, "/v1/messages", &message("hi")).await;
    assert_eq!((answer.status, answer.header("location")), (308, Some("http://169.254.169.254/latest")));
    assert_eq!(only(&server).await.status, Some(308));
}

#[tokio::test]
async fn usage_lies_in_each_way() {
    let ways = ["missing", "null", "negative", "shrinking", "absurd", "fraction", "text"];
    for lie in ways {
        let server = server(&format!(
            "[[reply]]\ntext = \"hello\"\nusage = {{ input = 100, output = 20, reasoning = 5, lie = \"{lie}\" }}\n"
        ))
        .await;
        for (format, path, body) in streams("hi") {
            server.reset();
            let answer = post(&server, path, &body).await;
            let usages: Vec<Value> = answer.data().iter().filter_map(|data| usage(data)).collect();
            let last = usages.last().cloned().unwrap_or_default();
            let figure = &last[match format {
                "chat" => "completion_tokens",
                "gemini" => "totalTokenCount",
                _ => "output_tokens",
            }];
            let right = match lie {
                "missing" | "null" => last.is_null(),
                "negative" => figure.as_i64().unwrap() < 0,
                "absurd" => figure.as_u64() == Some(u64::MAX),
                "fraction" => figure.is_f64(),
                "text" => figure.is_string(),
                _ => {
                    let first = &usages[0];
                    let input = |usage: &Value| usage["input_tokens"].as_i64().or(usage["promptTokenCount"].as_i64());
                    !matches!(format, "messages" | "gemini") || input(first) > input(&last)
                }
            };
            assert!(right, "{format} {lie}: {usages:?}");
            let record = only(&server).await;
            assert!(record.lie.is_some());
            assert_eq!(record.usage.is_some(), lie == "shrinking" && matches!(format, "messages" | "gemini"));
            assert_eq!((server.totals()[0].lies, server.totals()[0].usage.output), (1, 0), "{format} {lie}");
        }
    }
}

/// The usage in the data of an event.
fn usage(data: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(data).ok()?;
    let places = ["/usage", "/message/usage", "/response/usage", "/usageMetadata"];
    places.iter().find_map(|place| event.pointer(place)).filter(|usage| !usage.is_null()).cloned()
}

#[tokio::test]
async fn a_body_in_small_writes_is_the_same_body() {
    for (format, path, body) in streams("hi") {
        let server =
            server("[[reply]]\ntext = \"All is well that ends well, wörld.\"\nchunk = 5\nsplit_bytes = 3\n").await;
        assert_eq!(post(&server, path, &body).await.body, sound(path, &body).await, "{format}");
    }
}

#[tokio::test]
async fn a_body_is_compressed_for_those_who_take_it() {
    let server = server("[[reply]]\ntext = \"much the same, much the same, much the same\"\ngzip = true\n").await;
    let plain = post(&server, "/v1/messages", &message("hi")).await;
    assert_eq!(plain.header("content-encoding"), None);
    let packed = post_with(&server, "/v1/messages", &[("accept-encoding", "br, gzip")], &message("hi")).await;
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.body.as_slice()), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
    assert!(server.settled(Duration::from_secs(10)).await);
    assert_eq!(server.ledger()[1].sent.bytes, packed.body.len() as u64);
}

#[tokio::test]
async fn the_pace_is_kept() {
    let server =
        server("[[reply]]\ntext = \"slow\"\nchunk = 1\npace = { headers_ms = 20, first_ms = 20, between_ms = 10 }\n")
            .await;
    let begun = std::time::Instant::now();
    let answer = post(&server, "/v1/messages", &message("hi")).await;
    // Ten events, nine waits between them. It may take longer, never less.
    assert_eq!(answer.data().len(), 10);
    assert!(begun.elapsed() >= Duration::from_millis(130), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn lists_and_counts_fail_as_well() {
    let server = server(
        "[[reply]]\nwhen = { operation = \"models\" }\nerror = { status = 500 }\n\
         [[reply]]\nwhen = { operation = \"count\" }\nerror = { status = 429, retry_after_s = 3 }\n",
    )
    .await;
    assert_eq!(get(&server, "/v1/models", &[]).await.status, 500);
    let answer = post(&server, "/v1/messages/count_tokens", &message("hi")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("3")));
    assert_eq!(post(&server, "/v1/messages", &message("hi")).await.status, 200);
}
