//! A connection to a port of a workspace, and how many there may be.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use sandboxed_model::{Blame, Failure, WorkspaceId, port::PortProtocol};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, Sleep},
};

use crate::{Result, leaders::Leader};

/// Connections that may be open at once, on the server and to one workspace.
const MOST: usize = 1024;
const MOST_PER_WORKSPACE: usize = 256;
/// A connection on which nothing came and went for so long is closed.
const IDLE: Duration = Duration::from_secs(3600);
/// How long who is told that there are too many should wait.
const RETRY_MS: u32 = 1000;

/// The places for connections.
pub(crate) struct PortPlaces {
    server: Arc<Semaphore>,
    workspaces: Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>,
}

impl Default for PortPlaces {
    fn default() -> Self {
        Self { server: Arc::new(Semaphore::new(MOST)), workspaces: Mutex::default() }
    }
}

/// The right to have a connection open.
pub(crate) struct PortPlace {
    _server: OwnedSemaphorePermit,
    _workspace: OwnedSemaphorePermit,
}

impl PortPlaces {
    /// A place, if there is one.
    pub(crate) fn take(&self, workspace: WorkspaceId) -> Result<PortPlace> {
        let of_workspace = {
            let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
            // Those that nobody is connected to.
            workspaces.retain(|_, places| Arc::strong_count(places) > 1);
            let places = workspaces.entry(workspace);
            Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(MOST_PER_WORKSPACE))))
        };
        let full = |_| {
            let message = "too many connections to ports of workspaces are open";
            let mut failure = Failure::new(Blame::Unavailable, "ports.too_many", message);
            failure.retry_after_ms = Some(RETRY_MS);
            failure
        };
        let workspace = of_workspace.try_acquire_owned().map_err(full)?;
        let server = Arc::clone(&self.server).try_acquire_owned().map_err(full)?;
        Ok(PortPlace { _server: server, _workspace: workspace })
    }
}

/// An open connection to what listens on a port of a workspace. It ends with an error when nothing came or went for an
/// hour.
pub struct PortConnection {
    stream: TcpStream,
    protocol: PortProtocol,
    last: Instant,
    idle: Pin<Box<Sleep>>,
    /// Keeps the network.
    _leader: Arc<Leader>,
    _place: PortPlace,
}

impl PortConnection {
    pub(crate) fn new(stream: TcpStream, protocol: PortProtocol, leader: Arc<Leader>, place: PortPlace) -> Self {
        let idle = Box::pin(tokio::time::sleep(IDLE));
        Self { stream, protocol, last: Instant::now(), idle, _leader: leader, _place: place }
    }

    /// What was declared to be spoken there.
    pub fn protocol(&self) -> PortProtocol {
        self.protocol
    }

    fn noted<T>(&mut self, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.last = Instant::now();
        }
        result
    }
}

impl AsyncRead for PortConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.noted(read)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        while self.idle.as_mut().poll(context).is_ready() {
            let ends = self.last + IDLE;
            if ends <= Instant::now() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.idle.as_mut().reset(ends);
        }
        Poll::Pending
    }
}

impl AsyncWrite for PortConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_workspace_cannot_take_all_places_and_a_place_is_given_back() {
        let places = PortPlaces::default();
        let (busy, other) = (WorkspaceId::new(), WorkspaceId::new());
        let mut taken: Vec<_> = (0..MOST_PER_WORKSPACE).map(|_| places.take(busy).unwrap()).collect();

        assert!(places.take(busy).is_err());
        assert!(places.take(other).is_ok());
        taken.pop();
        assert!(places.take(busy).is_ok());
    }
}
