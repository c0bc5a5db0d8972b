//! What all handlers share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use sandboxed_core::Orchestrator;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{contract::Contract, dashboard::Dashboard, hosts::AllowedHosts, idempotency::KeysInUse, ports::PortHosts};

/// What all handlers share.
pub(crate) struct Server {
    pub(crate) orchestrator: Orchestrator,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) hosts: AllowedHosts,
    /// The names of ports; absent where browsers see none.
    pub(crate) port_hosts: Option<PortHosts>,
    pub(crate) contract: Contract,
    /// The OpenAPI document as it is sent.
    pub(crate) document: bytes::Bytes,
    pub(crate) dashboard: Dashboard,
    pub(crate) keys_in_use: KeysInUse,
    /// Cancelled when the server shuts down: event streams end.
    pub(crate) stopping: CancellationToken,
    /// Places for viewers of processes.
    pub(crate) viewers: Arc<Semaphore>,
    /// Changes that are under way; they go on when their client goes away.
    pub(crate) changes: TaskTracker,
}

/// The state of the router.
pub(crate) type Shared = axum::extract::State<Arc<Server>>;
