//! Which files there are, and what tells that one was changed. Links are not followed; what is in a `.git` is passed over.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
};

use sandboxed_keeper::Stamp;

/// Directories that are nested deeper are not looked at.
const DEEPEST: usize = 128;
/// Bytes that are told at once.
const PIECE: usize = 512 << 10;

/// Looks at every file below `tree`, and tells it to `tell` as lines of JSON.
pub(super) fn scan(tree: &Path, most: usize, tell: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let mut scan = Scan { left: most, files: 0, lines: Vec::new(), tell };
    scan.walk(tree, "", 0)?;
    (scan.tell)(&scan.lines)?;
    Ok(scan.files)
}

struct Scan<'a> {
    left: usize,
    files: u64,
    lines: Vec<u8>,
    tell: &'a mut dyn FnMut(&[u8]) -> io::Result<()>,
}

impl Scan<'_> {
    fn walk(&mut self, directory: &Path, prefix: &str, depth: usize) -> io::Result<()> {
        if depth > DEEPEST {
            let message = format!("the workspace holds directories nested deeper than {DEEPEST}");
            return Err(io::Error::other(message));
        }
        // A directory may go, or be closed to its owner, while the tree is walked: then nothing is there.
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let Ok(metadata) = entry.metadata() else { continue };
            let Some(left) = self.left.checked_sub(1) else {
                return Err(io::Error::other("the workspace holds more files than are compared"));
            };
            self.left = left;
            if !metadata.is_dir() {
                self.add(&path, &metadata)?;
            } else if name != ".git" {
                self.walk(&entry.path(), &path, depth + 1)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, metadata: &fs::Metadata) -> io::Result<()> {
        let stamp = Stamp {
            size: metadata.size(),
            inode: metadata.ino(),
            changed_s: metadata.ctime(),
            changed_ns: metadata.ctime_nsec(),
        };
        self.files += 1;
        serde_json::to_writer(&mut self.lines, &(path, stamp))?;
        self.lines.write_all(b"\n")?;
        if self.lines.len() >= PIECE {
            (self.tell)(&self.lines)?;
            self.lines.clear();
        }
        Ok(())
    }
}
