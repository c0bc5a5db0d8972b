//! Changes as a scan of the tree sees them: by size and time of change, without following links.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::Path,
};

use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use sandboxed_engine::keeper;
use sandboxed_model::event::{ChangeKind, FileChange};
use serde::{Deserialize, Serialize};

use super::{MAX_DIFF_BYTES, Tree, path_in};

/// A tree with more files and directories than this is not compared.
const MAX_FILES: usize = 50_000;
/// Nor is one whose directories are nested deeper, each of which costs descriptors and room on the stack.
const MAX_DEPTH: usize = 128;

/// What a scan saw: path to stamp.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Snapshot(BTreeMap<String, Stamp>);

/// What tells that a file was changed. The time of the last status change cannot be set by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    inode: u64,
    changed_s: i64,
    changed_ns: i64,
}

/// Opens a directory whose path has no link in it: an agent can put one in the place of its worktree.
fn open(tree: &Path) -> io::Result<Dir> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    Ok(Dir::from_std_file(openat2(AT_FDCWD, tree, how)?.into()))
}

/// Looks at every file of the tree; a repository's `.git` is passed over.
pub(crate) async fn scan(tree: &Tree) -> io::Result<Snapshot> {
    match tree {
        Tree::Here(tree) => scan_here(tree).await,
        Tree::There { distant, below } => {
            let files = distant.scan(below, MAX_FILES).await.map_err(|error| io::Error::other(error.to_string()))?;
            let stamped = files.into_iter().map(|(path, stamp)| (path, Stamp::from(stamp)));
            Ok(Snapshot(stamped.collect()))
        }
        Tree::Nowhere(failure) => Err(io::Error::other(failure.message.clone())),
    }
}

async fn scan_here(tree: &Path) -> io::Result<Snapshot> {
    let tree = tree.to_owned();
    blocking(move || {
        let mut seen = Seen::default();
        let root = open(&tree)?;
        walk(&root, "", 0, &mut seen)?;
        Ok(Snapshot(seen.files))
    })
    .await
}

/// What differs between `before` and now.
pub(super) async fn changes(before: &Snapshot, tree: &Tree) -> io::Result<Vec<FileChange>> {
    let now = scan(tree).await?;
    let mut changes = Vec::new();
    for (path, stamp) in &now.0 {
        let change = match before.0.get(path) {
            None => ChangeKind::Created,
            Some(known) if known != stamp => ChangeKind::Modified,
            Some(_) => continue,
        };
        changes.push(file_change(path, change, stamp.size));
    }
    for path in before.0.keys().filter(|path| !now.0.contains_key(*path)) {
        changes.push(file_change(path, ChangeKind::Deleted, 0));
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let is_told =
        |change: &&mut FileChange| change.change == ChangeKind::Created && change.size <= MAX_DIFF_BYTES as u64;
    match tree {
        Tree::Here(tree) => {
            let tree = tree.clone();
            blocking(move || {
                let root = open(&tree)?;
                for change in changes.iter_mut().take(super::MAX_CHANGES).filter(is_told) {
                    let text = read_text(&root, &change.path);
                    describe_new_file(change, text);
                }
                Ok(changes)
            })
            .await
        }
        Tree::There { distant, below } => {
            let mut told: Vec<&mut FileChange> = changes.iter_mut().take(super::MAX_CHANGES).filter(is_told).collect();
            let paths: Vec<String> = told.iter().map(|change| path_in(below, &change.path)).collect();
            let texts = distant.texts(&paths, MAX_DIFF_BYTES as u64).await?;
            for (change, text) in told.iter_mut().zip(texts) {
                describe_new_file(change, text);
            }
            Ok(changes)
        }
        Tree::Nowhere(failure) => Err(io::Error::other(failure.message.clone())),
    }
}

impl From<keeper::Stamp> for Stamp {
    fn from(stamp: keeper::Stamp) -> Self {
        let keeper::Stamp { size, inode, changed_s, changed_ns } = stamp;
        Self { size, inode, changed_s, changed_ns }
    }
}

fn file_change(path: &str, change: ChangeKind, size: u64) -> FileChange {
    FileChange { path: path.to_owned(), change, size, added_lines: None, removed_lines: None, diff: None }
}

/// A new text file is its own diff. A file that went or is no text meanwhile stays without one.
fn describe_new_file(change: &mut FileChange, text: Option<String>) {
    let Some(text) = text.filter(|text| !text.contains('\0')) else { return };
    if text.is_empty() {
        return;
    }
    let lines = text.lines().count() as u64;
    let mut diff = format!("--- /dev/null\n+++ b/{}\n@@ -0,0 +1,{lines} @@\n", change.path);
    for line in text.lines() {
        diff.push('+');
        diff.push_str(line);
        diff.push('\n');
    }
    change.added_lines = Some(lines);
    change.removed_lines = Some(0);
    change.diff = Some(diff);
}

/// Reads a regular file. A pipe or device that the agent put there must not hold the server up.
fn read_text(root: &Dir, path: &str) -> Option<String> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nix::fcntl::OFlag::O_NONBLOCK.bits());
    let file = root.open_with(path, &options).ok()?;
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    file.take(MAX_DIFF_BYTES as u64).read_to_string(&mut text).ok()?;
    Some(text)
}

