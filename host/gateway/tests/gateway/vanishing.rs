//! A client that goes away takes the provider's work with it.

use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::End;

use crate::{
    client::{begun, records, request, server, streams, within},
    desk::Door,
};

#[tokio::test]
async fn a_client_that_vanishes_before_the_answer_cancels_the_provider() {
    let server = server("[[reply]]\npace = { headers_ms = 60000 }\n").await;
    for (name, path, body) in streams("hi") {
        server.reset();
        let door = Door::to(&server).await;
        let stream = begun(door.address, &request("POST", path, &[], body.to_string().as_bytes()), 0).await;
        within("the request", async {
            while server.ledger().is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        drop(stream);
        let settled = door.desk.only().await;
        assert_eq!((settled.end, settled.tokens, settled.status), (RequestEnd::Abandoned, None, None), "{name}");
        assert_eq!(records(&server).await[0].end, End::ClientVanished, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_vanishes_in_mid_stream_cancels_the_provider_and_pays_for_what_was_told() {
    let server = server("[[reply]]\nusage = { input = 50, output = 9 }\nfault = { kind = \"endless\" }\n").await;
    for (name, path, body) in streams("hi") {
        server.reset();
        let door = Door::to(&server).await;
        drop(begun(door.address, &request("POST", path, &[], body.to_string().as_bytes()), 20_000).await);
        let settled = door.desk.only().await;
        assert_eq!((settled.end, settled.status), (RequestEnd::Abandoned, Some(200)), "{name}");
        assert!(settled.visible_output > 0 && settled.first_byte.is_some(), "{name}");
        if matches!(name, "messages" | "gemini" | "gemini array") {
            assert_eq!(settled.tokens.unwrap().input, 50, "{name}");
        }
        assert_eq!(records(&server).await[0].end, End::ClientVanished, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_once_all_is_said_has_had_a_whole_answer() {
    let server = server("[[reply]]\ntext = \"ok\"\nfault = { kind = \"stall\", after_events = 8 }\n").await;
    let door = Door::to(&server).await;
    let (_, path, body) = streams("hi").remove(0);
    let mut stream = begun(door.address, &request("POST", path, &[], body.to_string().as_bytes()), 1).await;
    let mut got = Vec::new();
    within("the end of the message", async {
        while !String::from_utf8_lossy(&got).contains("message_stop") {
            assert!(tokio::io::AsyncReadExt::read_buf(&mut stream, &mut got).await.unwrap() > 0);
        }
    })
    .await;
    drop(stream);
    assert_eq!(door.desk.only().await.end, RequestEnd::Complete);
}
