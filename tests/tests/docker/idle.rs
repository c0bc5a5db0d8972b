//! How long a container runs.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{cli, engine, until};
use serde_json::{Value, json};

use crate::lab::{Lab, config};

fn runs(lab: &Lab, workspace: &str) -> bool {
    lab.container(workspace).unwrap()["State"]["Running"].as_bool().unwrap()
}

#[tokio::test]
async fn a_container_in_which_nothing_runs_is_stopped_and_started_by_the_next_process() {
    let lab = Lab::with("keep_idle = \"500ms\"").await;
    let workspace = lab.workspace(json!({})).await;
    until("the container to be stopped", async || (!runs(&lab, &workspace)).then_some(())).await;

    assert_eq!(lab.sh(&workspace, "echo again").await.stdout, "again\n");

    until("the container to be stopped again", async || (!runs(&lab, &workspace)).then_some(())).await;
    let mission = lab.mission(&workspace, "echo up; sleep 1.5; [ -e stop ] || echo undisturbed").await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
    assert_eq!(lab.server.api.printed(&mission).await, "up\nundisturbed\n");
}

#[tokio::test]
async fn a_server_that_ends_stops_the_containers_in_which_nothing_goes_on_and_no_others() {
    let mut lab = Lab::start().await;
    let (idle, busy) = (lab.workspace(json!({})).await, lab.workspace(json!({})).await);
    let mission = lab.mission(&busy, "echo up; until [ -e stop ]; do sleep 0.05; done; echo done").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;
    assert!(runs(&lab, &idle));

    assert_eq!(lab.server.stop().await, 0);

    assert_eq!((runs(&lab, &idle), runs(&lab, &busy)), (false, true));
    std::fs::write(lab.tree(&busy).join("stop"), "").unwrap();
    lab.server.restart().await;
    lab.server.api.reaches(&mission, &["awaiting_user"]).await;
    assert_eq!(lab.server.api.printed(&mission).await, "up\ndone\n");
    assert_eq!(lab.sh(&idle, "echo again").await.stdout, "again\n");
}

#[test]
fn a_command_line_without_a_server_stops_the_container_that_it_started() {
    let home = tempfile::tempdir().unwrap();
    let socket = crate::socket();
    std::fs::write(home.path().join("sandboxed.toml"), config(&socket)).unwrap();
    let run = |arguments: &[&str]| {
        let settings = home.path().join("sandboxed.toml");
        let mut command = cli::command(&home.path().join("data"));
        let output = command.arg("--config").arg(settings).args(arguments).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };

    let printed = run(&["run", "--backend", "docker", "--workspace", "demo", "echo hello"]);

    assert!(printed.contains("hello\n"), "{printed}");
    let shown: Value = serde_json::from_str(&run(&["workspaces", "show", "--json", "demo"])).unwrap();
    let path = format!("/containers/sandboxed-{}/json", shown["id"].as_str().unwrap());
    let (status, found) = engine::ask(&socket, "GET", &path, None);
    assert_eq!((status, found["State"]["Running"].as_bool()), (200, Some(false)), "{found}");
    run(&["workspaces", "delete", "demo"]);
    assert_eq!(engine::ask(&socket, "GET", &path, None).0, 404);
}

#[tokio::test]
async fn a_workspace_whose_container_is_stopped_is_deleted_like_any_other() {
    let lab = Lab::with("keep_idle = \"500ms\"").await;
    let workspace = lab.workspace(json!({})).await;
    until("the container to be stopped", async || (!runs(&lab, &workspace)).then_some(())).await;

    let (status, answer) = lab.server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;

    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
    assert!(lab.container(&workspace).is_none());
}
