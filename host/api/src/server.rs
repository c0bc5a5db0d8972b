//! Accepting connections, and ending in good order.

use std::{sync::Arc, time::Duration};

use axum::extract::ConnectInfo;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use metrics_exporter_prometheus::PrometheusHandle;
use sandboxed_core::Orchestrator;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    connection::Connection,
    contract::Contract,
    dashboard::{Dashboard, DashboardFile},
    hosts::AllowedHosts,
    idempotency::KeysInUse,
    ports::{self, PortHosts},
    router,
    state::Server,
};

/// Connections that are served at once; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 4096;
/// WebSockets that are open at once.
const MAX_VIEWERS: usize = 1024;
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of a connection's unread input or unsent output, in bytes.
const CONNECTION_BUFFER: usize = 64 * 1024;
/// How long a shutdown waits for requests that are under way.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);
/// How long accepting pauses when the machine has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// How the API is served.
pub struct ServeOptions {
    /// What `/metrics` shows.
    pub metrics: PrometheusHandle,
    /// The dashboard; empty for a server without one.
    pub dashboard: &'static [DashboardFile],
    /// Cancel it to shut down.
    pub shutdown: CancellationToken,
}

/// Why the API could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener has no address.
    #[error("the address of the listening socket is not known: {0}")]
    Listener(#[source] std::io::Error),
    /// The OpenAPI document could not be written.
    #[error("the OpenAPI document could not be written: {0}")]
    Document(#[from] serde_json::Error),
}

/// Serves the API on a listening socket until `options.shutdown` is cancelled. Then it accepts nothing further, ends
/// the event streams, and waits up to 10 s for what is under way.
///
/// # Errors
/// Before anything is served only. A connection that fails is logged.
pub async fn serve(orchestrator: Orchestrator, listener: TcpListener, options: ServeOptions) -> Result<(), Error> {
    let ServeOptions { metrics, dashboard, shutdown } = options;
    let bound = listener.local_addr().map_err(Error::Listener)?;
    let (routes, document) = router::routes().split_for_parts();
    let config = &orchestrator.config().server;
    let server = Arc::new(Server {
        viewers: Arc::new(Semaphore::new(MAX_VIEWERS)),
        hosts: AllowedHosts::new(&config.listen, bound, &config.allowed_hosts),
        port_hosts: PortHosts::new(config.ports_host.as_deref(), bound),
        contract: Contract::of(&document),
        dashboard: Dashboard::new(dashboard),
        document: serde_json::to_vec(&document)?.into(),
        orchestrator,
        metrics,
        keys_in_use: KeysInUse::default(),
        stopping: shutdown.clone(),
        changes: TaskTracker::new(),
    });
    let app = router::with_layers(routes, Arc::clone(&server));
    accept(listener, app, &server, &shutdown).await;
    server.changes.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, server.changes.wait()).await.is_err() {
        tracing::warn!("changes were still under way when the server stopped");
    }
    Ok(())
}

async fn accept(listener: TcpListener, app: axum::Router, server: &Arc<Server>, shutdown: &CancellationToken) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let connections = TaskTracker::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(CONNECTION_BUFFER);
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        let (stream, peer, place) = match accepted {
            (Ok(place), Ok((stream, peer))) => (stream, peer, place),
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
            (Err(_), _) => break,
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, %peer, "small answers may be delayed");
        }
        let (app, server) = (app.clone(), Arc::clone(server));
        let service = tower::service_fn(move |request: http::Request<hyper::body::Incoming>| {
            let (app, server) = (app.clone(), Arc::clone(&server));
            async move {
                let mut request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                // Before everything else: what a workspace answers is nothing of the server's own.
                match ports::divert(&server, peer, request).await {
                    Ok(response) => Ok(response),
                    Err(request) => app.oneshot(request).await,
                }
            }
        });
        let io = TokioIo::new(Connection::new(stream));
        let connection = http.serve_connection(io, TowerToHyperService::new(service)).with_upgrades();
        let shutdown = shutdown.clone();
        connections.spawn(async move {
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = shutdown.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, %peer, "a connection failed");
            }
            drop(place);
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(SHUTDOWN_GRACE, connections.wait()).await.is_err() {
        tracing::warn!("connections were still open when the server stopped");
    }
}
