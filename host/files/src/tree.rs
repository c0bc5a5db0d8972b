//! The confined tree and the only places where something in it is opened.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchmod, fchown, fstat, mkdirat, openat2};
use rustix::io::Errno;

use crate::error::At;
use crate::{Error, Name, RelativePath, Result};

/// Mode of a new directory.
const DIRECTORY_MODE: Mode = Mode::from_raw_mode(0o755);

/// What `openat2` may never do. Links on the way are allowed as long as they stay beneath.
const CONFINED: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS).union(ResolveFlags::NO_XDEV);

/// How often an open is tried again when a rename somewhere in the system crosses a `..` of a link (`EAGAIN`, see openat2(2)).
const CROSSED_RENAMES: usize = 128;

/// How much an operation may take in or give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of content.
    pub bytes: u64,
    /// Files, directories and links.
    pub entries: u64,
}

/// A directory out of which no operation leads.
#[derive(Debug)]
pub struct Tree {
    pub(crate) root: OwnedFd,
    pub(crate) owner: Option<(Uid, Gid)>,
}

/// Something in the tree that was found but not opened (`O_PATH`): looking at it has no effect on it.
pub(crate) struct Found {
    pub(crate) handle: OwnedFd,
    pub(crate) stat: Stat,
}

impl Found {
    pub(crate) fn file_type(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }
}

impl Tree {
    /// Opens the tree at `root`, a directory that the server chose. What is made in it gets the user and group `owner`; without
    /// one it belongs to the server's user.
    ///
    /// # Errors
    /// `not_found`, `not_a_directory`, `not_permitted` for the root, `unsupported` on a kernel without `openat2`.
    pub fn open(root: &Path, owner: Option<(u32, u32)>) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let here = RelativePath::root();
        let root = rustix::fs::openat(CWD, root, flags, Mode::empty()).at(&here)?;
        beneath(root.as_fd(), b".", OFlags::PATH, ResolveFlags::empty()).at(&here)?;
        let owner = owner.map(|(user, group)| (Uid::from_raw(user), Gid::from_raw(group)));
        Ok(Self { root, owner })
    }

    /// Finds what the path names, without opening it. A link at the end is followed if `follow`.
    pub(crate) fn find(&self, path: &RelativePath, follow: bool) -> Result<Found> {
        let flags = OFlags::PATH | if follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let handle = self.resolve(path, flags).at(path)?;
        let stat = fstat(&handle).at(path)?;
        Ok(Found { handle, stat })
    }

    /// Opens a directory; a link at the end is followed.
    pub(crate) fn directory(&self, path: &RelativePath) -> Result<OwnedFd> {
        // O_DIRECTORY makes the kernel refuse everything else before it would open it.
        self.resolve(path, OFlags::RDONLY | OFlags::DIRECTORY).at(path)
    }

    /// Opens the directory of an entry and tells the entry's name in it.
    ///
    /// # Errors
    /// `name_invalid` for the root, which is no entry of the tree.
    pub(crate) fn directory_of(&self, path: &RelativePath, parents: bool) -> Result<(OwnedFd, Name)> {
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Err(Error::NameInvalid("the root of the tree cannot be written, moved or removed"));
        };
        let directory = if parents { self.ensure_directory(&parent)? } else { self.directory(&parent)? };
        Ok((directory, name))
    }

    /// Opens a directory and makes it, and those above it, where they are missing.
    pub(crate) fn ensure_directory(&self, path: &RelativePath) -> Result<OwnedFd> {
        let mut missing = Vec::new();
        let mut existing = path.clone();
        let mut directory = loop {
            match (self.directory(&existing), existing.parent(), existing.name()) {
                (Err(Error::NotFound(_)), Some(parent), Some(name)) => {
                    missing.push(name);
                    existing = parent;
                }
                (opened, ..) => break opened?,
            }
        };
        for name in missing.into_iter().rev() {
            directory = match self.make_in(directory.as_fd(), &name) {
                Ok(made) => made,
                Err(Errno::EXIST) => child_directory(directory.as_fd(), name.as_bytes()).at(path)?,
                Err(errno) => return Err(Error::from_errno(errno, path)),
            };
        }
        Ok(directory)
    }

    /// Makes one directory and gives it its owner through its descriptor.
    pub(crate) fn make_in(&self, directory: BorrowedFd<'_>, name: &Name) -> rustix::io::Result<OwnedFd> {
        mkdirat(directory, name.as_bytes(), DIRECTORY_MODE)?;
        let made = child_directory(directory, name.as_bytes())?;
        self.hand_over(made.as_fd())?;
        // mkdir obeys the server's umask, which is not the business of the workspace.
        fchmod(&made, DIRECTORY_MODE)?;
        Ok(made)
    }

    /// Gives a file or directory that was made here to the tree's owner.
    pub(crate) fn hand_over(&self, made: BorrowedFd<'_>) -> rustix::io::Result<()> {
        match self.owner {
            Some((user, group)) => fchown(made, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    fn resolve(&self, path: &RelativePath, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let bytes = if path.is_root() { b"." } else { path.as_bytes() };
        beneath(self.root.as_fd(), bytes, flags, ResolveFlags::empty())
    }
}

/// The one way in which anything is opened by name.
pub(crate) fn beneath(
    directory: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    more: ResolveFlags,
) -> rustix::io::Result<OwnedFd> {
    for _ in 0..CROSSED_RENAMES {
        match openat2(directory, path, flags | OFlags::CLOEXEC, Mode::empty(), CONFINED | more) {
            Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
            done => return done,
        }
    }
    Err(Errno::AGAIN)
}

/// Opens a directory that is an entry of `directory` itself, not by a link.
pub(crate) fn child_directory(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW;
    beneath(directory, name, flags, ResolveFlags::NO_SYMLINKS)
}

/// Finds an entry of `directory` itself, without opening it.
pub(crate) fn child(directory: BorrowedFd<'_>, name: &[u8]) -> rustix::io::Result<Found> {
    let handle = beneath(directory, name, OFlags::PATH | OFlags::NOFOLLOW, ResolveFlags::empty())?;
    let stat = fstat(&handle)?;
    Ok(Found { handle, stat })
}

/// Opens a found file for reading, if it is a regular file or a directory.
pub(crate) fn open_file(found: &Found, path: &RelativePath) -> Result<File> {
    match found.file_type() {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Error::IsADirectory(path.clone())),
        FileType::Symlink => return Err(Error::SymbolicLink(path.clone())),
        _ => return Err(Error::SpecialFile(path.clone())),
    }
    // The kernel's link names the very inode that was looked at, so nothing can be put in its place; opening it by its name
    // again could meet a device. NONBLOCK: a lease held by the agent must not stop the server.
    let link = descriptor_path(found.handle.as_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(CWD, link, flags, Mode::empty()).at(path)?.into())
}

/// The kernel's own link to what a descriptor of this process has open.
pub(crate) fn descriptor_path(descriptor: BorrowedFd<'_>) -> String {
    format!("/proc/self/fd/{}", descriptor.as_raw_fd())
}

pub(crate) fn proceed(cancel: &AtomicBool) -> Result<()> {
    if cancel.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
}
