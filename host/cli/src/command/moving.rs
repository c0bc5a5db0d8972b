//! `workspaces export` and `workspaces import`.

use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use sandboxed_model::moving::{ExportFormat, ImportWishes, ImportedWorkspace};

use super::files::transfer::{STREAM, Whole, open, print_all, unreadable};
use crate::{
    client::Client,
    failed::Result,
    output::{self, Progress, size},
};

/// The mode of an archive: what agents keep in their home is in it.
const PRIVATE: u32 = 0o600;

pub(super) async fn export(
    client: &Client,
    workspace: &str,
    output: Option<PathBuf>,
    format: Option<ExportFormat>,
) -> Result<()> {
    let workspace = client.workspace(workspace).await?;
    let format = format.or_else(|| output.as_deref().map(format_of)).unwrap_or_default();
    let local = output.unwrap_or_else(|| format!("{}.{}", workspace.name, format.as_str()).into());
    let mut content = client.export_workspace(workspace.id, format).await?;
    let progress = Progress::new(workspace.name.as_str(), 0, None);
    if local == Path::new(STREAM) {
        return print_all(content, &progress).await;
    }
    let mut target = Whole::create(&local, PRIVATE).await?;
    let mut total = 0;
    while let Some(piece) = content.next().await {
        let piece = piece?;
        target.write(&piece).await?;
        total += piece.len() as u64;
        progress.add(piece.len() as u64);
    }
    drop(progress);
    target.finish().await?;
    output::print(&format!("{} written, {}", local.display(), size(total)))
}

pub(super) async fn import(client: &Client, local: &Path, wishes: ImportWishes) -> Result<ImportedWorkspace> {
    if local == Path::new(STREAM) {
        return client.import_workspace(wishes, Progress::new(STREAM, 0, None).read(tokio::io::stdin())).await;
    }
    let file = open(local).await?;
    let total = file.metadata().await.map_err(|error| unreadable(local, &error))?.len();
    let content = Progress::new(&local.to_string_lossy(), 0, Some(total)).read(file);
    client.import_workspace(wishes, content).await
}

/// By its name; compressed where that says nothing.
fn format_of(local: &Path) -> ExportFormat {
    match local.extension().is_some_and(|extension| extension == ExportFormat::Tar.as_str()) {
        true => ExportFormat::Tar,
        false => ExportFormat::TarZst,
    }
}
