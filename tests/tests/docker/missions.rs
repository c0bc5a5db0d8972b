//! Missions in containers.

use std::os::unix::fs::MetadataExt;

use sandboxed_tests::{
    api::{assert_gap_free, of_kind},
    until,
};
use serde_json::{Value, json};

use crate::lab::Lab;

/// Lines `1`, `2`, `3` …, each with the process id of who printed it.
const COUNTER: &str = r#"
n=0
until [ -e stop ]; do
    n=$((n + 1)); echo "$n $$"; sleep 0.005
done
echo "end $n"
"#;

#[tokio::test]
async fn a_mission_runs_in_a_container_and_its_files_belong_to_the_workspaces_user() {
    let lab = Lab::start().await;
    let ran = lab.server.cli(&[
        "run",
        "--backend",
        "docker",
        "--workspace",
        "demo",
        "echo hello; echo oops >&2; git init -q .; whoami; echo one > a.txt; [ -e /.dockerenv ] && exit 7",
    ]);

    assert_eq!((ran.code, ran.stdout.contains("hello\n"), ran.stdout.contains("agent\n")), (1, true, true), "{ran:?}");
    assert!(ran.stdout.contains("A a.txt") || ran.stderr.contains("A a.txt"), "{ran:?}");
    let workspace = lab.server.api.get("/workspaces/demo").await;
    let file = lab.tree(workspace["id"].as_str().unwrap()).join("a.txt");
    let user = workspace["user"].as_u64().unwrap();
    assert_eq!(u64::from(std::fs::metadata(file).unwrap().uid()), user);
    assert_ne!(user, 0);
}

#[tokio::test]
async fn a_repository_is_told_with_its_differences() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, "git init -q . && echo one > a.txt").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
    lab.server.api.post(&format!("/missions/{mission}/messages"), json!({ "text": "echo two >> a.txt" })).await;
    until("the second turn", async || {
        let mission = lab.server.api.get(&format!("/missions/{mission}")).await;
        (mission["turns"] == 2 && mission["state"] == "awaiting_user").then_some(())
    })
    .await;

    let events = lab.server.api.events(&mission).await;
    assert_gap_free(&events);
    let changes = of_kind(&events, "file_change");
    let diff = changes.last().unwrap()["diff"].as_str().unwrap();
    assert!(diff.contains("+two") && !diff.contains("+one"), "{diff}");
    assert_eq!(of_kind(&events, "notice"), Vec::<&Value>::new());
}

#[tokio::test]
async fn output_survives_crashes_of_the_server_and_every_line_is_told_once() {
    let mut lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, COUNTER).await;
    for _ in 0..3 {
        let seen = lab.server.api.get(&format!("/missions/{mission}")).await["last_seq"].as_u64().unwrap();
        lab.server.api.follow(&mission, seen, |event| event["kind"] == "tool_output").await;
        lab.server.crash();
        lab.server.restart().await;
    }
    std::fs::write(lab.tree(&workspace).join("stop"), "").unwrap();
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;

    let printed = lab.server.api.printed(&mission).await;
    let lines: Vec<&str> = printed.lines().collect();
    let (last, counted) = lines.split_last().unwrap();
    let printer = counted[0].split_once(' ').unwrap().1;
    for (index, line) in counted.iter().enumerate() {
        assert_eq!(*line, format!("{} {printer}", index + 1));
    }
    assert_eq!(*last, format!("end {}", counted.len()));
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_mission_leaves_no_process_however_it_hides() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let script = "setsid sleep 7301 &
        (env -i setsid sleep 7302 &)
        bash -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done' &
        (exec -a renamed setsid sleep 7303 &)
        echo up; wait";
    let mission = lab.mission(&workspace, script).await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    assert!(lab.strangers(&workspace).len() >= 5, "{:?}", lab.strangers(&workspace));

    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
    assert_eq!(lab.server.api.state(&mission).await, "cancelled");
    assert_eq!(lab.sh(&workspace, "echo again").await.stdout, "again\n");
}

#[tokio::test]
async fn what_a_command_leaves_without_its_environment_ends_with_it() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;

    let ended = lab.sh(&workspace, "(env -i setsid sleep 7313 >/dev/null 2>&1 &) ; echo done").await;

    assert_eq!(ended.stdout, "done\n");
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
    assert_eq!(lab.sh(&workspace, "echo again").await.stdout, "again\n");
}

#[tokio::test]
async fn what_a_turn_leaves_running_ends_with_it_and_its_neighbours_go_on() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let neighbour = lab.mission(&workspace, "echo up; until [ -e stop ]; do sleep 0.05; done; echo untouched").await;
    lab.server.api.follow(&neighbour, 0, |event| event["kind"] == "tool_output").await;

    let mission = lab.mission(&workspace, "setsid sleep 7304 & setsid sleep 7305 >/dev/null 2>&1 & echo done").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;

    let left = lab.strangers(&workspace);
    assert!(!left.iter().any(|command| command.contains("sleep 73")), "{left:?}");
    std::fs::write(lab.tree(&workspace).join("stop"), "").unwrap();
    lab.server.api.reaches(&neighbour, &["awaiting_user"]).await;
    assert_eq!(lab.server.api.printed(&neighbour).await, "up\nuntouched\n");
}
