//! Entries as people see them.

use sandboxed_model::files::{FileEntry, FileKind};

use crate::{Entry, Kind, RelativePath};

impl Entry {
    /// The entry at this path, as it is told to people.
    pub fn told(self, path: &RelativePath) -> FileEntry {
        let Self { name, kind, size, modified, mode, link_target, etag } = self;
        FileEntry {
            name: name.map(|name| name.escaped()).unwrap_or_default(),
            path: path.to_string(),
            kind: match kind {
                Kind::File => FileKind::File,
                Kind::Directory => FileKind::Directory,
                Kind::Symlink => FileKind::Symlink,
                Kind::Other => FileKind::Other,
            },
            size,
            modified,
            mode,
            link_target,
            etag: etag.to_string(),
        }
    }

    /// The same for an entry that was found in this directory.
    pub fn told_below(self, directory: &RelativePath) -> FileEntry {
        let path = self.name.as_ref().and_then(|name| directory.join(name).ok());
        self.told(path.as_ref().unwrap_or(directory))
    }
}
