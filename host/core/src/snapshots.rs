//! What a person can do with how workspaces stand: keep it, go back to it, and begin another workspace with it.

use sandboxed_model::{
    SnapshotId, Timestamp, WorkspaceId,
    access::Principal,
    backend::WorkspacePhase,
    page::{Page, PageRequest},
    snapshot::Snapshot,
    workspace::{Workspace, WorkspaceLayers, WorkspaceName},
};

use crate::{Error, Orchestrator, Result, sandbox::ready, services::Services, uses::Alone, workspaces::made_up_name};

/// How long a backend may take to end what it runs for a workspace.
const STOP_GRACE_MS: u32 = 5_000;
/// The longest label.
const LABEL_LIMIT: usize = 200;

impl Orchestrator {
    /// Keeps how a workspace stands. Refused while a process runs in it.
    ///
    /// # Errors
    /// When there is none of this id, it is in use, or it cannot be kept.
    pub async fn take_snapshot(&self, by: &Principal, id: WorkspaceId, label: Option<String>) -> Result<Snapshot> {
        if label.as_ref().is_some_and(|label| label.chars().count() > LABEL_LIMIT) {
            let message = format!("a label has at most {LABEL_LIMIT} characters");
            return Err(Error::Invalid { code: "snapshot.label_too_long", message });
        }
        let workspace = self.services.workspace(id).await?;
        self.services.check_here(&workspace, "a snapshot cannot be taken").await?;
        let alone = self.services.alone(id).await?;
        self.services.take_snapshot(by, id, label, false, &alone).await
    }

    /// A snapshot.
    ///
    /// # Errors
    /// When there is none of this id.
    pub async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        Ok(self.services.store.snapshot(id).await?.0)
    }

    /// Snapshots of a workspace, or of all, the newest first.
    ///
    /// # Errors
    /// When there is no such workspace, or the cursor is none of this list.
    pub async fn snapshots(&self, workspace: Option<WorkspaceId>, page: &PageRequest) -> Result<Page<Snapshot>> {
        if let Some(id) = workspace {
            self.workspace(id).await?;
        }
        Ok(self.services.store.snapshots(workspace, page).await?)
    }

    /// Removes a snapshot. Workspaces that were made from it keep what they began with.
    ///
    /// # Errors
    /// When there is none of this id, or its backend cannot remove it.
    pub async fn delete_snapshot(&self, id: SnapshotId) -> Result<()> {
        let (snapshot, kept) = self.services.store.snapshot(id).await?;
        self.services.plugins.backend(&snapshot.workspace.backend)?.forget(&kept).await?;
        self.services.store.delete_snapshot(id).await?;
        self.services.collect_layers().await
    }

    /// Makes a workspace stand as it stood. What it has changed since is gone. Refused while a process runs in it.
    ///
    /// # Errors
    /// When the snapshot is not one of this workspace, or the workspace is in use.
    pub async fn restore_workspace(&self, id: WorkspaceId, snapshot: SnapshotId) -> Result<Workspace> {
        let services = &self.services;
        let (snapshot, kept) = services.store.snapshot(snapshot).await?;
        if snapshot.workspace.id != id {
            let message = format!("the snapshot is one of the workspace {}", snapshot.workspace.name);
            return Err(Error::Conflict { code: "snapshot.of_another_workspace", message });
        }
        let alone = services.alone(id).await?;
        let workspace = services.workspace(id).await?;
        services.bring_to_rest(&workspace).await?;
        let begun = services.begin_with(&workspace, &snapshot.workspace).await?;
        services.store.set_workspace_layers(id, begun.root.clone(), begun.layers.clone()).await?;
        let backend = services.plugins.backend(&begun.backend)?;
        backend.fork(&services.isolation.spec(&begun, &services.paths), &kept).await?;
        services.collect_layers().await?;
        drop(alone);
        Ok(begun)
    }

    /// Begins a new workspace with how another stands. Refused while a process runs in that one.
    ///
    /// # Errors
    /// As [`Orchestrator::take_snapshot`] and [`Orchestrator::fork_snapshot`].
    pub async fn fork_workspace(
        &self,
        by: &Principal,
        id: WorkspaceId,
        name: Option<WorkspaceName>,
    ) -> Result<Workspace> {
        let workspace = self.services.workspace(id).await?;
        self.services.check_here(&workspace, "the workspace cannot be forked").await?;
        let alone = self.services.alone(id).await?;
        let snapshot = self.services.take_snapshot(by, id, None, true, &alone).await?;
        drop(alone);
        let forked = self.fork_snapshot(by, snapshot.id, name).await;
        self.delete_snapshot(snapshot.id).await?;
        forked
    }

    /// Begins a new workspace with a snapshot: with the same backend, options, network and limits.
    ///
    /// # Errors
    /// When there is no such snapshot, the name is taken, or the workspace cannot be made.
    pub async fn fork_snapshot(
        &self,
        by: &Principal,
        id: SnapshotId,
        name: Option<WorkspaceName>,
    ) -> Result<Workspace> {
        let services = &self.services;
        let (snapshot, kept) = services.store.snapshot(id).await?;
        let id = WorkspaceId::new();
        let workspace = Workspace {
            id,
            name: name.unwrap_or_else(|| made_up_name(id)),
            user: None,
            layers: WorkspaceLayers::default(),
            phase: WorkspacePhase::Absent,
            problem: None,
            build: None,
            drift: None,
            owner: by.user,
            created_at: Timestamp::now(),
            ..snapshot.workspace.clone()
        };
        let users = services.users_for(&workspace.backend).await?;
        let workspace = services.store.insert_workspace(workspace, users).await?;
        match services.begin_fork(&workspace, &snapshot.workspace, &kept).await {
            Ok(begun) => Ok(begun),
            Err(error) => {
                self.give_up_workspace(&workspace, &error).await?;
                Err(error)
            }
        }
    }
}

