//! Reading files and writing them as a whole.

use std::{
    io::{self, Read},
    ops::Range,
};

use sandboxed_files::{Precondition, Reader, RelativePath};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    files::{FileWritten, WriteCondition},
};
use tokio::io::AsyncRead;
use tokio_util::io::SyncIoBridge;

use super::{blocking, parse, refused, tree};
use crate::{Error, Orchestrator, Result, distant::DistantContent, services::Services};

/// Bytes that are read from a file at once.
const PIECE: usize = 256 << 10;

/// The content of a file, read piece by piece.
pub struct FileContent {
    name: String,
    etag: String,
    size: u64,
    reader: Option<Source>,
}

/// Where the content is.
enum Source {
    Here(Reader),
    There(Box<DistantContent>),
}

impl FileContent {
    /// A file of this machine.
    pub(crate) fn here(name: String, reader: Reader) -> Self {
        let (etag, size) = (reader.etag().to_string(), reader.size());
        Self { name, etag, size, reader: Some(Source::Here(reader)) }
    }

    /// The file's name, with `%XX` where it is no text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that was opened.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// Bytes of the whole file when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Gives only these bytes from here on. An end after the end of the file is cut.
    ///
    /// # Errors
    /// When the range is empty or begins after the end of the file.
    pub fn select(&mut self, range: Range<u64>) -> Result<Range<u64>> {
        match &mut self.reader {
            Some(Source::Here(reader)) => reader.select(range).map_err(refused),
            Some(Source::There(content)) if range.start < range.end.min(self.size) => {
                let end = range.end.min(self.size);
                content.select(range.start, end);
                Ok(range.start..end)
            }
            Some(Source::There(_)) | None => Err(refused(sandboxed_files::Error::RangeInvalid { size: self.size })),
        }
    }

    /// The next piece, until there is none: exactly as many bytes as were announced. A call that is given up ends the
    /// content.
    ///
    /// # Errors
    /// When the file was cut short meanwhile or cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let mut reader = match self.reader.take() {
            Some(Source::Here(reader)) => reader,
            Some(Source::There(mut content)) => {
                let piece = content.next().await?;
                self.reader = piece.is_some().then_some(Source::There(content));
                return Ok(piece);
            }
            None => return Ok(None),
        };
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = Vec::new();
            let read = reader.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            read.map(|_| (piece, reader))
        });
        let failed = |error: io::Error| Failure::new(Blame::Unavailable, "path.failed", error.to_string());
        let (piece, reader) = read.await.map_err(io::Error::other).and_then(|read| read).map_err(failed)?;
        if piece.is_empty() {
            return Ok(None);
        }
        self.reader = Some(Source::Here(reader));
        Ok(Some(piece))
    }
}

impl Orchestrator {
    /// Opens a file of a workspace; a link that stays inside is followed.
    ///
    /// # Errors
    /// When there is no such workspace, nothing at this path, or something that is no file.
    pub async fn read_file(&self, workspace: WorkspaceId, path: &str) -> Result<FileContent> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            let name = path.name().map(|name| name.escaped()).unwrap_or_default();
            let (content, etag, size) = distant.read(path.to_string()).await?;
            return Ok(FileContent { name, etag, size, reader: Some(Source::There(Box::new(content))) });
        }
        let tree = self.services.tree_of(workspace).await?;
        let name = path.name().map(|name| name.escaped()).unwrap_or_default();
        let reader = blocking(move || tree.read(&path)).await?;
        Ok(FileContent::here(name, reader))
    }

    /// Writes a file of a workspace as a whole: whoever reads meanwhile sees all of the old or all of the new. With `parents`
    /// missing directories are made.
    ///
    /// # Errors
    /// When there is no such workspace, the condition does not hold, something else has the name, or it is more than may be
    /// stored.
    pub async fn write_file(
        &self,
        workspace: WorkspaceId,
        path: &str,
        condition: WriteCondition,
        parents: bool,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<FileWritten> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            let limit = self.services.config.workspaces.upload_limit.0;
            let _transfer = self.services.transfers.begin().await?;
            return distant.write(path.to_string(), condition, limit, parents, content).await;
        }
        let _transfer = self.services.transfers.begin().await?;
        let content = SyncIoBridge::new(content);
        self.services.write_file(workspace, path, condition, parents, content).await
    }
}

impl Services {
    /// Writes a file and charges it to the workspace.
    pub(crate) async fn write_file(
        &self,
        workspace: WorkspaceId,
        path: RelativePath,
        condition: WriteCondition,
        parents: bool,
        content: impl Read + Send + 'static,
    ) -> Result<FileWritten> {
        let precondition = precondition(condition)?;
        let (writing, workspace) = self.writing(workspace).await?;
        let (paths, limit) = (self.paths.clone(), self.config.workspaces.upload_limit.0);
        let room = self.room(&workspace).await?;
        room.check()?;
        let metered = room.meter(content);
        let charge = metered.charge();
        let written = blocking(move || {
            let _writing = writing;
            let etag = tree(&paths, &workspace)?.write(&path, precondition, limit, metered, parents)?;
            Ok(FileWritten { path: path.to_string(), etag: etag.to_string() })
        })
        .await;
        charge.settle(written)
    }
}

pub(super) fn precondition(condition: WriteCondition) -> Result<Precondition> {
    Ok(match condition {
        WriteCondition::Any => Precondition::None,
        WriteCondition::Absent => Precondition::IfAbsent,
        WriteCondition::Present => Precondition::IfPresent,
        WriteCondition::Version(etag) => match etag.parse() {
            Ok(etag) => Precondition::IfMatch(etag),
            // No file ever had this version.
            Err(_) => {
                let message = "the version is none that was given out; read the file again";
                return Err(Error::File(Failure::new(Blame::Config, "path.changed", message)));
            }
        },
    })
}
