//! Removing.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::AtomicBool;

use rustix::fs::{AtFlags, Dir, renameat, unlinkat};
use rustix::io::Errno;

use crate::error::At;
use crate::staged::hidden_name;
use crate::tree::{child_directory, proceed};
use crate::{Error, RelativePath, Result, Tree};

/// Directories that are open at once. What lies deeper is moved up into the directory that is removed, so the depth of the tree
/// costs neither descriptors nor memory.
const MAX_OPEN: usize = 32;

/// How often a directory that looks empty but is not is read again.
const MAX_VAIN: usize = 16;

struct Level {
    entries: Dir,
    /// In the directory above.
    name: CString,
    /// Whether anything was removed or moved since it was read from the start.
    progress: bool,
    vain: usize,
}

impl Tree {
    /// Removes an entry; a link is removed itself, never what it leads to. A directory with entries needs `recursive`. A removal
    /// that fails or is stopped half-way leaves the rest, of which deep parts may have been moved up within the directory.
    ///
    /// # Errors
    /// `not_found`, `not_empty`, `not_permitted`, `outside` (another file system is mounted inside), `busy`, `cancelled`,
    /// `name_invalid` for the root.
    pub fn remove(&self, path: &RelativePath, recursive: bool, cancel: &AtomicBool) -> Result<()> {
        let (directory, name) = self.directory_of(path, false)?;
        let directory = directory.as_fd();
        match remove_flat(directory, name.as_bytes()) {
            Err(Errno::NOTEMPTY | Errno::EXIST) if recursive => {}
            Err(Errno::EXIST) => return Err(Error::NotEmpty(path.clone())),
            removed => return removed.at(path),
        }
        // A name of an entry holds no NUL byte.
        let name = CString::new(name.as_bytes()).map_err(|_| Error::NameInvalid("it contains a NUL byte"))?;
        let mut removal = Removal { above: directory, levels: vec![open(directory, name).at(path)?] };
        while let Some(level) = removal.levels.last_mut() {
            proceed(cancel)?;
            let Some(entry) = level.entries.read() else {
                if removal.leave().at(path)? == Left::InVain {
                    return Err(Error::Busy(path.clone()));
                }
                continue;
            };
            let entry = entry.at(path)?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                level.progress = true;
                removal.take(entry.file_name()).at(path)?;
            }
        }
        Ok(())
    }
}

/// A directory on its way out, with those below it that are open.
struct Removal<'d> {
    /// Where the first level is an entry.
    above: BorrowedFd<'d>,
    levels: Vec<Level>,
}

#[derive(PartialEq, Eq)]
enum Left {
    /// The directory is gone, or is read once more.
    Fine,
    /// It is not empty, however often it is read.
    InVain,
}

impl Removal<'_> {
    /// Removes an entry of the last level, or makes it the last level.
    fn take(&mut self, name: &CStr) -> rustix::io::Result<()> {
        let here = match self.levels.last() {
            Some(level) => level.entries.fd()?,
            None => return Ok(()),
        };
        match remove_flat(here, name.to_bytes()) {
            Ok(()) | Err(Errno::NOENT) => return Ok(()),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        let taken = if self.levels.len() < MAX_OPEN {
            open(here, name.to_owned()).map(Some)
        } else {
            let top = self.levels[0].entries.fd()?;
            renameat(here, name, top, hidden_name()?).map(|()| None)
        };
        match taken {
            Ok(next) => self.levels.extend(next),
            // Swapped meanwhile: the next reading of this directory meets what is there now.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(errno) => return Err(errno),
        }
        Ok(())
    }

    /// Removes the last level, all entries of which were taken.
    fn leave(&mut self) -> rustix::io::Result<Left> {
        let Some(mut level) = self.levels.pop() else { return Ok(Left::Fine) };
        let above = match self.levels.last() {
            Some(level) => level.entries.fd()?,
            None => self.above,
        };
        match unlinkat(above, &level.name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Left::Fine),
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            Err(errno) => return Err(errno),
        }
        level.vain = if level.progress { 0 } else { level.vain + 1 };
        if level.vain > MAX_VAIN {
            return Ok(Left::InVain);
        }
        level.progress = false;
        level.entries.rewind();
        self.levels.push(level);
        Ok(Left::Fine)
    }
}

fn open(above: BorrowedFd<'_>, name: CString) -> rustix::io::Result<Level> {
    let entries = Dir::new(child_directory(above, name.to_bytes())?)?;
    Ok(Level { entries, name, progress: false, vain: 0 })
}

/// Removes anything but a directory with entries.
fn remove_flat(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => unlinkat(directory, name, AtFlags::REMOVEDIR),
        removed => removed,
    }
}
