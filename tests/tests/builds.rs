//! Workspaces that are made step by step: logs, failures, limits, crashes and results that are kept.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Method, StatusCode};
use sandboxed_tests::{Api, Server, config::changed, server::Options, until, within};
use serde_json::{Value, json};

fn step(name: &str, script: &str) -> Value {
    json!({ "name": name, "script": script })
}

async fn create(api: &Api, body: Value) -> Value {
    let workspace = api.post("/workspaces", body).await;
    assert_eq!(workspace["phase"], "building", "{workspace}");
    workspace
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Waits for the end of a workspace's last build.
async fn ended(api: &Api, workspace: &Value) -> Value {
    until("the build to end", async || {
        let shown = api.get(&format!("/workspaces/{}", id(workspace))).await;
        let build = api.get(&format!("/builds/{}", shown["build"].as_str().unwrap())).await;
        build["ended_at"].is_string().then_some(build)
    })
    .await
}

async fn show(api: &Api, workspace: &Value) -> Value {
    api.get(&format!("/workspaces/{}", id(workspace))).await
}

fn states(build: &Value) -> Vec<&str> {
    build["steps"].as_array().unwrap().iter().map(|step| step["state"].as_str().unwrap()).collect()
}

async fn log(api: &Api, build: &Value, step: u32) -> String {
    let request = api.request(Method::GET, &format!("/builds/{}/steps/{step}/log", id(build)));
    within("the log", async { request.send().await.unwrap().text().await.unwrap() }).await
}

fn tree(server: &Server, workspace: &Value) -> PathBuf {
    server.data_dir().join("workspaces").join(id(workspace)).join("tree")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

async fn again(api: &Api, workspace: &Value, from_start: bool) -> Value {
    api.post(&format!("/workspaces/{}/build", id(workspace)), json!({ "from_start": from_start })).await
}

/// Processes of this machine whose command line ends with this.
fn running(end: &str) -> usize {
    let lines = std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.ends_with(format!("{end}\0").as_bytes())).count()
}

/// A time to sleep that no other test has.
fn marker(number: u32) -> String {
    format!("{}.{number}", 3_000_000 + std::process::id())
}

#[tokio::test]
async fn steps_run_in_their_order_each_with_a_log_and_a_mission_waits_for_them() {
    let server = Server::start().await;
    for backend in ["bubblewrap", "host"] {
        let init = [
            step("first", "echo one; echo two >&2; until [ -e go ]; do sleep 0.05; done; echo \"$A\" > made"),
            step("second", "printf '%s, again' \"$(cat made)\"; echo x > ~/in-home"),
        ];
        let workspace =
            create(&server.api, json!({ "backend": backend, "env": { "A": "a value" }, "init": init })).await;
        let body = json!({ "prompt": "cat made ~/in-home", "harness": "shell", "workspace": id(&workspace) });
        let mission = server.api.mission_with(body).await;
        assert_eq!(server.api.state(&mission).await, "queued");
        std::fs::write(tree(&server, &workspace).join("go"), "").unwrap();

        let build = ended(&server.api, &workspace).await;

        assert_eq!((build["state"].as_str(), states(&build)), (Some("done"), vec!["done", "done"]), "{build}");
        assert_eq!(log(&server.api, &build, 1).await, "one\ntwo\n");
        assert_eq!(log(&server.api, &build, 2).await, "a value, again");
        assert_eq!(build["steps"][0]["output_bytes"], 8);
        assert_eq!(show(&server.api, &workspace).await["phase"], "ready");
        server.api.reaches(&mission, &["awaiting_user"]).await;
        assert_eq!(server.api.printed(&mission).await, "a value\nx\n");
    }
}

#[tokio::test]
async fn a_step_that_fails_ends_the_build_and_a_retry_goes_on_after_the_last_that_was_done() {
    let server = Server::start().await;
    let init =
        [step("count", "echo x >> count"), step("needs go", "[ -e go ] || exit 3"), step("last", "echo done > last")];
    let workspace = create(&server.api, json!({ "name": "flaky", "init": init })).await;

    let build = ended(&server.api, &workspace).await;

    assert_eq!((build["state"].as_str(), states(&build)), (Some("failed"), vec!["done", "failed", "queued"]));
    assert_eq!(
        (&build["problem"]["code"], &build["steps"][1]["exit"]),
        (&json!("build.step_failed"), &json!({ "code": 3 }))
    );
    let shown = show(&server.api, &workspace).await;
    assert_eq!((&shown["phase"], &shown["problem"]), (&json!("failed"), &build["problem"]));
    let body = json!({ "prompt": "true", "harness": "shell", "workspace": id(&workspace) });
    let (status, refused) = server.api.call(Method::POST, "/missions", Some(body)).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.not_ready")));
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("needs go") && detail.contains(&id(&build)), "{detail}");

    let made = server.cli(&["exec", "flaky", "--", "touch", "go"]);
    made.success();
    let retried = server.cli(&["workspaces", "build", "flaky"]).success();
    assert!(retried.stderr.contains("step 3 of 3: last"), "{retried:?}");
    let build = ended(&server.api, &workspace).await;
    assert_eq!(states(&build), ["cached", "done", "done"]);
    assert_eq!(read(&tree(&server, &workspace).join("count")), "x\n");
    assert_eq!(show(&server.api, &workspace).await["problem"], Value::Null);

    again(&server.api, &workspace, true).await;
    assert_eq!(states(&ended(&server.api, &workspace).await), ["done", "done", "done"]);
    assert_eq!(read(&tree(&server, &workspace).join("count")), "x\nx\n");
}

