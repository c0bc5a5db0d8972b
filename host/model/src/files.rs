//! Files of workspaces, as people see them.
//!
//! A path is written with `/` between its names, relative to the workspace's tree; `.` is the tree itself. `%`,
//! control characters and bytes that are no UTF-8 are written as `%XX`, so that every name that Linux allows can be told and
//! asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// What an entry of a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A pipe, a socket, a device or another file system: it can be listed, moved and removed.
    Other,
}

impl FileKind {
    /// The name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Other => "other",
        }
    }
}

/// One entry of a directory. A link is told of itself, not of what it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    /// Its name, with `%XX` where it is no text; empty for the tree itself.
    pub name: String,
    /// Its path from the tree, written the same way.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Bytes of content; 0 for anything but a file.
    pub size: u64,
    /// When the content changed last, by the word of whoever changed it.
    pub modified: Timestamp,
    /// Permission bits, with set-user-id, set-group-id and sticky.
    #[schema(maximum = 4095)]
    pub mode: u32,
    /// Where a link leads, as it is written in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link_target: Option<String>,
    /// The version of a file: for `If-Match`, between double quotes.
    pub etag: String,
}

/// What has to hold for a file to be written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum WriteCondition {
    /// Nothing.
    #[default]
    Any,
    /// There is nothing of this name.
    Absent,
    /// The file is there, in whichever version.
    Present,
    /// The file has this version.
    Version(String),
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileWritten {
    /// Its path.
    pub path: String,
    /// Its version now.
    pub etag: String,
}

/// A file that arrives in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// The upload.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub id: String,
    /// The file that is written when all has arrived.
    pub path: String,
    /// Bytes that have arrived: the next part begins here.
    pub received: u64,
    /// Bytes of the whole file.
    pub total: u64,
}

/// How an archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub enum ArchiveFormat {
    /// tar, compressed with gzip.
    #[default]
    #[serde(rename = "tar.gz")]
    TarGz,
    /// tar.
    #[serde(rename = "tar")]
    Tar,
}

impl ArchiveFormat {
    /// All formats.
    pub const ALL: [Self; 2] = [Self::TarGz, Self::Tar];

    /// The name in JSON, and what names of such files end with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TarGz => "tar.gz",
            Self::Tar => "tar",
        }
    }
}

/// What was unpacked from an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Unpacked {
    /// Files, directories and links.
    pub entries: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// How many entries were left out.
    pub skipped: u64,
    /// The first hundred of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped_entries: Vec<SkippedEntry>,
}

/// An entry of an archive that was left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkippedEntry {
    /// Its path in the archive.
    pub path: String,
    /// Why.
    pub reason: String,
}

/// The space that files take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiskUsage {
    /// Bytes of their blocks: holes cost nothing, a file with several names counts once.
    pub bytes: u64,
    /// Files, directories, links and others.
    pub entries: u64,
    /// Whether all was counted; where not, there is more.
    pub complete: bool,
}
