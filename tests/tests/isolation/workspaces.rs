//! Workspaces that cannot be meant, cannot be had, or are not what they were.

use std::{fs, os::unix::fs::symlink, path::Path};

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, cli, config, server::Options};
use serde_json::json;

use crate::{backends::Backend, begin, cancel, delete, leftovers::Traces, refused, run, said, speaks, workspace};

on_each_backend!(
    a_workspace_with_a_running_mission_stays,
    a_tree_that_leads_elsewhere_is_removed_without_what_it_leads_to,
    a_tree_of_any_depth_holds_nobody_up_and_is_removed,
    options_that_nobody_heeds_are_refused,
);

// Systems and containers stand until nobody has used them for a while.
on_each_backend!(on the machines programs: a_mission_of_the_command_line_leaves_no_process);

async fn a_workspace_with_a_running_mission_stays(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let mission = begin(&server, &workspace, "echo up; until [ -e go ]; do sleep 0.01; done; cat file").await;
    speaks(&server, &mission).await;
    let tree = server.data_dir().join(format!("workspaces/{workspace}/tree"));
    fs::write(tree.join("file"), "still there\n").unwrap();

    let (status, problem) = server.api.call(Method::DELETE, &format!("/workspaces/{workspace}"), None).await;

    assert_eq!((status, problem["code"].as_str()), (StatusCode::CONFLICT, Some("workspace.in_use")));
    fs::write(tree.join("go"), "").unwrap();
    server.api.reaches(&mission, &["awaiting_user"]).await;
    assert_eq!(server.api.printed(&mission).await, "up\nstill there\n");
}

/// A directory of somebody else's.
fn precious(directory: &Path) -> bool {
    fs::read_to_string(directory.join("deep/file")).is_ok_and(|text| text == "precious")
}

fn make_precious() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("deep")).unwrap();
    fs::write(directory.path().join("deep/file"), "precious").unwrap();
    directory
}

async fn a_tree_that_leads_elsewhere_is_removed_without_what_it_leads_to(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let outside = make_precious();
    let place = |workspace: &str| server.data_dir().join("workspaces").join(workspace);

    // What an agent can do: links in its tree.
    let linking = workspace(&server, backend, json!({})).await;
    let links = format!(
        "ln -s {0} directory; ln -s {0}/deep/file file; ln -s / root; ln -s ../.. up",
        outside.path().display()
    );
    let mission = run(&server, &linking, &links).await;
    cancel(&server, &mission).await;
    delete(&server, &linking).await;
    assert!(!place(&linking).exists() && precious(outside.path()));

    // What nobody but the operator can do: links in place of its directories.
    for part in ["tree", "home", ""] {
        let moved = workspace(&server, backend, json!({})).await;
        let path = place(&moved).join(part);
        let path = path.components().as_path();
        fs::rename(path, path.with_extension("away")).unwrap();
        symlink(outside.path(), path).unwrap();
        let (status, answer) = server.api.call(Method::DELETE, &format!("/workspaces/{moved}"), None).await;
        assert!(status.is_success(), "{part}: {answer}");
        assert!(place(&moved).symlink_metadata().is_err() && precious(outside.path()), "{part}");
    }

    let last = workspace(&server, backend, json!({})).await;
    let (all, away) = (server.data_dir().join("workspaces"), server.data_dir().join("away"));
    fs::rename(&all, &away).unwrap();
    fs::create_dir(outside.path().join(&last)).unwrap();
    symlink(outside.path(), &all).unwrap();
    let (status, problem) = server.api.call(Method::DELETE, &format!("/workspaces/{last}"), None).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (500, Some("workspace.directory")), "{problem}");
    assert!(outside.path().join(&last).exists() && precious(outside.path()));
    // Once it is mended the workspace goes.
    fs::remove_file(&all).unwrap();
    fs::rename(&away, &all).unwrap();
    delete(&server, &last).await;
    assert!(!place(&last).exists());
}

async fn a_tree_of_any_depth_holds_nobody_up_and_is_removed(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;
    let workspace = workspace(&server, backend, json!({})).await;
    let nest = "perl -e 'for (1 .. 5000) { mkdir \"directory\" or die; chdir \"directory\" or die }' && echo nested";

    let mission = run(&server, &workspace, nest).await;

    let ended = server.api.get(&format!("/missions/{mission}")).await;
    // What cannot be counted may be too much: whoever is seen making it is ended.
    let refused = ended["problem"]["code"] == "workspace.disk_full";
    assert!(refused || server.api.printed(&mission).await == "nested\n", "{ended}");
    let notices = crate::of_kind(&server, &mission, "notice").await;
    assert!(notices.iter().any(|notice| notice["code"] == "changes.unknown"), "{notices:?}");
    for item in server.api.get("/missions").await["items"].as_array().unwrap() {
        cancel(&server, item["id"].as_str().unwrap()).await;
    }
    delete(&server, &workspace).await;
    assert!(!server.data_dir().join("workspaces").join(workspace).exists());
}

