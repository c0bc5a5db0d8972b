//! The server is killed at any moment, and nothing is lost or told twice.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use rand::RngExt;
use sandboxed_tests::{Server, api::assert_gap_free, until};
use serde_json::{Value, json};

/// Lines `1`, `2`, `3` …, each with the process id of who printed it.
const COUNTER: &str = r#"
n=0
until [ -e stop ]; do
    n=$((n + 1)); echo "$n $$"; read -rt 0.001 <> <(:) || :
done
echo "end $n"
"#;

#[tokio::test]
async fn a_mission_goes_on_through_twenty_crashes_and_every_line_is_told_once_in_order() {
    let mut server = Server::start().await;
    let mission = server.api.mission(COUNTER).await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let workspace = server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    let tree = server.data_dir().join(format!("workspaces/{}/tree", workspace.as_str().unwrap()));
    let mut random = rand::rng();
    for _ in 0..20 {
        // The moment of the crash is what is being varied; nothing is waited for.
        tokio::time::sleep(Duration::from_millis(random.random_range(0..400))).await;
        server.crash();
        server.restart().await;
    }
    let seen = server.api.get(&format!("/missions/{mission}")).await["last_seq"].as_u64().unwrap();
    server.api.follow(&mission, seen, |event| event["kind"] == "tool_output").await;
    std::fs::write(tree.join("stop"), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let printed = server.api.printed(&mission).await;
    let lines: Vec<&str> = printed.lines().collect();
    let (last, counted) = lines.split_last().unwrap();
    let printer = counted[0].split_once(' ').unwrap().1;
    for (index, line) in counted.iter().enumerate() {
        assert_eq!(*line, format!("{} {printer}", index + 1), "line {index} of {}", counted.len());
    }
    assert_eq!(*last, format!("end {}", counted.len()));
    let runs = server.api.events(&mission).await.iter().filter(|event| event["kind"] == "run_started").count();
    assert_eq!(runs, 1, "the process was started again");
}

/// The directory of a mission's run. There are others: what holds a workspace's network is a run, too.
async fn run_of(server: &Server, mission: &str) -> std::path::PathBuf {
    let events = server.api.follow(mission, 0, |event| event["kind"] == "run_started").await;
    server.data_dir().join("runs").join(events.last().unwrap()["body"]["run"].as_str().unwrap())
}

#[tokio::test]
async fn a_process_that_ends_while_the_server_is_down_is_told_with_its_exit_code() {
    let mut server = Server::start().await;
    let mission = server.api.mission("echo before; until [ -e go ]; do sleep 0.01; done; echo after; exit 9").await;
    server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    let workspace = server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    let run = run_of(&server, &mission).await;
    server.crash();
    let tree = server.data_dir().join(format!("workspaces/{}/tree", workspace.as_str().unwrap()));
    std::fs::write(tree.join("go"), "").unwrap();
    until("the process to end", async || run.join("exit.json").exists().then_some(())).await;
    server.restart().await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    assert_eq!(server.api.printed(&mission).await, "before\nafter\n");
    let events = server.api.events(&mission).await;
    let ended: Vec<&Value> = events.iter().filter(|event| event["kind"] == "turn_ended").collect();
    assert_eq!(ended.len(), 1);
    assert!(ended[0]["body"]["reason"].as_str().unwrap().contains('9'), "{ended:?}");
}

#[tokio::test]
async fn queued_messages_and_waiting_missions_survive_a_crash() {
    let mut options = sandboxed_tests::server::Options::default();
    options.environment.push(("SANDBOXED_SH__MISSIONS__MAX_PARALLEL".to_owned(), "1".to_owned()));
    let mut server = Server::start_with(options).await;
    let running = server.api.mission("until [ -e go ]; do sleep 0.01; done; echo one").await;
    server.api.reaches(&running, &["running"]).await;
    server.api.post(&format!("/missions/{running}/messages"), json!({ "text": "echo two" })).await;
    let waiting = server.api.mission("echo three").await;
    let workspace = server.api.get(&format!("/missions/{running}")).await["workspace"].clone();
    server.crash();
    server.restart().await;
    let tree = server.data_dir().join(format!("workspaces/{}/tree", workspace.as_str().unwrap()));
    std::fs::write(tree.join("go"), "").unwrap();
    server.api.reaches(&waiting, &["awaiting_user"]).await;
    until("both turns", async || {
        let mission = server.api.get(&format!("/missions/{running}")).await;
        (mission["turns"] == 2 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    assert_eq!(server.api.printed(&running).await, "one\ntwo\n");
    assert_eq!(server.api.printed(&waiting).await, "three\n");
}

#[tokio::test]
async fn a_lost_run_interrupts_its_mission_which_can_be_resumed() {
    let mut server = Server::start().await;
    let mission = server.api.mission("echo try >> log; [ $(wc -l < log) -gt 1 ] || sleep 600; cat log").await;
    server.api.reaches(&mission, &["running"]).await;
    let run = run_of(&server, &mission).await;
    let shim = until("the run", async || {
        let meta = std::fs::read_to_string(run.join("meta.json")).ok()?;
        let meta: Value = serde_json::from_str(&meta).ok()?;
        meta["shim_pid"].as_i64().or_else(|| meta["shim"]["pid"].as_i64())
    })
    .await;
    let workspace = server.api.get(&format!("/missions/{mission}")).await["workspace"].clone();
    let log = server.data_dir().join(format!("workspaces/{}/tree/log", workspace.as_str().unwrap()));
    until("the first try", async || std::fs::read_to_string(&log).ok()).await;
    server.crash();
    let shim = nix::unistd::Pid::from_raw(i32::try_from(shim).unwrap());
    nix::sys::signal::kill(shim, nix::sys::signal::Signal::SIGKILL).unwrap();
    server.restart().await;
    let interrupted = server.api.reaches(&mission, &["interrupted"]).await;
    assert_eq!(interrupted["problem"]["code"], "run.lost");

    server.api.post(&format!("/missions/{mission}/resume"), Value::Null).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;

    let events = server.api.events(&mission).await;
    assert_gap_free(&events);
    assert_eq!(server.api.printed(&mission).await, "try\ntry\n");
}
