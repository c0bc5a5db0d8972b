//! An installation that is being made.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read, Seek},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use brotli_decompressor::Decompressor;
use sandboxed_files::{ArchiveFormat, Limits, Precondition, RelativePath, Tree};
use sandboxed_model::{Failure, install::InstalledVersion};

use crate::{failure, plan::Placed};

/// What one step may write.
const LIMITS: Limits = Limits { bytes: 4 << 30, entries: 200_000 };
/// Bytes of compressed input that are read at once.
const BUFFER: usize = 64 << 10;

/// A directory beside its final place, which is removed unless it gets there.
#[derive(Debug)]
pub(crate) struct Staging {
    directory: PathBuf,
    tree: Tree,
}

impl Staging {
    /// How the name of a directory begins that is not whole.
    pub(crate) const PREFIX: &str = ".new-";
    /// What is kept of an installation, in it.
    pub(crate) const RECORD: &str = ".installed.json";

    pub(crate) fn begin(beside: &Path) -> Result<Self, Failure> {
        let failed = |error| failure::io(beside, &error);
        let made = tempfile::Builder::new()
            .prefix(Self::PREFIX)
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(beside)
            .map_err(failed)?;
        let tree = Tree::open(made.path(), None).map_err(|error| failure::file(beside, "the directory", error))?;
        let directory = made.keep();
        let staging = Self { directory, tree };
        // Making it obeyed the umask of the server.
        fs::set_permissions(&staging.directory, Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(staging)
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Puts a file that was fetched in its place, or what it holds.
    pub(crate) fn place(
        &self,
        mut file: File,
        name: &str,
        form: &Placed,
        into: &RelativePath,
        stop: &AtomicBool,
    ) -> Result<(), Failure> {
        let failed = |error| failure::file(&self.directory, name, error);
        file.rewind().map_err(|error| failure::io(&self.directory, &error))?;
        match form {
            Placed::File(path) => {
                let content = Stoppable { inner: file, stop };
                self.tree.write(path, Precondition::None, LIMITS.bytes, content, true).map_err(failed)?;
            }
            Placed::TarGz { strip } => {
                let done = self.tree.extract_stripped(into, *strip, file, ArchiveFormat::TarGz, LIMITS, stop);
                let skipped = done.map_err(failed)?.skipped;
                // An agent without one of its files is no agent.
                if let Some((path, reason)) = skipped.named.first() {
                    return Err(failure::archive(name, format!("{path} cannot be taken: {reason}")));
                }
            }
        }
        Ok(())
    }

    /// Expands a file that is compressed with brotli, and removes it.
    pub(crate) fn expand(&self, path: &RelativePath, target: &RelativePath, stop: &AtomicBool) -> Result<(), Failure> {
        let failed = |error| failure::file(&self.directory, &path.to_string(), error);
        let compressed = self.tree.read(path).map_err(failed)?;
        let plain = Stoppable { inner: Decompressor::new(compressed, BUFFER), stop };
        self.tree.write(target, Precondition::None, LIMITS.bytes, plain, true).map_err(failed)?;
        match path == target {
            true => Ok(()),
            false => self.tree.remove(path, false, stop).map_err(failed),
        }
    }

    /// Makes a file executable.
    pub(crate) fn executable(&self, path: &RelativePath) -> Result<(), Failure> {
        let made = self.tree.make_executable(path);
        made.map_err(|error| failure::file(&self.directory, &path.to_string(), error))
    }

    /// Gives everything in it the mode that it keeps: all may read it, and only the owner may write. Returns the bytes
    /// of its files.
    pub(crate) fn settle(&self, stop: &AtomicBool) -> Result<u64, Failure> {
        settle(&self.directory, stop).map_err(|error| failure::io(&self.directory, &error))
    }

    /// Writes down what it is, has all of it reach the disk, and gives it its name. Where that is taken, what has it is
    /// whole too.
    pub(crate) fn publish(&self, record: &InstalledVersion, target: &Path) -> Result<(), Failure> {
        let failed = |error| failure::io(target, &error);
        let json = serde_json::to_vec(record).map_err(io::Error::from).map_err(failed)?;
        let name = RelativePath::parse(Self::RECORD);
        name.and_then(|name| self.tree.write(&name, Precondition::None, LIMITS.bytes, json.as_slice(), false))
            .map_err(|error| failure::file(&self.directory, Self::RECORD, error))?;
        rustix::fs::syncfs(File::open(&self.directory).map_err(failed)?).map_err(|errno| failed(errno.into()))?;
        match fs::rename(&self.directory, target) {
            Err(error) if !matches!(error.kind(), io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists) => {
                Err(failed(error))
            }
            _ => target.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all()).map_err(failed),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.directory)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(directory = %self.directory.display(), %error, "an unfinished installation stays until the next start");
        }
    }
}

/// Goes through all that is there without following a link.
fn settle(directory: &Path, stop: &AtomicBool) -> io::Result<u64> {
    let mut bytes = 0;
    let mut waiting = vec![directory.to_owned()];
    while let Some(next) = waiting.pop() {
        fs::set_permissions(&next, Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(&next)? {
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else if metadata.is_file() {
                bytes += metadata.len();
                let mode = if metadata.mode() & 0o111 == 0 { 0o644 } else { 0o755 };
                fs::set_permissions(entry.path(), Permissions::from_mode(mode))?;
            }
        }
    }
    Ok(bytes)
}

/// Ends with an error when it is to stop.
struct Stoppable<'a, R> {
    inner: R,
    stop: &'a AtomicBool,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.stop.load(Ordering::Relaxed) {
            // Not `Interrupted`, which means that it is read again.
            true => Err(io::Error::other("stopped on request")),
            false => self.inner.read(buffer),
        }
    }
}
