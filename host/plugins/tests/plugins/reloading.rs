//! Plugins whose files change while they are in use.

use std::{fs, path::Path, sync::Arc, time::Duration};

use sandboxed_model::{config::PluginConfig, plugin::PluginHealth};
use sandboxed_plugins::{HostOptions, PluginHost};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::support::{Answer, Web, guest, hostile_tools, id, options, order, start_with, until};

/// Puts a component in the plugin's place, as a build does: whole or not at all.
fn replace(folder: &Path, bytes: &[u8]) {
    let new = folder.join(".plugin.wasm.new");
    fs::write(&new, bytes).unwrap();
    fs::rename(new, folder.join("plugin.wasm")).unwrap();
}

fn component(name: &str) -> Vec<u8> {
    fs::read(guest(name)).unwrap()
}

/// A plugin that is `hostile-tools` at first and may become `modest-tools`.
fn config(fetch: &str) -> PluginConfig {
    let mut config = hostile_tools();
    config.component = "plugin.wasm".into();
    config.grants.fetch.push(fetch.to_owned());
    config.grants.secrets.push("wanted".to_owned());
    config.limits.deadline.0 = Duration::from_secs(120);
    config
}

async fn watching(config: PluginConfig) -> (TempDir, PluginHost) {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), &component("hostile-tools"));
    let options = HostOptions { search_dirs: vec![folder.path().to_owned()], watch: true, ..options() };
    let host = start_with(options, &[config]).await;
    (folder, host)
}

async fn echo(host: &PluginHost) -> String {
    order(host, "hostile", json!({"what": "echo", "text": "hello"})).await.unwrap()
}

fn reloads(host: &PluginHost) -> u64 {
    host.inspect(&id("hostile")).unwrap().counters.reloads
}

fn health(host: &PluginHost) -> PluginHealth {
    host.inspect(&id("hostile")).unwrap().health
}

#[tokio::test]
async fn a_call_in_flight_ends_on_the_old_version_and_the_next_uses_the_new() {
    let released = Arc::new(Notify::new());
    let web = Web::start(Answer::Held(Arc::clone(&released))).await;
    let (folder, host) = watching(config(&web.address.to_string())).await;
    let before = host.inspect(&id("hostile")).unwrap().digest;
    let in_flight = tokio::spawn({
        let (host, url) = (host.clone(), format!("http://{}/", web.address));
        async move { order(&host, "hostile", json!({"what": "fetch", "url": url})).await }
    });
    until("the request", || web.asked().len() == 1).await;

    replace(folder.path(), &component("modest-tools"));
    until("the new version", || reloads(&host) == 1).await;
    assert_ne!(host.inspect(&id("hostile")).unwrap().digest, before);
    assert_eq!(echo(&host).await, "modest hello");
    assert!(!in_flight.is_finished());

    released.notify_one();
    assert_eq!(in_flight.await.unwrap().unwrap(), "200 late");
}

#[tokio::test]
async fn a_broken_new_file_leaves_the_old_version_in_use_until_a_good_one_comes() {
    let (folder, host) = watching(config("127.0.0.1:1")).await;
    for (broken, code) in
        [(b"no component".to_vec(), "plugin.not_wasm"), (component("wrong-world"), "plugin.wrong_world")]
    {
        replace(folder.path(), &broken);
        let reason = || host.inspect(&id("hostile")).unwrap().reason.map(|reason| reason.code);
        until("the refusal", || reason().as_deref() == Some(code)).await;
        assert_eq!(health(&host), PluginHealth::Degraded);
        assert_eq!(echo(&host).await, "hello");
    }
    replace(folder.path(), &component("modest-tools"));
    until("the good file", || health(&host) == PluginHealth::Ready).await;
    assert_eq!(echo(&host).await, "modest hello");
}

#[tokio::test]
async fn the_same_good_file_that_comes_back_after_a_broken_one_makes_the_plugin_well() {
    let (folder, host) = watching(config("127.0.0.1:1")).await;
    replace(folder.path(), b"no component");
    until("the refusal", || health(&host) == PluginHealth::Degraded).await;
    replace(folder.path(), &component("hostile-tools"));
    until("the good file", || health(&host) == PluginHealth::Ready).await;
}

#[tokio::test]
async fn a_new_version_ends_a_quarantine() {
    let (folder, host) = watching(config("127.0.0.1:1")).await;
    // Each trap after the third doubles the quarantine, so that it does not end before the new version is there.
    for _ in 0..3 {
        order(&host, "hostile", json!({"what": "panic", "text": "boom"})).await.unwrap_err();
    }
    assert_eq!(host.inspect(&id("hostile")).unwrap().counters.traps, 3);
    replace(folder.path(), &component("modest-tools"));
    until("the new version", || reloads(&host) == 1 && health(&host) == PluginHealth::Ready).await;
    assert_eq!(echo(&host).await, "modest hello");
}

#[tokio::test]
async fn a_reload_by_command_reads_the_present_file_and_keeps_the_old_version_where_that_is_broken() {
    let folder = tempfile::tempdir().unwrap();
    replace(folder.path(), &component("hostile-tools"));
    let options = HostOptions { search_dirs: vec![folder.path().to_owned()], ..options() };
    let host = start_with(options, &[config("127.0.0.1:1")]).await;

    fs::remove_file(folder.path().join("plugin.wasm")).unwrap();
    let failure = host.reload(&id("hostile")).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.missing_file", Some(id("hostile"))));
    assert_eq!((health(&host), echo(&host).await.as_str()), (PluginHealth::Degraded, "hello"));

    replace(folder.path(), &component("modest-tools"));
    assert_eq!(host.reload(&id("hostile")).await.unwrap().version.as_deref(), Some("1.2.3"));
    assert_eq!((health(&host), echo(&host).await.as_str()), (PluginHealth::Ready, "modest hello"));
}

#[tokio::test]
async fn a_plugin_whose_file_was_missing_works_once_it_is_there_and_reloaded() {
    let folder = tempfile::tempdir().unwrap();
    let options = HostOptions { search_dirs: vec![folder.path().to_owned()], ..options() };
    let host = start_with(options, &[config("127.0.0.1:1")]).await;
    assert_eq!(health(&host), PluginHealth::Disabled);
    replace(folder.path(), &component("hostile-tools"));
    host.reload(&id("hostile")).await.unwrap();
    assert_eq!((health(&host), echo(&host).await.as_str()), (PluginHealth::Ready, "hello"));
}
