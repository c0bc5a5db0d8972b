//! What the plugin host is started with: options, and ports that lend nothing, as none of what is measured calls them.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sandboxed_model::{
    Blame, Failure, PluginId, WorkspaceId,
    backend::BackendSpec,
    command::{Command, Output},
    config::UpgradesConfig,
    container::{ContainerPhase, ContainerPlaces, ContainerRequest, EngineFacts, ImageSource},
    tools::ToolCaller,
};
use sandboxed_plugins::{
    HostOptions, Ports,
    ports::{Containers, Entry, Journal, Kv, PortFuture, Program, Programs, Secrets, VersionChange, Workspaces},
};

/// Plugins as they are built, and a cache of its own.
pub(crate) fn options(cache: &Path) -> HostOptions {
    let folder = env::var_os("SANDBOXED_SH_PLUGIN_DIR").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"));
    HostOptions {
        cache_dir: cache.to_owned(),
        search_dirs: vec![folder],
        versions_dir: None,
        upgrades: UpgradesConfig::default(),
        watch: false,
    }
}

/// Ports that refuse whatever is asked of them.
pub(crate) fn nothing_lent() -> Ports {
    Ports {
        kv: Arc::new(Nothing),
        secrets: Arc::new(Nothing),
        programs: Arc::new(Nothing),
        containers: Arc::new(Nothing),
        workspaces: Arc::new(Nothing),
        journal: Arc::new(Nothing),
    }
}

struct Nothing;

fn refused<T: Send + 'static>() -> PortFuture<'static, Result<T, Failure>> {
    Box::pin(async { Err(Failure::new(Blame::Denied, "bench.nothing_lent", "nothing is lent here")) })
}

impl Kv for Nothing {
    fn get<'a>(&'a self, _: &'a PluginId, _: String) -> PortFuture<'a, Result<Option<Vec<u8>>, Failure>> {
        refused()
    }

    fn put<'a>(&'a self, _: &'a PluginId, _: String, _: Vec<u8>) -> PortFuture<'a, Result<(), Failure>> {
        refused()
    }

    fn delete<'a>(&'a self, _: &'a PluginId, _: String) -> PortFuture<'a, Result<(), Failure>> {
        refused()
    }

    fn keys<'a>(
        &'a self,
        _: &'a PluginId,
        _: String,
        _: Option<String>,
        _: u32,
    ) -> PortFuture<'a, Result<Vec<String>, Failure>> {
        refused()
    }

    fn total_bytes<'a>(&'a self, _: &'a PluginId) -> PortFuture<'a, Result<u64, Failure>> {
        refused()
    }
}

impl Secrets for Nothing {
    fn exists(&self, _: &PluginId, _: &str) -> bool {
        false
    }

    fn read<'a>(&'a self, _: &'a PluginId, _: &'a str, _: Option<&'a str>) -> PortFuture<'a, Result<String, Failure>> {
        refused()
    }
}

impl Programs for Nothing {
    fn run<'a>(&'a self, _: Program) -> PortFuture<'a, Result<Output, Failure>> {
        refused()
    }
}

impl Containers for Nothing {
    fn probe(&self, _: String) -> PortFuture<'_, Result<EngineFacts, Failure>> {
        refused()
    }

    fn has_image(&self, _: String, _: ImageSource) -> PortFuture<'_, Result<bool, Failure>> {
        refused()
    }

    fn make_image(&self, _: String, _: BackendSpec, _: ImageSource) -> PortFuture<'_, Result<(), Failure>> {
        refused()
    }

    fn ensure(
        &self,
        _: String,
        _: BackendSpec,
        _: ContainerRequest,
    ) -> PortFuture<'_, Result<ContainerPlaces, Failure>> {
        refused()
    }

    fn observe(&self, _: String, _: WorkspaceId) -> PortFuture<'_, Result<(ContainerPhase, ContainerPlaces), Failure>> {
        refused()
    }

    fn list_owned(&self, _: String) -> PortFuture<'_, Result<Vec<WorkspaceId>, Failure>> {
        refused()
    }

    fn stop(&self, _: String, _: WorkspaceId, _: Duration) -> PortFuture<'_, Result<(), Failure>> {
        refused()
    }

    fn remove(&self, _: String, _: WorkspaceId) -> PortFuture<'_, Result<(), Failure>> {
        refused()
    }
}

impl Journal for Nothing {
    fn note(&self, _: &PluginId, _: &str, _: VersionChange) {}
}

impl Workspaces for Nothing {
    fn stat(&self, _: ToolCaller, _: String) -> PortFuture<'_, Result<Entry, Failure>> {
        refused()
    }

    fn read(&self, _: ToolCaller, _: String, _: u64, _: u32) -> PortFuture<'_, Result<Vec<u8>, Failure>> {
        refused()
    }

    fn write(&self, _: ToolCaller, _: String, _: Vec<u8>) -> PortFuture<'_, Result<(), Failure>> {
        refused()
    }

    fn remove(&self, _: ToolCaller, _: String) -> PortFuture<'_, Result<(), Failure>> {
        refused()
    }

    fn list(&self, _: ToolCaller, _: String, _: Option<String>, _: u32) -> PortFuture<'_, Result<Vec<Entry>, Failure>> {
        refused()
    }

    fn run(
        &self,
        _: PluginId,
        _: ToolCaller,
        _: Command,
        _: Vec<String>,
        _: Vec<u8>,
        _: Duration,
        _: usize,
    ) -> PortFuture<'_, Result<Output, Failure>> {
        refused()
    }
}
