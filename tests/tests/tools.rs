//! Tools on a workspace, called by a person.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::os::unix::fs::symlink;

use reqwest::Method;
use sandboxed_tests::Server;
use serde_json::{Value, json};

async fn call(server: &Server, tool: &str, arguments: Value) -> Value {
    let body = json!({ "workspace": "demo", "arguments": arguments });
    server.api.post(&format!("/plugins/workspace/tools/{tool}"), body).await
}

#[tokio::test]
async fn files_are_written_read_edited_and_deleted() {
    let server = Server::start().await;
    server.api.post("/workspaces", json!({ "name": "demo" })).await;
    call(&server, "write_file", json!({ "path": "src/a.txt", "content": "one two" })).await;
    call(&server, "edit_file", json!({ "path": "src/a.txt", "old": "two", "new": "three" })).await;
    let read = call(&server, "read_file", json!({ "path": "src/a.txt" })).await;
    assert_eq!(read["is_error"], false, "{read}");
    assert!(read.to_string().contains("one three"), "{read}");
    let ran = call(&server, "run_command", json!({ "command": "cat src/a.txt; exit 3" })).await;
    assert_eq!(
        (&ran["content"][0]["value"]["exit_code"], &ran["content"][0]["value"]["stdout"]),
        (&json!(3), &json!("one three"))
    );
    call(&server, "delete_file", json!({ "path": "src/a.txt" })).await;
    let gone = call(&server, "read_file", json!({ "path": "src/a.txt" })).await;
    assert_eq!(gone["is_error"], true, "{gone}");
}

#[tokio::test]
async fn no_path_leads_out_of_the_workspace() {
    let server = Server::start().await;
    let workspace = server.api.post("/workspaces", json!({ "name": "demo" })).await;
    let tree = server.data_dir().join(format!("workspaces/{}/tree", workspace["id"].as_str().unwrap()));
    let secret = server.data_dir().join("secret");
    std::fs::write(&secret, "the secret").unwrap();
    symlink(&secret, tree.join("link")).unwrap();
    symlink(server.data_dir(), tree.join("folder")).unwrap();

    for path in ["../../../secret", "link", "folder/secret", secret.to_str().unwrap(), "x/../../../../secret"] {
        let read = call(&server, "read_file", json!({ "path": path })).await;
        assert_eq!(read["is_error"], true, "{path}: {read}");
        assert!(!read.to_string().contains("the secret"), "{path}: {read}");
    }
    for path in ["../../../new", "folder/new", "folder/secret"] {
        let written = call(&server, "write_file", json!({ "path": path, "content": "overwritten" })).await;
        assert_eq!(written["is_error"], true, "{path}: {written}");
    }
    let deleted = call(&server, "delete_file", json!({ "path": "folder/secret" })).await;
    assert_eq!(deleted["is_error"], true, "{deleted}");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "the secret");
    assert!(!server.data_dir().join("new").exists());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_the_callers_mistake() {
    let server = Server::start().await;
    server.api.post("/workspaces", json!({ "name": "demo" })).await;

    for arguments in [json!({}), json!({ "path": 7 }), json!({ "path": "a", "no_such": true })] {
        let body = json!({ "workspace": "demo", "arguments": arguments });
        let (status, problem) = server.api.call(Method::POST, "/plugins/workspace/tools/read_file", Some(body)).await;
        assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("tools.arguments_invalid")), "{problem}");
    }
}
