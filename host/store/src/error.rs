//! What can go wrong in the store, each with its remedy.

use std::path::{Path, PathBuf};

use rusqlite::{ErrorCode, ffi};
use sandboxed_model::{Blame, Failure, state::MissionState};

/// A result of the store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in the store. One commit answers many callers, so every error can be cloned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing has this id.
    #[error("no {what} {id:?}")]
    NotFound {
        /// The kind of thing: `mission`, `workspace`, `message` …
        what: &'static str,
        /// What was asked for.
        id: String,
    },
    /// It contradicts what is already there.
    #[error("{message}")]
    Conflict {
        /// Stable, dotted.
        code: &'static str,
        /// One sentence.
        message: String,
    },
    /// A mission cannot go from the one state to the other.
    #[error("a mission cannot go from {from} to {to}")]
    IllegalTransition {
        /// The state it is in, or `none` for a mission that has none yet.
        from: &'static str,
        /// The state it was to go to.
        to: MissionState,
    },
    /// A cursor that no list of this kind returned.
    #[error("the cursor is not one that this list returned")]
    InvalidCursor,
    /// The mission's queue holds as many messages as it may.
    #[error("the mission's queue already holds {limit} messages")]
    QueueFull {
        /// The most messages that a queue can hold.
        limit: usize,
    },
    /// The file system of the database has no room.
    #[error("the disk that holds the database is full; nothing was written")]
    DiskFull,
    /// Another server uses the same database.
    #[error("another server uses the database {}", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
    },
    /// Another program held the database for too long.
    #[error("another program is writing to the database")]
    Busy,
    /// The database was written by a newer release.
    #[error("the database has schema version {found}, this release knows versions up to {known}")]
    NewerVersion {
        /// Version of the database.
        found: u32,
        /// The newest version that this release knows.
        known: u32,
    },
    /// The database may not be written.
    #[error("the database {} cannot be written: {reason}", path.display())]
    NotWritable {
        /// The database.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The database is damaged, or the file is something else.
    #[error("the database is damaged or is not a database of this program: {0}")]
    Corrupt(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The operating system refused.
    #[error("{what}: {reason}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        reason: String,
    },
    /// SQLite refused, for a reason that points to a mistake in this program.
    #[error("the database refused: {0}")]
    Sqlite(String),
}

impl Error {
    pub(crate) fn not_found(what: &'static str, id: impl ToString) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    pub(crate) fn io(what: impl Into<String>, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Io { what: what.into(), reason: error.to_string() },
        }
    }

    /// The same for a file that has to be writable.
    pub(crate) fn writing(path: &Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path: path.to_owned(), reason: error.to_string() }
            }
            _ => Self::io(format!("opening {}", path.display()), error),
        }
    }

    /// The same told so that a person can mend it.
    pub fn failure(&self) -> Failure {
        let message = self.to_string();
        match self {
            Self::NotFound { what, .. } => Failure::new(Blame::Config, format!("{what}.not_found"), message),
            Self::Conflict { code, .. } => Failure::new(Blame::Config, *code, message),
            Self::IllegalTransition { .. } => Failure::new(Blame::Config, "mission.illegal_transition", message),
            Self::InvalidCursor => Failure::new(Blame::Config, "store.invalid_cursor", message)
                .with_hint("start again at the first page, without a cursor"),
            Self::QueueFull { .. } => Failure::new(Blame::Config, "store.queue_full", message)
                .with_hint("remove messages from the queue or wait until some have been sent"),
            Self::DiskFull => Failure::new(Blame::Unavailable, "store.disk_full", message).with_hint(
                "make room on the disk of server.data_dir; writing goes on by itself as soon as there is room",
            ),
            Self::Locked { .. } => Failure::new(Blame::Config, "store.locked", message)
                .with_hint("stop the other server, or choose another directory with server.data_dir"),
            Self::Busy => Failure::new(Blame::Unavailable, "store.busy", message)
                .with_hint("end other programs that have the database open, such as a sqlite3 shell"),
            Self::NewerVersion { .. } => Failure::new(Blame::Config, "store.newer_version", message)
                .with_hint("install the newer release again, or restore a backup that this release made"),
            Self::NotWritable { path, .. } => Failure::new(Blame::Config, "store.not_writable", message)
                .with_hint(format!("give the server's user the right to write {} and its directory", path.display())),
            Self::Corrupt(_) => Failure::new(Blame::Unavailable, "store.corrupt", message)
                .with_hint("restore the last backup: sandboxed-sh restore <file>"),
            Self::Closed => Failure::new(Blame::Unavailable, "store.closed", message),
            Self::Io { .. } => Failure::new(Blame::Unavailable, "store.io", message)
                .with_hint("look at the health, the mount and the quota of the disk of server.data_dir"),
            Self::Sqlite(_) => Failure::new(Blame::Host, "store.sqlite", message),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let rusqlite::Error::SqliteFailure(code, ref message) = error else {
            return match error {
                // A value that was written by this program and cannot be read back.
                rusqlite::Error::FromSqlConversionFailure(..) | rusqlite::Error::InvalidColumnType(..) => {
                    Self::Corrupt(error.to_string())
                }
                other => Self::Sqlite(other.to_string()),
            };
        };
        let text = message.clone().unwrap_or_else(|| code.to_string());
        match (code.code, code.extended_code) {
            // The index of the write-ahead log is a memory-mapped file that could not be made longer.
            (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => Self::DiskFull,
            (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => Self::Corrupt(text),
            (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => Self::Busy,
            (ErrorCode::ReadOnly, _) => Self::NotWritable { path: PathBuf::from("sandboxed.db"), reason: text },
            (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen, _) => {
                Self::Io { what: "reading or writing the database".to_owned(), reason: text }
            }
            _ => Self::Sqlite(text),
        }
    }
}

/// Whether the statement failed because a row with the same unique value is there already.
pub(crate) fn is_duplicate(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::SqliteFailure(code, _)
            if code.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE
                || code.extended_code == ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    )
}
