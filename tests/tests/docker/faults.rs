//! The engine fails the server, and the server says so and goes on.

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, engine::Daemon, server::Options, until};
use serde_json::{Value, json};

use crate::{
    images::{base, create, sleeping},
    lab::{Lab, config},
};

#[tokio::test]
async fn an_engine_that_dies_in_the_middle_costs_one_run_and_nothing_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(directory.path().to_owned());
    let lab = Lab::on(&daemon.socket()).await;
    let workspace = lab.workspace(json!({})).await;
    let mission = lab.mission(&workspace, "echo up; sleep 7312").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    daemon.stop();
    let ended = lab.server.api.reaches(&mission, &["interrupted"]).await;
    assert_eq!(ended["problem"]["code"], "run.lost", "{ended}");
    assert!(ended["problem"]["message"].as_str().unwrap().contains("container engine"), "{ended}");
    let errors = lab.server.api.events(&mission).await;
    let turns = errors.iter().filter(|event| event["kind"] == "turn_ended").count();
    assert_eq!(turns, 1);
    let path = format!("/workspaces/{workspace}/processes");
    let (status, refused) = lab.server.api.call(Method::POST, &path, Some(json!({ "command": ["true"] }))).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{refused}");
    assert!(refused["hint"].is_string(), "{refused}");

    let daemon = Daemon::start(directory.path().to_owned());
    let next = lab.mission(&workspace, "echo again").await;
    lab.server.api.reaches(&next, &["awaiting_user"]).await;
    assert_eq!(lab.server.api.printed(&next).await, "again\n");
    assert_eq!(lab.strangers(&workspace), Vec::<String>::new());
    drop(lab);
    drop(daemon);
}

#[tokio::test]
async fn a_missing_engine_is_told_with_its_remedy_and_stops_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let text = config(&socket).replace("default_backend = \"docker\"", "default_backend = \"host\"")
        + "[[plugin]]\nid = \"host\"\nkind = \"backend\"\ncomponent = \"host.wasm\"\ngrants = { log = true, run = [\"git\", \"bash\"] }\n";
    let server = Server::start_with(Options { config: Some(text), ..Options::default() }).await;

    let body = json!({ "backend": "docker" });
    let (status, refused) = server.api.call(Method::POST, "/workspaces", Some(body)).await;
    assert_eq!(
        (status, refused["code"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("containers.socket_missing"))
    );
    assert!(refused["hint"].as_str().unwrap().contains("systemctl start docker"), "{refused}");
    assert_eq!(server.api.get("/workspaces").await["items"], json!([]));
    let report = server.api.get("/doctor").await;
    let checks = report["checks"].as_array().unwrap();
    let engine = checks.iter().find(|check| check["name"].as_str().unwrap().starts_with("backend docker")).unwrap();
    assert_eq!(
        (engine["status"].as_str(), &engine["failure"]["code"]),
        (Some("warning"), &json!("containers.socket_missing"))
    );

    let mission = server.api.mission_with(json!({ "prompt": "echo hello", "harness": "shell" })).await;
    server.api.reaches(&mission, &["awaiting_user"]).await;
}

#[tokio::test]
async fn an_image_that_cannot_be_had_and_options_that_nobody_knows_are_refused_and_leave_nothing() {
    let lab = Lab::start().await;
    let made =
        lab.server.cli(&["workspaces", "create", "none", "--options", "{ \"image\": \"sandboxed-test/none:1\" }"]);
    assert!(made.code != 0 && made.stdout.contains("sandboxed-test/none:1 could not be fetched"), "{made:?}");
    let refused = lab.server.cli(&["run", "--workspace", "none", "true"]);
    assert!(refused.code != 0 && refused.stderr.contains("step 1 of 1 (image sandboxed-test/none:1)"), "{refused:?}");
    lab.server.cli(&["workspaces", "delete", "none"]).success();
    for (options, code) in [
        (json!({ "image": "Not An Image" }), "containers.image_invalid"),
        (json!({ "privileged": true }), "docker.options_invalid"),
    ] {
        let body = json!({ "options": options });
        let (_, refused) = lab.server.api.call(Method::POST, "/workspaces", Some(body)).await;
        assert_eq!(refused["code"], code, "{refused}");
    }
    assert_eq!(lab.server.api.get("/workspaces").await["items"], json!([]));
    assert_eq!(lab.server.api.get("/leftovers").await["items"], json!([]));
}

#[tokio::test]
async fn the_doctor_makes_enters_and_removes_a_container() {
    let lab = Lab::start().await;
    // The image is made with the first workspace.
    lab.workspace(json!({})).await;

    let doctor = lab.server.cli(&["doctor"]);

    let tried = doctor.stdout.lines().find(|line| line.contains("backend docker: a workspace"));
    assert!(tried.is_some_and(|line| line.contains("made, entered and removed")), "{doctor:?}");
    assert!(doctor.stdout.contains("an engine (docker"), "{doctor:?}");
    until("its container to be gone", async || {
        let items = lab.server.api.get("/leftovers").await["items"].clone();
        (items == json!([])).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_build_that_is_cancelled_ends_in_the_engine_too() {
    let lab = Lab::start().await;
    let text = format!("FROM {}\nRUN echo {}; sleep 7341\n", base(&lab).await, lab.owner());
    let workspace = create(&lab, &text).await;
    until("the build to be under way", async || sleeping("7341").then_some(())).await;

    let path = format!("/builds/{}/cancel", workspace["build"].as_str().unwrap());
    let cancelled = lab.server.api.post(&path, Value::Null).await;

    assert_eq!(cancelled["state"], "cancelled", "{cancelled}");
    until("its program to be gone", async || (!sleeping("7341")).then_some(())).await;
}
