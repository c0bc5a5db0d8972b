//! The directory that an image is unpacked into. Nothing in it leads out of it: the kernel itself resolves every path as if
//! the directory were the root (`openat2` with `RESOLVE_IN_ROOT`), so links of an image lead where they will lead when the
//! image is in use.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    os::{fd::AsRawFd, fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_OMIT, Uid, chownat,
        fchmod, fchown, futimens, linkat, mkdirat, open, openat, openat2, statat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};

use crate::{
    Error, Result,
    error::{reading, shown},
    member::{Content, Member},
};

/// How long the path of a directory may be as the kernel tells it, however it was reached by links: whoever walks the tree
/// later names everything by its path.
const MAX_DEPTH: usize = 3000;
/// How often an open is tried again when a rename somewhere in the system crosses a `..` of a link (see openat2(2)).
const CROSSED_RENAMES: usize = 128;
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The directory.
pub(crate) struct Root {
    at: OwnedFd,
}

impl Root {
    /// Bytes of a file that are read.
    pub(crate) const READ_LIMIT: u64 = 1 << 20;

    /// The root in an existing directory.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let opened = open(path, DIRECTORY, Mode::empty());
        Ok(Self { at: opened.map_err(|errno| Error::io("opening", path)(errno.into()))? })
    }

    /// A directory in it, which is made where it is missing, with those above it.
    pub(crate) fn directory(&self, path: &[Vec<u8>]) -> Result<OwnedFd> {
        let whole = path.join(&b'/');
        match self.resolve(&whole) {
            Err(Errno::NOENT) => {}
            opened => return checked(opened.map_err(Error::write(&whole))?, &whole),
        }
        let mut directory = self.resolve(b"").map_err(Error::write(&whole))?;
        for end in 1..=path.len() {
            let part = path[..end].join(&b'/');
            directory = match self.resolve(&part) {
                Err(Errno::NOENT) => {
                    // A link that leads nowhere has the name already.
                    make_directory(&directory, &path[end - 1], 0o755).map_err(Error::write(&part))?;
                    self.resolve(&part).map_err(Error::write(&part))?
                }
                opened => opened.map_err(Error::write(&part))?,
            };
        }
        checked(directory, &whole)
    }

    fn resolve(&self, path: &[u8]) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b".".as_slice() } else { path };
        let confined = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        for _ in 0..CROSSED_RENAMES {
            match openat2(&self.at, path, DIRECTORY, Mode::empty(), confined) {
                Err(Errno::AGAIN | Errno::INTR) => std::thread::yield_now(),
                done => return done,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Puts a member in its place, in place of what is there. Returns whether it was put there: devices and pipes are not,
    /// because they would be none in a workspace.
    pub(crate) fn put(&self, member: &Member, content: impl Read) -> Result<bool> {
        let Some((name, parent)) = member.path.split_last() else { return Ok(false) };
        let path = member.path.join(&b'/');
        let directory = self.directory(parent)?;
        let failed = || Error::write(&path);
        match &member.content {
            Content::Special => return Ok(false),
            Content::Directory => {
                let there = kind(&directory, name).map_err(failed())? == Some(FileType::Directory);
                if !there {
                    clear(&directory, name).map_err(failed())?;
                    make_directory(&directory, name, member.mode).map_err(failed())?;
                }
                let made = openat(&directory, name.as_slice(), DIRECTORY | OFlags::NOFOLLOW, Mode::empty());
                let made = made.map_err(failed())?;
                own(&made, member).map_err(failed())?;
                futimens(&made, &modified(member)).map_err(failed())?;
            }
            Content::File { size } => {
                clear(&directory, name).map_err(failed())?;
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = openat(&directory, name.as_slice(), flags, Mode::from_raw_mode(0o600)).map_err(failed())?;
                let mut file = File::from(file);
                fill(&mut file, content, *size, &path)?;
                own(&file, member).map_err(failed())?;
                futimens(&file, &modified(member)).map_err(failed())?;
            }
            Content::Symlink { target } => {
                clear(&directory, name).map_err(failed())?;
                symlinkat(target.as_slice(), &directory, name.as_slice()).map_err(failed())?;
                let (user, group) = (Uid::from_raw(member.user), Gid::from_raw(member.group));
                chownat(&directory, name.as_slice(), Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(failed())?;
                utimensat(&directory, name.as_slice(), &modified(member), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(failed())?;
            }
            Content::Link { target } => {
                let Some((target_name, target_parent)) = target.split_last() else {
                    return Err(Error::Invalid(format!("{} is a link to the root", shown(&path))));
                };
                let from = self.resolve(&target_parent.join(&b'/')).map_err(failed())?;
                let there = kind(&from, target_name).map_err(failed())?;
                if !matches!(there, Some(FileType::RegularFile | FileType::Symlink)) {
                    let target = shown(&target.join(&b'/'));
                    return Err(Error::Invalid(format!("{} is a link to {target}, which is no file", shown(&path))));
                }
                if target != &member.path {
                    clear(&directory, name).map_err(failed())?;
                    linkat(&from, target_name.as_slice(), &directory, name.as_slice(), AtFlags::empty())
                        .map_err(failed())?;
                }
            }
        }
        Ok(true)
    }

    /// Removes what is at a path, if anything is, with what is in it.
    pub(crate) fn remove(&self, path: &[Vec<u8>]) -> Result<()> {
        let Some((name, parent)) = path.split_last() else { return Ok(()) };
        match self.resolve(&parent.join(&b'/')) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            directory => {
                let whole = path.join(&b'/');
                clear(&directory.map_err(Error::write(&whole))?, name).map_err(Error::write(&whole))
            }
        }
    }

    /// Removes what is in a directory, if there is one. One that is reached by a link is somebody else's.
    pub(crate) fn empty(&self, path: &[Vec<u8>]) -> Result<()> {
        let whole = path.join(&b'/');
        let failed = || Error::write(&whole);
        let directory = match path.split_last() {
            None => self.resolve(b"").map_err(failed())?,
            Some((name, parent)) => {
                let parent = match self.resolve(&parent.join(&b'/')) {
                    Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
                    parent => parent.map_err(failed())?,
                };
                match openat(&parent, name.as_slice(), DIRECTORY | OFlags::NOFOLLOW, Mode::empty()) {
                    Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(()),
                    opened => opened.map_err(failed())?,
                }
            }
        };
        let names = rustix::fs::Dir::read_from(&directory).map_err(failed())?;
        let names = names.map(|entry| Ok(entry?.file_name().to_bytes().to_vec()));
        for name in names.collect::<rustix::io::Result<Vec<_>>>().map_err(failed())? {
            if !matches!(name.as_slice(), b"." | b"..") {
                clear(&directory, &name).map_err(failed())?;
            }
        }
        Ok(())
    }

    /// What a small file holds, or the beginning of a larger one, found as whoever is in the image finds it; nothing where
    /// there is none.
    pub(crate) fn read(&self, path: &[Vec<u8>]) -> Result<Option<Vec<u8>>> {
        let whole = path.join(&b'/');
        let confined = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match openat2(&self.at, whole.as_slice(), flags, Mode::empty(), confined) {
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            opened => File::from(opened.map_err(Error::write(&whole))?),
        };
        let mut bytes = Vec::new();
        file.take(Self::READ_LIMIT).read_to_end(&mut bytes).map_err(reading)?;
        Ok(Some(bytes))
    }
}

/// Refuses directories that nobody could walk to.
fn checked(directory: OwnedFd, path: &[u8]) -> Result<OwnedFd> {
    let real =
        rustix::fs::readlinkat(CWD, descriptor(&directory).as_os_str(), Vec::new()).map_err(Error::write(path))?;
    match real.as_bytes().len() > MAX_DEPTH {
        true => Err(Error::Invalid(format!("{} lies too deep", shown(path)))),
        false => Ok(directory),
    }
}

/// A path by which the kernel finds what is open.
fn descriptor(directory: &OwnedFd) -> std::path::PathBuf {
    format!("/proc/self/fd/{}", directory.as_raw_fd()).into()
}

/// Removes what has this name, if anything has, with what is in it.
fn clear(directory: &OwnedFd, name: &[u8]) -> rustix::io::Result<()> {
    match unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => {
            let path = descriptor(directory).join(OsStr::from_bytes(name));
            let removed = std::fs::remove_dir_all(path);
            removed.map_err(|error| error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error))
        }
        Err(errno) => Err(errno),
    }
}

