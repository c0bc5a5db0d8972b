//! How much space files take.

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

use rustix::fs::Stat;

use crate::entry::Kind;
use crate::tree::proceed;
use crate::walk::{Visit, Walk};
use crate::{Error, RelativePath, Result, Tree};

/// The space that something takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of the blocks on the volume: holes cost nothing, a file with several names counts once. Blocks that copies share count
    /// for each copy.
    pub bytes: u64,
    /// Files, directories, links and others.
    pub entries: u64,
    /// Whether all was counted. `false`: the limit of entries was reached, or directories are nested deeper than
    /// [`MAX_DEPTH`](crate::MAX_DEPTH), so there is more.
    pub complete: bool,
}

impl Tree {
    /// Sums up the space of an entry and all below it, looking at no more than `limit` entries.
    ///
    /// # Errors
    /// `not_found`, `outside`, `not_permitted`, `cancelled`.
    pub fn usage(&self, path: &RelativePath, limit: u64, cancel: &AtomicBool) -> Result<Usage> {
        let found = self.find(path, false)?;
        let mut usage = Usage { bytes: blocks(&found.stat), entries: 1, complete: true };
        if Kind::of(&found.stat) != Kind::Directory {
            return Ok(usage);
        }
        let mut counted = HashSet::new();
        let mut walk = Walk::new(path.clone(), self.directory(path)?)?;
        while let Some(visit) = walk.next()? {
            proceed(cancel)?;
            let Visit::Entry(name, found) = visit else { continue };
            if usage.entries >= limit {
                usage.complete = false;
                break;
            }
            usage.entries += 1;
            let kind = Kind::of(&found.stat);
            if kind != Kind::Directory && found.stat.st_nlink > 1 && !counted.insert(found.stat.st_ino) {
                continue;
            }
            usage.bytes = usage.bytes.saturating_add(blocks(&found.stat));
            if kind == Kind::Directory {
                match walk.enter(&name, &found) {
                    Err(Error::TooDeep { .. }) => usage.complete = false,
                    entered => entered?,
                }
            }
        }
        Ok(usage)
    }
}

fn blocks(stat: &Stat) -> u64 {
    // The unit of st_blocks is 512 bytes, whatever the file system's own block is (stat(2)).
    u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512)
}
