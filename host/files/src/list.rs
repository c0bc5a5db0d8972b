//! Listing of a directory.

use std::collections::BinaryHeap;
use std::os::fd::AsFd;

use rustix::fs::Dir;
use rustix::io::Errno;

use crate::error::At;
use crate::{Entry, Error, Name, RelativePath, Result, Tree};

/// Most entries of one page.
pub const MAX_PAGE: usize = 1000;

/// Entries of a directory in the order of the bytes of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The name after which the next page starts; `None` on the last page.
    pub next: Option<Name>,
}

impl Tree {
    /// Lists a directory: up to `limit` (at most [`MAX_PAGE`]) entries whose names come after `after`. Each page reads all names
    /// of the directory but keeps only its own. Entries that come or go meanwhile are in the page or not.
    ///
    /// # Errors
    /// `not_found`, `not_a_directory`, `outside`, `not_permitted`.
    pub fn list(&self, path: &RelativePath, after: Option<&Name>, limit: usize) -> Result<Page> {
        let limit = limit.clamp(1, MAX_PAGE);
        let directory = self.directory(path)?;
        let mut smallest = BinaryHeap::with_capacity(limit + 2);
        for entry in Dir::read_from(&directory).at(path)? {
            let entry = entry.at(path)?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") || after.is_some_and(|after| bytes <= after.as_bytes()) {
                continue;
            }
            if smallest.len() > limit && smallest.peek().is_some_and(|largest: &Name| bytes >= largest.as_bytes()) {
                continue;
            }
            smallest.push(Name::new(bytes)?);
            if smallest.len() > limit + 1 {
                smallest.pop();
            }
        }
        let mut names = smallest.into_sorted_vec();
        let more = names.len() > limit;
        names.truncate(limit);
        let next = if more { names.last().cloned() } else { None };
        let mut entries = Vec::with_capacity(names.len());
        for name in &names {
            match Entry::look(directory.as_fd(), name) {
                Ok(entry) => entries.push(entry),
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(Error::from_errno(errno, &path.join(name)?)),
            }
        }
        Ok(Page { entries, next })
    }
}
