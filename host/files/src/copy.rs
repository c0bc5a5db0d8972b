//! Copying of a whole tree.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicBool;

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, ResolveFlags, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, chownat, fchmod, fchown,
    fstat, futimens, mkdirat, readlinkat, symlinkat,
};
use rustix::io::Errno;

use crate::data::clone;
use crate::entry::{Kind, size};
use crate::error::At;
use crate::tree::{Found, beneath, child_directory, open_file, proceed};
use crate::walk::{Visit, Walk};
use crate::{Error, Limits, Name, RelativePath, Result, Tree};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CopyReport {
    /// Regular files.
    pub files: u64,
    /// Directories below the root.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files, as their sizes tell.
    pub bytes: u64,
    /// Pipes, sockets, devices and mounted file systems, which are left out.
    pub skipped: u64,
}

impl Tree {
    /// Copies all of this tree into `to`, an empty tree. Blocks are shared where the file system can (btrfs, XFS), else copied without
    /// their holes. Modes, modification times and links are kept; owners are kept where `to` has none of its own and the server may;
    /// set-user-id and set-group-id bits only together with the owner. Extended attributes are not copied; a file with several names
    /// becomes several files. A failed or stopped copy leaves what it has made.
    ///
    /// # Errors
    /// `exists` where `to` is not empty, `too_large` and `too_many_entries` above the limits, `too_deep`, `into_itself` where `to`
    /// lies in this tree, `no_space`, `not_permitted`, `cancelled`.
    pub fn copy_to(&self, to: &Self, limits: Limits, cancel: &AtomicBool) -> Result<CopyReport> {
        let root = RelativePath::root();
        let goal = fstat(&to.root).at(&root)?;
        let mut report = CopyReport::default();
        let mut entries = 0;
        let mut walk = Walk::new(root.clone(), self.directory(&root)?)?;
        let mut targets = vec![to.directory(&root)?];
        while let Some(visit) = walk.next()? {
            proceed(cancel)?;
            let Some(target) = targets.last().map(OwnedFd::as_fd) else { break };
            let (name, found) = match visit {
                Visit::Entry(name, found) => (name, found),
                Visit::Mount(_) => {
                    report.skipped += 1;
                    continue;
                }
                Visit::Left(stat) => {
                    dress(target, &stat, to.owner).at(&root)?;
                    targets.pop();
                    continue;
                }
            };
            let path = walk.path(&name);
            entries += 1;
            if entries > limits.entries {
                return Err(Error::TooManyEntries { limit: limits.entries });
            }
            match Kind::of(&found.stat) {
                Kind::Directory => {
                    if (found.stat.st_dev, found.stat.st_ino) == (goal.st_dev, goal.st_ino) {
                        return Err(Error::IntoItself(path));
                    }
                    walk.enter(&name, &found)?;
                    mkdirat(target, name.as_bytes(), Mode::RWXU).at(&path)?;
                    let made = child_directory(target, name.as_bytes()).at(&path)?;
                    targets.push(made);
                    report.directories += 1;
                }
                Kind::File => {
                    report.bytes = report.bytes.saturating_add(size(&found.stat));
                    if report.bytes > limits.bytes {
                        return Err(Error::TooLarge { limit: limits.bytes });
                    }
                    copy_file(&found, target, &name, to.owner, cancel, &path)?;
                    report.files += 1;
                }
                Kind::Symlink => {
                    let leads = readlinkat(&found.handle, "", Vec::new()).at(&path)?;
                    symlinkat(leads, target, name.as_bytes()).at(&path)?;
                    let (user, group) = to.owner.unwrap_or_else(|| owner_of(&found.stat));
                    match chownat(target, name.as_bytes(), Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW) {
                        Err(Errno::PERM) if to.owner.is_none() => {}
                        changed => changed.at(&path)?,
                    }
                    report.links += 1;
                }
                Kind::Other => report.skipped += 1,
            }
        }
        Ok(report)
    }
}

fn copy_file(
    found: &Found,
    target: BorrowedFd<'_>,
    name: &Name,
    owner: Option<(Uid, Gid)>,
    cancel: &AtomicBool,
    path: &RelativePath,
) -> Result<()> {
    let from = open_file(found, path)?;
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::NOFOLLOW;
    let to = std::fs::File::from(beneath(target, name.as_bytes(), flags, ResolveFlags::NO_SYMLINKS).at(path)?);
    clone(&from, &to, size(&found.stat), cancel, path)?;
    dress(to.as_fd(), &found.stat, owner).at(path)
}

/// Gives a copy the owner, mode and time of its original.
fn dress(copy: BorrowedFd<'_>, original: &Stat, owner: Option<(Uid, Gid)>) -> rustix::io::Result<()> {
    let (user, group) = owner.unwrap_or_else(|| owner_of(original));
    let kept = match fchown(copy, Some(user), Some(group)) {
        Ok(()) => owner.is_none(),
        // An ordinary user cannot give files away; the copy is then the server's own.
        Err(Errno::PERM) if owner.is_none() => false,
        Err(errno) => return Err(errno),
    };
    // After the owner, since a change of owner clears the set-user-id bit.
    fchmod(copy, Mode::from_raw_mode(original.st_mode & if kept { 0o7777 } else { 0o777 }))?;
    let modified = Timespec { tv_sec: original.st_mtime, tv_nsec: original.st_mtime_nsec as _ };
    futimens(copy, &modified_at(modified))
}

/// Sets the modification time only.
pub(crate) fn modified_at(modified: Timespec) -> Timestamps {
    Timestamps { last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT }, last_modification: modified }
}

fn owner_of(stat: &Stat) -> (Uid, Gid) {
    (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid))
}
