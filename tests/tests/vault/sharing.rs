//! Who may use a secret, and what is told of it.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, config, server::Options, until};
use serde_json::{Value, json};

use super::{mission, piped, refused, set, workspace};

#[tokio::test]
async fn a_workspace_gets_a_secret_that_is_for_workspaces_and_its_use_is_noted() {
    let server = Server::start().await;
    set(&server, "npm", "token-of-npm", &[]).await;
    let wanted = json!({ "backend": "bubblewrap", "env": { "TOKEN": { "secret": "npm" } } });
    let (status, code, problem) = refused(&server, Method::POST, "/workspaces", Some(wanted)).await;
    assert_eq!((status, code.as_str()), (StatusCode::FORBIDDEN, "secrets.denied"));
    // The hint is a command that mends it.
    assert_eq!(problem["hint"], "sandboxed-sh secret allow npm workspaces");
    server.cli(&["secret", "allow", "npm", "workspaces"]).success();

    let workspace = workspace(&server, json!({ "TOKEN": { "secret": "npm" } })).await;
    let first = mission(&server, &workspace, r#"[ "$TOKEN" = token-of-npm ] && echo right"#).await;
    assert_eq!(server.api.printed(&first).await, "right\n");
    let uses = server.api.get("/secrets/npm/uses").await;
    let users: Vec<&str> =
        uses["items"].as_array().unwrap().iter().map(|used| used["user"].as_str().unwrap()).collect();
    assert!(users.contains(&format!("mission:{first}").as_str()), "{uses}");
    assert!(!server.api.get("/secrets/npm").await["last_used_at"].is_null());

    // Another value is used from the next process on; the one before stays out of sight.
    set(&server, "npm", "another-token", &["workspaces"]).await;
    let second = mission(&server, &workspace, r#"echo "$TOKEN token-of-npm""#).await;
    assert_eq!(server.api.printed(&second).await, "[secret npm] [secret npm]\n");
    server.cli(&["secret", "deny", "npm", "workspaces"]).success();
    let denied = mission(&server, &workspace, "true").await;
    let denied = server.api.get(&format!("/missions/{denied}")).await;
    assert_eq!(denied["problem"]["code"], "secrets.denied", "{denied}");
}

#[tokio::test]
async fn values_go_in_and_never_come_out() {
    let server = Server::start().await;
    let made = piped(
        &server,
        &["secret", "set", "key", "--for", "git:example.org", "--description", "pushes"],
        b"hunter2-hunter2\n",
    );
    assert!(made.stdout.contains("version 1") && made.stdout.contains("git:example.org"), "{made:?}");
    let file = server.data_dir().join("bytes");
    std::fs::write(&file, b"\xff\x00bytes\nof a file\n").unwrap();
    server.cli(&["secret", "set", "bytes", "--from-file", file.to_str().unwrap()]).success();
    let listed = server.cli(&["secret", "list"]).success();
    assert!(listed.stdout.contains("pushes") && listed.stdout.contains("nobody yet"), "{listed:?}");
    assert!(server.cli(&["secret", "show", "key"]).success().stdout.contains("git:example.org"));
    for path in ["/secrets", "/secrets/key", "/secrets/key/uses", "/audit"] {
        assert!(!server.api.get(path).await.to_string().contains("hunter2"), "{path}");
    }
    for (body, code) in [
        (json!({}), "secrets.value_invalid"),
        (json!({ "value": "hunter2", "value_base64": "aHVudGVyMg==" }), "secrets.value_invalid"),
        (json!({ "value_base64": "***" }), "secrets.value_invalid"),
        (json!({ "value": "" }), "secrets.value_empty"),
        (json!({ "value": "short" }), "secrets.value_too_short"),
        (json!({ "value": "x".repeat(1 << 20) }), "secrets.value_too_long"),
        (json!({ "value": "hunter2", "audience": ["everyone"] }), "http.body_invalid"),
        (json!({ "value": "hunter2", "for": ["workspaces"] }), "http.body_invalid"),
    ] {
        assert_eq!(refused(&server, Method::PUT, "/secrets/other", Some(body)).await.1, code);
    }
    assert_eq!(
        refused(&server, Method::PUT, "/secrets/.turns", Some(json!({ "value": "hunter2" }))).await.1,
        "http.path_invalid"
    );
    for path in ["/secrets/other", "/secrets/.turns"] {
        assert_eq!(refused(&server, Method::GET, path, None).await.0, StatusCode::NOT_FOUND);
    }
    assert!(server.cli(&["secret", "rotate-key"]).success().stdout.contains("sealed with the key"));
    assert!(server.cli(&["secret", "vault"]).success().stdout.contains("from a file"));
    assert!(server.cli(&["secret", "uses", "key"]).success().stdout.contains("no uses"));
}

#[tokio::test]
async fn a_secret_that_something_names_is_deleted_by_force_only() {
    let server = Server::start().await;
    set(&server, "npm", "token-of-npm", &["workspaces"]).await;
    let workspace = workspace(&server, json!({ "TOKEN": { "secret": "npm" } })).await;
    let (status, code, problem) = refused(&server, Method::DELETE, "/secrets/npm", None).await;
    assert_eq!((status, code.as_str()), (StatusCode::CONFLICT, "secrets.in_use"));
    assert!(problem["detail"].as_str().unwrap().contains("the workspace "), "{problem}");
    server.cli(&["secret", "delete", "npm", "--force"]).success();
    let failed = mission(&server, &workspace, "true").await;
    assert_eq!(server.api.get(&format!("/missions/{failed}")).await["problem"]["code"], "workspace.secret_denied");
    assert_eq!(refused(&server, Method::DELETE, "/secrets/npm", None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn secrets_of_the_configuration_are_shown_beside_those_of_the_vault_and_changed_there_only() {
    let line = "[secrets]\n";
    let options = Options {
        config: Some(config::changed(&[
            (line, "[secrets]\nours = { env = \"OURS\" }\n"),
            ("secrets = []\n", "secrets = [\"ours\"]\n"),
        ])),
        environment: vec![("OURS".to_owned(), "value-of-ours".to_owned())],
        ..Options::default()
    };
    let server = Server::start_with(options).await;
    let shown = server.api.get("/secrets/ours").await;
    assert_eq!((shown["kept"].as_str(), shown["version"].as_u64()), (Some("variable"), None));
    for (method, body) in [
        (Method::PUT, json!({ "value": "another" })),
        (Method::PATCH, json!({ "audience": [] })),
        (Method::DELETE, Value::Null),
    ] {
        let body = (!body.is_null()).then_some(body);
        let (status, code, _) = refused(&server, method, "/secrets/ours", body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{code}");
    }
    let workspace = workspace(&server, json!({ "OURS": { "secret": "ours" } })).await;
    let mission = mission(&server, &workspace, "echo \"$OURS\"; printf %s \"$OURS\" | base64").await;
    assert_eq!(server.api.printed(&mission).await, "[secret ours]\n[secret ours]\n");
}

#[tokio::test]
async fn the_log_of_a_build_tells_no_value_and_each_byte_keeps_its_place() {
    let server = Server::start().await;
    set(&server, "npm", "token-of-npm", &["workspaces"]).await;
    let step = json!({ "name": "show", "script": "echo \"before $TOKEN after\"", "secrets": ["TOKEN"] });
    let new = json!({ "backend": "bubblewrap", "env": { "TOKEN": { "secret": "npm" } }, "init": [step] });
    let workspace = server.api.post("/workspaces", new).await;
    let id = workspace["id"].as_str().unwrap();
    let build = until("the build to end", async || {
        let builds = server.api.get(&format!("/workspaces/{id}/builds")).await;
        let build = builds["items"][0].clone();
        (build["state"] == "done").then_some(build)
    })
    .await;
    let log = async |offset: usize| {
        let path = format!("/builds/{}/steps/1/log?offset={offset}", build["id"].as_str().unwrap());
        server.api.request(Method::GET, &path).send().await.unwrap().text().await.unwrap()
    };
    let whole = "before ************ after\n";
    for offset in [0, 3, 7, 12, 20] {
        assert_eq!(log(offset).await, whole[offset..], "from {offset}");
    }
}

#[tokio::test]
async fn a_secret_is_given_as_a_file_in_memory_that_is_no_file_of_the_workspace() {
    let server = Server::start().await;
    let body = json!({ "value_base64": "//4AYnl0ZXMgb2YgYSBmaWxl", "audience": ["workspaces"] });
    let (status, _) = server.api.call(Method::PUT, "/secrets/bytes", Some(body)).await;
    assert_eq!(status, StatusCode::CREATED);
    set(&server, "npm", "token-of-npm", &["workspaces"]).await;
    for backend in ["bubblewrap", "host"] {
        let env = json!({ "BYTES": { "secret_file": "bytes" }, "NPM": { "secret_file": "npm" } });
        let workspace = server.api.post("/workspaces", json!({ "backend": backend, "env": env })).await;
        let workspace = workspace["id"].as_str().unwrap();
        let script = r#"
            [ "$(cat "$NPM")" = token-of-npm ] && echo once
            [ "$(base64 < "$BYTES")" = //4AYnl0ZXMgb2YgYSBmaWxl ] && echo bytes
            bash -c '[ "$(cat "$NPM")" = token-of-npm ]' && echo again
            env | grep -c token-of
            ls -A"#;
        let mission = mission(&server, workspace, script).await;
        assert_eq!(server.api.printed(&mission).await, "once\nbytes\nagain\n0\n", "{backend}");
    }
    // As a variable the same value is refused, with this as the remedy.
    let wanted = json!({ "backend": "bubblewrap", "env": { "BYTES": { "secret": "bytes" } } });
    let (_, code, problem) = refused(&server, Method::POST, "/workspaces", Some(wanted)).await;
    assert_eq!(code, "secrets.not_text");
    assert_eq!(problem["hint"], "name it as a file: { secret_file = \"bytes\" }");
}
