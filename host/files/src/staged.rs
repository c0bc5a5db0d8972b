//! A file that gets its name only when it is whole.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags, ResolveFlags, linkat, renameat, renameat_with, unlinkat};
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

use crate::tree::{beneath, descriptor_path};

/// A new file in `directory` that nobody else can see, or, on file systems without nameless files, only under a hidden name.
/// Dropped before it is published, it leaves nothing behind.
pub(crate) struct Staged<'d> {
    directory: BorrowedFd<'d>,
    file: File,
    hidden: Option<String>,
}

impl<'d> Staged<'d> {
    pub(crate) fn create(directory: BorrowedFd<'d>) -> rustix::io::Result<Self> {
        let nameless = OFlags::TMPFILE | OFlags::RDWR;
        match beneath(directory, b".", nameless, ResolveFlags::NO_SYMLINKS) {
            Ok(file) => Ok(Self { directory, file: file.into(), hidden: None }),
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => Self::create_hidden(directory),
            Err(errno) => Err(errno),
        }
    }

    fn create_hidden(directory: BorrowedFd<'d>) -> rustix::io::Result<Self> {
        let name = hidden_name()?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW;
        let file = beneath(directory, name.as_bytes(), flags, ResolveFlags::NO_SYMLINKS)?;
        Ok(Self { directory, file: file.into(), hidden: Some(name) })
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name in one step. Whatever had the name, a link too, is replaced if `replace`.
    pub(crate) fn publish(&mut self, name: &[u8], replace: bool) -> rustix::io::Result<()> {
        if self.hidden.is_none() {
            match self.link(name) {
                // A nameless file cannot replace another one, so it takes the way by a hidden name.
                Err(Errno::EXIST) if replace => {
                    let hidden = hidden_name()?;
                    self.link(hidden.as_bytes())?;
                    self.hidden = Some(hidden);
                }
                linked => return linked,
            }
        }
        if let Some(hidden) = &self.hidden {
            if replace {
                renameat(self.directory, hidden.as_str(), self.directory, name)?;
            } else {
                renameat_with(self.directory, hidden.as_str(), self.directory, name, RenameFlags::NOREPLACE)?;
            }
        }
        self.hidden = None;
        Ok(())
    }

    fn link(&self, name: &[u8]) -> rustix::io::Result<()> {
        linkat(CWD, descriptor_path(self.file.as_fd()), self.directory, name, AtFlags::SYMLINK_FOLLOW)
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Some(hidden) = &self.hidden {
            // Nothing can be done about a failure, and the name tells people what it is.
            let _ = unlinkat(self.directory, hidden.as_str(), AtFlags::empty());
        }
    }
}

/// A name that nobody can guess and thus occupy.
pub(crate) fn hidden_name() -> rustix::io::Result<String> {
    let mut random = [0; 16];
    getrandom(&mut random, GetRandomFlags::empty())?;
    Ok(format!(".sandboxed-{:032x}", u128::from_ne_bytes(random)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_on_a_file_system_without_nameless_files_appears_as_a_whole_too() {
        let place = tempfile::tempdir().unwrap();
        let directory = fs::File::open(place.path()).unwrap();
        let stage = |content: &str| {
            let staged = Staged::create_hidden(directory.as_fd()).unwrap();
            staged.file().write_all(content.as_bytes()).unwrap();
            staged
        };
        stage("one").publish(b"file", false).unwrap();

        assert_eq!(stage("two").publish(b"file", false), Err(Errno::EXIST));
        assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "one");
        stage("three").publish(b"file", true).unwrap();
        drop(stage("four"));

        assert_eq!(fs::read_to_string(place.path().join("file")).unwrap(), "three");
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
    }
}
