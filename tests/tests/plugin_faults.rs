//! A harness plugin breaks in the middle of a turn. The agent is not touched, and the person is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::PathBuf;

use sandboxed_tests::{Server, api::assert_gap_free, server::Options};
use serde_json::{Value, json};

/// A server that also has the harness `stumbling`, whose driver panics whenever its script says STUMBLE.
async fn server() -> Server {
    let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
    };
    let component = guests.join("stumbling-harness.wasm");
    assert!(component.exists(), "{} is missing: build it with `make test-guests`", component.display());
    let config = include_str!("../../config/sandboxed.toml");
    let table = format!(
        "\n[[plugin]]\nid = \"stumbling\"\nkind = \"harness\"\ncomponent = \"{}\"\n",
        component.canonicalize().unwrap().display()
    );
    Server::start_with(Options { config: Some(format!("{config}{table}")), ..Options::default() }).await
}

async fn turn(server: &Server, script: &str) -> (Value, Vec<Value>) {
    let mission = server.api.mission_with(json!({ "prompt": script, "harness": "stumbling" })).await;
    let ended = server.api.reaches(&mission, &["awaiting_user", "failed"]).await;
    let events = server.api.events(&mission).await;
    assert_gap_free(&events);
    (ended, events)
}

fn said(events: &[Value], role: &str) -> String {
    let messages = events.iter().filter(|event| event["kind"] == "message" && event["body"]["role"] == role);
    messages.map(|event| event["body"]["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_a_plugin_cannot_digest_is_skipped_shown_and_told_with_its_name() {
    let server = server().await;
    // The pause keeps the lines apart: what arrives together is digested together.
    let (ended, events) = turn(&server, "echo one; sleep 0.3; echo STUMBLE; sleep 0.3; echo two; touch alive").await;

    assert_eq!(said(&events, "agent"), "one\ntwo\n");
    let error = events.iter().find(|event| event["kind"] == "error").unwrap();
    assert_eq!((&error["body"]["code"], &error["body"]["plugin"]), (&json!("plugin.trap"), &json!("stumbling")));
    assert!(error["body"]["message"].as_str().unwrap().contains("stumbled over STUMBLE"), "{error}");
    let skipped = events.iter().find(|event| event["body"]["code"] == "driver.skipped").unwrap();
    assert_eq!(skipped["body"]["text"], "STUMBLE\n");
    assert_eq!(ended["last_outcome"], "completed");
    assert!(events.iter().any(|event| event["body"]["path"] == "alive"), "the process was ended");
    // What the session remembered before it broke is remembered after.
    let end = events.iter().find(|event| event["kind"] == "turn_ended").unwrap();
    assert_eq!(end["body"]["reason"], "came through 2 frames");
}

#[tokio::test]
async fn output_of_a_plugin_that_keeps_breaking_is_shown_as_it_comes_until_the_process_ends() {
    let server = server().await;
    let script = "for n in 1 2 3; do echo STUMBLE $n; sleep 0.3; done; echo raw and cooked; exit 4";
    let (ended, events) = turn(&server, script).await;

    assert!(events.iter().any(|event| event["body"]["code"] == "driver.raw"), "{events:?}");
    assert!(said(&events, "system").contains("raw and cooked"), "{events:?}");
    assert_eq!(ended["last_outcome"], "failed");
    let end = events.iter().find(|event| event["kind"] == "turn_ended").unwrap();
    assert_eq!(end["body"]["reason"], "the process ended with status 4");
    let plugin = server.api.get("/plugins/stumbling").await;
    assert!(plugin["counters"]["traps"].as_u64().unwrap() >= 3, "{plugin}");
    // A neighbour is none the worse.
    let other = server.api.mission("echo fine").await;
    server.api.reaches(&other, &["awaiting_user"]).await;
}

#[tokio::test]
async fn what_an_agent_does_not_read_for_now_is_written_when_it_does_in_order() {
    let server = server().await;
    // Where the script names it, the driver writes eight pieces of 1 MiB at once, each of another digit.
    let script = "# CHATTER\necho up; until [ -e go ]; do sleep 0.01; done\ntr -s 0-7; echo; echo end";
    let mission = server.api.mission_with(json!({ "prompt": script, "harness": "stumbling" })).await;
    server.api.follow(&mission, 0, |event| event["body"]["text"] == "up\n").await;
    let workspace = server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    std::fs::write(server.data_dir().join(format!("workspaces/{}/tree/go", workspace.as_str().unwrap())), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let events = server.api.events(&mission).await;
    assert_eq!(said(&events, "agent"), "up\n01234567\nend\n");
}
