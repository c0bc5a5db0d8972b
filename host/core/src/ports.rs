//! What the orchestrator lends to plugins.

use std::{
    io::{self, Read},
    path::{Component, Path},
    sync::{Arc, OnceLock, Weak, atomic::AtomicBool},
    time::Duration,
};

use sandboxed_exec::ShortSpec;
use sandboxed_files::{Kind, Name, RelativePath, Tree};
use sandboxed_model::{
    Blame, Failure, PluginId, Timestamp,
    command::{Command, Output},
    files::WriteCondition,
    tools::ToolCaller,
};
use sandboxed_plugins::{
    Ports,
    ports::{Entry, EntryKind, Journal, Kv, PortFuture, Program, Programs, Secrets, VersionChange, Workspaces},
};
use sandboxed_store::{AuditRecord, Store};
use secrecy::ExposeSecret as _;

use crate::{
    containers::HostContainers,
    files,
    sandbox::Speaker,
    services::Services,
    vault::{Asked, Vault},
};

/// The services, once they are there: plugins are loaded before them and can call nothing until then.
#[derive(Clone, Default)]
pub(crate) struct Late(Arc<OnceLock<Weak<Services>>>);

impl Late {
    pub(crate) fn set(&self, services: Weak<Services>) {
        // Set once, at the start.
        let _ = self.0.set(services);
    }

    /// All ports.
    pub(crate) fn ports(&self, store: &Store, vault: &Arc<Vault>) -> Ports {
        Ports {
            kv: Arc::new(StoredKv(store.clone())),
            secrets: Arc::new(HostSecrets(Arc::clone(vault))),
            programs: Arc::new(HostPrograms),
            containers: Arc::new(HostContainers(self.clone())),
            workspaces: Arc::new(HostWorkspaces(self.clone())),
            journal: Arc::new(StoredJournal(store.clone())),
        }
    }

    pub(crate) fn services(&self) -> Result<Arc<Services>, Failure> {
        self.0
            .get()
            .and_then(Weak::upgrade)
            .ok_or_else(|| Failure::new(Blame::Unavailable, "server.stopping", "the server is starting or stopping"))
    }
}

struct StoredKv(Store);

impl Kv for StoredKv {
    fn get<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<Option<Vec<u8>>, Failure>> {
        Box::pin(async move { self.0.kv_get(plugin, &key).await.map_err(|error| error.failure()) })
    }

    fn put<'a>(&'a self, plugin: &'a PluginId, key: String, value: Vec<u8>) -> PortFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.0.kv_put(plugin, &key, value).await.map_err(|error| error.failure()) })
    }

    fn delete<'a>(&'a self, plugin: &'a PluginId, key: String) -> PortFuture<'a, Result<(), Failure>> {
        Box::pin(async move { self.0.kv_delete(plugin, &key).await.map_err(|error| error.failure()) })
    }

    fn keys<'a>(
        &'a self,
        plugin: &'a PluginId,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'a, Result<Vec<String>, Failure>> {
        Box::pin(async move {
            self.0.kv_keys(plugin, &prefix, after.as_deref(), limit).await.map_err(|error| error.failure())
        })
    }

    fn total_bytes<'a>(&'a self, plugin: &'a PluginId) -> PortFuture<'a, Result<u64, Failure>> {
        Box::pin(async move { self.0.kv_total_bytes(plugin).await.map_err(|error| error.failure()) })
    }
}

/// Versions of plugins are changed by nobody's request, and so the audit log would not have it otherwise.
struct StoredJournal(Store);

impl Journal for StoredJournal {
    fn note(&self, plugin: &PluginId, digest: &str, change: VersionChange) {
        let outcome = match change {
            VersionChange::Trial => "on_trial",
            VersionChange::Kept => "kept",
            VersionChange::RolledBack => "rolled_back",
        };
        let record = AuditRecord {
            at: Timestamp::now(),
            user: None,
            action: "plugin.version".to_owned(),
            target: Some(format!("{plugin}@{digest}")),
            outcome: outcome.to_owned(),
            detail: None,
        };
        let store = self.0.clone();
        tokio::spawn(async move {
            if let Err(error) = store.append_audit(record.clone()).await {
                tracing::error!(%error, ?record, "an audit entry could not be stored");
            }
        });
    }
}

struct HostSecrets(Arc<Vault>);

impl Secrets for HostSecrets {
    fn exists(&self, plugin: &PluginId, name: &str) -> bool {
        self.0.exists_for(plugin, name)
    }

    fn read<'a>(
        &'a self,
        plugin: &'a PluginId,
        name: &'a str,
        host: Option<&'a str>,
    ) -> PortFuture<'a, Result<String, Failure>> {
        Box::pin(async move {
            let asked = match host {
                Some(host) => Asked::by_request(plugin, host),
                None => Asked::by_plugin(plugin),
            };
            Ok(self.0.read(name, &asked).await?.expose_secret().to_owned())
        })
    }
}

struct HostPrograms;

impl Programs for HostPrograms {
    fn run<'a>(&'a self, program: Program) -> PortFuture<'a, Result<Output, Failure>> {
        Box::pin(async move {
            let spec = ShortSpec {
                program: program.path,
                args: program.args,
                env: program.env,
                cwd: program.cwd.unwrap_or_else(|| "/".into()),
                stdin: program.stdin,
                deadline: program.deadline,
                max_output: program.max_output,
                guard: sandboxed_exec::Guard::default(),
            };
            sandboxed_exec::short(spec).await.map_err(|error| error.failure())
        })
    }
}

/// Files and programs of workspaces, for tools.
struct HostWorkspaces(Late);

