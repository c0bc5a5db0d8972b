//! Somebody outside of the repository writes a plugin and uses it, with no change to the host.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use sandboxed_tests::{
    Server,
    api::assert_gap_free,
    cli::{self, finished},
    server::Options,
};
use serde_json::json;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Begins a project with `plugin new` and passes its own test.
fn project(folder: &Path, kind: &str, name: &str) -> PathBuf {
    let mut new = Command::new(cli::binary());
    new.args(["plugin", "new", "--kind", kind, "--lang", "rust", name]).current_dir(folder);
    finished(new.output().unwrap()).success();
    let project = folder.join(name);
    let mut test = Command::new("cargo");
    // Kept between runs, so that what the project depends on is built once.
    let target = repository().join("target/third-party").join(name);
    test.args(["test", "--quiet"]).current_dir(&project).env("CARGO_TARGET_DIR", target);
    let tested = finished(test.output().unwrap()).success();
    assert!(tested.stdout.contains("1 passed"), "{tested:?}");
    project
}

/// Compiles a project to a component.
fn component(project: &Path, name: &str) -> PathBuf {
    let out = project.join("out");
    let mut build = Command::new(repository().join("scripts/guests.sh"));
    build.arg("build").arg(project).arg(&out);
    finished(build.output().unwrap()).success();
    out.join(format!("{name}.wasm"))
}

#[tokio::test]
async fn a_harness_from_elsewhere_runs_a_mission_with_one_table_more_in_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path(), "harness", "echoer");
    let component = component(&project, "echoer");
    let mut verify = Command::new(cli::binary());
    let verified = finished(verify.args(["plugin", "verify"]).arg(&component).output().unwrap()).success();
    assert!(verified.stdout.contains("id = \"echoer\"\nkind = \"harness\""), "{verified:?}");
    let table = verified.stdout.split_once("[[plugin]]").unwrap().1;
    let config = format!("{}\n[[plugin]]{table}", include_str!("../../config/sandboxed.toml"));

    let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;
    let mission = server.api.mission_with(json!({ "prompt": "grüß dich", "harness": "echoer" })).await;
    let ended = server.api.reaches(&mission, &["awaiting_user", "failed"]).await;

    assert_eq!(ended["last_outcome"], "completed", "{ended}");
    let events = server.api.events(&mission).await;
    assert_gap_free(&events);
    let answer = events.iter().find(|event| event["body"]["role"] == "agent").unwrap();
    assert_eq!(answer["body"]["text"], "grüß dich");
}

#[test]
fn projects_of_the_other_kinds_pass_their_own_tests() {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), "tools", "counter");
    project(folder.path(), "backend", "gentle");
}
