//! Unpacking of an archive.

pub(crate) mod reader;

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;

use flate2::read::MultiGzDecoder;
use rustix::fs::{
    AtFlags, Mode, OFlags, ResolveFlags, Timespec, chownat, fchmod, futimens, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use self::reader::{Archive, Content, Member};
use crate::archive::Skipped;
use crate::copy::modified_at;
use crate::data::fill;
use crate::error::At;
use crate::staged::{Staged, hidden_name};
use crate::tree::{beneath, child_directory, proceed};
use crate::{ArchiveFormat, Error, Limits, RelativePath, Result, Tree};

/// The bits of a mode that are taken from an archive.
const PERMISSIONS: u32 = 0o777;

/// What was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtractReport {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// What was left out.
    pub skipped: Skipped,
}

impl Tree {
    /// Unpacks an archive into a directory, which is made where it is missing. Files that exist are replaced, directories are
    /// joined; owners, set-user-id, set-group-id and sticky bits of the archive are ignored. Left out and reported: devices, pipes,
    /// hard links, links that lead out of the tree, and what would be written through a link or over a directory.
    ///
    /// # Errors
    /// `archive_invalid` for what is no archive, ends early, or names an absolute path or `..`; `too_large` and `too_many_entries` above
    /// the limits, counted after decompression; `input` where the reader fails; `no_space`, `outside`, `cancelled`. What was unpacked
    /// before stays.
    pub fn extract(
        &self,
        path: &RelativePath,
        reader: impl Read,
        format: ArchiveFormat,
        limits: Limits,
        cancel: &AtomicBool,
    ) -> Result<ExtractReport> {
        self.extract_stripped(path, 0, reader, format, limits, cancel)
    }

    /// The same without the first `strip` directories of every path. What lies in none of so many is left out and not reported, as
    /// `tar --strip-components` does it. Where a link leads is looked at from its new place.
    ///
    /// # Errors
    /// Those of [`Tree::extract`].
    pub fn extract_stripped(
        &self,
        path: &RelativePath,
        strip: usize,
        reader: impl Read,
        format: ArchiveFormat,
        limits: Limits,
        cancel: &AtomicBool,
    ) -> Result<ExtractReport> {
        match format {
            ArchiveFormat::Tar => self.unpack(path, strip, Archive::new(reader, limits), cancel),
            ArchiveFormat::TarGz => self.unpack(path, strip, Archive::new(MultiGzDecoder::new(reader), limits), cancel),
        }
    }

    fn unpack<R: Read>(
        &self,
        path: &RelativePath,
        strip: usize,
        mut archive: Archive<R>,
        cancel: &AtomicBool,
    ) -> Result<ExtractReport> {
        let base = self.ensure_directory(path)?;
        let mut report = ExtractReport::default();
        while let Some(member) = archive.next()? {
            proceed(cancel)?;
            let within = member.path.without_first(strip);
            let (Some(parent), Some(name)) = (within.parent(), within.name()) else {
                // The directory itself, which keeps its own mode, or what is stripped off.
                continue;
            };
            let full = path.reached(within.as_bytes());
            let done = match self.ensure_below(base.as_fd(), &parent) {
                Ok(parent_directory) => {
                    let place =
                        Place { tree: self, directory: parent_directory.as_fd(), name: name.as_bytes(), full: &full };
                    match &member.content {
                        Content::File { size } => {
                            let written = place.file(&member, *size, archive.content());
                            if written.is_ok() {
                                report.bytes += size;
                            }
                            written
                        }
                        Content::Directory => place.directory(&member),
                        Content::Symlink { target } => place.symlink(target),
                        Content::Link { .. } => Err(Obstacle::Skip("a hard link")),
                        Content::Pipe => Err(Obstacle::Skip("a pipe")),
                        Content::Refused(reason) => Err(Obstacle::Skip(reason)),
                    }
                }
                Err(errno) => Err(obstacle(errno, &full)),
            };
            match done {
                Ok(()) => report.entries += 1,
                Err(Obstacle::Skip(reason)) => report.skipped.add(member.path.as_bytes(), reason),
                Err(Obstacle::Fatal(error)) => return Err(error),
            }
        }
        Ok(report)
    }

