//! Making of directories, renaming.

use std::os::fd::AsFd;

use rustix::fs::{RenameFlags, renameat, renameat_with};
use rustix::io::Errno;

use crate::error::At;
use crate::write::committing;
use crate::{Error, RelativePath, Result, Tree};

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

    /// Takes an entry of another tree on the same file system into this one, in one step, where nothing has the name.
    ///
    /// # Errors
    /// `exists`, `not_found`, `not_a_directory`, `outside` for what is on the way in either tree.
    pub fn adopt(&self, other: &Self, from: &RelativePath, to: &RelativePath) -> Result<()> {
        let (source, old) = other.directory_of(from, false)?;
        let (target, new) = self.directory_of(to, false)?;
        let _committing = committing(target.as_fd()).at(to)?;
        renameat_with(&source, old.as_bytes(), &target, new.as_bytes(), RenameFlags::NOREPLACE).at(to)
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
