//! Whatever goes wrong with an answer, the client sees what it would have seen without the gateway.

use sandboxed_model::request::RequestEnd;
use serde_json::Value;

use crate::{
    client::{post, post_with, records, server, streams},
    desk::{Door, KEY},
};

fn direct(name: &str, path: &str) -> String {
    match name {
        "messages" => format!("/anthropic{path}"),
        "chat" | "responses" => format!("/openai{path}"),
        _ => format!("/google{path}"),
    }
}

#[tokio::test]
async fn a_faulty_stream_passes_as_it_is_and_is_settled_for_what_it_was() {
    use RequestEnd::{Complete, Cut};
    for (fault, end) in [
        ("kind = \"cut\", after_bytes = 133", Cut),
        ("kind = \"cut\", after_bytes = 133, how = \"end\"", Cut),
        ("kind = \"cut\", after_events = 3", Cut),
        ("kind = \"bad_json\", event = 2", Complete),
        ("kind = \"half_utf8\", event = 3", Complete),
        ("kind = \"huge_line\", event = 2, bytes = 3000000", Complete),
        ("kind = \"error_event\", event = 3, status = 529", Cut),
    ] {
        let server = server(&format!(
            "[[reply]]\ntext = \"All is well that ends well, wörld.\"\nchunk = 5\n\
             usage = {{ input = 10, output = 20 }}\nfault = {{ {fault} }}\n"
        ))
        .await;
        for (name, path, body) in streams("hi") {
            server.reset();
            let door = Door::to(&server).await;
            let through = post(door.address, path, &body).await;
            let straight = post_with(server.address(), &direct(name, path), &[("x-api-key", KEY)], &body).await;
            assert!(through.body == straight.body, "{fault} {name}");
            assert_eq!((through.status, through.whole), (200, straight.whole), "{fault} {name}");
            let settled = door.desk.only().await;
            // A broken element breaks an array as a whole.
            let end = if name == "gemini array" && fault.contains("bad_json") { Cut } else { end };
            assert_eq!(settled.end, end, "{fault} {name}");
            let record = records(&server).await.remove(0);
            let told = settled.tokens.map(|tokens| tokens.output as i64);
            if end == Complete {
                assert_eq!(told, record.usage.map(|usage| usage.output), "{fault} {name}");
            }
        }
    }
}

#[tokio::test]
async fn a_stream_whose_last_event_is_missing_was_cut() {
    let server =
        server("[[reply]]\ntext = \"All is well\"\nchunk = 5\nfault = { kind = \"missing_event\", event = -1 }\n")
            .await;
    for (name, path, body) in streams("hi") {
        let door = Door::to(&server).await;
        assert!(post(door.address, path, &body).await.whole, "{name}");
        let settled = door.desk.only().await;
        // A completion is whole once it says why it ended, as not all providers mark the end.
        let end = if name == "chat" { RequestEnd::Complete } else { RequestEnd::Cut };
        assert_eq!(settled.end, end, "{name}");
        assert!(settled.visible_output > 0);
    }
}

#[tokio::test]
async fn lies_about_usage_are_not_believed() {
    for lie in ["missing", "null", "negative", "absurd", "fraction", "text", "shrinking"] {
        let server = server(&format!(
            "[[reply]]\ntext = \"hello\"\nusage = {{ input = 100, output = 20, reasoning = 5, lie = \"{lie}\" }}\n"
        ))
        .await;
        for (name, path, body) in streams("hi") {
            let door = Door::to(&server).await;
            assert_eq!(post(door.address, path, &body).await.status, 200);
            let settled = door.desk.only().await;
            assert_eq!(settled.end, RequestEnd::Complete, "{name} {lie}");
            match (lie, settled.tokens) {
                ("shrinking", Some(tokens)) => {
                    assert_eq!(tokens.output, 20, "{name}");
                    let grown = matches!(name, "messages" | "gemini" | "gemini array");
                    assert_eq!(tokens.input, if grown { 1010 } else { 100 }, "{name}: the larger figure is kept");
                }
                (_, None) => assert_ne!(lie, "shrinking", "{name}"),
                (_, Some(tokens)) => panic!("{name} {lie}: {tokens:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_completion_that_tells_no_usage_is_settled_with_what_was_seen() {
    let server = server("[[reply]]\ntext = \"twelve bytes\"\n").await;
    let door = Door::to(&server).await;
    let (_, path, mut body) = streams("hi").remove(1);
    body.as_object_mut().unwrap().remove("stream_options");
    let answer = post(door.address, path, &body).await;
    assert!(!answer.text().contains("usage"));
    let settled = door.desk.only().await;
    assert_eq!((settled.end, settled.tokens, settled.visible_output), (RequestEnd::Complete, None, 12));
}

#[tokio::test]
async fn an_answer_is_ended_in_its_words_once_its_allowance_is_used_up() {
    for (name, path, mut body) in streams("hi") {
        let server = server("[[reply]]\nfault = { kind = \"endless\" }\n").await;
        let door = Door::to(&server).await;
        *door.desk.allowance.lock().unwrap() = Some(500);
        if name == "messages" {
            body["max_tokens"] = serde_json::json!(100_000);
        }
        let answer = post_with(door.address, path, &[("accept-encoding", "gzip")], &body).await;
        assert!(answer.whole, "{name}");
        let settled = door.desk.only().await;
        assert_eq!(settled.end, RequestEnd::Stopped, "{name}");
        assert!((500..2000).contains(&settled.visible_output), "{name}: {}", settled.visible_output);
        let text = answer.text();
        let last: Value = if name == "gemini array" {
            let all: Value = answer.json();
            all.as_array().unwrap().last().unwrap().clone()
        } else {
            for event in text.replace("\r\n", "\n").split("\n\n").filter_map(|event| event.split("data: ").nth(1)) {
                assert!(serde_json::from_str::<Value>(event).is_ok(), "{name}: {event}");
            }
            serde_json::from_str(text.trim_end().rsplit("data: ").next().unwrap()).unwrap()
        };
        let told = match name {
            "messages" => &last["error"]["message"],
            "responses" => &last["response"]["error"]["message"],
            _ => &last["error"]["message"],
        };
        assert!(told.as_str().unwrap().contains("used up"), "{name}: {last}");
        let record = records(&server).await.remove(0);
        assert_eq!(record.end, sandboxed_scripted_models::End::ClientVanished, "{name}: the provider is cancelled");
    }
}

#[tokio::test]
async fn an_allowance_that_the_request_keeps_to_by_itself_is_not_counted() {
    let server = server("[[reply]]\ntext = \"more than nine bytes, but hardly more than nine tokens\"\n").await;
    let door = Door::to(&server).await;
    *door.desk.allowance.lock().unwrap() = Some(9);
    let (_, path, body) = streams("hi").remove(0);
    assert!(post(door.address, path, &body).await.text().contains("message_stop"));
    assert_eq!(door.desk.only().await.end, RequestEnd::Complete);
}
