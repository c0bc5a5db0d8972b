//! The one thread that writes.
//!
//! It takes whatever operations wait into one transaction, each in a savepoint of its own, commits once and only then
//! answers them all. So the cost of a commit is shared, and nobody hears of a write that is not kept.

use std::{sync::Arc, thread::JoinHandle, time::Instant};

use parking::Parked;
use rusqlite::Connection;
use sandboxed_model::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{Error, Result},
    lock::Lock,
    purge,
    search::{self, IndexEntry},
    statement::prepare,
};

/// Operations that may wait before callers have to.
const WAITING: usize = 512;

/// The most operations that share a commit.
const BATCH: usize = 256;

/// What an operation writes with.
pub(crate) struct Write<'c> {
    pub(crate) conn: &'c Connection,
    /// The time of the batch.
    pub(crate) now: Timestamp,
    /// The last revision that was given out.
    pub(crate) revision: u64,
    /// Texts to add to the search index at the end of the batch.
    pub(crate) index: Vec<IndexEntry>,
    /// Events that were written.
    pub(crate) events: u64,
    /// Missions were deleted, whose events are left to remove.
    pub(crate) purges: bool,
}

impl Write<'_> {
    pub(crate) fn next_revision(&mut self) -> u64 {
        self.revision += 1;
        self.revision
    }
}

/// Something to write, with the way to its caller.
trait Operation: Send {
    fn run(&mut self, write: &mut Write<'_>) -> Result<()>;
    fn answer(self: Box<Self>, commit: Result<()>);
}

struct Op<T, F> {
    op: Option<F>,
    result: Result<T>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Operation for Op<T, F>
where
    T: Send,
    F: FnOnce(&mut Write<'_>) -> Result<T> + Send,
{
    fn run(&mut self, write: &mut Write<'_>) -> Result<()> {
        if let Some(op) = self.op.take() {
            self.result = op(write);
        }
        self.result.as_ref().map(|_| ()).map_err(Clone::clone)
    }

    fn answer(self: Box<Self>, commit: Result<()>) {
        let never_ran = self.op.is_some();
        let result = match (self.result, commit) {
            (Err(error), _) if !never_ran => Err(error),
            (_, Err(error)) => Err(error),
            (result, Ok(())) => result,
        };
        // A caller that no longer waits does not want to know.
        let _ = self.reply.send(result);
    }
}

enum Command {
    Write(Box<dyn Operation>),
    Checkpoint(oneshot::Sender<Result<()>>),
    Close,
}

/// The callers' end.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    commands: mpsc::Sender<Command>,
    thread: Arc<Parked<JoinHandle<()>>>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Write(_) => "Write",
            Self::Checkpoint(_) => "Checkpoint",
            Self::Close => "Close",
        })
    }
}

