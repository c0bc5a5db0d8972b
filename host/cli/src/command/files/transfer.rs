//! What takes long: content that goes in or comes out.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt as _;
use sandboxed_model::{
    WorkspaceId,
    files::{ArchiveFormat, Unpacked, Upload, WriteCondition},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};

use crate::{
    arguments::{FileAt, Put},
    client::{Client, Content},
    failed::{Failed, Result, Status},
    output::{self, Progress, size},
};

/// A file up to this size goes in one request: it is sent again as a whole after a connection broke off.
const SMALL: u64 = 8 << 20;
/// Bytes of a larger one that go in one request.
const PART: u64 = 64 << 20;
/// Times in a row that a broken transfer is taken up again without anything having gone.
const ATTEMPTS: u32 = 10;
/// The longest pause between them.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The mode of a file that is gotten, from which the umask takes.
const EVERYBODYS: u32 = 0o666;
/// What stands for standard input or output.
pub(in crate::command) const STREAM: &str = "-";

/// Prints a file.
pub(super) async fn cat(client: &Client, at: &FileAt) -> Result<()> {
    let workspace = client.workspace(&at.workspace).await?;
    let download = client.read_file(workspace.id, &at.path, 0, None).await?;
    print_all(download.content, &Progress::new(&at.path, 0, Some(download.size))).await
}

/// Gets a file. It has its name only when it is whole.
pub(super) async fn get(client: &Client, at: &FileAt, local: PathBuf) -> Result<()> {
    let workspace = client.workspace(&at.workspace).await?;
    let local = match local.is_dir() {
        true => local.join(at.path.rsplit('/').next().unwrap_or_default()),
        false => local,
    };
    let mut target = Whole::create(&local, EVERYBODYS).await?;
    let mut download = client.read_file(workspace.id, &at.path, 0, None).await?;
    let progress = Progress::new(&at.path, 0, Some(download.size));
    let (mut received, mut attempts) = (0, Attempts::default());
    while received < download.size {
        match download.content.next().await {
            Some(Ok(piece)) => {
                target.write(&piece).await?;
                received += piece.len() as u64;
                progress.add(piece.len() as u64);
                attempts.reset();
            }
            Some(Err(error)) => {
                attempts.pause(error).await?;
                // Only the same version goes on where the other broke off.
                let etag = download.etag.clone();
                client.look_again();
                match client.read_file(workspace.id, &at.path, received, Some(&etag)).await {
                    Ok(again) => download = again,
                    Err(error) => attempts.pause(error).await?,
                }
            }
            None => return Err(Failed::unavailable(format!("{}: it ended early", at.path))),
        }
    }
    drop(progress);
    target.finish().await?;
    output::print(&format!("{} written, {}", local.display(), size(download.size)))
}

/// Puts a file into a workspace.
pub(super) async fn put(client: &Client, put: Put) -> Result<()> {
    let Put { local, at, parents, if_absent, if_version, resume } = put;
    let workspace = client.workspace(&at.workspace).await?;
    let condition = match (if_absent, if_version) {
        (true, _) => WriteCondition::Absent,
        (false, Some(version)) => WriteCondition::Version(version),
        (false, None) => WriteCondition::Any,
    };
    let mut path = at.path;
    if (path.is_empty() || path.ends_with('/')) && local != Path::new(STREAM) {
        path.push_str(&local.file_name().unwrap_or_default().to_string_lossy().replace('%', "%25"));
    }
    let written = if local == Path::new(STREAM) {
        let content = Progress::new(&path, 0, None).read(tokio::io::stdin());
        client.write_file(workspace.id, &path, condition, parents, content).await?
    } else {
        let mut file = open(&local).await?;
        let total = file.metadata().await.map_err(|error| unreadable(&local, &error))?.len();
        if total <= SMALL && resume.is_none() {
            client.write_file(workspace.id, &path, condition, parents, file).await?
        } else {
            let upload = match resume {
                Some(upload) => resumed(client.upload(workspace.id, &upload).await?, &path, total)?,
                None => client.start_upload(workspace.id, &path, total).await?,
            };
            let sent = send(client, workspace.id, &upload, &mut file, &local).await;
            let again = |error: Failed| {
                let (local, workspace) = (local.display(), &workspace.name);
                let line = format!("`sandboxed-sh files put {local} {workspace}:{path} --resume {}`", upload.id);
                error.hint(format!("{line} goes on with it"))
            };
            sent.map_err(again)?;
            client.finish_upload(workspace.id, &upload.id, condition, parents).await.map_err(again)?
        }
    };
    output::print(&format!("{} written", written.path))
}

/// An upload that goes on, if it is the one of this file.
fn resumed(upload: Upload, path: &str, total: u64) -> Result<Upload> {
    if upload.path != path.trim_matches('/') || upload.total != total {
        let Upload { path, total, .. } = upload;
        return Err(Failed::usage(format!("the upload is one of {total} bytes to {path}, and not of this file")));
    }
    Ok(upload)
}

