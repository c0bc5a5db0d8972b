//! Copies of the database: made while the server runs, checked before they are put back.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use crate::{
    Store,
    connection::{create_file, open_reader},
    error::{Error, Result},
    lock::Lock,
    migration,
};

/// What a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupInfo {
    /// Version of its schema.
    pub version: u32,
    /// Missions in it.
    pub missions: u64,
}

/// A file beside its target that takes the target's place when it is complete, and is removed when it is not.
struct Partial {
    path: PathBuf,
    target: PathBuf,
}

impl Partial {
    fn beside(target: &Path) -> Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or_else(|| Error::Io {
            what: format!("writing {}", target.display()),
            reason: "it names no file".to_owned(),
        })?);
        name.push(format!(".{}.partial", sandboxed_model::RunId::new()));
        let path = target.with_file_name(name);
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::writing(&path, &error))?;
        Ok(Self { path, target: target.to_owned() })
    }

    fn finish(self) -> Result<()> {
        let finish = || -> io::Result<()> {
            File::open(&self.path)?.sync_all()?;
            fs::rename(&self.path, &self.target)?;
            let directory = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
        };
        finish().map_err(|error| Error::writing(&self.target, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After `finish` there is nothing at this path.
        let _ = fs::remove_file(&self.path);
    }
}

/// The copy of a database as one file.
fn copy(from: &Connection, to: &Path) -> Result<()> {
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // In one step: the copy is of one moment and writers go on beside it.
    Backup::new(from, &mut copy)?.step(-1)?;
    // Without side files, so that it can be carried away and opened where nothing can be written.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    copy.close().map_err(|(_, error)| error)?;
    Ok(())
}

impl Store {
    /// Writes a copy of the database, as it is at one moment, to a file that is replaced if it is there. Writing goes
    /// on meanwhile.
    pub async fn backup(&self, to: &Path) -> Result<()> {
        let (database, to) = (self.path().to_owned(), to.to_owned());
        let task = tokio::task::spawn_blocking(move || {
            if fs::canonicalize(&to).is_ok_and(|to| fs::canonicalize(&database).is_ok_and(|database| to == database)) {
                return Err(Error::conflict("backup.target", "a backup cannot be written over the database itself"));
            }
            let partial = Partial::beside(&to)?;
            // A connection of its own: a long copy takes none away from the readers.
            copy(&open_reader(&database)?, &partial.path)?;
            partial.finish()
        });
        task.await.map_err(|_| Error::Closed)?
    }

    /// Checks that a file is a whole database that this release can read. Reads all of it; blocks.
    pub fn verify(backup: &Path) -> Result<BackupInfo> {
        File::open(backup).map_err(|error| Error::io(format!("opening {}", backup.display()), &error))?;
        let conn = Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let version = migration::version(&conn, migration::known_version())?;
        if version == 0 {
            return Err(Error::Corrupt("the file is empty".to_owned()));
        }
        let finding: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if finding != "ok" {
            return Err(Error::Corrupt(finding));
        }
        let missions: i64 = conn.query_row("SELECT count(*) FROM missions", [], |row| row.get(0))?;
        Ok(BackupInfo { version, missions: missions.unsigned_abs() })
    }

    /// Puts a checked backup in the place of the database at `to`, which no server may be using. Blocks.
    ///
    /// The database that was there is kept beside it with the ending `.before-restore`.
    pub fn restore(backup: &Path, to: &Path) -> Result<BackupInfo> {
        let info = Self::verify(backup)?;
        let existed = to.exists();
        if !existed {
            create_file(to)?;
        }
        let _lock = Lock::take(to)?;
        let partial = Partial::beside(to)?;
        copy(&Connection::open_with_flags(backup, OpenFlags::SQLITE_OPEN_READ_ONLY)?, &partial.path)?;
        if existed {
            let mut before = to.as_os_str().to_owned();
            before.push(".before-restore");
            let kept = Partial::beside(Path::new(&before))?;
            // Through SQLite, so that what is only in the write-ahead log is kept as well. A damaged database, which
            // may be why there is a restore, is kept as it is.
            let old = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            if copy(&old, &kept.path).is_err() {
                fs::copy(to, &kept.path).map_err(|error| Error::writing(&kept.path, &error))?;
            }
            kept.finish()?;
        }
        // The log of the old database must not be applied to the new one.
        for ending in ["-wal", "-shm"] {
            let mut side = to.as_os_str().to_owned();
            side.push(ending);
            match fs::remove_file(&side) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::writing(Path::new(&side), &error));
                }
                _ => {}
            }
        }
        partial.finish()?;
        Ok(info)
    }
}