impl Writer {
    /// Starts the thread. It ends with `close`, or when the last clone is dropped.
    pub(crate) fn start(conn: Connection, lock: Lock) -> Result<Self> {
        let revision: i64 =
            conn.query_row("SELECT value FROM counters WHERE name = 'revision'", [], |row| row.get(0))?;
        let purges = purge::any(&conn)?;
        let (commands, waiting) = mpsc::channel(WAITING);
        let work = Work { conn, _lock: lock, waiting, revision: revision.unsigned_abs(), purges };
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work.run())
            .map_err(|error| Error::io("starting the writer's thread", &error))?;
        Ok(Self { commands, thread: Arc::new(Parked::new(thread)) })
    }

    pub(crate) async fn write<T, F>(&self, op: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let op = Op { op: Some(op), result: Err(Error::Closed), reply };
        self.commands.send(Command::Write(Box::new(op))).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Copies what is committed from the log into the database.
    pub(crate) async fn checkpoint(&self) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Checkpoint(reply)).await.map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Ends the thread after the operations that were sent before, and waits for it.
    pub(crate) async fn close(&self) {
        // The thread may have ended already.
        let _ = self.commands.send(Command::Close).await;
        if let Some(thread) = self.thread.take() {
            // Only a panic of the writer is an error here, and the panic hook has told of it.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

mod parking {
    use std::sync::{Mutex, PoisonError};

    /// A value that one of many may take.
    #[derive(Debug)]
    pub(super) struct Parked<T>(Mutex<Option<T>>);

    impl<T> Parked<T> {
        pub(super) const fn new(value: T) -> Self {
            Self(Mutex::new(Some(value)))
        }

        pub(super) fn take(&self) -> Option<T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
        }
    }
}

/// The thread's end.
struct Work {
    conn: Connection,
    _lock: Lock,
    waiting: mpsc::Receiver<Command>,
    revision: u64,
    purges: bool,
}

impl Work {
    fn run(mut self) {
        while let Some(command) = self.next() {
            let mut operations = Vec::new();
            let mut command = Some(command);
            while let Some(Command::Write(operation)) = command {
                operations.push(operation);
                command = if operations.len() < BATCH { self.waiting.try_recv().ok() } else { None };
            }
            self.commit(operations);
            match command {
                Some(Command::Close) => break,
                Some(Command::Checkpoint(reply)) => {
                    let _ = reply.send(self.checkpoint("PASSIVE"));
                }
                Some(Command::Write(_)) | None => {}
            }
        }
        self.waiting.close();
        if let Err(error) = self.checkpoint("TRUNCATE") {
            tracing::warn!(%error, "the database was closed without its last checkpoint; the next start makes it");
        }
    }

    /// The next command. While none waits, events of deleted missions are removed.
    fn next(&mut self) -> Option<Command> {
        while self.purges {
            match self.waiting.try_recv() {
                Ok(command) => return Some(command),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => match purge::step(&mut self.conn) {
                    Ok(more) => self.purges = more,
                    Err(error) => {
                        tracing::warn!(%error, "events of deleted missions could not be removed yet");
                        // Taken up again with the next deletion or start.
                        self.purges = false;
                    }
                },
            }
        }
        self.waiting.blocking_recv()
    }

    fn checkpoint(&self, mode: &str) -> Result<()> {
        self.conn.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
        Ok(())
    }

    fn commit(&mut self, operations: Vec<Box<dyn Operation>>) {
        let mut rest = operations.into_iter();
        while rest.len() > 0 {
            let started = Instant::now();
            let mut ran = Vec::with_capacity(rest.len());
            let outcome = self.transaction(&mut rest, &mut ran);
            if let Err(error) = &outcome {
                tracing::warn!(%error, operations = ran.len(), "a commit failed");
                if !self.conn.is_autocommit() {
                    // Nothing more can be done here: the next BEGIN tells if this did not work.
                    let _ = self.conn.execute_batch("ROLLBACK");
                }
                // Where not even BEGIN works, each operation is told so.
                if ran.is_empty() {
                    ran.extend(rest.by_ref());
                }
            }
            metrics::histogram!("sandboxed_store_commit_operations").record(count(ran.len()));
            metrics::histogram!("sandboxed_store_commit_seconds").record(started.elapsed());
            if let Ok(events) = outcome {
                metrics::counter!("sandboxed_store_events_total").increment(events);
            }
            for operation in ran {
                operation.answer(outcome.clone().map(|_| ()));
            }
        }
    }

    /// Runs operations in one transaction and commits them. Those that ran are in `ran` afterwards, also with an
    /// error: then none of them is kept. Returns the number of events that were written.
    fn transaction(
        &mut self,
        rest: &mut dyn Iterator<Item = Box<dyn Operation>>,
        ran: &mut Vec<Box<dyn Operation>>,
    ) -> Result<u64> {
        prepare(&self.conn, "BEGIN IMMEDIATE")?.execute([])?;
        let mut write = Write {
            conn: &self.conn,
            now: Timestamp::now(),
            revision: self.revision,
            index: Vec::new(),
            events: 0,
            purges: false,
        };
        for mut operation in rest {
            let before = (write.revision, write.index.len(), write.events, write.purges);
            let savepoint = prepare(&self.conn, "SAVEPOINT operation").and_then(|mut sql| Ok(sql.execute([])?));
            let result = savepoint.and_then(|_| operation.run(&mut write));
            ran.push(operation);
            if let Err(error) = result {
                // Some errors (a full disk) may end the whole transaction.
                if self.conn.is_autocommit() {
                    return Err(error);
                }
                prepare(&self.conn, "ROLLBACK TO operation")?.execute([])?;
                (write.revision, write.events, write.purges) = (before.0, before.2, before.3);
                write.index.truncate(before.1);
            }
            prepare(&self.conn, "RELEASE operation")?.execute([])?;
        }
        // Not in the operations' savepoints, each of which would make the index write a segment of its own.
        search::add(&self.conn, std::mem::take(&mut write.index))?;
        let Write { revision, events, purges, .. } = write;
        if revision != self.revision {
            prepare(&self.conn, "UPDATE counters SET value = ?1 WHERE name = 'revision'")?
                .execute([i64::try_from(revision).unwrap_or(i64::MAX)])?;
        }
        prepare(&self.conn, "COMMIT")?.execute([])?;
        self.revision = revision;
        self.purges |= purges;
        Ok(events)
    }
}

fn count(number: usize) -> f64 {
    // At most BATCH.
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
