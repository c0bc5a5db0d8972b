//! The watchdog: workspaces in use are measured, and what writes into one that is over its limit is ended.
//!
//! It is a watchdog and no wall. Between two measurements more can be written than the limit lets, and what is open but has no
//! name any more is not seen.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use sandboxed_model::{
    Failure, WorkspaceId, mission::MissionFilter, page::PageRequest, state::MissionState, workspace::Workspace,
};

use crate::{Result, services::Services};

/// How often it is looked for workspaces that are due, and how long a measurement holds that cost nothing.
const ROUND: Duration = Duration::from_secs(1);

/// Watches as long as the server lives.
pub(crate) async fn watch(services: Weak<Services>) {
    let mut rounds = tokio::time::interval(ROUND);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        let Some(services) = services.upgrade() else { return };
        if *services.stop.borrow() {
            return;
        }
        if services.runners.is_idle() && services.processes.is_idle() {
            continue;
        }
        match services.store.workspaces_in_use().await {
            Ok(workspaces) => {
                for workspace in workspaces.into_iter().filter(|workspace| workspace.limits.disk.is_some()) {
                    tokio::spawn(Arc::clone(&services).look(workspace));
                }
            }
            Err(error) => tracing::warn!(%error, "the workspaces in use cannot be told"),
        }
    }
}

impl Services {
    async fn look(self: Arc<Self>, workspace: Workspace) {
        let disk = self.disks.of(workspace.id);
        // One that is being measured is looked at by whoever does.
        let Ok(measuring) = disk.measuring.try_lock() else { return };
        let before = disk.last();
        if before.is_some_and(|before| before.holds(ROUND)) {
            return;
        }
        let measured = self.scan(&disk, workspace.id).await;
        drop(measuring);
        let ended = match measured {
            Ok(measured) => match measured.problem(workspace.limits) {
                Some(failure) => {
                    // A person who removes files in a shell is let go on.
                    let grew = before.is_none_or(|before| {
                        before.problem(workspace.limits).is_none() || measured.usage.bytes > before.usage.bytes
                    });
                    self.end_writers(workspace.id, failure, grew).await
                }
                None => Ok(()),
            },
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::warn!(%error, workspace = %workspace.id, "the disk of a workspace cannot be looked after");
        }
    }

    async fn end_writers(&self, workspace: WorkspaceId, failure: Failure, grew: bool) -> Result<()> {
        tracing::warn!(%workspace, %failure, "what runs in the workspace is ended");
        let states = vec![MissionState::Running, MissionState::AwaitingApproval];
        let filter = MissionFilter { states, workspace: Some(workspace), search: None };
        let page = PageRequest { cursor: None, limit: PageRequest::MAX_LIMIT };
        for mission in self.store.missions(&filter, &page).await?.items {
            self.fail(mission.id, failure.clone()).await;
        }
        if grew {
            self.kill_processes(workspace).await?;
        }
        Ok(())
    }
}
