//! Files come to the server and are read from it.

use std::os::unix::fs::MetadataExt;

use reqwest::Method;
use sandboxed_tests::{Api, within};
use serde_json::{Value, json};

use super::{Lab, PNG, bring, id, image};

#[tokio::test]
async fn what_a_file_is_the_server_finds_out_and_nobody_says() {
    let lab = Lab::start().await;
    for (name, content, media_type) in [
        ("shot.png", image(100), "image/png"),
        ("photo", b"\xff\xd8\xff\xe0 and more".to_vec(), "image/jpeg"),
        ("x.gif", b"GIF89a...".to_vec(), "image/gif"),
        ("x", b"RIFF\x00\x00\x00\x00WEBPVP8 ".to_vec(), "image/webp"),
        ("page.html", b"<script>alert(1)</script>".to_vec(), "text/plain"),
        ("vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(), "text/plain"),
        ("fake.png", b"no image".to_vec(), "text/plain"),
        ("notes.txt", "gr\u{fc}\u{df}e".into(), "text/plain"),
        ("empty", Vec::new(), "text/plain"),
        ("x.txt", b"a\0b".to_vec(), "application/octet-stream"),
        ("x.txt", b"\xff\xfe".to_vec(), "application/octet-stream"),
    ] {
        let brought = lab.bring(name, &content).await;

        assert_eq!(brought["media_type"], media_type, "{name}");
        assert_eq!((&brought["name"], &brought["size"]), (&json!(name), &json!(content.len())));
        assert_eq!(lab.server.api.get(&format!("/attachments/{}", id(&brought))).await, brought);
    }
}

#[tokio::test]
async fn a_browser_shows_images_and_runs_nothing() {
    let lab = Lab::start().await;
    for (content, kind, how) in [
        (image(300), "image/png", "inline"),
        (b"<script>alert(1)</script>".to_vec(), "text/plain; charset=utf-8", "attachment"),
        (b"MZ\0".to_vec(), "application/octet-stream", "attachment"),
    ] {
        let brought = lab.bring("a \"b\";\u{e9}.html", &content).await;

        let request = lab.server.api.request(Method::GET, &format!("/attachments/{}/content", id(&brought)));
        let answer = within("the content", request.send()).await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), kind);
        assert_eq!(header("content-disposition"), format!("{how}; filename*=UTF-8''a%20%22b%22%3B%C3%A9.html"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(header("content-length"), content.len().to_string());
        let policy = header("content-security-policy");
        assert!(policy.starts_with("sandbox; default-src 'none';"), "{policy}");
        assert_eq!(answer.bytes().await.unwrap(), content);
    }
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_and_nothing_of_it_is_kept() {
    let lab = Lab::with(&[("attachment_limit", "64KiB")]).await;
    lab.bring("full", &vec![b'x'; 64 << 10]).await;
    let kept = lab.kept();

    let (status, problem) = bring(&lab.server.api, "over", &vec![b'x'; (64 << 10) + 1]).await;
    assert_eq!((status.as_u16(), &problem["code"]), (413, &json!("attachment.too_large")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("missions.attachment_limit"), "{problem}");
    assert_eq!(lab.kept(), kept);
}

#[tokio::test]
async fn names_of_files_are_made_harmless() {
    let lab = Lab::start().await;
    let long = format!("{}.png", "x".repeat(400));
    for (given, name) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.txt", "a.txt"),
        ("a\nb\r\u{1b}[31m.txt", "ab[31m.txt"),
        ("\u{202e}gnp.exe", "gnp.exe"),
        ("..", "file"),
        (" \t", "file"),
        ("-rf $(id) `x` 'y'", "-rf $(id) `x` 'y'"),
        (&long, &format!("{}.png", "x".repeat(96))),
    ] {
        assert_eq!(lab.bring(given, b"x").await["name"], name, "{given:?}");
    }
    let without = lab.server.api.request(Method::POST, "/attachments").body("x");
    assert_eq!(without.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn the_servers_files_are_its_users_alone_and_their_names_say_nothing() {
    let lab = Lab::start().await;
    let brought = lab.bring("secret-name.txt", b"content").await;

    assert_eq!(lab.kept(), [id(&brought)]);
    let directory = lab.server.data_dir().join("attachments");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&directory), mode(&directory.join(id(&brought)))), (0o700, 0o600));
}

#[tokio::test]
async fn who_may_only_look_brings_and_removes_nothing_and_without_a_token_nobody_looks() {
    let lab = Lab::start().await;
    let api = &lab.server.api;
    let brought = lab.bring("a.png", PNG).await;
    let path = format!("/attachments/{}", id(&brought));
    let token = async |scope: &str| {
        let made = api.post("/tokens", json!({ "name": scope, "scope": scope })).await;
        Api::new(&api.url, made["secret"].as_str().unwrap())
    };
    let (reader, writer, nobody) = (token("read").await, token("write").await, Api::new(&api.url, "sbx_wrong"));

    let (status, problem) = bring(&reader, "x", b"x").await;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("auth.forbidden")));
    assert_eq!(reader.call(Method::DELETE, &path, None).await.0, 403);
    assert_eq!(reader.call(Method::GET, &path, None).await, (reqwest::StatusCode::OK, brought.clone()));
    assert_eq!(bring(&nobody, "x", b"x").await.0, 401);
    for path in [&path, &format!("{path}/content")] {
        assert_eq!(nobody.call(Method::GET, path, None).await.0, 401);
    }

    assert_eq!(writer.call(Method::DELETE, &path, None).await, (reqwest::StatusCode::NO_CONTENT, Value::Null));
    assert_eq!(lab.refused(Method::GET, &path, None).await, (404, "attachment.not_found".to_owned()));
    assert_eq!(lab.refused(Method::DELETE, &path, None).await, (404, "attachment.not_found".to_owned()));
    assert_eq!(lab.kept(), Vec::<String>::new());
}
