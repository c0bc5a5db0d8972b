//! What is loaded, and why the rest is refused before any of its code runs.

use std::{fs, path::Path};

use sandboxed_model::{
    config::PluginConfig,
    grant::{FileAccess, Grants},
    plugin::{PluginHealth, PluginKind},
};
use sandboxed_plugins::{Error, PluginHost, verify_file};
use serde_json::json;

use crate::support::{
    first_party, guest, hostile_backend, hostile_tools, id, neighbour, options, order, plugin, ports, refusal, start,
};

fn table(kind: &str, component: &Path) -> PluginConfig {
    plugin(&format!("id = \"p\"\nkind = \"{kind}\"\ncomponent = {:?}", component.display().to_string()))
}

fn modest() -> PluginConfig {
    plugin(
        r#"
        id = "modest"
        kind = "tools"
        component = "modest-tools.wasm"
        [grants]
        fetch = ["api.example.org:443"]
        secrets = ["wanted"]
        "#,
    )
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_refused_with_the_line_that_grants_it() {
    type Withhold = fn(&mut Grants);
    let cases: [(&str, &str, Withhold); 7] = [
        ("log", "grants.log = true", |grants| grants.log = false),
        ("kv", "grants.kv = true", |grants| grants.kv = false),
        ("secrets", "grants.secrets = [\"NAME\"]", |grants| grants.secrets.clear()),
        ("fetch", "grants.fetch = [\"HOST:443\"]", |grants| grants.fetch.clear()),
        ("progress", "grants.progress = true", |grants| grants.progress = false),
        ("workspace-files", "grants.workspace_files = \"read\"", |grants| grants.workspace_files = None),
        ("workspace-run", "grants.workspace_run = true", |grants| grants.workspace_run = false),
    ];
    for (interface, line, withhold) in cases {
        let mut config = hostile_tools();
        withhold(&mut config.grants);
        let failure = refusal(config).await;
        assert_eq!(failure.code, "plugin.import_not_granted", "{interface}");
        assert!(failure.message.contains(&format!("sandboxed:host/{interface} ")), "{failure}");
        let hint = failure.hint.unwrap();
        assert!(hint.contains(line) && hint.contains("id = \"hostile\""), "{hint}");
    }
    let failure = refusal(hostile_backend(&[])).await;
    assert!(failure.message.contains("sandboxed:host/run "), "{failure}");
    assert!(failure.hint.unwrap().contains("grants.run = [\"PROGRAM\"]"));
}

#[tokio::test]
async fn a_call_of_a_plugin_that_was_refused_says_why() {
    let mut config = hostile_tools();
    config.grants.kv = false;
    let host = start(&[config, neighbour()]).await;
    let failure = order(&host, "hostile", json!({"what": "loop"})).await.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.plugin), ("plugin.import_not_granted", Some(id("hostile"))));
    assert_eq!(host.inspect(&id("hostile")).unwrap().health, PluginHealth::Disabled);
    assert_eq!(host.inspect(&id("workspace")).unwrap().health, PluginHealth::Ready);
}

#[tokio::test]
async fn a_harness_is_never_given_what_would_make_it_impure() {
    let mut config = plugin("id = \"p\"\nkind = \"harness\"\ncomponent = \"grasping-harness.wasm\"");
    config.grants.kv = true;
    let failure = refusal(config).await;
    assert_eq!(failure.code, "plugin.import_not_allowed");
    assert!(failure.message.contains("sandboxed:host/kv@") && failure.message.contains("harness"), "{failure}");
}

#[tokio::test]
async fn a_component_that_is_no_plugin_is_refused_by_what_it_exports() {
    let failure = refusal(table("tools", Path::new("wrong-world.wasm"))).await;
    assert_eq!(failure.code, "plugin.wrong_world");
    assert!(failure.message.contains("other:thing/x"), "{failure}");
}

