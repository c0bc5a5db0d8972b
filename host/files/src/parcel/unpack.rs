//! Taking directories out of an archive that anybody may have written.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicBool;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Timespec, chmodat, chownat, fchmod, fchown, fstat, futimens,
    linkat, mkdirat, mknodat, symlinkat, utimensat,
};
use rustix::io::Errno;

use super::stream::Input;
use super::sum::Sum;
use super::{Owners, PartSum, attributes};
use crate::copy::modified_at;
use crate::error::At;
use crate::extract::reader::{self, Archive, Content, Member};
use crate::tree::{beneath, child_directory, descriptor_path, proceed};
use crate::{Error, Limits, MAX_DEPTH, Name, RelativePath, Result, Tree};

/// Bytes that are moved at once, and those of which a file is full or empty together.
const CHUNK: usize = 128 << 10;
const BLOCK: usize = 4096;
/// Bytes that the files of an archive may claim to have: what they do not hold costs no disk, but time.
const MOST_CLAIMED: u64 = 1 << 40;
/// Bytes that may follow the end of an archive.
const MOST_AFTER: u64 = 1 << 20;

/// An archive that is read, piece by piece.
pub struct Unpacker<R: Read> {
    archive: Archive<Input<R>>,
    next: Option<Member>,
}

impl<R: Read> Unpacker<R> {
    /// Begins to read, packed however its first bytes say.
    ///
    /// # Errors
    /// `input` where the reader fails.
    pub fn new(reader: R) -> Result<Self> {
        let limits = Limits { bytes: MOST_CLAIMED, entries: u64::MAX };
        Ok(Self { archive: Archive::new(Input::new(reader)?, limits), next: None })
    }

    /// Takes out the text that comes next, of at most `most` bytes.
    ///
    /// # Errors
    /// `archive_invalid` where something else comes next or it is longer, `input`.
    pub fn text(&mut self, name: &str, most: usize) -> Result<Vec<u8>> {
        let member = self.take()?.filter(|member| member.path.as_bytes() == name.as_bytes());
        let size = match member.map(|member| member.content) {
            Some(Content::File { size }) if size <= most as u64 => size,
            _ => return Err(Error::ArchiveInvalid(format!("there is no `{name}` where it should be"))),
        };
        let mut content = Vec::new();
        self.archive.content().read_to_end(&mut content).map_err(|error| reader::told(Error::Input(error)))?;
        if (content.len() as u64) < size {
            return Err(Error::ArchiveInvalid("it ends early".to_owned()));
        }
        Ok(content)
    }

    /// Takes out the directory that comes next, into `tree`, which is empty. Files that hold nothing but zeros in places have
    /// holes there. `limits` holds for what is written: each entry counts as a block of its own.
    ///
    /// # Errors
    /// `archive_invalid` for what this crate would not have written: paths that lead out or come in another order, two entries
    /// of one name, devices, owners beyond the range, links to what was not there; `too_large`, `too_many_entries`,
    /// `too_deep`, `input`, `no_space`, `cancelled`. What was taken out until then stays.
    pub fn directory(
        &mut self,
        name: &str,
        tree: &Tree,
        owners: Owners,
        limits: Limits,
        cancel: &AtomicBool,
    ) -> Result<PartSum> {
        let root = RelativePath::root();
        let top = self.take()?.filter(|member| member.path.as_bytes() == name.as_bytes());
        let Some(top) = top.filter(|member| matches!(member.content, Content::Directory)) else {
            return Err(Error::ArchiveInvalid(format!("there is no directory `{name}` where it should be")));
        };
        let mut sum = Sum::new();
        sum.member(&top);
        let mut place =
            Place { tree, owners, budget: Budget { limits, left: limits.bytes }, levels: Vec::new(), part: name };
        place.levels.push(Level { below: root.clone(), directory: tree.directory(&root)?, member: top });
        while let Some(member) = self.take()? {
            proceed(cancel)?;
            let Some(below) = below(&member.path, name) else {
                self.next = Some(member);
                break;
            };
            sum.member(&member);
            if sum.entries > limits.entries {
                return Err(Error::TooManyEntries { limit: limits.entries });
            }
            place.budget.take(BLOCK as u64)?;
            place.put(member, &below, &mut sum, &mut self.archive, cancel)?;
        }
        place.leave(&root)?;
        place.leave_last()?;
        Ok(PartSum { written: limits.bytes - place.budget.left, ..sum.finish() })
    }

