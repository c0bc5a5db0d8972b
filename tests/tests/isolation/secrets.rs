//! A secret reaches whom it was granted to, and is written nowhere.

use std::{fs, path::Path};

use sandboxed_tests::{Server, config, server::Options};
use serde_json::json;

use crate::{backends::Backend, of_kind, workspace};

on_each_backend!(
    a_granted_secret_arrives_and_is_in_no_argument_file_event_or_log,
    a_secret_that_was_not_granted_is_refused
);

const VALUE: &str = "correct-horse-battery-staple";

/// A server that also has the harness `stumbling`, whose scripts get a secret.
async fn keeping_server(backend: &Backend, grant: &str) -> (Server, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    let key = keys.path().join("key");
    fs::write(&key, format!("{VALUE}\n")).unwrap();
    let guests = match std::env::var_os("SANDBOXED_SH_TEST_GUESTS") {
        Some(folder) => Path::new(&folder).to_owned(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests-tests/wasm"),
    };
    let component = guests.join("stumbling-harness.wasm").canonicalize().unwrap();
    let config = (backend.config)()
        .unwrap_or_else(config::of_tests)
        .replace("\n[secrets]\n", &format!("\n[secrets]\ntoken = {{ file = \"{}\" }}\n", key.display()));
    let table = format!(
        "\n[[plugin]]\nid = \"stumbling\"\nkind = \"harness\"\ncomponent = \"{}\"\n{grant}\n",
        component.display()
    );
    let options = Options { config: Some(format!("{config}{table}")), ..Options::default() };
    (Server::start_with(options).await, keys)
}

/// Files below a directory that hold the value.
fn holding(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(holding(&path));
        } else if kind.is_file() && holds(&fs::read(&path).unwrap_or_default()) {
            found.push(path.display().to_string());
        }
    }
    found
}

fn holds(bytes: &[u8]) -> bool {
    bytes.windows(VALUE.len()).any(|window| window == VALUE.as_bytes())
}

async fn a_granted_secret_arrives_and_is_in_no_argument_file_event_or_log(backend: &Backend) {
    let (server, _keys) = keeping_server(backend, "grants.secrets = [\"token\"]").await;
    let workspace = workspace(&server, backend, json!({})).await;
    let (prefix, rest) = VALUE.split_at(8);
    let script = format!(
        "case $TOKEN in {prefix}*) echo \"${{#TOKEN}} characters\";; esac\n\
         until [ -e go ]; do sleep 0.01; done; [ \"${{TOKEN#{prefix}}}\" = {rest} ] && echo all of it"
    );
    let body = json!({ "prompt": script, "harness": "stumbling", "workspace": workspace });
    let mission = server.api.mission_with(body).await;
    server.api.follow(&mission, 0, |event| event["body"]["role"] == "agent").await;

    let with_it: Vec<_> = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|process| process.file_name().to_string_lossy().parse::<u32>().is_ok())
        .filter(|process| fs::read(process.path().join("cmdline")).is_ok_and(|line| holds(&line)))
        .map(|process| process.file_name())
        .collect();
    assert_eq!(with_it, Vec::<std::ffi::OsString>::new(), "it is on a command line");
    assert_eq!(holding(&server.data_dir()), Vec::<String>::new());
    fs::write(server.data_dir().join(format!("workspaces/{workspace}/tree/go")), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let said = of_kind(&server, &mission, "message").await;
    let agents = said.iter().filter(|body| body["role"] == "agent").map(|body| body["text"].as_str().unwrap());
    assert_eq!(agents.collect::<String>(), format!("{} characters\nall of it\n", VALUE.len()));
    assert!(!holds(json!(server.api.events(&mission).await).to_string().as_bytes()));
    assert_eq!(holding(&server.data_dir()), Vec::<String>::new());
    assert!(!holds(server.log().as_bytes()));
}

async fn a_secret_that_was_not_granted_is_refused(backend: &Backend) {
    let (server, _keys) = keeping_server(backend, "").await;
    let workspace = workspace(&server, backend, json!({})).await;

    let body = json!({ "prompt": "echo \"$TOKEN\"", "harness": "stumbling", "workspace": workspace });
    let mission = server.api.mission_with(body).await;
    let failed = server.api.reaches(&mission, &["failed", "awaiting_user"]).await;

    assert_eq!(
        (failed["state"].as_str(), failed["problem"]["code"].as_str()),
        (Some("failed"), Some("secrets.denied"))
    );
}
