//! Files of workspaces.

use futures_util::stream::BoxStream;
use sandboxed_model::{
    WorkspaceId,
    files::{ArchiveFormat, DiskUsage, FileEntry, FileWritten, Unpacked, Upload, WriteCondition},
    page::{Page, PageRequest},
};
use tokio::io::AsyncRead;

use super::Client;
use crate::failed::Result;

/// The content of a file or an archive, piece by piece.
pub(crate) type Content = BoxStream<'static, Result<Vec<u8>>>;

/// A file while it comes.
pub(crate) struct Download {
    /// Bytes of the whole file.
    pub(crate) size: u64,
    /// Its version.
    pub(crate) etag: String,
    /// Its content, from where it was asked for.
    pub(crate) content: Content,
}

impl Client {
    pub(crate) async fn files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        page: &PageRequest,
    ) -> Result<Page<FileEntry>> {
        either!(self.files(workspace, path, page))
    }

    pub(crate) async fn file(&self, workspace: WorkspaceId, path: &str) -> Result<FileEntry> {
        either!(self.file(workspace, path))
    }

    pub(crate) async fn make_directory(&self, workspace: WorkspaceId, path: &str, parents: bool) -> Result<FileEntry> {
        either!(self.make_directory(workspace, path, parents))
    }

    pub(crate) async fn move_file(&self, workspace: WorkspaceId, from: &str, to: &str, overwrite: bool) -> Result<()> {
        either!(self.move_file(workspace, from, to, overwrite))
    }

    pub(crate) async fn remove_file(&self, workspace: WorkspaceId, path: &str, recursive: bool) -> Result<()> {
        either!(self.remove_file(workspace, path, recursive))
    }

    pub(crate) async fn files_usage(&self, workspace: WorkspaceId, path: &str) -> Result<DiskUsage> {
        either!(self.files_usage(workspace, path))
    }

    /// A file from this byte on; if `version` is given, only that one.
    pub(crate) async fn read_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        from: u64,
        version: Option<&str>,
    ) -> Result<Download> {
        either!(self.read_file(workspace, path, from, version))
    }

    pub(crate) async fn write_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        condition: WriteCondition,
        parents: bool,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<FileWritten> {
        either!(self.write_file(workspace, path, condition, parents, content))
    }

    pub(crate) async fn start_upload(&self, workspace: WorkspaceId, path: &str, total: u64) -> Result<Upload> {
        either!(self.start_upload(workspace, path, total))
    }

    pub(crate) async fn upload(&self, workspace: WorkspaceId, upload: &str) -> Result<Upload> {
        either!(self.upload(workspace, upload))
    }

    pub(crate) async fn append_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        offset: u64,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Upload> {
        either!(self.append_upload(workspace, upload, offset, content))
    }

    pub(crate) async fn finish_upload(
        &self,
        workspace: WorkspaceId,
        upload: &str,
        condition: WriteCondition,
        parents: bool,
    ) -> Result<FileWritten> {
        either!(self.finish_upload(workspace, upload, condition, parents))
    }

    pub(crate) async fn abort_upload(&self, workspace: WorkspaceId, upload: &str) -> Result<()> {
        either!(self.abort_upload(workspace, upload))
    }

    pub(crate) async fn pack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
    ) -> Result<Content> {
        either!(self.pack_files(workspace, path, format))
    }

    pub(crate) async fn unpack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Unpacked> {
        either!(self.unpack_files(workspace, path, format, content))
    }

    /// Looks where the server is now, after it did not answer.
    pub(crate) fn look_again(&self) {
        if let Self::Http(server) = self {
            server.relocate();
        }
    }
}
