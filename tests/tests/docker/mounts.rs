//! Directories of the machine in containers.

use std::{os::unix::fs::PermissionsExt, path::Path};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::lab::Lab;

/// A server that lets workspaces see what lies below a directory.
async fn lab(shared: &Path) -> Lab {
    for directory in ["cache", "cache/below", "other"] {
        std::fs::create_dir_all(shared.join(directory)).unwrap();
        std::fs::set_permissions(shared.join(directory), std::fs::Permissions::from_mode(0o1777)).unwrap();
    }
    std::fs::set_permissions(shared, std::fs::Permissions::from_mode(0o755)).unwrap();
    Lab::with(&format!("mounts = [{:?}]", shared.to_str().unwrap())).await
}

fn mount(source: &Path, writable: bool) -> Value {
    json!({ "mounts": [{ "source": source, "target": "/mnt/cache", "writable": writable }] })
}

/// What of this directory the server holds, which it does for a moment.
fn held(shared: &Path) -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let held = mounts.lines().filter(|line| line.contains("/run/sandboxed-sh/held"));
    held.filter(|line| line.contains(shared.to_str().unwrap())).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_mounted_directory_is_seen_and_written_to_only_where_that_was_asked_for() {
    let shared = tempfile::tempdir().unwrap();
    let lab = lab(shared.path()).await;
    let cache = shared.path().join("cache");
    std::fs::write(cache.join("found"), "here\n").unwrap();

    let reads = lab.workspace(mount(&cache, false)).await;
    let writes = lab.workspace(mount(&cache, true)).await;

    let seen = lab.sh(&reads, "cat /mnt/cache/found; touch /mnt/cache/new || echo refused").await;
    assert_eq!(seen.stdout, "here\nrefused\n", "{seen:?}");
    assert_eq!(lab.sh(&writes, "echo mine > /mnt/cache/new; ls /mnt").await.stdout, "cache\n");
    assert_eq!(lab.sh(&reads, "cat /mnt/cache/new").await.stdout, "mine\n");
    assert_eq!(std::fs::read_to_string(cache.join("new")).unwrap(), "mine\n");
    assert_eq!(held(shared.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_that_is_not_a_workspaces_to_see_is_in_no_container() {
    let (shared, secret) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lab = lab(shared.path()).await;
    std::os::unix::fs::symlink(secret.path(), shared.path().join("link")).unwrap();
    for (source, code) in [
        (secret.path().to_owned(), "workspace.mount_denied"),
        (shared.path().join("link"), "workspace.mount_denied"),
        (shared.path().join("missing"), "workspace.mount_missing"),
        (lab.server.data_dir(), "workspace.mount_denied"),
    ] {
        let (_, refused) = lab.server.api.call(Method::POST, "/workspaces", Some(mount(&source, false))).await;
        assert_eq!(refused["code"], code, "{}: {refused}", source.display());
    }
    assert_eq!(lab.server.api.get("/workspaces").await["items"], json!([]));
    assert_eq!(lab.server.api.get("/leftovers").await["items"], json!([]));
}

#[tokio::test]
async fn a_directory_that_was_swapped_is_looked_at_anew_and_a_link_in_its_place_is_refused() {
    let shared = tempfile::tempdir().unwrap();
    let lab = lab(shared.path()).await;
    let cache = shared.path().join("cache");
    let workspace = lab.workspace(mount(&cache, false)).await;
    let path = format!("/workspaces/{workspace}/processes");

    std::fs::rename(&cache, shared.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("/etc", &cache).unwrap();
    let (status, refused) = lab.server.api.call(Method::POST, &path, Some(json!({ "command": ["true"] }))).await;
    assert_eq!((status, refused["code"].as_str()), (StatusCode::FORBIDDEN, Some("workspace.mount_denied")));

    // Another directory of that name is what is asked for, also of a container that runs.
    std::fs::remove_file(&cache).unwrap();
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("second"), "").unwrap();
    assert_eq!(lab.sh(&workspace, "ls /mnt/cache").await.stdout, "second\n");
    assert_eq!(held(shared.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_directory_that_is_replaced_while_something_runs_in_the_container_is_refused() {
    let shared = tempfile::tempdir().unwrap();
    let lab = lab(shared.path()).await;
    let cache = shared.path().join("cache");
    let workspace = lab.workspace(mount(&cache, false)).await;
    let mission = lab.mission(&workspace, "echo up; sleep 7321").await;
    lab.server.api.follow(&mission, 0, |event| event["kind"] == "tool_output").await;

    std::fs::rename(&cache, shared.path().join("moved")).unwrap();
    std::fs::create_dir(&cache).unwrap();
    let path = format!("/workspaces/{workspace}/processes");
    let (_, refused) = lab.server.api.call(Method::POST, &path, Some(json!({ "command": ["true"] }))).await;

    assert_eq!(refused["code"], "containers.mounts_changed", "{refused}");
    lab.server.api.post(&format!("/missions/{mission}/cancel"), Value::Null).await;
    assert_eq!(lab.sh(&workspace, "echo fine").await.stdout, "fine\n");
}

#[tokio::test]
async fn what_a_container_gets_is_only_what_was_looked_at_though_somebody_swaps_it_all_the_time() {
    let shared = tempfile::tempdir().unwrap();
    let lab = lab(shared.path()).await;
    let secret = tempfile::tempdir().unwrap();
    std::fs::write(secret.path().join("secret"), "").unwrap();
    std::fs::set_permissions(secret.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (cache, link) = (shared.path().join("cache"), shared.path().join("link"));
    std::os::unix::fs::symlink(secret.path(), &link).unwrap();
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let swapping = {
        let (cache, link, over) = (cache.clone(), link.clone(), std::sync::Arc::clone(&over));
        std::thread::spawn(move || {
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                let exchange = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &cache, nix::fcntl::AT_FDCWD, &link, exchange).unwrap();
            }
        })
    };

    for _ in 0..6 {
        let (status, answer) = lab.server.api.call(Method::POST, "/workspaces", Some(mount(&cache, false))).await;
        if status == StatusCode::CREATED {
            let pid = lab.container(answer["id"].as_str().unwrap()).unwrap()["State"]["Pid"].as_i64().unwrap();
            let seen = Path::new("/proc").join(pid.to_string()).join("root/mnt/cache/secret");
            assert!(!seen.exists(), "{answer}");
        } else {
            let told = ["workspace.mount_denied", "workspace.mount_missing", "containers.mounts"];
            assert!(told.contains(&answer["code"].as_str().unwrap()), "{answer}");
        }
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    swapping.join().unwrap();
    assert_eq!(held(shared.path()), Vec::<String>::new());
}