fn kind(directory: &OwnedFd, name: &[u8]) -> rustix::io::Result<Option<FileType>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Ok(None),
        found => Ok(Some(FileType::from_raw_mode(found?.st_mode))),
    }
}

fn make_directory(directory: &OwnedFd, name: &[u8], mode: u32) -> rustix::io::Result<()> {
    mkdirat(directory, name, Mode::from_raw_mode(mode))?;
    // The umask has its say only when something is made.
    let made = openat(directory, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
    fchmod(made, Mode::from_raw_mode(mode))
}

/// Gives what was made to whom it belongs. The mode comes last: a change of owner takes the bits away that give rights.
fn own(made: impl std::os::fd::AsFd, member: &Member) -> rustix::io::Result<()> {
    fchown(&made, Some(Uid::from_raw(member.user)), Some(Gid::from_raw(member.group)))?;
    fchmod(&made, Mode::from_raw_mode(member.mode))
}

fn modified(member: &Member) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: member.modified, tv_nsec: 0 },
    }
}

fn fill(file: &mut File, mut content: impl Read, size: u64, path: &[u8]) -> Result<()> {
    let mut buffer = vec![0; 128 << 10];
    let mut left = size;
    while left > 0 {
        let read = content.read(&mut buffer).map_err(reading)?;
        if read == 0 {
            return Err(reading(io::ErrorKind::UnexpectedEof.into()));
        }
        io::Write::write_all(file, &buffer[..read]).map_err(|source| Error::Write { path: shown(path), source })?;
        left = left.saturating_sub(read as u64);
    }
    Ok(())
}