/// Sends all of a file that has not arrived, part by part.
async fn send(client: &Client, workspace: WorkspaceId, upload: &Upload, file: &mut File, local: &Path) -> Result<()> {
    let progress = Progress::new(&upload.path, upload.received, Some(upload.total));
    let (mut received, mut attempts) = (upload.received, Attempts::default());
    while received < upload.total {
        file.seek(std::io::SeekFrom::Start(received)).await.map_err(|error| unreadable(local, &error))?;
        let part = file.try_clone().await.map_err(|error| unreadable(local, &error))?.take(PART);
        match client.append_upload(workspace, &upload.id, received, progress.read(part)).await {
            Ok(now) if now.received == received => {
                return Err(Failed::new(format!("{}: it has become shorter meanwhile", local.display())));
            }
            Ok(now) => {
                received = now.received;
                attempts.reset();
            }
            Err(error) => {
                attempts.pause(error).await?;
                client.look_again();
                match client.upload(workspace, &upload.id).await {
                    Ok(now) => received = now.received,
                    Err(error) => attempts.pause(error).await?,
                }
                progress.set(received);
            }
        }
    }
    Ok(())
}

/// Gets a directory as an archive.
pub(super) async fn archive(client: &Client, at: &FileAt, local: PathBuf, format: Option<ArchiveFormat>) -> Result<()> {
    let workspace = client.workspace(&at.workspace).await?;
    let mut content = client.pack_files(workspace.id, &at.path, format.unwrap_or_else(|| format_of(&local))).await?;
    let progress = Progress::new(&at.path, 0, None);
    if local == Path::new(STREAM) {
        return print_all(content, &progress).await;
    }
    let mut target = Whole::create(&local, EVERYBODYS).await?;
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

/// Unpacks an archive into a workspace.
pub(super) async fn unpack(
    client: &Client,
    local: PathBuf,
    at: &FileAt,
    format: Option<ArchiveFormat>,
) -> Result<Unpacked> {
    let workspace = client.workspace(&at.workspace).await?;
    let format = format.unwrap_or_else(|| format_of(&local));
    if local == Path::new(STREAM) {
        let content = Progress::new(&at.path, 0, None).read(tokio::io::stdin());
        return client.unpack_files(workspace.id, &at.path, format, content).await;
    }
    let file = open(&local).await?;
    let total = file.metadata().await.map_err(|error| unreadable(&local, &error))?.len();
    let content = Progress::new(&local.to_string_lossy(), 0, Some(total)).read(file);
    client.unpack_files(workspace.id, &at.path, format, content).await
}

/// By its name; tar.gz where that says nothing.
fn format_of(local: &Path) -> ArchiveFormat {
    match local.extension().is_some_and(|extension| extension == ArchiveFormat::Tar.as_str()) {
        true => ArchiveFormat::Tar,
        false => ArchiveFormat::TarGz,
    }
}

pub(in crate::command) async fn print_all(mut content: Content, progress: &Progress) -> Result<()> {
    while let Some(piece) = content.next().await {
        let piece = piece?;
        std::io::stdout().lock().write_all(&piece)?;
        progress.add(piece.len() as u64);
    }
    Ok(std::io::stdout().lock().flush()?)
}

pub(in crate::command) async fn open(local: &Path) -> Result<File> {
    File::open(local).await.map_err(|error| unreadable(local, &error))
}

pub(in crate::command) fn unreadable(local: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("{} cannot be read: {error}", local.display()))
}

/// How often a transfer was taken up again.
#[derive(Default)]
struct Attempts(u32);

impl Attempts {
    /// Something has gone.
    fn reset(&mut self) {
        self.0 = 0;
    }

    /// Waits for the next attempt; fails where there is none, or where it could not help.
    async fn pause(&mut self, error: Failed) -> Result<()> {
        self.0 += 1;
        // A server that has not yet seen that the last connection is gone refuses the next one for a moment.
        let may_pass = self.0 > 1 || matches!(error, Failed::Said { status: Status::Unavailable, .. });
        if self.0 > ATTEMPTS || !may_pass {
            return Err(error);
        }
        tokio::time::sleep(Duration::from_millis(100 << self.0).min(LONGEST_PAUSE)).await;
        Ok(())
    }
}

/// A file that gets its name when it is whole, and leaves nothing behind otherwise.
pub(in crate::command) struct Whole {
    file: File,
    part: PathBuf,
    name: PathBuf,
}

impl Whole {
    /// A file that its name says, for whom the mode says.
    pub(in crate::command) async fn create(name: &Path, mode: u32) -> Result<Self> {
        let base = name.file_name().unwrap_or_default().to_string_lossy();
        let part = name.with_file_name(format!(".{base}.{}.part", std::process::id()));
        let file = File::options().write(true).create_new(true).mode(mode).open(&part).await;
        let file = file.map_err(|error| unwritable(name, &error))?;
        Ok(Self { file, part, name: name.to_owned() })
    }

    pub(in crate::command) async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).await.map_err(|error| unwritable(&self.name, &error))
    }

    pub(in crate::command) async fn finish(mut self) -> Result<()> {
        let done = async {
            self.file.flush().await?;
            tokio::fs::rename(&self.part, &self.name).await
        };
        done.await.map_err(|error| unwritable(&self.name, &error))
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        // It is there no more where it got its name.
        let _ = std::fs::remove_file(&self.part);
    }
}

fn unwritable(local: &Path, error: &std::io::Error) -> Failed {
    Failed::new(format!("{} cannot be written: {error}", local.display()))
}
