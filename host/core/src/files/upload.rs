//! Files that arrive in parts, over broken connections and restarts of the server.

use std::{sync::Arc, time::Duration};

use sandboxed_files::{UploadId, UploadLimits, UploadStatus, Uploads};
use sandboxed_model::{
    WorkspaceId,
    files::{FileWritten, Upload, WriteCondition},
    page::PageRequest,
    workspace::Workspace,
};
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use super::{blocking, content::precondition, parse, refused, tree};
use crate::{Orchestrator, Result, paths::Paths, services::Services};

/// Uploads of one workspace that may be open at once.
const MOST_OPEN: usize = 32;
/// How long an upload is kept after its last part.
const KEPT: Duration = Duration::from_secs(24 * 3600);

impl Orchestrator {
    /// Begins the upload of a file of `total` bytes. Nothing of it is in the workspace before it is finished.
    ///
    /// # Errors
    /// When there is no such workspace, it is more than may be stored, or too many uploads are open.
    pub async fn start_upload(&self, workspace: WorkspaceId, path: &str, total: u64) -> Result<Upload> {
        let path = parse(path)?;
        let workspace = self.services.workspace_on_disk(workspace).await?;
        let limit = self.services.config.workspaces.upload_limit.0;
        if total > limit {
            return Err(refused(sandboxed_files::Error::TooLarge { limit }));
        }
        self.services.room(&workspace).await?.check_for(total)?;
        self.services
            .uploads(workspace, move |uploads, _| {
                let id = uploads.start(&path, total)?;
                Ok(Upload { id: id.to_string(), path: path.to_string(), received: 0, total })
            })
            .await
    }

    /// How far an upload is.
    ///
    /// # Errors
    /// When there is none of this id in this workspace.
    pub async fn upload(&self, workspace: WorkspaceId, upload: &str) -> Result<Upload> {
        let id = id(upload)?;
        let workspace = self.services.workspace_on_disk(workspace).await?;
        self.services.uploads(workspace, move |uploads, _| Ok(told(id, uploads.status(id)?))).await
    }

    /// Appends what comes to an upload, from the byte `offset` of the file on. What came before a failure is kept.
    ///
    /// # Errors
    /// When there is none of this id, it continues elsewhere, another call appends, or it is more than was announced or may
    /// be stored.
    pub async fn append_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        offset: u64,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Upload> {
        let id = id(upload)?;
        let workspace = self.services.workspace_on_disk(workspace).await?;
        let _transfer = self.services.transfers.begin().await?;
        let room = self.services.room(&workspace).await?;
        let metered = room.meter(SyncIoBridge::new(content)).kept_after_failure();
        let charge = metered.charge();
        let appended = self
            .services
            .uploads(workspace, move |uploads, _| {
                uploads.append(id, offset, metered)?;
                Ok(told(id, uploads.status(id)?))
            })
            .await;
        charge.settle(appended)
    }

    /// Writes the file of an upload of which all has arrived, and forgets the upload.
    ///
    /// # Errors
    /// When there is none of this id, something is missing, or the file cannot be written: the upload then stays.
    pub async fn finish_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        condition: WriteCondition,
        parents: bool,
    ) -> Result<FileWritten> {
        let id = id(upload)?;
        let precondition = precondition(condition)?;
        let (writing, workspace) = self.services.writing(workspace).await?;
        let _transfer = self.services.transfers.begin().await?;
        self.services
            .uploads(workspace, move |uploads, tree| {
                let _writing = writing;
                let path = uploads.status(id)?.path;
                let etag = uploads.finish(tree, id, precondition, parents)?;
                Ok(FileWritten { path: path.to_string(), etag: etag.to_string() })
            })
            .await
    }

    /// Forgets an upload with what has arrived of it.
    ///
    /// # Errors
    /// When there is none of this id, or a part of it arrives.
    pub async fn abort_upload(&self, workspace: WorkspaceId, upload: &str) -> Result<()> {
        let id = id(upload)?;
        let workspace = self.services.workspace_on_disk(workspace).await?;
        let space = workspace.id;
        self.services.uploads(workspace, move |uploads, _| uploads.abort(id)).await?;
        self.services.disks.doubt(space);
        Ok(())
    }
}

impl Services {
    async fn uploads<T: Send + 'static>(
        &self,
        workspace: Workspace,
        work: impl FnOnce(&Uploads, &sandboxed_files::Tree) -> sandboxed_files::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (paths, bytes) = (self.paths.clone(), self.config.workspaces.upload_limit.0);
        blocking(move || {
            let tree = tree(&paths, &workspace)?;
            work(&open(&paths, &workspace, &tree, bytes)?, &tree)
        })
        .await
    }

    /// Forgets the uploads of all workspaces that nobody goes on with.
    pub(crate) async fn expire_uploads(self: &Arc<Self>) -> Result<()> {
        let mut page = PageRequest::default();
        loop {
            let workspaces = self.store.workspaces(&page).await?;
            let (paths, bytes) = (self.paths.clone(), self.config.workspaces.upload_limit.0);
            blocking(move || {
                for workspace in workspaces.items {
                    // Most have had none.
                    if !paths.uploads(workspace.id).exists() {
                        continue;
                    }
                    let tree = tree(&paths, &workspace);
                    match tree.and_then(|tree| open(&paths, &workspace, &tree, bytes)?.expire()) {
                        Ok(0) => {}
                        Ok(expired) => tracing::info!(workspace = %workspace.id, expired, "abandoned uploads are gone"),
                        Err(error) => {
                            tracing::warn!(%error, workspace = %workspace.id, "abandoned uploads cannot be looked for");
                        }
                    }
                }
                Ok(())
            })
            .await?;
            match workspaces.next_cursor {
                Some(next) => page.cursor = Some(next),
                None => return Ok(()),
            }
        }
    }
}

fn open(
    paths: &Paths,
    workspace: &Workspace,
    tree: &sandboxed_files::Tree,
    bytes: u64,
) -> sandboxed_files::Result<Uploads> {
    Uploads::open(tree, &paths.uploads(workspace.id), UploadLimits { bytes, open: MOST_OPEN, age: KEPT })
}

fn id(text: &str) -> Result<UploadId> {
    text.parse().map_err(refused)
}

fn told(id: UploadId, status: UploadStatus) -> Upload {
    let UploadStatus { path, received, total } = status;
    Upload { id: id.to_string(), path: path.to_string(), received, total }
}
