//! Snapshots of workspaces.

use reqwest::Method;
use sandboxed_model::{
    SnapshotId, WorkspaceId,
    page::{Page, PageRequest},
    snapshot::Snapshot,
    workspace::{Workspace, WorkspaceName},
};
use serde_json::json;

use super::{Client, Embedded, Http, http::page_query, pages};
use crate::failed::Result;

impl Client {
    /// Snapshots of a workspace, or of all, the newest first.
    pub(crate) async fn snapshots(&self, workspace: Option<WorkspaceId>) -> Result<Vec<Snapshot>> {
        pages(u32::MAX, async |page| either!(self.snapshots(workspace, &page))).await
    }

    pub(crate) async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        either!(self.snapshot(id))
    }

    pub(crate) async fn take_snapshot(&self, workspace: WorkspaceId, label: Option<String>) -> Result<Snapshot> {
        either!(self.take_snapshot(workspace, label))
    }

    pub(crate) async fn delete_snapshot(&self, id: SnapshotId) -> Result<()> {
        either!(self.delete_snapshot(id))
    }

    pub(crate) async fn fork_snapshot(&self, id: SnapshotId, name: Option<WorkspaceName>) -> Result<Workspace> {
        either!(self.fork_snapshot(id, name))
    }

    pub(crate) async fn fork_workspace(&self, id: WorkspaceId, name: Option<WorkspaceName>) -> Result<Workspace> {
        either!(self.fork_workspace(id, name))
    }

    pub(crate) async fn restore_workspace(&self, id: WorkspaceId, snapshot: SnapshotId) -> Result<Workspace> {
        either!(self.restore_workspace(id, snapshot))
    }
}

impl Embedded {
    async fn snapshots(&self, workspace: Option<WorkspaceId>, page: &PageRequest) -> Result<Page<Snapshot>> {
        Ok(self.orchestrator.snapshots(workspace, page).await?)
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        Ok(self.orchestrator.snapshot(id).await?)
    }

    async fn take_snapshot(&self, workspace: WorkspaceId, label: Option<String>) -> Result<Snapshot> {
        Ok(self.orchestrator.take_snapshot(&self.by, workspace, label).await?)
    }

    async fn delete_snapshot(&self, id: SnapshotId) -> Result<()> {
        Ok(self.orchestrator.delete_snapshot(id).await?)
    }

    async fn fork_snapshot(&self, id: SnapshotId, name: Option<WorkspaceName>) -> Result<Workspace> {
        Ok(self.orchestrator.fork_snapshot(&self.by, id, name).await?)
    }

    async fn fork_workspace(&self, id: WorkspaceId, name: Option<WorkspaceName>) -> Result<Workspace> {
        Ok(self.orchestrator.fork_workspace(&self.by, id, name).await?)
    }

    async fn restore_workspace(&self, id: WorkspaceId, snapshot: SnapshotId) -> Result<Workspace> {
        Ok(self.orchestrator.restore_workspace(id, snapshot).await?)
    }
}

impl Http {
    async fn snapshots(&self, workspace: Option<WorkspaceId>, page: &PageRequest) -> Result<Page<Snapshot>> {
        let path = workspace.map_or("/snapshots".to_owned(), |workspace| format!("/workspaces/{workspace}/snapshots"));
        self.query(&path, &page_query(page)).await
    }

    async fn snapshot(&self, id: SnapshotId) -> Result<Snapshot> {
        self.get(&format!("/snapshots/{id}")).await
    }

    async fn take_snapshot(&self, workspace: WorkspaceId, label: Option<String>) -> Result<Snapshot> {
        let body = label.map_or_else(|| json!({}), |label| json!({ "label": label }));
        self.send(Method::POST, &format!("/workspaces/{workspace}/snapshots"), body).await
    }

    async fn delete_snapshot(&self, id: SnapshotId) -> Result<()> {
        self.delete(&format!("/snapshots/{id}")).await
    }

    async fn fork_snapshot(&self, id: SnapshotId, name: Option<WorkspaceName>) -> Result<Workspace> {
        self.send(Method::POST, &format!("/snapshots/{id}/fork"), named(name)).await
    }

    async fn fork_workspace(&self, id: WorkspaceId, name: Option<WorkspaceName>) -> Result<Workspace> {
        self.send(Method::POST, &format!("/workspaces/{id}/fork"), named(name)).await
    }

    async fn restore_workspace(&self, id: WorkspaceId, snapshot: SnapshotId) -> Result<Workspace> {
        self.send(Method::POST, &format!("/workspaces/{id}/restore"), json!({ "snapshot": snapshot })).await
    }
}

fn named(name: Option<WorkspaceName>) -> serde_json::Value {
    name.map_or_else(|| json!({}), |name| json!({ "name": name }))
}
