//! Making of directories, renaming.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::AtomicBool;

use rustix::fs::{Mode, RenameFlags, fchmod, renameat, renameat_with};
use rustix::io::Errno;

use crate::error::At;
use crate::staged::hidden_name;
use crate::tree::open_file;
use crate::write::committing;
use crate::{Error, Limits, Name, RelativePath, Result, Tree};

impl Tree {
    /// Makes a directory (`rwxr-xr-x`). With `parents` the missing ones above it are made too, and one that exists already is fine.
    ///
    /// # Errors
    /// `exists` without `parents`, `not_found` for a missing parent, `not_a_directory`, `outside`, `no_space`, `not_permitted`.
    pub fn make_directory(&self, path: &RelativePath, parents: bool) -> Result<()> {
        if parents {
            return self.ensure_directory(path).map(drop);
        }
        if path.is_root() {
            return Err(Error::Exists(path.clone()));
        }
        let (directory, name) = self.directory_of(path, false)?;
        self.make_in(directory.as_fd(), &name).at(path).map(drop)
    }

    /// Makes a file executable for everybody. A link at the end is followed if it stays inside.
    ///
    /// # Errors
    /// `not_found`, `is_a_directory`, `special_file`, `outside`, `not_permitted`.
    pub fn make_executable(&self, path: &RelativePath) -> Result<()> {
        let found = self.find(path, true)?;
        let mode = Mode::from_raw_mode(found.stat.st_mode & 0o777 | 0o111);
        fchmod(open_file(&found, path)?, mode).at(path)
    }

    /// Takes a directory of another tree into this one, where nothing has the name, and it appears as a whole. It is moved if both
    /// are on one file system, and else copied like [`Tree::copy_to`]; the original then stays.
    ///
    /// # Errors
    /// `exists`, `not_found`, `not_a_directory`, `outside` for what is on the way in either tree; those of a copy.
    pub fn adopt(&self, other: &Self, from: &RelativePath, to: &RelativePath, cancel: &AtomicBool) -> Result<()> {
        let (source, old) = other.directory_of(from, false)?;
        let (target, new) = self.directory_of(to, false)?;
        let appear = |directory: BorrowedFd<'_>, name: &[u8]| {
            let _committing = committing(target.as_fd())?;
            renameat_with(directory, name, &target, new.as_bytes(), RenameFlags::NOREPLACE)
        };
        match appear(source.as_fd(), old.as_bytes()) {
            Err(Errno::XDEV) => {}
            moved => return moved.at(to),
        }
        let hidden = Name::new(hidden_name().at(to)?)?;
        let copy = Self { root: self.make_in(target.as_fd(), &hidden).at(to)?, owner: self.owner };
        let original = Self { root: other.directory(from)?, owner: None };
        let copied = original
            .copy_to(&copy, Limits { bytes: u64::MAX, entries: u64::MAX }, cancel)
            .and_then(|_| appear(target.as_fd(), hidden.as_bytes()).at(to));
        if copied.is_err() {
            let place = to.parent().unwrap_or_else(RelativePath::root).join(&hidden)?;
            self.remove(&place, true, &AtomicBool::new(false))?;
        }
        copied
    }

    /// Renames an entry in one step; a link is renamed itself. With `overwrite` a file is replaced by a file and an empty directory
    /// by a directory.
    ///
    /// # Errors
    /// `exists` where the name is taken, `into_itself`, `not_found`, `not_empty`, `is_a_directory`, `not_a_directory`, `outside`.
    pub fn rename(&self, from: &RelativePath, to: &RelativePath, overwrite: bool) -> Result<()> {
        if from != to && from.contains(to) {
            return Err(Error::IntoItself(to.clone()));
        }
        let (source, old) = self.directory_of(from, false)?;
        let (target, new) = self.directory_of(to, false)?;
        let _committing = committing(target.as_fd()).at(to)?;
        let renamed = if overwrite {
            renameat(&source, old.as_bytes(), &target, new.as_bytes())
        } else {
            renameat_with(&source, old.as_bytes(), &target, new.as_bytes(), RenameFlags::NOREPLACE)
        };
        match renamed {
            // Links on the way can hide it from the comparison of letters above.
            Err(Errno::INVAL) => Err(Error::IntoItself(to.clone())),
            Err(Errno::NOENT) => Err(Error::NotFound(from.clone())),
            renamed => renamed.at(to),
        }
    }
}
