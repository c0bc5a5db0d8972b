//! Files of workspaces.

use futures_util::StreamExt as _;
use sandboxed_model::{
    WorkspaceId,
    files::{ArchiveFormat, DiskUsage, FileEntry, FileWritten, Unpacked, Upload, WriteCondition},
    page::{Page, PageRequest},
};
use tokio::io::AsyncRead;

use super::{
    super::files::{Content, Download},
    Embedded,
};
use crate::failed::{Failed, Result};

impl Embedded {
    pub(in crate::client) async fn files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        page: &PageRequest,
    ) -> Result<Page<FileEntry>> {
        Ok(self.orchestrator.files(workspace, path, page).await?)
    }

    pub(in crate::client) async fn file(&self, workspace: WorkspaceId, path: &str) -> Result<FileEntry> {
        Ok(self.orchestrator.file(workspace, path).await?)
    }

    pub(in crate::client) async fn make_directory(
        &self,
        workspace: WorkspaceId,
        path: &str,
        parents: bool,
    ) -> Result<FileEntry> {
        Ok(self.orchestrator.make_directory(workspace, path, parents).await?)
    }

    pub(in crate::client) async fn move_file(
        &self,
        workspace: WorkspaceId,
        from: &str,
        to: &str,
        overwrite: bool,
    ) -> Result<()> {
        Ok(self.orchestrator.move_file(workspace, from, to, overwrite).await?)
    }

    pub(in crate::client) async fn remove_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        recursive: bool,
    ) -> Result<()> {
        Ok(self.orchestrator.remove_file(workspace, path, recursive).await?)
    }

    pub(in crate::client) async fn files_usage(&self, workspace: WorkspaceId, path: &str) -> Result<DiskUsage> {
        Ok(self.orchestrator.files_usage(workspace, path).await?)
    }

    pub(in crate::client) async fn read_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        from: u64,
        version: Option<&str>,
    ) -> Result<Download> {
        let mut file = self.orchestrator.read_file(workspace, path).await?;
        if version.is_some_and(|version| version != file.etag()) {
            return Err(Failed::new(format!("{path}: the file has changed meanwhile")));
        }
        let (size, etag) = (file.size(), file.etag().to_owned());
        if from > 0 {
            file.select(from..size)?;
        }
        let content = async_stream::try_stream! {
            while let Some(piece) = file.next().await? {
                yield piece;
            }
        };
        Ok(Download { size, etag, content: content.boxed() })
    }

    pub(in crate::client) async fn write_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        condition: WriteCondition,
        parents: bool,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<FileWritten> {
        Ok(self.orchestrator.write_file(workspace, path, condition, parents, content).await?)
    }

    pub(in crate::client) async fn start_upload(
        &self,
        workspace: WorkspaceId,
        path: &str,
        total: u64,
    ) -> Result<Upload> {
        Ok(self.orchestrator.start_upload(workspace, path, total).await?)
    }

    pub(in crate::client) async fn upload(&self, workspace: WorkspaceId, upload: &str) -> Result<Upload> {
        Ok(self.orchestrator.upload(workspace, upload).await?)
    }

    pub(in crate::client) async fn append_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        offset: u64,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Upload> {
        Ok(self.orchestrator.append_upload(workspace, upload, offset, content).await?)
    }

    pub(in crate::client) async fn finish_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        condition: WriteCondition,
        parents: bool,
    ) -> Result<FileWritten> {
        Ok(self.orchestrator.finish_upload(workspace, upload, condition, parents).await?)
    }

    pub(in crate::client) async fn abort_upload(&self, workspace: WorkspaceId, upload: &str) -> Result<()> {
        Ok(self.orchestrator.abort_upload(workspace, upload).await?)
    }

    pub(in crate::client) async fn pack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
    ) -> Result<Content> {
        let mut archive = self.orchestrator.pack_files(workspace, path, format).await?;
        let content = async_stream::try_stream! {
            while let Some(piece) = archive.next().await? {
                yield piece;
            }
        };
        Ok(content.boxed())
    }

    pub(in crate::client) async fn unpack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Unpacked> {
        Ok(self.orchestrator.unpack_files(workspace, path, format, content).await?)
    }
}
