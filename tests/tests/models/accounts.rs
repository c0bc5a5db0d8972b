//! What people do with accounts.

use std::{io::Write as _, process::Stdio};

use reqwest::{Method, StatusCode};
use sandboxed_tests::cli::{command, finished};
use serde_json::json;

use super::{ANSWER, KEY, Lab, OTHER_KEY, ask};

// The command line waits for the provider, which is a part of this process.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_added_tried_ordered_and_deleted_from_the_command_line() {
    let lab = Lab::without_account(ANSWER, sandboxed_tests::config::of_tests()).await;
    let server = &lab.server;
    let none = server.cli(&["provider", "list"]).success();
    assert!(none.stdout.contains("provider add"), "{none:?}");

    for (name, key) in [("work", KEY), ("spare", OTHER_KEY)] {
        let mut adding = command(&server.data_dir());
        adding.args(["provider", "add", "scripted", "--name", name]);
        let mut child = adding.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(format!("{key}\n").as_bytes()).unwrap();
        finished(child.wait_with_output().unwrap()).success();
    }
    let tried = server.cli(&["provider", "test", "work"]).success();
    assert!(tried.stdout.contains("works"), "{tried:?}");
    server.cli(&["provider", "order", "spare"]).success();
    let listed = server.cli(&["provider", "list"]).success();
    let places = (listed.stdout.find("spare").unwrap(), listed.stdout.find("work").unwrap());
    assert!(places.0 < places.1, "{listed:?}");
    server.cli(&["provider", "disable", "spare"]).success();
    let workspace = lab.workspace(json!({ "backend": "bubblewrap" })).await;
    lab.mission(&workspace, &ask("large", "hello")).await;
    assert_eq!(lab.requests().await[0]["account"], "work");

    server.cli(&["provider", "delete", "work"]).success();
    assert_eq!(server.api.call(Method::GET, "/accounts/work", None).await.0, StatusCode::NOT_FOUND);
    let secrets = server.api.get("/secrets").await;
    assert!(!secrets.to_string().contains("account.work"), "its key went with it: {secrets}");
    // What it was used for stays.
    assert_eq!(server.api.get("/usage?by=account").await["items"][0]["key"], "work");
    let models = server.cli(&["provider", "models", "--provider", "scripted"]).success();
    assert!(models.stdout.contains("$1") && models.stdout.contains("unknown"), "{models:?}");
    assert!(server.cli(&["provider", "catalogue"]).success().stdout.contains("anthropic"));
}

#[tokio::test]
async fn a_wrong_account_is_refused_with_what_would_be_right() {
    let lab = Lab::start(ANSWER).await;
    lab.server.api.call(Method::PUT, "/secrets/other", Some(json!({ "value": "sk-not-for-it" }))).await;

    for (body, status, code) in [
        (json!({ "name": "first", "provider": "scripted", "key": KEY }), 409, "account.exists"),
        (json!({ "name": "a", "provider": "nobody", "key": KEY }), 404, "provider.not_found"),
        (json!({ "name": "a", "provider": "azure", "key": KEY }), 400, "account.base_url_invalid"),
        (
            json!({ "name": "a", "provider": "scripted", "key": KEY, "base_url": "http://x" }),
            400,
            "account.base_url_invalid",
        ),
        (json!({ "name": "a", "provider": "scripted", "key": KEY, "secret": "other" }), 400, "account.key_invalid"),
        (json!({ "name": "a", "provider": "scripted", "key": "two words" }), 400, "account.key_invalid"),
        (json!({ "name": "a", "provider": "scripted", "secret": "other" }), 403, "secrets.denied"),
        (json!({ "name": "a", "provider": "scripted", "secret": "missing" }), 409, "secrets.missing"),
        (json!({ "name": "", "provider": "scripted" }), 400, "http.body_invalid"),
    ] {
        let (told, problem) = lab.server.api.call(Method::POST, "/accounts", Some(body.clone())).await;
        assert_eq!((told.as_u16(), problem["code"].as_str().unwrap()), (status, code), "{body}: {problem}");
    }
}

// The command line waits for the provider, which is a part of this process.
#[tokio::test(flavor = "multi_thread")]
async fn trying_an_account_tells_what_is_wrong_with_it() {
    let lab = Lab::start(&format!("[[key]]\nvalue = {KEY:?}\nunknown = true\n{ANSWER}")).await;

    let tried = lab.server.cli(&["provider", "test", "first"]);

    assert_ne!(tried.code, 0);
    assert!(tried.stderr.contains("account.refused") && !tried.stderr.contains(KEY), "{tried:?}");
    let listed = lab.server.cli(&["provider", "list"]).success();
    assert!(listed.stdout.contains("refused"), "{listed:?}");
}

#[tokio::test]
async fn a_key_in_the_environment_is_a_choice_that_is_shown() {
    let lab = Lab::start(ANSWER).await;
    let wanted = json!({ "backend": "bubblewrap", "direct_keys": ["first"] });
    let (status, problem) = lab.server.api.call(Method::POST, "/workspaces", Some(wanted.clone())).await;
    assert_eq!((status, &problem["code"]), (StatusCode::FORBIDDEN, &json!("secrets.denied")));
    lab.server.cli(&["secret", "allow", "account.first", "workspaces"]).success();

    let workspace = lab.workspace(wanted).await;
    let mission = lab.mission(&workspace, &format!("[ \"$SCRIPTED_API_KEY\" = {KEY} ] && echo has the key")).await;

    assert_eq!(lab.printed(&mission).await, "has the key\n");
    let shown = lab.server.api.get(&format!("/workspaces/{workspace}")).await;
    assert_eq!(shown["direct_keys"], json!(["first"]), "{shown}");
    let listed = lab.server.cli(&["workspaces", "list"]).success();
    assert!(listed.stdout.contains("first"), "{listed:?}");
}