    /// Passes over the directory that comes next.
    ///
    /// # Errors
    /// `archive_invalid` where something else comes next, `input`, `cancelled`.
    pub fn pass(&mut self, name: &str, cancel: &AtomicBool) -> Result<PartSum> {
        let mut sum = Sum::new();
        while let Some(member) = self.take()? {
            proceed(cancel)?;
            if below(&member.path, name).is_none() {
                self.next = Some(member);
                break;
            }
            sum.member(&member);
            let passed = io::copy(&mut sum.content(self.archive.content()), &mut io::sink());
            passed.map_err(|error| reader::told(Error::Input(error)))?;
        }
        Ok(sum.finish())
    }

    /// Sees that the archive ends here.
    ///
    /// # Errors
    /// `archive_invalid` where more comes.
    pub fn finish(mut self) -> Result<()> {
        match self.take()? {
            None => {}
            Some(member) => return Err(Error::ArchiveInvalid(format!("`{}` should not be in it", member.path))),
        }
        // What compression says of its own at its end is looked at too.
        let mut rest = self.archive.into_input().take(MOST_AFTER + 1);
        match io::copy(&mut rest, &mut io::sink()) {
            Ok(0..=MOST_AFTER) => Ok(()),
            Ok(_) => Err(Error::ArchiveInvalid("something follows its end".to_owned())),
            Err(error) => Err(reader::told(Error::Input(error))),
        }
    }

    fn take(&mut self) -> Result<Option<Member>> {
        match self.next.take() {
            Some(member) => Ok(Some(member)),
            None => self.archive.next(),
        }
    }
}

/// What is left to be written.
struct Budget {
    limits: Limits,
    left: u64,
}

impl Budget {
    fn take(&mut self, bytes: u64) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or(Error::TooLarge { limit: self.limits.bytes })?;
        Ok(())
    }
}

/// Where entries go: the directories that are open, from the outermost on.
struct Place<'t> {
    tree: &'t Tree,
    owners: Owners,
    budget: Budget,
    levels: Vec<Level>,
    part: &'t str,
}

struct Level {
    below: RelativePath,
    directory: OwnedFd,
    member: Member,
}

impl Place<'_> {
    fn put<R: Read>(
        &mut self,
        member: Member,
        below: &RelativePath,
        sum: &mut Sum,
        archive: &mut Archive<R>,
        cancel: &AtomicBool,
    ) -> Result<()> {
        // Only the directory itself has no name, and it came first.
        let (Some(parent), Some(name)) = (below.parent(), below.name()) else { return Err(twice(below)) };
        self.leave(&parent)?;
        let Some(level) = self.levels.last() else { return Err(out_of_order(below)) };
        let here = level.directory.as_fd();
        let (owner, mode) =
            (self.owners.outside(member.user, member.group)?, Mode::from_raw_mode(self.owners.mode(member.mode)));
        let times = modified_at(Timespec { tv_sec: member.modified, tv_nsec: member.nanoseconds.into() });
        let (user, group) = owner.unzip();
        let nofollow = AtFlags::SYMLINK_NOFOLLOW;
        match &member.content {
            Content::File { size } => {
                let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW;
                let made = beneath(here, name.as_bytes(), flags, ResolveFlags::NO_SYMLINKS).put_at(below)?;
                let file = File::from(made);
                fill(&file, &mut sum.content(archive.content()), *size, &mut self.budget, below, cancel)?;
                if owner.is_some() {
                    fchown(&file, user, group).at(below)?;
                }
                // A user's attributes are set by whoever may write.
                fchmod(&file, Mode::RUSR | Mode::WUSR).at(below)?;
                self.attributes(&file, &member, below)?;
                // After the owner, since a change of owner clears the set-user-id bit.
                fchmod(&file, mode).at(below)?;
                futimens(&file, &times).at(below)
            }
            Content::Directory => {
                if self.levels.len() > MAX_DEPTH {
                    return Err(Error::TooDeep { path: below.clone(), limit: MAX_DEPTH });
                }
                mkdirat(here, name.as_bytes(), Mode::RWXU).put_at(below)?;
                let directory = child_directory(here, name.as_bytes()).at(below)?;
                self.levels.push(Level { below: below.clone(), directory, member });
                Ok(())
            }
            Content::Symlink { target } => {
                if target.is_empty() || target.contains(&0) {
                    return Err(Error::ArchiveInvalid(format!("`{below}` is a link to nothing")));
                }
                symlinkat(target.as_slice(), here, name.as_bytes()).put_at(below)?;
                if owner.is_some() {
                    chownat(here, name.as_bytes(), user, group, nofollow).at(below)?;
                }
                utimensat(here, name.as_bytes(), &times, nofollow).at(below)
            }
            Content::Link { target } => self.link(target, &name, below),
            Content::Pipe => {
                mknodat(here, name.as_bytes(), FileType::Fifo, Mode::RUSR, 0).put_at(below)?;
                if owner.is_some() {
                    chownat(here, name.as_bytes(), user, group, nofollow).at(below)?;
                }
                chmodat(here, name.as_bytes(), mode, AtFlags::empty()).at(below)?;
                utimensat(here, name.as_bytes(), &times, nofollow).at(below)
            }
            Content::Refused(what) => Err(Error::ArchiveInvalid(format!("`{below}` is {what}"))),
        }
    }

    /// Gives a file that was put here before another name.
    fn link(&self, target: &[u8], name: &Name, below: &RelativePath) -> Result<()> {
        let unknown = || Error::ArchiveInvalid(format!("`{below}` is a hard link to what is not in it"));
        let first = RelativePath::parse(target).ok().and_then(|target| self::below(&target, self.part));
        let first = first.filter(|first| !first.is_root()).ok_or_else(unknown)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW;
        let found = beneath(self.tree.root.as_fd(), first.as_bytes(), flags, ResolveFlags::NO_SYMLINKS);
        let found = found.map_err(|_| unknown())?;
        if FileType::from_raw_mode(fstat(&found).at(&first)?.st_mode) != FileType::RegularFile {
            return Err(unknown());
        }
        let Some(level) = self.levels.last() else { return Err(out_of_order(below)) };
        let from = descriptor_path(found.as_fd());
        linkat(CWD, from, &level.directory, name.as_bytes(), AtFlags::SYMLINK_FOLLOW).put_at(below)
    }

    /// Goes out of directories until `directory` is the innermost one. What was left is never come back to.
    fn leave(&mut self, directory: &RelativePath) -> Result<()> {
        while self.levels.last().is_some_and(|level| level.below != *directory) {
            if self.levels.len() == 1 {
                return Err(out_of_order(directory));
            }
            self.leave_last()?;
        }
        Ok(())
    }

    fn leave_last(&mut self) -> Result<()> {
        let Some(Level { below, directory, member }) = self.levels.pop() else { return Ok(()) };
        if let Some((user, group)) = self.owners.outside(member.user, member.group)? {
            fchown(&directory, Some(user), Some(group)).at(&below)?;
        }
        self.attributes(&directory, &member, &below)?;
        fchmod(&directory, Mode::from_raw_mode(self.owners.mode(member.mode))).at(&below)?;
        let modified = Timespec { tv_sec: member.modified, tv_nsec: member.nanoseconds.into() };
        futimens(&directory, &modified_at(modified)).at(&below)
    }

    fn attributes(&self, made: impl AsFd, member: &Member, below: &RelativePath) -> Result<()> {
        match member.attributes.iter().all(|(name, _)| attributes::goes_along(name)) {
            true => attributes::write(made, &member.attributes).at(below),
            false => {
                Err(Error::ArchiveInvalid(format!("`{below}` has an extended attribute that is none of a user's")))
            }
        }
    }
}

