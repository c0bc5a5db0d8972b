//! The command line: beside a server, and alone.

use std::os::unix::fs::PermissionsExt;

use sandboxed_tests::{Server, cli};
use serde_json::{Value, json};

use super::Space;

/// Goes once through all commands. `run` runs one and gives what it printed.
fn go_through(run: impl Fn(&[&str]) -> String) {
    let place = tempfile::tempdir().unwrap();
    let local = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(local("small"), "one\ntwo\n").unwrap();
    // More than goes in one request.
    let large: Vec<u8> = (0..20_000_000_u32).map(|index| (index / 1000) as u8).collect();
    std::fs::write(local("large"), &large).unwrap();

    run(&["files", "mkdir", "-p", "demo:a/b"]);
    run(&["files", "put", &local("small"), "demo:a/b/"]);
    run(&["files", "put", &local("large"), "demo:a/large"]);
    assert_eq!(run(&["files", "cat", "demo:a/b/small"]), "one\ntwo\n");
    run(&["files", "get", "demo:a/large", &local("back")]);
    assert!(std::fs::read(local("back")).unwrap() == large, "it came back as something else");
    run(&["files", "mv", "demo:a/b/small", "a/other"]);
    let listed: Value = serde_json::from_str(&run(&["files", "ls", "demo:a", "--json"])).unwrap();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|entry| &entry["name"]).collect();
    assert_eq!(names, ["b", "large", "other"]);
    assert!(run(&["files", "ls", "demo:a"]).contains("19.1 MiB"));
    let usage: Value = serde_json::from_str(&run(&["files", "du", "demo", "--json"])).unwrap();
    assert!(usage["bytes"].as_u64().unwrap() >= 20_000_000, "{usage}");
    run(&["files", "archive", "demo:a", &local("a.tar.gz")]);
    run(&["files", "rm", "-r", "demo:a"]);
    run(&["files", "unpack", &local("a.tar.gz"), "demo:again"]);
    assert_eq!(run(&["files", "cat", "demo:again/other"]), "one\ntwo\n");
    let shown: Value = serde_json::from_str(&run(&["files", "stat", "demo:again/large", "--json"])).unwrap();
    assert_eq!(shown["size"], 20_000_000);
    let left: Vec<_> = std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_in_and_out_beside_a_server() {
    let server = Server::start().await;
    server.api.post("/workspaces", json!({ "name": "demo" })).await;

    go_through(|arguments| server.cli(arguments).success().stdout);

    let refused = server.cli(&["files", "cat", "demo:nothing"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.starts_with("error: nothing: there is nothing with this name"), "{refused:?}");
}

#[test]
fn files_go_in_and_out_without_a_server() {
    let home = tempfile::tempdir().unwrap();
    // Agents have users of their own, who must be able to pass.
    std::fs::set_permissions(home.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let data = home.path().join("data");
    cli(&data, &["workspaces", "create", "demo"]).success();

    go_through(|arguments| cli(&data, arguments).success().stdout);

    cli(&data, &["workspaces", "delete", "demo"]).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_off_goes_on_where_it_was() {
    let server = Server::start().await;
    let space = Space::with(&server, json!({ "name": "demo" })).await;
    let place = tempfile::tempdir().unwrap();
    let local = place.path().join("f");
    std::fs::write(&local, "0123456789").unwrap();
    let upload = space.post("uploads", json!({ "path": "f", "total": 10 })).await.done();
    let upload = upload["id"].as_str().unwrap();
    // Other bytes than the file has, so that it can be seen that they are not sent again.
    let path = space.path(&format!("uploads/{upload}"));
    let request = server.api.request(reqwest::Method::PATCH, &path).query(&[("offset", 0)]).body("abcde");
    assert!(request.send().await.unwrap().status().is_success());
    let local = local.to_str().unwrap();

    let wrong = server.cli(&["files", "put", local, "demo:g", "--resume", upload]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    server.cli(&["files", "put", local, "demo:f", "--resume", upload]).success();

    assert_eq!(space.content("f").await, b"abcde56789");
}
