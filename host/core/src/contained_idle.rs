//! Containers in which nothing runs any more are stopped; the next process starts them again.

use std::{collections::HashSet, sync::Weak, time::Duration};

use futures_util::future::join_all;
use sandboxed_model::{Failure, WorkspaceId};

use crate::{contained::Place, leaders::round, services::Services};

/// How long a server that ends waits for its containers to be stopped.
const LEAVE_WITHIN: Duration = Duration::from_secs(20);

impl Services {
    async fn stop_idle_containers(&self) {
        let keep = self.config.workspaces.keep_idle.0;
        for (workspace, place) in self.contained.places() {
            if place.idle_for() < keep {
                continue;
            }
            match self.stop_container(workspace, &place).await {
                Ok(true) => self.contained.forget_workspace(workspace),
                Ok(false) => {}
                Err(failure) => tracing::debug!(%failure, %workspace, "an idle container could not be stopped"),
            }
        }
    }

    /// Stops the containers of workspaces in which nothing goes on when the server is gone; `used` are the others.
    pub(crate) async fn stop_unused_containers(&self, used: &HashSet<WorkspaceId>) {
        let places = self.contained.places();
        let unused = places.iter().filter(|(workspace, _)| !used.contains(workspace));
        let stops = unused.map(async |(workspace, place)| {
            if let Err(failure) = self.stop_container(*workspace, place).await {
                tracing::warn!(%failure, %workspace, "a container in which nothing goes on could not be stopped");
            }
        });
        if tokio::time::timeout(LEAVE_WITHIN, join_all(stops)).await.is_err() {
            tracing::warn!("containers in which nothing goes on are still being stopped");
        }
    }

    /// False where somebody enters it or something runs in it.
    async fn stop_container(&self, workspace: WorkspaceId, place: &Place) -> Result<bool, Failure> {
        let Some(_closed) = place.try_close() else { return Ok(false) };
        if !self.contained.nothing_runs(workspace).await {
            return Ok(false);
        }
        let engine = self.contained.engine(place).await?;
        engine.kill_all(workspace).await.map_err(|error| error.failure())?;
        Ok(true)
    }
}

/// Stops containers that nobody uses, as long as the server lives.
pub(crate) async fn sweep(services: Weak<Services>, keep_idle: Duration) {
    let mut rounds = tokio::time::interval(round(keep_idle));
    loop {
        rounds.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        services.stop_idle_containers().await;
    }
}