#[tokio::test]
async fn a_step_that_hangs_is_killed_when_its_time_is_over() {
    let server = Server::start().await;
    let marker = marker(1);
    let hang = format!("trap '' TERM INT; setsid sleep {marker} & sleep {marker}");
    let workspace =
        create(&server.api, json!({ "init": [{ "name": "hang", "script": hang, "timeout_secs": 1 }] })).await;

    let build = ended(&server.api, &workspace).await;

    assert_eq!((build["state"].as_str(), states(&build)), (Some("failed"), vec!["timed_out"]));
    assert_eq!(build["problem"]["code"], "build.step_timed_out");
    assert_eq!(running(&marker), 0);
}

#[tokio::test]
async fn a_step_that_prints_a_gigabyte_takes_no_more_room_than_it_may() {
    let config = changed(&[("spool_limit = \"256MiB\"", "spool_limit = \"2MiB\"")]);
    let server = Server::start_with(Options { config: Some(config), ..Options::default() }).await;
    let script = "head -c 1073741824 /dev/zero; echo end";
    let workspace = create(&server.api, json!({ "init": [step("print", script)] })).await;

    let build = ended(&server.api, &workspace).await;

    assert_eq!(build["state"], "done", "{build}");
    assert_eq!(build["steps"][0]["output_bytes"], (1_u64 << 30) + 4);
    let run = server.data_dir().join("runs").join(build["steps"][0]["run"].as_str().unwrap());
    let kept: u64 = std::fs::read_dir(run).unwrap().flatten().map(|file| file.metadata().unwrap().len()).sum();
    assert!(kept < 4 << 20, "{kept} bytes");
    let log = log(&server.api, &build, 1).await;
    assert!(log.len() < 4 << 20 && log.ends_with("end\n"), "{} bytes", log.len());
}

