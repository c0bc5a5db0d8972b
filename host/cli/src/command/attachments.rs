//! Files that come with messages.

use std::path::PathBuf;

use sandboxed_model::AttachmentId;

use super::files::transfer::{open, unreadable};
use crate::{
    client::Client,
    failed::{Failed, Result},
    output::Progress,
};

/// Brings files to the server, for one message.
pub(super) async fn bring(client: &Client, files: &[PathBuf]) -> Result<Vec<AttachmentId>> {
    let mut brought = Vec::with_capacity(files.len());
    for path in files {
        let file = open(path).await?;
        let about = file.metadata().await.map_err(|error| unreadable(path, &error))?;
        if about.is_dir() {
            return Err(Failed::usage(format!("{} is a directory: attach a file", path.display())));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let content = Progress::new(&name, 0, Some(about.len())).read(file);
        brought.push(client.create_attachment(&name, content).await?.id);
    }
    Ok(brought)
}
