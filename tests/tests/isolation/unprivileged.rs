//! The same with a server that is an ordinary user: it cannot give workspaces users of their own, and says what it
//! cannot limit.

use futures_util::future::join_all;
use sandboxed_tests::{Server, server::Options, until};
use serde_json::{Value, json};

use crate::{
    backends::{BUBBLEWRAP, Backend, HOST},
    begin, cancel,
    cancelling::clinging,
    escape::{Scene, assert_reached},
    leftovers::{Traces, sleepers},
    refused, said, workspace,
};

on_each_backend!(on the machines programs:
    only_the_ways_that_are_known_lead_out,
    runs_are_cancelled_and_nothing_of_them_is_left,
    a_limit_that_cannot_be_had_is_refused_and_one_that_was_not_asked_for_is_left_out,
);

/// Nobody's.
const USER: u32 = 64_321;

fn as_a_user() -> Options {
    Options {
        user: Some(USER),
        // As on a machine: /tmp is for everybody.
        place: Some("/var/lib".into()),
        environment: vec![("SANDBOXED_SH__MISSIONS__MAX_PARALLEL_PER_WORKSPACE".to_owned(), "10".to_owned())],
        ..Options::default()
    }
}

async fn only_the_ways_that_are_known_lead_out(backend: &Backend) {
    let mut scene = Scene::new(backend, as_a_user()).await;

    let outcomes = scene.attack().await;

    assert_reached(&outcomes, backend.shared_with_a_user);
    scene.survives().await;
}

#[tokio::test]
async fn with_the_backend_host_a_data_directory_below_tmp_is_out_of_reach_like_any_other() {
    let server = Server::start_with(Options { place: None, ..as_a_user() }).await;
    let mine = workspace(&server, &HOST, json!({})).await;
    let (data, theirs) = (server.data_dir(), workspace(&server, &HOST, json!({})).await);
    let script = format!(
        "cd {}; cat server.json; ls; ls workspaces/{theirs}/tree; touch made workspaces/{theirs}/tree/made\n\
         file=$(mktemp) && echo kept >$file && cat $file",
        data.display()
    );

    assert_eq!(said(&server, &mine, &script).await, "kept\n");

    assert!(!data.join("made").exists() && !data.join(format!("workspaces/{theirs}/tree/made")).exists());
}

#[tokio::test]
async fn killing_everything_kills_nothing_outside_of_bubblewrap() {
    let mut scene = Scene::new(&BUBBLEWRAP, as_a_user()).await;

    said(&scene.server, &scene.attacker, "trap '' TERM; kill -9 -1; kill -TERM -1; echo done").await;

    scene.survives().await;
}

async fn runs_are_cancelled_and_nothing_of_them_is_left(backend: &Backend) {
    let server = Server::start_with(as_a_user()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let mark = format!("5{}.1", server.pid());
    let script = clinging(&mark, &format!("sleep {mark}"));
    let missions = join_all((0..4).map(|_| begin(&server, &workspace, &script))).await;
    until("all processes", async || (sleepers(&mark).len() == 4 * 7).then_some(())).await;

    join_all(missions.iter().map(|mission| cancel(&server, mission))).await;

    assert_eq!(sleepers(&mark), Vec::<u32>::new());
    let traces = Traces::of_all(&server);
    crate::delete(&server, &workspace).await;
    assert_eq!(traces.found(), Vec::<String>::new());
}

async fn a_limit_that_cannot_be_had_is_refused_and_one_that_was_not_asked_for_is_left_out(backend: &Backend) {
    let server = Server::start_with(as_a_user()).await;

    let (status, problem) = refused(&server, backend.workspace(json!({ "limits": { "memory": 64 << 20 } }))).await;
    let made = server.api.post("/workspaces", backend.workspace(json!({}))).await;

    assert_eq!((status.as_u16(), problem["code"].as_str()), (503, Some("workspace.limits_unavailable")), "{problem}");
    assert!(problem["hint"].as_str().unwrap().contains("root"), "{problem}");
    assert_eq!((&made["limits"]["memory"], &made["user"]), (&Value::Null, &Value::Null), "{made}");
    assert_eq!(said(&server, made["id"].as_str().unwrap(), "echo limitless").await, "limitless\n");
}
