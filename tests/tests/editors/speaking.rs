//! The protocol itself, and what is none of it.

use serde_json::json;

use super::{Lab, editor::Editor};

#[tokio::test]
async fn an_editor_is_told_what_can_be_done_and_nothing_more() {
    let lab = Lab::start().await;
    let mut editor = Editor::open(&lab.server.data_dir(), &[]);

    let told = editor.call("initialize", json!({ "protocolVersion": 99, "clientCapabilities": {} })).await.unwrap();

    assert_eq!(told["protocolVersion"], 1, "the version that is spoken");
    assert_eq!(told["agentInfo"]["name"], "sandboxed-sh");
    assert_eq!(told["authMethods"], json!([]));
    let can = &told["agentCapabilities"];
    assert_eq!((&can["loadSession"], &can["promptCapabilities"]["embeddedContext"]), (&json!(true), &json!(true)));
    assert_eq!((&can["promptCapabilities"]["image"], &can["mcpCapabilities"]["http"]), (&json!(false), &json!(false)));
    let session: Vec<&String> = can["sessionCapabilities"].as_object().unwrap().keys().collect();
    assert_eq!(session, ["close", "list", "resume"]);
    assert_eq!(editor.leave().await, 0);
}

#[tokio::test]
async fn initialize_comes_first_and_once() {
    let lab = Lab::start().await;
    let mut editor = Editor::open(&lab.server.data_dir(), &[]);
    let new = json!({ "cwd": "/p", "mcpServers": [] });

    assert_eq!(editor.call("session/new", new).await.unwrap_err()["code"], -32600);
    assert_eq!(editor.call("initialize", json!({})).await.unwrap_err()["code"], -32602);
    editor.greet(json!({})).await;
    let again = editor.call("initialize", json!({ "protocolVersion": 1 })).await;

    assert_eq!(again.unwrap_err()["code"], -32600);
}

#[tokio::test]
async fn what_is_no_message_is_refused_and_the_next_one_is_answered() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;

    editor.send_line(b"{\"jsonrpc\": \"2.0\", \"id\": 1, \"met").await;
    assert_eq!(editor.complaint().await["code"], -32700);
    editor.send_line(b"[]").await;
    assert_eq!(editor.complaint().await["code"], -32600);
    editor.send_line(b"\xff\xfe").await;
    assert_eq!(editor.complaint().await["code"], -32700);
    editor.notify("_maker/of_something", json!({ "that": "is not known" })).await;
    editor.send(json!({ "jsonrpc": "2.0", "id": 4711, "result": {} })).await;

    let unknown = editor.call("session/list", json!({ "cursor": 7 })).await.unwrap_err();
    assert_eq!(unknown["code"], -32602, "{unknown}");
    editor.session("/p").await;
}

#[tokio::test]
async fn a_message_that_is_too_long_is_refused_and_the_next_one_is_answered() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;

    let text = "x".repeat(17 << 20);
    editor.send(json!({ "jsonrpc": "2.0", "id": 99, "method": "session/prompt", "params": { "text": text } })).await;

    let complaint = editor.complaint().await;
    assert!(complaint["message"].as_str().unwrap().contains("16 MiB"), "{complaint}");
    editor.session("/p").await;
}

#[tokio::test]
async fn a_method_that_is_not_known_is_refused_by_name() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;

    editor.send(json!({ "jsonrpc": "2.0", "id": "own", "method": "session/fork", "params": {} })).await;
    let refused = editor.text_answer("own").await;

    assert_eq!(refused["error"]["code"], -32601, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("session/fork"), "{refused}");
}

#[tokio::test]
async fn a_session_that_is_not_there_is_not_found() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;
    let gone = "01a221c6-97d6-731a-9eca-c714b937c37e";

    for session in [gone, "none", "../../etc"] {
        let prompt = json!({ "sessionId": session, "prompt": [{ "type": "text", "text": "x" }] });
        let opened = json!({ "sessionId": session, "cwd": "/p", "mcpServers": [] });
        let mode = json!({ "sessionId": session, "modeId": "plan" });
        for (method, params) in [
            ("session/prompt", prompt.clone()),
            ("session/load", opened.clone()),
            ("session/resume", opened),
            ("session/set_mode", mode),
            ("session/close", json!({ "sessionId": session })),
            // Loading it has not made it.
            ("session/prompt", prompt),
        ] {
            let error = editor.call(method, params).await.unwrap_err();
            assert_eq!(error["code"], -32002, "{method} {session}: {error}");
            assert_eq!(error["data"]["code"], "mission.not_found", "{method} {session}: {error}");
        }
        editor.cancel(session).await;
    }
    editor.session("/p").await;
}

#[tokio::test]
async fn a_directory_is_named_by_its_whole_path() {
    let lab = Lab::start().await;
    let mut editor = lab.editor().await;

    let relative = editor.call("session/new", json!({ "cwd": "src", "mcpServers": [] })).await.unwrap_err();

    assert_eq!(relative["code"], -32602, "{relative}");
}

#[tokio::test]
async fn an_editor_hears_that_its_own_servers_of_tools_are_left_out() {
    let lab = Lab::start().await;
    let mut editor = lab.editor_with(&["--harness", "talking"], json!({ "session": { "notices": {} } })).await;
    let servers = json!([{ "name": "files", "command": "/bin/files", "args": [], "env": [] }]);

    editor.call("session/new", json!({ "cwd": "/p", "mcpServers": servers })).await.unwrap();

    let notice = editor.update("a notice", |update| update["sessionUpdate"] == "notice").await;
    assert!(notice["title"].as_str().unwrap().contains("MCP servers"), "{notice}");
}
