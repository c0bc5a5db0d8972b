//! `files`: files of workspaces.

pub(super) mod transfer;

use sandboxed_model::files::{DiskUsage, FileEntry, FileKind, Unpacked};
use sandboxed_model::page::PageRequest;

use super::{ago, with_client};
use crate::{
    arguments::{FileAt, Files, Place},
    client::Client,
    failed::Result,
    output::{self, Table, Terminal, size},
};

pub(crate) async fn files(place: &Place, command: Files) -> Result<()> {
    with_client(place, async |client| match command {
        Files::Ls { at, after, limit, listing } => {
            let (entries, next) = entries(client, &at, after, limit).await?;
            if listing.json {
                return output::print_json(&entries);
            }
            list(&entries)?;
            if let Some(next) = next {
                output::hint(&format!("there is more: --after {next:?} goes on, --limit shows more at once"));
            }
            Ok(())
        }
        Files::Stat { at, listing } => {
            let workspace = client.workspace(&at.workspace).await?;
            let entry = client.file(workspace.id, &at.path).await?;
            if listing.json { output::print_json(&entry) } else { list(&[entry]) }
        }
        Files::Cat { at } => transfer::cat(client, &at).await,
        Files::Put(put) => transfer::put(client, put).await,
        Files::Abort { workspace, upload } => {
            let workspace = client.workspace(&workspace).await?;
            client.abort_upload(workspace.id, &upload).await?;
            output::print(&format!("upload {upload} given up"))
        }
        Files::Get { at, local } => transfer::get(client, &at, local).await,
        Files::Mv { from, to, overwrite } => {
            let workspace = client.workspace(&from.workspace).await?;
            client.move_file(workspace.id, &from.path, &to, overwrite).await?;
            output::print(&format!("{} is now {to}", from.path))
        }
        Files::Rm { at, recursive } => {
            let workspace = client.workspace(&at.workspace).await?;
            client.remove_file(workspace.id, &at.path, recursive).await?;
            output::print(&format!("{} removed", at.path))
        }
        Files::Mkdir { at, parents } => {
            let workspace = client.workspace(&at.workspace).await?;
            let made = client.make_directory(workspace.id, &at.path, parents).await?;
            output::print(&format!("{} made", made.path))
        }
        Files::Archive { at, local, format } => transfer::archive(client, &at, local, format).await,
        Files::Unpack { local, at, format, listing } => {
            let unpacked = transfer::unpack(client, local, &at, format).await?;
            if listing.json { output::print_json(&unpacked) } else { tell(&unpacked) }
        }
        Files::Du { at, listing } => {
            let workspace = client.workspace(&at.workspace).await?;
            let usage = client.files_usage(workspace.id, &at.path).await?;
            if listing.json { output::print_json(&usage) } else { weigh(&usage) }
        }
    })
    .await
}

/// Up to `limit` entries, and the name after which there is more.
async fn entries(
    client: &Client,
    at: &FileAt,
    after: Option<String>,
    limit: u32,
) -> Result<(Vec<FileEntry>, Option<String>)> {
    let workspace = client.workspace(&at.workspace).await?;
    let mut entries: Vec<FileEntry> = Vec::new();
    let mut cursor = after;
    loop {
        let missing = limit.saturating_sub(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        let request = PageRequest { cursor, limit: missing.clamp(1, PageRequest::MAX_LIMIT) };
        let page = client.files(workspace.id, &at.path, &request).await?;
        entries.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() || entries.len() >= limit as usize {
            return Ok((entries, cursor));
        }
    }
}

fn list(entries: &[FileEntry]) -> Result<()> {
    let mut table = Table::new(&["MODE", "SIZE", "CHANGED", "NAME"]);
    for entry in entries {
        let shown = if entry.kind == FileKind::File { size(entry.size) } else { entry.kind.as_str().to_owned() };
        let name = match &entry.link_target {
            Some(target) => format!("{} -> {target}", entry.name),
            None => entry.name.clone(),
        };
        table.row([format!("{:04o}", entry.mode), shown, ago(entry.modified), name]);
    }
    output::print(&table.render(Terminal::of_stdout(), "no files"))
}

fn tell(unpacked: &Unpacked) -> Result<()> {
    output::print(&format!("{} entries with {} unpacked", unpacked.entries, size(unpacked.bytes)))?;
    for skipped in &unpacked.skipped_entries {
        output::warn(&format!("{} was left out: {}", skipped.path, skipped.reason));
    }
    let more = unpacked.skipped.saturating_sub(unpacked.skipped_entries.len() as u64);
    if more > 0 {
        output::warn(&format!("{more} more were left out"));
    }
    Ok(())
}

fn weigh(usage: &DiskUsage) -> Result<()> {
    let more = if usage.complete { "" } else { ", and there is more" };
    output::print(&format!("{} in {} entries{more}", size(usage.bytes), usage.entries))
}
