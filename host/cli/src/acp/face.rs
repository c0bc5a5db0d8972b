//! What all sessions share: the server, the client, and what the command line says.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, OnceLock, PoisonError},
    time::Duration,
};

use sandboxed_model::{MissionId, PluginId, install::HarnessInfo, workspace::WorkspaceName};
use tokio::{sync::OnceCell, time::Instant};

use super::{
    protocol::ClientAbilities,
    wire::{RpcError, Wire},
    workspace,
};
use crate::{
    arguments::{Acp, Place},
    client::Client,
    failed::Failed,
};

/// How long turns have to end that a server in this process cannot go on with.
const LAST_TURNS: Duration = Duration::from_secs(30);
/// How often it is looked whether they have.
const STEP: Duration = Duration::from_millis(50);

pub(super) struct Face {
    place: Place,
    pub(super) wanted: Acp,
    pub(super) wire: Wire,
    client: OnceLock<ClientAbilities>,
    server: OnceCell<Client>,
    /// Missions that were worked on here.
    missions: Mutex<BTreeSet<MissionId>>,
}

impl Face {
    pub(super) fn new(place: Place, wanted: Acp, wire: Wire) -> Self {
        let (client, server, missions) = (OnceLock::new(), OnceCell::new(), Mutex::default());
        Self { place, wanted, wire, client, server, missions }
    }

    /// What the client said that it can do; nothing before it did.
    pub(super) fn client(&self) -> Option<ClientAbilities> {
        self.client.get().copied()
    }

    /// Whether it says so for the first time.
    pub(super) fn greet(&self, client: ClientAbilities) -> bool {
        self.client.set(client).is_ok()
    }

    /// The server, which is looked for, or started in this process, when it is first needed.
    pub(super) async fn server(&self) -> Result<&Client, Failed> {
        self.server.get_or_try_init(|| Client::connect(&self.place)).await
    }

    /// The harness of new sessions.
    pub(super) async fn harness(&self) -> Result<HarnessInfo, RpcError> {
        let server = self.server().await?;
        let found = match &self.wanted.harness {
            Some(id) => server.patiently(async |server| server.harness(id).await).await?,
            None => {
                let all = server.patiently(async |server| server.harnesses().await).await?;
                let found = all.into_iter().find(|info| info.default);
                found.ok_or_else(|| Failed::new("the server has no default harness").hint("name one with --harness"))?
            }
        };
        usable(found)
    }

    /// The harness of a mission.
    pub(super) async fn harness_of(&self, id: &PluginId) -> Result<HarnessInfo, RpcError> {
        usable(self.server().await?.patiently(async |server| server.harness(id).await).await?)
    }

    /// The name of the workspace of new sessions in a directory.
    pub(super) fn workspace(&self, directory: &Path) -> WorkspaceName {
        self.wanted.workspace.clone().unwrap_or_else(|| workspace::name_of(directory))
    }

    /// A mission is worked on here.
    pub(super) fn works_on(&self, mission: MissionId) {
        self.missions.lock().unwrap_or_else(PoisonError::into_inner).insert(mission);
    }

    /// The editor has gone. What a server elsewhere does goes on; turns of a server in this process are interrupted, as
    /// nobody would hear their end.
    pub(super) async fn leave(self: std::sync::Arc<Self>) {
        let Some(face) = std::sync::Arc::into_inner(self) else { return };
        let Some(server) = face.server.into_inner() else { return };
        if server.is_embedded() {
            let until = Instant::now() + LAST_TURNS;
            for mission in face.missions.into_inner().unwrap_or_else(PoisonError::into_inner) {
                // A turn that is over by now, or a mission that is gone, is what is wanted.
                let _ = server.interrupt_mission(mission).await;
                while server.mission(mission).await.is_ok_and(|mission| mission.state.is_active())
                    && Instant::now() < until
                {
                    tokio::time::sleep(STEP).await;
                }
            }
        }
        server.close().await;
    }
}

fn usable(info: HarnessInfo) -> Result<HarnessInfo, RpcError> {
    match (&info.about, &info.problem) {
        (None, Some(problem)) => Err(RpcError::failure(&problem.code, &problem.message, problem.hint.as_deref())),
        _ => Ok(info),
    }
}