    /// Opens a directory below `base` and makes what is missing, without following any link: an archive that brings its own
    /// link cannot write through it.
    fn ensure_below(&self, base: BorrowedFd<'_>, path: &RelativePath) -> rustix::io::Result<OwnedFd> {
        let whole = if path.is_root() { b"." } else { path.as_bytes() };
        match beneath(base, whole, OFlags::RDONLY | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS) {
            Err(Errno::NOENT) => {}
            opened => return opened,
        }
        let mut directory = beneath(base, b".", OFlags::RDONLY | OFlags::DIRECTORY, ResolveFlags::NO_SYMLINKS)?;
        for part in path.names() {
            directory = match self.make_in(directory.as_fd(), &part) {
                Err(Errno::EXIST) => child_directory(directory.as_fd(), part.as_bytes())?,
                made => made?,
            };
        }
        Ok(directory)
    }
}

/// Why a member was not unpacked.
enum Obstacle {
    Skip(&'static str),
    Fatal(Error),
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Fatal(error)
    }
}

fn obstacle(errno: Errno, path: &RelativePath) -> Obstacle {
    match errno {
        Errno::LOOP => Obstacle::Skip("a symbolic link is on its way"),
        Errno::NOTDIR => Obstacle::Skip("a file is on its way"),
        Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY => Obstacle::Skip("something else has its name"),
        Errno::XDEV => Obstacle::Skip("another file system is on its way"),
        errno => Obstacle::Fatal(Error::from_errno(errno, path)),
    }
}

/// Where a member goes.
struct Place<'a> {
    tree: &'a Tree,
    directory: BorrowedFd<'a>,
    name: &'a [u8],
    full: &'a RelativePath,
}

impl Place<'_> {
    fn file(&self, member: &Member, size: u64, content: impl Read) -> Result<(), Obstacle> {
        let mut staged = Staged::create(self.directory).at(self.full)?;
        fill(staged.file(), content, size, self.full).map_err(reader::told)?;
        self.tree.hand_over(staged.file().as_fd()).at(self.full)?;
        fchmod(staged.file(), Mode::from_raw_mode(member.mode & PERMISSIONS)).at(self.full)?;
        futimens(staged.file(), &modified_at(Timespec { tv_sec: member.modified, tv_nsec: member.nanoseconds.into() }))
            .at(self.full)?;
        staged.publish(self.name, true).map_err(|errno| obstacle(errno, self.full))
    }

    fn directory(&self, member: &Member) -> Result<(), Obstacle> {
        let name = crate::Name::new(self.name)?;
        match self.tree.make_in(self.directory, &name) {
            // The owner can always go on with it, as what comes next is put into it.
            Ok(made) => Ok(fchmod(made, Mode::from_raw_mode(member.mode & PERMISSIONS | 0o700)).at(self.full)?),
            Err(Errno::EXIST) => {
                child_directory(self.directory, self.name).map(drop).map_err(|errno| obstacle(errno, self.full))
            }
            Err(errno) => Err(obstacle(errno, self.full)),
        }
    }

    fn symlink(&self, target: &[u8]) -> Result<(), Obstacle> {
        if !stays_inside(self.full, target) {
            return Err(Obstacle::Skip("the link leads out of the workspace"));
        }
        let hidden = hidden_name().at(self.full)?;
        symlinkat(target, self.directory, hidden.as_str()).at(self.full)?;
        let placed = match self.tree.owner {
            Some((user, group)) => {
                chownat(self.directory, hidden.as_str(), Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
            }
            None => Ok(()),
        }
        .and_then(|()| renameat(self.directory, hidden.as_str(), self.directory, self.name));
        placed.map_err(|errno| {
            // Only the hidden name is left, and the first failure is the one to tell.
            let _ = unlinkat(self.directory, hidden.as_str(), AtFlags::empty());
            obstacle(errno, self.full)
        })
    }
}

/// Whether a link at `link` leads to a place in the tree, by the letters. What it leads to by way of other links is seen when it is
/// used: no open follows it out.
fn stays_inside(link: &RelativePath, target: &[u8]) -> bool {
    let mut place = link.parent();
    if target.is_empty() || target.starts_with(b"/") || target.contains(&0) {
        return false;
    }
    for part in target.split(|byte| *byte == b'/') {
        place = match part {
            b"" | b"." => place,
            b".." => place.and_then(|place| place.parent()),
            name => place.map(|place| place.reached(name)),
        };
    }
    place.is_some()
}
