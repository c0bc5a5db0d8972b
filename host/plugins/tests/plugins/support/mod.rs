//! A plugin host with real ports around it, for tests.

mod ports;
mod web;

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sandboxed_model::{
    Failure, PluginId, WorkspaceId,
    backend::{BackendSpec, Terms},
    config::{PluginConfig, UpgradesConfig},
    tools::{ToolCaller, ToolContent},
    workspace::{NetworkMode, WorkspaceLimits},
};
use sandboxed_plugins::{HostOptions, PluginHost};
use serde_json::json;

pub(crate) use self::{
    ports::{Notes, noting, ports},
    web::{Answer, Web},
};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The folder of the components that misbehave.
pub(crate) fn guests() -> PathBuf {
    let folder = env::var_os("SANDBOXED_SH_TEST_GUESTS").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().join("target/guests-tests/wasm"));
    assert!(folder.is_dir(), "{} is missing: run `make test-guests`", folder.display());
    folder
}

/// The folder of the plugins that come with the server.
pub(crate) fn first_party() -> PathBuf {
    let folder = env::var_os("SANDBOXED_SH_PLUGIN_DIR").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| repository().join("target/plugins"));
    assert!(folder.is_dir(), "{} is missing: run `make plugins test-guests`", folder.display());
    folder
}

/// The file of a component that misbehaves.
pub(crate) fn guest(name: &str) -> PathBuf {
    let file = guests().join(format!("{name}.wasm"));
    assert!(file.is_file(), "{} is missing: run `make test-guests`", file.display());
    file
}

/// Options with the cache that all tests share.
pub(crate) fn options() -> HostOptions {
    HostOptions {
        cache_dir: repository().join("target/test-aot-cache"),
        search_dirs: vec![guests(), first_party()],
        versions_dir: None,
        upgrades: UpgradesConfig::default(),
        watch: false,
    }
}

/// A `[[plugin]]` table.
pub(crate) fn plugin(table: &str) -> PluginConfig {
    toml::from_str(table).unwrap_or_else(|error| panic!("{error}\n{table}"))
}

/// `hostile-tools` with all that it imports, each grant to be overridden by a later line of `[grants]`.
pub(crate) fn hostile_tools() -> PluginConfig {
    let mut config = plugin(
        r#"
        id = "hostile"
        kind = "tools"
        component = "hostile-tools.wasm"
        [grants]
        log = true
        kv = true
        progress = true
        secrets = ["token"]
        fetch = ["api.example.org:443"]
        workspace_files = "read"
        workspace_run = true
        "#,
    );
    config.limits.deadline.0 = Duration::from_secs(20);
    config
}

/// `hostile-backend`, which may run `programs`.
pub(crate) fn hostile_backend(programs: &[&str]) -> PluginConfig {
    let mut config = plugin("id = \"runner\"\nkind = \"backend\"\ncomponent = \"hostile-backend.wasm\"");
    config.grants.run = programs.iter().map(|&program| program.to_owned()).collect();
    config
}

/// The first-party tools, as an innocent neighbour.
pub(crate) fn neighbour() -> PluginConfig {
    plugin(
        r#"
        id = "workspace"
        kind = "tools"
        component = "workspace.wasm"
        grants = { workspace_files = "write", workspace_run = true }
        "#,
    )
}

/// A host with these plugins.
pub(crate) async fn start(plugins: &[PluginConfig]) -> PluginHost {
    start_with(options(), plugins).await
}

/// A host that works in this way.
pub(crate) async fn start_with(options: HostOptions, plugins: &[PluginConfig]) -> PluginHost {
    PluginHost::start(options, plugins, ports()).await.unwrap()
}

/// A host that works in this way and notes what becomes of versions.
pub(crate) async fn start_noting(options: HostOptions, plugins: &[PluginConfig]) -> (PluginHost, Arc<Notes>) {
    let notes = Arc::<Notes>::default();
    (PluginHost::start(options, plugins, noting(&notes)).await.unwrap(), notes)
}

/// Why the one plugin of this configuration is refused.
pub(crate) async fn refusal(config: PluginConfig) -> Failure {
    let id = config.id.clone();
    let host = start(&[config]).await;
    let info = host.inspect(&id).unwrap();
    let reason = info.reason.unwrap_or_else(|| panic!("{id} was loaded"));
    assert_eq!(reason.plugin, Some(id));
    reason
}

pub(crate) fn id(name: &str) -> PluginId {
    name.parse().unwrap()
}

pub(crate) fn caller() -> ToolCaller {
    ToolCaller { workspace: WorkspaceId::new(), mission: None }
}

/// A workspace with these options.
pub(crate) fn spec(options: &serde_json::Value) -> BackendSpec {
    BackendSpec {
        id: WorkspaceId::new(),
        tree: "/tree".to_owned(),
        inbox: "/inbox".to_owned(),
        home: "/home".to_owned(),
        etc: "/etc".to_owned(),
        user: 1000,
        root: None,
        root_env: Vec::new(),
        shared_network: false,
        mounts: Vec::new(),
        options: options.to_string(),
        terms: Terms { network: NetworkMode::None, limits: WorkspaceLimits::default() },
        asked_mounts: Vec::new(),
    }
}

/// Has a tools plugin do something, and returns what it says.
pub(crate) async fn order(host: &PluginHost, plugin: &str, order: serde_json::Value) -> Result<String, Failure> {
    let reply = host.tools(&id(plugin))?.call(caller(), "do", order).await?;
    match &reply.content[..] {
        [ToolContent::Text(text)] => Ok(text.clone()),
        other => panic!("{other:?}"),
    }
}

/// A plugin that was just stopped answers again, and its neighbour never noticed.
pub(crate) async fn assert_all_answer(host: &PluginHost) {
    assert_eq!(order(host, "hostile", json!({"what": "echo", "text": "hello"})).await.unwrap(), "hello");
    let tools = host.tools(&id("workspace")).unwrap().list_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "read_file"));
}

/// Waits for what must become true.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{what} did not come to pass within {PATIENCE:?}"));
}
