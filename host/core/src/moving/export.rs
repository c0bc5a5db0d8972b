//! Workspaces that leave.

use std::{
    io::{self, Write},
    sync::atomic::AtomicBool,
    time::Duration,
};

use sandboxed_files::{Owners, Packer, ParcelFormat, Tree};
use sandboxed_model::{
    Blame, Failure, WorkspaceId, backend::WorkspacePhase, moving::ExportFormat, workspace::Workspace,
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    task::JoinHandle,
};

use super::manifest::{MANIFEST, Manifest, SUMS, Sums};
use crate::{
    Error, Orchestrator, Result,
    files::{PIECE, WAITING, refused},
    paths::Paths,
};

/// How long whoever reads may take for the next piece: meanwhile nobody works in the workspace.
const STALL: Duration = Duration::from_secs(60);

/// A workspace while it is packed. Nobody works in it until this has come to its end or is dropped.
pub struct WorkspaceExport {
    name: String,
    first: Option<Vec<u8>>,
    pieces: mpsc::Receiver<Vec<u8>>,
    packing: Option<JoinHandle<sandboxed_files::Result<()>>>,
    _transfer: OwnedSemaphorePermit,
}

impl WorkspaceExport {
    /// What the archive may be called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next piece, until there is none.
    ///
    /// # Errors
    /// When packing broke off: the archive is not whole.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if let Some(piece) = self.first.take() {
            return Ok(Some(piece));
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
    /// Packs a workspace with its files, its home and, where it has one, its system, to be taken in elsewhere. What is left
    /// running in it is ended. Refused while somebody works in it.
    ///
    /// # Errors
    /// When there is none of this id, it is in use, it was never made, or it cannot be read.
    pub async fn export_workspace(&self, id: WorkspaceId, format: ExportFormat) -> Result<WorkspaceExport> {
        let services = &self.services;
        let alone = services.alone(id).await?;
        let workspace = services.workspace(id).await?;
        check_made(&workspace)?;
        services.check_here(&workspace, "it cannot be exported").await?;
        let transfer = services.transfers.begin().await?;
        services.bring_to_rest(&workspace).await?;
        services.mount(&workspace).await?;
        let name = format!("{}.{}", workspace.name, format.as_str());
        let (sender, pieces) = mpsc::channel(WAITING);
        let owners = super::owners(&workspace)?;
        let (paths, runtime) = (services.paths.clone(), tokio::runtime::Handle::current());
        let packing = tokio::task::spawn_blocking(move || {
            let packed = pack(&workspace, owners, &paths, format, Patient { sender, runtime });
            drop(alone);
            packed
        });
        let mut export = WorkspaceExport { name, first: None, pieces, packing: Some(packing), _transfer: transfer };
        // What cannot even begin is told before anything is sent.
        export.first = export.next().await?;
        Ok(export)
    }
}

fn check_made(workspace: &Workspace) -> Result<()> {
    match workspace.phase {
        WorkspacePhase::Ready | WorkspacePhase::Stopped | WorkspacePhase::Failed => Ok(()),
        phase => {
            let message = format!("the workspace {} is {} and cannot be exported", workspace.name, phase.as_str());
            Err(Error::Conflict { code: "workspace.not_ready", message })
        }
    }
}

fn pack(
    workspace: &Workspace,
    owners: Owners,
    paths: &Paths,
    format: ExportFormat,
    writer: Patient,
) -> sandboxed_files::Result<()> {
    let format = match format {
        ExportFormat::Tar => ParcelFormat::Tar,
        ExportFormat::TarZst => ParcelFormat::TarZst,
    };
    // It stops at the first piece that nobody wants.
    let go_on = AtomicBool::new(false);
    let mut packer = Packer::new(writer, format, &go_on)?;
    let manifest = Manifest::of(workspace);
    let text = json(&manifest)?;
    let mut sums = Sums::new(&text);
    packer.text(MANIFEST, &text)?;
    for part in manifest.parts() {
        let tree = Tree::open(paths.overlay(workspace.id, part).path(), None)?;
        sums.add(part, packer.directory(part.as_str(), &tree, owners)?);
    }
    packer.text(SUMS, &json(&sums)?)?;
    packer.finish()
}

fn json(value: &impl serde::Serialize) -> sandboxed_files::Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| sandboxed_files::Error::Output(error.into()))
}

/// Hands pieces on, and waits for whoever reads, but not without end.
struct Patient {
    sender: mpsc::Sender<Vec<u8>>,
    runtime: tokio::runtime::Handle,
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes[..bytes.len().min(PIECE)].to_vec();
        let taken = piece.len();
        // Mostly there is room, and no clock is needed.
        let piece = match self.sender.try_send(piece) {
            Ok(()) => return Ok(taken),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(io::ErrorKind::BrokenPipe.into()),
            Err(mpsc::error::TrySendError::Full(piece)) => piece,
        };
        self.runtime.block_on(self.sender.send_timeout(piece, STALL)).map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => io::ErrorKind::TimedOut,
            mpsc::error::SendTimeoutError::Closed(_) => io::ErrorKind::BrokenPipe,
        })?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
