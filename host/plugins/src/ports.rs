//! What the host lends to plugins and does not have itself: whoever starts the plugin host implements these.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use sandboxed_model::{
    Failure, PluginId, Timestamp, WorkspaceId,
    backend::BackendSpec,
    command::{Command, Output},
    container::{ContainerPhase, ContainerPlaces, ContainerRequest, EngineFacts, ImageSource},
    tools::ToolCaller,
};

/// A future that a port returns.
pub type PortFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// All ports.
#[derive(Clone)]
pub struct Ports {
    /// Small state of plugins.
    pub kv: Arc<dyn Kv>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Helper programs on the server's machine.
    pub programs: Arc<dyn Programs>,
    /// Containers of engines.
    pub containers: Arc<dyn Containers>,
    /// Workspaces.
    pub workspaces: Arc<dyn Workspaces>,
    /// What becomes of versions.
    pub journal: Arc<dyn Journal>,
}

/// What became of a version of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionChange {
    /// It came into use, on trial.
    Trial,
    /// It has proved itself.
    Kept,
    /// It was rolled back.
    RolledBack,
}

/// Is told what becomes of the versions of plugins.
pub trait Journal: Send + Sync {
    /// Notes it, and keeps nobody waiting. Versions are told from each other by `digest`, the SHA-256 of the component in
    /// hex.
    fn note(&self, plugin: &PluginId, digest: &str, change: VersionChange);
}

/// Keeps small values of a plugin's own. Limits are checked before these are called.
pub trait Kv: Send + Sync {
    /// The value under a key.
    fn get<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<Option<Vec<u8>>, Failure>>;
    /// Keeps a value; durable when it returns.
    fn put<'a>(&'a self, plugin: &'a PluginId, key: String, value: Vec<u8>) -> PortFuture<'a, Result<(), Failure>>;
    /// Removes a value.
    fn delete<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<(), Failure>>;
    /// Keys with a prefix, in order, after a key; at most `limit`.
    fn keys<'a>(
        &'a self,
        plugin: &'a PluginId,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'a, Result<Vec<String>, Failure>>;
    /// Bytes of all values of a plugin.
    fn total_bytes<'a>(&'a self, plugin: &'a PluginId) -> PortFuture<'a, Result<u64, Failure>>;
}

/// Finds secrets. Values stay on the host's side of the border.
pub trait Secrets: Send + Sync {
    /// Whether a secret of this name is set which this plugin may use.
    fn exists(&self, plugin: &PluginId, name: &str) -> bool;
    /// The value, for a header of a request that the host sends to `host` (a name and a port), or for a program.
    fn read<'a>(
        &'a self,
        plugin: &'a PluginId,
        name: &'a str,
        host: Option<&'a str>,
    ) -> PortFuture<'a, Result<String, Failure>>;
}

/// A helper program, resolved and allowed.
pub struct Program {
    /// Absolute path, resolved when the plugin was loaded.
    pub path: PathBuf,
    /// Arguments after the program name.
    pub args: Vec<String>,
    /// Variables, with secrets in place.
    pub env: Vec<(String, String)>,
    /// Working directory; absent means the root directory.
    pub cwd: Option<PathBuf>,
    /// What it reads.
    pub stdin: Vec<u8>,
    /// How long it may take.
    pub deadline: Duration,
    /// Bytes of each stream that are kept.
    pub max_output: usize,
}

/// Runs helper programs on the server's machine.
pub trait Programs: Send + Sync {
    /// Runs a program to its end.
    fn run<'a>(&'a self, program: Program) -> PortFuture<'a, Result<Output, Failure>>;
}

/// Containers of engines, each engine named by its socket. That the plugin may use it is checked before these are called.
pub trait Containers: Send + Sync {
    /// What an engine is and can.
    fn probe(&self, engine: String) -> PortFuture<'_, Result<EngineFacts, Failure>>;
    /// Whether it has an image. Of archives, only those that the plugin may use are named here and below.
    fn has_image(&self, engine: String, image: ImageSource) -> PortFuture<'_, Result<bool, Failure>>;
    /// Fetches or makes a workspace's image, if the engine does not have it.
    fn make_image(
        &self,
        engine: String,
        workspace: BackendSpec,
        image: ImageSource,
    ) -> PortFuture<'_, Result<(), Failure>>;
    /// Makes a workspace's container run.
    fn ensure(
        &self,
        engine: String,
        workspace: BackendSpec,
        request: ContainerRequest,
    ) -> PortFuture<'_, Result<ContainerPlaces, Failure>>;
    /// Looks at a workspace's container.
    fn observe(
        &self,
        engine: String,
        workspace: WorkspaceId,
    ) -> PortFuture<'_, Result<(ContainerPhase, ContainerPlaces), Failure>>;
    /// Workspaces that have a container.
    fn list_owned(&self, engine: String) -> PortFuture<'_, Result<Vec<WorkspaceId>, Failure>>;
    /// Ends what runs in a workspace's container.
    fn stop(&self, engine: String, workspace: WorkspaceId, grace: Duration) -> PortFuture<'_, Result<(), Failure>>;
    /// Removes a workspace's container.
    fn remove(&self, engine: String, workspace: WorkspaceId) -> PortFuture<'_, Result<(), Failure>>;
}

/// What is at a path of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the workspace's tree.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file.
    pub size: u64,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Anything else.
    Other,
}

/// Files and programs of workspaces. Paths come from plugins and must be confined by whoever implements this.
pub trait Workspaces: Send + Sync {
    /// What is at a path.
    fn stat(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<Entry, Failure>>;
    /// Bytes of a file.
    fn read(&self, caller: ToolCaller, path: String, offset: u64, len: u32)
    -> PortFuture<'_, Result<Vec<u8>, Failure>>;
    /// Replaces a file as a whole.
    fn write(&self, caller: ToolCaller, path: String, bytes: Vec<u8>) -> PortFuture<'_, Result<(), Failure>>;
    /// Removes a file or an empty directory.
    fn remove(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<(), Failure>>;
    /// Entries of a directory in the order of names.
    fn list(
        &self,
        caller: ToolCaller,
        path: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'_, Result<Vec<Entry>, Failure>>;
    /// Runs a program inside the sandbox to its end. `command.cwd` is relative to the tree. `secrets` are the names
    /// that the plugin may put into the environment.
    #[allow(clippy::too_many_arguments, reason = "each says something else about the one program")]
    fn run(
        &self,
        plugin: PluginId,
        caller: ToolCaller,
        command: Command,
        secrets: Vec<String>,
        stdin: Vec<u8>,
        deadline: Duration,
        max_output: usize,
    ) -> PortFuture<'_, Result<Output, Failure>>;
}
