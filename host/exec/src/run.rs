//! A live run, as the server holds it.

use std::{os::fd::OwnedFd, sync::Arc, time::Duration};

use nix::{sys::signal::Signal, unistd::Pid};
use sandboxed_model::{
    RunId,
    command::{Exit, OutputStream, Tty},
};
use tokio::{io::unix::AsyncFd, sync::watch};

use crate::{
    ContainmentKind, Error, ProcessHandle, SpoolReader,
    control::{
        client::{CallError, call},
        protocol::{BODY_LIMIT, Reply, Request, Status},
    },
    directory::RunDir,
    inspect::{Found, Live, inspect},
    procfs,
    spool::Watcher,
    start::Running,
    sys,
};

/// How long the shim may take to answer. It answers in microseconds; one that was stopped never does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A run that lives, or lived when it was started or attached to. Clones are the same run. Dropping it changes
/// nothing for the run.
#[derive(Debug, Clone)]
pub struct Run {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    id: RunId,
    process: ProcessHandle,
    containment: ContainmentKind,
    directory: RunDir,
    watcher: Arc<Watcher>,
    shim: Option<Arc<AsyncFd<OwnedFd>>>,
    exit: watch::Receiver<Option<Exit>>,
}

impl Run {
    /// A run whose shim lives.
    pub(crate) fn live(id: RunId, directory: RunDir, live: Live, watcher: Arc<Watcher>) -> Result<Self, Error> {
        let Live { process, containment, shim } = live;
        let shim = Arc::new(sys::register(shim).map_err(Error::io("watching the run's supervisor"))?);
        let (tell, exit) = watch::channel(None);
        tokio::spawn(see_to_end(Arc::clone(&shim), directory.clone(), tell));
        Ok(Self { inner: Arc::new(Inner { id, process, containment, directory, watcher, shim: Some(shim), exit }) })
    }

    /// A run that was over before anybody could look.
    pub(crate) fn over(id: RunId, directory: RunDir, running: Running, exit: Exit, watcher: Arc<Watcher>) -> Self {
        let Running { pid, containment } = running;
        // Nobody needs to tell a process that is gone from others.
        let process = ProcessHandle { pid, started: 0 };
        let (_, exit) = watch::channel(Some(exit));
        Self { inner: Arc::new(Inner { id, process, containment, directory, watcher, shim: None, exit }) }
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        self.inner.id
    }

    /// Process id of its first process.
    pub fn pid(&self) -> u32 {
        // A process id is never negative.
        self.inner.process.pid.unsigned_abs()
    }

    /// Its first process.
    pub fn process(&self) -> ProcessHandle {
        self.inner.process
    }

