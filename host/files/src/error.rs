//! What can go wrong.

use rustix::io::Errno;

use crate::RelativePath;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file operation was not done. [`Error::code`] is stable; the text is for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing has this name.
    #[error("{0}: there is nothing with this name")]
    NotFound(RelativePath),
    /// A directory was needed.
    #[error("{0}: this is not a directory")]
    NotADirectory(RelativePath),
    /// A file was needed.
    #[error("{0}: this is a directory")]
    IsADirectory(RelativePath),
    /// The directory has entries and the removal was not recursive.
    #[error("{0}: the directory is not empty; ask for a recursive removal")]
    NotEmpty(RelativePath),
    /// A link stands where only a file may be written, or links go in a circle.
    #[error("{0}: this is a symbolic link; name its target instead")]
    SymbolicLink(RelativePath),
    /// A pipe, a socket or a device.
    #[error("{0}: this is a pipe, a socket or a device; only files and directories can be used")]
    SpecialFile(RelativePath),
    /// The path leads out of the tree: by `..`, by a link, or onto another file system.
    #[error("{0}: this leads out of the workspace; use a path inside it")]
    Outside(String),
    /// The file is not the one that the precondition names.
    #[error("{0}: the file has changed meanwhile; read it again")]
    Changed(RelativePath),
    /// The name is taken.
    #[error("{0}: something with this name exists; remove it first or ask to overwrite it")]
    Exists(RelativePath),
    /// The file system or the owner's quota is full.
    #[error("{0}: no space is left; remove files or enlarge the volume")]
    NoSpace(RelativePath),
    /// More bytes than allowed.
    #[error("more than the allowed {limit} bytes")]
    TooLarge {
        /// Bytes that were allowed.
        limit: u64,
    },
    /// More entries than allowed.
    #[error("more than the allowed {limit} entries")]
    TooManyEntries {
        /// Entries that were allowed.
        limit: u64,
    },
    /// Directories are nested deeper than a walk goes.
    #[error("{path}: directories are nested deeper than {limit} levels")]
    TooDeep {
        /// The first directory that is too deep.
        path: RelativePath,
        /// Levels below the start of the walk.
        limit: usize,
    },
    /// The server's user may not do this, or the file system is read-only.
    #[error("{0}: the server is not permitted to do this; look at the owner and the mode")]
    NotPermitted(RelativePath),
    /// The path cannot be the name of a file.
    #[error("the name cannot be used: {0}")]
    NameInvalid(&'static str),
    /// The byte range starts after the end of the file or is reversed.
    #[error("the byte range is not within the {size} bytes of the file")]
    RangeInvalid {
        /// Bytes of the file.
        size: u64,
    },
    /// A directory cannot be moved or copied below itself.
    #[error("{0}: a directory cannot go into itself")]
    IntoItself(RelativePath),
    /// There is no such upload, or it has expired.
    #[error("there is no such upload, or it has expired; start a new one")]
    UploadUnknown,
    /// The part does not continue where the upload ends.
    #[error("the upload continues at byte {expected}")]
    UploadOffset {
        /// Where the next part has to start.
        expected: u64,
    },
    /// The upload cannot be finished yet.
    #[error("{received} of {total} bytes have arrived; send the rest first")]
    UploadIncomplete {
        /// Bytes that have arrived.
        received: u64,
        /// Bytes that were announced.
        total: u64,
    },
    /// Another call works on the same upload.
    #[error("another call works on this upload; ask for its status and try again")]
    UploadBusy,
    /// As many uploads as allowed are open.
    #[error("{limit} uploads are open already; finish or abort one")]
    TooManyUploads {
        /// Uploads that may be open at once.
        limit: usize,
    },
    /// The bytes are no archive, or one that breaks the rules.
    #[error("the archive cannot be used: {0}")]
    ArchiveInvalid(String),
    /// The caller asked to stop.
    #[error("stopped on request")]
    Cancelled,
    /// The entry is in use or changes faster than it can be worked on.
    #[error("{0}: in use or changing all the time; try again")]
    Busy(RelativePath),
    /// The kernel lacks what confinement needs.
    #[error("the kernel has no openat2, or a filter forbids it; Linux 5.6 or newer is needed")]
    Unsupported,
    /// The caller's reader failed.
    #[error("the incoming bytes ended early: {0}")]
    Input(#[source] std::io::Error),
    /// The caller's writer failed.
    #[error("the outgoing bytes were not taken: {0}")]
    Output(#[source] std::io::Error),
    /// Anything else that the operating system reports.
    #[error("{path}: {source}")]
    Io {
        /// What was worked on.
        path: RelativePath,
        /// The report.
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "not_found",
            Self::NotADirectory(_) => "not_a_directory",
            Self::IsADirectory(_) => "is_a_directory",
            Self::NotEmpty(_) => "not_empty",
            Self::SymbolicLink(_) => "symbolic_link",
            Self::SpecialFile(_) => "special_file",
            Self::Outside(_) => "outside",
            Self::Changed(_) => "changed",
            Self::Exists(_) => "exists",
            Self::NoSpace(_) => "no_space",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyEntries { .. } => "too_many_entries",
            Self::TooDeep { .. } => "too_deep",
            Self::NotPermitted(_) => "not_permitted",
            Self::NameInvalid(_) => "name_invalid",
            Self::RangeInvalid { .. } => "range_invalid",
            Self::IntoItself(_) => "into_itself",
            Self::UploadUnknown => "upload_unknown",
            Self::UploadOffset { .. } => "upload_offset",
            Self::UploadIncomplete { .. } => "upload_incomplete",
            Self::UploadBusy => "upload_busy",
            Self::TooManyUploads { .. } => "too_many_uploads",
            Self::ArchiveInvalid(_) => "archive_invalid",
            Self::Cancelled => "cancelled",
            Self::Busy(_) => "busy",
            Self::Unsupported => "unsupported",
            Self::Input(_) => "input",
            Self::Output(_) => "output",
            Self::Io { .. } => "io",
        }
    }

    /// The meaning of a system call's failure on this path.
    pub(crate) fn from_errno(errno: Errno, path: &RelativePath) -> Self {
        let path = path.clone();
        match errno {
            Errno::NOENT => Self::NotFound(path),
            Errno::NOTDIR => Self::NotADirectory(path),
            Errno::ISDIR => Self::IsADirectory(path),
            Errno::NOTEMPTY => Self::NotEmpty(path),
            Errno::LOOP => Self::SymbolicLink(path),
            Errno::XDEV => Self::Outside(path.to_string()),
            Errno::EXIST => Self::Exists(path),
            Errno::NOSPC | Errno::DQUOT => Self::NoSpace(path),
            Errno::PERM | Errno::ACCESS | Errno::ROFS => Self::NotPermitted(path),
            Errno::NAMETOOLONG => Self::NameInvalid("it is too long for this file system"),
            Errno::AGAIN | Errno::BUSY | Errno::TXTBSY => Self::Busy(path),
            Errno::NOSYS => Self::Unsupported,
            Errno::NXIO | Errno::NODEV => Self::SpecialFile(path),
            other => Self::Io { path, source: other.into() },
        }
    }
}

/// Names the path on which a system call failed.
pub(crate) trait At<T> {
    fn at(self, path: &RelativePath) -> Result<T>;
}

impl<T> At<T> for rustix::io::Result<T> {
    fn at(self, path: &RelativePath) -> Result<T> {
        self.map_err(|errno| Error::from_errno(errno, path))
    }
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, path: &RelativePath) -> Result<T> {
        self.map_err(|error| match Errno::from_io_error(&error) {
            Some(errno) => Error::from_errno(errno, path),
            None => Error::Io { path: path.clone(), source: error },
        })
    }
}
