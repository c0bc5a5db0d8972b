//! Starting a shim and handing it its run.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::{fd::OwnedFd, unix::net::UnixStream as StdStream},
    path::Path,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    process::{Child, Command},
};

use crate::{
    ContainmentKind, Error,
    directory::RunDir,
    inspect::inspect,
    shim::{Order, Started},
};

/// How long a start may take. It takes milliseconds; a file system that hangs must not hang the server as well.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer of a shim; an error may quote paths.
const ANSWER_LIMIT: u64 = 64 << 10;

/// A shim that is being started. Given up, it is killed: the run is then found lost, or never to have been.
struct Starting {
    shim: Option<Child>,
}

impl Starting {
    /// Kills the shim and waits until it is gone.
    async fn end(&mut self) {
        if let Some(shim) = &mut self.shim {
            let _ = shim.kill().await;
        }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(shim) = &mut self.shim {
            // The runtime reaps it.
            let _ = shim.start_kill();
        }
    }
}

/// What is known of a run that was just started.
pub(crate) struct Running {
    pub(crate) pid: i32,
    pub(crate) containment: ContainmentKind,
}

/// Makes the run's directory, starts the shim and waits until it has started the payload. Leaves nothing behind when
/// the payload could not be started.
pub(crate) async fn start(program: &Path, args: &[OsString], order: Order) -> Result<Running, Error> {
    let directory = RunDir::at(order.directory.clone());
    let run = order.spec.id;
    let made = {
        let directory = directory.clone();
        tokio::task::spawn_blocking(move || directory.create()).await.map_err(Error::task)?
    };
    let (lock, log) = made.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists(run),
        _ => Error::io("making the run's directory")(error),
    })?;
    let result = match spawn(program, args, lock, log) {
        Ok((shim, socket)) => attend(Starting { shim: Some(shim) }, socket, &order, &directory).await,
        Err(error) => Err(Error::Shim(format!("{}: {error}", program.display()))),
    };
    if result.is_err() {
        let cleaned = tokio::task::spawn_blocking(move || {
            // A shim that broke down may have started the payload: then this kills it.
            inspect(&directory)?;
            directory.remove().map_err(Error::io("removing the directory of a run that did not start"))
        });
        if let Err(error) = cleaned.await.map_err(Error::task).flatten() {
            tracing::warn!(%error, %run, "what is left of a run that did not start could not be removed");
        }
    }
    result
}

/// Starts the shim. When this returns, only the shim holds the lock.
fn spawn(program: &Path, args: &[OsString], lock: File, log: File) -> io::Result<(Child, StdStream)> {
    let (ours, theirs) = StdStream::pair()?;
    let shim = Command::new(program)
        .args(args)
        .env_clear()
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(lock)
        .stderr(log)
        .spawn()?;
    Ok((shim, ours))
}

async fn attend(
    mut starting: Starting,
    socket: StdStream,
    order: &Order,
    directory: &RunDir,
) -> Result<Running, Error> {
    let started = match tokio::time::timeout(PATIENCE, hand_over(socket, order)).await {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => {
            starting.end().await;
            let directory = directory.clone();
            return Err(Error::Shim(match tokio::task::spawn_blocking(move || directory.log()).await {
                Ok(log) if !log.is_empty() => log,
                _ if error.kind() == io::ErrorKind::InvalidData => error.to_string(),
                _ => "it ended without a word".to_owned(),
            }));
        }
        Err(_) => {
            starting.end().await;
            return Err(Error::Shim(format!("it did not start within {} s", PATIENCE.as_secs())));
        }
    };
    let shim = starting.shim.take();
    match started {
        Started::Running { pid, containment } => {
            // Reaped when it ends, should this server live to see it.
            tokio::spawn(wait(shim));
            Ok(Running { pid, containment })
        }
        Started::Failed(failure) => {
            wait(shim).await;
            Err(failure.into())
        }
    }
}

async fn wait(shim: Option<Child>) {
    if let Some(mut shim) = shim {
        // It tells in its own way how it ended.
        let _ = shim.wait().await;
    }
}

async fn hand_over(socket: StdStream, order: &Order) -> io::Result<Started> {
    socket.set_nonblocking(true)?;
    let mut socket = UnixStream::from_std(socket)?;
    socket.write_all(&serde_json::to_vec(order)?).await?;
    socket.shutdown().await?;
    let mut answer = Vec::new();
    socket.take(ANSWER_LIMIT).read_to_end(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_slice(&answer)?)
}
