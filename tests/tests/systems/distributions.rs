//! A distribution is installed from its mirror.

use sandboxed_tests::Server;
use serde_json::json;

use crate::lab::{create, made, nspawn, said, with_config};

async fn bookworm() -> Server {
    // What every Debian has, so that it takes seconds and not a minute.
    with_config(nspawn("packages = []")).await
}

#[tokio::test]
async fn a_debian_is_installed_and_missions_run_in_it() {
    let server = bookworm().await;
    let options = r#"{ "suite": "bookworm", "packages": ["less"] }"#;

    let made_it = server.cli(&["workspaces", "create", "deb", "--backend", "nspawn", "--options", options]).success();

    assert!(made_it.stderr.contains("step 1 of 1: system: Debian bookworm, 1 packages asked for"), "{made_it:?}");
    assert!(made_it.stdout.contains("I: success"), "{made_it:?}");
    let same = create(&server, json!({ "packages": ["less"] })).await;
    assert_eq!(made(&server, &same).await, "cached");
    let printed = said(&server, &same, ". /etc/os-release; echo $VERSION_CODENAME; id -un; command -v less").await;
    assert_eq!(printed, "bookworm\nagent\n/usr/bin/less\n");
}
