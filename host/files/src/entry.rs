//! What is told about one entry.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, Stat, readlinkat, statat};
use rustix::io::Errno;
use sandboxed_model::Timestamp;

use crate::error::At;
use crate::tree::child;
use crate::{Error, Name, RelativePath, Result, Tree, name};

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket or a device: it can be listed, renamed and removed, nothing else.
    Other,
}

impl Kind {
    pub(crate) fn of(stat: &Stat) -> Self {
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Self::File,
            FileType::Directory => Self::Directory,
            FileType::Symlink => Self::Symlink,
            _ => Self::Other,
        }
    }
}

/// One entry of a directory; a link is told of itself, not of what it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name in its directory; `None` for the root of the tree.
    pub name: Option<Name>,
    /// What it is.
    pub kind: Kind,
    /// Bytes of content; 0 for anything but a file.
    pub size: u64,
    /// When the content changed last, by the word of the file system, which the owner may set at will.
    pub modified: Timestamp,
    /// Permission bits, with set-user-id, set-group-id and sticky (`0o7777`).
    pub mode: u32,
    /// Where a link leads, as written in it and escaped as [`Name::escaped`] does.
    pub link_target: Option<String>,
    /// The version of a file.
    pub etag: Etag,
}

impl Entry {
    fn new(name: Option<Name>, stat: &Stat, link_target: Option<String>) -> Self {
        let kind = Kind::of(stat);
        Self {
            name,
            kind,
            size: if kind == Kind::File { size(stat) } else { 0 },
            modified: Timestamp::from_millis(
                stat.st_mtime.saturating_mul(1000).saturating_add((stat.st_mtime_nsec / 1_000_000) as i64),
            ),
            mode: stat.st_mode & 0o7777,
            link_target,
            etag: Etag::of(stat),
        }
    }

    /// Tells of an entry of an open directory.
    pub(crate) fn look(directory: BorrowedFd<'_>, name: &Name) -> rustix::io::Result<Self> {
        let found = match child(directory, name.as_bytes()) {
            // Another file system is mounted here. It is told of, since its name is taken, but it cannot be entered.
            Err(Errno::XDEV) => {
                let stat = statat(directory, name.as_bytes(), AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT)?;
                return Ok(Self { kind: Kind::Other, size: 0, ..Self::new(Some(name.clone()), &stat, None) });
            }
            found => found?,
        };
        let target = match found.file_type() {
            // Read through the descriptor, so that it is the target of the very link that was found.
            FileType::Symlink => Some(name::escape(readlinkat(&found.handle, "", Vec::new())?.as_bytes())),
            _ => None,
        };
        Ok(Self::new(Some(name.clone()), &found.stat, target))
    }
}

/// Which version of a file this is: another inode, size, change or modification time makes another version. Two changes in place
/// within one tick of the file system's clock (nanoseconds since Linux 6.13, up to 10 ms before) can look alike if the size stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Etag {
    inode: u64,
    size: u64,
    modified: i128,
    changed: i128,
}

impl Etag {
    pub(crate) fn of(stat: &Stat) -> Self {
        let nanoseconds = |seconds: i64, rest: u64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            inode: stat.st_ino,
            size: size(stat),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }
}

impl Etag {
    /// Whether one inode has the same content in both; unlike its other marks, the change time also moves with its name.
    pub(crate) fn same_content(self, other: Self) -> bool {
        (self.inode, self.size, self.modified) == (other.inode, other.size, other.modified)
    }
}

/// The opaque text between the quotes of an HTTP entity tag.
impl fmt::Display for Etag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{}-{}", self.inode, self.size, self.modified, self.changed)
    }
}

impl std::str::FromStr for Etag {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        const WRONG: Error = Error::NameInvalid("this is no version that was given out; read the file again");
        // A time before 1970 has a minus of its own, so the two times are split where a digit precedes the minus.
        let (inode, rest) = text.split_once('-').ok_or(WRONG)?;
        let (size, times) = rest.split_once('-').ok_or(WRONG)?;
        let middle = times.get(1..).and_then(|tail| tail.find('-')).ok_or(WRONG)? + 1;
        let parsed = Self {
            inode: u64::from_str_radix(inode, 16).map_err(|_| WRONG)?,
            size: u64::from_str_radix(size, 16).map_err(|_| WRONG)?,
            modified: times[..middle].parse().map_err(|_| WRONG)?,
            changed: times[middle + 1..].parse().map_err(|_| WRONG)?,
        };
        Ok(parsed)
    }
}

impl Tree {
    /// Tells what is at the path; a link at the end is not followed.
    ///
    /// # Errors
    /// `not_found`, `not_a_directory` or `outside` for what is on the way.
    pub fn stat(&self, path: &RelativePath) -> Result<Entry> {
        match path.name() {
            Some(name) => {
                let (directory, _) = self.directory_of(path, false)?;
                Entry::look(directory.as_fd(), &name).at(path)
            }
            None => Ok(Entry::new(None, &self.find(path, false)?.stat, None)),
        }
    }
}

pub(crate) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
