//! What the orchestrator lends to plugins.

use std::{
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Component, Path},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use cap_std::{
    ambient_authority,
    fs::{Dir, DirEntry, FileType, Metadata, OpenOptions, OpenOptionsExt},
};
use sandboxed_exec::ShortSpec;
use sandboxed_model::{
    Blame, Failure, PluginId, Timestamp,
    command::{Command, Output},
    grant::Grants,
    tools::ToolCaller,
};
use sandboxed_plugins::{
    Ports,
    ports::{Entry, EntryKind, Kv, PortFuture, Program, Programs, Secrets, Workspaces},
};
use sandboxed_store::Store;

use crate::{containers::HostContainers, secrets::SecretBook, services::Services};

/// The services, once they are there: plugins are loaded before them and can call nothing until then.
#[derive(Clone, Default)]
pub(crate) struct Late(Arc<OnceLock<Weak<Services>>>);

impl Late {
    pub(crate) fn set(&self, services: Weak<Services>) {
        // Set once, at the start.
        let _ = self.0.set(services);
    }

    /// All ports.
    pub(crate) fn ports(&self, store: &Store, secrets: &Arc<SecretBook>) -> Ports {
        Ports {
            kv: Arc::new(StoredKv(store.clone())),
            secrets: Arc::new(ConfiguredSecrets(Arc::clone(secrets))),
            programs: Arc::new(HostPrograms),
            containers: Arc::new(HostContainers(self.clone())),
            workspaces: Arc::new(HostWorkspaces(self.clone())),
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

struct ConfiguredSecrets(Arc<SecretBook>);

impl Secrets for ConfiguredSecrets {
    fn exists(&self, name: &str) -> bool {
        self.0.exists(name)
    }

    fn read<'a>(&'a self, name: &'a str) -> PortFuture<'a, Result<String, Failure>> {
        Box::pin(self.0.read(name))
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

/// Files below the tree of a workspace. Every path is opened relative to a handle of the tree, so that neither `..` nor
/// a link leads out of it, also when it is changed at the same time.
struct HostWorkspaces(Late);

impl HostWorkspaces {
    fn in_tree<T: Send + 'static>(
        &self,
        caller: ToolCaller,
        path: String,
        work: impl FnOnce(&Dir, &str) -> io::Result<T> + Send + 'static,
    ) -> PortFuture<'_, Result<T, Failure>> {
        Box::pin(async move {
            let tree = self.0.services()?.paths.tree(caller.workspace);
            let asked = path.clone();
            let done = tokio::task::spawn_blocking(move || {
                let tree = Dir::open_ambient_dir(tree, ambient_authority())?;
                work(&tree, relative(&path))
            });
            let done = done.await.map_err(io::Error::other).and_then(|result| result);
            done.map_err(|error| path_failure(&asked, &error))
        })
    }
}

impl Workspaces for HostWorkspaces {
    fn stat(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<Entry, Failure>> {
        self.in_tree(caller, path, |tree, path| {
            let metadata = tree.symlink_metadata(path)?;
            Ok(entry(path.to_owned(), &metadata))
        })
    }

    fn read(
        &self,
        caller: ToolCaller,
        path: String,
        offset: u64,
        len: u32,
    ) -> PortFuture<'_, Result<Vec<u8>, Failure>> {
        self.in_tree(caller, path, move |tree, path| {
            let mut options = OpenOptions::new();
            // A pipe that nobody writes to must not hold the server up.
            options.read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
            let mut file = tree.open_with(path, &options)?;
            if !file.metadata()?.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
            }
            file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::new();
            file.take(len.into()).read_to_end(&mut bytes)?;
            Ok(bytes)
        })
    }

    fn write(&self, caller: ToolCaller, path: String, bytes: Vec<u8>) -> PortFuture<'_, Result<(), Failure>> {
        self.in_tree(caller, path, move |tree, path| {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            if name.is_empty() || name == "." || name == ".." {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it names no file"));
            }
            if !parent.is_empty() {
                tree.create_dir_all(parent)?;
            }
            let temporary = format!("{}.{name}.{:016x}", prefix(parent), rand::random::<u64>());
            let written = (|| {
                let mut file = tree.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
                // What was executable stays executable.
                if let Ok(before) = tree.symlink_metadata(path)
                    && before.is_file()
                {
                    file.set_permissions(before.permissions())?;
                }
                file.write_all(&bytes)?;
                file.sync_all()?;
                tree.rename(&temporary, tree, path)
            })();
            if written.is_err() {
                let _ = tree.remove_file(&temporary);
            }
            written
        })
    }

    fn remove(&self, caller: ToolCaller, path: String) -> PortFuture<'_, Result<(), Failure>> {
        self.in_tree(caller, path, |tree, path| match tree.symlink_metadata(path)?.is_dir() {
            true => tree.remove_dir(path),
            false => tree.remove_file(path),
        })
    }

    fn list(
        &self,
        caller: ToolCaller,
        path: String,
        after: Option<String>,
        limit: u32,
    ) -> PortFuture<'_, Result<Vec<Entry>, Failure>> {
        self.in_tree(caller, path, move |tree, path| {
            let directory = tree.read_dir(path)?;
            let mut names: Vec<(String, DirEntry)> = Vec::new();
            for found in directory {
                let found = found?;
                let name = found.file_name().to_string_lossy().into_owned();
                if after.as_ref().is_none_or(|after| name > *after) {
                    names.push((name, found));
                }
            }
            names.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
            let base = if path == "." { String::new() } else { prefix(path) };
            let entries = names.into_iter().take(limit as usize);
            // What went in this moment is not there.
            Ok(entries
                .filter_map(|(name, found)| Some(entry(format!("{base}{name}"), &found.metadata().ok()?)))
                .collect())
        })
    }

    fn run(
        &self,
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
            let grants = Grants { secrets, ..Grants::default() };
            sandbox.short(command, &grants, stdin, deadline, max_output).await
        })
    }
}

fn relative(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => ".",
        path => path,
    }
}

fn prefix(parent: &str) -> String {
    if parent.is_empty() { String::new() } else { format!("{parent}/") }
}

fn entry(path: String, metadata: &Metadata) -> Entry {
    let kind = match metadata.file_type() {
        kind if kind == FileType::file() => EntryKind::File,
        kind if kind == FileType::dir() => EntryKind::Directory,
        _ if metadata.is_symlink() => EntryKind::Symlink,
        _ => EntryKind::Other,
    };
    let modified = metadata.modified().ok().and_then(|time| {
        let since = time.into_std().duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    });
    Entry {
        path,
        kind,
        size: if kind == EntryKind::File { metadata.len() } else { 0 },
        modified: Timestamp::from_millis(modified.unwrap_or(0)),
    }
}

fn path_failure(path: &str, error: &io::Error) -> Failure {
    let (code, what) = match error.kind() {
        io::ErrorKind::NotFound => ("path.missing", "does not exist".to_owned()),
        // What cap-std answers for a path that leaves the directory.
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => {
            ("path.escape", "leads out of the workspace".to_owned())
        }
        io::ErrorKind::StorageFull => ("path.disk_full", "cannot be written: the disk is full".to_owned()),
        _ => ("path.failed", format!("cannot be used: {error}")),
    };
    Failure::new(Blame::Config, code, format!("{path:?} {what}"))
}