    /// The oldest of its processes that are in a namespace of processes of their own; absent where there is none, or
    /// where the run is over.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub async fn oldest_inside(&self) -> Result<Option<ProcessHandle>, Error> {
        let of = Pid::from_raw(self.inner.process.pid);
        let found = tokio::task::spawn_blocking(move || procfs::oldest_inside(of)).await.map_err(Error::task)?;
        let found = found.map_err(Error::io("looking for the processes of a run"))?;
        Ok(found.map(|(pid, stat)| ProcessHandle { pid: pid.as_raw(), started: stat.started }))
    }

    /// What holds its processes together.
    pub fn containment(&self) -> ContainmentKind {
        self.inner.containment
    }

    /// Reads a stream from this place on.
    pub fn reader(&self, stream: OutputStream, offset: u64) -> SpoolReader {
        SpoolReader::new(self.inner.directory.clone(), stream, offset, Arc::clone(&self.inner.watcher))
    }

    /// Writes to standard input, exactly once for each `action`: if this or a higher one was done before, nothing is
    /// written and the call succeeds. So a server that does not know whether it wrote may write again, even after a
    /// restart. Returns when the bytes are queued, not when they are read. At most 16 MiB.
    ///
    /// # Errors
    /// [`Error::StdinFull`] when the process does not read; [`Error::StdinClosed`] when it cannot be written to;
    /// [`Error::Ended`] or [`Error::Lost`] when it is over; [`Error::Unreachable`] when its supervisor does not answer.
    pub async fn write(&self, action: u64, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > BODY_LIMIT {
            return Err(Error::Invalid(format!("{} bytes are too many for one write", bytes.len())));
        }
        self.call(&Request::Write { action }, bytes).await.map(drop)
    }

    /// Ends standard input after what was written, exactly once; with a terminal, by typing control-D.
    ///
    /// # Errors
    /// As [`Run::write`].
    pub async fn close_input(&self, action: u64) -> Result<(), Error> {
        self.call(&Request::CloseInput { action }, &[]).await.map(drop)
    }

    /// Sends a signal (its number) to every process of the run.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no signal; else as [`Run::write`].
    pub async fn signal(&self, number: i32) -> Result<(), Error> {
        let signal = Signal::try_from(number).map_err(|_| Error::Invalid(format!("{number} is no signal")))?;
        self.call(&Request::Signal { number: signal as i32 }, &[]).await.map(drop)
    }

    /// Gives the terminal another size.
    ///
    /// # Errors
    /// [`Error::NoTerminal`]; else as [`Run::write`].
    pub async fn resize(&self, tty: Tty) -> Result<(), Error> {
        self.call(&Request::Resize { rows: tty.rows, cols: tty.cols }, &[]).await.map(drop)
    }

    /// How the run stands.
    ///
    /// # Errors
    /// As [`Run::write`].
    pub async fn status(&self) -> Result<Status, Error> {
        match self.call(&Request::Status, &[]).await? {
            Reply::Status(status) => Ok(status),
            other => Err(Error::Unreachable(format!("it answered {other:?}"))),
        }
    }

    /// Kills every process of the run and returns when none is left. A run that is over is left as it is. A supervisor
    /// that does not answer within ten seconds is killed as well, and the run is lost.
    ///
    /// # Errors
    /// When processes are left that cannot be killed.
    pub async fn kill(&self) -> Result<(), Error> {
        match call(&self.inner.directory, &Request::Kill, &[], PATIENCE).await {
            Ok(Reply::Done) => Ok(()),
            Err(CallError::NobodyThere) => {
                self.exit().await;
                Ok(())
            }
            other => {
                let reason = match other {
                    Ok(reply) => format!("it answered {reply:?}"),
                    Err(CallError::Broken(error)) => error.to_string(),
                    Err(_) => "it does not answer".to_owned(),
                };
                tracing::error!(run = %self.inner.id, reason, "the supervisor of a run is killed");
                if let Some(shim) = &self.inner.shim {
                    // Gone already is as good.
                    let _ = sys::pidfd_signal(shim.get_ref(), Signal::SIGKILL);
                }
                tokio::time::timeout(PATIENCE, self.exit()).await.map(drop).map_err(|_| Error::Unreachable(reason))
            }
        }
    }

    /// Whether the end has come.
    pub fn is_over(&self) -> bool {
        self.inner.exit.borrow().is_some()
    }

    /// Waits for the end. Everything that the run printed can be read by then, and no process of it is left. If the
    /// supervisor is killed, what it leaves is killed too, and the run is [`Exit::Lost`].
    pub async fn exit(&self) -> Exit {
        let mut exit = self.inner.exit.clone();
        match exit.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(exit)) => exit.clone(),
            _ => Exit::Lost("the server stopped before the run ended".to_owned()),
        }
    }

    async fn call(&self, request: &Request, body: &[u8]) -> Result<Reply, Error> {
        match call(&self.inner.directory, request, body, PATIENCE).await {
            Ok(Reply::StdinFull { waiting }) => Err(Error::StdinFull { waiting }),
            Ok(Reply::StdinClosed) => Err(Error::StdinClosed),
            Ok(Reply::NoTerminal) => Err(Error::NoTerminal),
            Ok(Reply::Refused { reason }) => Err(Error::Invalid(reason)),
            Ok(reply @ (Reply::Done | Reply::Status(_))) => Ok(reply),
            Err(CallError::NobodyThere) => Err(match self.exit().await {
                Exit::Lost(reason) => Error::Lost(reason),
                Exit::Code(_) | Exit::Signal(_) => Error::Ended,
            }),
            Err(CallError::NoAnswer) => Err(Error::Unreachable("it does not answer".to_owned())),
            Err(CallError::Broken(error)) => Err(Error::Unreachable(error.to_string())),
        }
    }
}

/// Waits until the shim is gone, and settles the run if it left without saying how the run ended.
async fn see_to_end(shim: Arc<AsyncFd<OwnedFd>>, directory: RunDir, tell: watch::Sender<Option<Exit>>) {
    let gone = shim.readable().await.map(drop);
    let found = match gone {
        Ok(()) => tokio::task::spawn_blocking(move || inspect(&directory)).await,
        // The runtime is being shut down.
        Err(_) => return,
    };
    let exit = match found {
        Ok(Ok(Found::Over(exit))) => exit,
        Ok(Ok(Found::Nothing)) => Exit::Lost("its files were removed".to_owned()),
        Ok(Ok(Found::Live(_))) => Exit::Lost("its supervisor was replaced".to_owned()),
        Ok(Err(error)) => Exit::Lost(error.to_string()),
        Err(_) => return,
    };
    tell.send_replace(Some(exit));
}
