//! Telling whether a tree is still what it was.

use std::sync::atomic::AtomicBool;

use rustix::fs::readlinkat;
use sha2::{Digest as _, Sha256};

use crate::entry::Kind;
use crate::error::At;
use crate::tree::proceed;
use crate::walk::{Visit, Walk};
use crate::{Error, RelativePath, Result, Tree};

/// What tells a tree from every other: names, kinds, modes, sizes, modification times and links of all in it. Owners are not
/// a part of it, and contents only by size and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// Over all entries, in whatever order they come.
    pub hash: [u8; 32],
    /// Files, directories, links and others below the root.
    pub entries: u64,
    /// Bytes of the files, as their sizes tell.
    pub bytes: u64,
}

impl Tree {
    /// Looks at every entry of the tree, at most `limit`.
    ///
    /// # Errors
    /// `too_many_entries`, `too_deep`, `outside`, `not_permitted`, `cancelled`.
    pub fn fingerprint(&self, limit: u64, cancel: &AtomicBool) -> Result<Fingerprint> {
        let root = RelativePath::root();
        let mut fingerprint = Fingerprint { hash: [0; 32], entries: 0, bytes: 0 };
        let mut walk = Walk::new(root.clone(), self.directory(&root)?)?;
        while let Some(visit) = walk.next()? {
            proceed(cancel)?;
            let Visit::Entry(name, found) = visit else { continue };
            fingerprint.entries += 1;
            if fingerprint.entries > limit {
                return Err(Error::TooManyEntries { limit });
            }
            let path = walk.path(&name);
            let kind = Kind::of(&found.stat);
            let stat = &found.stat;
            let mut hasher = Sha256::new();
            hasher.update((path.as_bytes().len() as u64).to_le_bytes());
            hasher.update(path.as_bytes());
            hasher.update(stat.st_mode.to_le_bytes());
            if kind == Kind::File {
                let size = crate::entry::size(stat);
                fingerprint.bytes = fingerprint.bytes.saturating_add(size);
                hasher.update(size.to_le_bytes());
            }
            match kind {
                // The time of a link is not kept by copies.
                Kind::Symlink => {
                    let leads = readlinkat(&found.handle, "", Vec::new()).at(&path)?;
                    hasher.update(leads.as_bytes());
                }
                _ => {
                    hasher.update(stat.st_mtime.to_le_bytes());
                    hasher.update(stat.st_mtime_nsec.to_le_bytes());
                }
            }
            for (sum, byte) in fingerprint.hash.iter_mut().zip(hasher.finalize()) {
                *sum ^= byte;
            }
            if kind == Kind::Directory {
                walk.enter(&name, &found)?;
            }
        }
        Ok(fingerprint)
    }
}
