//! Files that arrive in parts.

use futures_util::stream;
use reqwest::{Body, Method, StatusCode};
use sandboxed_tests::{Server, until, within};
use serde_json::{Value, json};

use super::{Answer, Space};

async fn append(space: &Space<'_>, upload: &str, offset: usize, part: impl Into<Body>) -> Answer {
    let path = space.path(&format!("uploads/{upload}"));
    let request = space.server.api.request(Method::PATCH, &path).query(&[("offset", offset)]).body(part);
    Answer::of(within("an answer", request.send()).await.unwrap()).await
}

async fn start(space: &Space<'_>, path: &str, total: usize) -> String {
    let upload = space.post("uploads", json!({ "path": path, "total": total })).await.done();
    upload["id"].as_str().unwrap().to_owned()
}

async fn received(space: &Space<'_>, upload: &str) -> u64 {
    let upload = space.ask(Method::GET, &format!("uploads/{upload}"), &[]).await.done();
    upload["received"].as_u64().unwrap()
}

#[tokio::test]
async fn an_upload_goes_on_after_the_server_has_crashed() {
    let mut server = Server::start().await;
    let (id, upload) = {
        let space = Space::make(&server).await;
        let upload = start(&space, "a/big", 10).await;
        append(&space, &upload, 0, "01234").await.done();
        append(&space, &upload, 3, "x").await.refused(409, "upload.offset");
        (space.id.clone(), upload)
    };

    server.crash();
    server.restart().await;

    let space = Space { server: &server, id, user: 0 };
    assert_eq!(received(&space, &upload).await, 5);
    space.post(&format!("uploads/{upload}/finish"), json!({})).await.refused(409, "upload.incomplete");
    append(&space, &upload, 5, "56789").await.done();
    append(&space, &upload, 10, "more").await.refused(413, "path.too_large");
    assert_eq!(std::fs::read_dir(space.tree()).unwrap().count(), 0, "it was seen before it was finished");
    space.post(&format!("uploads/{upload}/finish"), Value::Null).await.refused(404, "path.missing");
    space.post(&format!("uploads/{upload}/finish?parents=true"), Value::Null).await.done();
    space.run("test \"$(cat a/big)\" = 0123456789 && echo mine >> a/big").await;
    space.ask(Method::GET, &format!("uploads/{upload}"), &[]).await.refused(404, "upload.not_found");
}

#[tokio::test]
async fn what_came_before_the_connection_broke_off_is_kept() {
    const TOTAL: usize = 16 << 20;
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let upload = start(&space, "f", TOTAL).await;
    let pieces = stream::iter([Ok(vec![1; TOTAL / 2]), Err(std::io::Error::other("the line was cut"))]);
    let path = space.path(&format!("uploads/{upload}"));
    let request = server.api.request(Method::PATCH, &path).query(&[("offset", 0)]);

    let sent = within("the failure", request.body(Body::wrap_stream(pieces)).send()).await;

    assert!(sent.is_err());
    // The server may still be at it; then the next part is refused for a moment.
    let rest = until("the rest to be taken", async || {
        let at = usize::try_from(received(&space, &upload).await).unwrap();
        let answer = append(&space, &upload, at, vec![2; TOTAL - at]).await;
        answer.status.is_success().then_some((at, answer))
    })
    .await;
    assert!((1..=TOTAL / 2).contains(&rest.0), "{rest:?}");
    space.post(&format!("uploads/{upload}/finish"), Value::Null).await.done();
    let content = space.content("f").await;
    assert!(content[..rest.0].iter().all(|byte| *byte == 1) && content[rest.0..].iter().all(|byte| *byte == 2));
}

#[tokio::test]
async fn an_upload_is_finished_only_under_its_condition_and_can_be_given_up() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space.write("f", &[], "old").await.done();
    let upload = start(&space, "f", 3).await;
    append(&space, &upload, 0, "new").await.done();
    let finish = space.path(&format!("uploads/{upload}/finish"));

    let request = server.api.request(Method::POST, &finish).header("if-none-match", "*");
    Answer::of(request.send().await.unwrap()).await.refused(412, "path.exists");
    assert_eq!(space.content("f").await, b"old");
    let request = server.api.request(Method::POST, &finish).header("if-match", "*");
    Answer::of(request.send().await.unwrap()).await.done();
    assert_eq!(space.content("f").await, b"new");

    let upload = start(&space, "g", 3).await;
    space.ask(Method::DELETE, &format!("uploads/{upload}"), &[]).await.done();
    append(&space, &upload, 0, "new").await.refused(404, "upload.not_found");
    let other = Space::make(&server).await;
    let upload = start(&space, "g", 3).await;
    other.ask(Method::GET, &format!("uploads/{upload}"), &[]).await.refused(404, "upload.not_found");
}

#[tokio::test]
async fn only_so_many_uploads_of_so_many_bytes_are_begun() {
    let server = Server::start().await;
    let space = Space::with(&server, json!({ "limits": { "disk": 8 << 20 } })).await;

    space.post("uploads", json!({ "path": "f", "total": 9 << 20 })).await.refused(413, "workspace.disk_full");
    space.post("uploads", json!({ "path": "../f", "total": 1 })).await.refused(400, "path.escape");
    for _ in 0..32 {
        start(&space, "f", 1 << 20).await;
    }
    space.post("uploads", json!({ "path": "f", "total": 1 })).await.refused(409, "upload.too_many");

    // What has arrived counts, wherever it lies.
    let space = Space::with(&server, json!({ "limits": { "disk": 8 << 20 } })).await;
    let (one, two) = (start(&space, "f", 5 << 20).await, start(&space, "g", 5 << 20).await);
    append(&space, &one, 0, vec![0; 5 << 20]).await.done();
    append(&space, &two, 0, vec![0; 5 << 20]).await.refused(413, "workspace.disk_full");
    space.ask(Method::DELETE, &format!("uploads/{one}"), &[]).await.done();
    let at = usize::try_from(received(&space, &two).await).unwrap();
    let rest = append(&space, &two, at, vec![0; (5 << 20) - at]).await;
    assert_eq!(rest.status, StatusCode::OK, "{rest:?}");
}
