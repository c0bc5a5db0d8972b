//! Editors drive missions over the Agent Client Protocol: by messages that are held against the protocol's own schema, and
//! by a real client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod acpx;
mod approving;
mod choosing;
mod clients;
mod crashing;
mod editor;
mod leaving;
mod listing;
mod loading;
mod prompting;
mod questions;
mod schema;
mod speaking;

use std::path::PathBuf;

use sandboxed_tests::{Server, config, server::Options, until};
use serde_json::{Value, json};

use editor::Editor;

/// What a script does that waits for one line and tells what it was.
const HEARS: &str = "read -r line; echo \"heard: $line\"\n";
/// What a script does that waits until it may go on.
const WAITS: &str = "until [ -e go ]; do sleep 0.05; done\n";

/// A server with the harness `talking`, whose agent is a script that says and asks what it prints.
struct Lab {
    server: Server,
}

impl Lab {
    async fn start() -> Self {
        let options = Options { config: Some(with_talking()), ..Options::default() };
        Self { server: Server::start_with(options).await }
    }

    /// An editor whose sessions are driven by `talking`, and ask.
    async fn editor(&self) -> Editor {
        self.editor_with(&["--harness", "talking", "--approvals", "ask"], json!({})).await
    }

    async fn editor_with(&self, arguments: &[&str], abilities: Value) -> Editor {
        let mut editor = Editor::open(&self.server.data_dir(), arguments);
        editor.greet(abilities).await;
        editor
    }

    async fn mission(&self, session: &str) -> Value {
        self.server.api.get(&format!("/missions/{session}")).await
    }

    /// Lets the script of a mission go on.
    async fn let_go(&self, session: &str) {
        let workspace = self.mission(session).await["workspace"].as_str().unwrap().to_owned();
        self.server.cli(&["exec", &workspace, "--", "touch", "go"]).success();
    }

    /// Waits until the agent waits for something, and returns it.
    async fn asked(&self, session: &str) -> Value {
        until("the agent to ask", async || {
            let asks = self.server.api.get(&format!("/missions/{session}/asks")).await;
            asks["items"].as_array().unwrap().first().cloned()
        })
        .await
    }
}

/// The configuration of the tests with the harness `talking`.
fn with_talking() -> String {
    let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
    };
    let component = guests.join("talking-harness.wasm");
    assert!(component.exists(), "{} is missing: build it with `make test-guests`", component.display());
    let component = component.canonicalize().unwrap();
    let table =
        format!("\n[[plugin]]\nid = \"talking\"\nkind = \"harness\"\ncomponent = \"{}\"\n", component.display());
    config::of_tests() + &table
}

/// The part of a script by which the agent says something of its protocol.
fn says(said: Value) -> String {
    format!("printf '%s\\n' '{said}'\n")
}

/// The part of a script by which the agent asks to execute a command.
fn asks(id: &str, command: &str) -> String {
    says(json!({ "approval": { "id": id, "tool": "sh", "subject": command, "input": { "command": command } } }))
}
