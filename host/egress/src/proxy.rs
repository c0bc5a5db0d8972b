//! The proxy as its owner sees it.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    connection,
    forbidden::Forbidden,
    limits::Limits,
    listener::Listener,
    policy::Policy,
    resolve::{Resolve, SystemResolver},
    upstream::Upstream,
    verdict::VerdictSink,
};

/// The way out of one workspace. Cheap to clone; clones are the same proxy.
#[derive(Clone)]
pub struct Proxy {
    shared: Arc<Shared>,
}

/// What all connections of a proxy share.
pub(crate) struct Shared {
    pub(crate) policy: ArcSwap<Policy>,
    forbidden: RwLock<Forbidden>,
    pub(crate) limits: Limits,
    pub(crate) sink: VerdictSink,
    pub(crate) resolver: Box<dyn Resolve>,
    /// Absent: connections go by the machine's own network.
    pub(crate) upstream: Option<Box<dyn Upstream>>,
    /// Places for connections that may be let through.
    places: Arc<Semaphore>,
    /// Places for connections that come when all others are taken, so that they can be told.
    refusals: Arc<Semaphore>,
}

/// How many clients at once are told that there are too many. All others are cut off without a word.
const REFUSALS: usize = 32;
/// How long nobody is let in after the system could not, which happens when it is out of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl Shared {
    pub(crate) fn forbidden(&self) -> RwLockReadGuard<'_, Forbidden> {
        // No writer can panic half-way through its change, so a poisoned lock still holds what it should.
        self.forbidden.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_forbidden(&self, change: impl FnOnce(&mut Forbidden)) {
        change(&mut self.forbidden.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}

impl Proxy {
    /// A proxy that asks the operating system for the addresses of names.
    pub fn new(policy: Policy, forbidden: Forbidden, limits: Limits, sink: VerdictSink) -> Self {
        Self::with_resolver(policy, forbidden, limits, sink, SystemResolver::default())
    }

    /// The same for another network, by which every connection goes.
    pub fn through(
        policy: Policy,
        forbidden: Forbidden,
        limits: Limits,
        sink: VerdictSink,
        upstream: impl Upstream,
    ) -> Self {
        Self::of(policy, forbidden, limits, sink, Box::new(SystemResolver::default()), Some(Box::new(upstream)))
    }

    /// A proxy with names of its own.
    pub fn with_resolver(
        policy: Policy,
        forbidden: Forbidden,
        limits: Limits,
        sink: VerdictSink,
        resolver: impl Resolve,
    ) -> Self {
        Self::of(policy, forbidden, limits, sink, Box::new(resolver), None)
    }

    fn of(
        policy: Policy,
        forbidden: Forbidden,
        limits: Limits,
        sink: VerdictSink,
        resolver: Box<dyn Resolve>,
        upstream: Option<Box<dyn Upstream>>,
    ) -> Self {
        let shared = Shared {
            policy: ArcSwap::from_pointee(policy),
            forbidden: RwLock::new(forbidden),
            limits,
            sink,
            resolver,
            upstream,
            places: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            refusals: Arc::new(Semaphore::new(REFUSALS)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The policy for new requests.
    pub fn policy(&self) -> Arc<Policy> {
        self.shared.policy.load_full()
    }

    /// Sets the policy for all requests that come from now on. What was let through stays open.
    pub fn set_policy(&self, policy: Policy) {
        self.shared.policy.store(Arc::new(policy));
    }

    /// Serves all who come in at the listener until `shutdown` is cancelled, then cuts every connection that is still
    /// open. When it returns, all verdicts are out. A proxy can serve several listeners at once.
    pub async fn serve(&self, listener: impl Into<Listener>, shutdown: CancellationToken) {
        let listener = listener.into();
        let _own = OwnSocket::forbid(&self.shared, &listener);
        // Also when this future is dropped, no connection may outlive it.
        let connections = shutdown.child_token();
        let _cut = connections.clone().drop_guard();
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = accept(&listener) => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok(Client::Tcp(stream)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a client's connection keeps its delay");
                    }
                    self.take(stream, &tasks, &connections);
                }
                Ok(Client::Unix(stream)) => self.take(stream, &tasks, &connections),
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "the proxy cannot take new connections for now");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = shutdown.cancelled() => break,
                    }
                }
            }
        }
        tasks.close();
        tasks.wait().await;
    }

    /// Serves one client who came in elsewhere, as a task of `tasks`, until `shutdown` is cancelled.
    pub fn admit<S>(&self, client: S, tasks: &TaskTracker, shutdown: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.take(client, tasks, shutdown);
    }

    fn take<S>(&self, stream: S, tasks: &TaskTracker, shutdown: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Some(place) = self.place() else {
            // No louder: a client could fill the log with these.
            tracing::debug!("a client was cut off: far too many connections are open");
            return;
        };
        let (shared, shutdown) = (Arc::clone(&self.shared), shutdown.clone());
        tasks.spawn(async move {
            let full = place.full;
            shutdown.run_until_cancelled(connection::serve(&shared, stream, full)).await;
            drop(place);
        });
    }

    fn place(&self) -> Option<Place> {
        let take = |places: &Arc<Semaphore>, full| {
            let permit = Arc::clone(places).try_acquire_owned().ok()?;
            Some(Place { _permit: permit, full })
        };
        take(&self.shared.places, false).or_else(|| take(&self.shared.refusals, true))
    }
}

struct Place {
    _permit: OwnedSemaphorePermit,
    full: bool,
}

enum Client {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(listener: &Listener) -> io::Result<Client> {
    match listener {
        Listener::Tcp(listener) => listener.accept().await.map(|(stream, _)| Client::Tcp(stream)),
        Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| Client::Unix(stream)),
    }
}

/// Forbids a proxy to connect to its own listener for as long as it serves it: each such connection would open another,
/// until all places are taken.
struct OwnSocket<'a> {
    shared: &'a Shared,
    socket: Option<SocketAddr>,
}

impl<'a> OwnSocket<'a> {
    fn forbid(shared: &'a Shared, listener: &Listener) -> Self {
        let socket = match listener {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix(_) => None,
        };
        if let Some(socket) = socket {
            shared.change_forbidden(|forbidden| forbidden.add(socket));
        }
        Self { shared, socket }
    }
}

impl Drop for OwnSocket<'_> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket {
            self.shared.change_forbidden(|forbidden| forbidden.remove(socket));
        }
    }
}
