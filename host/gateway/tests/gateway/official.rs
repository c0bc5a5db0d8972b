//! The official clients of the providers pass their tests through the gateway as they do without it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use sandboxed_gateway::Reason;
use sandboxed_model::request::RequestEnd;
use sandboxed_scripted_models::{Options, Scenario, Server};

use crate::desk::{Account, Door, MemoryDesk, TOKEN, refusal};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/models")
}

/// Where the clients are installed.
fn installed() -> PathBuf {
    let output = Command::new(models().join("../../scripts/model-clients.sh")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

async fn passes(base: &'static str, command: impl FnOnce(&Path) -> Command + Send + 'static) {
    let scenario = Scenario::load(&models().join("clients/scenario.toml")).unwrap();
    let server = Server::start(Options { scenario, ..Options::default() }).await.unwrap();
    let desk = MemoryDesk::of([Account::at(&server)]);
    // The clients' tests want the 403 that they provoke; what is told of a refused key is the desk's to say.
    *desk.refused.lock().unwrap() = Some(refusal(Reason::ModelDenied, "unsupported_country_region_territory"));
    let door = Door::open(desk).await;
    let url = format!("http://{}{base}", door.address);
    let run = move || -> Output {
        let mut command = command(&installed());
        command.env("URL", url).env("KEY", TOKEN).env("NO_COLOR", "1").env("NO_PROXY", "*").output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    let ran = printed.contains("\nOK") && !printed.contains("Ran 0 tests") || printed.contains("\n# fail 0");
    assert!(ran, "{printed}");
    let settled = door.desk.all(10).await;
    assert!(settled.iter().any(|settled| settled.end == RequestEnd::Complete && settled.tokens.is_some()));
    assert!(settled.iter().any(|settled| settled.end == RequestEnd::Cut));
}

fn python(program: &'static str) -> impl FnOnce(&Path) -> Command + Send {
    move |installed| {
        let mut command = Command::new(installed.join("python/bin/python"));
        command.arg(models().join("clients").join(program));
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
