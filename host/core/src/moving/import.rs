//! Workspaces that come in.

use std::{
    io::{self, Read},
    sync::{Arc, atomic::AtomicBool},
};

use sandboxed_exec::Resource;
use sandboxed_files::{Limits, Tree, Unpacker};
use sandboxed_model::{
    Blame, Failure, Timestamp, WorkspaceId,
    access::Principal,
    backend::WorkspacePhase,
    moving::{ImportWishes, ImportedWorkspace},
    page::PageRequest,
    recipe::Blueprint,
    workspace::{Workspace, WorkspaceLayers, WorkspaceRoot},
};
use sandboxed_rootfs::{Draft, LayerId};
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use super::manifest::{MANIFEST, MOST_MANIFEST, MOST_SUMS, Manifest, SUMS, Sums};
use crate::{
    Error, Orchestrator, Result, blueprint::Resolved, files::refused, isolation::Isolation, services::Services,
    storage::Part,
};

/// Files, directories and links of one directory of an archive.
const MOST_ENTRIES: u64 = 4_000_000;
/// What an entry takes on disk at least.
const BLOCK: u64 = 4096;

/// An archive of which the manifest was read.
struct Arriving<R: Read> {
    manifest: Manifest,
    sums: Sums,
    unpacker: Unpacker<R>,
}

/// What of an archive has its place now.
struct Arrived {
    /// The files of its system, which are no layer yet.
    root: Option<Draft>,
    left_out: u64,
}

impl Orchestrator {
    /// Makes a workspace from an archive of [`Orchestrator::export_workspace`], of this server or another. It gets the
    /// settings that it had, as far as this server lets workspaces have them; its init steps are not run. A system or an image
    /// that is neither in the archive nor here is made by the build that the workspace then names. Of an archive that is not
    /// taken in nothing stays.
    ///
    /// # Errors
    /// When it is none, of another version, not as it was written, or holds more than may be stored; when the name is taken,
    /// or the backend, a secret or a directory is not to be had here.
    pub async fn import_workspace(
        &self,
        by: &Principal,
        wishes: ImportWishes,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<ImportedWorkspace> {
        let services = &self.services;
        let _transfer = services.transfers.begin().await?;
        let content = SyncIoBridge::new(content);
        let arriving = blocking(move || Arriving::begin(content)).await?;
        let (workspace, mut warnings) = services.as_it_comes(by, &arriving.manifest, wishes).await?;
        let users = services.users_for(&workspace.backend).await?;
        let workspace = services.store.insert_workspace(workspace, users).await?;
        match services.take_in(&workspace, arriving).await {
            Ok(left_out) => {
                if left_out > 0 {
                    warnings
                        .push(format!("{left_out} sockets, devices or attributes were left out when it was packed"));
                }
                Ok(ImportedWorkspace { workspace: self.workspace(workspace.id).await?, warnings })
            }
            Err(error) => {
                self.give_up_workspace(&workspace, &error).await?;
                services.collect_layers().await?;
                Err(error)
            }
        }
    }
}

impl<R: Read> Arriving<R> {
    fn begin(content: R) -> Result<Self> {
        let mut unpacker = Unpacker::new(content).map_err(refused)?;
        let text = unpacker.text(MANIFEST, MOST_MANIFEST).map_err(refused)?;
        Ok(Self { manifest: Manifest::read(&text)?, sums: Sums::new(&text), unpacker })
    }
}

impl Services {
    /// The workspace that an archive becomes here, and what it loses by that.
    async fn as_it_comes(
        &self,
        by: &Principal,
        manifest: &Manifest,
        wishes: ImportWishes,
    ) -> Result<(Workspace, Vec<String>)> {
        let Manifest { name, workspace: blueprint, template, system, .. } = manifest.clone();
        let mut warnings = Vec::new();
        let mut blueprint = blueprint;
        let ImportWishes { name: wanted, backend, options } = wishes;
        if let Some(backend) = backend.filter(|backend| blueprint.backend.as_ref() != Some(backend))
            && let Some(former) = blueprint.backend.replace(backend)
            && !std::mem::take(&mut blueprint.options).is_empty()
        {
            warnings.push(format!("the options of the backend {former} are left out"));
        }
        blueprint.options = options.unwrap_or(blueprint.options);
        let backend = blueprint.backend.as_ref().unwrap_or(&self.config.missions.default_backend);
        let given = serde_json::Value::from(blueprint.options.clone()).to_string();
        self.check_made_here(backend, &given, "an archive cannot be taken in").await?;
        self.leave_out_limits(&mut blueprint, &mut warnings).await?;
        let Resolved { backend, options, network, limits, ports, recipe } = self.resolve(blueprint).await?;
        let template = match template {
            Some(used) => match self.store.template(&used.name, Some(used.version)).await.map_err(Error::from) {
                Ok(_) => Some(used),
                Err(Error::NotFound { .. }) => {
                    let (name, version) = (used.name, used.version);
                    warnings.push(format!("there is no template {name} in version {version}: it follows none here"));
                    None
                }
                Err(error) => return Err(error),
            },
            None => None,
        };
        if system.is_some() && !self.has_range(&backend).await? {
            warnings.push(format!("the backend {backend} has no system of its own: that of the archive is left out"));
        }
        if system.is_none() && self.has_range(&backend).await? {
            warnings.push(format!("the archive holds no system: the backend {backend} makes a new one"));
        }
        let workspace = Workspace {
            id: WorkspaceId::new(),
            name: wanted.unwrap_or(name),
            backend,
            options,
            network,
            limits,
            ports,
            user: None,
            root: None,
            layers: WorkspaceLayers::default(),
            phase: WorkspacePhase::Absent,
            problem: None,
            build: None,
            recipe,
            template,
            drift: None,
            owner: by.user,
            created_at: Timestamp::now(),
        };
        Ok((workspace, warnings))
    }