async fn options_that_nobody_heeds_are_refused(backend: &Backend) {
    let server = Server::start_with(backend.server()).await;

    for options in [json!({ "no_such_option": true }), json!([]), json!("text")] {
        let (status, problem) = refused(&server, json!({ "backend": backend.id, "options": options })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
    }

    assert_eq!(server.api.get("/workspaces").await["items"], json!([]));
    assert_eq!(fs::read_dir(server.data_dir().join("workspaces")).unwrap().count(), 0, "a directory is left");
}

/// Without a server the command does what one would, and goes.
async fn a_mission_of_the_command_line_leaves_no_process(backend: &Backend) {
    let home = tempfile::tempdir().unwrap();
    let (data, config) = (home.path().join("data"), home.path().join("sandboxed.toml"));
    fs::write(&config, (backend.config)().unwrap_or_else(config::of_tests)).unwrap();
    let command = |arguments: &[&str]| cli::cli(&data, &[&["--config", config.to_str().unwrap()], arguments].concat());
    let options = (backend.options)().to_string();
    command(&["workspaces", "create", "one", "--backend", backend.id, "--options", &options]).success();

    let ran = command(&["run", "--workspace", "one", "echo ran; setsid sleep 1000 & sleep 0"]).success();

    assert!(ran.stdout.contains("ran"), "{ran:?}");
    assert_eq!(Traces::of_data(&data).found(), Vec::<String>::new());
}

#[tokio::test]
async fn names_and_limits_that_cannot_be_meant_are_refused() {
    let server = Server::start().await;
    server.api.post("/workspaces", json!({ "name": "taken" })).await;

    for (body, status, code) in [
        (json!({ "name": "taken" }), 409, "workspace.exists"),
        (json!({ "limits": { "memory": 1 } }), 400, "workspace.limits_invalid"),
        (json!({ "limits": { "processes": 1 } }), 400, "workspace.limits_invalid"),
        (json!({ "limits": { "cpu_millis": 0 } }), 400, "workspace.limits_invalid"),
        (json!({ "backend": "shell" }), 400, "workspace.not_a_backend"),
        (json!({ "backend": "nosuch" }), 404, "plugin.not_found"),
    ] {
        let (got, problem) = refused(&server, body.clone()).await;
        assert_eq!((got.as_u16(), problem["code"].as_str()), (status, Some(code)), "{body}: {problem}");
    }
    for body in [
        json!({ "name": "../taken" }),
        json!({ "name": "." }),
        json!({ "name": "" }),
        json!({ "name": "a/b" }),
        json!({ "limits": { "memory": -1 } }),
        json!({ "limits": { "inodes": 1 } }),
        json!({ "tree": "/etc" }),
    ] {
        let (status, problem) = refused(&server, body.clone()).await;
        assert!(status.is_client_error(), "{body}: {problem}");
    }
    assert_eq!(server.api.get("/workspaces").await["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_backend_that_is_not_there_is_refused_with_the_remedy_and_nothing_takes_its_place() {
    let config = include_str!("../../../config/sandboxed.toml").replace("\"host.wasm\"", "\"missing.wasm\"");
    let environment = vec![("PATH".to_owned(), "/no/such/directory".to_owned())];
    let server = Server::start_with(Options { config: Some(config), environment, ..Options::default() }).await;

    for (backend, code) in [("bubblewrap", "bubblewrap.missing"), ("host", "plugin.missing_file")] {
        let (status, problem) = refused(&server, json!({ "backend": backend })).await;
        assert_eq!(problem["code"], code, "{problem}");
        assert!(status.is_server_error() || status == StatusCode::CONFLICT, "{problem}");
        assert!(problem["hint"].is_string(), "{problem}");
    }
    let body = json!({ "prompt": "echo on the machine itself", "harness": "shell" });
    let (status, problem) = server.api.call(Method::POST, "/missions", Some(body)).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (503, Some("bubblewrap.missing")), "{problem}");
    let ran = server.cli(&["run", "echo on the machine itself"]);
    assert!(ran.code == 4 && ran.stderr.contains("apt-get install bubblewrap"), "{ran:?}");
    assert!(!ran.stdout.contains("on the machine"), "{ran:?}");
    assert_eq!(server.api.get("/workspaces").await["items"], json!([]));
}

#[tokio::test]
async fn a_backend_that_goes_missing_later_fails_the_mission_and_nothing_takes_its_place() {
    let programs = tempfile::tempdir().unwrap();
    fs::set_permissions(programs.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let bwrap = programs.path().join("bwrap");
    fs::copy("/usr/bin/bwrap", &bwrap).unwrap();
    let component = "component = \"bubblewrap.wasm\"";
    let config = include_str!("../../../config/sandboxed.toml")
        .replace(component, &format!("{component}\nconfig = {{ bwrap = \"{}\" }}", bwrap.display()));
    let environment = vec![("PATH".to_owned(), format!("{}:/usr/bin:/bin", programs.path().display()))];
    let server = Server::start_with(Options { config: Some(config), environment, ..Options::default() }).await;
    let workspace = workspace(&server, &crate::backends::BUBBLEWRAP, json!({})).await;
    assert_eq!(said(&server, &workspace, "echo inside").await, "inside\n");

    fs::remove_file(&bwrap).unwrap();
    let mission = run(&server, &workspace, "echo on the machine itself").await;

    let failed = server.api.get(&format!("/missions/{mission}")).await;
    assert_eq!(failed["state"], "failed", "{failed}");
    assert!(failed["problem"]["message"].as_str().unwrap().contains("bwrap"), "{failed}");
    assert!(failed["problem"]["hint"].is_string(), "{failed}");
    assert_eq!(server.api.printed(&mission).await, "");
}

#[tokio::test]
async fn a_data_directory_whose_parts_are_links_is_refused_at_the_start() {
    let (home, outside) = (tempfile::tempdir().unwrap(), make_precious());
    let data = home.path().join("data");
    fs::create_dir(&data).unwrap();
    symlink(outside.path(), data.join("workspaces")).unwrap();

    let started = cli::cli(&data, &["serve", "--no-welcome", "--listen", "127.0.0.1:0"]);

    assert_ne!(started.code, 0);
    assert!(started.stderr.contains("symbolic link"), "{started:?}");
    assert!(precious(outside.path()));
}
