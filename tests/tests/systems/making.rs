//! A system is made once, by a step of a build, for all that begin with the same.

use std::{fs, os::unix::fs::PermissionsExt as _};

use sandboxed_tests::{cli, config, engine};
use serde_json::json;

use crate::lab::{SMALL, at_work, create, ended, kept, layers, log, made, said, server, show, with_config};

/// The line of the user that agents are.
const AGENT: &str = "agent:x:1000:1000:agent:/home/agent:/usr/bin/bash\n";

#[tokio::test]
async fn the_first_workspace_makes_its_system_and_the_next_finds_it_there() {
    let server = server().await;
    let first = create(&server, json!({ "image": SMALL })).await;

    assert_eq!(made(&server, &first).await, "done");
    let build = ended(&server, &first).await;
    assert_eq!(build["steps"][0]["title"], format!("system: image {SMALL}"));
    assert!(log(&server, &build).await.contains("files"), "the log says what was made");
    assert_eq!(said(&server, &first, "cat /etc/passwd").await, AGENT);

    let second = create(&server, json!({ "image": SMALL })).await;
    assert_eq!(made(&server, &second).await, "cached");
    assert_eq!(said(&server, &second, "echo works").await, "works\n");
    assert_eq!(kept(&server).len(), 1);
}

#[tokio::test]
async fn of_many_that_want_the_same_at_once_one_makes_it() {
    let server = server().await;
    let options = || json!({ "image": SMALL });
    let (one, two, three) =
        tokio::join!(create(&server, options()), create(&server, options()), create(&server, options()));

    let mut states = Vec::new();
    for workspace in [&one, &two, &three] {
        states.push(made(&server, workspace).await);
    }

    states.sort();
    assert_eq!(states, ["cached", "cached", "done"]);
    assert_eq!(kept(&server).len(), 1);
}

#[tokio::test]
async fn init_steps_come_after_the_system_and_run_in_it() {
    let server = server().await;
    let init =
        [json!({ "name": "look", "script": "id -un 2>/dev/null || echo nobody; echo made > file", "cache": true })];
    let body = json!({ "backend": "nspawn", "options": { "image": SMALL }, "init": init });
    let workspace = server.api.post("/workspaces", body.clone()).await;

    assert_eq!(made(&server, &workspace).await, "done");
    let build = ended(&server, &workspace).await;
    assert_eq!(build["steps"].as_array().unwrap().len(), 2);
    assert_eq!(build["steps"][1]["state"], "done");
    assert_eq!(said(&server, &workspace, "cat file").await, "made\n");

    // What a step changes of the system itself is kept nowhere, so it is run in each.
    let other = server.api.post("/workspaces", body).await;
    assert_eq!(made(&server, &other).await, "cached");
    assert_eq!(ended(&server, &other).await["steps"][1]["state"], "done");
}

#[tokio::test]
async fn the_command_line_follows_the_making_and_says_what_was_there() {
    let server = server().await;
    let options = format!("{{ \"image\": \"{SMALL}\" }}");

    let first = server.cli(&["workspaces", "create", "one", "--backend", "nspawn", "--options", &options]).success();
    assert!(first.stderr.contains("step 1 of 1: system: image small"), "{first:?}");
    assert!(first.stdout.contains("files") && first.stdout.contains("workspace one made"), "{first:?}");
    let second = server.cli(&["workspaces", "create", "two", "--backend", "nspawn", "--options", &options]).success();
    assert!(second.stderr.contains("its result was there already"), "{second:?}");
}

#[test]
fn a_mission_of_the_command_line_waits_for_its_system_and_shows_how_it_is_made() {
    let home = tempfile::tempdir().unwrap();
    let text = config::with_images(&[(SMALL, engine::archive().to_str().unwrap())]).replacen(
        "[workspaces]\n",
        "[[template]]\nname = \"small\"\nworkspace = { backend = \"nspawn\", options = { image = \"small\" } }\n\n[workspaces]\n",
        1,
    );
    let config = home.path().join("sandboxed.toml");
    fs::write(&config, text).unwrap();
    let data = home.path().join("data");
    let config = config.to_str().unwrap();

    let ran = cli::cli(&data, &["--config", config, "run", "--template", "small", "echo from inside"]).success();

    assert!(ran.stdout.contains("from inside"), "{ran:?}");
    assert!(ran.stderr.contains("step 1 of 1: system: image small"), "{ran:?}");
    unmount_all(&data);
}

fn unmount_all(data: &std::path::Path) {
    let data = data.to_str().unwrap();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    for point in mounts.lines().filter_map(|line| line.split(' ').nth(4)).filter(|point| point.starts_with(data)) {
        nix::mount::umount2(point, nix::mount::MntFlags::MNT_DETACH).unwrap();
    }
}

#[tokio::test]
async fn a_build_goes_on_when_the_server_is_killed_in_it() {
    let mut server = server().await;
    let one = create(&server, json!({ "image": SMALL })).await;
    let two = create(&server, json!({ "image": SMALL })).await;
    server.crash();

    server.restart().await;

    for workspace in [&one, &two] {
        made(&server, workspace).await;
        assert_eq!(said(&server, workspace, "echo works").await, "works\n");
    }
    assert_eq!((kept(&server).len(), at_work(&server)), (1, 0));
}

#[tokio::test]
async fn a_layer_that_was_damaged_is_noticed_and_made_anew() {
    let server = server().await;
    let first = create(&server, json!({ "image": SMALL })).await;
    made(&server, &first).await;
    let layer = layers(&server).join(&kept(&server)[0]);
    let damages: [&dyn Fn(); 5] = [
        &|| fs::remove_file(layer.join("layer.json")).unwrap(),
        &|| fs::write(layer.join("layer.json"), "{ \"key\": ").unwrap(),
        &|| fs::write(layer.join("files/etc/passwd"), "evil:x:0:0::/:/bin/sh\n").unwrap(),
        &|| fs::remove_dir_all(layer.join("files/usr")).unwrap(),
        &|| fs::set_permissions(layer.join("files/etc"), fs::Permissions::from_mode(0o777)).unwrap(),
    ];
    for damage in damages {
        damage();

        let next = create(&server, json!({ "image": SMALL })).await;

        assert_eq!(made(&server, &next).await, "done");
        assert_eq!(said(&server, &next, "cat /etc/passwd; ls -d /usr/bin").await, format!("{AGENT}/usr/bin\n"));
        assert_eq!(kept(&server).len(), 1);
    }
}

#[tokio::test]
async fn an_image_that_was_not_granted_is_not_unpacked() {
    let text = config::with_images(&[(SMALL, engine::archive().to_str().unwrap())]);
    let granted = format!("grants.archives = [\"{}\"]\n", engine::archive().display());
    let server = with_config(text.replacen(&granted, "", 1)).await;

    let workspace = create(&server, json!({ "image": SMALL })).await;

    let build = ended(&server, &workspace).await;
    assert_eq!(build["problem"]["code"], "archives.denied", "{build}");
    assert!(build["problem"]["hint"].as_str().unwrap().contains(granted.trim()), "{build}");
    assert_eq!(show(&server, &workspace).await["phase"], "failed");
}
