//! Reading, writing, listing, moving and removing.

use std::{
    ffi::OsStr,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
};

use futures_util::{StreamExt, future::join_all, stream};
use reqwest::{Body, Method, StatusCode};
use sandboxed_tests::{Server, server::Options, within};
use serde_json::{Value, json};

use super::{Space, peak_memory};

#[tokio::test]
async fn a_file_is_written_read_listed_moved_and_removed_and_is_the_agents_own() {
    let server = Server::start().await;
    let space = Space::make(&server).await;

    let written = space.write("src/a b%25.txt", &[], "one two").await.done();

    assert_eq!(written["path"], "src/a b%25.txt");
    let on_disk = space.tree().join("src/a b%.txt").metadata().unwrap();
    assert_eq!((on_disk.uid(), on_disk.gid(), on_disk.mode() & 0o777), (space.user, space.user, 0o644));
    assert_eq!(space.content("src/a b%25.txt").await, b"one two");
    let listed = space.list("src", &[]).await.done();
    assert_eq!((&listed["items"][0]["name"], &listed["items"][0]["size"]), (&json!("a b%25.txt"), &json!(7)));
    assert_eq!(listed["items"][0]["etag"], written["etag"]);
    space.post("files/directories", json!({ "path": "x/y", "parents": true })).await.done();
    space.post("files/move", json!({ "from": "src/a b%25.txt", "to": "x/y/b" })).await.done();
    space.run("test \"$(cat x/y/b)\" = 'one two' && echo more >> x/y/b && mkdir x/y/z").await;
    space.ask(Method::DELETE, "files", &[("path", "x")]).await.refused(409, "path.not_empty");
    space.ask(Method::DELETE, "files", &[("path", "x"), ("recursive", "true")]).await.done();
    space.ask(Method::GET, "files/entry", &[("path", "x")]).await.refused(404, "path.missing");
    let usage = space.ask(Method::GET, "files/usage", &[]).await.done();
    assert_eq!((&usage["entries"], &usage["complete"]), (&json!(2), &json!(true)));
}

#[tokio::test]
async fn a_part_of_a_file_is_sent_if_it_is_the_version_that_is_meant() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let etag = space.write("f", &[], "0123456789").await.done()["etag"].as_str().unwrap().to_owned();
    let quoted = format!("\"{etag}\"");

    for (range, status, content, told) in [
        ("bytes=2-4", 206, "234", "bytes 2-4/10"),
        ("bytes=7-", 206, "789", "bytes 7-9/10"),
        ("bytes=-2", 206, "89", "bytes 8-9/10"),
        ("bytes=5-500", 206, "56789", "bytes 5-9/10"),
        ("bytes=0-1,4-5", 200, "0123456789", ""),
        ("nonsense", 200, "0123456789", ""),
    ] {
        let response = space.read("f", &[("range", range)]).await;
        assert_eq!(response.status(), status, "{range}");
        let header = response.headers().get("content-range").map_or("", |value| value.to_str().unwrap()).to_owned();
        assert_eq!(response.headers()["etag"], quoted.as_str());
        assert_eq!((response.text().await.unwrap().as_str(), header.as_str()), (content, told), "{range}");
    }
    let beyond = space.read("f", &[("range", "bytes=10-")]).await;
    assert_eq!((beyond.status().as_u16(), &beyond.headers()["content-range"]), (416, &"bytes */10".parse().unwrap()));
    let unchanged = space.read("f", &[("if-none-match", &quoted)]).await;
    assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED);
    let part = space.read("f", &[("range", "bytes=2-4"), ("if-range", &quoted)]).await;
    assert_eq!(part.text().await.unwrap(), "234");
    space.write("f", &[], "abc").await.done();
    let whole = space.read("f", &[("range", "bytes=2-4"), ("if-range", &quoted)]).await;
    assert_eq!((whole.status(), whole.text().await.unwrap().as_str()), (StatusCode::OK, "abc"));
    assert_eq!(space.read("f", &[("if-match", &quoted)]).await.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(space.read("f", &[("if-match", "unquoted")]).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_an_agent_wrote_is_sent_as_a_file_to_save_and_never_as_a_page() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space.write("\" ;x=\u{e4}.html", &[], "<script>alert(1)</script>").await.done();

    let response = space.read("\" ;x=\u{e4}.html", &[]).await;

    let headers = response.headers();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(headers["content-disposition"], "attachment; filename*=UTF-8''%22%20%3Bx%3D%C3%A4.html");
    assert_eq!(
        (&headers["x-content-type-options"], &headers["content-length"]),
        (&"nosniff".parse().unwrap(), &"25".parse().unwrap())
    );
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
}

#[tokio::test]
async fn of_writers_that_expect_the_same_version_one_wins() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let first = space.write("f", &[("if-none-match", "*")], "first").await.done();
    space.write("f", &[("if-none-match", "*")], "again").await.refused(412, "path.exists");
    let expected = format!("\"{}\"", first["etag"].as_str().unwrap());

    let writers = (0..8).map(|index| {
        let (space, expected) = (&space, &expected);
        async move { space.write("f", &[("if-match", expected)], format!("writer {index}")).await }
    });
    let answers = join_all(writers).await;

    let won: Vec<usize> = (0..8).filter(|&index| answers[index].status.is_success()).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert_eq!(space.content("f").await, format!("writer {}", won[0]).as_bytes());
    for lost in answers.into_iter().filter(|answer| !answer.status.is_success()) {
        lost.refused(412, "path.changed");
    }
    space.write("g", &[("if-match", "*")], "x").await.refused(412, "path.changed");
    space.write("g", &[("if-match", "\"made-up\"")], "x").await.refused(412, "path.changed");
    space.write("g", &[("if-match", "made-up")], "x").await.refused(400, "http.condition_invalid");
}