#[tokio::test]
async fn a_plugin_of_another_release_is_refused_with_both_versions() {
    let failure = refusal(table("harness", Path::new("wrong-version.wasm"))).await;
    assert_eq!(failure.code, "plugin.wrong_version");
    assert!(failure.message.contains("sandboxed:harness/driver@0.9.0") && failure.message.contains("0.1.0"));
}

#[tokio::test]
async fn a_plugin_of_another_kind_than_configured_is_refused_with_its_kind() {
    let failure = refusal(table("backend", Path::new("panic-everywhere.wasm"))).await;
    assert_eq!((failure.code.as_str(), failure.hint.as_deref()), ("plugin.wrong_world", Some("kind = \"tools\"")));
}

#[tokio::test]
async fn a_file_that_is_no_component_is_refused_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(guest("panic-everywhere")).unwrap();
    let cases: [(&str, &[u8], &str); 5] = [
        ("core.wasm", b"\0asm\x01\0\0\0", "plugin.not_a_component"),
        ("text.wasm", b"#!/bin/sh\n", "plugin.not_wasm"),
        ("empty.wasm", b"", "plugin.not_wasm"),
        ("cut.wasm", &whole[..whole.len() / 2], "plugin.manifest_invalid"),
        ("hollow.wasm", b"\0asm\x0d\0\x01\0", "plugin.wrong_world"),
    ];
    for (name, bytes, code) in cases {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        assert_eq!(refusal(table("tools", &file)).await.code, code, "{name}");
        assert_eq!(verify_file(&file).unwrap_err().code, code, "{name}");
    }
    let failure = refusal(table("tools", Path::new("nowhere.wasm"))).await;
    assert_eq!(failure.code, "plugin.missing_file");
    assert!(failure.message.contains("nowhere.wasm") && failure.message.contains(&*first_party().to_string_lossy()));
    assert_eq!(refusal(table("tools", &folder.path().join("nowhere"))).await.code, "plugin.missing_file");
}

#[tokio::test]
async fn settings_that_break_the_plugins_schema_are_refused_with_their_place() {
    let mut config = plugin("id = \"host\"\nkind = \"backend\"\ncomponent = \"host.wasm\"\nconfig = { path = 5 }");
    config.grants.run = vec!["git".to_owned(), "bash".to_owned()];
    let failure = refusal(config).await;
    assert_eq!(failure.code, "plugin.config_invalid");
    assert!(failure.message.contains("config/path"), "{failure}");
    assert!(failure.hint.unwrap().contains("id = \"host\""));
}

#[tokio::test]
async fn settings_for_a_plugin_that_takes_none_are_refused() {
    let mut config = hostile_tools();
    config.config.insert("size".to_owned(), 1.into());
    let failure = refusal(config).await;
    assert_eq!(failure.code, "plugin.config_invalid");
    assert!(failure.message.contains("takes no config"), "{failure}");
}

