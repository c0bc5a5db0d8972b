//! A client that goes away takes the provider's work with it.

use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::End;

use crate::{
    client::{begun, records, request, server, streams, within},
    desk::{Account, Door, MemoryDesk},
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

#[tokio::test]
async fn what_is_reserved_is_settled_also_where_the_server_itself_fails() {
    let server = server("").await;
    let door = Door::open(MemoryDesk::of([Account::at(&server).named("one", "panic")])).await;
    let body = crate::client::message("hi").to_string();
    assert!(crate::client::ask(door.address, &request("POST", "/v1/messages", &[], body.as_bytes())).await.is_none());
    assert_eq!(door.desk.only().await.end, RequestEnd::Lost);
}

#[tokio::test]
async fn a_client_that_vanishes_while_it_waits_for_money_has_none_set_aside() {
    let server = server("[[reply]]\npace = { headers_ms = 60000 }\n").await;
    let door = Door::open(MemoryDesk { cap: Some(150), ..MemoryDesk::of([Account::at(&server)]) }).await;
    let sent = request("POST", "/v1/messages", &[], crate::client::message("hi").to_string().as_bytes());
    let first = begun(door.address, &sent, 0).await;
    door.desk.until("the first reservation", |book| (!book.open.is_empty()).then_some(())).await;
    let second = begun(door.address, &sent, 0).await;
    door.desk.until("the second request", |book| (book.waiting == 1).then_some(())).await;
    drop(second);
    door.desk.until("the end of its wait", |book| (book.waiting == 0).then_some(())).await;
    drop(first);
    assert_eq!(door.desk.only().await.end, RequestEnd::Abandoned);
    assert_eq!(records(&server).await.len(), 1);
}