impl Services {
    async fn take_snapshot(
        &self,
        by: &Principal,
        id: WorkspaceId,
        label: Option<String>,
        hidden: bool,
        _alone: &Alone,
    ) -> Result<Snapshot> {
        let workspace = self.workspace(id).await?;
        self.bring_to_rest(&workspace).await?;
        let snapshot =
            Snapshot { id: SnapshotId::new(), label, workspace, owner: by.user, created_at: Timestamp::now() };
        // Before anything is moved, so that a server that dies over it leaves word.
        self.store.insert_snapshot(snapshot.clone(), hidden).await?;
        self.finish_snapshot(snapshot).await
    }

    async fn finish_snapshot(&self, snapshot: Snapshot) -> Result<Snapshot> {
        let (origin, shared) = self.keep(&snapshot.workspace, snapshot.id).await?;
        let backend = self.plugins.backend(&origin.backend)?;
        let spec = self.isolation.spec(&origin, &self.paths);
        let observed = backend.observe(&spec).await?;
        let kept = backend.snapshot(&spec, &observed, &snapshot.id.to_string()).await?;
        self.store.finish_snapshot(snapshot.id, origin.clone(), kept, shared).await?;
        // Whoever looks at its files finds them at once, not only when a process has entered.
        if shared {
            self.mount(&origin).await?;
        }
        Ok(Snapshot { workspace: origin, ..snapshot })
    }

    /// Finishes snapshots that a former server died over: part of a workspace's files may have been moved already.
    pub(crate) async fn recover_snapshots(&self) -> Result<()> {
        for snapshot in self.store.unfinished_snapshots().await? {
            let id = snapshot.id;
            if let Err(error) = self.finish_snapshot(snapshot).await {
                tracing::error!(%error, snapshot = %id, "a snapshot that was begun could not be finished");
            }
        }
        Ok(())
    }

    async fn begin_fork(&self, workspace: &Workspace, from: &Workspace, kept: &str) -> Result<Workspace> {
        self.make_directories(workspace).await?;
        let begun = self.begin_with(workspace, from).await?;
        let backend = self.plugins.backend(&begun.backend)?;
        let spec = self.isolation.spec(&begun, &self.paths);
        backend.fork(&spec, kept).await?;
        ready(&backend, &spec).await?;
        self.store.set_workspace_layers(begun.id, begun.root.clone(), begun.layers.clone()).await?;
        self.store.set_workspace_phase(begun.id, WorkspacePhase::Ready).await?;
        Ok(Workspace { phase: WorkspacePhase::Ready, ..begun })
    }

    /// Ends what the server and the backend run for a workspace in which no process of a person or a mission is left.
    pub(crate) async fn bring_to_rest(&self, workspace: &Workspace) -> Result<()> {
        let leader = self.store.workspace_leader(workspace.id).await?;
        self.end_leader(workspace.id, leader).await?;
        let backend = self.plugins.backend(&workspace.backend)?;
        Ok(backend.stop(&self.isolation.spec(workspace, &self.paths), STOP_GRACE_MS).await?)
    }
}
