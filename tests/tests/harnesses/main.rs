//! The programs of harnesses: from a registry to workspaces, with everything that can come between.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod missions;
mod registry;
mod trying;

use reqwest::{Method, StatusCode};
use sandboxed_tests::{Server, config, server::Options, until};
use serde_json::{Value, json};

use registry::{Answer, Registry};

/// The configuration of the tests with a harness whose program is the registry's package, in this version.
fn configured(registry: &Registry, version: &str, more: &str) -> String {
    let there = "registry = \"https://registry.npmjs.org\"\n";
    let text = config::of_tests();
    assert!(text.contains(there));
    let text = text.replacen(there, &format!("registry = \"{}\"\n{more}", registry.url()), 1);
    let text = if more.contains("offline") { text.replacen("offline = false\n", "", 1) } else { text };
    let integrity = registry.integrity(version);
    format!(
        r#"{text}
[[plugin]]
id = "tiny"
kind = "harness"
component = "acp.wasm"
grants.log = true
[plugin.config]
summary = "Says its version."
[plugin.config.command]
program = "bin/tiny"
args = []
[plugin.config.install]
version = "{version}"
executable = ["bin/tiny"]
check = {{ program = "bin/tiny", args = ["--version"], expects = "tiny {version}" }}
[[plugin.config.install.downloads]]
npm = "@maker/tiny@{version}"
integrity = "{integrity}"
into = ""
"#
    )
}

async fn start(registry: &Registry, version: &str, more: &str) -> Server {
    let config = Some(configured(registry, version, more));
    Server::start_with(Options { config, ..Options::default() }).await
}

async fn phase(server: &Server, wanted: &str) -> Value {
    until("the harness to change", async || {
        let info = server.api.get("/harnesses/tiny").await;
        (info["phase"] == wanted).then_some(info)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mission_installs_what_it_needs_and_every_workspace_sees_it_to_read() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;
    assert_eq!(server.api.get("/harnesses/tiny").await["phase"], "absent");

    server.api.post("/missions", json!({ "prompt": "hello", "harness": "tiny" })).await;

    let info = phase(&server, "installed").await;
    assert_eq!((&info["configured"], &info["installed"][0]["version"]), (&json!("1.0.0"), &json!("1.0.0")));
    let own = server.data_dir().join("harnesses").display().to_string();
    let shown = if is_root() { "/run/sandboxed-sh/workspace/programs" } else { own.as_str() };
    for (backend, place) in [("bubblewrap", "/mnt/.harnesses"), ("host", shown)] {
        let network = if backend == "host" { "shared" } else { "none" };
        let workspace =
            server.api.post("/workspaces", json!({ "backend": backend, "network": { "mode": network } })).await;
        let prompt = format!("{place}/tiny/*/bin/tiny --version; touch {place}/x 2>/dev/null || echo to read");
        let mission = server.api.mission_with(json!({ "prompt": prompt, "workspace": workspace["id"] })).await;
        server.api.reaches(&mission, &["awaiting_user"]).await;
        assert_eq!(server.api.printed(&mission).await.trim(), "tiny 1.0.0\nto read", "{backend}");
    }
    assert_eq!(registry.asked(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outline_changes_nothing_and_the_command_line_installs() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;

    let outline = server.cli(&["harness", "install", "tiny", "--dry-run"]).success();
    assert!(outline.stdout.contains("/@maker/tiny/-/tiny-1.0.0.tgz"), "{outline:?}");
    assert_eq!(registry.asked(), 0);

    let installed = server.cli(&["harness", "install", "tiny"]).success();
    assert_eq!(installed.stdout, "tiny 1.0.0 is installed\n");
    let again = server.cli(&["harness", "install", "tiny"]).success();
    assert_eq!((again.stdout, registry.asked()), (installed.stdout, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_with_what_mends_it() {
    let registry = Registry::start(&["1.0.0"]).await;
    let server = start(&registry, "1.0.0", "").await;
    for (answer, code) in [(Answer::Other, "install.checksum"), (Answer::Nothing, "install.not_found")] {
        registry.answer(answer);
        let failed = server.cli(&["harness", "install", "tiny"]);
        assert_ne!(failed.code, 0);
        assert!(failed.stderr.contains("hint:"), "{failed:?}");
        let info = phase(&server, "failed").await;
        assert_eq!(info["problem"]["code"], code);
    }
    registry.answer(Answer::Well);
    server.cli(&["harness", "install", "tiny"]).success();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_is_cancelled_and_goes_on_where_it_was_also_after_a_crash() {
    let registry = Registry::start(&["1.0.0"]).await;
    let mut server = start(&registry, "1.0.0", "").await;
    registry.answer(Answer::Half);
    let (status, _) = server.api.call(Method::POST, "/harnesses/tiny/install", Some(json!({ "dry_run": false }))).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    registry.half_sent().await;
    let (status, info) = server.api.call(Method::DELETE, "/harnesses/tiny/install", None).await;
    assert_eq!((status, &info["problem"]["code"]), (StatusCode::OK, &json!("install.cancelled")));
    let (status, _) = server.api.call(Method::DELETE, "/harnesses/tiny/install", None).await;
    assert_eq!(status, StatusCode::CONFLICT);

    server.api.call(Method::POST, "/harnesses/tiny/install", Some(json!({ "dry_run": false }))).await;
    registry.half_sent().await;
    server.crash();
    registry.answer(Answer::Well);
    server.restart().await;
    server.cli(&["harness", "install", "tiny"]).success();
    assert!(registry.asked() >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_gone_on_with_and_let_go_again() {
    let registry = Registry::start(&["1.0.0", "2.0.0"]).await;
    let mut server = start(&registry, "1.0.0", "").await;
    server.cli(&["harness", "install", "tiny"]).success();
    server.stop().await;
    server.configure(&configured(&registry, "2.0.0", ""));
    server.restart().await;
    registry.answer(Answer::Nothing);

    let failed = server.cli(&["harness", "install", "tiny"]);
    assert!(failed.stderr.contains("sandboxed-sh harness use tiny 1.0.0"), "{failed:?}");
    server.cli(&["harness", "use", "tiny", "1.0.0"]).success();

    let info = server.api.get("/harnesses/tiny").await;
    assert_eq!((&info["phase"], &info["pinned"]), (&json!("installed"), &json!("1.0.0")));
    assert_ne!(server.cli(&["harness", "remove", "tiny", "1.0.0"]).code, 0);
    server.cli(&["harness", "use", "tiny", "--configured"]).success();
    server.cli(&["harness", "remove", "tiny", "1.0.0"]).success();
    assert_eq!(server.api.get("/harnesses/tiny").await["installed"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_the_mirror_is_enough() {
    let registry = Registry::start(&["1.0.0"]).await;
    let mirror = tempfile::tempdir().unwrap();
    let server = start(&registry, "1.0.0", &format!("mirror = {:?}\noffline = true\n", mirror.path())).await;

    let missing = server.cli(&["harness", "install", "tiny"]);
    assert!(missing.stderr.contains("maker-tiny-1.0.0.tgz"), "{missing:?}");
    std::fs::write(mirror.path().join("maker-tiny-1.0.0.tgz"), registry.archive("1.0.0")).unwrap();

    server.cli(&["harness", "install", "tiny"]).success();
    assert_eq!(registry.asked(), 0);
}

fn is_root() -> bool {
    nix::unistd::Uid::effective().is_root()
}
