//! Going through a directory and all that is below it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{Dir, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use crate::error::At;
use crate::tree::{Found, beneath, child};
use crate::{Error, Name, RelativePath, Result};

/// Levels of directories below its start to which a walk goes. Each level holds a descriptor open, of which a process has few.
pub const MAX_DEPTH: usize = 128;

/// A walk: each directory comes before what is in it, otherwise in the order of the file system. Links are not followed.
pub(crate) struct Walk {
    start: RelativePath,
    levels: Vec<Level>,
    /// From the start to the directory that is read.
    below: Vec<u8>,
}

struct Level {
    entries: Dir,
    stat: Stat,
    /// Length of `below` in the directory above.
    above: usize,
}

/// What a walk comes upon.
pub(crate) enum Visit {
    /// An entry of the directory that is read. Into a directory the walk goes only by [`Walk::enter`].
    Entry(Name, Found),
    /// An entry on which another file system is mounted; it is not looked into.
    Mount(Name),
    /// All of a directory was visited.
    Left(Stat),
}

impl Walk {
    pub(crate) fn new(start: RelativePath, directory: OwnedFd) -> Result<Self> {
        let stat = rustix::fs::fstat(&directory).at(&start)?;
        let entries = Dir::new(directory).at(&start)?;
        Ok(Self { start, levels: vec![Level { entries, stat, above: 0 }], below: Vec::new() })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Visit>> {
        while let Some(level) = self.levels.last_mut() {
            let Some(entry) = level.entries.read() else {
                let (stat, above) = (level.stat, level.above);
                self.below.truncate(above);
                self.levels.pop();
                return Ok(Some(Visit::Left(stat)));
            };
            let here = self.start.reached(&self.below);
            let entry = entry.at(&here)?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") {
                continue;
            }
            let name = Name::new(bytes)?;
            let directory: BorrowedFd<'_> = level.entries.fd().at(&here)?;
            match child(directory, name.as_bytes()) {
                Ok(found) => return Ok(Some(Visit::Entry(name, found))),
                Err(Errno::NOENT) => {}
                Err(Errno::XDEV) => return Ok(Some(Visit::Mount(name))),
                Err(errno) => return Err(Error::from_errno(errno, &here.reached(name.as_bytes()))),
            }
        }
        Ok(None)
    }

    /// Goes into the directory that was just visited.
    pub(crate) fn enter(&mut self, name: &Name, found: &Found) -> Result<()> {
        let path = self.path(name);
        if self.levels.len() > MAX_DEPTH {
            return Err(Error::TooDeep { path, limit: MAX_DEPTH });
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY;
        let directory = beneath(found.handle.as_fd(), b".", flags, ResolveFlags::NO_SYMLINKS).at(&path)?;
        let entries = Dir::new(directory).at(&path)?;
        let above = self.below.len();
        self.below = self.below(name);
        self.levels.push(Level { entries, stat: found.stat, above });
        Ok(())
    }

    /// The path of an entry of the directory that is read, from the start of the walk.
    pub(crate) fn below(&self, name: &Name) -> Vec<u8> {
        let mut below = Vec::with_capacity(self.below.len() + 1 + name.as_bytes().len());
        below.extend_from_slice(&self.below);
        if !below.is_empty() {
            below.push(b'/');
        }
        below.extend_from_slice(name.as_bytes());
        below
    }

    /// The same from the root of the tree.
    pub(crate) fn path(&self, name: &Name) -> RelativePath {
        self.start.reached(&self.below(name))
    }
}