#[tokio::test]
async fn readers_see_the_old_or_the_new_content_and_never_a_mixture() {
    const SIZE: usize = 3 << 20;
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space.write("f", &[], vec![b'0'; SIZE]).await.done();

    let write = async {
        for round in 1..20_u8 {
            space.write("f", &[], vec![b'0' + round; SIZE]).await.done();
        }
    };
    let read = async {
        for _ in 0..30 {
            let content = space.content("f").await;
            assert_eq!(content.len(), SIZE);
            assert!(content.iter().all(|byte| *byte == content[0]), "a mixture was read");
        }
    };
    tokio::join!(write, read);
}

#[tokio::test]
async fn a_write_whose_client_goes_away_changes_nothing() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space.write("f", &[], "old").await.done();
    let broken = stream::iter([Ok("half"), Err(std::io::Error::other("the line was cut"))]);
    let query = [("path", "f")];
    let request = server.api.request(Method::PUT, &space.path("files/content")).query(&query);

    let sent = within("the failure", request.body(Body::wrap_stream(broken)).send()).await;

    assert!(sent.is_err(), "{sent:?}");
    assert_eq!(space.content("f").await, b"old");
    assert_eq!(space.list("", &[]).await.done()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_of_a_gibibyte_goes_in_and_out_without_being_held_in_memory() {
    const SIZE: u64 = 1 << 30;
    const PIECE: usize = 1 << 20;
    let server = Server::start().await;
    let space = Space::make(&server).await;
    space.write("warm", &[], "up").await.done();
    let before = peak_memory(server.pid());
    let pieces = stream::iter((0..SIZE / PIECE as u64).map(|index| Ok::<_, std::io::Error>(vec![index as u8; PIECE])));

    space.write("big", &[], Body::wrap_stream(pieces)).await.done();
    let response = space.read("big", &[]).await;
    assert_eq!(response.content_length(), Some(SIZE));
    let mut read = 0;
    let mut coming = response.bytes_stream();
    while let Some(piece) = within("the next piece", coming.next()).await {
        let piece = piece.unwrap();
        for (at, byte) in [(read, piece[0]), (read + piece.len() as u64 - 1, piece[piece.len() - 1])] {
            assert_eq!(byte, (at / PIECE as u64) as u8, "at byte {at}");
        }
        read += piece.len() as u64;
    }

    assert_eq!(read, SIZE);
    let grown = peak_memory(server.pid()).saturating_sub(before);
    assert!(grown < 64 << 20, "the server took {} MiB more", grown >> 20);
}

#[tokio::test]
async fn a_name_that_is_no_text_can_be_listed_read_moved_and_removed() {
    let server = Server::start().await;
    let space = Space::make(&server).await;
    let name = OsStr::from_bytes(b"a\xff\n%");
    std::fs::write(space.tree().join(name), "content").unwrap();

    let listed = space.list("", &[]).await.done();

    let path = listed["items"][0]["path"].as_str().unwrap();
    assert_eq!(path, "a%FF%0A%25");
    assert_eq!(space.content(path).await, b"content");
    let shown = space.read(path, &[]).await.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(shown, "attachment; filename*=UTF-8''a%25FF%250A%2525");
    space.post("files/move", json!({ "from": path, "to": "b%FE" })).await.done();
    assert!(space.tree().join(OsStr::from_bytes(b"b\xfe")).exists());
    space.ask(Method::DELETE, "files", &[("path", "b%FE")]).await.done();
    space.ask(Method::GET, "files/entry", &[("path", "b%FE")]).await.refused(404, "path.missing");
    space.ask(Method::GET, "files/entry", &[("path", "b%F")]).await.refused(400, "path.invalid");
}

#[tokio::test]
async fn a_directory_of_a_million_entries_is_listed_in_pages_of_bounded_size() {
    const ENTRIES: u32 = 1_000_000;
    // A file system in memory makes so many names quickly; they are all of one file.
    let server = Server::start_with(Options { disk: Some(4 << 30), ..Options::default() }).await;
    let space = Space::make(&server).await;
    let directory = space.tree().join("many");
    std::fs::create_dir(&directory).unwrap();
    let first = directory.join("0000000");
    std::fs::write(&first, "x").unwrap();
    for index in 1..ENTRIES {
        std::fs::hard_link(&first, directory.join(format!("{index:07}"))).unwrap();
    }
    space.list("", &[]).await.done();
    let before = peak_memory(server.pid());

    let page = space.list("many", &[("limit", "500")]).await.done();
    let last = space.list("many", &[("limit", "500"), ("cursor", "0999900")]).await.done();

    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&page), (0..500).map(|index| format!("{index:07}")).collect::<Vec<_>>());
    assert_eq!(page["next_cursor"], "0000499");
    assert_eq!((names(&last).len(), &last["next_cursor"]), (99, &Value::Null));
    let grown = peak_memory(server.pid()).saturating_sub(before);
    assert!(grown < 32 << 20, "the server took {} MiB more", grown >> 20);
}
