//! The agent as its owner sees it.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::UnixListener,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{HostKeys, Key, Limits, Use, UseSink, connection};

/// How long to wait where the system gives no more connections.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where logins may be signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host, by its keys.
    pub host_keys: HostKeys,
    /// The user there: `git` at most hosts of Git.
    pub user: String,
}

/// An agent. Cheap to clone; clones are the same agent.
#[derive(Clone)]
pub struct Agent {
    shared: Arc<Shared>,
}

/// What all connections of an agent share.
pub(crate) struct Shared {
    pub(crate) keys: Vec<Key>,
    pub(crate) target: Target,
    pub(crate) limits: Limits,
    sink: UseSink,
    signatures_left: AtomicU32,
    refusals_left: AtomicU32,
    places: Arc<Semaphore>,
    /// One computation with keys at a time: clients must not take the machine's processors.
    computing: Arc<Semaphore>,
}

impl Agent {
    /// An agent that signs logins at the target with the keys, and tells `sink` of it.
    pub fn new(keys: Vec<Key>, target: Target, limits: Limits, sink: UseSink) -> Self {
        let shared = Shared {
            keys,
            target,
            limits,
            sink,
            signatures_left: AtomicU32::new(limits.signatures),
            refusals_left: AtomicU32::new(limits.told_refusals),
            places: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            computing: Arc::new(Semaphore::new(1)),
        };
        Self { shared: Arc::new(shared) }
    }

    /// How many signatures were made, failed ones included.
    pub fn signatures(&self) -> u32 {
        self.shared.limits.signatures - self.shared.signatures_left.load(Ordering::Relaxed)
    }

    /// Serves all who come in at the listener until `shutdown` is cancelled, then cuts every connection that is still
    /// open. Who may connect is the listener's owner's to say, by the rights of the socket's file. The keys are
    /// overwritten once this has returned and all clones of the agent are dropped.
    pub async fn serve(&self, listener: UnixListener, shutdown: CancellationToken) {
        // Also when this future is dropped, no connection may outlive it.
        let connections = shutdown.child_token();
        let _cut = connections.clone().drop_guard();
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let Some(place) = self.place() else {
                        // No louder: a client could fill the log with these.
                        tracing::debug!("a client of the ssh agent was cut off: too many connections are open");
                        continue;
                    };
                    let (shared, connections) = (Arc::clone(&self.shared), connections.clone());
                    tasks.spawn(async move {
                        connections.run_until_cancelled(connection::serve(&shared, stream)).await;
                        drop(place);
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    tracing::warn!(%error, "the ssh agent cannot take new connections for now");
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                        () = shutdown.cancelled() => break,
                    }
                }
            }
        }
        connections.cancel();
        tasks.close();
        tasks.wait().await;
    }

    fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.shared.places).try_acquire_owned().ok()
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent")
            .field("keys", &self.shared.keys)
            .field("user", &self.shared.target.user)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Tells of a use. Refusals are told up to a number: a client could ask for them without end.
    pub(crate) fn tell(&self, told: Use) {
        if matches!(told, Use::Refused(_)) && take_one(&self.refusals_left).is_none() {
            return;
        }
        (self.sink)(told);
    }

    /// Takes one of the signatures that are left.
    pub(crate) fn spend(&self) -> Option<()> {
        take_one(&self.signatures_left)
    }

    /// Computes off the asynchronous threads; none where the computation died.
    pub(crate) async fn compute<T: Send + 'static>(&self, compute: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let alone = Arc::clone(&self.computing).acquire_owned().await.ok()?;
        let computed = tokio::task::spawn_blocking(move || {
            let _alone = alone;
            compute()
        });
        computed.await.ok()
    }
}

fn take_one(left: &AtomicU32) -> Option<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok().map(|_| ())
}
