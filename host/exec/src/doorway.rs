//! Connections into the network of another process.

use std::{
    io,
    net::{SocketAddr, TcpStream as StdTcpStream},
    os::fd::OwnedFd,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nix::sys::socket::AddressFamily;
use tokio::net::{TcpSocket, TcpStream};

use crate::{ProcessHandle, guard::joined, sys};

/// Sockets that are made at once: a page that loads hundreds of files costs a fork only now and then.
const BATCH: usize = 8;
/// How long a service may take to let a connection into its queue.
const PATIENCE: Duration = Duration::from_secs(5);

/// A way into the network of a process. Clones share their spare sockets.
#[derive(Debug, Clone)]
pub struct Doorway {
    process: ProcessHandle,
    spare: Arc<[Mutex<Vec<OwnedFd>>; 2]>,
}

impl Doorway {
    /// A way into the network of this process.
    pub fn new(process: ProcessHandle) -> Self {
        Self { process, spare: Arc::default() }
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

    async fn socket(&self, v4: bool) -> io::Result<OwnedFd> {
        let spare = &self.spare[usize::from(!v4)];
        if let Some(socket) = spare.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(socket);
        }
        let family = if v4 { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let process = self.process;
        let made = tokio::task::spawn_blocking(move || {
            let joined = joined(process).map_err(io::Error::other)?;
            sys::sockets(&joined, family, BATCH)
        });
        let mut made = made.await.map_err(io::Error::other)??;
        let socket = made.pop().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut spare = spare.lock().unwrap_or_else(PoisonError::into_inner);
        // Others may have made some meanwhile.
        let room = BATCH.saturating_sub(spare.len());
        spare.extend(made.into_iter().take(room));
        Ok(socket)
    }
}
