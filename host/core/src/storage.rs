//! A workspace's directories on disk: plain ones, or layers that it shares with others and what it changed of them.
//!
//! Layers need a privileged server and a kernel that maps users. Where there are none, what a layer would share is
//! copied.

use std::{collections::HashSet, fmt, io, path::Path, sync::atomic::AtomicBool};

use sandboxed_files::{Limits, Tree};
use sandboxed_model::{
    Blame, Failure, SnapshotId, WorkspaceId,
    workspace::{Workspace, WorkspaceLayers, WorkspaceRoot},
};
use sandboxed_rootfs::{LayerId, Layers, Overlay, Users};

use crate::{Result, isolation::Isolation, paths::Paths, services::Services};

/// A directory of a workspace that others can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Its root file system.
    Root,
    /// Its files.
    Tree,
    /// Its agents' home.
    Home,
}

impl Part {
    const ALL: [Self; 3] = [Self::Root, Self::Tree, Self::Home];

    /// The name of its directory.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Tree => "tree",
            Self::Home => "home",
        }
    }

    fn layers(self, workspace: &Workspace) -> &[String] {
        match self {
            Self::Root => workspace.root.as_ref().map_or(&[], |root| &root.layers),
            Self::Tree => &workspace.layers.tree,
            Self::Home => &workspace.layers.home,
        }
    }

    fn layers_mut(self, workspace: &mut Workspace) -> Option<&mut Vec<String>> {
        match self {
            Self::Root => workspace.root.as_mut().map(|root| &mut root.layers),
            Self::Tree => Some(&mut workspace.layers.tree),
            Self::Home => Some(&mut workspace.layers.home),
        }
    }

    /// The key of the layer that a snapshot makes of it.
    fn key(self, snapshot: SnapshotId) -> String {
        format!("snapshot {snapshot} {self}")
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Everything that is needed to work on one workspace's directories, so that it can be done where blocking is allowed.
struct Storage {
    paths: Paths,
    layers: Layers,
    workspace: Workspace,
}

impl Services {
    fn storage(&self, workspace: &Workspace) -> Storage {
        Storage { paths: self.paths.clone(), layers: self.roots.layers().clone(), workspace: workspace.clone() }
    }

    /// Mounts what of a workspace begins with layers and is not mounted.
    pub(crate) async fn mount(&self, workspace: &Workspace) -> Result<()> {
        if Part::ALL.into_iter().all(|part| part.layers(workspace).is_empty()) {
            return Ok(());
        }
        let storage = self.storage(workspace);
        blocking(move || storage.mount()).await
    }

    /// The workspace of this id, with its directories where they are looked for.
    pub(crate) async fn workspace_on_disk(&self, id: WorkspaceId) -> Result<Workspace> {
        let workspace = self.workspace(id).await?;
        self.check_here(&workspace, "this cannot be done").await?;
        self.mount(&workspace).await?;
        Ok(workspace)
    }

    /// Unmounts what is mounted of a workspace in which no process is left.
    pub(crate) async fn unmount(&self, workspace: WorkspaceId) -> Result<()> {
        let paths = self.paths.clone();
        blocking(move || unmount(&paths, workspace)).await
    }

    /// Removes what a workspace changed of its root file system. No process of it is left.
    pub(crate) async fn discard_root(&self, workspace: WorkspaceId) -> Result<()> {
        let overlay = self.paths.overlay(workspace, Part::Root);
        blocking(move || overlay.unmount().and_then(|()| overlay.discard()).map_err(|error| unusable(&error))).await
    }

    /// Whether directories can begin with layers here. Tried once.
    pub(crate) async fn shares_layers(&self) -> std::result::Result<(), String> {
        let tried = self.roots.shares_layers.get_or_init(|| async {
            let users = self.isolation.users().ok_or("the server may not give workspaces users of their own")?;
            let directory = self.paths.layers();
            let tried = tokio::task::spawn_blocking(move || Overlay::try_out(&directory, users.last)).await;
            tried.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
        });
        tried.await.clone()
    }

    /// Makes layers of what a workspace has changed, in which no process is left, and returns the workspace as it begins
    /// from now on. Cut short, it can be done again. Where layers cannot be shared its directories stay as they are, and
    /// the layers are copies.
    pub(crate) async fn keep(&self, workspace: &Workspace, snapshot: SnapshotId) -> Result<(Workspace, bool)> {
        let shared = self.shares_layers().await.is_ok() && workspace.user.is_some();
        let storage = self.storage(workspace);
        let kept = blocking(move || if shared { storage.share(snapshot) } else { storage.copy_out(snapshot) });
        Ok((kept.await?, shared))
    }

    /// Makes the directories of a workspace those of `from`, which it began with or was forked from. What it has changed
    /// since is gone.
    pub(crate) async fn begin_with(&self, workspace: &Workspace, from: &Workspace) -> Result<Workspace> {
        let shared = self.shares_layers().await.is_ok() && workspace.user.is_some();
        let root = from.root.clone();
        let layers = if shared { from.layers.clone() } else { WorkspaceLayers::default() };
        let begun = Workspace { root, layers, ..workspace.clone() };
        let (storage, copied) = (self.storage(&begun), from.layers.clone());
        blocking(move || {
            unmount(&storage.paths, storage.workspace.id)?;
            storage.empty()?;
            if shared { storage.mount() } else { storage.copy_in(&copied) }
        })
        .await?;
        Ok(begun)
    }

    /// Removes layers of snapshots that nobody uses any more.
    pub(crate) async fn collect_layers(&self) -> Result<()> {
        let used = self.used_layers().await?;
        let layers = self.roots.layers().clone();
        blocking(move || layers.collect(&used).map_err(|error| unusable(&error)).map(drop)).await
    }

    /// The layers that workspaces and snapshots begin with, or will.
    pub(crate) async fn used_layers(&self) -> Result<HashSet<LayerId>> {
        let mut used: HashSet<LayerId> = HashSet::new();
        for (root, layers) in self.store.used_layers().await? {
            let WorkspaceLayers { tree, home } = layers;
            let root = root.map(|WorkspaceRoot { layers, .. }| layers).unwrap_or_default();
            used.extend(root.iter().chain(&tree).chain(&home).filter_map(|layer| layer.parse::<LayerId>().ok()));
        }
        for snapshot in self.store.unfinished_snapshots().await? {
            used.extend(Part::ALL.map(|part| LayerId::of(&part.key(snapshot.id))));
        }
        Ok(used)
    }
}

impl Storage {
    fn overlay(&self, part: Part) -> Overlay {
        self.paths.overlay(self.workspace.id, part)
    }

    fn users(&self) -> std::result::Result<Users, Failure> {
        Isolation::users_of(&self.workspace)
    }

    fn mount(&self) -> std::result::Result<(), Failure> {
        for part in Part::ALL {
            let layers = part.layers(&self.workspace);
            if layers.is_empty() {
                continue;
            }
            let ids = layers.iter().map(|layer| layer.parse()).collect::<std::result::Result<Vec<LayerId>, _>>();
            let ids = ids.map_err(|error| unusable(&error))?;
            let users = self.users()?;
            // Root's root is for everybody in the system; the others are for those who work in it.
            let (owner, mode) = match part {
                Part::Root => (users.first, 0o755),
                Part::Tree | Part::Home => (self.workspace.user.unwrap_or(users.first), 0o700),
            };
            self.overlay(part).mount(&self.layers, &ids, users, owner, mode).map_err(|error| unusable(&error))?;
        }
        Ok(())
    }

    fn share(&self, snapshot: SnapshotId) -> std::result::Result<Workspace, Failure> {
        let users = self.users()?;
        unmount(&self.paths, self.workspace.id)?;
        let mut begun = self.workspace.clone();
        for part in Part::ALL {
            let overlay = self.overlay(part);
            let plain = part.layers(&self.workspace).is_empty();
            let Some(layers) = part.layers_mut(&mut begun) else { continue };
            let from = if plain { overlay.path().to_owned() } else { overlay.changed() };
            let key = part.key(snapshot);
            let kept = self.layers.contains(&LayerId::of(&key)).map_err(|error| unusable(&error))?;
            // What changed nothing needs no layer; a directory must begin with one all the same.
            if kept || plain || !is_empty(&from)? {
                let title = format!("{part} of {}", self.workspace.name);
                let layer = self.layers.keep(&key, &title, users, &from).map_err(|error| unusable(&error))?;
                layers.push(layer.id().to_string());
            }
            overlay.discard().map_err(|error| unusable(&error))?;
        }
        Ok(begun)
    }

    fn copy_out(&self, snapshot: SnapshotId) -> std::result::Result<Workspace, Failure> {
        let mut kept = self.workspace.clone();
        for part in [Part::Tree, Part::Home] {
            let key = part.key(snapshot);
            let Some(layers) = part.layers_mut(&mut kept) else { continue };
            let draft = self.layers.draft().map_err(|error| unusable(&error))?;
            copy(self.overlay(part).path(), &draft.files(), None)?;
            let title = format!("{part} of {}", self.workspace.name);
            let users = Users { first: self.workspace.user.unwrap_or_default(), count: 1 };
            let layer = self.layers.keep(&key, &title, users, &draft.files()).map_err(|error| unusable(&error))?;
            layers.push(layer.id().to_string());
        }
        Ok(kept)
    }

    fn copy_in(&self, layers: &WorkspaceLayers) -> std::result::Result<(), Failure> {
        for (part, layers) in [(Part::Tree, &layers.tree), (Part::Home, &layers.home)] {
            let directory = self.overlay(part).path().to_owned();
            let user = self.workspace.user;
            crate::isolation::make_directory(&directory, user, 0o700).map_err(|error| unusable(&error))?;
            for layer in layers {
                let id: LayerId = layer.parse().map_err(|error| unusable(&error))?;
                let files = self.layers.files(&id).map_err(|error| unusable(&error))?;
                copy(&files, &directory, user)?;
            }
        }
        Ok(())
    }

    fn empty(&self) -> std::result::Result<(), Failure> {
        for part in Part::ALL {
            let overlay = self.overlay(part);
            overlay.discard().map_err(|error| unusable(&error))?;
            match std::fs::remove_dir_all(overlay.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed.map_err(|error| unusable(&error))?,
            }
        }
        Ok(())
    }
}

fn unmount(paths: &Paths, workspace: WorkspaceId) -> std::result::Result<(), Failure> {
    Part::ALL
        .into_iter()
        .try_for_each(|part| paths.overlay(workspace, part).unmount().map_err(|error| unusable(&error)))
}

fn is_empty(directory: &Path) -> std::result::Result<bool, Failure> {
    match std::fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        entries => Ok(entries.map_err(|error| unusable(&error))?.next().is_none()),
    }
}

fn copy(from: &Path, to: &Path, owner: Option<u32>) -> std::result::Result<(), Failure> {
    let open = |path: &Path, owner: Option<u32>| Tree::open(path, owner.map(|user| (user, user)));
    let unlimited = Limits { bytes: u64::MAX, entries: u64::MAX };
    let copied = open(from, None).and_then(|from| from.copy_to(&open(to, owner)?, unlimited, &AtomicBool::new(false)));
    copied.map(drop).map_err(|error| unusable(&error))
}

fn unusable(error: &impl ToString) -> Failure {
    Failure::new(Blame::Host, "workspace.storage", format!("the workspace's directories: {}", error.to_string()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::result::Result<T, Failure> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| unusable(&error))??)
}
