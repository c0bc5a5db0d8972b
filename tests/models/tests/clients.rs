//! The official clients of the providers understand every answer, stream and error of the server.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sandboxed_scripted_models::{End, Options, Scenario, Server};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// Where the clients are installed.
fn installed() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/model-clients.sh");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// Passes the tests of a program against a server of its own, and checks the server's account of them.
async fn passes(base: &'static str, command: impl FnOnce(&Path) -> Command + Send + 'static) {
    let scenario = Scenario::load(&clients().join("scenario.toml")).unwrap();
    let server = Server::start(Options { scenario, ..Options::default() }).await.unwrap();
    let url = format!("{}{base}", server.url());
    let run = move || -> Output {
        let mut command = command(&installed());
        command.env("URL", url).env_remove("KEY").env("NO_COLOR", "1").env("NO_PROXY", "*").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    let ran = printed.contains("\nOK") && !printed.contains("Ran 0 tests") || printed.contains("\n# fail 0");
    assert!(ran, "{printed}");
    let ledger = server.ledger();
    assert!(ledger.len() > 10);
    assert!(ledger.iter().any(|record| record.end == End::Complete && record.usage.is_some()));
    assert!(ledger.iter().any(|record| record.end == End::Fault));
}

fn python(program: &'static str) -> impl FnOnce(&Path) -> Command + Send {
    move |installed| {
        let mut command = Command::new(installed.join("python/bin/python"));
        command.arg(clients().join(program));
        command
    }
}

fn node(program: &'static str) -> impl FnOnce(&Path) -> Command + Send {
    move |installed| {
        let mut command = Command::new("node");
        command.args(["--test", "--test-reporter=tap"]).arg(installed.join("node").join(program));
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_of_anthropic_passes() {
    passes("/anthropic", python("anthropic_client.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_of_openai_passes() {
    passes("/openai/v1", python("openai_client.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_of_google_passes() {
    passes("/google", python("google_client.py")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_of_anthropic_passes() {
    passes("/anthropic", node("anthropic.test.js")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_of_openai_passes() {
    passes("/openai/v1", node("openai.test.js")).await;
}