    /// Nobody asked this server for the limits of an archive: those that it cannot keep are left out, and told.
    async fn leave_out_limits(&self, blueprint: &mut Blueprint, warnings: &mut Vec<String>) -> Result<()> {
        let backend = blueprint.backend.clone().unwrap_or_else(|| self.config.missions.default_backend.clone());
        let known = self.plugins.inspect(&backend).is_some();
        if !known || self.plugins.backend(&backend)?.describe().await?.engine_limits {
            return Ok(());
        }
        for (resource, reason) in self.isolation.unlimited() {
            let limits = &mut blueprint.limits;
            let (had, what) = match resource {
                Resource::Memory => (limits.memory.take().is_some(), "memory"),
                Resource::Cpu => (limits.cpu_millis.take().is_some(), "processors"),
                Resource::Processes => (limits.processes.take().is_some(), "processes"),
            };
            if had {
                warnings.push(format!("its limit of {what} is left out, because it cannot be kept here: {reason}"));
            }
        }
        Ok(())
    }

    async fn has_range(&self, backend: &sandboxed_model::PluginId) -> Result<bool> {
        Ok(self.plugins.backend(backend)?.describe().await?.user_range)
    }

    /// Gives a new workspace what is in an archive, and has a first process enter it, or begins the build that makes what it
    /// enters. Returns how much was left out when it was packed.
    async fn take_in<R: Read + Send + 'static>(
        self: &Arc<Self>,
        workspace: &Workspace,
        arriving: Arriving<R>,
    ) -> Result<u64> {
        // Nothing writes into it before all of it is there.
        let alone = self.alone(workspace.id).await?;
        self.make_directories(workspace).await?;
        let mark = self.paths.arriving(workspace.id);
        blocking({
            let mark = mark.clone();
            move || std::fs::write(mark, []).map_err(|error| unusable(&error))
        })
        .await?;
        let root = self.root_to_come(workspace, &arriving.manifest).await?;
        let coming = Workspace { root, ..workspace.clone() };
        let Arrived { root, left_out } = self.unpack(&coming, arriving).await?;
        if let Some(draft) = root {
            // First the row: a layer that nobody uses is collected.
            self.store.set_workspace_layers(coming.id, coming.root.clone(), coming.layers.clone()).await?;
            let (layers, key, users) =
                (self.roots.layers().clone(), root_key(coming.id), Isolation::users_of(&coming)?);
            let title = coming.root.as_ref().map(|root| root.title.clone()).unwrap_or_default();
            blocking(move || {
                layers.keep(&key, &title, users, &draft.files()).map(drop).map_err(|error| unusable(&error))
            })
            .await?;
        }
        blocking(move || std::fs::remove_file(mark).map_err(|error| unusable(&error))).await?;
        drop(alone);
        if self.begin_arrived(&self.workspace(workspace.id).await?).await?.is_none() {
            self.store.set_workspace_phase(workspace.id, WorkspacePhase::Ready).await?;
        }
        Ok(left_out)
    }

