//! What the use cases share.

use std::sync::Arc;

use sandboxed_exec::Supervisor;
use sandboxed_model::{
    MissionId,
    access::Principal,
    config::Config,
    mission::Mission,
    workspace::{NetworkMode, Workspace},
};
use sandboxed_plugins::PluginHost;
use sandboxed_store::{Committed, MissionChange, Store};
use tokio::sync::watch;

use crate::{
    Result,
    admission::Admission,
    builds::{Builds, StepCache},
    contained::ContainedRuns,
    disk::Disks,
    distant::Places,
    egress::{Egress, Traveller},
    engines::Engines,
    files::Transfers,
    git::Scratches,
    harnesses::Harnesses,
    isolation::Isolation,
    leaders::Leaders,
    live::{LiveHub, LiveMission},
    models::Models,
    mounts,
    paths::Paths,
    port_access::PortTickets,
    port_connection::PortPlaces,
    processes::Processes,
    roots::Roots,
    runner::Runners,
    sandbox::{Gateway, Sandbox, Way, ready},
    throttle::LoginThrottle,
    uses::Uses,
    vault::Vault,
};

/// Everything that a use case may need.
pub(crate) struct Services {
    pub(crate) config: Config,
    pub(crate) paths: Paths,
    pub(crate) isolation: Isolation,
    pub(crate) egress: Egress,
    pub(crate) leaders: Leaders,
    pub(crate) engines: Arc<Engines>,
    pub(crate) contained: Arc<ContainedRuns>,
    pub(crate) places: Places,
    pub(crate) processes: Processes,
    pub(crate) roots: Roots,
    pub(crate) uses: Uses,
    pub(crate) disks: Disks,
    pub(crate) harnesses: Harnesses,
    pub(crate) transfers: Transfers,
    pub(crate) port_places: PortPlaces,
    pub(crate) port_tickets: PortTickets,
    pub(crate) builds: Builds,
    pub(crate) steps: StepCache,
    pub(crate) scratches: Scratches,
    pub(crate) store: Store,
    pub(crate) plugins: PluginHost,
    pub(crate) supervisor: Supervisor,
    pub(crate) vault: Arc<Vault>,
    pub(crate) models: Models,
    pub(crate) live: LiveHub,
    pub(crate) admission: Admission,
    pub(crate) throttle: LoginThrottle,
    pub(crate) runners: Runners,
    /// One mission is read again at a time.
    pub(crate) replays: tokio::sync::Mutex<()>,
    pub(crate) local: LocalAccess,
    pub(crate) stop: watch::Sender<bool>,
}

/// The operator on this machine.
pub(crate) struct LocalAccess {
    pub(crate) token: String,
    pub(crate) principal: Principal,
}

/// Tells when the server stops.
pub(crate) struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Waits until the server stops.
    pub(crate) async fn wait(&mut self) {
        // An error means that the services are gone, which is a stop as well.
        let _ = self.0.wait_for(|&stopped| stopped).await;
    }
}

impl Services {
    pub(crate) fn stopping(&self) -> Stopping {
        Stopping(self.stop.subscribe())
    }

    /// Waits until the server stops.
    pub(crate) async fn stopped(&self) {
        self.stopping().wait().await;
    }

    /// The mission of this id.
    pub(crate) async fn mission(&self, id: MissionId) -> Result<Mission> {
        Ok(self.store.mission(id).await?)
    }

    /// The one way to change a mission: looks at it as it stands, decides, stores and tells the followers, with no
    /// other change of the mission in between.
    pub(crate) async fn update(
        &self,
        id: MissionId,
        decide: impl FnOnce(&Mission) -> Result<MissionChange> + Send,
    ) -> Result<Committed> {
        let live = self.live.mission(id);
        let _changing = live.changing.lock().await;
        let mission = self.mission(id).await?;
        self.store_change(&live, id, decide(&mission)?).await
    }

    /// The same for a change that does not depend on how the mission stands.
    pub(crate) async fn append(&self, id: MissionId, change: MissionChange) -> Result<Committed> {
        let live = self.live.mission(id);
        let _changing = live.changing.lock().await;
        self.store_change(&live, id, change).await
    }

    /// The caller holds `live.changing`.
    async fn store_change(&self, live: &LiveMission, id: MissionId, mut change: MissionChange) -> Result<Committed> {
        self.vault.clean_change(&mut change);
        let committed = self.store.commit(id, change).await?;
        live.publish(&committed.events);
        self.live.publish_revision(committed.mission.revision);
        Ok(committed)
    }

    /// Makes a workspace ready to be entered, on behalf of a mission where there is one.
    pub(crate) async fn sandbox(&self, workspace: &Workspace, mission: Option<MissionId>) -> Result<Sandbox> {
        let in_use = self.using(workspace.id).await;
        sandboxed_exec::hasten();
        // It may have been given other layers meanwhile.
        let current = self.store.workspace(workspace.id).await.ok();
        let workspace = current.as_ref().unwrap_or(workspace);
        let backend = self.plugins.backend(&workspace.backend)?;
        let grants = self.plugins.inspect(&workspace.backend).map(|info| info.grants).unwrap_or_default();
        self.isolation.refresh().await;
        let mut spec = self.isolation.spec(workspace, &self.paths);
        let mut guard = self.isolation.guard(workspace, &self.paths)?;
        self.check_secrets(&workspace.recipe)?;
        mounts::put(self.mounts(workspace).await?, &mut spec, &mut guard);
        self.show_programs(&mut spec, &mut guard);
        let gated = matches!(workspace.network.mode, NetworkMode::Allow | NetworkMode::Open);
        let traveller = Traveller { workspace: workspace.id, mission };
        let models = self.model_access(workspace, mission)?;
        // A workspace that reaches nothing else reaches the models of its mission.
        let closed = workspace.network.mode == NetworkMode::None && models.is_some();
        let gateway = (gated || closed).then(|| Gateway {
            socket: self.paths.gate(),
            label: traveller.to_string(),
            leads_out: gated,
        });
        self.mount(workspace).await?;
        let observed = ready(&backend, &spec).await?;
        let leader = self.leader(workspace, &backend, &spec, &observed, &guard).await?;
        let way = Way { guard, leader, alone: false, gateway, _in_use: in_use };
        let (vault, contained) = (Arc::clone(&self.vault), Arc::clone(&self.contained));
        let sandbox = Sandbox::new(backend, grants, vault, contained, spec, observed, way);
        Ok(sandbox.for_mission(mission).with_models(models).with_environment(workspace.recipe.env.clone()))
    }
}