#[derive(Default)]
struct Seen {
    files: BTreeMap<String, Stamp>,
    entries: usize,
}

fn walk(directory: &Dir, prefix: &str, depth: usize, seen: &mut Seen) -> io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(io::Error::other(format!("the workspace holds directories nested deeper than {MAX_DEPTH}")));
    }
    for entry in directory.entries()? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        // A file may go while the tree is walked: then it is not there.
        let Ok(metadata) = entry.metadata() else { continue };
        seen.entries += 1;
        if seen.entries > MAX_FILES {
            return Err(io::Error::other(format!("the workspace holds more than {MAX_FILES} files")));
        }
        if metadata.is_dir() {
            if name != ".git"
                && let Ok(below) = entry.open_dir()
            {
                walk(&below, &path, depth + 1, seen)?;
            }
            continue;
        }
        let stamp = Stamp {
            size: metadata.size(),
            inode: metadata.ino(),
            changed_s: metadata.ctime(),
            changed_ns: metadata.ctime_nsec(),
        };
        seen.files.insert(path, stamp);
    }
    Ok(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(tree: &tempfile::TempDir) -> Tree {
        Tree::Here(tree.path().to_owned())
    }

    #[tokio::test]
    async fn created_modified_and_deleted_files_are_told() {
        let tree = tempfile::tempdir().unwrap();
        let path = |name: &str| tree.path().join(name);
        std::fs::write(path("stays"), "x").unwrap();
        std::fs::write(path("grows"), "x").unwrap();
        std::fs::write(path("goes"), "x").unwrap();
        let before = scan(&here(&tree)).await.unwrap();
        std::fs::write(path("grows"), "xx").unwrap();
        std::fs::remove_file(path("goes")).unwrap();
        std::fs::create_dir(path("dir")).unwrap();
        std::fs::write(path("dir/new.txt"), "a\nb\n").unwrap();

        let changes = changes(&before, &here(&tree)).await.unwrap();

        let seen: Vec<_> = changes.iter().map(|c| (c.path.as_str(), c.change, c.size)).collect();
        assert_eq!(
            seen,
            [
                ("dir/new.txt", ChangeKind::Created, 4),
                ("goes", ChangeKind::Deleted, 0),
                ("grows", ChangeKind::Modified, 2),
            ]
        );
        assert_eq!(changes[0].added_lines, Some(2));
        assert!(changes[0].diff.as_deref().unwrap().ends_with("+a\n+b\n"));
    }

    #[tokio::test]
    async fn a_file_rewritten_with_the_same_size_is_modified() {
        let tree = tempfile::tempdir().unwrap();
        std::fs::write(tree.path().join("f"), "a").unwrap();
        let before = scan(&here(&tree)).await.unwrap();
        std::fs::write(tree.path().join("g"), "b").unwrap();
        std::fs::rename(tree.path().join("g"), tree.path().join("f")).unwrap();

        assert_eq!(changes(&before, &here(&tree)).await.unwrap()[0].change, ChangeKind::Modified);
    }

    #[tokio::test]
    async fn a_pipe_in_the_tree_holds_nobody_up() {
        let tree = tempfile::tempdir().unwrap();
        let before = scan(&here(&tree)).await.unwrap();
        nix::unistd::mkfifo(&tree.path().join("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();

        let changes = changes(&before, &here(&tree)).await.unwrap();

        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].diff, None);
    }

    #[tokio::test]
    async fn a_link_in_the_place_of_the_tree_is_not_followed() {
        let (place, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), place.path().join("tree")).unwrap();

        assert!(scan(&Tree::Here(place.path().join("tree"))).await.is_err());
    }

    #[tokio::test]
    async fn links_are_not_followed_out_of_the_tree() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "x").unwrap();
        let tree = tempfile::tempdir().unwrap();
        let before = scan(&here(&tree)).await.unwrap();
        std::os::unix::fs::symlink(outside.path(), tree.path().join("dir")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), tree.path().join("file")).unwrap();

        let changes = changes(&before, &here(&tree)).await.unwrap();

        assert_eq!(changes.iter().map(|c| c.path.as_str()).collect::<Vec<_>>(), ["dir", "file"]);
        assert!(changes.iter().all(|change| change.diff.is_none()), "a file outside was read");
    }
}
