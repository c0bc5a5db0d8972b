//! A making that is cancelled, takes too long, or is waited for.

use serde_json::{Value, json};

use crate::lab::{
    SilentMirror, assert_nothing_is_left, at_work, build, cancel, create, ended, first_step, id, show, with_mirror,
};

fn running(step: &Value) -> bool {
    step["state"] == "running"
}

#[tokio::test]
async fn who_wants_what_another_makes_waits_and_is_cancelled_alone() {
    let mirror = SilentMirror::new();
    let server = with_mirror(&mirror.url(), 600, &[]).await;
    let maker = create(&server, json!({})).await;
    mirror.is_asked().await;
    let waiting = create(&server, json!({})).await;

    let step = first_step(&server, &waiting, |step| step["waits_for"].is_string()).await;
    assert_eq!(step["waits_for"], build(&server, &maker).await["id"]);
    assert_eq!((&step["state"], &step["run"]), (&json!("queued"), &Value::Null));

    let cancelled = cancel(&server, &waiting).await;
    assert_eq!((&cancelled["state"], &cancelled["problem"]["code"]), (&json!("cancelled"), &json!("build.cancelled")));
    assert!(running(&first_step(&server, &maker, running).await));
    assert!(at_work(&server) > 0);

    assert_eq!(cancel(&server, &maker).await["state"], "cancelled");
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn when_the_maker_is_cancelled_the_next_that_waits_makes_it() {
    let mirror = SilentMirror::new();
    let server = with_mirror(&mirror.url(), 600, &[]).await;
    let maker = create(&server, json!({})).await;
    mirror.is_asked().await;
    let next = create(&server, json!({})).await;
    first_step(&server, &next, |step| step["waits_for"].is_string()).await;

    cancel(&server, &maker).await;

    let step = first_step(&server, &next, running).await;
    assert_eq!(step["waits_for"], Value::Null);
    cancel(&server, &next).await;
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_workspace_that_is_removed_while_its_system_is_made_leaves_nothing() {
    let mirror = SilentMirror::new();
    let server = with_mirror(&mirror.url(), 600, &[]).await;
    let workspace = create(&server, json!({})).await;
    mirror.is_asked().await;

    let path = format!("/workspaces/{}", id(&workspace));
    let (status, answer) = server.api.call(reqwest::Method::DELETE, &path, None).await;

    assert!(status.is_success(), "{answer}");
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_making_that_takes_too_long_is_killed() {
    let mirror = SilentMirror::new();
    let server = with_mirror(&mirror.url(), 600, &[("SANDBOXED_SH__WORKSPACES__SYSTEM_TIMEOUT", "1s")]).await;
    let workspace = create(&server, json!({})).await;

    let build = ended(&server, &workspace).await;

    assert_eq!(
        (&build["steps"][0]["state"], &build["problem"]["code"]),
        (&json!("timed_out"), &json!("build.step_timed_out"))
    );
    assert!(build["problem"]["hint"].as_str().unwrap().contains("workspaces.system_timeout"), "{build}");
    assert_eq!(show(&server, &workspace).await["phase"], "failed");
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_making_that_outlives_its_server_is_taken_up_by_the_next_and_who_waits_still_waits() {
    let mirror = SilentMirror::new();
    let mut server = with_mirror(&mirror.url(), 600, &[]).await;
    let maker = create(&server, json!({})).await;
    mirror.is_asked().await;
    let waiting = create(&server, json!({})).await;
    first_step(&server, &waiting, |step| step["waits_for"].is_string()).await;
    let run = first_step(&server, &maker, running).await["run"].take();

    server.crash();
    server.restart().await;

    assert_eq!(first_step(&server, &maker, running).await["run"], run);
    first_step(&server, &waiting, |step| step["waits_for"].is_string()).await;
    cancel(&server, &waiting).await;
    cancel(&server, &maker).await;
    assert_nothing_is_left(&server);
}

#[tokio::test]
async fn a_making_that_was_lost_with_its_server_fails_and_leaves_nothing() {
    let mirror = SilentMirror::new();
    let mut server = with_mirror(&mirror.url(), 600, &[]).await;
    let workspace = create(&server, json!({})).await;
    mirror.is_asked().await;
    let run = first_step(&server, &workspace, running).await["run"].as_str().unwrap().to_owned();
    let meta = std::fs::read_to_string(server.data_dir().join("runs").join(&run).join("meta.json")).unwrap();
    let meta: Value = serde_json::from_str(&meta).unwrap();
    let shim = meta["shim_pid"].as_i64().or_else(|| meta["shim"]["pid"].as_i64()).unwrap();

    // As when the machine goes down.
    server.crash();
    let shim = nix::unistd::Pid::from_raw(i32::try_from(shim).unwrap());
    nix::sys::signal::kill(shim, nix::sys::signal::Signal::SIGKILL).unwrap();
    server.restart().await;

    let build = ended(&server, &workspace).await;
    assert_eq!((&build["state"], &build["problem"]["code"]), (&json!("failed"), &json!("build.interrupted")));
    assert_nothing_is_left(&server);
}
