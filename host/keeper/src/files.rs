//! Files.

use sandboxed_model::{
    Failure,
    files::{ArchiveFormat, DiskUsage, FileEntry, FileWritten, Unpacked},
};
use serde::{Deserialize, Serialize};

/// What is to be done with the workspace's files. Paths are written as people write them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRequest {
    /// What is at a path.
    Stat {
        /// The path.
        path: String,
    },
    /// What is in a directory.
    List {
        /// The directory.
        path: String,
        /// The name after which the page begins.
        after: Option<String>,
        /// Entries of the page.
        limit: usize,
    },
    /// The content of a file. After the answer the keeper waits for a request that holds the first byte and the one after
    /// the last, and sends these as data.
    Read {
        /// The file.
        path: String,
    },
    /// Writes a file of the data that follows.
    Write {
        /// The file.
        path: String,
        /// What has to hold.
        condition: Condition,
        /// Bytes at most.
        limit: u64,
        /// Make missing directories.
        parents: bool,
    },
    /// Makes a directory.
    MakeDirectory {
        /// The directory.
        path: String,
        /// Make missing directories.
        parents: bool,
    },
    /// Gives an entry another name.
    Rename {
        /// The entry.
        from: String,
        /// Its new path.
        to: String,
        /// Something may be there.
        overwrite: bool,
    },
    /// Removes an entry.
    Remove {
        /// The entry.
        path: String,
        /// And all below it.
        recursive: bool,
    },
    /// The space that files take.
    Usage {
        /// The entry; absent, the tree and the home directory together.
        path: Option<String>,
        /// Entries that are looked at.
        most: u64,
    },
    /// A directory as an archive, as data.
    Pack {
        /// The directory.
        path: String,
        /// How it is packed.
        format: ArchiveFormat,
        /// Bytes and entries at most.
        most: (u64, u64),
    },
    /// Unpacks an archive of the data that follows.
    Unpack {
        /// Into this directory.
        path: String,
        /// How it is packed.
        format: ArchiveFormat,
        /// Bytes and entries at most.
        most: (u64, u64),
    },
    /// Every file of the tree, or of one directory, with what tells that it was changed, apart from what is in a `.git`.
    Scan {
        /// Only what is in this directory. Empty: everything.
        #[serde(default)]
        below: String,
        /// Files and directories at most.
        most: usize,
    },
    /// The texts of these files, as far as they are texts and no longer than this.
    Texts {
        /// The files.
        paths: Vec<String>,
        /// Bytes of each at most.
        longest: u64,
    },
}

/// What has to hold for a file to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is nothing of this name.
    Absent,
    /// The file is there.
    Present,
    /// The file has this version.
    Version(String),
}

/// What tells that a file was changed. The time of the last status change cannot be set by a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Its number in the file system.
    pub inode: u64,
    /// When its status changed: seconds,
    pub changed_s: i64,
    /// and nanoseconds.
    pub changed_ns: i64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileAnswer {
    /// It could not be done.
    Failed(Failure),
    /// It was done.
    Done,
    /// What is at a path.
    Entry(FileEntry),
    /// What is in a directory.
    Page {
        /// The entries.
        entries: Vec<FileEntry>,
        /// The name after which the next page begins.
        next: Option<String>,
    },
    /// The file that is open.
    Content {
        /// Its version.
        etag: String,
        /// Bytes of the whole file.
        size: u64,
    },
    /// The file that was written, and how many bytes.
    Written(FileWritten, u64),
    /// The space that files take.
    Usage(DiskUsage),
    /// What was unpacked.
    Unpacked(Unpacked),
    /// The number of files that a scan saw. They come before as data, one JSON array `[path, stamp]` a line.
    Scanned(u64),
    /// Texts, one for each path.
    Texts(Vec<Option<String>>),
}
