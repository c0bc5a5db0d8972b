//! Opening the database, and the pool of connections that read.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use crate::{
    error::{Error, Result},
    migration,
    statement::CACHED,
};

/// How long a connection waits for another program's lock. Within this program nobody waits: there is one writer,
/// and readers never wait in WAL mode.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How well a commit is kept. See the crate's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// An acknowledged write survives the loss of the process and of power.
    Power,
    /// An acknowledged write survives the loss of the process; the loss of power may take the last ones, never a
    /// part of one.
    Process,
}

impl Durability {
    const fn synchronous(self) -> &'static str {
        match self {
            Self::Power => "FULL",
            Self::Process => "NORMAL",
        }
    }
}

/// Makes the file with its directory, readable by the server's user only. SQLite gives its side files the same mode.
pub(crate) fn create_file(path: &Path) -> Result<()> {
    if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| Error::writing(directory, &error))?;
    }
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| Error::writing(path, &error))?;
    Ok(())
}

/// The connection of the writer.
pub(crate) fn open_writer(path: &Path, durability: Durability) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // Before anything is written: what is not ours stays as it is.
    migration::version(&conn, migration::known_version())?;
    conn.set_prepared_statement_cache_capacity(CACHED);
    // The pages of a commit, the tops of the trees and the search index's newest segments fit in 16 MiB.
    conn.pragma_update(None, "cache_size", -16 * 1024)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", durability.synchronous())?;
    // Fewer, larger checkpoints: pages that change often are copied to the database once.
    conn.pragma_update_and_check(None, "wal_autocheckpoint", 4096, |_| Ok(()))?;
    // A log that a long read made grow is cut back to this size by the next checkpoint.
    conn.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()))?;
    Ok(conn)
}

/// A connection that cannot write.
pub(crate) fn open_reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(CACHED);
    conn.pragma_update(None, "cache_size", -4 * 1024)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// Connections that read, each used by one caller at a time.
#[derive(Debug, Clone)]
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

/// A connection on loan; it goes back when the loan ends, also by a panic.
struct Loan {
    conn: Option<Connection>,
    readers: Readers,
}

impl Drop for Loan {
    fn drop(&mut self) {
        if !self.readers.permits.is_closed() {
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(self.conn.take());
        }
    }
}

impl Readers {
    pub(crate) fn open(path: &Path, number: usize) -> Result<Self> {
        let idle = (0..number.max(1)).map(|_| open_reader(path)).collect::<Result<Vec<_>>>()?;
        let permits = Arc::new(Semaphore::new(idle.len()));
        Ok(Self { idle: Arc::new(Mutex::new(idle)), permits })
    }

    /// Runs a read on a thread that may block. All that it reads is of one moment.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let conn = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let loan = Loan { conn, readers };
            let conn = loan.conn.as_ref().ok_or(Error::Closed)?;
            let snapshot = conn.unchecked_transaction()?;
            let result = read(conn);
            snapshot.finish()?;
            drop(loan);
            drop(permit);
            result
        });
        match task.await {
            Ok(result) => result,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime is shutting down.
            Err(_) => Err(Error::Closed),
        }
    }

    /// Refuses further reads and closes the connections that are not in use.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
