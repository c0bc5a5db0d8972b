//! Networks of containers. The engine makes them, and they live as long as the container's first process, by which the server
//! finds them: so what listens in a container is seen and reached like what listens in any other workspace.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use sandboxed_model::{
    Blame, Failure, WorkspaceId,
    backend::{Leader as LeaderPlan, WorkspacePhase},
    workspace::{NetworkMode, Workspace},
};

use crate::{Result, contained::ContainedRuns, leaders::Leader, services::Services, workspace_ports::PORTS_THERE};

/// The networks that were found.
#[derive(Default)]
pub(crate) struct ContainerNetworks(Mutex<HashMap<WorkspaceId, Arc<Leader>>>);

impl ContainerNetworks {
    fn get(&self, workspace: WorkspaceId) -> Option<Arc<Leader>> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        networks.retain(|_, network| network.is_alive());
        networks.get(&workspace).cloned()
    }

    /// The first that is found stays: it knows what listened before.
    fn keep(&self, workspace: WorkspaceId, network: Arc<Leader>) -> Arc<Leader> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match networks.get(&workspace).filter(|known| known.is_alive()) {
            Some(known) => Arc::clone(known),
            None => {
                networks.insert(workspace, Arc::clone(&network));
                network
            }
        }
    }

    pub(crate) fn forget(&self, workspace: WorkspaceId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&workspace);
    }
}

impl ContainedRuns {
    /// The networks of containers that run.
    pub(crate) fn networks(&self) -> Vec<(WorkspaceId, Arc<Leader>)> {
        let networks = self.networks.0.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = networks.iter().filter(|(_, network)| network.is_alive());
        alive.map(|(&workspace, network)| (workspace, Arc::clone(network))).collect()
    }
}

impl Services {
    /// The network of a workspace's container on this engine, if it has one of its own and the server may enter it.
    pub(crate) async fn container_network(&self, workspace: &Workspace, engine: &str) -> Option<Arc<Leader>> {
        // Nothing listens yet in a container that was just started.
        self.find_container_network(workspace, engine, Some(BTreeSet::new())).await
    }

    /// The same of a container that a former server started.
    pub(crate) async fn former_container_network(&self, workspace: WorkspaceId, engine: &str) {
        if let Ok(workspace) = self.workspace(workspace).await {
            self.find_container_network(&workspace, engine, None).await;
        }
    }

    /// The same of a workspace of any backend. Nothing is started.
    pub(crate) async fn present_container_network(&self, id: WorkspaceId) -> Result<Option<Arc<Leader>>> {
        if let Some(known) = self.contained.networks.get(id) {
            return Ok(Some(known));
        }
        let workspace = self.workspace(id).await?;
        let backend = self.plugins.backend(&workspace.backend)?;
        if !backend.describe().await?.engine_limits {
            return Ok(None);
        }
        let spec = self.isolation.spec(&workspace, &self.paths);
        let observed = backend.observe(&spec).await?;
        match backend.lead(&spec, &observed).await? {
            LeaderPlan::Container(engine) => Ok(self.find_container_network(&workspace, &engine, None).await),
            LeaderPlan::Server | LeaderPlan::Program(_) => Ok(None),
        }
    }

    /// Refuses a workspace whose container runs and has a network that the server does not find or may not enter.
    pub(crate) async fn check_way_in(&self, workspace: &Workspace) -> Result<()> {
        let backend = self.plugins.backend(&workspace.backend)?;
        if !backend.describe().await?.engine_limits {
            return Ok(());
        }
        let observed = backend.observe(&self.isolation.spec(workspace, &self.paths)).await?;
        if observed.phase != WorkspacePhase::Ready {
            return Ok(());
        }
        self.check_here(workspace, PORTS_THERE).await?;
        let message = "the server may not enter the container's network, so it reaches nothing that listens there";
        Err(Failure::new(Blame::Unavailable, "containers.ports_unavailable", message)
            .with_hint("start the server as root on the engine's machine")
            .into())
    }

    async fn find_container_network(
        &self,
        workspace: &Workspace,
        engine: &str,
        seen: Option<BTreeSet<u16>>,
    ) -> Option<Arc<Leader>> {
        // The engine's bridge leads to everything that its machine serves, and so what is found there is not only the
        // workspace's.
        if workspace.network.mode == NetworkMode::Shared {
            return None;
        }
        if let Some(known) = self.contained.networks.get(workspace.id) {
            return Some(known);
        }
        let engine = self.engines.at(engine).await.ok()?;
        let process = self.contained.first_process(&engine, workspace.id).await?;
        Some(self.contained.networks.keep(workspace.id, Leader::of_container(process, seen)))
    }
}
