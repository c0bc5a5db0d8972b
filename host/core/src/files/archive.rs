//! Directories as archives, in both directions.

use std::{
    io::{self, BufWriter, Write},
    sync::atomic::AtomicBool,
};

use sandboxed_files::{ArchiveFormat as Format, Limits};
use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    files::{ArchiveFormat, SkippedEntry, Unpacked},
};
use tokio::{
    io::AsyncRead,
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
};
use tokio_util::io::SyncIoBridge;

use super::{blocking, parse, refused, tree};
use crate::{Orchestrator, Result, distant::DistantContent};

/// Entries of an archive, packed or unpacked.
const MOST_ENTRIES: u64 = 1_000_000;
/// Bytes of the files of an archive that is packed: whatever sizes an agent gives to files full of holes.
const MOST_PACKED: u64 = 1 << 40;
/// Bytes of an archive that are handed on at once, and how many of these may wait for whoever reads.
pub(crate) const PIECE: usize = 64 << 10;
pub(crate) const WAITING: usize = 4;
/// What an entry takes on disk besides its bytes: the end of its last block.
const BLOCK: u64 = 4096;

/// An archive while it is packed.
pub struct ArchiveContent {
    name: String,
    first: Option<Vec<u8>>,
    there: Option<Box<DistantContent>>,
    pieces: mpsc::Receiver<Vec<u8>>,
    packing: Option<JoinHandle<Result<(), sandboxed_files::Error>>>,
    _transfer: OwnedSemaphorePermit,
}

impl ArchiveContent {
    /// What the archive may be called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next piece, until there is none. When it is dropped, packing stops.
    ///
    /// # Errors
    /// When packing broke off: the archive is not whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(piece) = self.first.take() {
            return Ok(Some(piece));
        }
        if let Some(there) = &mut self.there {
            return there.next().await;
        }
        if let Some(piece) = self.pieces.recv().await {
            return Ok(Some(piece));
        }
        let Some(packing) = self.packing.take() else { return Ok(None) };
        let packed = packing.await.map_err(|error| Failure::new(Blame::Host, "files.broken_off", error.to_string()))?;
        packed.map(|()| None).map_err(refused)
    }
}

impl Orchestrator {
    /// Packs a directory of a workspace with all that is below it, or one file. Links stay links; pipes, sockets and devices
    /// are left out.
    ///
    /// # Errors
    /// When there is no such workspace, or nothing at this path.
    pub async fn pack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
    ) -> Result<ArchiveContent> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            let stem = match path.name() {
                Some(name) => name.escaped(),
                None => self.services.workspace(workspace).await?.name.to_string(),
            };
            let transfer = self.services.transfers.begin().await?;
            let packed = distant.pack(path.to_string(), format, (MOST_PACKED, MOST_ENTRIES)).await?;
            return Ok(ArchiveContent {
                name: format!("{stem}.{}", format.as_str()),
                first: None,
                there: Some(Box::new(packed)),
                pieces: mpsc::channel(1).1,
                packing: None,
                _transfer: transfer,
            });
        }
        let workspace = self.services.workspace_on_disk(workspace).await?;
        let transfer = self.services.transfers.begin().await?;
        let stem = path.name().map_or_else(|| workspace.name.to_string(), |name| name.escaped());
        let paths = self.services.paths.clone();
        let (sender, pieces) = mpsc::channel(WAITING);
        let packing = tokio::task::spawn_blocking(move || {
            let mut writer = BufWriter::with_capacity(PIECE, Pieces(sender));
            let limits = Limits { bytes: MOST_PACKED, entries: MOST_ENTRIES };
            let tree = tree(&paths, &workspace)?;
            // It stops at the first piece that nobody wants.
            let packed = tree.archive(&path, &mut writer, self::format(format), limits, &AtomicBool::new(false));
            if packed.is_err() {
                // What is not sent yet is not worth it any more.
                drop(writer.into_parts());
            }
            packed.map(drop)
        });
        let name = format!("{stem}.{}", format.as_str());
        let mut content =
            ArchiveContent { name, first: None, there: None, pieces, packing: Some(packing), _transfer: transfer };
        // What cannot even begin is told before anything is sent.
        content.first = content.next().await?;
        Ok(content)
    }

    /// Unpacks an archive into a directory of a workspace, which is made where it is missing. Files that exist are replaced.
    /// Left out and told: devices, pipes, hard links, links that lead out, and what would be written through a link.
    ///
    /// # Errors
    /// When there is no such workspace, it is no archive or a hostile one, or it holds more than may be stored. What was
    /// unpacked before stays.
    pub async fn unpack_files(
        &self,
        workspace: WorkspaceId,
        path: &str,
        format: ArchiveFormat,
        content: impl AsyncRead + Send + Unpin + 'static,
    ) -> Result<Unpacked> {
        let path = parse(path)?;
        if let Some(distant) = self.services.distant(workspace).await? {
            let _transfer = self.services.transfers.begin().await?;
            let allowed = self.services.config.workspaces.upload_limit.0;
            let most = (allowed, MOST_ENTRIES.min(allowed / BLOCK + 1));
            return distant.unpack(path.to_string(), format, most, content).await;
        }
        let (writing, workspace) = self.services.writing(workspace).await?;
        let _transfer = self.services.transfers.begin().await?;
        let room = self.services.room(&workspace).await?;
        room.check()?;
        let allowed = self.services.config.workspaces.upload_limit.0.min(room.left());
        let paths = self.services.paths.clone();
        let content = SyncIoBridge::new(content);
        let id = workspace.id;
        let unpacked = blocking(move || {
            let _writing = writing;
            let tree = tree(&paths, &workspace)?;
            let limits = Limits { bytes: allowed, entries: MOST_ENTRIES.min(allowed / BLOCK + 1) };
            tree.extract(&path, content, self::format(format), limits, &AtomicBool::new(false))
        })
        .await;
        // How much was written is known by the archive's own word, or not at all after a failure.
        self.services.disks.doubt(id);
        let report = unpacked.map_err(|error| room.explain(error, allowed))?;
        let skipped = report.skipped;
        Ok(Unpacked {
            entries: report.entries,
            bytes: report.bytes,
            skipped: skipped.count,
            skipped_entries: skipped
                .named
                .into_iter()
                .map(|(path, reason)| SkippedEntry { path, reason: reason.to_owned() })
                .collect(),
        })
    }
}

fn format(format: ArchiveFormat) -> Format {
    match format {
        ArchiveFormat::Tar => Format::Tar,
        ArchiveFormat::TarGz => Format::TarGz,
    }
}

/// Hands pieces on and waits while enough of them wait.
struct Pieces(mpsc::Sender<Vec<u8>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes[..bytes.len().min(PIECE)].to_vec();
        let taken = piece.len();
        self.0.blocking_send(piece).map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
