//! Missions on another machine.

use reqwest::Method;
use sandboxed_tests::{
    api::{assert_gap_free, of_kind},
    until,
};
use serde_json::{Value, json};

use crate::lab::Lab;

#[tokio::test]
async fn a_mission_runs_on_the_other_machine_and_nothing_of_its_files_is_here() {
    let lab = Lab::start().await;
    let ran = lab.server.cli(&[
        "run",
        "--backend",
        "docker",
        "--workspace",
        "demo",
        "echo hello; echo oops >&2; whoami; pwd; echo one > a.txt; exit 7",
    ]);

    assert_eq!(ran.code, 1, "{ran:?}");
    for told in ["hello\n", "agent\n", "/workspace\n", "A a.txt"] {
        assert!(ran.stdout.contains(told) || ran.stderr.contains(told), "{told:?} in {ran:?}");
    }
    let workspace = lab.server.api.get("/workspaces/demo").await["id"].as_str().unwrap().to_owned();
    let tree = lab.server.data_dir().join(format!("workspaces/{workspace}/tree"));
    assert_eq!(std::fs::read_dir(tree).unwrap().count(), 0);
    assert_eq!(lab.read(&workspace, "a.txt").await, b"one\n");
    let names = lab.machine.objects();
    for volume in ["tree", "home", "state", "etc"] {
        assert!(names.contains(&format!("sandboxed-{workspace}-{volume}")), "{names:?}");
    }
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
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
async fn missions_there_have_worktrees_differences_and_commits() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let made = "git init -q -b main . 2>/dev/null && echo one > a.txt && git add . && \
                git -c user.name=a -c user.email=a@example.org commit -qm first";
    assert_eq!(lab.sh(&workspace, made).await, "");
    let body = |script: &str| json!({ "prompt": script, "harness": "shell", "workspace": workspace, "worktree": true });
    let first = lab.server.api.mission_with(body("echo two >> a.txt; echo new > b.txt")).await;
    let second = lab.server.api.mission_with(body("cat a.txt; ls")).await;
    for mission in [&first, &second] {
        let ended = lab.server.api.reaches(mission, &["awaiting_user", "failed"]).await;
        assert_eq!(ended["state"], "awaiting_user", "{ended}");
    }

    assert_eq!(lab.server.api.printed(&second).await, "one\na.txt\n", "it sees nothing of the other's");
    let diff = lab.server.api.get(&format!("/missions/{first}/diff")).await;
    let changed = &diff["files"].as_array().unwrap()[..];
    assert_eq!(changed.iter().map(|file| &file["path"]).collect::<Vec<_>>(), ["a.txt", "b.txt"], "{diff}");
    assert!(changed[0]["diff"].as_str().unwrap().contains("+two"), "{diff}");
    let commit = lab.server.api.post(&format!("/missions/{first}/commit"), json!({ "message": "from there" })).await;
    let log = lab.sh(&workspace, &format!("git log --format=%H:%s sandboxed/{first} -1")).await;
    assert_eq!(log, format!("{}:from there\n", commit["commit"].as_str().unwrap()));
    let path = format!("/missions/{first}/push");
    let (status, refused) = lab.server.api.call(Method::POST, &path, Some(json!({}))).await;
    assert_eq!((status.as_u16(), &refused["code"]), (503, &json!("workspace.distant")), "{refused}");
}

#[tokio::test]
async fn a_cancelled_mission_leaves_no_process_however_it_hides() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({})).await;
    let script = "setsid sleep 7301 &
        (env -i setsid sleep 7302 &)
        bash -c 'trap \"\" TERM INT HUP; while :; do sleep 1; done' &
        echo up; wait";
    let mission = lab.mission(&workspace, script).await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    assert!(lab.strangers(&workspace).len() >= 4, "{:?}", lab.strangers(&workspace));

    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;

    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
    assert_eq!(lab.server.api.state(&mission).await, "cancelled");
    assert_eq!(lab.sh(&workspace, "echo again").await, "again\n");
}

#[tokio::test]
async fn a_secret_is_in_the_process_and_in_nothing_that_the_engine_tells() {
    let lab = Lab::start().await;
    let workspace = lab.workspace(json!({ "env": { "TOKEN": { "secret": "token" } } })).await;
    let mission = lab.mission(&workspace, "echo ${#TOKEN}; touch up; until [ -e stop ]; do sleep 0.05; done").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    let container = lab.machine.ask("GET", &format!("/containers/sandboxed-{workspace}/json"), None).1;
    let mut told = container.to_string() + &lab.strangers(&workspace).join("\n");
    for exec in container["ExecIDs"].as_array().unwrap() {
        told += &lab.machine.ask("GET", &format!("/exec/{}/json", exec.as_str().unwrap()), None).1.to_string();
    }
    assert!(!told.contains("s3cret-of-the-tests"), "{told}");
    assert_eq!(lab.server.api.printed(&mission).await, "19\n");
    lab.write(&workspace, "stop", "").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
}