/// The path of a member from its part on; nothing for one of another part.
fn below(path: &RelativePath, part: &str) -> Option<RelativePath> {
    let rest = path.as_bytes().strip_prefix(part.as_bytes())?;
    match rest.strip_prefix(b"/") {
        Some(rest) => RelativePath::parse(rest).ok(),
        None => rest.is_empty().then(RelativePath::root),
    }
}

fn twice(path: &RelativePath) -> Error {
    Error::ArchiveInvalid(format!("`{path}` is in it twice"))
}

fn out_of_order(path: &RelativePath) -> Error {
    Error::ArchiveInvalid(format!("`{path}` does not come where it belongs"))
}

/// As [`At`], for what makes a name that may be there.
trait PutAt<T> {
    fn put_at(self, path: &RelativePath) -> Result<T>;
}

impl<T> PutAt<T> for rustix::io::Result<T> {
    fn put_at(self, path: &RelativePath) -> Result<T> {
        match self {
            Err(Errno::EXIST) => Err(twice(path)),
            made => made.at(path),
        }
    }
}

/// Fills an empty file, leaving out what is zero.
fn fill(
    file: &File,
    content: &mut impl Read,
    size: u64,
    budget: &mut Budget,
    path: &RelativePath,
    cancel: &AtomicBool,
) -> Result<()> {
    let mut buffer = vec![0; size.min(CHUNK as u64) as usize];
    let mut at = 0;
    while at < size {
        proceed(cancel)?;
        let length = buffer.len().min(usize::try_from(size - at).unwrap_or(usize::MAX));
        content.read_exact(&mut buffer[..length]).map_err(|error| reader::told(Error::Input(error)))?;
        for (number, block) in buffer[..length].chunks(BLOCK).enumerate() {
            if block.iter().any(|byte| *byte != 0) {
                budget.take(block.len() as u64)?;
                file.write_all_at(block, at + (number * BLOCK) as u64).at(path)?;
            }
        }
        at += length as u64;
    }
    file.set_len(size).at(path)
}
