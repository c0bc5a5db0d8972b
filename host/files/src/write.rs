//! Writing of a file as a whole.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{Mode, Stat, fchmod, fstat, fsync};
use rustix::io::Errno;

use crate::data::fill;
use crate::entry::Kind;
use crate::error::At;
use crate::staged::Staged;
use crate::tree::child;
use crate::{Error, Etag, Name, RelativePath, Result, Tree};

/// Mode of a new file.
const FILE_MODE: u32 = 0o644;

/// What has to hold for a file to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// The file is this version; else the write fails with `changed`.
    IfMatch(Etag),
    /// Nothing has the name; else the write fails with `exists`.
    IfAbsent,
    /// The file is there, in whichever version; else the write fails with `changed`.
    IfPresent,
    /// Write in any case.
    None,
}

impl Precondition {
    fn check(self, current: Option<&Stat>, path: &RelativePath) -> Result<()> {
        match (self, current) {
            (Self::IfAbsent, Some(_)) => Err(Error::Exists(path.clone())),
            (Self::IfPresent, None) => Err(Error::Changed(path.clone())),
            (Self::IfMatch(etag), current) if current.map(Etag::of) != Some(etag) => Err(Error::Changed(path.clone())),
            _ => Ok(()),
        }
    }
}

impl Tree {
    /// Writes a file as a whole: who reads meanwhile sees all of the old or all of the new content, and after a crash one of
    /// the two is there. A replaced file leaves its permissions to the new one; a new file is `rw-r--r--`. Missing directories are
    /// made if `parents`.
    ///
    /// Of several calls with the same precondition exactly one wins. A program in the workspace that writes in the microseconds
    /// between the last check and the replacement is not noticed.
    ///
    /// # Errors
    /// `changed` and `exists` by the precondition, `too_large` above `limit` bytes, `input` where the reader fails, `no_space`,
    /// `is_a_directory`, `special_file`, `symbolic_link` (nothing is written through a link), `outside`.
    pub fn write(
        &self,
        path: &RelativePath,
        precondition: Precondition,
        limit: u64,
        reader: impl Read,
        parents: bool,
    ) -> Result<Etag> {
        self.write_with(path, precondition, parents, |staged| {
            fill(staged.file(), reader, limit, path)?;
            Ok(())
        })
    }

    /// Writes a file with the content that `content` puts in.
    pub(crate) fn write_with(
        &self,
        path: &RelativePath,
        precondition: Precondition,
        parents: bool,
        content: impl FnOnce(&Staged<'_>) -> Result<()>,
    ) -> Result<Etag> {
        let (directory, name) = self.directory_of(path, parents)?;
        let directory = directory.as_fd();
        let before = replaceable(directory, &name, path)?;
        precondition.check(before.as_ref(), path)?;
        let mut staged = Staged::create(directory).at(path)?;
        content(&staged)?;
        self.hand_over(staged.file().as_fd()).at(path)?;
        fchmod(staged.file(), mode_after(before.as_ref())).at(path)?;
        // Before the lock, since it is slow: only names change under it.
        fsync(staged.file()).at(path)?;

        let _committing = committing(directory).at(path)?;
        let current = replaceable(directory, &name, path)?;
        precondition.check(current.as_ref(), path)?;
        if mode_after(current.as_ref()) != mode_after(before.as_ref()) {
            fchmod(staged.file(), mode_after(current.as_ref())).at(path)?;
        }
        staged.publish(name.as_bytes(), precondition != Precondition::IfAbsent).at(path)?;
        fsync(directory).at(path)?;
        Ok(Etag::of(&fstat(staged.file()).at(path)?))
    }
}

/// The mode of the file that replaces this one, never with set-user-id or set-group-id.
fn mode_after(replaced: Option<&Stat>) -> Mode {
    Mode::from_raw_mode(replaced.map_or(FILE_MODE, |stat| stat.st_mode & 0o777))
}

/// What has the name, if it is nothing or a file.
fn replaceable(directory: BorrowedFd<'_>, name: &Name, path: &RelativePath) -> Result<Option<Stat>> {
    let stat = match child(directory, name.as_bytes()) {
        Ok(found) => found.stat,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(Error::from_errno(errno, path)),
    };
    match Kind::of(&stat) {
        Kind::File => Ok(Some(stat)),
        Kind::Directory => Err(Error::IsADirectory(path.clone())),
        Kind::Symlink => Err(Error::SymbolicLink(path.clone())),
        Kind::Other => Err(Error::SpecialFile(path.clone())),
    }
}

/// Held from the last check of a precondition to the change that depends on it, by every tree of this process: the file system
/// itself has no such step. A lock file would let the agent stop the server.
pub(crate) fn committing(directory: BorrowedFd<'_>) -> rustix::io::Result<MutexGuard<'static, ()>> {
    static DIRECTORIES: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];
    let stat = fstat(directory)?;
    let slot = (stat.st_ino ^ stat.st_dev) as usize % DIRECTORIES.len();
    // The lock guards no data, so one that panicked while holding it left nothing half done in memory.
    Ok(DIRECTORIES[slot].lock().unwrap_or_else(PoisonError::into_inner))
}