impl HostWorkspaces {
    fn in_tree<T: Send + 'static>(
        &self,
        caller: ToolCaller,
        path: String,
        work: impl FnOnce(&Tree, &RelativePath) -> sandboxed_files::Result<T> + Send + 'static,
    ) -> PortFuture<'_, Result<T, Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let path = relative(&path)?;
            // It may write.
            let writing = services.using(caller.workspace).await;
            let tree = services.tree_of(caller.workspace).await.map_err(|error| error.failure())?;
            files::blocking(move || {
                let _writing = writing;
                work(&tree, &path)
            })
            .await
            .map_err(|error| error.failure())
        })
    }
}

impl Workspaces for HostWorkspaces {
    fn stat(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<Entry, Failure>> {
        Box::pin(async move {
            if let Some(distant) = self.0.services()?.distant_for_tools(caller.workspace).await? {
                return distant.tool_stat(&relative(&path)?).await.map_err(|error| error.failure());
            }
            self.in_tree(caller, path, |tree, path| Ok(entry(path, tree.stat(path)?))).await
        })
    }

    fn read(
        &self,
        caller: ToolCaller,
        path: String,
        offset: u64,
        len: u32,
    ) -> PortFuture<'_, Result<Vec<u8>, Failure>> {
        Box::pin(async move {
            if let Some(distant) = self.0.services()?.distant_for_tools(caller.workspace).await? {
                return distant.tool_read(&relative(&path)?, offset, len).await.map_err(|error| error.failure());
            }
            let work = move |tree: &Tree, path: &RelativePath| {
                let mut reader = tree.read(path)?;
                let mut bytes = Vec::new();
                // Nothing is after the end.
                if len > 0 && offset < reader.size() {
                    reader.select(offset..offset.saturating_add(len.into()))?;
                    let failed = |source| sandboxed_files::Error::Io { path: path.clone(), source };
                    reader.read_to_end(&mut bytes).map_err(failed)?;
                }
                Ok(bytes)
            };
            self.in_tree(caller, path, work).await
        })
    }

    fn write(&self, caller: ToolCaller, path: String, bytes: Vec<u8>) -> PortFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let path = relative(&path)?;
            if let Some(distant) = services.distant_for_tools(caller.workspace).await? {
                let limit = services.config.workspaces.upload_limit.0;
                return distant.tool_write(&path, limit, &bytes).await.map_err(|error| error.failure());
            }
            let content = io::Cursor::new(bytes);
            let written = services.write_file(caller.workspace, path, WriteCondition::Any, true, content).await;
            written.map(drop).map_err(|error| error.failure())
        })
    }

    fn remove(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<(), Failure>> {
        Box::pin(async move {
            if let Some(distant) = self.0.services()?.distant_for_tools(caller.workspace).await? {
                return distant.tool_remove(&relative(&path)?).await.map_err(|error| error.failure());
            }
            self.in_tree(caller, path, |tree, path| tree.remove(path, false, &AtomicBool::new(false))).await
        })
    }

    fn list(
        &self,
        caller: ToolCaller,
        path: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'_, Result<Vec<Entry>, Failure>> {
        Box::pin(async move {
            if let Some(distant) = self.0.services()?.distant_for_tools(caller.workspace).await? {
                return distant.tool_list(&relative(&path)?, after, limit).await.map_err(|error| error.failure());
            }
            let work = move |tree: &Tree, path: &RelativePath| {
                let after = after.filter(|after| !after.is_empty()).map(Name::new).transpose()?;
                let listed = tree.list(path, after.as_ref(), limit as usize)?;
                let below =
                    |found: &sandboxed_files::Entry| found.name.as_ref().map(|name| path.join(name)).transpose();
                let entries = listed.entries.into_iter().map(|found| {
                    let path = below(&found)?.unwrap_or_else(|| path.clone());
                    Ok(entry(&path, found))
                });
                entries.collect()
            };
            self.in_tree(caller, path, work).await
        })
    }

    fn run(
        &self,
        plugin: PluginId,
        caller: ToolCaller,
        mut command: Command,
        secrets: Vec<String>,
        stdin: Vec<u8>,
        deadline: Duration,
        max_output: usize,
    ) -> PortFuture<'_, Result<Output, Failure>> {
        Box::pin(async move {
            let services = self.0.services()?;
            let workspace = services.workspace(caller.workspace).await.map_err(|error| error.failure())?;
            let sandbox = services.sandbox(&workspace, caller.mission).await.map_err(|error| error.failure())?;
            if let Some(cwd) = &command.cwd {
                let leaves =
                    Path::new(cwd).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
                if leaves {
                    let message = format!("the directory {cwd:?} is not relative to the workspace");
                    return Err(Failure::new(Blame::Config, "path.escape", message));
                }
                command.cwd = Some(format!("{}/{cwd}", sandbox.observed().tree));
            }
            let speaker = Speaker { plugin: Some(&plugin), secrets: &secrets };
            sandbox.short(command, speaker, stdin, deadline, max_output).await
        })
    }
}

/// A path as a tool gives it: the names themselves.
fn relative(path: &str) -> Result<RelativePath, Failure> {
    RelativePath::parse(path).map_err(|error| files::refused(error).failure())
}

/// A name that is no text is told with `%XX` for what is none.
fn entry(path: &RelativePath, found: sandboxed_files::Entry) -> Entry {
    let kind = match found.kind {
        Kind::File => EntryKind::File,
        Kind::Directory => EntryKind::Directory,
        Kind::Symlink => EntryKind::Symlink,
        Kind::Other => EntryKind::Other,
    };
    let path = match path.as_utf8() {
        Some(text) if !text.is_empty() => text.to_owned(),
        _ => path.to_string(),
    };
    Entry { path, kind, size: found.size, modified: found.modified }
}