    /// What the root of a workspace is when it has come; nothing where the archive or the backend has none.
    async fn root_to_come(&self, workspace: &Workspace, manifest: &Manifest) -> Result<Option<WorkspaceRoot>> {
        let Some(title) = manifest.system.clone() else { return Ok(None) };
        if !self.has_range(&workspace.backend).await? {
            return Ok(None);
        }
        let planned = self.plan_system(workspace).await?;
        let in_place_of = planned.map(|planned| planned.layer().to_string());
        let layers = vec![LayerId::of(&root_key(workspace.id)).to_string()];
        Ok(Some(WorkspaceRoot { title, layers, env: manifest.system_env.clone(), in_place_of }))
    }

    async fn unpack<R: Read + Send + 'static>(&self, coming: &Workspace, arriving: Arriving<R>) -> Result<Arrived> {
        let (paths, layers, owners) = (self.paths.clone(), self.roots.layers().clone(), super::owners(coming)?);
        let accepted = self.config.workspaces.upload_limit.0;
        let mut of_files = accepted.min(coming.limits.disk.unwrap_or(u64::MAX));
        let (id, takes_root) = (coming.id, coming.root.is_some());
        let stop = StopOnDrop::default();
        let cancel = Arc::clone(&stop.0);
        blocking(move || {
            let Arriving { manifest, mut sums, mut unpacker } = arriving;
            let mut root = None;
            for part in manifest.parts() {
                let limit = if part == Part::Root { accepted } else { of_files };
                let limits = Limits { bytes: limit, entries: MOST_ENTRIES.min(limit / BLOCK + 1) };
                let sum = match part {
                    Part::Root if takes_root => {
                        let draft = layers.draft().map_err(|error| unusable(&error))?;
                        let tree = Tree::open(&draft.files(), None).map_err(refused)?;
                        root = Some(draft);
                        unpacker.directory(part.as_str(), &tree, owners, limits, &cancel)
                    }
                    Part::Root => unpacker.pass(part.as_str(), &cancel),
                    Part::Tree | Part::Home => Tree::open(paths.overlay(id, part).path(), None)
                        .and_then(|tree| unpacker.directory(part.as_str(), &tree, owners, limits, &cancel)),
                };
                let sum = sum.map_err(|error| too_much(error, part, limit))?;
                if part != Part::Root {
                    of_files = of_files.saturating_sub(sum.written);
                }
                sums.add(part, sum);
            }
            let said = unpacker.text(SUMS, MOST_SUMS).map_err(refused)?;
            unpacker.finish().map_err(refused)?;
            Ok(Arrived { root, left_out: sums.check(&said)? })
        })
        .await
    }

    /// Removes workspaces that were coming in when a former server was lost: what is there of them is not whole.
    pub(crate) async fn give_up_arrivals(&self) -> Result<()> {
        let mut page = PageRequest { cursor: None, limit: PageRequest::MAX_LIMIT };
        loop {
            let workspaces = self.store.workspaces(&page).await?;
            for workspace in workspaces.items {
                if workspace.phase != WorkspacePhase::Absent || !self.paths.arriving(workspace.id).exists() {
                    continue;
                }
                tracing::warn!(workspace = %workspace.name, "the server was lost while a workspace was taken in; what came of it is removed");
                match self.remove_workspace(&workspace, None).await {
                    Ok(()) => self.store.delete_workspace(workspace.id).await?,
                    Err(error) => tracing::error!(%error, workspace = %workspace.name, "it could not be removed"),
                }
            }
            match workspaces.next_cursor {
                Some(cursor) => page.cursor = Some(cursor),
                None => return Ok(()),
            }
        }
    }
}

/// The key of the layer that the system of a workspace becomes.
fn root_key(workspace: WorkspaceId) -> String {
    format!("import {workspace} {}", Part::Root)
}

/// Says which limit it is that an archive goes beyond.
fn too_much(error: sandboxed_files::Error, part: Part, limit: u64) -> Error {
    match error {
        sandboxed_files::Error::TooLarge { .. } | sandboxed_files::Error::TooManyEntries { .. } => {
            let message = format!("{part} of the archive takes more than the {limit} bytes that there may be");
            let failure = Failure::new(Blame::Config, "path.too_large", message);
            Error::File(failure.with_hint(match part {
                Part::Root => "workspaces.upload_limit of this server bounds it",
                Part::Tree | Part::Home => {
                    "the workspace's own limit of disk bounds it, and workspaces.upload_limit of this server"
                }
            }))
        }
        error => refused(error),
    }
}

fn unusable(error: &impl ToString) -> Error {
    Failure::new(Blame::Host, "workspace.storage", format!("the workspace's directories: {}", error.to_string())).into()
}

/// Does what may take long on a thread that may wait.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| unusable(&io::Error::other(error)))?
}

/// Stops work when it is dropped.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
