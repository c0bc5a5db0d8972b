//! `backup` and `restore`.

use std::{fs, os::unix::fs::DirBuilderExt, path::Path};

use sandboxed_model::MessageId;
use sandboxed_store::Store;

use super::with_client;
use crate::{
    arguments::{Backup, Place, Restore},
    client::{Client, Http},
    failed::{Failed, Result},
    output,
    settings::Settings,
};

pub(crate) async fn backup(place: &Place, command: Backup) -> Result<()> {
    let file = std::path::absolute(&command.file)
        .map_err(|error| Failed::usage(format!("{} names no file: {error}", command.file.display())))?;
    with_client(place, async |client| {
        match client {
            Client::Embedded(server) => server.orchestrator().backup(&file).await?,
            Client::Http(server) if server.is_on_this_machine() => take(place, server, &file).await?,
            Client::Http(server) => {
                let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
                let path = server.backup(name).await?;
                return output::print(&format!("the server wrote {path} below its data directory"));
            }
        }
        output::print(&format!("backup written to {}", file.display()))
    })
    .await
}

/// The server writes only below its data directory, which on this machine is at hand.
async fn take(place: &Place, server: &Http, file: &Path) -> Result<()> {
    let data_dir = Settings::load(place, None)?.config.server.data_dir;
    let written = data_dir.join(server.backup(&format!("{}.db", MessageId::new())).await?);
    let target = file.to_owned();
    let moved = tokio::task::spawn_blocking(move || {
        let moved = fs::rename(&written, &target).or_else(|_| {
            // Another file system: whoever looks at the target sees the old file or the new one.
            let partial = target.with_file_name(format!(".{}.partial", MessageId::new()));
            let copied = fs::copy(&written, &partial).and_then(|_| fs::rename(&partial, &target));
            copied.inspect_err(|_| {
                // It may not even be there.
                let _ = fs::remove_file(&partial);
            })
        });
        if moved.is_err() || written.exists() {
            // The copy below the data directory was only for the way; one that stays is found in `backups`.
            let _ = fs::remove_file(&written);
        }
        moved
    });
    let moved = moved.await.map_err(|error| Failed::new(format!("the backup was not taken: {error}")))?;
    moved.map_err(|error| Failed::new(format!("{} cannot be written: {error}", file.display())))
}

pub(crate) async fn restore(place: &Place, command: Restore) -> Result<()> {
    let settings = Settings::load(place, None)?;
    if place.server.is_some() || Client::running(&settings).await?.is_some() {
        return Err(Failed::unavailable("a server is running, and a backup is restored only while none does")
            .hint("stop the server first"));
    }
    let data_dir = settings.config.server.data_dir;
    let restored = tokio::task::spawn_blocking(move || {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&data_dir);
        made.map_err(|error| Failed::new(format!("{} cannot be made: {error}", data_dir.display())))?;
        let database = data_dir.join(Store::FILE_NAME);
        let existed = database.exists();
        let info = Store::restore(&command.file, &database).map_err(sandboxed_core::Error::from)?;
        Ok::<_, Failed>((info, existed, database))
    });
    let (info, existed, database) =
        restored.await.map_err(|error| Failed::new(format!("the backup was not restored: {error}")))??;
    output::print(&format!("{} missions restored to {}", info.missions, database.display()))?;
    if existed {
        output::print(&format!("the database that was there is kept as {}.before-restore", database.display()))?;
    }
    Ok(())
}
