//! Files on another machine.

use reqwest::{Method, StatusCode};
use sandboxed_tests::within;
use serde_json::json;

use crate::lab::Lab;

#[tokio::test]
async fn files_are_written_read_listed_moved_and_removed() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n * 7 / 3) as u8).collect();
    let files = format!("/workspaces/{workspace}/files");

    lab.write(&workspace, "src/data.bin&parents=true", content.clone()).await;
    assert!(lab.read(&workspace, "src/data.bin").await == content);
    assert_eq!(lab.sh(&workspace, "stat -c '%U %a %s' src/data.bin").await, "agent 644 3000000\n");

    let path = format!("{files}/content?path=src/data.bin");
    let part = lab.server.api.request(Method::GET, &path).header("Range", "bytes=100-199").send();
    let part = within("a part", part).await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.bytes().await.unwrap(), content[100..200]);

    let stale = lab.server.api.request(Method::PUT, &path).header("If-Match", "\"1-2-3-4\"").body("x").send();
    assert_eq!(within("an answer", stale).await.unwrap().status(), StatusCode::PRECONDITION_FAILED);

    lab.sh(&workspace, "mkdir many && cd many && touch {1..5}").await;
    let listed = lab.server.api.get(&format!("{files}?path=many&limit=3")).await;
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&listed), ["1", "2", "3"]);
    let next = listed["next_cursor"].as_str().unwrap();
    assert_eq!(names(&lab.server.api.get(&format!("{files}?path=many&cursor={next}")).await), ["4", "5"]);

    let moved = json!({ "from": "many/1", "to": "moved" });
    lab.server.api.post(&format!("{files}/move"), moved).await;
    let removed = format!("{files}?path=many&recursive=true");
    assert!(lab.server.api.call(Method::DELETE, &removed, None).await.0.is_success());
    assert_eq!(lab.sh(&workspace, "ls").await, "moved\nsrc\n");
    let used = lab.server.api.get(&format!("{files}/usage?path=.")).await;
    assert!(used["bytes"].as_u64().unwrap() >= 3_000_000, "{used}");
}

#[tokio::test]
async fn directories_come_and_go_as_archives() {
    let lab = Lab::start().await;
    let [from, to] = [lab.workspace(json!({})).await, lab.workspace(json!({})).await];
    lab.sh(&from, "mkdir -p a/b && echo one > a/b/one && ln -s one a/b/link && chmod 755 a/b/one").await;

    let path = format!("/workspaces/{from}/files/archive?path=a&format=tar.gz");
    let archive = within("an archive", lab.server.api.request(Method::GET, &path).send()).await.unwrap();
    assert_eq!(archive.status(), StatusCode::OK);
    let archive = archive.bytes().await.unwrap();
    let path = format!("/workspaces/{to}/files/archive?path=copy&format=tar.gz");
    let unpacked = within("an answer", lab.server.api.request(Method::PUT, &path).body(archive).send()).await.unwrap();
    assert!(unpacked.status().is_success(), "{}", unpacked.text().await.unwrap());

    assert_eq!(lab.sh(&to, "cd copy/b && cat link && stat -c '%a %U' one").await, "one\n755 agent\n");
}

#[tokio::test]
async fn no_path_and_no_link_leads_out_of_the_workspace() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    lab.sh(&workspace, "ln -s /etc/passwd link; ln -s / root; ln -s ../sandboxed state").await;
    for path in ["link", "root/etc/passwd", "state/bin/keeper", "../etc/passwd"] {
        let path = format!("/workspaces/{workspace}/files/content?path={path}");
        let (_, refused) = lab.server.api.call(Method::GET, &path, None).await;
        assert_eq!(refused["code"], "path.escape", "{path} {refused}");
    }
    let missing = format!("/workspaces/{workspace}/files/content?path=missing");
    let (status, refused) = lab.server.api.call(Method::GET, &missing, None).await;
    assert_eq!((status, &refused["code"]), (StatusCode::NOT_FOUND, &json!("path.missing")), "{refused}");
}

#[tokio::test]
async fn tools_of_plugins_use_the_files_there() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({ "name": "demo" })).await;
    let call = async |tool: &str, arguments: serde_json::Value| {
        let body = json!({ "workspace": "demo", "arguments": arguments });
        lab.server.api.post(&format!("/plugins/workspace/tools/{tool}"), body).await
    };

    call("write_file", json!({ "path": "src/a.txt", "content": "one two" })).await;
    call("edit_file", json!({ "path": "src/a.txt", "old": "two", "new": "three" })).await;

    let read = call("read_file", json!({ "path": "src/a.txt" })).await;
    assert!(read["is_error"] == false && read.to_string().contains("one three"), "{read}");
    assert_eq!(lab.sh(&workspace, "cat src/a.txt").await, "one three");
    call("delete_file", json!({ "path": "src/a.txt" })).await;
    let gone = call("read_file", json!({ "path": "src/a.txt" })).await;
    assert_eq!(gone["is_error"], true, "{gone}");
    let outside = call("read_file", json!({ "path": "../etc/passwd" })).await;
    assert_eq!(outside["is_error"], true, "{outside}");
}
