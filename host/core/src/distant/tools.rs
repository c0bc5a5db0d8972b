//! Files of workspaces on other machines as tools see them: paths are names as they are, with nothing escaped.

use sandboxed_engine::keeper::FileRequest;
use sandboxed_files::{Name, RelativePath};
use sandboxed_model::{
    Failure,
    files::{FileEntry, FileKind, WriteCondition},
};
use sandboxed_plugins::ports::{Entry, EntryKind};

use super::Distant;
use crate::{Result, files::refused};

impl Distant {
    pub(crate) async fn tool_stat(&self, path: &RelativePath) -> Result<Entry> {
        Ok(entry(self.entry(FileRequest::Stat { path: path.to_string() }).await?))
    }

    /// Up to `len` bytes. Nothing is after the end.
    pub(crate) async fn tool_read(self, path: &RelativePath, offset: u64, len: u32) -> Result<Vec<u8>> {
        let (mut content, _, size) = self.read(path.to_string()).await?;
        let end = size.min(offset.saturating_add(len.into()));
        if offset >= end {
            return Ok(Vec::new());
        }
        content.select(offset, end);
        let mut bytes = Vec::new();
        while let Some(piece) = content.next().await? {
            bytes.extend(piece);
        }
        Ok(bytes)
    }

    pub(crate) async fn tool_write(&self, path: &RelativePath, limit: u64, bytes: &[u8]) -> Result<()> {
        self.write(path.to_string(), WriteCondition::Any, limit, true, bytes).await.map(drop)
    }

    pub(crate) async fn tool_remove(&self, path: &RelativePath) -> Result<()> {
        self.done(FileRequest::Remove { path: path.to_string(), recursive: false }).await
    }

    pub(crate) async fn tool_list(&self, path: &RelativePath, after: Option<String>, limit: u32) -> Result<Vec<Entry>> {
        let after = after.filter(|after| !after.is_empty()).map(Name::new).transpose().map_err(refused)?;
        let page = self.list(path.to_string(), after.map(|name| name.escaped()), limit as usize).await?;
        Ok(page.items.into_iter().map(entry).collect())
    }
}

/// A path that is no text stays as it is told.
fn entry(found: FileEntry) -> Entry {
    let plain = RelativePath::from_escaped(&found.path).ok();
    let plain = plain.as_ref().and_then(RelativePath::as_utf8).filter(|path| !path.is_empty()).map(str::to_owned);
    let kind = match found.kind {
        FileKind::File => EntryKind::File,
        FileKind::Directory => EntryKind::Directory,
        FileKind::Symlink => EntryKind::Symlink,
        FileKind::Other => EntryKind::Other,
    };
    Entry { path: plain.unwrap_or(found.path), kind, size: found.size, modified: found.modified }
}

impl crate::services::Services {
    /// [`crate::services::Services::distant`] for whoever wants a failure.
    pub(crate) async fn distant_for_tools(
        self: &std::sync::Arc<Self>,
        workspace: sandboxed_model::WorkspaceId,
    ) -> std::result::Result<Option<Distant>, Failure> {
        self.distant(workspace).await.map_err(|error| error.failure())
    }
}