#[tokio::test]
async fn settings_that_fit_reach_the_plugin() {
    let mut config = modest();
    config.config.insert("size".to_owned(), 3.into());
    let host = start(&[config]).await;
    assert_eq!(order(&host, "modest", json!({"what": "settings"})).await.unwrap(), r#"{"size":3}"#);
}

#[tokio::test]
async fn a_plugin_gets_no_more_than_it_asks_for_in_its_manifest() {
    let mut config = modest();
    config.grants.secrets.push("other".to_owned());
    config.grants.fetch.push("127.0.0.1:80".to_owned());
    let host = start(&[config]).await;
    let exists = |name: &str| order(&host, "modest", json!({"what": "secret", "name": name}));
    assert_eq!(exists("wanted").await.unwrap(), "true");
    assert_eq!(exists("other").await.unwrap(), "false");
    let failure = order(&host, "modest", json!({"what": "fetch", "url": "http://127.0.0.1/"})).await.unwrap_err();
    assert_eq!(failure.code, "fetch.denied");
}

#[tokio::test]
async fn grants_of_other_values_than_the_manifest_asks_for_are_no_grants() {
    let mut config = modest();
    config.grants.fetch = vec!["elsewhere.example.org:443".to_owned()];
    let failure = refusal(config).await;
    assert_eq!(failure.code, "plugin.import_not_granted");
    assert!(failure.message.contains("sandboxed:host/fetch "), "{failure}");
}

#[tokio::test]
async fn a_secret_that_was_not_granted_does_not_exist() {
    let host = start(&[hostile_tools()]).await;
    let exists = |name: &str| order(&host, "hostile", json!({"what": "secret", "name": name}));
    assert_eq!(exists("token").await.unwrap(), "true");
    assert_eq!(exists("other").await.unwrap(), "false");
}

#[tokio::test]
async fn a_plugin_that_was_loaded_shows_what_it_is_and_may() {
    let host = start(&[modest(), hostile_tools()]).await;
    let info = host.inspect(&id("modest")).unwrap();
    assert_eq!((info.kind, info.health), (PluginKind::Tools, PluginHealth::Ready));
    assert_eq!((info.version.as_deref(), info.description.as_deref()), (Some("1.2.3"), Some("Asks for little.")));
    assert_eq!(info.requests.len(), 2);
    assert!(info.imports.iter().all(|import| import.granted), "{:?}", info.imports);
    let listed: Vec<_> = host.list().into_iter().map(|info| info.id).collect();
    assert_eq!(listed, [id("modest"), id("hostile")]);
}

#[tokio::test]
async fn a_component_can_be_looked_at_before_anybody_uses_it() {
    let seen = verify_file(&guest("hostile-tools")).unwrap();
    assert_eq!((seen.kind, seen.digest.len()), (PluginKind::Tools, 64));
    let lent: Vec<_> = seen.imports.iter().filter_map(|import| import.grant.as_deref()).collect();
    assert_eq!(lent.len(), 7, "{lent:?}");
    assert!(seen.imports.iter().filter(|import| import.grant.is_some()).all(|import| !import.granted));
    assert_eq!(verify_file(&guest("wrong-version")).unwrap_err().code, "plugin.wrong_version");
}

#[tokio::test]
async fn two_plugins_of_one_name_are_refused_as_a_whole() {
    let refused = PluginHost::start(options(), &[modest(), modest()], ports()).await;
    assert!(matches!(refused, Err(Error::Duplicate(twice)) if twice == id("modest")));
}

#[tokio::test]
async fn a_plugin_is_only_called_as_what_it_is() {
    let host = start(&[modest()]).await;
    assert_eq!(host.harness(&id("modest")).err().unwrap().code, "plugin.wrong_kind");
    assert_eq!(host.backend(&id("nobody")).err().unwrap().code, "plugin.unknown");
    assert_eq!(host.reload(&id("nobody")).await.unwrap_err().code, "plugin.unknown");
}

#[tokio::test]
async fn the_plugins_that_come_with_the_server_load_with_the_grants_that_they_ask_for() {
    let mut backend = plugin("id = \"host\"\nkind = \"backend\"\ncomponent = \"host.wasm\"");
    backend.grants.run = vec!["git".to_owned(), "bash".to_owned()];
    let shell = plugin("id = \"shell\"\nkind = \"harness\"\ncomponent = \"shell.wasm\"");
    let host = start(&[backend, shell, neighbour()]).await;
    for info in host.list() {
        assert_eq!((info.health, info.reason), (PluginHealth::Ready, None), "{}", info.id);
    }
    assert!(!host.backend(&id("host")).unwrap().describe().await.unwrap().isolation.is_empty());
    assert!(!host.harness(&id("shell")).unwrap().describe().await.unwrap().summary.is_empty());
}

#[tokio::test]
async fn a_plugin_that_may_read_files_may_not_write_them() {
    let mut config = neighbour();
    config.grants.workspace_files = Some(FileAccess::Read);
    let host = start(&[config]).await;
    let tools = host.tools(&id("workspace")).unwrap();
    let arguments = json!({"path": "a", "content": "b"});
    let failure = tools.call(crate::support::caller(), "write_file", arguments).await.unwrap_err();
    assert_eq!(failure.code, "workspace.read_only");
}
