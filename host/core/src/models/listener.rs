//! Where workspaces find the gateway that share the machine's network.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sandboxed_model::{Blame, Failure};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Origin;
use crate::{Result, services::Services};

/// How long no connection is taken after the system could give none.
const PAUSE: Duration = Duration::from_millis(100);

impl Services {
    /// Listens on the machine's loopback.
    ///
    /// # Errors
    /// When the address is taken.
    pub(crate) async fn listen_for_machine(&self) -> Result<TcpListener> {
        let address = self.config.models.listen;
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            std::io::Result::Ok((listener, address))
        };
        let (listener, address) = bound.await.map_err(|error| {
            Failure::new(Blame::Config, "models.listen", format!("the gateway cannot listen on {address}: {error}"))
                .with_hint("[models] listen = \"127.0.0.1:0\" in sandboxed.toml takes a free port")
        })?;
        let _ = self.models.listens_at.set(address);
        // Others have a way of their own, by which the server knows who they are.
        self.egress.forbid(address);
        Ok(listener)
    }
}

/// Takes connections of the machine's own network until the server stops.
pub(crate) async fn serve_machine(services: Weak<Services>, listener: TcpListener) {
    let Some(mut stopping) = services.upgrade().map(|services| services.stopping()) else { return };
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _cut = stop.clone().drop_guard();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.wait() => return,
        };
        match accepted {
            Ok((connection, _)) => {
                let Some(services) = services.upgrade() else { return };
                let stop = stop.clone();
                tasks.spawn(async move {
                    let _ = connection.set_nodelay(true);
                    stop.run_until_cancelled(serve(&services, connection)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "connections to the gateway cannot be taken for now");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn serve(services: &Arc<Services>, connection: tokio::net::TcpStream) {
    services.models.serve(connection, Vec::new(), Origin::Machine).await;
}
