//! New versions on trial, of a plugin whose calls are not done again.

use std::{fs, path::Path, sync::Arc};

use sandboxed_model::{
    config::{PluginConfig, UpgradesConfig},
    plugin::{PluginHealth, PluginInfo},
};
use sandboxed_plugins::{HostOptions, PluginHost, ports::VersionChange};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Notes, guest, hostile_tools, id, options, order, start_noting};

/// A host whose plugin was `modest-tools` and is `hostile-tools` now, on trial.
struct Upgraded {
    folder: TempDir,
    host: PluginHost,
    notes: Arc<Notes>,
}

fn put(folder: &Path, name: &str) {
    fs::copy(guest(name), folder.join("plugin.wasm")).unwrap();
}

fn config() -> PluginConfig {
    let mut config = hostile_tools();
    config.component = "plugin.wasm".into();
    config.grants.secrets.push("wanted".to_owned());
    config
}

fn in_folder(folder: &Path) -> HostOptions {
    HostOptions {
        search_dirs: vec![folder.to_owned()],
        versions_dir: Some(folder.join("versions")),
        upgrades: UpgradesConfig { traps: 2, ..UpgradesConfig::default() },
        ..options()
    }
}

impl Upgraded {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "modest-tools");
        let (host, notes) = start_noting(in_folder(folder.path()), &[config()]).await;
        put(folder.path(), "hostile-tools");
        host.reload(&id("hostile")).await.unwrap();
        Self { folder, host, notes }
    }

    fn info(&self) -> PluginInfo {
        self.host.inspect(&id("hostile")).unwrap()
    }

    async fn echo(&self) -> String {
        order(&self.host, "hostile", json!({"what": "echo", "text": "hello"})).await.unwrap()
    }

    async fn trap(&self) {
        order(&self.host, "hostile", json!({"what": "panic", "text": "boom"})).await.unwrap_err();
    }

    fn kept(&self) -> usize {
        let files = fs::read_dir(self.folder.path().join("versions")).unwrap().flatten();
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "wasm")).count()
    }
}

#[tokio::test]
async fn a_tool_that_traps_too_often_on_trial_gives_its_place_back() {
    let upgraded = Upgraded::start().await;
    assert_eq!(upgraded.echo().await, "hello");
    for traps in 1..=2 {
        upgraded.trap().await;
        // It is on trial, and no quarantine comes in between.
        assert_eq!(upgraded.info().trial.unwrap().traps, traps);
        assert_eq!(upgraded.info().health, PluginHealth::Ready);
    }
    upgraded.trap().await;

    assert_eq!(upgraded.echo().await, "modest hello");
    let info = upgraded.info();
    assert_eq!((info.version.as_deref(), info.health), (Some("1.2.3"), PluginHealth::Degraded));
    assert!(info.reason.unwrap().message.contains("boom"));
    assert_eq!(upgraded.notes.all(), [VersionChange::Trial, VersionChange::RolledBack]);
}

#[tokio::test]
async fn a_version_that_was_rolled_back_is_tried_again_by_command() {
    let upgraded = Upgraded::start().await;
    upgraded.host.roll_back(&id("hostile")).await.unwrap();
    assert_eq!(upgraded.echo().await, "modest hello");

    let info = upgraded.host.reload(&id("hostile")).await.unwrap();
    assert_eq!((info.trial.map(|trial| trial.traps), info.reason), (Some(0), None));
    assert_eq!(upgraded.echo().await, "hello");
}

#[tokio::test]
async fn a_version_that_is_kept_can_be_rolled_back_later_from_what_is_on_disk() {
    let upgraded = Upgraded::start().await;
    upgraded.host.keep(&id("hostile")).await.unwrap();
    // Traps of a version that is not on trial count for the plugin.
    upgraded.trap().await;
    assert_eq!(upgraded.info().health, PluginHealth::Degraded);
    assert_eq!(upgraded.kept(), 2);

    upgraded.host.roll_back(&id("hostile")).await.unwrap();
    assert_eq!(upgraded.echo().await, "modest hello");
    assert_eq!(upgraded.host.roll_back(&id("hostile")).await.unwrap_err().code, "plugin.nothing_before");
    assert_eq!(upgraded.host.keep(&id("hostile")).await.unwrap_err().code, "plugin.not_on_trial");
}

#[tokio::test]
async fn a_version_that_asks_for_more_than_was_granted_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "modest-tools");
    let mut config = config();
    config.grants.kv = false;
    let (host, notes) = start_noting(in_folder(folder.path()), &[config]).await;
    let before = host.inspect(&id("hostile")).unwrap().digest;
    put(folder.path(), "hostile-tools");

    assert_eq!(host.reload(&id("hostile")).await.unwrap_err().code, "plugin.import_not_granted");

    let info = host.inspect(&id("hostile")).unwrap();
    assert_eq!((info.digest, info.health, info.trial), (before, PluginHealth::Degraded, None));
    assert_eq!(notes.all(), []);
}

#[tokio::test]
async fn two_versions_are_kept_and_no_more() {
    let upgraded = Upgraded::start().await;
    upgraded.host.keep(&id("hostile")).await.unwrap();
    for name in ["modest-tools", "hostile-tools", "modest-tools"] {
        put(upgraded.folder.path(), name);
        upgraded.host.reload(&id("hostile")).await.unwrap();
        upgraded.host.keep(&id("hostile")).await.unwrap();
        assert_eq!(upgraded.kept(), 2);
    }
}

#[tokio::test]
async fn without_a_trial_a_new_version_counts_as_good_at_once() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "modest-tools");
    let mut options = in_folder(folder.path());
    options.upgrades.trial.0 = std::time::Duration::ZERO;
    let (host, notes) = start_noting(options, &[config()]).await;
    put(folder.path(), "hostile-tools");

    let info = host.reload(&id("hostile")).await.unwrap();

    assert_eq!((info.trial, info.before.unwrap().version.as_deref()), (None, Some("1.2.3")));
    assert_eq!(notes.all(), []);
}