#[tokio::test]
async fn a_cancelled_build_leaves_no_process_and_a_workspace_can_be_removed_while_it_is_built() {
    let server = Server::start().await;
    let marker = marker(2);
    let script = format!("echo up; exec sleep {marker}");
    let body = json!({ "init": [step("sleep", &script), step("never", "true")] });
    let workspace = create(&server.api, body.clone()).await;
    until("the step", async || (running(&marker) > 0).then_some(())).await;

    let path = format!("/builds/{}/cancel", workspace["build"].as_str().unwrap());
    let build = server.api.post(&path, Value::Null).await;

    assert_eq!((build["state"].as_str(), states(&build)), (Some("cancelled"), vec!["cancelled", "cancelled"]));
    assert_eq!(running(&marker), 0);
    assert_eq!(show(&server.api, &workspace).await["phase"], "failed");
    assert_eq!(server.api.post(&path, Value::Null).await, build, "a build that has ended stays as it is");

    let other = create(&server.api, body).await;
    until("the step", async || (running(&marker) > 0).then_some(())).await;
    let (status, _) = server.api.call(Method::DELETE, &format!("/workspaces/{}", id(&other)), None).await;
    assert_eq!((status, running(&marker)), (StatusCode::NO_CONTENT, 0));
    let (status, _) =
        server.api.call(Method::GET, &format!("/builds/{}", other["build"].as_str().unwrap()), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_build_goes_on_when_the_server_was_killed_in_the_middle_of_a_step() {
    let mut server = Server::start().await;
    let script = "echo before; until [ -e go ]; do sleep 0.05; done; echo after";
    let workspace = create(&server.api, json!({ "init": [step("wait", script), step("next", "echo next")] })).await;
    let build = json!({ "id": workspace["build"] });
    let request = server.api.request(Method::GET, &format!("/builds/{}/steps/1/log", id(&build)));
    let mut answer = within("the log", request.send()).await.unwrap();
    within("a line", answer.chunk()).await.unwrap().unwrap();

    server.crash();
    std::fs::write(tree(&server, &workspace).join("go"), "").unwrap();
    server.restart().await;

    let build = ended(&server.api, &workspace).await;
    assert_eq!((build["state"].as_str(), states(&build)), (Some("done"), vec!["done", "done"]), "{build}");
    assert_eq!(log(&server.api, &build, 1).await, "before\nafter\n");
    assert_eq!(show(&server.api, &workspace).await["phase"], "ready");
}

#[tokio::test]
async fn a_build_whose_step_was_lost_with_the_server_is_marked_and_can_be_taken_up_again() {
    let mut server = Server::start().await;
    let script = "echo x >> tries; until [ -e go ]; do sleep 0.05; done";
    let workspace = create(&server.api, json!({ "init": [step("one", "true"), step("wait", script)] })).await;
    let tries = tree(&server, &workspace).join("tries");
    until("the step", async || tries.exists().then_some(())).await;
    let shown = server.api.get(&format!("/builds/{}", workspace["build"].as_str().unwrap())).await;
    let meta = server.data_dir().join("runs").join(shown["steps"][1]["run"].as_str().unwrap()).join("meta.json");
    let meta: Value = serde_json::from_str(&read(&meta)).unwrap();

    server.crash();
    kill(Pid::from_raw(i32::try_from(meta["shim_pid"].as_i64().unwrap()).unwrap()), Signal::SIGKILL).unwrap();
    server.restart().await;

    let build = ended(&server.api, &workspace).await;
    assert_eq!((build["state"].as_str(), states(&build)), (Some("failed"), vec!["done", "failed"]), "{build}");
    assert_eq!(build["problem"]["code"], "build.interrupted");
    assert_eq!(show(&server.api, &workspace).await["phase"], "failed");
    std::fs::write(tree(&server, &workspace).join("go"), "").unwrap();
    again(&server.api, &workspace, false).await;
    assert_eq!(states(&ended(&server.api, &workspace).await), ["cached", "done"]);
    assert_eq!(read(&tries), "x\nx\n");
}

#[tokio::test]
async fn a_build_that_fills_the_disk_fails_and_the_server_goes_on() {
    let server = Server::start_with(Options { disk: Some(64 << 20), ..Options::default() }).await;
    let script = "head -c 200000000 /dev/zero > big";
    let workspace = create(&server.api, json!({ "init": [step("fill", script)] })).await;
    let big = tree(&server, &workspace).join("big");
    until("the disk to be full", async || {
        let full = nix::sys::statvfs::statvfs(&server.data_dir()).unwrap().blocks_available() == 0;
        full.then_some(())
    })
    .await;
    // The end can be stored as soon as there is room, and no sooner.
    std::fs::remove_file(big).unwrap();

    let build = ended(&server.api, &workspace).await;

    assert_eq!((build["state"].as_str(), states(&build)), (Some("failed"), vec!["failed"]), "{build}");
    server.api.get("/workspaces").await;
    let after = create(&server.api, json!({ "init": [step("small", "echo ok > ok")] })).await;
    assert_eq!(ended(&server.api, &after).await["state"], "done");
}

/// A step whose result differs each time it is run, and is kept.
fn kept(extra: &str) -> Value {
    let script = format!("{extra}cat /proc/sys/kernel/random/uuid > made; mkdir -p ~/d; ln -s nowhere ~/d/link");
    json!({ "name": "make", "script": script, "cache": true })
}

fn cache(server: &Server) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(server.data_dir().join("cache/steps")).unwrap().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[tokio::test]
async fn what_was_made_for_one_workspace_is_not_made_again_for_the_next() {
    let server = Server::start().await;
    let made = |workspace: &Value| read(&tree(&server, workspace).join("made"));
    let first = create(&server.api, json!({ "init": [kept(""), step("more", "echo more > more")] })).await;
    assert_eq!(states(&ended(&server.api, &first).await), ["done", "done"]);
    assert_eq!(cache(&server).len(), 1, "the quick step is not worth a copy");

    let second =
        create(&server.api, json!({ "init": [kept(""), step("more", "test -O made && echo mine > more")] })).await;
    let build = ended(&server.api, &second).await;
    assert_eq!((states(&build), made(&second)), (vec!["cached", "done"], made(&first)), "{build}");
    assert_eq!(log(&server.api, &build, 1).await, "");
    assert_eq!(read(&tree(&server, &second).join("more")), "mine\n", "the files are its own");
    let home = tree(&server, &second).with_file_name("home");
    assert_eq!(std::fs::read_link(home.join("d/link")).unwrap(), Path::new("nowhere"));

    let earlier = create(&server.api, json!({ "init": [step("before", "true"), kept("")] })).await;
    assert_eq!(states(&ended(&server.api, &earlier).await), ["done", "done"]);
    assert_ne!(made(&earlier), made(&first), "an earlier step that differs changes all after it");
    let other = create(&server.api, json!({ "init": [kept("")], "env": { "A": "1" } })).await;
    assert_eq!(states(&ended(&server.api, &other).await), ["done"], "another variable may change what a step does");
}

#[tokio::test]
async fn a_kept_result_that_is_not_what_it_was_is_made_anew() {
    let server = Server::start().await;
    let first = create(&server.api, json!({ "init": [kept("")] })).await;
    ended(&server.api, &first).await;
    std::fs::write(cache(&server)[0].join("tree/made"), "something else").unwrap();

    let second = create(&server.api, json!({ "init": [kept("")] })).await;

    assert_eq!(states(&ended(&server.api, &second).await), ["done"]);
    assert!(!read(&tree(&server, &second).join("made")).contains("something else"));
    let third = create(&server.api, json!({ "init": [kept("")] })).await;
    assert_eq!(states(&ended(&server.api, &third).await), ["cached"]);
}

#[tokio::test]
async fn two_builds_of_the_same_at_once_both_end_well() {
    let server = Server::start().await;
    let body = json!({ "init": [kept("sleep 0.3; ")] });
    let (one, other) = tokio::join!(create(&server.api, body.clone()), create(&server.api, body.clone()));

    for workspace in [&one, &other] {
        let build = ended(&server.api, workspace).await;
        assert_eq!((build["state"].as_str(), states(&build)), (Some("done"), vec!["done"]), "{build}");
    }
    assert_eq!(cache(&server).len(), 1);
    let third = create(&server.api, body).await;
    assert_eq!(states(&ended(&server.api, &third).await), ["cached"]);
}

#[tokio::test]
async fn steps_that_cannot_be_meant_are_refused_with_the_reason() {
    let server = Server::start().await;
    for (init, said) in [
        (json!([step("", "true")]), "name"),
        (json!([step("x", "")]), "script"),
        (json!([{ "name": "x", "script": "true", "timeout_secs": 0 }]), "timeout_secs"),
        (json!([{ "name": "x", "script": "true", "secrets": ["NONE"] }]), "NONE"),
    ] {
        let (status, problem) = server.api.call(Method::POST, "/workspaces", Some(json!({ "init": init }))).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
    let listed = server.api.get("/workspaces").await;
    assert_eq!(listed["items"], json!([]), "nothing was made");
}

#[tokio::test]
async fn the_command_line_shows_the_log_and_fails_as_the_build_does() {
    let server = Server::start().await;
    let file = server.data_dir().join("setup.sh");
    std::fs::write(&file, "echo from the script\nexit 7\n").unwrap();

    let made = server.cli(&["workspaces", "create", "w", "--init", file.to_str().unwrap()]);

    assert_eq!(made.code, 1, "{made:?}");
    assert!(made.stdout.starts_with("from the script\n"), "{made:?}");
    assert!(made.stderr.contains("step 1 of 1: setup.sh") && made.stderr.contains("status 7"), "{made:?}");
    let log = server.cli(&["workspaces", "log", "w"]).success();
    assert_eq!(log.stdout, "from the script\n");
    let builds = server.cli(&["workspaces", "builds", "w", "--json"]).success();
    let builds: Value = serde_json::from_str(&builds.stdout).unwrap();
    assert_eq!(builds[0]["state"], "failed");
    assert!(server.cli(&["workspaces", "show", "w"]).success().stdout.contains("status 7"));
    server.cli(&["workspaces", "delete", "w"]).success();
    let left = server.cli(&["workspaces", "create", "w", "--no-wait", "--init", file.to_str().unwrap()]).success();
    assert!(left.stdout.contains("is being made"), "{left:?}");
}
