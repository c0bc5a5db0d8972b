//! Helper programs on behalf of plugins: only those that were granted, and only their own code.

use std::{env, os::unix::fs::symlink, path::PathBuf, time::Duration};

use sandboxed_model::{Blame, Failure, backend::Observed};
use sandboxed_plugins::PluginHost;
use serde_json::{Value, json};

use crate::support::{hostile_backend, id, spec, start};

async fn run(host: &PluginHost, order: Value) -> Result<String, Failure> {
    let made = host.backend(&id("runner"))?.ensure(&spec(&order)).await;
    made.map(|Observed { detail, .. }| detail)
}

async fn granted(programs: &[&str]) -> PluginHost {
    start(&[hostile_backend(programs)]).await
}

fn on_path(program: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file()).unwrap()
}

#[tokio::test]
async fn a_program_that_was_granted_runs_by_its_name_and_by_its_path() {
    let host = granted(&["echo"]).await;
    for program in [json!("echo"), json!(on_path("echo"))] {
        assert_eq!(run(&host, json!({"program": program, "args": ["$HOME", "*"]})).await.unwrap(), "$HOME *\n");
    }
}

#[tokio::test]
async fn a_program_that_was_not_granted_is_refused_by_name_by_path_and_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("echo");
    symlink(on_path("sh"), &link).unwrap();
    let host = granted(&["echo"]).await;
    let script = json!(["-c", "echo escaped"]);
    for program in [
        json!("sh"),
        json!(on_path("sh")),
        json!(link),
        json!("./echo"),
        json!("../bin/echo"),
        json!(format!("{}/../bin/sh", on_path("echo").parent().unwrap().display())),
        json!(""),
        json!("echo\0"),
        json!("ECHO"),
    ] {
        let failure = run(&host, json!({"program": program, "args": script})).await.unwrap_err();
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "run.denied"), "{program}");
        assert_eq!(failure.plugin, Some(id("runner")));
        assert!(failure.hint.unwrap().starts_with("grants.run = "));
    }
}

#[tokio::test]
async fn variables_that_change_which_code_runs_are_refused() {
    let host = granted(&["env"]).await;
    for name in ["PATH", "LD_PRELOAD", "LD_LIBRARY_PATH", "DYLD_INSERT_LIBRARIES", "A=B"] {
        let failure = run(&host, json!({"program": "env", "env": {name: "/tmp/evil.so"}})).await.unwrap_err();
        assert_eq!((failure.blame, failure.code.as_str()), (Blame::Denied, "run.variable_denied"), "{name}");
    }
}

#[tokio::test]
async fn a_program_gets_the_variables_that_it_is_given_and_none_of_the_servers() {
    let host = granted(&["env"]).await;
    let printed = run(&host, json!({"program": "env", "env": {"GIVEN": "yes"}})).await.unwrap();
    let mut names: Vec<_> = printed.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["GIVEN", "LANG", "PATH"]);
}

#[tokio::test]
async fn a_granted_secret_is_put_in_place_and_another_is_refused() {
    let mut config = hostile_backend(&["printenv"]);
    config.grants.secrets = vec!["token".to_owned()];
    let host = start(&[config]).await;
    let order = |secret: &str| json!({"program": "printenv", "args": ["KEY"], "secrets": {"KEY": secret}});
    assert_eq!(run(&host, order("token")).await.unwrap(), "value-of-token\n");
    assert_eq!(run(&host, order("other")).await.unwrap_err().code, "secrets.denied");
}

#[tokio::test]
async fn a_granted_program_that_is_not_installed_is_told_as_missing() {
    let host = granted(&["no-such-program-here"]).await;
    let failure = run(&host, json!({"program": "no-such-program-here"})).await.unwrap_err();
    assert_eq!((failure.blame, failure.code.as_str()), (Blame::Unavailable, "run.program_missing"));
    assert!(failure.hint.unwrap().contains("install"));
}

#[tokio::test]
async fn a_program_that_does_not_end_is_given_up_at_the_calls_deadline() {
    let mut config = hostile_backend(&["sleep"]);
    config.limits.deadline.0 = Duration::from_secs(1);
    let host = start(&[config]).await;
    let failure = run(&host, json!({"program": "sleep", "args": ["600"]})).await.unwrap_err();
    assert_eq!((failure.blame, failure.plugin), (Blame::Deadline, Some(id("runner"))));
}
