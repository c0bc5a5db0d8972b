//! Connections into the network of another process.

use std::{
    io,
    net::{SocketAddr, TcpStream as StdTcpStream},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::net::{TcpSocket, TcpStream};

use crate::{
    Listening, ProcessHandle, diagnosis,
    guard::joined,
    listening,
    sys::{self, SocketKind},
};

/// Sockets that are made at once: a page that loads hundreds of files costs a fork only now and then.
const BATCH: usize = 8;
/// How long a service may take to let a connection into its queue.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way into the network of a process. Clones share their spare sockets.
#[derive(Debug, Clone)]
pub struct Doorway {
    process: ProcessHandle,
    spare: Arc<[Mutex<Vec<OwnedFd>>; 2]>,
    /// By which the kernel is asked what listens.
    diagnosis: Arc<Mutex<Option<OwnedFd>>>,
}

impl Doorway {
    /// A way into the network of this process.
    pub fn new(process: ProcessHandle) -> Self {
        Self { process, spare: Arc::default(), diagnosis: Arc::default() }
    }

    /// Whose network it leads into.
    pub fn process(&self) -> ProcessHandle {
        self.process
    }

    /// Opens a connection to an address of that network. Nothing of this process's own network is ever reached.
    ///
    /// # Errors
    /// When the process is gone, nothing listens there, or the service takes no connection within 5 s.
    pub async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = self.socket(address.is_ipv4()).await?;
        let connecting = TcpSocket::from_std_stream(StdTcpStream::from(socket)).connect(address);
        let stream = tokio::time::timeout(PATIENCE, connecting).await.map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// What listens in that network, in the order of the ports, without the way out of it ([`crate::Entrance`]).
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the process is gone, another when its network cannot be looked at.
    pub async fn listening(&self) -> io::Result<Vec<Listening>> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || this.listening_now()).await.map_err(io::Error::other)?
    }

    fn listening_now(&self) -> io::Result<Vec<Listening>> {
        let found = self.ask().or_else(|error| {
            tracing::debug!(%error, "the kernel does not tell listeners otherwise than in its tables");
            listening::by_tables(self.process)
        });
        // Only now is it certain whose they were.
        match self.process.is_alive() {
            true => Ok(listening::sorted(found?)),
            false => Err(io::Error::new(io::ErrorKind::NotFound, "the process is gone")),
        }
    }

    fn ask(&self) -> io::Result<Vec<diagnosis::Listener>> {
        let mut socket = self.diagnosis.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = match socket.take() {
            Some(socket) => socket,
            None => self.make(SocketKind::Diagnosis, 1)?.pop().ok_or(io::ErrorKind::BrokenPipe)?,
        };
        let found = diagnosis::listeners(&asked)?;
        // One whose answers were not read to their end is of no more use.
        *socket = Some(asked);
        Ok(found)
    }

    fn make(&self, kind: SocketKind, count: usize) -> io::Result<Vec<OwnedFd>> {
        let joined = joined(self.process).map_err(io::Error::other)?;
        sys::sockets(&joined, kind, count)
    }

    async fn socket(&self, v4: bool) -> io::Result<OwnedFd> {
        let spare = &self.spare[usize::from(!v4)];
        if let Some(socket) = spare.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(socket);
        }
        let kind = if v4 { SocketKind::Tcp4 } else { SocketKind::Tcp6 };
        let this = self.clone();
        let made = tokio::task::spawn_blocking(move || this.make(kind, BATCH));
        let mut made = made.await.map_err(io::Error::other)??;
        let socket = made.pop().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut spare = spare.lock().unwrap_or_else(PoisonError::into_inner);
        // Others may have made some meanwhile.
        let room = BATCH.saturating_sub(spare.len());
        spare.extend(made.into_iter().take(room));
        Ok(socket)
    }
}
