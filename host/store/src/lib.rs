//! The durable store of the server: missions and their event logs, workspaces, people, accounts and what they spend, plugins'
//! values, in one SQLite database.
//!
//! Only this crate knows SQL. It may not know of HTTP, plugins or processes: callers give and get the types of
//! `sandboxed-model`, and the store keeps the rules that only a transaction can keep.
//!
//! # What an acknowledged write means
//!
//! One thread writes. It takes all operations that wait into one transaction, commits it and answers them after that:
//! an operation that was answered is in the write-ahead log, whole, and survives the loss of the process, `kill -9`
//! included. By default ([`Durability::Power`], SQLite's `synchronous=FULL`) each commit also waits for the disk, so
//! that it survives the loss of power: with the commits shared, the price is one wait for many operations, and the
//! budget of 20,000 events a second holds several times over (`examples/store_bench.rs` measures both). With [`Durability::Process`]
//! (`synchronous=NORMAL`) the disk is waited for at checkpoints only; then the loss of power may take the last commits,
//! never a part of one and never the order.
//!
//! # Reading
//!
//! A few read-only connections serve reads on threads that may block. Each call sees one moment of the database, and
//! what was acknowledged before the call is in it. Lists page by cursors that hold the place of the last entry, so
//! entries that come or go in between move nothing.
//!
//! # Search
//!
//! Event texts and titles are in an FTS5 index that holds which event has which word, but no positions and no text
//! (`detail=none`, contentless). It takes about half the space that positions would, and phrases cannot be searched.
//! The index is written once for each commit. A text is indexed up to 16 KiB; a word that is split over two increments
//! of a message is not found.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod account;
mod action;
mod ask;
mod attachment;
mod backup;
mod build;
mod connection;
mod cursor;
mod error;
mod event;
mod input;
mod kv;
mod lock;
mod maintenance;
mod migration;
mod mission;
mod process;
mod purge;
mod queue;
mod run;
mod search;
mod skill;
mod snapshot;
mod spending;
mod statement;
mod template;
mod value;
mod vault;
mod words;
mod workspace;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use rusqlite::Connection;

pub use access::{Account, AuditRecord, Login, PortPass, SecretHash, StoredAnswer, TokenRecord};
pub use action::ActionId;
pub use ask::{AskChange, LiveAsk, MAX_ASKS, MAX_RULES};
pub use attachment::{AttachmentRow, MAX_UNNAMED};
pub use backup::BackupInfo;
pub use build::WorkspaceUpdate;
pub use connection::Durability;
pub use error::{Error, Result};
pub use event::{MAX_EVENT_BYTES, MAX_EVENTS};
pub use input::{MAX_STEPS, ToldInputs};
pub use kv::MAX_KEYS;
pub use mission::{Committed, MAX_CHANGED, MissionChange, NewMissionRow};
pub use queue::{MAX_QUEUE, QueueChange};
pub use run::{LiveState, Offsets, RunChange, RunRecord};
pub use search::EventHit;
pub use skill::MAX_SKILLS;
pub use vault::{SecretRow, UseRecord, VaultKey};
pub use workspace::UserPool;

use connection::Readers;
use lock::Lock;
use writer::{Write, Writer};

/// How a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Reads that can be under way at once.
    pub readers: usize,
    /// How well commits are kept.
    pub durability: Durability,
}

impl Default for Options {
    fn default() -> Self {
        Self { readers: 4, durability: Durability::Power }
    }
}

/// The open database. Clones are the same store.
#[derive(Debug, Clone)]
pub struct Store {
    path: Arc<Path>,
    writer: Writer,
    readers: Readers,
}

impl Store {
    /// The name of the database in the server's data directory.
    pub const FILE_NAME: &str = "sandboxed.db";

    /// Opens the database at `path`, making it where there is none and bringing it to this release's version.
    ///
    /// # Errors
    /// [`Error::Locked`] where another server uses it, [`Error::NewerVersion`], [`Error::NotWritable`],
    /// [`Error::Corrupt`], [`Error::DiskFull`].
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::open_with(path, Options::default()).await
    }

    /// The same with other options.
    pub async fn open_with(path: impl Into<PathBuf>, options: Options) -> Result<Self> {
        let path = path.into();
        tokio::task::spawn_blocking(move || Self::open_blocking(&path, options)).await.map_err(|_| Error::Closed)?
    }

    fn open_blocking(path: &Path, options: Options) -> Result<Self> {
        connection::create_file(path)?;
        let lock = Lock::take(path)?;
        let mut conn = connection::open_writer(path, options.durability).map_err(|error| match error {
            Error::NotWritable { reason, .. } => Error::NotWritable { path: path.to_owned(), reason },
            other => other,
        })?;
        migration::migrate(&mut conn, migration::MIGRATIONS)?;
        let readers = Readers::open(path, options.readers)?;
        let writer = Writer::start(conn, lock)?;
        Ok(Self { path: Arc::from(path), writer, readers })
    }

    /// Finishes the writes that wait, copies the log into the database and frees the lock. Later calls return
    /// [`Error::Closed`].
    pub async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }

    /// Whether the store can still write: false after [`Store::close`].
    pub fn is_open(&self) -> bool {
        self.writer.is_running()
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }

    async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T> + Send + 'static,
    {
        self.readers.read(read).await
    }

    async fn write<T, F>(&self, op: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.write(op).await
    }
}
