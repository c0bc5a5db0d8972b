//! Files of workspaces on other machines: what [`crate::files`] does with those on this one.

use sandboxed_engine::{
    GiveError, KeeperCall, KeeperSays,
    keeper::{Condition, FileAnswer, FileRequest},
};
use sandboxed_model::{
    Failure,
    files::{ArchiveFormat, DiskUsage, FileEntry, FileWritten, Unpacked, WriteCondition},
    page::Page,
};
use tokio::io::AsyncRead;

use super::{Distant, unexpected};
use crate::{Error, Result, files::refused};

/// Data that comes from another machine, until the keeper says that it was all.
pub(crate) struct DistantContent {
    call: KeeperCall,
    /// Keeps the container.
    _distant: Distant,
    wanted: Option<(u64, u64)>,
    /// Bytes that are still to come, where it is known.
    left: Option<u64>,
    first: Option<Vec<u8>>,
    ended: bool,
}

impl Distant {
    pub(crate) async fn list(&self, path: String, after: Option<String>, limit: usize) -> Result<Page<FileEntry>> {
        match self.ask(&FileRequest::List { path, after, limit }).await? {
            FileAnswer::Page { entries, next } => Ok(Page { items: entries, next_cursor: next }),
            other => Err(unexpected(other)),
        }
    }

    pub(crate) async fn entry(&self, request: FileRequest) -> Result<FileEntry> {
        match self.ask(&request).await? {
            FileAnswer::Entry(entry) => Ok(entry),
            other => Err(unexpected(other)),
        }
    }

    pub(crate) async fn done(&self, request: FileRequest) -> Result<()> {
        match self.ask(&request).await? {
            FileAnswer::Done => Ok(()),
            other => Err(unexpected(other)),
        }
    }

    pub(crate) async fn usage(&self, path: String, most: u64) -> Result<DiskUsage> {
        match self.ask(&FileRequest::Usage { path: Some(path), most }).await? {
            FileAnswer::Usage(usage) => Ok(usage),
            other => Err(unexpected(other)),
        }
    }

    /// Writes a file of what is read, no more than `limit` bytes.
    pub(crate) async fn write(
        &self,
        path: String,
        condition: WriteCondition,
        limit: u64,
        parents: bool,
        content: impl AsyncRead + Unpin,
    ) -> Result<FileWritten> {
        let condition = match condition {
            WriteCondition::Any => Condition::Any,
            WriteCondition::Absent => Condition::Absent,
            WriteCondition::Present => Condition::Present,
            WriteCondition::Version(etag) => Condition::Version(etag),
        };
        let request = FileRequest::Write { path, condition, limit, parents };
        match self.give(&request, content).await? {
            FileAnswer::Written(written, _) if is_version(&written.etag) => Ok(written),
            other => Err(unexpected(other)),
        }
    }

    pub(crate) async fn unpack(
        &self,
        path: String,
        format: ArchiveFormat,
        most: (u64, u64),
        content: impl AsyncRead + Unpin,
    ) -> Result<Unpacked> {
        match self.give(&FileRequest::Unpack { path, format, most }, content).await? {
            FileAnswer::Unpacked(unpacked) => Ok(unpacked),
            other => Err(unexpected(other)),
        }
    }

    async fn give(&self, request: &FileRequest, content: impl AsyncRead + Unpin) -> Result<FileAnswer> {
        let call = self.engine.ask_keeper(self.workspace, request).await;
        let mut call = call.map_err(|error| error.failure())?;
        call.give(content).await.map_err(|error| match error {
            GiveError::Content(error) => refused(sandboxed_files::Error::Input(error)),
            GiveError::Engine(error) => error.failure().into(),
        })
    }

    /// Opens a file, and tells its version and size.
    pub(crate) async fn read(self, path: String) -> Result<(DistantContent, String, u64)> {
        let call = self.engine.ask_keeper(self.workspace, &FileRequest::Read { path }).await;
        let mut call = call.map_err(|error| error.failure())?;
        match call.next().await.map_err(|error| error.failure())? {
            KeeperSays::Answer(FileAnswer::Content { etag, size }) if is_version(&etag) => {
                let content = DistantContent {
                    call,
                    _distant: self,
                    wanted: Some((0, size)),
                    left: Some(size),
                    first: None,
                    ended: false,
                };
                Ok((content, etag, size))
            }
            KeeperSays::Answer(other) => Err(unexpected(other)),
            KeeperSays::Data(_) => Err(unexpected(FileAnswer::Done)),
        }
    }

    /// Packs a directory. What cannot even begin is told at once.
    pub(crate) async fn pack(self, path: String, format: ArchiveFormat, most: (u64, u64)) -> Result<DistantContent> {
        let call = self.engine.ask_keeper(self.workspace, &FileRequest::Pack { path, format, most }).await;
        let call = call.map_err(|error| error.failure())?;
        let mut content = DistantContent { call, _distant: self, wanted: None, left: None, first: None, ended: false };
        content.first = content.next().await?;
        Ok(content)
    }
}

impl DistantContent {
    /// Gives only these bytes.
    pub(crate) fn select(&mut self, from: u64, to: u64) {
        self.wanted = Some((from, to));
        self.left = Some(to.saturating_sub(from));
    }

    /// The next piece, until there is none.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        if self.ended {
            return Ok(None);
        }
        if let Some((from, to)) = self.wanted.take() {
            self.call.want(from, to).await.map_err(|error| error.failure())?;
        }
        match self.call.next().await.map_err(|error| error.failure())? {
            KeeperSays::Data(bytes) => {
                if let Some(left) = &mut self.left {
                    *left =
                        left.checked_sub(bytes.len() as u64).ok_or_else(|| cut("more bytes came than there are"))?;
                }
                Ok(Some(bytes))
            }
            KeeperSays::Answer(FileAnswer::Done) if self.left.unwrap_or(0) == 0 => {
                self.ended = true;
                Ok(None)
            }
            KeeperSays::Answer(FileAnswer::Done) => Err(cut("the file ended early")),
            KeeperSays::Answer(other) => Err(unexpected(other)),
        }
    }
}

/// Whoever answers may be an agent, and a version is told in a header.
fn is_version(etag: &str) -> bool {
    etag.parse::<sandboxed_files::Etag>().is_ok()
}

fn cut(why: &str) -> Error {
    Failure::new(sandboxed_model::Blame::Unavailable, "path.failed", why).into()
}
